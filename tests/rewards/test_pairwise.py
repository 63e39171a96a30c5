import pytest

from r1kit.rewards.pairwise import Pair, PairVerdict, judge_pairs
from rewards.judges import scripted_judge

PAIRS = [Pair(question="3 + 4?", response_A="seven", response_B="eight")]


def judged(script, pairs=PAIRS, **options):
    return judge_pairs(scripted_judge(script, **options), pairs)


def test_a_judge_that_reads():
    def script(message, sample, seed):
        return f"It is seven.\n{'A' if message.index('seven') < message.index('eight') else 'B'}"

    (verdict,) = judged(script)
    assert verdict == PairVerdict(as_given="A", swapped="A", reason="A first: A; B first: B")
    assert verdict.winner == "A"
    swapped = Pair(question="3 + 4?", response_A="eight", response_B="seven")
    assert [v.winner for v in judged(script, [swapped, *PAIRS])] == ["B", "A"]


@pytest.mark.parametrize(("says", "as_given", "swapped"), [("A", "A", "B"), ("B", "B", "A"), ("Both", None, None)])
def test_a_judge_that_does_not_read_has_no_winner(says, as_given, swapped):
    (verdict,) = judged(lambda message, sample, seed: says)
    assert (verdict.as_given, verdict.swapped, verdict.winner) == (as_given, swapped, None)


def test_votes_are_counted_in_each_order():
    texts = ["A", "A", "B"]
    (verdict,) = judged(lambda message, sample, seed: texts[sample], num_votes=3)
    assert (verdict.as_given, verdict.swapped) == ("A", "B")
    assert verdict.reason == "A first: 2 of 3 votes A; 1 of 3 votes B; B first: 2 of 3 votes A; 1 of 3 votes B"
    assert judged(lambda message, sample, seed: "A", []) == []


def test_each_order_shows_the_responses_at_their_places():
    seen = []

    def script(message, sample, seed):
        seen.append(message)
        return "A"

    judged(script)
    assert len(seen) == 2
    for message, first, second in zip(seen, ("seven", "eight"), ("eight", "seven"), strict=True):
        head, _, tail = message.partition("<response_B-")
        assert first in head
        assert second not in head
        assert second in tail
