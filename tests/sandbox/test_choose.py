import pytest

from r1kit.errors import ConfigError, R1KitError
from r1kit.sandbox import SandboxError, choose, open_sandbox, status
from r1kit.sandbox.bwrap import BwrapSandbox
from r1kit.sandbox.executables import find_executable


@pytest.fixture
def bwrap_works():
    try:
        BwrapSandbox()
    except SandboxError as error:
        pytest.skip(str(error))


def broken(name):
    def make():
        raise SandboxError(f"sandbox {name}: not today")

    return make


def test_auto_takes_the_first_that_works(monkeypatch):
    made = object()
    monkeypatch.setattr(choose, "BACKENDS", {"bwrap": broken("bwrap"), "namespaces": lambda: made, "plain": None})
    assert open_sandbox() is made


def test_auto_takes_plain_only_when_that_is_allowed(monkeypatch):
    made = object()
    backends = {"bwrap": broken("bwrap"), "namespaces": broken("namespaces"), "plain": lambda: made}
    monkeypatch.setattr(choose, "BACKENDS", backends)
    with pytest.raises(SandboxError, match=r"bwrap: not today; .*namespaces: not today.*apt-get install bubblewrap"):
        open_sandbox()
    assert open_sandbox(unsafe=True) is made


def test_plain_by_name_needs_the_word_too():
    with pytest.raises(ConfigError, match="unsafe=True"):
        open_sandbox("plain")
    assert open_sandbox("plain", unsafe=True).name == "plain"


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(ConfigError, match=r"unknown sandbox 'bwarp'; known: auto, .*Did you mean 'bwrap'\?"):
        open_sandbox("bwarp")


def test_without_bwrap_the_message_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SandboxError, match="bwrap is not on the PATH; install it with: apt-get install bubblewrap"):
        BwrapSandbox()


def test_a_bwrap_that_makes_no_box_is_reported_with_its_own_words(monkeypatch, tmp_path):
    tool = tmp_path / "bwrap"
    tool.write_text("#!/bin/sh\necho 'bwrap: No permissions to create a new namespace' >&2\nexit 1\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SandboxError, match="the box could not be made: bwrap: No permissions"):
        BwrapSandbox()


@pytest.mark.usefixtures("bwrap_works")
def test_a_python_that_the_boxs_user_cannot_run_is_found_out_at_once(monkeypatch):
    """Else every program would seem to fail by itself and be scored 0."""
    monkeypatch.setattr(status, "python_executable", lambda: find_executable("false"))
    with pytest.raises(
        SandboxError, match=r"false does not run in a box .exit 1: it said nothing.; its folder must be"
    ):
        BwrapSandbox()


def test_the_survey_names_every_backend(monkeypatch):
    backends = {"bwrap": broken("bwrap"), "namespaces": object, "plain": object}
    monkeypatch.setattr(choose, "BACKENDS", backends)
    assert choose.survey() == {
        "bwrap": "sandbox bwrap: not today",
        "namespaces": "works",
        "plain": "works, but stops no attack; only with unsafe=True",
    }


def test_sandbox_errors_are_ours():
    assert issubclass(SandboxError, R1KitError)
    assert issubclass(SandboxError, RuntimeError)
