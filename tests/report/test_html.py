import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

from r1kit.errors import RunError
from r1kit.report.html import build_report, headlines

from .synthetic import write_run

VOID = {"meta", "br", "hr", "img", "input", "link"}


class Page(HTMLParser):
    """Collects tags and text, and holds that every tag is closed in order."""

    def __init__(self, text: str):
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("runs") / "zero")


@pytest.fixture(scope="module")
def page(run: Path) -> Page:
    return Page(build_report(run).read_text(encoding="utf-8"))


def test_the_headline_numbers_are_those_of_the_summary(page: Page):
    # pass@1 at step 0 and 80 of tests/report/synthetic.py: 0.13 + 0.69 / (1 + e^3.2) and 0.13 + 0.69 / (1 + e^-4.8);
    # standard errors 0.25 / sqrt(128) = 2.2 %, of the difference sqrt(2) times that.
    assert "pass@1 15.7 % ± 2.2 81.4 % ± 2.2 +65.7 ± 3.1" in page.text
    assert "128 problems at the start, 128 at the end, 16 samples each" in page.text
    assert "One run, seed 0" in page.text
    assert "has not ended" not in page.text


def test_start_middle_and_end_stand_side_by_side_with_score_reason_and_length(page: Page):
    assert "Step 0 · base model ✗ 0.00 · no think part · read as 17 · 12 tokens, cut at the limit" in page.text
    assert "? not judged · timeout after 5 s" in page.text
    assert "Step 40 ✓ 1.10 · correct · 52 tokens" in page.text
    assert "◐ 0.10 · wrong answer" in page.text
    assert "Step 80 · final model ✓ 1.10" in page.text
    assert "再检查一遍" in page.text
    assert {"think", "answer", "tag"} <= {attrs.get("class") for tag, attrs in page.seen if tag == "span"}


def test_config_hardware_and_digest_are_told(page: Page):
    assert "Group size G 16" in page.text
    assert "Reward weights accuracy 1, format 0.1" in page.text
    assert "Some CPU (AVX512), 2 of 8 cores, 23.5 GiB, no GPU" in page.text
    assert re.search(r"Config digest [0-9a-f]{12} \(SHA-256 of config\.json\)", page.text)


def test_nothing_of_a_run_becomes_markup_and_nothing_is_fetched(run: Path, page: Page):
    tags = {tag for tag, _ in page.seen}
    assert not tags & {"script", "link", "img", "iframe"}
    assert "<script>alert(0)</script>" in page.text  # as text, from the prompt
    assert "word <b>problem</b> $x_1$" in page.text  # a family's name, from the figure and the table
    raw = (run / "report.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in raw
    addresses = {value for _, attrs in page.seen for key, value in attrs.items() if key in ("src", "href")}
    assert addresses == set()
    assert all((a := attrs.get("xlink:href")) is None or a.startswith("#") for _, attrs in page.seen)
    assert "@import" not in raw
    assert "url(http" not in raw


def test_ids_are_unique(page: Page):
    ids = [attrs["id"] for _, attrs in page.seen if "id" in attrs]
    assert len(ids) == len(set(ids))


def test_the_page_is_the_same_when_built_again(run: Path):
    before = (run / "report.html").read_bytes()
    assert build_report(run).read_bytes() == before
    assert not list(run.glob(".*"))


def test_a_run_that_has_not_ended_says_so(tmp_path: Path):
    text = Page(build_report(write_run(tmp_path / "half", finished=False)).read_text(encoding="utf-8")).text
    assert "This run has not ended: step 40 of 80." in text
    assert "latest, step 40" in text
    assert "final model" not in text


def test_before_the_first_evaluation_and_without_transcripts_there_is_still_a_page(tmp_path: Path):
    run = write_run(tmp_path / "early", finished=False)
    (run / "transcripts.jsonl").unlink()
    (run / "metrics.jsonl").write_text('{"step": 1, "train/entropy": 0.5}\n')
    text = Page(build_report(run).read_text(encoding="utf-8")).text
    assert "No evaluation has been written yet." in text
    assert "The same problems" not in text


def test_folders_that_are_no_run_are_named_in_one_line(run: Path, tmp_path: Path):
    empty = tmp_path / "empty"
    empty.mkdir()
    started = tmp_path / "started"
    shutil.copytree(run, started)
    (started / "metrics.jsonl").write_text("")
    broken = tmp_path / "broken"
    shutil.copytree(run, broken)
    (broken / "config.json").write_text("{")
    for folder, message in (
        (tmp_path / "none", "does not exist"),
        (empty, "is no run folder: it has no config.json"),
        (started, "has no rows yet"),
        (broken, "config.json is not valid JSON"),
    ):
        with pytest.raises(RunError, match=message) as caught:
            build_report(folder)
        assert "\n" not in str(caught.value)
        assert not (folder / "report.html").exists() or folder in (started, broken)


def test_a_change_without_both_errors_has_none():
    side = {"k": 4, "cons_at_k": None, "format_rate": 0.5, "mean_length_tokens": 10.0, "truncated_rate": None}
    base = {**side, "pass_at_1": 0.2, "reflection_rate": None, "language_mixing_rate": None}
    final = {**base, "pass_at_1": 0.5, "stderr": 0.03, "mean_length_tokens": 8.0, "reflection_rate": 0.25}
    table = {row.label: row for row in headlines(base, final)}
    assert list(table) == ["pass@1", "In the asked-for format", "Mean length, tokens", "Reflection"]
    assert (table["pass@1"].change, table["pass@1"].change_error) == ("+30.0", "")
    assert table["Mean length, tokens"].change == "-2.0"
    assert (table["Reflection"].base, table["Reflection"].change) == ("–", "–")
