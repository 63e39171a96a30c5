"""Every attack on every backend, and proof that each attack would succeed where nothing stops it."""

import contextlib
import json
import os
import re
import resource
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

import r1kit
from r1kit.sandbox import Ending, Guarantee, Limits, Outcome, bwrap, namespaces
from r1kit.sandbox import plain as plain_module
from r1kit.sandbox.attacks import ATTACKS
from r1kit.sandbox.check import Finding, run_attack, run_attacks
from r1kit.sandbox.executables import python_executable
from r1kit.sandbox.memory_groups import MemoryGroups

NOT_STOPPED = {"bwrap": {"empty-files"}, "namespaces": set()}
STOPPED_BY_LIMITS = {
    *("environment", "memory", "memory-private", "cpu", "sigxcpu", "sleep", "big-file", "open-files"),
    *("output-flood", "core-dump", "stdin", "zombies"),
}

NEEDS_ROOT = {"set-clock", "kernel-settings"}
"""What even a process without a box may do only as root."""

NO_CONTROL = {
    "terminal": "there is no terminal to type into in a test",
    "zombies": "the kernel's own process 1 buries them",
    "stdin": "what it must not do is stop the parent, and no parent here can be stopped",
    "core-dump": "where a core goes is the machine's to say",
    "devices": "which of them a user may open is the machine's to say",
}


class Bare:
    """No limits and the caller's environment: a control for what even plain stops."""

    name = "bare"
    guarantees = dict.fromkeys(ATTACKS, Guarantee(False, "nothing stops anything"))

    def __init__(self, folder):
        self._folder = folder

    def run(self, argv, *, files, stdin=b"", limits=Limits()):
        for name, content in files.items():
            (self._folder / name).write_bytes(content)
        placed = [word.replace("/code/", f"{self._folder}/") for word in argv]
        done = subprocess.run(placed, input=stdin, capture_output=True, timeout=60, cwd=self._folder)
        return Outcome(ending=Ending.EXIT, status=done.returncode, stdout=done.stdout, stderr=done.stderr, wall_s=0.0)


def test_each_backend_speaks_of_each_attack(any_sandbox):
    assert set(any_sandbox.guarantees) == set(ATTACKS)
    assert all(guarantee.how for guarantee in any_sandbox.guarantees.values())


def test_what_each_backend_claims(any_sandbox):
    """Written out once more, so that a promise does not go unnoticed."""
    claimed = {name for name, guarantee in any_sandbox.guarantees.items() if guarantee.covered}
    if Path.home().resolve().is_relative_to("/usr") or Path(r1kit.__file__).is_relative_to("/usr"):
        pytest.skip("the home folder or the package lies in /usr, which boxes show")
    if any_sandbox.name == "plain":
        assert claimed == STOPPED_BY_LIMITS
    else:
        without_groups = set() if MemoryGroups().are_available else {"memory-of-all"}
        assert claimed == set(ATTACKS) - NOT_STOPPED[any_sandbox.name] - without_groups


@pytest.mark.parametrize(
    ("module", "not_covered"), [(bwrap, {"empty-files"}), (namespaces, set()), (plain_module, None)]
)
def test_docstrings_list_what_is_covered(module, not_covered):
    covered, _, _ = module.__doc__.partition("\nNot covered:")
    _, _, covered = covered.partition("\nCovered, ")
    named = set(re.findall(r"[a-z-]+", covered)) & set(ATTACKS)
    assert named == (STOPPED_BY_LIMITS if not_covered is None else set(ATTACKS) - not_covered)


@pytest.mark.parametrize("name", ATTACKS)
def test_a_box_stops_what_it_says_it_stops(box, name):
    result = run_attack(ATTACKS[name], box)
    assert result.finding is (Finding.HELD if result.claimed else Finding.BROKEN), result


@pytest.mark.parametrize("name", sorted(STOPPED_BY_LIMITS))
def test_limits_stop_what_plain_says(plain, name):
    result = run_attack(ATTACKS[name], plain)
    assert result.finding is Finding.HELD, result


@pytest.mark.parametrize("name", sorted(set(ATTACKS) - STOPPED_BY_LIMITS - set(NO_CONTROL)))
def test_the_attack_succeeds_without_a_box(plain, name):
    if name in NEEDS_ROOT and os.geteuid() != 0:
        pytest.skip("only root may do this anywhere")
    result = run_attack(ATTACKS[name], plain)
    if name in ("user-namespace", "ptrace", "setuid", "set-clock", "kernel-settings") and (
        result.finding is Finding.HELD
    ):
        pytest.skip(f"this machine stops it by itself: {result.evidence}")
    assert result.finding is Finding.BROKEN, result


@pytest.mark.parametrize("name", sorted(STOPPED_BY_LIMITS - set(NO_CONTROL)))
def test_the_attack_succeeds_without_limits(tmp_path, name):
    if name == "open-files" and resource.getrlimit(resource.RLIMIT_NOFILE)[0] < 400:
        pytest.skip("this session itself may not open so many")
    result = run_attack(ATTACKS[name], Bare(tmp_path))
    assert result.finding is Finding.BROKEN, result


def test_a_box_that_does_not_start_has_not_held():
    class Broken(Bare):
        def run(self, argv, *, files, stdin=b"", limits=Limits()):
            return Outcome(ending=Ending.EXIT, status=1, stdout=b"", stderr=b"no such thing", wall_s=0.0)

    results = list(run_attacks(Broken(None)))
    assert len(results) == len(ATTACKS)
    assert {result.finding for result in results} == {Finding.UNCLEAR}
    assert not any(result.keeps_its_word for result in results)


DRIVER = """
import json
from r1kit.sandbox import open_sandbox
from r1kit.sandbox.check import run_attacks

print(json.dumps([(r.attack, r.finding, r.claimed, r.evidence) for r in run_attacks(open_sandbox({name!r}))]))
"""
SOMEBODY = 12345


@pytest.fixture(scope="module")
def python_of_somebody():
    """Runs a program as an ordinary user, who can read a copy of the package; root's own is often out of reach."""
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else; the tests above ran as an ordinary user")
    with tempfile.TemporaryDirectory(prefix="r1kit-user-") as name:
        package = Path(name, "r1kit")
        shutil.copytree(Path(r1kit.__file__).parent / "sandbox", package / "sandbox")
        for module in ("__init__.py", "errors.py"):
            shutil.copy(Path(r1kit.__file__).with_name(module), package)
        home = Path(name, "home")
        home.mkdir()
        os.chown(home, SOMEBODY, SOMEBODY)
        for path in [Path(name), *Path(name).rglob("*")]:
            path.chmod(0o755)

        def run(program):
            for python in (python_executable(), "/usr/bin/python3"):
                with contextlib.suppress(OSError):
                    return subprocess.run(
                        [python, "-P", "-c", program],
                        env={"HOME": str(home), "PYTHONPATH": name, "PATH": "/usr/bin:/bin"},
                        user=SOMEBODY,
                        group=SOMEBODY,
                        extra_groups=[],
                        cwd=name,
                        capture_output=True,
                        text=True,
                        timeout=110,
                    )
            return None

        probe = run("import sys; sys.exit(sys.version_info < (3, 11))")
        if probe is None or probe.returncode != 0:
            pytest.skip("there is no Python 3.11 that an ordinary user can run")
        yield run


@pytest.mark.parametrize("backend", ["bwrap", pytest.param("namespaces", marks=pytest.mark.slow)])
def test_boxes_that_an_ordinary_user_starts_hold_too(python_of_somebody, backend):
    done = python_of_somebody(DRIVER.format(name=backend))
    if "SandboxError" in done.stderr:
        pytest.skip(done.stderr.strip().splitlines()[-1])
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)
    assert {attack for attack, *_ in results} == set(ATTACKS)
    assert {attack for attack, _, claimed, _ in results if not claimed} <= NOT_STOPPED[backend] | {"memory-of-all"}
    assert [result for result in results if result[2] and result[1] != "held"] == []
