import errno

import pytest

from r1kit.cli.boundary import DEBUG_VARIABLE, errors_end_here
from r1kit.errors import ConfigError, MissingExtra


def ends(error, capsys):
    """The exit status and stderr after `error` was raised inside the boundary."""
    with pytest.raises(SystemExit) as stop, errors_end_here():
        raise error
    return stop.value.code, capsys.readouterr().err


def test_an_error_of_the_user_is_one_line(capsys):
    status, text = ends(ConfigError("unknown key 'x'"), capsys)
    assert status == 1
    assert "error: unknown key 'x'" in text
    assert text.count("\n") == 1


def test_a_missing_extra_has_the_pip_line(capsys):
    _, text = ends(MissingExtra("trackio", "trackio", "the trackio sink"), capsys)
    assert "pip install 'r1kit[trackio]'" in text


def test_ctrl_c_says_how_to_go_on(capsys):
    line = "stopped; run the same command again to go on from the last checkpoint\n"
    assert ends(KeyboardInterrupt(), capsys) == (130, line)


@pytest.mark.parametrize(
    ("number", "line"),
    [
        (errno.ENOSPC, "error: runs/x: the disk is full; free some space and run the same command again"),
        (errno.EACCES, "error: runs/x: it cannot be written or read; choose another path or mend its permissions"),
        (errno.ENOENT, "error: runs/x: there is no such file or folder; check the spelling"),
    ],
)
def test_a_fault_of_the_disk_is_one_line(number, line, capsys):
    status, text = ends(OSError(number, "as the system says it", "runs/x"), capsys)
    assert status == 1
    assert line in text


def test_a_bug_of_ours_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError), errors_end_here():
        _ = 1 / 0
    with pytest.raises(ConnectionResetError), errors_end_here():
        raise ConnectionResetError(errno.ECONNRESET, "reset")


def test_debug_keeps_every_traceback(monkeypatch):
    monkeypatch.setenv(DEBUG_VARIABLE, "1")
    with pytest.raises(ConfigError), errors_end_here():
        raise ConfigError("unknown key 'x'")
