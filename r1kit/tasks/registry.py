"""From the text behind `--task` to a task."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from r1kit.errors import ConfigError, suggest
from r1kit.tasks.base import Task
from r1kit.tasks.files import FileTask, siblings_of
from r1kit.tasks.gsm8k import gsm8k
from r1kit.tasks.hendrycks import hendrycks_math
from r1kit.tasks.ifeval import ifeval
from r1kit.tasks.knights_and_knaves import knights_and_knaves
from r1kit.tasks.leetcode import leetcode
from r1kit.tasks.nano import nano_task
from r1kit.tasks.nano_general import nano_general
from r1kit.tasks.nano_general_safety import nano_safety
from r1kit.tasks.reasoning_gym import reasoning_gym_task
from r1kit.tasks.rows import SUFFIXES, suffix_of

Factory = Callable[[str, int], Task]
"""Builds a task from what follows the colon ("" if nothing does) and the run's seed."""


def build_task(spec: str, *, seed: int) -> Task:
    """The task that a config names.

    Args:
        spec: `gsm8k`, a name with an argument (`gsm8k:FOLDER`, `reasoning_gym:chain_sum?max_terms=3`), or the path of
            a data file.
        seed: Of the run; only tasks that generate their training problems use it.

    Raises:
        ConfigError: unknown name, or an argument that the task does not take.
        DataError: missing or broken data.
        MissingExtra: the task needs a package that is not installed.
    """
    name, _, argument = spec.partition(":")
    if name in TASKS:
        return TASKS[name](argument, seed)
    path = Path(spec)
    if suffix_of(path) or path.is_file():  # a file of another kind gets the message with the allowed suffixes
        return FileTask(path)
    raise ConfigError(f"unknown task {spec!r}; a file ({', '.join(SUFFIXES)}) or a name; {suggest(name, TASKS)}")


def files_of(spec: str) -> tuple[Path, ...]:
    """The files and folders here that a task's problems are read from; none where it makes or downloads them.

    >>> files_of("nano:math"), files_of("gsm8k")
    ((), ())
    """
    name, _, argument = spec.partition(":")
    place = argument.partition("?")[0] if name in READ_FROM_PLACES else "" if name in TASKS else spec
    path = Path(place).expanduser()
    if not place or not path.exists():
        return ()
    return (path, *siblings_of(path)) if path.is_file() else (path,)


def _folder(argument: str) -> Path | None:
    return Path(argument) if argument else None


TASKS: dict[str, Factory] = {
    "nano": lambda argument, seed: nano_task(argument),
    "gsm8k": lambda argument, seed: gsm8k(_folder(argument)),
    "math": lambda argument, seed: hendrycks_math(_folder(argument)),
    "leetcode": lambda argument, seed: leetcode(_folder(argument)),
    "knights_and_knaves": lambda argument, seed: knights_and_knaves(argument),
    "ifeval": lambda argument, seed: ifeval(argument),
    "reasoning_gym": lambda argument, seed: reasoning_gym_task(argument, seed=seed),
    "nano_general": lambda argument, seed: nano_general(argument),
    "nano_safety": lambda argument, seed: nano_safety(argument),
}
"""Name to factory. A task of your own is one file and one line here; what it needs from extras, it imports itself."""

READ_FROM_PLACES = ("gsm8k", "math", "leetcode", "knights_and_knaves", "ifeval")
"""Tasks whose argument is a folder or a file."""
