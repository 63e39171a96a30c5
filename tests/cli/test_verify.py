import gzip
import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from r1kit.cli import verdicts, verify
from r1kit.errors import ConfigError, DataError
from r1kit.sandbox import SandboxError, open_sandbox


def run(*words, stdin=None):
    result = CliRunner().invoke(verify.app, [str(word) for word in words], input=stdin)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def lines_of(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def write_rows(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


PAIRS = [
    {"gold": "1/2", "pred": "0.5"},
    {"gold": "17", "pred": r"So it is \boxed{17}.", "id": "b"},
    {"gold": "7", "pred": "8"},
    {"gold": 12, "pred": "<think> 12 </think> The answer is 12."},
    {"gold": "", "pred": "1"},
]
VALUES = [1.0, 1.0, 0.0, 1.0, None]


def test_math_judges_pairs_in_order(tmp_path):
    out = tmp_path / "new" / "verdicts.jsonl"
    result = run("math", "--in", write_rows(tmp_path / "pairs.jsonl", PAIRS), "--out", out)
    verdicts = lines_of(out)
    assert [verdict["value"] for verdict in verdicts] == VALUES
    assert verdicts[0] == {"value": 1.0, "reason": "correct", "parsed": "1/2"}
    assert set(verdicts[1]) == {"id", "value", "reason", "parsed"}
    assert verdicts[1]["id"] == "b"
    assert result.stdout == ""
    assert result.stderr.startswith("5 rows: 3 right, 1 wrong, 1 not judged; ")


def test_what_needs_a_worker_keeps_its_place(tmp_path):
    rows = [{"gold": r"\sqrt{8} + x", "pred": r"x + 2\sqrt{2}"}, *PAIRS, {"gold": "x + y", "pred": "x - y"}]
    printed = run("math", "--in", write_rows(tmp_path / "rows.jsonl", rows), "--workers", 1).stdout
    assert [json.loads(line)["value"] for line in printed.splitlines()] == [1.0, *VALUES, 0.0]


def test_pipes_and_gzip(tmp_path):
    text = "".join(json.dumps(row) + "\n\n" for row in PAIRS)
    printed = run("math", "--in", "-", stdin=text).stdout
    assert [json.loads(line)["value"] for line in printed.splitlines()] == VALUES
    file = tmp_path / "pairs.jsonl.gz"
    file.write_bytes(gzip.compress(text.encode()))
    assert run("math", "--in", file).stdout == printed


def test_a_switch_changes_a_verdict(tmp_path):
    rows = write_rows(tmp_path / "rows.jsonl", [{"gold": "50", "pred": "50%"}])
    assert json.loads(run("math", "--in", rows).stdout)["value"] == 1.0
    assert json.loads(run("math", "--in", rows, "--set", "percent=fraction").stdout)["value"] == 0.0
    with pytest.raises(ConfigError, match=r"unknown switch 'percnt' in math_policy; known: .*'percent'"):
        run("math", "--in", rows, "--set", "percnt=fraction")
    with pytest.raises(ConfigError, match="'percent' is not SWITCH=VALUE"):
        run("math", "--in", rows, "--set", "percent")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "not JSON: .* at column 2; a row is one object a line"),
        ("[1]", r"not an object; a row is \{gold, pred\}"),
        ('{"gold": "1"}', r"no 'pred'; a row is \{gold, pred\}, it has gold"),
        ('{"gold": "1", "pred": ["2"]}', r"'pred' is \[\"2\"\]; it must be text or a number"),
        ('{"gold": true, "pred": "2"}', "'gold' is true; it must be text or a number"),
    ],
)
def test_a_bad_row_is_one_line_and_nothing_before_it_is_lost(line, message, tmp_path):
    rows, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    good = json.dumps({"gold": "1/2", "pred": "2/4"}) + "\n"
    rows.write_text(good * 3 + line + "\n" + good)
    with pytest.raises(DataError, match=rf"rows.jsonl:4: {message}; 3 verdicts are in .*--resume") as error:
        run("math", "--in", rows, "--out", out)
    assert "\n" not in str(error.value)
    assert [verdict["value"] for verdict in lines_of(out)] == [1.0, 1.0, 1.0]
    rows.write_text(good * 5)
    out.write_text(out.read_text() + '{"value": 0.0, "rea')  # as if it had been killed while it wrote
    result = run("math", "--in", rows, "--out", out, "--resume")
    assert result.stderr.startswith("2 rows (after 3 from before): 2 right, 0 wrong, 0 not judged; ")
    assert [verdict["value"] for verdict in lines_of(out)] == [1.0] * 5


def test_files_that_cannot_be_used(tmp_path):
    with pytest.raises(DataError, match=r"absent.jsonl does not exist"):
        run("math", "--in", "absent.jsonl")
    with pytest.raises(DataError, match=r"is a folder; give a \.jsonl file"):
        run("math", "--in", tmp_path)
    with pytest.raises(ConfigError, match="--resume needs a file"):
        run("math", "--in", "-", "--resume")
    (tmp_path / "x.gz").write_bytes(b"no")
    with pytest.raises(DataError, match="not a whole gzip file"):
        run("math", "--in", tmp_path / "x.gz")


class Slow:
    def __init__(self):
        self.is_read = False

    def done(self):
        return False

    def result(self):
        self.is_read = True
        return verdicts.Score(value=1.0, reason="slow")


def test_only_so_many_rows_are_in_flight(monkeypatch, tmp_path):
    monkeypatch.setattr(verdicts, "MAX_IN_FLIGHT", 4)
    started = []

    def start(row):
        started.append(Slow())
        assert sum(not pending.is_read for pending in started) <= 4
        return started[-1]

    rows = write_rows(tmp_path / "rows.jsonl", [{"gold": str(i)} for i in range(20)])
    verb = verdicts.Verb(fields=verdicts.Fields(needed=("gold",)), start=start)
    summary = verdicts.stream(verb, str(rows), str(tmp_path / "out"), resume=False)
    assert summary.startswith("20 rows: 20 right")
    assert len(lines_of(tmp_path / "out")) == 20


def test_a_verdict_that_needs_no_worker_is_written_at_once():
    command = [sys.executable, "-c", "from r1kit.cli.verify import app; app()", "math", "--in", "-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        for value in ("1", "2"):
            process.stdin.write(json.dumps({"gold": "1", "pred": value}).encode() + b"\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["value"] == float(value == "1")
        process.stdin.close()
        assert process.wait(timeout=60) == 0


def test_format(tmp_path):
    whole = "<think> a </think> <answer> b </answer>"
    rows = [{"completion": whole}, {"completion": r"\boxed{3}", "template": "boxed"}, {"completion": "b"}]
    printed = run("format", "--in", write_rows(tmp_path / "rows.jsonl", rows)).stdout.splitlines()
    assert [json.loads(line) for line in printed] == [
        {"value": 1.0, "reason": "well formed"},
        {"value": 1.0, "reason": "well formed"},
        {"value": 0.0, "reason": "no <think>"},
    ]
    with pytest.raises(DataError, match=r"rows.jsonl:1: unknown template 'boxd'; known: .*'boxed'"):
        run("format", "--in", write_rows(tmp_path / "rows.jsonl", [{"completion": "", "template": "boxd"}]))
    with pytest.raises(DataError, match=r"rows.jsonl:1: unknown field 'templates'; known: .*'template'"):
        run("format", "--in", write_rows(tmp_path / "rows.jsonl", [{"completion": "", "templates": "boxed"}]))


def test_language(tmp_path):
    rows = [
        {"completion": "<think> two words 两字 </think> 答案", "language": "en"},
        {"completion": "1 + 1", "language": "en"},
    ]
    printed = run("language", "--in", write_rows(tmp_path / "rows.jsonl", rows)).stdout.splitlines()
    assert json.loads(printed[0]) == {"value": 0.5, "reason": "50% of the words are en"}
    assert json.loads(printed[1])["value"] == 0.0
    with pytest.raises(DataError, match=r"rows.jsonl:1: unknown language 'xx'"):
        run("language", "--in", write_rows(tmp_path / "rows.jsonl", [{"completion": "word", "language": "xx"}]))


def test_logic(tmp_path):
    info = {"numbers": [3, 5, 7], "target": 22}
    rows = [
        {"verifier": "countdown", "pred": "3 * 5 + 7", "info": info},
        {"verifier": "countdown", "completion": "<think> 22 </think> <answer> 3 * 5 + 8 </answer>", "info": info},
        {"verifier": "math", "gold": "4", "completion": r"<think> \boxed{5} </think> \boxed{4}"},
    ]
    printed = run("logic", "--in", write_rows(tmp_path / "rows.jsonl", rows)).stdout.splitlines()
    assert [json.loads(line)["value"] for line in printed] == [1.0, 0.0, 1.0]
    with pytest.raises(DataError, match=r"rows.jsonl:1: unknown verifier 'countdwn'; known: .*'countdown'"):
        run("logic", "--in", write_rows(tmp_path / "rows.jsonl", [{"verifier": "countdwn", "pred": "1"}]))
    with pytest.raises(DataError, match=r"rows.jsonl:1: .*needs info"):
        run("logic", "--in", write_rows(tmp_path / "rows.jsonl", [{"verifier": "countdown", "pred": "1"}]))
    with pytest.raises(DataError, match="no 'pred or completion'"):
        run("logic", "--in", write_rows(tmp_path / "rows.jsonl", [{"verifier": "math", "gold": "1"}]))


def test_code(tmp_path):
    try:
        open_sandbox()
    except SandboxError as error:
        pytest.skip(str(error))
    program = "```python\nprint(int(input()) + 1)\n```"
    tests = [{"type": "stdio", "input": "1\n", "output": "2\n"}, {"type": "stdio", "input": "4\n", "output": "5\n"}]
    wrong = [*tests[:1], {"type": "stdio", "input": "4\n", "output": "6\n"}]
    rows = [
        {"completion": program, "language": "python", "tests": tests},
        {"completion": program, "language": "python", "tests": wrong, "time_limit_s": 5},
        {"completion": "no program", "language": "python", "tests": tests},
    ]
    file = write_rows(tmp_path / "rows.jsonl", rows)
    verdicts = [json.loads(line) for line in run("code", "--in", file).stdout.splitlines()]
    assert [verdict["value"] for verdict in verdicts] == [1.0, 0.0, 0.0]
    assert set(verdicts[0]) == {"value", "reason", "tests_passed", "tests_total"}
    assert [(verdict["tests_passed"], verdict["tests_total"]) for verdict in verdicts] == [(2, 2), (1, 2), (0, 2)]
    partial = run("code", "--in", file, "--partial-credit").stdout.splitlines()
    assert [json.loads(line)["value"] for line in partial] == [1.0, 0.5, 0.0]
