"""The scripted engine, and that the package of engines loads nothing heavy."""

import subprocess
import sys

import pytest
from tiny import EOS_ID, byte_tokenizer

from r1kit.engines import ENGINES, Engine
from r1kit.engines.fake import FakeEngine
from r1kit.errors import DataError
from r1kit.types import SamplingParams, StopReason


def sample(engine, prompts, num_samples=1, seed=0, **params):
    return engine.sample(prompts, num_samples=num_samples, params=SamplingParams(**params), seed=seed)


def test_importing_the_package_loads_no_torch():
    code = "import sys, r1kit.engines, r1kit.engines.fake; print({'torch', 'transformers'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_texts_by_prompt_index_problem_major_starting_over():
    engine = ENGINES["fake"](byte_tokenizer(), [["a", "b"], ["c"]])
    completions = sample(engine, [[1], [2]], 3)
    assert [c.text for c in completions] == ["a", "b", "a", "c", "c", "c"]
    assert completions[0].tokens == (ord("a"), EOS_ID)
    assert completions[0].logprobs == (-1.0, -1.0)
    assert {c.stop_reason for c in completions} == {StopReason.END_TOKEN}
    assert isinstance(engine, Engine)


def test_texts_by_prompt_tokens():
    engine = FakeEngine(byte_tokenizer(), {(1, 2): ["x"], (3,): ["y"]})
    assert [c.text for c in sample(engine, [[3], [1, 2]])] == ["y", "x"]


def test_texts_from_a_function():
    engine = FakeEngine(byte_tokenizer(), lambda prompt, sample, seed: f"{sum(prompt)} {sample} {seed}")
    assert [c.text for c in sample(engine, [[3], [1, 1]], 2, seed=9)] == ["3 0 9", "3 1 9", "2 0 9", "2 1 9"]


def test_length_and_stop_strings():
    engine = FakeEngine(byte_tokenizer(), [["abc</answer>def"]])
    (cut,) = sample(engine, [[1]], max_new_tokens=5)
    assert (cut.text, len(cut.tokens), cut.stop_reason) == ("abc</", 5, StopReason.LENGTH)
    (stopped,) = sample(engine, [[1]], stop=("</answer>",))
    assert (stopped.text, stopped.stop_reason) == ("abc</answer>", StopReason.STOP_STRING)
    (empty,) = sample(FakeEngine(byte_tokenizer(), [[""]]), [[1]])
    assert empty.tokens == (EOS_ID,)


def test_logprobs_and_versions_are_given():
    engine = FakeEngine(byte_tokenizer(), [["ab"]], logprob=lambda prompt, tokens: [-0.5 * len(prompt) for _ in tokens])
    engine.load_weights(None, version=4)
    (completion,) = sample(engine, [[1, 2, 3]])
    assert completion.logprobs == (-1.5, -1.5, -1.5)
    assert completion.policy_version == 4
    assert engine.score_tokens([([1], [5, 6])], temperature=1.0) == [[-0.5, -0.5]]
    assert FakeEngine(byte_tokenizer(), [[]], logprob=-2.0).score_tokens([([1], [5])], temperature=1.0) == [[-2.0]]


def test_prompts_without_a_text():
    engine = FakeEngine(byte_tokenizer(), [["a"]])
    with pytest.raises(DataError, match="prompt 1 has no text in the script"):
        sample(engine, [[1], [2]])
    with pytest.raises(DataError, match="prompt 0 is empty"):
        sample(engine, [[]])
