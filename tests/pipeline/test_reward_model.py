"""A reward model from pairs to a folder that scores: what it learns, what is refused, how it goes on after a kill."""

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
from typer.testing import CliRunner

from r1kit.cli.main import app
from r1kit.config import parse_config
from r1kit.errors import DataError, ModelError, RewardError, RunError
from r1kit.models.load import save_model
from r1kit.pipeline.reward_model import run_reward_model, split_pairs
from r1kit.reward_model.config import RewardModelConfig
from r1kit.reward_model.pairs import Pair, write_pairs
from r1kit.reward_model.scorer import RewardModel
from r1kit.rewards.learned import HelpfulReward
from r1kit.seeding import rng
from r1kit.types import Completion, Problem, Rollout, StopReason

TOKEN = "|special_token|"


def obvious(i):
    """The chosen one says yes, at a random length; both have reasoning that says the opposite."""
    words = [" ".join("la" for _ in range(rng("words", i, side).randint(1, 4))) for side in range(2)]
    return Pair(
        id=str(i),
        prompt=f"Question {i}?",
        chosen=f" {TOKEN} no {TOKEN} {words[0]} yes",
        rejected=f" {TOKEN} yes {TOKEN} {words[1]} no",
        kind="helpful",
    )


def at_random(i):
    """The same texts, and a coin says which is chosen."""
    pair = obvious(i)
    sides = [pair.chosen, pair.rejected]
    rng("coin", i).shuffle(sides)
    return Pair(id=pair.id, prompt=pair.prompt, chosen=sides[0], rejected=sides[1], kind="helpful")


@pytest.fixture
def world(tmp_path):
    """A model folder and a file of pairs, and the settings that name them."""
    model = tiny_llama(max_position_embeddings=256, initializer_range=0.1)
    save_model(model, byte_tokenizer(), tmp_path / "base")
    write_pairs(tmp_path / "pairs.jsonl", map(obvious, range(240)))
    settings = {
        "model": str(tmp_path / "base"),
        "pairs": str(tmp_path / "pairs.jsonl"),
        "eval_share": 0.3,
        "seed": 5,
        "batch_pairs": 16,
        "learner": {"learning_rate": 3e-3, "schedule": "linear"},
        "checkpoint_every": 2,
    }
    return tmp_path, settings


def configured(settings, **changes):
    return parse_config(RewardModelConfig, {**settings, **changes}, where="test")


def digest(run: Path) -> str:
    return hashlib.sha256((run / "model" / "model.safetensors").read_bytes()).hexdigest()


def untimed(run: Path) -> list[dict]:
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in row.items() if not key.startswith("time/")} for row in rows]


def rollout(text, question="Question 900?"):
    completion = Completion(
        tokens=(1,), logprobs=(-1.0,), text=text, stop_reason=StopReason.END_TOKEN, policy_version=0
    )
    problem = Problem(id="p", prompt=question, answer="", task="t")
    return Rollout(problem=problem, prompt_text=question, prompt_tokens=(1,), completion=completion)


def test_an_obvious_preference_is_learned_and_scores_new_texts(world):
    folder, settings = world
    run = folder / "run"
    summary = run_reward_model(configured(settings), run, device="cpu")
    assert {p.name for p in run.iterdir()} >= {"config.json", "metrics.jsonl", "checkpoint.pt", "summary.json"}
    assert summary == json.loads((run / "summary.json").read_text())
    held_out = summary["held_out"]
    assert held_out["num_pairs"] + summary["num_train_pairs"] == 240
    assert held_out["num_pairs"] == held_out["num_prompts"] > 40
    assert held_out["accuracy"] > 0.9
    assert held_out["mean_margin"] > 1
    assert held_out["length_bias"]["accuracy_chosen_longer"] > 0.9
    assert held_out["length_bias"]["accuracy_chosen_shorter"] > 0.9
    assert held_out["position_bias"] < 1e-4
    assert summary["train"]["last_loss"] < 0.3 < summary["train"]["first_loss"]
    evaluated = [row for row in untimed(run) if "reward_model/eval_accuracy" in row]
    assert [row["step"] for row in evaluated] == [0, summary["train"]["num_steps"]]
    assert evaluated[-1]["reward_model/eval_accuracy"] == held_out["accuracy"]
    assert "Held-out accuracy" in (run / "model" / "README.md").read_text()

    model = RewardModel.load(run, device="cpu")  # a run stands for its model
    assert model.kind == "helpful"
    rewards = [score.value for score in HelpfulReward(model).score([rollout(" la yes"), rollout(" la no")])]
    assert rewards[0] > 0.6 > 0.4 > rewards[1]
    # The reasoning is not read: with it or without it the score is the same.
    with_reasoning = f" {TOKEN} no no no {TOKEN} la yes"
    plain, reasoned = model.score([("Q?", "la yes"), ("Q?", with_reasoning)])
    assert reasoned == pytest.approx(plain, abs=1e-5)


def test_scores_are_in_order_and_none_where_nothing_can_be_read(world):
    folder, settings = world
    run_reward_model(configured(settings), folder / "run", device="cpu")
    model = RewardModel.load(folder / "run" / "model", device="cpu", max_tokens=64)
    texts = [("A?", "yes"), ("B?", "no"), ("A?", "x" * 300), ("A?", f"{TOKEN} t"), ("A?", "no"), ("B?", "<eos> yes")]
    scores = model.score(texts)
    assert [score is None for score in scores] == [False, False, True, True, False, False]
    for text, score in zip(texts, scores, strict=True):
        (alone,) = model.score([text])
        assert alone == (None if score is None else pytest.approx(score, abs=1e-4))
    assert model.score([]) == []


def test_random_labels_are_an_error_that_keeps_what_is_there(world):
    folder, settings = world
    write_pairs(folder / "random.jsonl", map(at_random, range(240)))
    settings = {**settings, "pairs": str(folder / "random.jsonl")}
    with pytest.raises(RewardError, match=r"the helpful reward model in .*run separates nothing: accuracy 0\.\d+ on"):
        run_reward_model(configured(settings), folder / "run", device="cpu")
    assert json.loads((folder / "run" / "summary.json").read_text())["held_out"]["accuracy"] < 0.65
    assert (folder / "run" / "model" / "config.json").exists()
    summary = run_reward_model(configured(settings, allow_useless=True), folder / "kept", device="cpu")
    assert summary["held_out"]["num_pairs"] > 40


def test_killed_at_any_moment_it_ends_in_the_same_weights(world):
    folder, settings = world
    config = folder / "config.toml"
    config.write_text(
        "".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items() if key != "learner")
        + "num_epochs = 2\n[learner]\nlearning_rate = 3e-3\n"
    )
    expected = configured(settings, num_epochs=2, learner={"learning_rate": 3e-3})
    run_reward_model(expected, folder / "whole", device="cpu")
    run, steps_at_kill = folder / "killed", []
    command = [sys.executable, "-m", "r1kit.cli.main", "reward-model", "train", "--device", "cpu", "--out", str(run)]
    for wanted in (4, 13):
        process = subprocess.Popen([*command, str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 100
        while not ((run / "metrics.jsonl").exists() and (run / "metrics.jsonl").read_text().count("\n") >= wanted):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        steps_at_kill.append((run / "metrics.jsonl").read_text().count("\n"))
    run_reward_model(expected, run, device="cpu")
    assert steps_at_kill[0] < len(untimed(folder / "whole"))  # it was in the middle
    assert digest(run) == digest(folder / "whole")
    assert untimed(run) == untimed(folder / "whole")
    cards = [(path / "model" / "reward_model.json").read_text() for path in (run, folder / "whole")]
    assert cards[0] == cards[1]


def test_a_run_does_not_go_on_with_other_pairs(world):
    folder, settings = world
    run_reward_model(configured(settings), folder / "run", device="cpu")
    write_pairs(folder / "pairs.jsonl", map(obvious, range(1, 241)))
    with pytest.raises(RunError, match="the file of pairs has changed since this run began"):
        run_reward_model(configured(settings), folder / "run", device="cpu")


def test_a_question_is_never_on_both_sides_and_kinds_are_kept_apart(tmp_path):
    pairs = [
        Pair(id=f"{i}-{j}", prompt=f"Question {i}", chosen=f"a{j}", rejected="b", kind=("helpful", "harmless")[j % 2])
        for i in range(40)
        for j in range(4)
    ]
    write_pairs(tmp_path / "pairs.jsonl", pairs)
    config = parse_config(RewardModelConfig, {"pairs": str(tmp_path / "pairs.jsonl"), "kind": "harmless"}, where="t")
    trained, held_out = split_pairs(config)
    assert len(trained) + len(held_out) == 80
    assert {pair.prompt for pair in trained}.isdisjoint(pair.prompt for pair in held_out)
    write_pairs(tmp_path / "eval.jsonl", pairs[:8])
    given = config.model_copy(update={"eval_pairs": str(tmp_path / "eval.jsonl")})
    trained, held_out = split_pairs(given)
    assert [pair.id for pair in held_out] == ["0-1", "0-3", "1-1", "1-3"]
    assert len(trained) == 76
    write_pairs(tmp_path / "pairs.jsonl", [pair for pair in pairs if pair.kind == "helpful"])
    with pytest.raises(DataError, match=r"pairs.jsonl has no pair of the kind 'harmless'"):
        split_pairs(config)


def test_a_pair_that_does_not_fit_the_context_is_named(world):
    folder, settings = world
    write_pairs(folder / "long.jsonl", [*map(obvious, range(20)), Pair(
        id="long", prompt="Q", chosen="x" * 300, rejected="y", kind="helpful")])  # fmt: skip
    # "User: Q\nAssistant:" has 18 tokens, the text 301 with its space, and the end token.
    with pytest.raises(DataError, match=r"pair 'long' has 320 tokens, the model's context is 256; remove the pair"):
        run_reward_model(configured(settings, pairs=str(folder / "long.jsonl")), folder / "run", device="cpu")


def test_memory_is_asked_for_what_a_reward_model_holds(world, monkeypatch):
    folder, settings = world
    monkeypatch.setattr("r1kit.models.memory.available_memory", lambda device: 1000)
    with pytest.raises(
        ModelError, match=r"\(weights \S+, gradients \S+, optimizer \S+, working copy \S+, activations "
    ):
        run_reward_model(configured(settings), folder / "run", device="cpu")


def test_the_command_line_trains_and_scores(world):
    folder, settings = world
    runner, run = CliRunner(), folder / "run"
    options = ["--model", settings["model"], "--pairs", settings["pairs"], "--out", str(run), "--device", "cpu"]
    changes = [f"--set={key}" for key in ("learner.learning_rate=3e-3", "batch_pairs=16", "eval_share=0.3")]
    trained = runner.invoke(app, ["reward-model", "train", *options, *changes])
    assert trained.exit_code == 0, trained.output
    assert "accuracy, chosen shorter" in trained.stdout
    rows = [{"prompt": "Question 901?", "response": text} for text in ("la yes", "la no", f"{TOKEN} t")]
    (folder / "texts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    scored = runner.invoke(app, ["reward-model", "score", str(run), str(folder / "texts.jsonl"), "--device", "cpu"])
    assert scored.exit_code == 0, scored.output
    lines = [json.loads(line) for line in scored.stdout.splitlines()]
    assert lines[0]["reward"] > lines[1]["reward"]
    assert lines[2] == {"score": None, "reward": None}
    (run / "model" / "reward_model.json").write_text('{"kind": "helpful"}')
    with pytest.raises(ModelError, match=r"reward_model.json: .*score_std is required.*train the model again"):
        RewardModel.load(run, device="cpu")
