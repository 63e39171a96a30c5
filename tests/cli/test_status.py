"""`r1kit status` and the table of a plan."""

import json
from dataclasses import replace

import pytest
from rich.console import Console
from toy_stages import toy_stages
from typer.testing import CliRunner

from r1kit.cli.main import app
from r1kit.cli.status import plan_table, status_table
from r1kit.errors import DataError
from r1kit.pipeline.artifact import artifact_keys
from r1kit.pipeline.estimate import Estimate, Machine
from r1kit.pipeline.execute import PlanRow, execute, plan
from r1kit.pipeline.status import RunStatus, StageStatus

KEYS = artifact_keys(toy_stages())
MACHINE = Machine(name="test", products=())


def status(*words):
    return CliRunner().invoke(app, ["status", *map(str, words)])


def text(table, width=160):
    screen = Console(width=width, record=True, file=None)
    with screen.capture() as captured:
        screen.print(table)
    return [line.split() for line in captured.get().splitlines()]


def failed(folder):
    def fails(context):
        (context.out / "metrics.jsonl").write_text('{"step": 12, "loss": 0.5}\n')
        raise DataError("no correct sample for 3 problems")

    stages = toy_stages()
    stages[2] = replace(stages[2], run=fails)
    with pytest.raises(DataError):
        execute(stages, folder)


def test_a_failed_run_says_where_and_why(tmp_path):
    failed(tmp_path)
    result = status(tmp_path)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    rows = {line.split()[0]: line.split()[1] for line in lines[1:6]}
    assert rows == {"base": "done", "corpus": "done", "model": "failed", "scores": "waiting", "report": "waiting"}
    partial = tmp_path / "artifacts" / f"model-{KEYS['model'][:12]}.partial"
    assert lines[-2] == f"failed: stage model ({partial}): no correct sample for 3 problems"
    assert lines[-1] == (
        "not running, 3 of 5 stages to go: the same command goes on; "
        f"artifacts are in {tmp_path / 'artifacts'}, times are UTC"
    )


def test_json_has_it_all(tmp_path):
    failed(tmp_path)
    found = json.loads(status(tmp_path, "--json").stdout)
    assert (found["run"], found["process"]) == (str(tmp_path), None)
    base, _, model, scores, _ = found["stages"]
    assert set(base) == {"name", "kind", "inputs", "state", "folder", "started", "seconds", "step", "error"}
    assert base["folder"] == str(tmp_path / "artifacts" / f"base-{KEYS['base'][:12]}")
    assert (model["state"], model["step"], model["inputs"]) == ("failed", 12, ["base", "corpus"])
    assert model["error"].endswith("no correct sample for 3 problems")
    assert (scores["state"], scores["folder"], scores["started"]) == ("waiting", None, None)


def test_a_finished_run_says_so(tmp_path):
    execute(toy_stages(), tmp_path)
    assert status(tmp_path).stdout.splitlines()[-1].startswith("all stages are done; ")


def test_a_running_stage_in_the_table():
    running = StageStatus(
        name="zero", kind="model", inputs=(), state="running", folder=None, started="2026-11-24T17:41:44+00:00",
        seconds=75.2, step=40, error=None,
    )  # fmt: skip
    rows = text(status_table(RunStatus(process=17, stages=(running,))))
    assert rows == [
        ["stage", "state", "started", "time", "step", "artifact"],
        ["zero", "running", "2026-11-24", "17:41", "1", "min", "15", "s", "40", "-"],
    ]


@pytest.mark.parametrize("name", ["absent", "."])
def test_a_folder_that_is_no_run_is_one_line(tmp_path, name, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = status(name)
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("error: ")
    assert ("does not exist" if name == "absent" else "it has no state.json") in result.stderr


def test_the_plan_in_a_table(tmp_path):
    execute(toy_stages(), tmp_path, only="base")
    stages = [
        replace(stage, cost=lambda machine: Estimate(minutes=2.5, memory_gb=0.75))
        if stage.name in ("corpus", "model")
        else stage
        for stage in toy_stages()
    ]
    rows = text(plan_table(plan(stages, tmp_path, only="model", machine=MACHINE)))
    assert rows == [
        ["stage", "kind", "inputs", "state", "expected", "GB"],
        ["base", "model", "-", "cached", "-", "-"],
        ["corpus", "dataset", "base", "to", "run", "2", "min", "30", "s", "0.8"],
        ["model", "model", "base,", "corpus", "to", "run", "2", "min", "30", "s", "0.8"],
        ["total", "1", "cached,", "2", "to", "run", "5", "min", "00", "s", "0.8"],
    ]


def test_all_evaluations_are_one_line_of_the_plan(tmp_path):
    def row(name, kind, state, minutes):
        estimate = None if minutes is None else Estimate(minutes=minutes, memory_gb=0.5)
        return PlanRow(name=name, kind=kind, inputs=(), state=state, folder=tmp_path, estimate=estimate)

    planned = [row("model", "model", "cached", None), row("eval_a", "evaluation", "cached", None)]
    planned += [row(f"eval_{name}", "evaluation", "to run", 1.5) for name in "bc"]
    assert text(plan_table(planned))[1:] == [
        ["model", "model", "-", "cached", "-", "-"],
        ["evaluations", "3", "models", "1", "cached,", "2", "to", "run", "3", "min", "00", "s", "0.5"],
        ["total", "2", "cached,", "2", "to", "run", "3", "min", "00", "s", "0.5"],
    ]
