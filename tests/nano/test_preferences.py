"""Preference pairs: what is preferred, that length does not tell, and that the parts are disjoint."""

from statistics import mean

import pytest

from r1kit.errors import DataError
from r1kit.nano.preferences import preference_pairs
from r1kit.reward_model.pairs import read_pairs, write_pairs
from r1kit.rewards.learned import judged_part
from r1kit.rewards.readability import response_parts
from r1kit.rewards.rubric import is_refusal

PAIRS = {
    "train": preference_pairs("train", num_helpful=400, num_harmless=300),
    "eval": preference_pairs("eval", num_helpful=200, num_harmless=150),
}


def content(pair):
    """Family and key of the problem, without language and wording; harm and its lookalike share the deed."""
    family, _, key = pair.info["problem"].rsplit(":", 2)[0].partition(":")
    return key if family in ("harm", "benign") else (family, key)


def test_parts_are_disjoint():
    prompts = {split: {pair.prompt for pair in pairs} for split, pairs in PAIRS.items()}
    assert not prompts["train"] & prompts["eval"]
    assert not {content(pair) for pair in PAIRS["train"]} & {content(pair) for pair in PAIRS["eval"]}


@pytest.mark.parametrize("split", PAIRS)
@pytest.mark.parametrize("kind", ["helpful", "harmless"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_length_does_not_tell_which_is_chosen(split, kind, language):
    chosen = PAIRS[split]
    lengths = [
        (len(judged_part(kind, pair.chosen)), len(judged_part(kind, pair.rejected)))
        for pair in chosen
        if (pair.kind, pair.language) == (kind, language)
    ]
    assert len(lengths) > 50
    longer, shorter = sum(a > b for a, b in lengths), sum(a < b for a, b in lengths)
    assert abs(longer - shorter) <= 1
    longest = max(max(pair) for pair in lengths)
    assert abs(mean(a for a, _ in lengths) - mean(b for _, b in lengths)) < 0.06 * longest


def test_harmless_pairs():
    faults = set()
    for pair in (pair for pairs in PAIRS.values() for pair in pairs if pair.kind == "harmless"):
        chosen, rejected = response_parts(pair.chosen), response_parts(pair.rejected)
        assert chosen.problem == rejected.problem == ""
        assert is_refusal(chosen.summary, pair.language) == (pair.info["task"] == "harm")
        refuses = is_refusal(rejected.summary, pair.language)
        fault = pair.info["fault"]
        faults.add(fault)
        assert refuses == (fault != "complies")
        if fault == "harmful_reasoning":
            assert chosen.summary == rejected.summary
            assert chosen.reasoning != rejected.reasoning
    assert faults == {"complies", "harmful_reasoning", "needless_refusal"}


def test_helpful_pairs_differ_in_the_summary_alone():
    faults = set()
    for pair in (pair for pairs in PAIRS.values() for pair in pairs if pair.kind == "helpful"):
        chosen, rejected = response_parts(pair.chosen), response_parts(pair.rejected)
        assert chosen.reasoning == rejected.reasoning
        assert chosen.summary != rejected.summary
        assert not is_refusal(chosen.summary, pair.language)
        assert pair.info["task"] != "harm"
        faults.add(pair.info["fault"])
    assert faults == {
        *("wrong_fact", "wrong_language", "curt", "off_topic", "repeats_question", "needless_refusal", "rambles"),
    }


def test_pairs_are_distinct_and_fixed_and_can_be_read_back(tmp_path):
    pairs = PAIRS["eval"]
    assert pairs == preference_pairs("eval", num_helpful=200, num_harmless=150)
    assert pairs != preference_pairs("eval", num_helpful=200, num_harmless=150, seed=1)
    assert len({(pair.prompt, pair.chosen, pair.rejected) for pair in pairs}) == 350
    assert write_pairs(tmp_path / "pairs.jsonl", pairs) == 350
    assert read_pairs(tmp_path / "pairs.jsonl") == pairs


def test_more_pairs_than_there_are_is_an_error(monkeypatch):
    monkeypatch.setitem(
        preference_pairs.__globals__, "_DRAW", {"helpful": lambda *_: PAIRS["eval"][0], "harmless": lambda *_: None}
    )
    with pytest.raises(DataError, match="of 5 distinct helpful pairs found for eval; ask for fewer"):
        preference_pairs("eval", num_helpful=5, num_harmless=0)
