import json
import subprocess
import sys

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from r1kit import __version__
from r1kit.cli.main import app
from r1kit.nano.corpus import document


def leaves(command, path=()):
    """Every command and group of the command line, as its words."""
    found = [path]
    for name, child in getattr(command, "commands", {}).items():
        found += leaves(child, (*path, name))
    return found


COMMANDS = leaves(get_command(app))


def run(*words, stdin=None):
    return CliRunner().invoke(app, list(words), input=stdin)


def r1kit(*words, **options):
    command = [sys.executable, "-m", "r1kit.cli.main", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, **options)


def test_the_commands_are_these():
    assert {" ".join(words) for words in COMMANDS} == {
        *("", "zero", "r1", "sft", "teach", "report", "status", "chat", "doctor"),
        *("nano", "nano corpus", "nano pretrain", "reward-model", "reward-model train", "reward-model score"),
        *("review", "review export", "review import"),
        *("model", "model import", "model import smollm2", "model import gguf"),
        *("verify", "verify math", "verify code", "verify format", "verify language", "verify logic"),
        *("sandbox", "sandbox check"),
    }


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_help_ends_in_an_example_of_that_command(words):
    result = run(*words, "--help")
    assert result.exit_code == 0
    *_, example = result.stdout.strip().split("\n")
    assert example.startswith("  Example: ")
    assert " ".join(("r1kit", *words)) in example


def test_version():
    assert run("--version").stdout == f"r1kit {__version__}\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("zerro",), "No such command 'zerro'. Did you mean 'zero'"),
        (("nano", "corpsu"), "No such command 'corpsu'. Did you mean 'corpus'?"),
        (("zero", "--tempalte", "chat"), "No such option: --tempalte"),
        (("zero", "--seed", "one"), "Invalid value for '--seed'"),
        (("nano", "corpus", "--num-documents", "0"), "Invalid value for '--num-documents'"),
        (("nano", "pretrain"), "--out"),
        (("report",), "RUN"),
    ],
)
def test_a_mistyped_command_line_says_which_word(words, message):
    result = run(*words)
    assert result.exit_code == 2
    assert message in result.stderr.strip().split("\n")[-1]
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--set", "grpo.group_sise=8"), "unknown key 'grpo.group_sise'; known: advantage, "),
        (("--set", "grpo.group_sise=8"), "Did you mean 'group_size'?"),
        (("--set", "grpo.num_steps=many"), "grpo.num_steps: Input should be a valid integer (got 'many')"),
        (("--set", "grpo.group_size=1"), "greater than or equal to 2 (got 1)"),
        (("--set", "seed"), "override 'seed' is not KEY=VALUE"),
        (("--template", "chatt"), "(got 'chatt')"),
        (("absent.toml",), "config file absent.toml does not exist"),
    ],
)
def test_a_bad_config_ends_in_one_line_and_status_1(words, message, tmp_path):
    result = run("zero", *words, "--out", str(tmp_path / "run"))
    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert message in result.stderr
    assert not (tmp_path / "run").exists()


def test_without_a_model_nothing_is_trained(tmp_path):
    result = run("zero", "--out", str(tmp_path / "run"))
    assert result.exit_code == 1
    assert result.stderr == (
        "error: nothing to train: give a config file or --model, e.g. r1kit zero configs/nano/zero.toml\n"
    )


def test_a_model_of_ones_own_needs_a_task(tmp_path):
    result = run("zero", "--model", "somebody/some-model", "--out", str(tmp_path / "run"))
    assert result.exit_code == 1
    assert result.stderr == (
        "error: no task for somebody/some-model: give --task, e.g. --task gsm8k or --task rows.jsonl\n"
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--teacher", "http://localhost:1/v1"), "teacher.teacher.model: no teacher is named"),
        (("--teacher", "localhost", "--teacher-model", "x"), "teacher.endpoint.url: it must be an address like http"),
        (("--traces", "absent.jsonl"), "sources.traces: absent.jsonl does not exist"),
        (("--set", "ablations.seeds=[0]"), "ablations.seeds: 0 is that of zero already; give further seeds"),
        (("--set", "ablations.seeds=[1, 1]"), "ablations.seeds: 1 is there twice"),
    ],
)
def test_a_pipeline_that_lacks_something_is_refused_before_its_plan(words, message, tmp_path):
    result = run("r1", "configs/nano/r1.toml", *words, "--plan", "--out", str(tmp_path / "run"))
    assert result.exit_code == 1
    assert message in result.stderr
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1


def test_a_flag_wins_over_the_file_and_set_wins_over_a_flag(tmp_path, monkeypatch):
    file = tmp_path / "zero.toml"
    file.write_text('model = "in-file"\ntask = "in-file"\nseed = 3\n[grpo]\nnum_steps = 7\n')
    seen = capture_run_rl(monkeypatch)
    words = ("--model", "1.5", "--task", "flag", "--set", "task=set", "--set", "grpo.num_steps=9")
    result = run("zero", str(file), *words, "--out", str(tmp_path / "run"), "--device", "cpu", "--sink", "tensorboard")
    assert result.exit_code == 0, result.output
    config = seen["config"]
    assert (config.model, config.task, config.seed, config.grpo.num_steps) == ("1.5", "set", 3, 9)
    assert (seen["out"], seen["device"], list(seen["sinks"])) == (tmp_path / "run", "cpu", ["tensorboard"])


def test_zero_prints_the_headline_numbers_and_where_the_files_are(tmp_path, monkeypatch):
    capture_run_rl(monkeypatch)
    result = run("zero", "--model", "nano", "--out", str(tmp_path / "run"))
    rows = [line.split() for line in result.stdout.splitlines()]
    assert ["pass@1", "0.180", "0.871"] in rows
    assert ["cons@16", "0.250", "0.950"] in rows
    assert ["mean", "length,", "tokens", "31.0", "-"] in rows
    assert f"report:  {tmp_path / 'run' / 'report.html'}" in result.stdout
    assert f"summary: {tmp_path / 'run' / 'summary.json'}" in result.stdout


def capture_run_rl(monkeypatch):
    """Put a function that trains nothing in run_rl's place; returns what it was called with."""
    seen = {}

    def run_rl(config, out, *, device="auto", sinks=()):
        seen.update(config=config, out=out, device=device, sinks=sinks)
        base = {"pass_at_1": 0.18, "cons_at_k": 0.25, "k": 16.0, "mean_length_tokens": 31.0}
        return {"base": base, "final": {"pass_at_1": 0.8712, "cons_at_k": 0.95, "k": 16.0, "mean_length_tokens": None}}

    monkeypatch.setattr("r1kit.pipeline.rl.run_rl", run_rl)
    return seen


def test_corpus_writes_the_same_documents_to_a_file_and_to_stdout(tmp_path):
    file = tmp_path / "corpus.jsonl"
    assert run("nano", "corpus", "--num-documents", "3", "--seed", "5", "--out", str(file)).exit_code == 0
    assert run("nano", "corpus", "--num-documents", "3", "--seed", "5").stdout == file.read_text(encoding="utf-8")
    lines = file.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [{"text": document(5, index)} for index in range(3)]


def test_doctor_names_what_will_be_used():
    result = run("doctor")
    assert result.exit_code == 0
    rows = dict(line.split(maxsplit=1) for line in result.stdout.splitlines() if line.startswith(("r1kit", "cores")))
    assert rows["r1kit"].strip() == __version__
    assert int(rows["cores"].split()[0]) >= 1
    assert "device used" in result.stdout


def test_report_of_a_missing_run_in_a_process_of_its_own(tmp_path):
    result = r1kit("report", "runs/none", cwd=tmp_path)
    assert result.returncode == 1
    assert result.stderr == f"error: run folder runs/none does not exist (working folder: {tmp_path})\n"


def test_a_closed_pipe_is_quiet():
    writer = [sys.executable, "-m", "r1kit.cli.main", "nano", "corpus", "--num-documents", "5000"]
    with subprocess.Popen(writer, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout.readline().startswith(b'{"text": ')
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=60) == 1
