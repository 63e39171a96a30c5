import pytest
import typer
from typer.testing import CliRunner

from r1kit.cli import sandbox as command
from r1kit.errors import ConfigError
from r1kit.sandbox import Guarantee, choose
from r1kit.sandbox import check as checking
from r1kit.sandbox.check import Finding, Result

GUARANTEES = {"home": Guarantee(True, "walls"), "memory-of-all": Guarantee(False, "nobody counts")}


class Boasting:
    name = "bwrap"
    guarantees = GUARANTEES


def r1kit(*words):
    app = typer.Typer()
    app.add_typer(command.app, name="sandbox")
    return CliRunner().invoke(app, words, catch_exceptions=False)


def check(monkeypatch, *findings):
    """The command on a sandbox that boasts, whose attacks end as given."""
    results = [
        Result(attack=name, finding=finding, claimed=guarantee.covered, evidence="seen")
        for (name, guarantee), finding in zip(GUARANTEES.items(), findings, strict=True)
    ]
    monkeypatch.setattr(choose, "BACKENDS", {"bwrap": Boasting})
    monkeypatch.setattr(checking, "run_attacks", lambda sandbox: iter(results))
    return r1kit("sandbox", "check")


def test_a_sandbox_that_keeps_its_word(monkeypatch):
    result = check(monkeypatch, Finding.HELD, Finding.BROKEN)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "bwrap       works",
        "",
        "attacking bwrap:",
        "held        home             read a file of the user's: walls",
        "not covered memory-of-all    use 6 times 64 MB in 6 processes where 128 are allowed: nobody counts",
        "sandbox bwrap stops all that it says it stops",
    ]


@pytest.mark.parametrize(("finding", "verdict"), [(Finding.BROKEN, "NOT HELD"), (Finding.UNCLEAR, "UNCLEAR ")])
def test_a_broken_promise_ends_in_status_1(monkeypatch, finding, verdict):
    result = check(monkeypatch, finding, Finding.HELD)
    assert result.exit_code == 1
    assert f"{verdict}    home             read a file of the user's: seen\n" in result.stdout
    assert "error: sandbox bwrap does not keep its word: home" in result.stderr


def test_plain_has_to_be_allowed():
    with pytest.raises(ConfigError, match="stops no attack"):
        r1kit("sandbox", "check", "--sandbox", "plain")
