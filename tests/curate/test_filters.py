"""Each filter on a hand-made sample that it alone drops, and that counts always add up."""

import random

import pytest

from r1kit.config import parse_config
from r1kit.curate.candidates import Candidate
from r1kit.curate.config import FILTER_NAMES, FilterConfig
from r1kit.curate.filters import FILTERS, apply_filters
from r1kit.curate.layout import readable_response
from r1kit.errors import ConfigError
from r1kit.sft.data import Example
from r1kit.types import Score

GOOD = readable_response("First 3 + 4 = 7. So it is seven.", "The answer is **7**.")
RIGHT = Score(value=1.0, reason="correct")


@pytest.fixture
def candidate(add):
    def make(response=GOOD, *, id="1", problem=None, score=RIGHT, **fields):
        problem = problem or add(3, 4)
        example = Example(
            id=id,
            prompt=problem.prompt,
            response=response,
            task=problem.task,
            language=problem.language,
            source="test",
        )
        return Candidate(example=example, problem=problem, score=score, **fields)

    return make


def dropped(candidates, evaluation_prompts=(), **config):
    kept, counts = apply_filters(
        candidates, FilterConfig(**config), stage="test", evaluation_prompts=evaluation_prompts
    )
    assert counts.stages["test"].num_in == len(candidates)
    assert counts.stages["test"].num_kept == len(kept)
    return dict(counts.stages["test"].dropped)


def test_a_good_sample_passes_all(candidate):
    assert dropped([candidate()]) == {}


@pytest.mark.parametrize(
    ("reason", "fields"),
    [
        ("truncated", {"is_truncated": True}),
        ("bad_format", {"broken": "no 'The answer is'"}),
        ("bad_format", {"response": "3 + 4 = 7. The answer is **7**."}),
        ("bad_format", {"response": GOOD + " |special_token| again"}),
        ("bad_format", {"response": readable_response("", "The answer is **7**.")}),
        ("bad_format", {"response": " |special_token| 3 + 4 = 7. The answer is **7**."}),
        ("bad_format", {"response": readable_response("<think> 3 + 4 = 7.", "The answer is **7**.")}),
        ("missing_summary", {"response": readable_response("3 + 4 = 7.", "")}),
        ("unjudged", {"score": None}),
        ("unjudged", {"score": Score(value=None, reason="timeout")}),
        ("not_correct", {"score": Score(value=0.0, reason="wrong")}),
        ("not_correct", {"score": Score(value=0.9, reason="in part")}),
        ("mixed_language", {"response": readable_response("First we 先算再算然后得到七", "The answer is **7**.")}),
        ("long_paragraph", {"response": readable_response("word " * 321, "The answer is **7**.")}),
        ("code_block", {"response": readable_response("So:\n```\n3 + 4\n```\ndone", "The answer is **7**.")}),
        ("open_delimiter", {"response": readable_response("So $$3 + 4 is seven", "The answer is **7**.")}),
        ("not_highlighted", {"response": readable_response("So it is seven.", "The answer\nis seven")}),
        ("too_long", {"response": readable_response("word word\n\n" * 4000, "The answer is **7**.")}),
    ],
)
def test_each_filter_drops_its_own(candidate, reason, fields):
    assert dropped([candidate(**fields)]) == {reason: 1}
    others = [name for name in FILTER_NAMES if name != reason]
    if reason not in {"bad_format", "missing_summary"}:  # a broken layout has other faults too
        assert dropped([candidate(**fields)], names=others) == {}


def test_the_first_filter_that_drops_is_the_one_that_counts(candidate):
    broken = candidate(is_truncated=True, broken="no answer", score=None)
    assert dropped([broken]) == {"truncated": 1}
    assert dropped([broken], names=["unjudged", "truncated"]) == {"unjudged": 1}


def test_a_better_score_than_asked_for_is_correct(candidate):
    assert dropped([candidate(score=Score(value=1.7, reason="accuracy and language"))]) == {}
    assert dropped([candidate(score=Score(value=0.6, reason="rubric"))], min_value=0.5) == {}


def test_code_is_allowed_where_code_is_asked_for(candidate, add):
    problem = add(3, 4, verifier="code")
    response = readable_response("Try:\n```python\nf = 1\n```\nSo it works.", "```python\nf = 1\n```")
    assert dropped([candidate(response, problem=problem)]) == {}
    assert dropped([candidate(response)]) == {"code_block": 1}


def test_a_general_prompt_needs_no_reasoning_but_a_reasoning_prompt_does(candidate, add):
    general = add(3, 4, info={"scenario": "helpful"}, verifier="rubric")
    assert dropped([candidate(" Hello!", problem=general)]) == {}
    assert dropped([candidate(" Hello!")]) == {"bad_format": 1}


def test_the_language_is_the_problems(candidate, add):
    response = readable_response("先算 3 + 4 = 7。所以得到七。", "答案是 **7**。")
    assert dropped([candidate(response, problem=add(3, 4, language="zh"))]) == {}
    assert dropped([candidate(response)]) == {"mixed_language": 1}


@pytest.mark.parametrize("thought", ["red is 红色的. park is 公园.", "红色的是红色，公园是地方。"])
def test_families_that_need_two_languages_may_mix_them(candidate, add, thought):
    response = readable_response(thought, "红色的公园")
    assert dropped([candidate(response, problem=add(3, 4, task="translate"))]) == {}
    assert dropped([candidate(response)]) == {"mixed_language": 1}
    assert dropped([candidate(response, problem=add(3, 4, info={"bilingual": True}))]) == {}


def test_of_duplicates_the_first_is_kept_and_white_space_does_not_count(candidate, add):
    same = [candidate(id="1"), candidate(GOOD.replace(" ", "  ") + "\n", id="2"), candidate(id="3", problem=add(4, 3))]
    kept, counts = apply_filters(same, FilterConfig(), stage="test")
    assert [one.example.id for one in kept] == ["1", "3"]
    assert counts.stages["test"].dropped == {"duplicate": 1}


def test_near_duplicates_are_responses_to_one_prompt_with_nearly_the_same_words(candidate, add):
    # 20 words have 19 bigrams; another last word changes one of them: 18 / 20 = 0.9
    text = " ".join(f"w{chr(97 + i)}" for i in range(19))
    near = [
        candidate(f"{text} end", id="1"),
        candidate(f"{text} fin", id="2"),
        candidate(f"{text} fin", id="3", problem=add(4, 3)),
    ]
    config = {"names": ["near_duplicate"], "near_duplicate_words": 2}
    assert dropped(near, near_duplicate_overlap=0.9, **config) == {"near_duplicate": 1}
    assert dropped(near, near_duplicate_overlap=0.91, **config) == {}


def test_near_duplicates_are_compared_with_what_is_kept_only(candidate):
    # b is near a, c is near b but not near a: a and c stay
    chain = [candidate(text, id=text) for text in ("p q r s", "q r s t", "r s t u")]
    config = {"names": ["near_duplicate"], "near_duplicate_words": 1, "near_duplicate_overlap": 0.6}
    kept, _ = apply_filters(chain, FilterConfig(**config), stage="test")
    assert [one.example.id for one in kept] == ["p q r s", "r s t u"]  # 3/5 with b; 2/6 with each other


def test_evaluation_prompts_are_kept_out(candidate, add):
    sums = [candidate(id="1"), candidate(id="2", problem=add(30, 4))]
    assert dropped(sums, ["compute 3+4"]) == {"contaminated": 1}
    assert dropped(sums, ["compute 3+4"], names=["truncated"]) == {}
    assert dropped(sums) == {}
    assert dropped(sums, ["compute 3 + 44"], contamination_words=2, contamination_overlap=0.1) == {}


def test_counts_add_up_whatever_comes_in(candidate, add):
    draw = random.Random(0)
    responses = [GOOD, "no layout", readable_response("a", ""), readable_response("先 b 算", "x"), GOOD + "\n"]
    scores = [None, RIGHT, Score(value=0.0, reason=""), Score(value=None, reason="")]
    for _ in range(50):
        candidates = [
            candidate(
                draw.choice(responses),
                id=str(i),
                problem=add(3, draw.randint(4, 6)),
                score=draw.choice(scores),
                is_truncated=draw.random() < 0.1,
            )
            for i in range(draw.randint(0, 20))
        ]
        names = draw.sample(FILTER_NAMES, draw.randint(0, len(FILTER_NAMES)))
        total = sum(dropped(candidates, ["compute 3 + 5"], names=names).values())
        kept, _ = apply_filters(
            candidates, FilterConfig(names=names), stage="test", evaluation_prompts=["compute 3 + 5"]
        )
        assert total + len(kept) == len(candidates)
        ids = [int(one.example.id) for one in kept]
        assert ids == sorted(ids)


def test_filters_are_named_once_and_known():
    assert tuple(FILTERS) == FILTER_NAMES
    with pytest.raises(ConfigError, match=r"unknown filter 'too_lang'; known: .* Did you mean 'too_long'"):
        parse_config(FilterConfig, {"names": ["too_lang"]}, where="test")
    with pytest.raises(ConfigError, match="a filter is named twice"):
        parse_config(FilterConfig, {"names": ["truncated", "truncated"]}, where="test")
