import pytest

from r1kit.curate.candidates import Candidate
from r1kit.curate.choose import choose, choose_diverse, choose_random, choose_shortest
from r1kit.curate.config import ChoiceConfig
from r1kit.seeding import rng
from r1kit.sft.data import Example

TEXTS = ["a b c d e f", "a b c", "x y z w", "a b c d"]


@pytest.fixture
def candidates(add):
    def make(problem, texts):
        examples = [Example(id=text, prompt="p", response=text, task="t", source="test") for text in texts]
        return [Candidate(example=example, problem=problem) for example in examples]

    return make(add(1, 2), TEXTS) + make(add(3, 4), ["only"])


def test_shortest_and_ties():
    assert choose_shortest(TEXTS, 2, rng(0)) == [1, 2]  # 5 characters, then the first of those with 7
    assert choose_shortest(TEXTS, 9, rng(0)) == [1, 2, 3, 0]


def test_diverse_starts_with_the_shortest_and_goes_far():
    # trigrams: {abc} is chosen; overlaps with it: abcdef 1/4, xyzw 0, abcd 1/2
    assert choose_diverse(TEXTS, 2, rng(0)) == [1, 2]
    assert choose_diverse(TEXTS, 3, rng(0)) == [1, 2, 0]
    assert choose_diverse(TEXTS[:1], 3, rng(0)) == [0]


def test_random_takes_each_as_often():
    counts = [0, 0, 0, 0]
    for seed in range(400):
        for i in choose_random(TEXTS, 2, rng(seed)):
            counts[i] += 1
    assert sum(counts) == 800
    assert all(160 <= count <= 240 for count in counts)  # 200 each, standard deviation 10


@pytest.mark.parametrize(("rule", "ids"), [("shortest", ["a b c", "only"]), ("diverse", ["a b c", "only"])])
def test_at_most_so_many_a_problem(candidates, rule, ids):
    kept, counts = choose(candidates, ChoiceConfig(max_per_problem=1, choose=rule), seed=0, stage="chosen")
    assert [one.example.id for one in kept] == ids
    assert counts.stages["chosen"].dropped == {"not_chosen": 3}
    assert counts.stages["chosen"].num_kept == 2


def test_a_problems_draw_depends_on_its_own_candidates_only(candidates):
    config = ChoiceConfig(max_per_problem=2)
    kept, _ = choose(candidates, config, seed=5, stage="chosen")
    alone, _ = choose(candidates[:4], config, seed=5, stage="chosen")
    assert kept[:2] == alone
    assert choose(candidates, ChoiceConfig(max_per_problem=9), seed=5, stage="chosen")[0] == candidates
