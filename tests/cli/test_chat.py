import json

import pytest
from tiny import byte_tokenizer, tiny_llama
from typer.testing import CliRunner

from r1kit.cli.chat import reply, run_template, so_far
from r1kit.cli.main import app
from r1kit.models.load import save_model
from r1kit.types import Completion, StopReason


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    """A run whose model is random, with room for Table 1's template in bytes."""
    run = tmp_path_factory.mktemp("run")
    save_model(tiny_llama(max_position_embeddings=1024), byte_tokenizer(), run / "model")
    (run / "config.json").write_text(json.dumps({"template": "boxed"}))
    return run


def chat(*words, stdin):
    return CliRunner().invoke(app, ["chat", *words, "--device", "cpu", "--max-new-tokens", "12"], input=stdin)


def completion(text, stop_reason=StopReason.END_TOKEN):
    return Completion(tokens=(1,), logprobs=(0.0,), text=text, stop_reason=stop_reason, policy_version=0)


def shown(text, *, show_thinking=False, **fields):
    return reply(completion(text, **fields), byte_tokenizer(), show_thinking=show_thinking).plain


def test_thinking_is_folded_to_its_number_of_tokens():
    text = " <think> 3 + 4 = 7 </think> <answer> 7 </answer>"
    assert shown(text) == "thought for 9 tokens\n7"  # "3 + 4 = 7" is nine bytes, and a byte is a token
    assert shown(text, show_thinking=True) == "3 + 4 = 7\n7"


def test_the_reasoning_of_the_readable_format_is_folded_too():
    text = " |special_token| 3 + 4 = 7 |special_token| The answer is 7."
    assert shown(text) == "thought for 9 tokens\nThe answer is 7."
    assert shown(text, show_thinking=True) == "3 + 4 = 7\nThe answer is 7."
    assert shown(" |special_token| 3 +") == "thought for 3 tokens\n(no answer: the model stopped)"


def test_other_forms_of_completions():
    assert shown("seven") == "seven"
    assert shown(r"<think>3 + 4</think> It is \boxed{7}.") == "thought for 5 tokens\nIt is \\boxed{7}."
    assert shown("<think>3 +") == "thought for 3 tokens\n(no answer: the model stopped)"
    assert shown("<think>3 +", stop_reason=StopReason.LENGTH) == (
        "thought for 3 tokens\n(no answer: the length limit came first)"
    )
    assert shown("[bold]7[/bold]") == "[bold]7[/bold]"  # the model's text is no markup


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (" <think> 3 + ", "thinking...\n"),
        (" <think> 3 + 4 = 7 </think> <ans", "thought\n"),
        ("<think>3 + 4</think> <answer> 7", "thought\n7"),
        ("<think>3 + 4</think> <answer> 7 </answer", "thought\n7"),
        (" |special_token| 3 + ", "thinking...\n"),
        (" |special_token| 3 + 4 |special_token| The answer is |", "thought\nThe answer is"),
        ("3 < 4", "3 < 4"),
        ("", ""),
    ],
)
def test_an_unfinished_completion_has_no_half_tags(text, shown):
    assert so_far(text, show_thinking=False).plain == shown
    assert so_far(text, show_thinking=True).plain == shown.replace("thinking...", "3 +").replace(
        "thought", "3 + 4 = 7" if "7 </think>" in text else "3 + 4"
    )


def test_questions_come_from_a_pipe_and_an_empty_line_ends_them(run_folder):
    two = chat(str(run_folder), stdin="Compute 3 + 4\nCompute 1 + 1\n")
    assert two.exit_code == 0, two.output
    one = chat(str(run_folder), stdin="Compute 3 + 4\n\nCompute 1 + 1\n")
    assert one.exit_code == 0
    assert one.stdout
    assert two.stdout.startswith(one.stdout)
    assert len(two.stdout) > len(one.stdout)
    assert chat(str(run_folder), stdin="").stdout == ""


def test_a_run_is_asked_in_its_own_template(run_folder, tmp_path):
    assert run_template(run_folder) == "boxed"
    assert run_template(run_folder / "model") is None
    assert run_template(tmp_path) is None
    asked = {words: chat(str(run_folder), *words, stdin="1 + 1\n").stdout for words in ((), ("--template", "r1_zero"))}
    assert asked[()] == chat(str(run_folder), "--template", "boxed", stdin="1 + 1\n").stdout
    assert asked[()] != asked["--template", "r1_zero"]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--template", "chatt"), "Did you mean 'chat'?"),
        (("--template", "chat"), "has no chat template"),
    ],
)
def test_a_template_that_cannot_be_used_is_one_line(run_folder, words, line):
    result = chat(str(run_folder), *words, stdin="1 + 1\n")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")
    assert line in result.stderr


def test_a_folder_without_a_model_is_one_line(tmp_path):
    result = chat(str(tmp_path), stdin="1 + 1\n")
    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: model folder {tmp_path} ")
    assert result.stderr.count("\n") == 1
