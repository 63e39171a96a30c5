"""Supervised fine-tuning from the config to the model, on a random model of two layers and a dozen examples."""

import hashlib
import json

import pytest
import torch
from tiny import byte_tokenizer, tiny_llama
from transformers import AutoModelForCausalLM, AutoTokenizer
from typer.testing import CliRunner

from r1kit.cli.main import app
from r1kit.config import parse_config
from r1kit.errors import ConfigError, DataError, ModelError, RunError
from r1kit.models.load import load_model, save_model
from r1kit.pipeline import artifact
from r1kit.pipeline import sft as sft_module
from r1kit.pipeline.sft import run_sft
from r1kit.sft.config import SFTConfig
from r1kit.sft.data import Example, write_examples

EXAMPLES = [
    Example(id=f"{i}.{k}", prompt=f"{i} + {i}?", response=f" It is **{2 * i}**{'!' * k}", task="sum", source="human")
    for i in range(6)
    for k in range(2)
]
SETTINGS = {
    "seed": 3,
    "batch_size": 4,
    "num_epochs": 2,
    "held_out_fraction": 0.2,
    "checkpoint_every": 2,
    "learner": {"learning_rate": 3e-3, "dtype": "float32", "schedule": "cosine"},
}


@pytest.fixture
def world(tmp_path):
    """A model folder, a folder with data, and the settings that name them."""
    save_model(tiny_llama(), byte_tokenizer(), tmp_path / "base")
    write_examples(tmp_path / "data" / "data.jsonl", EXAMPLES)
    return tmp_path, {**SETTINGS, "model": str(tmp_path / "base"), "data": str(tmp_path / "data")}


def sft(settings, **changes):
    return parse_config(SFTConfig, {**settings, **changes}, where="test")


def rows_of(run):
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def weights_of(run):
    return (run / "model" / "model.safetensors").read_bytes()


def test_a_run_leaves_everything_that_it_promises(world):
    folder, settings = world
    run = folder / "run"
    summary = run_sft(sft(settings), run, device="cpu")
    assert summary == json.loads((run / "summary.json").read_text())
    counts = {
        key: summary[key] for key in ("num_examples", "num_dropped", "num_held_out", "num_trained", "num_prompts")
    }
    assert counts["num_examples"] == 12
    assert counts["num_held_out"] + counts["num_trained"] == 12
    assert counts["num_trained"] == 2 * counts["num_prompts"]  # two responses a prompt, none parted
    per_epoch = -(-counts["num_trained"] // 4)
    rows = rows_of(run)
    assert [row["step"] for row in rows if "sft/loss" in row] == list(range(1, 2 * per_epoch + 1))
    assert [row["step"] for row in rows if "sft/validation_loss" in row] == [0, per_epoch, 2 * per_epoch]
    trained = sum(row.get("sft/num_completion_tokens", 0) for row in rows)
    # Each trained response twice; " It is **N**" and the end token: as many as the bytes and one.
    held_out = held_out_ids(folder)
    assert trained == 2 * sum(len(e.response.encode()) + 1 for e in EXAMPLES if e.id not in held_out)
    assert summary["last_loss"] < summary["first_loss"]
    assert summary["last_validation_loss"] < summary["first_validation_loss"]
    assert summary["train_steps"] == 2 * per_epoch
    model = AutoModelForCausalLM.from_pretrained(run / "model")
    assert AutoTokenizer.from_pretrained(run / "model").eos_token_id == model.generation_config.eos_token_id


def held_out_ids(folder):
    from r1kit.sft.batches import held_out_ids

    return held_out_ids(EXAMPLES, 0.2, where=str(folder))


def test_the_card_names_base_and_data_by_their_hashes(world):
    folder, settings = world
    run_sft(sft(settings, num_epochs=1), folder / "run", device="cpu")
    card = (folder / "run" / "model" / "README.md").read_text()
    data = hashlib.sha256((folder / "data" / "data.jsonl").read_bytes()).hexdigest()
    base = artifact.digest(folder / "base")
    assert card.startswith("---\nbase_model: base\n")
    assert f"`r1kit.pipeline.artifact.digest` of its folder `{base}`" in card
    assert json.loads((folder / "run" / "summary.json").read_text())["model_sha256"] == base
    assert f"SHA-256 `{data}`" in card
    assert json.loads(card.partition("```json\n")[2].partition("\n```")[0])["seed"] == 3


class Killed(Exception):
    pass


@pytest.mark.parametrize("steps_done", [1, 3])
def test_killed_and_started_again_it_ends_the_same(world, monkeypatch, steps_done):
    folder, settings = world
    run_sft(sft(settings), folder / "straight", device="cpu")
    train = sft_module.train

    def killed(*args, **options):
        for step in train(*args, **options):
            yield step
            if step.number == steps_done:
                raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(sft_module, "train", killed)
        with pytest.raises(Killed):
            run_sft(sft(settings), folder / "stopped", device="cpu")
    run_sft(sft(settings), folder / "stopped", device="cpu")
    assert weights_of(folder / "straight") == weights_of(folder / "stopped")
    losses = [[row.get("sft/loss", row.get("sft/validation_loss")) for row in rows_of(folder / n)]
              for n in ("straight", "stopped")]  # fmt: skip
    assert losses[0] == losses[1]
    before = weights_of(folder / "stopped")
    run_sft(sft(settings), folder / "stopped", device="cpu")  # finished: nothing is trained again
    assert weights_of(folder / "stopped") == before
    assert len(rows_of(folder / "stopped")) == len(losses[0])


def test_another_config_and_other_data_need_another_folder(world):
    folder, settings = world
    run_sft(sft(settings, num_epochs=1), folder / "run", device="cpu")
    with pytest.raises(RunError, match="another config"):
        run_sft(sft(settings, num_epochs=2), folder / "run", device="cpu")
    write_examples(folder / "data" / "data.jsonl", EXAMPLES[2:])
    with pytest.raises(RunError, match="the data file has changed since this run began"):
        run_sft(sft(settings, num_epochs=1), folder / "run", device="cpu")


def test_memory_is_asked_for_what_fine_tuning_holds(world, monkeypatch):
    """No engine and no reference, and no advice about sampling."""
    folder, settings = world
    monkeypatch.setattr("r1kit.models.memory.available_memory", lambda device: 1000)
    with pytest.raises(
        ModelError, match=r"\(weights \S+, gradients \S+, optimizer \S+, working copy \S+, activations "
    ):
        run_sft(sft(settings), folder / "run", device="cpu")


def test_what_is_too_long_is_dropped_and_counted(world, caplog):
    folder, settings = world
    longest = len("User: 0 + 0?\nAssistant:") + len(" It is **0**!") + 1
    limits = {"max_tokens": longest, "too_long": "drop", "held_out_fraction": 0.0}
    summary = run_sft(sft(settings, **limits), folder / "run", device="cpu")
    # 10 = 5 + 5 has two digits: its second response is one byte too long.
    assert (summary["num_dropped"], summary["num_trained"], summary["first_validation_loss"]) == (1, 11, None)
    assert f"left out 1 of 12 examples, which have more than {longest} tokens" in caplog.text


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"data": ""}, ConfigError, "data is empty"),
        ({"data": "absent.jsonl"}, DataError, r"absent\.jsonl does not exist"),
        ({"max_tokens": 20}, DataError, r"data\.jsonl: example '0\.0' has .* tokens .* and 20 are allowed"),
        ({"max_tokens": 129}, ConfigError, "max_tokens is 129, more than the context of .*; at most 128"),
        ({"template": "chat"}, ModelError, "has no chat template"),
        ({"model": "./absent"}, ModelError, "does not exist"),
    ],
)
def test_what_cannot_work_ends_before_anything_is_written(world, changes, error, message):
    folder, settings = world
    with pytest.raises(error, match=message) as caught:
        run_sft(sft(settings, **changes), folder / "run", device="cpu")
    assert "\n" not in str(caught.value)
    assert {path.name for path in (folder / "run").iterdir()} == {".lock"}


def test_a_model_learns_its_examples_by_heart(world):
    """Greedy decoding of the saved model gives back what it was taught, end token included."""
    folder, settings = world
    taught = [e for e in EXAMPLES if e.id.endswith(".0")]
    write_examples(folder / "few.jsonl", taught)
    changes = {
        "data": str(folder / "few.jsonl"),
        "held_out_fraction": 0.0,
        "num_epochs": 60,
        "learner": {"learning_rate": 1e-2, "dtype": "float32", "schedule": "cosine"},
    }
    run_sft(sft(settings, **changes), folder / "run", device="cpu")
    model, tokenizer = load_model(folder / "run")
    for example in taught:
        prompt = torch.tensor([tokenizer.encode(f"User: {example.prompt}\nAssistant:")])
        tokens = model.generate(prompt, max_new_tokens=30, do_sample=False, attention_mask=torch.ones_like(prompt))
        assert tokenizer.decode(tokens[0, prompt.shape[1] :]) == example.response + "<eos>"


def run(*words):
    return CliRunner().invoke(app, ["sft", *map(str, words)])


def test_the_command_prints_a_table(world):
    folder, settings = world
    words = ("--model", settings["model"], "--data", settings["data"], "--out", folder / "run", "--device", "cpu")
    result = run(*words, "--set", "held_out_fraction=0", "--set", "batch_size=6", "--set", "num_epochs=1")
    assert result.exit_code == 0, result.output
    summary = json.loads((folder / "run" / "summary.json").read_text())
    rows = [line.split() for line in result.stdout.splitlines()]
    assert ["loss,", "nats/token", f"{summary['first_loss']:.4f}", f"{summary['last_loss']:.4f}"] in rows
    assert ["validation", "loss", "-", "-"] in rows
    assert ["examples", "trained", "on", "12"] in rows
    assert ["steps", "2"] in rows
    assert ["model:", str(folder / "run" / "model")] in rows


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--template", "readables"), "template: Input should be 'r1_zero', 'boxed', 'chat', 'plain' or 'readable'"),
        (("--data", "absent.jsonl"), "absent.jsonl does not exist"),
        (("--data", "EMPTY"), "empty.jsonl is empty; it needs at least one row"),
        (("--set", "max_tokens=20"), "and 20 are allowed"),
        (("--set", "batchsize=20"), "unknown key 'batchsize'"),
    ],
)
def test_a_mistake_ends_in_one_line(world, words, message):
    folder, settings = world
    (folder / "empty.jsonl").touch()
    words = [str(folder / "empty.jsonl") if word == "EMPTY" else word for word in words]
    result = run("--model", settings["model"], "--data", settings["data"], *words, "--out", folder / "run")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_model_and_data_have_to_be_named(world):
    folder, _ = world
    assert run("--data", "x.jsonl", "--out", folder / "run").stderr == (
        "error: no model: give a config file or --model, e.g. "
        "r1kit sft --model nano --data examples.jsonl --out runs/sft\n"
    )
    assert run("--model", "nano", "--out", folder / "run").stderr.startswith("error: no data: give a config file or")
