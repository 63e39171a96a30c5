import pytest

from r1kit.config import parse_config
from r1kit.curate.config import DrawConfig, NonReasoningConfig
from r1kit.curate.counts import PROMPTS
from r1kit.curate.non_reasoning import collect_non_reasoning
from r1kit.curate.prompts import Shot
from r1kit.errors import ConfigError, DataError

SHOTS = [
    Shot(question="Translate: dog", thought="I know the word.", answer="狗", task="translate"),
    Shot(question="翻译：狗", thought="我知道这个词。", answer="dog", task="translate", language="zh"),
]
THOUGHTS = {
    "hello": ["never asked"],
    "Translate: cat": [" cat is 猫.\n\nQuestion: more", " A cat is an animal, so I name it."],
    "Write about a cat": [" ", " " + "long " * 40],
    "Write about a dog": [" The word 狗 我们 都 知道", " I need a dog."],
    "翻译：猫": [" 这是一种动物。", " 猫是动物。"],
}
T = "|special_token|"


@pytest.fixture
def problems(add):
    def general(id, prompt, answer, task, language="en"):
        info = {"scenario": "helpful"}
        return add(
            0, 0, id=id, prompt=prompt, answer=answer, task=task, language=language, verifier="rubric", info=info
        )

    return [
        general("hello", "hello", "Hello! How can I help?", "greeting"),
        general("cat", "Translate: cat", "猫", "translate"),
        general("write", "Write about a cat", "The cat sleeps.", "write"),
        general("mao", "翻译：猫", "cat", "translate", "zh"),
        general("dog", "Write about a dog", "The dog sleeps.", "write"),
    ]


def collect(answering, problems, **settings):
    engine, tokenizer = answering(THOUGHTS)
    config = NonReasoningConfig(num_shots=1, num_samples=2, draw=DrawConfig(max_new_tokens=100), **settings)
    examples, counts = collect_non_reasoning(engine, tokenizer, problems, SHOTS, config, seed=0)
    return engine, examples, counts


def test_thoughts_where_the_route_says_so(answering, problems):
    engine, examples, counts = collect(answering, problems)
    assert [(example.id, example.response) for example in examples] == [
        ("hello:non_reasoning", " Hello! How can I help?"),
        ("cat:non_reasoning", f" {T} cat is 猫. {T} 猫"),
        ("write:non_reasoning", " The cat sleeps."),
        ("mao:non_reasoning", f" {T} 这是一种动物。 {T} cat"),
        ("dog:non_reasoning", f" {T} I need a dog. {T} The dog sleeps."),
    ]
    assert [example.info["route"] for example in examples] == ["no_cot", "cot", "cot", "cot", "cot"]
    assert [example.info["has_thought"] for example in examples] == [False, True, False, True, True]
    assert {example.source for example in examples} == {"non_reasoning"}
    assert counts.stages["thoughts"].num_in == 8
    assert counts.stages["thoughts"].dropped == {"truncated": 1, "bad_format": 1, "mixed_language": 1}
    assert counts.stages["thoughts_chosen"].dropped == {"not_chosen": 2}
    assert counts.stages["thoughts_chosen"].num_kept == 3
    assert (counts.stages["non_reasoning"].num_in, counts.stages["non_reasoning"].num_kept) == (5, 5)
    assert not any(prompt.endswith("hello") for prompt in engine.prompts)
    assert "Question: Translate: cat\nAnswer: 猫\nThoughts before the answer:" in engine.prompts[0]


@pytest.mark.parametrize(("when_thought_fails", "reason"), [("plain", "plain_answer"), ("drop", "no_thought")])
def test_routed_prompts_without_a_thought_are_counted(answering, problems, when_thought_fails, reason):
    _, examples, counts = collect(answering, problems, when_thought_fails=when_thought_fails)
    prompts = counts.stages["thought_prompts"]
    assert (prompts.num_in, prompts.dropped, prompts.unit) == (4, {reason: 1}, PROMPTS)
    assert prompts.num_kept == counts.stages["thoughts_chosen"].num_kept
    assert prompts.num_kept == sum(example.info["has_thought"] for example in examples)


def test_without_a_thought_an_example_can_be_dropped_instead(answering, problems):
    _, examples, counts = collect(answering, problems, when_thought_fails="drop")
    assert [example.info["problem"] for example in examples] == ["hello", "cat", "mao", "dog"]
    assert counts.stages["non_reasoning"].dropped == {"no_thought": 1}
    assert counts.stages["non_reasoning"].num_kept == 4
    assert counts.stages["non_reasoning"].goes_to == "mix_non_reasoning"


def test_a_translation_is_thought_about_in_two_languages(answering, problems):
    _, (example,), counts = collect(answering, problems[1:2])
    assert example.response == f" {T} cat is 猫. {T} 猫"
    assert dict(counts.stages["thoughts"].dropped) == {}


def test_duplicates_and_evaluation_prompts_are_dropped(answering, problems, add):
    engine, tokenizer = answering(THOUGHTS)
    hello = problems[0]
    again = add(0, 0, id="again", prompt="hello ", answer=hello.answer, task="greeting", info=hello.info)
    examples, counts = collect_non_reasoning(
        engine,
        tokenizer,
        [hello, again, problems[2]],
        SHOTS,
        NonReasoningConfig(num_shots=1),
        seed=0,
        evaluation_prompts=["write about a cat"],
    )
    assert [example.id for example in examples] == ["hello:non_reasoning"]
    assert counts.stages["non_reasoning"].dropped == {"contaminated": 1, "duplicate": 1}


def test_simple_prompts_alone_ask_no_engine(answering, problems):
    engine, examples, counts = collect(answering, problems[:1])
    assert engine.prompts == []
    assert counts.stages["thoughts"].num_in == 0
    assert (counts.stages["thought_prompts"].num_in, counts.stages["thought_prompts"].num_kept) == (0, 0)
    assert len(examples) == 1


def test_a_problem_without_an_answer(answering, add):
    with pytest.raises(DataError, match=r"problem '1\+2:en' has no answer"):
        collect(answering, [add(1, 2, answer=" ")])


def test_given_answers_are_not_judged():
    with pytest.raises(ConfigError, match=r"filters.names has 'not_correct', but given answers are not judged"):
        parse_config(NonReasoningConfig, {"filters": {"names": ["not_correct"]}}, where="test")
