"""R1-Zero from the config to the report, on a random model of two layers and a task of eight rows."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tiny import byte_tokenizer, tiny_llama
from transformers import AutoModelForCausalLM, AutoTokenizer

from r1kit.config import parse_config
from r1kit.errors import DataError, ModelError, RewardError, RunError
from r1kit.learner.checkpoint import load_checkpoint
from r1kit.models.load import save_model
from r1kit.pipeline.config import RLConfig
from r1kit.pipeline.rl import run_rl

SETTINGS = {
    "template": "boxed",
    "seed": 5,
    "checkpoint_every": 2,
    "grpo": {"num_steps": 5, "problems_per_step": 2, "group_size": 4},
    "learner": {"learning_rate": 1e-3},
    "sampling": {"max_new_tokens": 12},
    "eval": {
        "every": 2,
        "num_problems": 2,
        "num_problems_between": 1,
        "num_samples": 2,
        "sampling": {"max_new_tokens": 12},
    },
    "num_transcripts": 1,
}


@pytest.fixture
def world(tmp_path):
    """A model folder and a data file, and the settings that name them."""
    save_model(tiny_llama(max_position_embeddings=256), byte_tokenizer(), tmp_path / "model")
    rows = [
        {"prompt": f"What is {i} + {i}?", "answer": str(2 * i), "split": "eval" if i < 3 else "train"}
        for i in range(12)
    ]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path, {**SETTINGS, "model": str(tmp_path / "model"), "task": str(tmp_path / "rows.jsonl")}


def zero(settings, **changes):
    return parse_config(RLConfig, {**settings, **changes}, where="test")


def digest(run: Path) -> str:
    return hashlib.sha256((run / "model" / "model.safetensors").read_bytes()).hexdigest()


def test_a_run_leaves_everything_that_it_promises(world):
    folder, settings = world
    run = folder / "run"
    summary = run_rl(zero(settings), run, device="cpu")
    assert {p.name for p in run.iterdir()} >= {
        "config.json", "metrics.jsonl", "transcripts.jsonl", "checkpoint.pt", "model", "summary.json", "report.html",
    }  # fmt: skip
    assert summary == json.loads((run / "summary.json").read_text())
    assert summary["train_steps"] == 5
    assert summary["seed"] == 5
    for side in ("base", "final"):
        assert summary[side]["k"] == 2
        assert summary[side]["num_problems"] == 2
        assert 0 <= summary[side]["pass_at_1"] <= 1
        assert 1 <= summary[side]["mean_length_tokens"] <= 12
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows if "train/loss" in row or "train/reward_mean" in row] == [1, 2, 3, 4, 5]
    assert [row["step"] for row in rows if "eval/pass_at_1" in row] == [0, 2, 4, 5]
    transcripts = [json.loads(line) for line in (run / "transcripts.jsonl").read_text().splitlines()]
    assert [t["step"] for t in transcripts] == [0, 0, 2, 2, 4, 4, 5, 5]
    assert len({t["problem_id"] for t in transcripts}) == 1  # the same problem at every evaluation
    AutoModelForCausalLM.from_pretrained(run / "model")
    AutoTokenizer.from_pretrained(run / "model")


def test_the_card_says_what_was_done(world):
    """Not which model of the paper it is; and the steps that were taken, which a stop by convergence makes fewer."""
    folder, settings = world
    grpo = {**settings["grpo"], "convergence_window": 1, "convergence_min_gain": 2.0}  # no reward gains as much
    other = folder / "others.jsonl"
    other.write_text((folder / "rows.jsonl").read_text())
    task = {settings["task"]: 0.75, str(other): 0.25}
    run_rl(zero(settings, task=task, grpo={**grpo, "problems_per_step": 4}), folder / "run", device="cpu")
    card = (folder / "run" / "model" / "README.md").read_text()
    assert card.startswith(f"---\nbase_model: {folder.name}\n")  # a run's folder is called by what it ran
    assert f"\n# {folder.name}, trained by GRPO\n" in card
    assert "the prompt template `boxed`" in card
    assert f"- Tasks, with their shares of a step: `{settings['task']}` 0.75, `{other}` 0.25.\n" in card
    assert "- Rules, with their weights: `accuracy` 1, `format` 0.1.\n" in card
    assert "- Reward models for general prompts: none.\n" in card
    assert "- Training: 2 steps of 4 problems by 4 completions, seed\n  5.\n" in card
    assert "R1-Zero" not in card


def test_same_config_same_weights_and_other_seed_other_samples(world):
    folder, settings = world
    for name in ("a", "b"):
        run_rl(zero(settings), folder / name, device="cpu")
    run_rl(zero(settings, seed=6), folder / "c", device="cpu")
    assert digest(folder / "a") == digest(folder / "b")
    texts = [(folder / name / "transcripts.jsonl").read_text() for name in "abc"]
    assert texts[0] == texts[1] != texts[2]


def test_fewer_held_out_problems_than_asked_for_are_all_used_and_said(world, caplog):
    tmp_path, settings = world
    evaluation = {**settings["eval"], "num_problems": 9}
    summary = run_rl(zero(settings, eval=evaluation, grpo={**settings["grpo"], "num_steps": 1}), tmp_path / "run")
    assert summary["base"]["num_problems"] == summary["final"]["num_problems"] == 3
    assert "eval.num_problems is 9" in caplog.text
    assert "3 held-out problems: all of them are used" in caplog.text


def test_a_finished_run_is_not_run_again(world):
    folder, settings = world
    run_rl(zero(settings), folder / "run", device="cpu")
    before = (folder / "run" / "metrics.jsonl").read_text()
    run_rl(zero(settings), folder / "run", device="cpu")
    assert (folder / "run" / "metrics.jsonl").read_text() == before


@pytest.mark.parametrize("kill_after_rows", [1, 4])
def test_a_killed_run_goes_on_to_the_same_weights(world, kill_after_rows):
    folder, settings = world
    run_rl(zero(settings), folder / "straight", device="cpu")
    config = folder / "config.json"
    config.write_text(json.dumps(settings))
    run = folder / "killed"
    code = (
        "import json, sys; from pathlib import Path; from r1kit.config import parse_config;"
        "from r1kit.pipeline.config import RLConfig; from r1kit.pipeline.rl import run_rl;"
        "values = json.loads(Path(sys.argv[1]).read_text());"
        "run_rl(parse_config(RLConfig, values, where='test'), Path(sys.argv[2]), device='cpu')"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(config), str(run)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    metrics = run / "metrics.jsonl"
    deadline = time.monotonic() + 100
    while not (metrics.exists() and metrics.read_text().count("\n") >= kill_after_rows):
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (run / "summary.json").exists()
    run_rl(zero(settings), run, device="cpu")
    assert digest(run) == digest(folder / "straight")

    def untimed(path):
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        return [{k: v for k, v in row.items() if not k.startswith("time/")} for row in rows]

    assert untimed(run / "metrics.jsonl") == untimed(folder / "straight" / "metrics.jsonl")
    assert (run / "transcripts.jsonl").read_text() == (folder / "straight" / "transcripts.jsonl").read_text()


def test_another_config_needs_another_folder(world):
    folder, settings = world
    run_rl(zero(settings), folder / "run", device="cpu")
    with pytest.raises(RunError, match="holds a run of another config"):
        run_rl(zero(settings, seed=6), folder / "run", device="cpu")


def test_a_run_does_not_go_on_with_other_problems(world):
    folder, settings = world
    run_rl(zero(settings), folder / "run", device="cpu")
    (folder / "run" / "summary.json").unlink()
    rows = (folder / "rows.jsonl").read_text()
    (folder / "rows.jsonl").write_text(rows.replace('"answer": "22"', '"answer": "23"'))
    with pytest.raises(RunError, match="the set of problems has changed since this run began; use another"):
        run_rl(zero(settings), folder / "run", device="cpu")


def test_a_run_that_cannot_be_set_up_leaves_the_folder_free(world):
    folder, settings = world
    with pytest.raises(ModelError, match="does not exist"):
        run_rl(zero(settings, model=str(folder / "absent")), folder / "run", device="cpu")
    assert run_rl(zero(settings), folder / "run", device="cpu")["train_steps"] == 5


def test_prompt_longer_than_its_limit(world):
    folder, settings = world
    with pytest.raises(DataError, match=r"has \d+ tokens, max_prompt_tokens allows 20; drop the problem or raise"):
        run_rl(zero(settings, max_prompt_tokens=20), folder / "run", device="cpu")


def test_prompt_that_leaves_no_room_in_the_context(world):
    folder, settings = world
    with pytest.raises(DataError, match=r"exceed the model's context of 256; lower sampling.max_new_tokens"):
        run_rl(zero(settings, sampling={"max_new_tokens": 200}), folder / "run", device="cpu")


def test_model_that_does_not_fit_the_memory(world, monkeypatch):
    folder, settings = world
    monkeypatch.setattr("r1kit.models.memory.available_memory", lambda device: 1000)
    with pytest.raises(ModelError, match="GB to train"):
        run_rl(zero(settings), folder / "run", device="cpu")


def test_too_many_unjudged_completions_stop_the_run_and_keep_what_is_there(world, monkeypatch):
    folder, settings = world
    from r1kit.rewards.format import FormatReward
    from r1kit.types import Score

    monkeypatch.setattr(
        FormatReward, "score", lambda self, rollouts: [Score(value=None, reason="outage") for _ in rollouts]
    )
    with pytest.raises(RewardError, match=r"step 1: .*could not be judged.*'outage'"):
        run_rl(zero(settings), folder / "run", device="cpu")
    assert (folder / "run" / "checkpoint.pt").exists()
    assert (folder / "run" / "metrics.jsonl").read_text().count("\n") == 2


def test_ctrl_c_is_one_line_and_the_run_goes_on(world):
    folder, settings = world
    run = folder / "run"
    command = [sys.executable, "-m", "r1kit.cli.main", "zero", "--device", "cpu", "--out", str(run)]
    config = folder / "config.toml"
    config.write_text(
        f'model = "{settings["model"]}"\ntask = "{settings["task"]}"\ntemplate = "boxed"\ncheckpoint_every = 1\n'
        "[grpo]\nnum_steps = 400\nproblems_per_step = 2\ngroup_size = 4\n"
        "[sampling]\nmax_new_tokens = 12\n"
        "[eval]\nevery = 0\nnum_problems = 2\nnum_problems_between = 1\nnum_samples = 2\nsampling.max_new_tokens = 12\n"
    )
    process = subprocess.Popen([*command, str(config)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 100
    while not ((run / "metrics.jsonl").exists() and (run / "metrics.jsonl").read_text().count("\n") >= 3):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.splitlines()[-1] == "stopped; run the same command again to go on from the last checkpoint"
    assert "Traceback" not in errors
    assert load_checkpoint(run / "checkpoint.pt")["step"] >= 1
