"""The examples do what they say."""

import importlib.util
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


def load(name):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_score_completions(capsys):
    scores = load("score_completions").main()
    # Right and well formed 1.1, wrong in the format 0.1, right outside the format nothing.
    assert [score.value for score in scores] == pytest.approx([1.1, 1.1, 0.1, 0.0, 0.0])
    assert "text after </answer>" in capsys.readouterr().out


def test_own_reward_shortens_the_completions():
    lengths = load("own_reward").main()
    assert sum(lengths[-2:]) < 0.7 * sum(lengths[:2])


def test_every_example_has_a_test():
    assert {path.stem for path in EXAMPLES.glob("*.py")} == {"score_completions", "own_reward"}
