import pytest
from tiny import byte_tokenizer

from r1kit.curate.config import ChoiceConfig, DrawConfig, RejectConfig
from r1kit.curate.reject import rejection_sample
from r1kit.engines.fake import FakeEngine
from r1kit.errors import DataError, RewardError
from r1kit.rewards.generative import GenerativeVerifier, Judge

T = "|special_token|"


def says(reasoning, answer):
    return f" {T} {reasoning} {T} The answer is **{answer}**."


ANSWERS = {
    "Compute 3 + 4": [
        says("So 3 + 4 = 7.", 7),
        says("So 3 + 4 = 8.", 8),
        f" {T} 3 + 4 = 7. {T}",
        says("Then 3 + 4 = 7, which is the sum.", 7),
    ],
    "Compute 1 + 1": [says("So 1 + 1 = 3.", 3), " 1 + 1 = 2", says("So.", "?"), says("x " * 150, 2)],
    "Compute 2 + 2": [says("先算 2 + 2 得 4", 4), says("So 2 + 2 = 5.", 5)],
}
DRAW = DrawConfig(max_new_tokens=200)


def test_correct_and_readable_ones_are_kept_and_the_others_counted(add, reward, answering):
    engine, tokenizer = answering(ANSWERS)
    problems = [add(3, 4), add(1, 1), add(2, 2)]
    config = RejectConfig(num_samples=4, draw=DRAW)
    examples, counts = rejection_sample(engine, tokenizer, problems, reward, config, seed=0)
    assert [(example.id, example.response) for example in examples] == [
        ("3+4:en:rejection:0", says("So 3 + 4 = 7.", 7)),
        ("3+4:en:rejection:3", says("Then 3 + 4 = 7, which is the sum.", 7)),
    ]
    assert counts.stages["rejection"].num_in == 12
    assert list(counts.stages["rejection"].dropped.items()) == [
        *(("truncated", 1), ("bad_format", 1), ("missing_summary", 1), ("unjudged", 1), ("not_correct", 4)),
        ("mixed_language", 2),
    ]
    assert counts.stages["rejection_chosen"].dropped == {}
    prompts = counts.stages["rejection_prompts"]
    assert (prompts.num_in, prompts.num_kept, prompts.unit) == (3, 1, "prompts")
    assert prompts.dropped == {"no_correct_sample": 1, "no_readable_sample": 1}
    assert engine.prompts[0] == "User: Compute 3 + 4\nAssistant:"


def test_one_is_chosen_by_the_rule(add, reward, answering):
    engine, tokenizer = answering(ANSWERS)
    config = RejectConfig(num_samples=4, draw=DRAW, choice=ChoiceConfig(max_per_problem=1, choose="shortest"))
    examples, counts = rejection_sample(engine, tokenizer, [add(3, 4)], reward, config, seed=0)
    assert [example.id for example in examples] == ["3+4:en:rejection:0"]
    assert counts.stages["rejection_chosen"].dropped == {"not_chosen": 1}


def test_nothing_correct_is_an_error_with_the_counts(add, reward, answering):
    engine, tokenizer = answering(ANSWERS)
    message = (
        r"^rejection sampling: none of 4 samples was kept "
        r"\(truncated 1, bad_format 1, unjudged 1, not_correct 1\); sample more \(num_samples\)"
    )
    with pytest.raises(DataError, match=message):
        rejection_sample(engine, tokenizer, [add(1, 1)], reward, RejectConfig(num_samples=4, draw=DRAW), seed=0)


CHAT = "{% for m in messages %}{{ m.content }}{% endfor %}"


def judge_that_says(answers):
    """A judge whose reply depends on which of the texts its message holds."""
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = CHAT

    def say(prompt, g, seed):
        message = tokenizer.decode(prompt)
        return next(reply for text, reply in answers.items() if text in message)

    return GenerativeVerifier(Judge(FakeEngine(tokenizer, say), tokenizer))


def test_the_judge_is_asked_where_there_is_no_rule(add, reward, answering):
    named = {
        "Who wrote Hamlet?": [
            f" {T} It is a play of his. {T} **William Shakespeare**",
            f" {T} I say CORRECT here. {T} **Marlowe**",
            f" {T} Was it he? {T} **Kyd**",
        ],
        "Compute 3 + 4": ANSWERS["Compute 3 + 4"],
    }
    engine, tokenizer = answering(named)
    hamlet = add(0, 0, id="hamlet", prompt="Who wrote Hamlet?", answer="Shakespeare", verifier="judge", task="facts")
    judge = judge_that_says({"William": "The same.\nCORRECT", "Marlowe": "Another.\nINCORRECT", "Kyd": "Hm."})
    config = RejectConfig(num_samples=3, draw=DRAW)
    examples, counts = rejection_sample(
        engine, tokenizer, [hamlet, add(3, 4)], reward, config, seed=0, judge=judge, max_unjudged_rate=0.4
    )
    assert [example.id for example in examples] == ["hamlet:rejection:0", "3+4:en:rejection:0"]
    assert examples[0].info["verdict"] == "judge: CORRECT"
    assert counts.stages["rejection"].dropped == {"missing_summary": 1, "unjudged": 1, "not_correct": 2}
    assert not any("Hamlet" in text or "Shakespeare" in text for text in reward.judged)


def test_a_judge_that_says_nothing_does_not_hide_behind_rules(add, reward, answering):
    engine, tokenizer = answering({"Who?": [f" {T} x {T} **he**"] * 2, "Compute 3 + 4": ANSWERS["Compute 3 + 4"]})
    who = add(0, 0, id="who", prompt="Who?", answer="she", verifier="judge")
    config = RejectConfig(num_samples=2, draw=DRAW)
    judge = judge_that_says({"he": "Hm."})
    with pytest.raises(RewardError, match=r"^the judge: 2 of 2 completions could not be judged \(100%, allowed 10%\)"):
        rejection_sample(engine, tokenizer, [who, add(3, 4)], reward, config, seed=0, judge=judge)


def test_a_problem_for_a_judge_without_a_judge(add, reward, answering):
    engine, tokenizer = answering({"Who?": [f" {T} x {T} **he**"]})
    problem = add(0, 0, id="who", prompt="Who?", answer="she", verifier="judge")
    with pytest.raises(DataError, match=r"problem 'who': verifier 'judge' needs a judge, and none was given"):
        rejection_sample(engine, tokenizer, [problem], reward, RejectConfig(num_samples=1, draw=DRAW), seed=0)
