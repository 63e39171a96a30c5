"""Packing: layout worked out by hand, and micro-batches."""

import pytest

from r1kit.learner.packing import TokenGroup, cut, pack
from r1kit.models.attention import row_size

TWO_GROUPS = [
    TokenGroup(prompt=[10, 11], completions=[[20, 21, 22], [30]]),
    TokenGroup(prompt=[12], completions=[[40, 41]]),
]


def test_row_layout_by_hand():
    batch = pack(TWO_GROUPS)
    # place:                        0   1   2   3   4   5   6   7   8
    row = slice(0, 9)  # behind it, what fills up the row
    assert len(batch.tokens_L) == len(batch.positions_L) == batch.layout.num_tokens == 16
    assert batch.tokens_L[row].tolist() == [10, 11, 20, 21, 22, 30, 12, 40, 41]
    assert batch.positions_L[row].tolist() == [0, 1, 2, 3, 4, 2, 0, 1, 2]
    prompts, completions = batch.layout.prompts, batch.layout.completions
    assert prompts.lengths_B.tolist() == [2, 1]
    assert prompts.index_BT[:, :3].tolist() == [[0, 1, 15], [6, 15, 15]]
    assert completions.lengths_B.tolist() == [3, 2, 1]  # by falling length
    assert completions.index_BT[:, :4].tolist() == [[2, 3, 4, 15], [7, 8, 15, 15], [5, 15, 15, 15]]
    assert completions.prefix_B.tolist() == [0, 1, 0]
    assert completions.index_BT.shape == (3, 16)


def test_prompts_are_numbered_by_falling_length():
    layout = pack([TWO_GROUPS[1], TWO_GROUPS[0]]).layout
    assert layout.prompts.lengths_B.tolist() == [2, 1]
    assert layout.completions.prefix_B.tolist() == [0, 1, 0]


def test_first_token_is_predicted_from_the_shared_prompts_last_one():
    batch = pack(TWO_GROUPS)
    assert batch.predictor_BT.tolist() == [[1, 2, 3], [1, 0, 0], [6, 7, 0]]
    assert batch.completions_BT.tolist() == [[20, 21, 22], [30, 0, 0], [40, 41, 0]]
    assert batch.mask_BT.int().tolist() == [[1, 1, 1], [1, 0, 0], [1, 1, 0]]


@pytest.mark.parametrize(("num_tokens", "size"), [(0, 16), (15, 16), (16, 32), (511, 512), (512, 544), (2112, 2176)])
def test_a_row_has_an_idle_token_and_few_sizes(num_tokens, size):
    assert row_size(num_tokens) == size


def rows(groups, max_tokens):
    return [micro_batch.rows for micro_batch in cut(groups, max_tokens)]


def test_cut_keeps_similar_lengths_together_and_holds_the_limit():
    groups = [TokenGroup(prompt=[1], completions=[[2] * n]) for n in (5, 1, 4, 2)]  # 6, 2, 5, 3 tokens
    assert rows(groups, 8) == [[1, 3], [2], [0]]
    assert rows(groups, 100) == [[1, 3, 2, 0]]


def test_a_group_larger_than_the_limit_is_split_with_its_prompt():
    large = TokenGroup(prompt=[1, 1], completions=[[2] * 3, [3] * 9, [4] * 8, [5] * 4])  # 2 + 24 tokens
    groups = [large, TokenGroup(prompt=[1], completions=[[6]])]
    # 24 tokens into parts with room for 14: two, of similar lengths each: 3 and 8, 4 and 9.
    assert rows(groups, 16) == [[4, 0, 2], [1, 3]]
    parts = [group for micro_batch in cut(groups, 16) for group in micro_batch.groups]
    assert parts[1:] == [
        TokenGroup(prompt=[1, 1], completions=[[2] * 3, [4] * 8]),
        TokenGroup(prompt=[1, 1], completions=[[3] * 9, [5] * 4]),
    ]
    three = TokenGroup(prompt=[1], completions=[[2] * 6] * 3)  # two parts for 18 tokens, but two do not fit together
    assert rows([three], 11) == [[0], [1], [2]]
    assert rows(groups, 1) == [[4], [0], [3], [2], [1]]  # a completion is never split
