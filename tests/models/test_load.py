"""Opening and saving model folders, and the message for each thing that can be wrong with one."""

import json
import shutil
from pathlib import Path

import huggingface_hub.errors
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from r1kit.errors import ModelError, RunError
from r1kit.models import load
from r1kit.models.load import load_model, model_label, resolve_model, save_model


@pytest.fixture
def folder(tmp_path, llama, tokenizer):
    """A good model folder, to be spoilt."""
    save_model(llama, tokenizer, tmp_path / "good")
    return tmp_path / "good"


def edit_json(path, **changes):
    values = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in values.items() if value is not None}))


def same_weights(one, two):
    two = two.state_dict()
    return all(torch.equal(tensor, two[name]) for name, tensor in one.state_dict().items())


def test_what_is_saved_is_what_is_loaded(folder, llama, tokenizer):
    model, loaded_tokenizer = load_model(folder)
    assert same_weights(llama, model)
    assert model.dtype == torch.float32
    assert not model.training
    text = "the thing  in 1212\n\n Ünïcødé 中文 <|im_end|>"
    assert loaded_tokenizer.encode(text) == tokenizer.encode(text)
    assert loaded_tokenizer.chat_template == tokenizer.chat_template


def test_plain_transformers_opens_it(folder, llama):
    assert same_weights(llama, AutoModelForCausalLM.from_pretrained(folder))
    assert AutoTokenizer.from_pretrained(folder).eos_token == "<|im_end|>"
    assert json.loads((folder / "generation_config.json").read_text())["eos_token_id"] == 2
    assert (folder / "README.md").read_text().startswith("---\nlibrary_name: transformers\n")
    assert [path.name for path in folder.parent.iterdir()] == ["good"]  # no scratch left


def test_saving_as_bfloat16_rounds_the_file_and_leaves_the_model(tmp_path, llama, tokenizer):
    save_model(llama, tokenizer, tmp_path / "half", dtype=torch.bfloat16, card="# mine\n")
    with safe_open(tmp_path / "half" / "model.safetensors", "pt") as weights:
        assert "lm_head.weight" not in weights.keys()  # noqa: SIM118 (not a dict) - tied weights are stored once
        assert {weights.get_tensor(name).dtype for name in weights.keys()} == {torch.bfloat16}  # noqa: SIM118
    assert json.loads((tmp_path / "half" / "config.json").read_text())["dtype"] == "bfloat16"
    assert (tmp_path / "half" / "README.md").read_text() == "# mine\n"
    model, _ = load_model(tmp_path / "half", dtype=torch.bfloat16)
    weight = model.lm_head.weight
    assert weight is model.get_input_embeddings().weight
    assert torch.equal(weight, llama.lm_head.weight.bfloat16())
    assert llama.dtype == torch.float32


def test_saving_again_replaces_a_model_and_nothing_else(tmp_path, folder, llama, tokenizer):
    (folder / "stale.txt").write_text("old")
    save_model(llama, tokenizer, folder)
    assert not (folder / "stale.txt").exists()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").write_text('{"model": "nano"}')
    with pytest.raises(ModelError, match="exists and is not a model folder"):
        save_model(llama, tokenizer, tmp_path / "run")
    assert (tmp_path / "run" / "config.json").exists()


def test_a_full_disk_is_told_before_anything_is_written(tmp_path, monkeypatch, llama, tokenizer):
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(RunError, match=r"needs 0\.00 GB and its disk has 0\.00 GB free"):
        save_model(llama, tokenizer, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_failed_save_leaves_the_older_model(folder, monkeypatch, llama, tokenizer):
    def fail(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(tokenizer, "save_pretrained", fail, raising=False)
    with pytest.raises(KeyboardInterrupt):
        save_model(llama, tokenizer, folder)
    assert [path.name for path in folder.parent.iterdir()] == ["good"]
    assert same_weights(llama, load_model(folder)[0])


def test_a_generation_config_that_could_not_be_saved_is_mended(folder, tmp_path):
    edit_json(folder / "generation_config.json", temperature=0.6)  # without do_sample, as many published models have
    model, tokenizer = load_model(folder)
    save_model(model, tokenizer, tmp_path / "again")
    assert model.generation_config.do_sample is True
    assert model.generation_config.temperature == 0.6


def test_a_card_calls_a_model_by_its_name_alone(tmp_path):
    (tmp_path / "sft-0a1b" / "model").mkdir(parents=True)
    assert model_label(tmp_path / "sft-0a1b" / "model") == model_label(str(tmp_path / "sft-0a1b")) == "sft-0a1b"
    assert model_label("somebody/some-model") == "somebody/some-model"


def test_a_run_folder_opens_its_model(tmp_path, folder):
    run = tmp_path / "run"
    shutil.copytree(folder, run / "model")
    (run / "config.json").write_text('{"seed": 0}')
    assert resolve_model(run) == str(run / "model")
    assert resolve_model(str(folder)) == str(folder)


@pytest.mark.parametrize(("name", "place"), [("nano", "nano"), ("nano-student", "nano_student")])
def test_shipped_models_have_names(monkeypatch, folder, tmp_path, name, place):
    assert load.shipped_path(name) == Path(load.__file__).parents[1] / "assets" / place
    monkeypatch.setattr(load, "shipped_path", lambda name: folder)
    assert resolve_model(name) == str(folder)
    monkeypatch.setattr(load, "shipped_path", lambda name: tmp_path / "absent")
    with pytest.raises(ModelError, match=rf"the shipped model '{name}' is missing from .*; fix: install r1kit again"):
        resolve_model(name)


def test_a_name_is_a_folder_or_the_hub(tmp_path, folder, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert resolve_model("someone/model-1.5B") == "someone/model-1.5B"
    assert resolve_model("gpt2") == "gpt2"
    with pytest.raises(ModelError, match=r"model folder \./goood does not exist; did you mean good\?"):
        resolve_model("./goood")
    with pytest.raises(ModelError, match=r"goood does not exist; did you mean .*good\?"):
        resolve_model(tmp_path / "goood")
    with pytest.raises(ModelError, match=r"model folder a/b/c does not exist \(working folder"):
        resolve_model("a/b/c")


def test_what_is_not_a_model_folder(tmp_path):
    (tmp_path / "m.gguf").touch()
    with pytest.raises(ModelError, match=r"m\.gguf is a file; .* r1kit\.models\.gguf\.import_gguf"):
        resolve_model(tmp_path / "m.gguf")
    with pytest.raises(ModelError, match=r"has no config.json with a model_type; allowed: a Hugging Face model folder"):
        resolve_model(tmp_path)
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(ModelError, match="holds an adapter; merge it into its base first"):
        resolve_model(tmp_path)


def test_not_a_causal_language_model(folder):
    edit_json(folder / "config.json", architectures=["LlamaForSequenceClassification"])
    with pytest.raises(ModelError, match=r"is a llama \(LlamaForSequenceClassification\), not a causal language model"):
        load_model(folder)
    edit_json(folder / "config.json", architectures=None, model_type="t5")
    with pytest.raises(ModelError, match=r"is a t5 .*, not a causal language model"):
        load_model(folder)


def test_damaged_configs(folder):
    edit_json(folder / "config.json", model_type="unheard_of")
    with pytest.raises(ModelError, match=r"its config cannot be read: .*`unheard_of`"):
        load_model(folder)
    (folder / "config.json").write_text('{"model_type":')
    with pytest.raises(ModelError, match=r"its config cannot be read: .*not a valid JSON"):
        load_model(folder)


def test_damaged_weights(folder):
    weights = folder / "model.safetensors"
    whole = weights.read_bytes()
    tensors = {name: tensor.clone() for name, tensor in load_file(weights).items()}  # load_file maps the file
    weights.write_bytes(whole[:5000])
    with pytest.raises(ModelError, match="its weights cannot be read: "):
        load_model(folder)
    del tensors["model.norm.weight"]
    save_file(tensors, weights, metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"1 parameters are missing from the weights .*, e\.g\. model\.norm\.weight"):
        load_model(folder)
    weights.unlink()
    with pytest.raises(ModelError, match=r"its weights cannot be read: .*no file named model\.safetensors"):
        load_model(folder)


def test_tokenizers_that_training_cannot_use(folder):
    good = json.loads((folder / "tokenizer_config.json").read_text())
    edit_json(folder / "tokenizer_config.json", eos_token=None)
    with pytest.raises(ModelError, match=r"no end token.*fix: set eos_token in tokenizer_config.json"):
        load_model(folder)
    edit_json(folder / "tokenizer_config.json", **good)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens([f"<extra_{i}>" for i in range(30)])
    tokenizer.save_pretrained(folder)
    with pytest.raises(ModelError, match="has 297 tokens but the model has 288 embeddings"):
        load_model(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()
    with pytest.raises(ModelError, match=r"there is no tokenizer in it; copy tokenizer.json"):
        load_model(folder)


@pytest.mark.parametrize(
    ("cause", "message"),
    [
        (ConnectionError("no route"), "the hub cannot be reached; give a local folder, or go online"),
        (huggingface_hub.errors.HFValidationError("bad"), "no such model on the hub; check the spelling"),
        (ValueError("set `trust_remote_code=True`"), "needs Python code from its repository"),
    ],
)
def test_hub_failures_are_one_line(monkeypatch, cause, message):
    def fail(*_, **__):
        raise OSError(str(cause)) from cause

    monkeypatch.setattr(AutoConfig, "from_pretrained", fail)
    with pytest.raises(ModelError, match=message) as caught:
        load_model("someone/model")
    assert "\n" not in str(caught.value)
