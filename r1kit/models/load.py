"""Open and save models: Hugging Face folders in, Hugging Face folders out.

`load_model` takes what the configs call `model` (a folder, a run folder, a hub name, or a shipped one) and checks,
before hours of training, all that training and sampling will need of it. `save_model` writes a folder that plain
`AutoModelForCausalLM` and `AutoTokenizer` open.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
from huggingface_hub.errors import GatedRepoError, HFValidationError, RepositoryNotFoundError
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from r1kit.errors import ModelError, RunError

_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")

DEFAULT_CARD = """\
---
library_name: transformers
pipeline_tag: text-generation
---
A causal language model saved by [r1kit](https://pypi.org/project/r1kit/).
"""


SHIPPED = {"nano": "nano", "nano-student": "nano_student"}
"""What configs call the scale model's base and the smaller base of its student, to their folders in r1kit/assets."""


def shipped_path(name: str) -> Path:
    """The folder of a shipped model."""
    return Path(str(files("r1kit"))) / "assets" / SHIPPED[name]


def load_model(
    name_or_path: str | Path, *, dtype: torch.dtype = torch.float32
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Open a causal language model and its tokenizer, in evaluation mode on the CPU, with weights of type `dtype`.

    Raises:
        ModelError: no such folder or hub model, not a causal language model, damaged or incomplete weights, no
            tokenizer, a tokenizer without an end token, or one with more tokens than the model has embeddings.
    """
    source = resolve_model(name_or_path)
    config = load_model_config(source)
    tokenizer = _load_tokenizer(source)
    with _model_errors(source, "weights"):
        opened: Any = AutoModelForCausalLM.from_pretrained(
            source, config=config, dtype=dtype, trust_remote_code=False, output_loading_info=True
        )
    model, report = opened
    absent = sorted([*report["missing_keys"], *(key for key, *_ in report["mismatched_keys"])])
    if absent:
        raise ModelError(
            f"model {source}: {len(absent)} parameters are missing from the weights or have another shape, e.g. "
            f"{absent[0]}; they would start at random, so get a complete copy"
        )
    num_embeddings = model.get_input_embeddings().weight.shape[0]
    if len(tokenizer) > num_embeddings:
        raise ModelError(
            f"model {source}: its tokenizer has {len(tokenizer)} tokens but the model has {num_embeddings} embeddings; "
            "use the model's own tokenizer, or resize with model.resize_token_embeddings"
        )
    _mend_generation_config(model, source)
    return model.eval(), tokenizer


def model_label(name_or_path: str | Path) -> str:
    """What a card calls a model: its hub name, or of a folder the name without the path to it.

    >>> model_label("Qwen/Qwen2.5-1.5B")
    'Qwen/Qwen2.5-1.5B'
    """
    path = Path(name_or_path).expanduser()
    if not path.is_dir():
        return str(name_or_path)
    return path.resolve().parent.name if path.name == "model" else path.resolve().name


def resolve_model(name_or_path: str | Path) -> str:
    """Turn the name of a model into a folder or a hub name that transformers opens.

    The names of SHIPPED come with r1kit, a folder with a `model` folder in it (a run) stands for that, and a name that
    cannot be a folder by mistake is left for the hub.

    Raises:
        ModelError: a folder that does not exist or holds no model.
    """
    if isinstance(name_or_path, str) and name_or_path in SHIPPED:
        shipped = shipped_path(name_or_path)
        if not is_model_folder(shipped):
            raise ModelError(f"the shipped model {name_or_path!r} is missing from {shipped}; fix: install r1kit again")
        return str(shipped)
    name, path = str(name_or_path), Path(name_or_path).expanduser()
    for folder in (path, path / "model"):
        if is_model_folder(folder):
            return str(folder)
    if path.is_file():
        raise ModelError(f"model {name} is a file; give the folder that holds config.json{_gguf_hint(path)}")
    if path.is_dir():
        adapter = (path / "adapter_config.json").exists()
        why = "holds an adapter; merge it into its base first" if adapter else "has no config.json with a model_type"
        raise ModelError(f"model folder {name} {why}; allowed: a Hugging Face model folder or a run folder")
    in_a_folder = path.parent != Path() and path.parent.is_dir()
    if isinstance(name_or_path, Path) or in_a_folder or not _HUB_NAME.fullmatch(name):
        raise ModelError(f"model folder {name} does not exist{_nearest(path)} (working folder: {Path.cwd()})")
    return name


def is_model_folder(path: Path) -> bool:
    """Whether `path` holds a Hugging Face model: a config.json with a model_type, or a broken one (told on loading)."""
    try:
        config = json.loads((path / "config.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return False
    except ValueError:
        return True
    return isinstance(config, dict) and "model_type" in config


def load_model_config(source: str | Path) -> PretrainedConfig:
    """The config of a model that `resolve_model` named; no weights are read.

    Raises:
        ModelError: unreadable, of an unknown architecture, or not a causal language model.
    """
    with _model_errors(source, "config"):
        config = AutoConfig.from_pretrained(source, trust_remote_code=False)
    causal = set(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values())
    architectures = config.architectures or [MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.get(config.model_type, "none")]
    if causal.isdisjoint(architectures):
        raise ModelError(
            f"model {source} is a {config.model_type} ({', '.join(architectures)}), not a causal language model; "
            "allowed: what AutoModelForCausalLM opens, e.g. LlamaForCausalLM, Qwen2ForCausalLM"
        )
    return config


def save_model(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    path: Path,
    *,
    dtype: torch.dtype | None = None,
    card: str | None = None,
) -> None:
    """Write a complete Hugging Face folder; `path` is never seen half-written, and an older model there is replaced.

    Args:
        model: A causal language model or a reward model.
        tokenizer: The model's own.
        path: The folder.
        dtype: Convert the floating-point weights on the way to the disk; None keeps theirs. `model` is not changed.
        card: The text of README.md; None writes a line that says where the model is from.

    Raises:
        ModelError: `path` exists and is not a model folder, so replacing it would lose something else.
        RunError: the disk has no room for it.
    """
    if path.exists() and not is_model_folder(path) and not (path.is_dir() and not any(path.iterdir())):
        raise ModelError(f"{path} exists and is not a model folder; it is not replaced, so choose another path")
    state = _converted(model.state_dict(), dtype)
    path.parent.mkdir(parents=True, exist_ok=True)
    _check_disk(path, {tensor.data_ptr(): tensor.nbytes for tensor in state.values()})
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as scratch:
        new = Path(scratch) / "new"
        model.save_pretrained(new, state_dict=state)
        tokenizer.save_pretrained(new)
        _set_json(new / "config.json", "dtype", str(dtype or model.dtype).removeprefix("torch."))
        if model.can_generate() and model.generation_config.eos_token_id is None:
            _set_json(new / "generation_config.json", "eos_token_id", tokenizer.eos_token_id)
        (new / "README.md").write_text(card or DEFAULT_CARD, encoding="utf-8")
        for weights in new.glob("*.safetensors"):
            shutil.copymode(new / "config.json", weights)  # safetensors lets only the owner read
        if path.exists():
            path.rename(Path(scratch) / "old")  # a folder cannot be renamed over a full one; removed with scratch
        new.rename(path)


def _load_tokenizer(source: str) -> PreTrainedTokenizerBase:
    with _model_errors(source, "tokenizer"):
        tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=False)
    if tokenizer.eos_token_id is None:
        raise ModelError(
            f"model {source}: its tokenizer has no end token, so completions would never end; "
            "fix: set eos_token in tokenizer_config.json"
        )
    return tokenizer


def _mend_generation_config(model: PreTrainedModel, source: str) -> None:
    # Many published models set a temperature without do_sample; transformers opens such a folder and then refuses
    # to save it, which would be after the training.
    try:
        model.generation_config.validate(strict=True)
    except ValueError:
        model.generation_config.do_sample = True
        with _model_errors(source, "generation config"):
            model.generation_config.validate(strict=True)


@contextmanager
def _model_errors(source: str | Path, part: str) -> Iterator[None]:
    """Turn what transformers raises for a bad folder or hub name into a one-line ModelError."""
    try:
        yield
    except (OSError, ValueError, KeyError, SafetensorError, RuntimeError) as error:
        raise ModelError(f"model {source}: {_explain(error, part)}") from error


def _explain(error: BaseException, part: str) -> str:
    causes: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in causes:
        causes.append(cause)
        cause = cause.__cause__ or cause.__context__
    text = str(error)
    if any(isinstance(cause, GatedRepoError) for cause in causes):
        return "the hub gives it only to those who accepted its terms; accept them there, then `hf auth login`"
    if any(isinstance(cause, RepositoryNotFoundError | HFValidationError) for cause in causes):
        return "there is no such folder here and no such model on the hub; check the spelling"
    if any(isinstance(cause, ConnectionError) for cause in causes) or "couldn't connect" in text:
        return "there is no such folder here and the hub cannot be reached; give a local folder, or go online"
    if "trust_remote_code" in text:
        return "it needs Python code from its repository, which r1kit does not run; use a built-in architecture"
    if "backend tokenizer" in text:
        return "there is no tokenizer in it; copy tokenizer.json and tokenizer_config.json from its base model"
    first = next((line.strip() for line in text.splitlines() if line.strip()), type(error).__name__)
    return f"its {part} cannot be read: {first}"


def _converted(state: Mapping[str, torch.Tensor], dtype: torch.dtype | None) -> dict[str, torch.Tensor]:
    """`state` with floating-point tensors as `dtype`; tensors that were one (tied weights) stay one."""
    if dtype is None:
        return dict(state)
    done: dict[tuple[int, torch.Size], torch.Tensor] = {}
    for tensor in state.values():
        key = (tensor.data_ptr(), tensor.shape)
        if key not in done:
            done[key] = tensor.to("cpu", dtype if tensor.is_floating_point() else tensor.dtype)
    return {name: done[tensor.data_ptr(), tensor.shape] for name, tensor in state.items()}


def _check_disk(path: Path, bytes_of: Mapping[int, int]) -> None:
    needed, free = sum(bytes_of.values()), shutil.disk_usage(path.parent).free
    if needed > free:
        raise RunError(f"{path} needs {needed / 1e9:.2f} GB and its disk has {free / 1e9:.2f} GB free; make room")


def _set_json(path: Path, key: str, value: object) -> None:
    values = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(values | {key: value}, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _nearest(path: Path) -> str:
    if not path.parent.is_dir():
        return ""
    found = difflib.get_close_matches(path.name, os.listdir(path.parent), n=1, cutoff=0.6)
    return f"; did you mean {path.parent / found[0]}?" if found else ""


def _gguf_hint(path: Path) -> str:
    return ", or turn this GGUF file into one with r1kit.models.gguf.import_gguf" if path.suffix == ".gguf" else ""
