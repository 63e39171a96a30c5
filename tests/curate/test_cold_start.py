"""Each collector on completions written by hand, with the exact counts of what is dropped."""

import pytest

from r1kit.curate.cold_start import collect_direct, collect_few_shot, collect_zero, merge
from r1kit.curate.config import ChoiceConfig, DirectConfig, DrawConfig, FewShotConfig, ZeroOutputsConfig
from r1kit.curate.counts import StageCounts
from r1kit.curate.prompts import Shot
from r1kit.errors import DataError
from r1kit.sft.data import Example
from r1kit.tasks.templates import r1_zero_prompt
from r1kit.types import Score

SHOTS = [
    Shot(question="Compute 1 + 1", thought="1 + 1 = 2.", answer="2", task="chain"),
    Shot(question="计算 1 + 1", thought="1 + 1 = 2。", answer="2", task="chain", language="zh"),
]
WORKED = {
    "Compute 3 + 4": [
        " 3 + 4 = 7. The answer is 7.\nQuestion: Compute 9 + 9",
        " 3 + 4 = 8. The answer is 8.",
        " It is hard to say.",
        " 3 + 4 = 7. Let me check. " + "3 + 4 = 7. " * 12 + "The answer is 7.",
    ],
    "计算 2 + 2": [
        " 先算 we add the two numbers 2 + 2 = 4。 答案是 4。",
        " 2 + 2 = 4。 答案是 ?。",
        " 先算 2 + 2 = 4。 答案是 4。",
        " 先算  2 + 2 = 4。 答案是  4。\n问题：",
    ],
}
DRAW = DrawConfig(max_new_tokens=100)


def test_few_shot(add, reward, answering):
    engine, tokenizer = answering(WORKED)
    problems = [add(2, 2, language="zh"), add(3, 4)]
    config = FewShotConfig(num_shots=1, num_samples=4, draw=DRAW)
    examples, counts = collect_few_shot(engine, tokenizer, problems, SHOTS, reward, config, seed=1)
    assert [(example.id, example.response) for example in examples] == [
        ("2+2:zh:few_shot:2", " |special_token| 先算 2 + 2 = 4。 |special_token| 答案是 **4**。"),
        ("3+4:en:few_shot:0", " |special_token| 3 + 4 = 7. |special_token| The answer is **7**."),
    ]
    assert counts.stages["few_shot"].num_in == 8
    assert list(counts.stages["few_shot"].dropped.items()) == [
        *(("truncated", 1), ("bad_format", 1), ("unjudged", 1), ("not_correct", 1)),
        *(("mixed_language", 1), ("duplicate", 1)),
    ]
    assert counts.stages["few_shot_chosen"].num_in == counts.stages["few_shot_chosen"].num_kept == 2
    assert examples[1].prompt == "Compute 3 + 4"
    assert (examples[0].language, examples[0].task, examples[0].source) == ("zh", "chain", "few_shot")
    assert examples[1].info == {
        **{"problem": "3+4:en", "policy_version": 0, "verdict": "compared", "value": 1.0, "parsed": "7"},
    }
    shot = "Question: Compute 1 + 1\nAnswer: 1 + 1 = 2. The answer is 2.\n\n"
    assert f"{shot}Question: Compute 3 + 4\nAnswer:" in engine.prompts
    assert len(reward.judged) == 6  # neither the truncated nor the unreadable one


def test_few_shot_takes_one_a_problem(add, reward, answering):
    engine, tokenizer = answering({"Compute 3 + 4": [f" {word} 3 + 4 = 7. The answer is 7." for word in ("a", "so")]})
    config = FewShotConfig(num_shots=1, num_samples=2, choice=ChoiceConfig(max_per_problem=1, choose="shortest"))
    examples, counts = collect_few_shot(engine, tokenizer, [add(3, 4)], SHOTS, reward, config, seed=0)
    assert [example.id for example in examples] == ["3+4:en:few_shot:0"]
    assert counts.stages["few_shot"].dropped == {}
    assert counts.stages["few_shot_chosen"].dropped == {"not_chosen": 1}
    assert counts.stages["few_shot_chosen"].goes_to == "cold_start_data"


def test_few_shot_without_shots_of_a_language(add, reward, answering):
    engine, tokenizer = answering(WORKED)
    with pytest.raises(DataError, match="1 worked examples in language 'zh', num_shots is 2"):
        collect_few_shot(
            engine, tokenizer, [add(2, 2, language="zh")], SHOTS, reward, FewShotConfig(num_shots=2), seed=0
        )


def test_direct_asks_in_a_chat_for_reflection_and_verification(add, reward, answering):
    template = "{% for m in messages %}<{{ m.role }}>{{ m.content }}</{{ m.role }}>{% endfor %}<assistant>"
    answers = {
        "Compute 3 + 4": ["3 + 4 = 7. Let me verify: 7 - 4 = 3. The answer is 7.", "The answer is 7."],
        "Compute 5 + 5": ["5 + 5 = 10. The answer is 10.", "5 + 5 = 11. The answer is 11."],
    }
    engine, tokenizer = answering(answers, chat_template=template)
    config = DirectConfig(num_samples=2, draw=DRAW)
    problems = [add(3, 4), add(5, 5)]
    examples, counts = collect_direct(
        engine, tokenizer, problems, reward, config, seed=1, evaluation_prompts=["Compute 5 + 5"]
    )
    assert [example.response for example in examples] == [
        " |special_token| 3 + 4 = 7. Let me verify: 7 - 4 = 3. |special_token| The answer is **7**."
    ]
    assert counts.stages["direct"].dropped == {"bad_format": 1, "not_correct": 1, "contaminated": 1}
    asked = engine.prompts[0]
    assert asked.startswith("<user>Compute 3 + 4\n\nGive a detailed answer.")
    assert "reflect on each step, and verify the result" in asked
    assert asked.endswith("</user><assistant>")


def test_zero_outputs_become_readable(add, reward, answering):
    answers = {
        "Compute 3 + 4": [
            " <think> 3 + 4 = 7. </think> <answer> 7 </answer>",
            " <think> 3 + 4 = 7. </think> The answer is 7.",
            " <think> 3 + 4 = 8. </think> <answer> 8 </answer>",
            " <think> 先算三加四得到 7. </think> <answer> 7 </answer>",
        ],
        "计算 2 + 2": [" <think> 得 2 + 2 = 4。 </think> <answer> 4 </answer>"],
    }
    engine, tokenizer = answering(answers)
    config = ZeroOutputsConfig(num_samples=4, draw=DRAW)
    problems = [add(3, 4), add(2, 2, language="zh")]
    examples, counts = collect_zero(engine, tokenizer, problems, reward, config, seed=1)
    assert [(example.id, example.response) for example in examples] == [
        ("3+4:en:zero:0", " |special_token| 3 + 4 = 7. |special_token| The answer is **7**."),
        ("2+2:zh:zero:0", " |special_token| 得 2 + 2 = 4。 |special_token| 答案是 **4**。"),
    ]
    assert counts.stages["zero"].num_in == 8
    assert counts.stages["zero"].dropped == {"bad_format": 1, "not_correct": 1, "mixed_language": 1, "duplicate": 3}
    assert engine.prompts[0] == r1_zero_prompt("Compute 3 + 4")


def test_zero_outputs_without_blocks_are_reasoning_as_a_whole(add, reward, answering):
    engine, tokenizer = answering({"Compute 3 + 4": ["3 + 4 = 7", "Hm.", "3 + 4 = 8", "3 and 4 make 7"]})
    config = ZeroOutputsConfig(num_samples=4, draw=DRAW, choice=ChoiceConfig(max_per_problem=4))
    examples, counts = collect_zero(engine, tokenizer, [add(3, 4)], reward, config, seed=1, template="plain")
    assert [example.response for example in examples] == [
        " |special_token| 3 + 4 = 7 |special_token| The answer is **7**.",
        " |special_token| 3 and 4 make 7 |special_token| The answer is **7**.",
    ]
    assert counts.stages["zero"].dropped == {"bad_format": 1, "not_correct": 1}


def test_code_becomes_a_block(add, answering):
    class RunsIt:
        name = "accuracy"

        def score(self, rollouts):
            return [Score(value=1.0, reason="1 of 1 tests", parsed=None) for _ in rollouts]

    program = "def f(a):\n    return a + 1"
    engine, tokenizer = answering({"Write f": [f" Add one.\n```python\n{program}\n```"]})
    problem = add(3, 4, id="f", prompt="Write f", verifier="code", task="code")
    shot = Shot(question="Write g", thought="Nothing.", answer="```python\ndef g(): ...\n```", task="code")
    config = FewShotConfig(num_shots=1, num_samples=1, draw=DRAW)
    examples, _ = collect_few_shot(engine, tokenizer, [problem], [shot], RunsIt(), config, seed=1)
    assert examples[0].response == f" |special_token| Add one. |special_token| ```python\n{program}\n```"
    assert engine.prompts == [
        "Question: Write g\nAnswer: Nothing.\n```python\ndef g(): ...\n```\n\nQuestion: Write f\nAnswer:"
    ]


def test_the_same_seed_gives_the_same_data(add, reward, answering):
    engine, tokenizer = answering(WORKED)
    problems = [add(2, 2, language="zh"), add(3, 4)]
    config = FewShotConfig(num_shots=1, num_samples=4, draw=DRAW)
    first, second = (collect_few_shot(engine, tokenizer, problems, SHOTS, reward, config, seed=7) for _ in range(2))
    assert first == second


def example(name, response="7", prompt="3 + 4"):
    return Example(id=name, prompt=prompt, response=response, task="sum", source="zero")


def test_what_a_person_reviewed_takes_the_place_of_what_was_collected():
    collected = [example("a"), example("b", "8"), example("c", "9"), example("d"), example("e", prompt="4 + 3")]
    data, counts = merge(collected, [example("b", "seven")], [example("c", "9")])
    assert [(each.id, each.response) for each in data] == [("b", "seven"), ("a", "7"), ("e", "7")]
    assert counts.stages["human"] == StageCounts(
        num_in=2, dropped={"dropped_by_reviewer": 1}, goes_to="cold_start_data"
    )
    steps = counts.stages["cold_start_data"]
    assert (steps.num_in, steps.dropped, steps.num_kept) == (6, {"reviewed": 2, "duplicate": 1}, len(data))
    assert list(merge(collected)[1].stages) == ["cold_start_data"]
