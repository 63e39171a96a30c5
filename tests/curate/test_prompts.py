import pytest

from r1kit.config import parse_config
from r1kit.curate.config import DETAILED_FORMATS, THOUGHT_FORMATS, WORKED_FORMATS, ThoughtFormat, WorkedFormat
from r1kit.curate.prompts import (
    Shot,
    cut_at_stop,
    fill,
    format_for,
    pick_shots,
    read_solution,
    thought_prompt,
    worked_prompt,
)
from r1kit.errors import ConfigError, DataError

SHOTS = [
    Shot(question="Compute 1 + 1", thought="1 + 1 = 2.", answer="2", task="chain"),
    Shot(question="Compute 1 + 2", thought="1 + 2 = 3.", answer="3", task="chain"),
    Shot(question="Tom has 1. He gets 1", thought="1 + 1 = 2.", answer="2", task="word"),
    Shot(question="计算 1 + 1", thought="1 + 1 = 2。", answer="2", task="chain", language="zh"),
]


def test_a_few_shot_prompt_is_this_text():
    text = worked_prompt(WORKED_FORMATS["en"], SHOTS[:1], "Compute 3 + 4")
    expected = "Question: Compute 1 + 1\nAnswer: 1 + 1 = 2. The answer is 2.\n\nQuestion: Compute 3 + 4\nAnswer:"
    assert text == expected
    assert worked_prompt(WORKED_FORMATS["zh"], [], "计算 3 + 4") == "问题：计算 3 + 4\n解答："


def test_a_thought_prompt_is_this_text():
    text = thought_prompt(THOUGHT_FORMATS["en"], SHOTS[:1], "Who are you?", "I am nano.")
    assert text == (
        "Question: Compute 1 + 1\nAnswer: 2\nThoughts before the answer: 1 + 1 = 2.\n\n"
        "Question: Who are you?\nAnswer: I am nano.\nThoughts before the answer:"
    )


def test_a_thought_prompt_may_leave_the_answer_to_the_examples():
    thoughts = ThoughtFormat(prompt="Q: {question}\nA:", solution=" {thought} So: {answer}", separator="\n")
    text = thought_prompt(thoughts, SHOTS[:1], "Who are you?", "I am nano.")
    assert text == "Q: Compute 1 + 1\nA: 1 + 1 = 2. So: 2\nQ: Who are you?\nA:"


def test_what_a_field_holds_is_not_replaced_again():
    assert fill("{a} {b} {c}", a="{b}", b=r"\1") == r"{b} \1 {c}"


@pytest.mark.parametrize("formats", [WORKED_FORMATS, DETAILED_FORMATS])
@pytest.mark.parametrize(("thought", "answer"), [("So 3.5 it is. The answer is near.", "3.5"), ("甲。乙。", "x = 1")])
def test_reading_is_the_inverse_of_writing(formats, thought, answer):
    for worked in formats.values():
        text = fill(worked.solution, thought=thought, answer=answer)
        solution = read_solution(text, worked)
        assert (solution.thought, solution.answer, solution.problem) == (thought, answer, "")


@pytest.mark.parametrize(
    ("text", "thought", "answer", "problem"),
    [
        (" 3 + 4 = 7. The answer is 7.\n\nQuestion: Next", "3 + 4 = 7.", "7", ""),
        (" x. The answer is 6. Wait. The answer is 7. Good.", "x. The answer is 6. Wait.", "7", ""),
        (" x. The answer is 3.5.", "x.", "3.5", ""),
        (" 3 + 4 = 7.", "", "", "no 'The answer is'"),
        (" x. The answer is 7", "", "", "no '.' after the answer"),
        (" The answer is 7.", "", "", "empty thought"),
        (" x. The answer is .", "", "", "empty answer"),
        (" x.\nQuestion: y. The answer is 7.", "", "", "no 'The answer is'"),
    ],
)
def test_completions_as_they_come(text, thought, answer, problem):
    solution = read_solution(text, WORKED_FORMATS["en"])
    assert (solution.thought, solution.answer, solution.problem) == (thought, answer, problem)


def test_a_program_is_read_from_its_block():
    text = " Use a sum.\n```python\ndef f(a):\n    return a\n```\nDone."
    solution = read_solution(text, WORKED_FORMATS["en-code"])
    assert (solution.thought, solution.answer) == ("Use a sum.", "def f(a):\n    return a")


def test_cut_at_the_first_stop():
    assert cut_at_stop("a STOP b END", ["END", "STOP"]) == "a "
    assert cut_at_stop("a", []) == "a"


def test_formats_by_language_and_kind(add):
    assert format_for(WORKED_FORMATS, add(1, 2, verifier="code")) == WORKED_FORMATS["en-code"]
    assert format_for({"en": WORKED_FORMATS["en"]}, add(1, 2, verifier="code")) == WORKED_FORMATS["en"]
    with pytest.raises(DataError, match=r"problem '1\+2:zh': no prompt format for language 'zh'; known: en."):
        format_for({"en": WORKED_FORMATS["en"]}, add(1, 2, language="zh"))


def test_programs_are_shots_for_code_and_for_nothing_else(add):
    program = Shot(question="Write f", thought="One line.", answer="```python\ndef f(): ...\n```", task="chain")
    pool = [*SHOTS, program]
    assert pick_shots(pool, add(3, 4, verifier="code"), 1, seed=0) == [program]
    assert all(program not in pick_shots(pool, add(3, 4), 3, seed=seed) for seed in range(5))
    with pytest.raises(DataError, match="1 worked examples of programs in language 'en', num_shots is 2"):
        pick_shots(pool, add(3, 4, verifier="code"), 2, seed=0)
    text = worked_prompt(WORKED_FORMATS["en-code"], [program], "Write g")
    assert text.startswith("Question: Write f\nAnswer: One line.\n```python\ndef f(): ...\n```\n\nQuestion: Write g")


def test_shots_are_of_the_language_and_first_of_the_task_and_never_the_problem(add):
    problem = add(1, 1)  # is itself the first shot
    picks = [pick_shots(SHOTS, problem, 2, seed=seed) for seed in range(20)]
    assert all({shot.question for shot in shots} == {"Compute 1 + 2", "Tom has 1. He gets 1"} for shots in picks)
    assert len({shots[0].question for shots in picks}) == 2  # the order is drawn too
    assert pick_shots(SHOTS, add(3, 4), 1, seed=0)[0].task == "chain"
    assert pick_shots(SHOTS, problem, 2, seed=3) == picks[3]
    with pytest.raises(DataError, match=r"1 worked examples in language 'zh', num_shots is 2"):
        pick_shots(SHOTS, add(3, 4, language="zh"), 2, seed=0)


@pytest.mark.parametrize(
    ("cls", "values", "message"),
    [
        (WorkedFormat, {"question": "Q"}, r"question = 'Q' needs {question} once"),
        (WorkedFormat, {"solution": "{answer} as {thought}"}, r"needs {thought} and then {answer}, each once"),
        (WorkedFormat, {"solution": "{thought} {answer}"}, r"needs words between {thought} and {answer}"),
        (ThoughtFormat, {"solution": "{answer}"}, r"solution = '{answer}' needs {thought} once"),
        (ThoughtFormat, {"prompt": "{answer}"}, r"needs {question} once and {answer} at most once"),
    ],
)
def test_formats_that_cannot_be_read_back_are_refused(cls, values, message):
    with pytest.raises(ConfigError, match=message):
        parse_config(cls, values, where="test")
