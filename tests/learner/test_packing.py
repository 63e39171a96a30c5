"""Packing: layout worked out by hand, and micro-batches."""

import torch

from r1kit.learner.packing import TokenGroup, cut, pack
from r1kit.models.attention import ROW_MULTIPLE

TWO_GROUPS = [
    TokenGroup(prompt=[10, 11], completions=[[20, 21, 22], [30]]),
    TokenGroup(prompt=[12], completions=[[40, 41]]),
]


def test_row_layout_by_hand():
    batch = pack(TWO_GROUPS)
    # place:                        0   1   2   3   4   5   6   7   8
    row = slice(0, 9)  # behind it, what fills up the row
    assert len(batch.tokens_L) == len(batch.positions_L) == len(batch.layout.place_L) == ROW_MULTIPLE
    assert batch.tokens_L[row].tolist() == [10, 11, 20, 21, 22, 30, 12, 40, 41]
    assert batch.positions_L[row].tolist() == [0, 1, 2, 3, 4, 2, 0, 1, 2]
    layout = batch.layout
    assert layout.prompt_index_NP.tolist() == [[0, 1], [6, 0]]
    assert layout.prompt_mask_NP.tolist() == [[True, True], [True, False]]
    assert layout.completion_index_BT.tolist() == [[2, 3, 4], [5, 0, 0], [7, 8, 0]]
    assert layout.completion_mask_BT.tolist() == [[True] * 3, [True, False, False], [True, True, False]]
    assert layout.group_B.tolist() == [0, 0, 1]
    # The padded blocks, one after the other: prompts 2 x 2 (0..3), completions 3 x 3 (4..12).
    assert layout.place_L[row].tolist() == [0, 1, 4, 5, 6, 7, 2, 10, 11]


def test_first_token_is_predicted_from_the_shared_prompts_last_one():
    batch = pack(TWO_GROUPS)
    assert batch.predictor_BT.tolist() == [[1, 2, 3], [1, 0, 0], [6, 7, 0]]
    assert batch.completions_BT.tolist() == [[20, 21, 22], [30, 0, 0], [40, 41, 0]]


def test_attention_bias_by_hand():
    mask = (pack(TWO_GROUPS).layout.attention_bias(torch.float32)[:, 0] == 0).int().tolist()
    assert mask[0] == [[1, 1, 1, 0, 0], [1, 1, 1, 1, 0], [1, 1, 1, 1, 1]]  # whole prompt, then causal
    assert mask[2] == [[1, 0, 1, 0, 0], [1, 0, 1, 1, 0], [1, 0, 1, 1, 1]]  # the second prompt has one token


def test_cut_keeps_similar_lengths_together_and_holds_the_limit():
    groups = [TokenGroup(prompt=[1], completions=[[2] * n]) for n in (5, 1, 4, 2)]  # 6, 2, 5, 3 tokens
    assert cut(groups, 8) == [[1, 3], [2], [0]]
    assert cut(groups, 100) == [[1, 3, 2, 0]]


def test_a_group_larger_than_the_limit_stands_alone():
    groups = [TokenGroup(prompt=[1], completions=[[2] * 50]), TokenGroup(prompt=[1], completions=[[2]])]
    assert cut(groups, 10) == [[1], [0]]
