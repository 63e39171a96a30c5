"""scripts/install_sandbox.sh, with stand-ins for the tools that it calls: it must never stop a build."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "install_sandbox.sh"
FAILS = "exit 1"


@pytest.fixture
def install(tmp_path):
    """Runs the script where the given tools exist, each with the given shell lines, and no others."""

    def run(**tools):
        standins = {"uname": "echo Linux", "id": "echo 0", "env": 'shift; exec "$@"', **tools}
        for name, lines in standins.items():
            path = tmp_path / name.replace("_", "-")
            path.write_text(f"#!/bin/sh\n{lines}\n")
            path.chmod(0o755)
        return subprocess.run(
            [shutil.which("sh"), SCRIPT],
            env={"PATH": str(tmp_path), "LOG": str(tmp_path)},
            capture_output=True,
            text=True,
        )

    return run


def test_nothing_is_said_or_done_where_it_is_there(install):
    done = install(bwrap="", apt_get='echo > "$LOG/called"')
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_root_installs_it(install, tmp_path):
    done = install(apt_get='echo "$@" >> "$LOG/called"')
    assert (done.returncode, done.stdout) == (0, "installing bubblewrap\n")
    assert (tmp_path / "called").read_text() == "install -y --no-install-recommends bubblewrap\n"


def test_lists_of_packages_are_fetched_where_there_were_none(install, tmp_path):
    apt = 'echo "$1" >> "$LOG/called"; [ "$1" = update ] && exec /bin/sh -c \': > "$LOG/lists"\'; [ -e "$LOG/lists" ]'
    done = install(apt_get=apt)
    assert (done.returncode, done.stdout) == (0, "installing bubblewrap\n")
    assert (tmp_path / "called").read_text().split() == ["install", "update", "install"]


def test_passwordless_sudo_will_do(install, tmp_path):
    sudo = '[ "$1" = -n ] || exit 1; shift; exec "$@"'
    done = install(id="echo 1000", sudo=sudo, true="", apt_get='echo "$1" >> "$LOG/called"')
    assert done.returncode == 0
    assert (tmp_path / "called").read_text() == "install\n"


@pytest.mark.parametrize(
    ("tools", "reason"),
    [
        ({}, "there is no apt-get here"),
        ({"uname": "echo Darwin"}, "this is Darwin"),
        ({"id": "echo 1000", "apt_get": FAILS}, "only root may install it"),
        ({"id": "echo 1000", "apt_get": FAILS, "sudo": FAILS}, "only root may install it"),
        ({"apt_get": FAILS}, "apt-get could not install it"),
    ],
)
def test_where_it_may_not_it_says_so_in_one_line_and_goes_on(install, tools, reason):
    done = install(**tools)
    assert done.returncode == 0
    said = [line for line in done.stdout.splitlines() if line != "installing bubblewrap"]
    assert len(said) == 1
    assert reason in said[0]
    assert "namespaces" in said[0]


def test_it_can_be_run_as_it_is():
    assert os.access(SCRIPT, os.X_OK)
