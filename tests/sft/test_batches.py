"""From examples to batches, worked out by hand on bytes."""

from collections import Counter
from itertools import pairwise

import pytest
from tiny import EOS_ID, byte_tokenizer

from r1kit.errors import DataError
from r1kit.sft.batches import Batches, TokenizedExample, held_out_ids, token_groups, tokenize
from r1kit.sft.data import Example
from r1kit.tasks.templates import TEMPLATES


def example(id, prompt="Q", response=" R"):
    return Example(id=id, prompt=prompt, response=response, task="t", source="s")


def tokenized(examples, max_tokens=100, too_long="error"):
    return tokenize(
        examples, byte_tokenizer(), TEMPLATES["readable"], max_tokens=max_tokens, too_long=too_long, where="d.jsonl"
    )


def test_an_example_is_the_prompt_and_the_response_with_its_end_token():
    (one,) = tokenized([example("a", "é", " ok")]).examples
    assert bytes(one.prompt).decode() == "User: é\nAssistant:"
    assert list(one.completion) == [32, ord("o"), ord("k"), EOS_ID]


def test_too_long_is_an_error_or_dropped():
    # "User: Q\nAssistant:" has 18 bytes; " R" two, and the end token.
    examples = [example("a"), example("b", response=" RR"), example("c", response=" R")]
    assert tokenized(examples, 22).num_dropped == 0
    with pytest.raises(DataError, match=r"d\.jsonl: example 'b' has 22 tokens .* and 21 are allowed; .*too_long"):
        tokenized(examples, 21)
    result = tokenized(examples, 21, "drop")
    assert (result.num_dropped, [e.id for e in result.examples]) == (1, ["a", "c"])
    with pytest.raises(DataError, match="all 3 examples have more than the allowed 20 tokens"):
        tokenized(examples, 20, "drop")


def test_an_end_token_written_out_in_a_response_is_refused():
    with pytest.raises(DataError, match=r"the response of example 'a' has the special token '<eos>' in it"):
        tokenized([example("a", response="7<eos> and more")])


def test_responses_to_one_prompt_share_a_group():
    a, b, c = (
        TokenizedExample("a", (1, 2), [3]),
        TokenizedExample("b", (9,), [4]),
        TokenizedExample("c", (1, 2), [5, 6]),
    )
    groups = token_groups([a, b, c])
    assert [(group.prompt, group.completions) for group in groups] == [((1, 2), [[3], [5, 6]]), ((9,), [[4]])]
    assert sum(group.num_tokens for group in groups) == (2 + 1 + 2) + (1 + 1)  # each prompt once


def make_batches(seed=0):
    examples = [TokenizedExample(f"{q}.{r}", (q,), [r]) for q in range(5) for r in range(1 + q % 2)]  # 7 examples
    return Batches(examples, batch_size=3, seed=seed)


def test_an_epoch_goes_once_through_all_examples_in_an_order_of_its_own():
    batches = make_batches()
    assert batches.steps_per_epoch == 3
    epochs = [[batches.of_step(3 * epoch + i) for i in range(3)] for epoch in range(2)]
    for steps in epochs:
        assert [len(step) for step in steps] == [3, 3, 1]
        assert Counter(e.id for step in steps for e in step) == Counter(
            ["0.0", "1.0", "1.1", "2.0", "3.0", "3.1", "4.0"]
        )
        prompts = [e.prompt for step in steps for e in step]
        changes = sum(a != b for a, b in pairwise(prompts))
        assert changes == 4  # five questions, each in one piece
    assert epochs[0] != epochs[1]


def test_a_step_depends_on_seed_and_number_only():
    backwards, forwards = make_batches(), make_batches()
    steps = [forwards.of_step(step) for step in range(6)]
    assert [backwards.of_step(step) for step in reversed(range(6))] == steps[::-1]
    assert [make_batches(seed=1).of_step(step) for step in range(6)] != steps


def test_one_question_is_on_one_side():
    examples = [example(f"{q}.{r}", prompt=f"Question {q}") for q in range(40) for r in range(2)]
    held_out = held_out_ids(examples, 0.25, where="d.jsonl")
    assert 0 < len(held_out) < 80
    sides = {(id.partition(".")[0], id in held_out) for id in (e.id for e in examples)}
    assert len(sides) == 40  # each question is on one side
    assert held_out_ids(examples, 0, where="d.jsonl") == set()
    with pytest.raises(DataError, match=r"d\.jsonl has one question only.*held_out_fraction = 0"):
        held_out_ids(examples[:2], 0.1, where="d.jsonl")
