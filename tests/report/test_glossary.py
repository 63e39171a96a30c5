from pathlib import Path

import pytest

from r1kit.report.glossary import GLOSSARY, check_keys, find_metric, render_page

PAGE = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"


def test_the_committed_page_is_the_generated_one():
    assert PAGE.read_text(encoding="utf-8") == render_page(), "run: python -m r1kit.report.glossary > docs/metrics.md"


def test_keys_are_unique_and_each_has_a_row_in_the_page():
    keys = [metric.key for metric in GLOSSARY]
    assert len(set(keys)) == len(keys)
    page = render_page()
    assert [key for key in keys if f"| `{key}` |" not in page] == []
    assert [m.key for m in GLOSSARY if not m.definition.endswith(".") or "\n" in m.definition] == []


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ("reward/accuracy", "reward/accuracy"),  # the exact line, not the pattern of other parts
        ("reward/unjudged_rate", "reward/unjudged_rate"),
        ("reward/language", "reward/<part>"),
        ("eval/pass_at_1", "eval/pass_at_1"),
        ("eval/pass_at_1/chain sums", "eval/pass_at_1/<family>"),
        ("eval/pass_at_1/openai/gsm8k", "eval/pass_at_1/<family>"),
        ("train/accuracy/chain", "train/accuracy/<family>"),
    ],
)
def test_a_key_finds_its_line(key: str, line: str):
    metric = find_metric(key)
    assert metric is not None
    assert metric.key == line


@pytest.mark.parametrize("key", ["reward/", "train/reward", "eval/pass_at_1/", "train/accuracy", "xeval/k", "eval/kk"])
def test_other_keys_find_none(key: str):
    assert find_metric(key) is None


def test_an_unknown_key_fails_with_the_nearest_one():
    check_keys({"step": 1, "train/loss": 0.0, "reward/length": 1.0})
    with pytest.raises(AssertionError, match=r"'train/los' is not in .*Did you mean 'train/loss'\?"):
        check_keys({"step": 1, "train/los": 0.0})
