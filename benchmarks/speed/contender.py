"""Contenders in turns: each is a process that speaks speed/protocol.py and waits, idle, while another has its round."""

from __future__ import annotations

import json
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from protocol import MARK


class Contender:
    """A process that does one round at a time."""

    def __init__(self, name: str, command: Sequence[str], log: Path, *, num_tokens: int) -> None:
        self.name = name
        self.num_tokens = num_tokens
        self.results: list[dict[str, float]] = []
        self.problem = ""
        self._log = log.open("wb")
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True
        )
        self._read()

    def round(self, *, warm_up: bool) -> None:
        """Do one round, unless an earlier one failed."""
        if self.problem:
            return
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        result = self._read()
        if result and result["tokens"] != self.num_tokens:
            self.problem = f"made {result['tokens']:,.0f} tokens of {self.num_tokens:,}; see {self._log.name}"
        elif result and not warm_up:
            self.results.append(result)

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        self._log.close()

    def _read(self) -> dict[str, float] | None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith(MARK):
                return json.loads(line.removeprefix(MARK))
        self.problem = f"ended with status {self._process.wait()}; see {self._log.name}"
        return None


def take_turns(
    commands: Mapping[str, Sequence[str]], *, rounds: int, num_tokens: int, logs: str, warm_ups: int = 1
) -> dict[str, dict[str, Any]]:
    """Rounds that warm up and then `rounds` timed ones of every command, in turns.

    Args:
        commands: name to command.
        rounds: timed rounds.
        num_tokens: completion tokens that a round has; a contender that made another number is reported as failed.
        logs: beginning of the paths of the contenders' stderr.
        warm_ups: rounds before them that are not counted.

    Returns:
        Name to `rounds` (the results), `problem` (empty if it ran) and the medians.
    """
    running = [
        Contender(name, command, Path(f"{logs}-{name}.log"), num_tokens=num_tokens)
        for name, command in commands.items()
    ]
    try:
        for number in range(warm_ups + rounds):
            for contender in running:
                contender.round(warm_up=number < warm_ups)
    finally:
        for contender in running:
            contender.close()
    return {c.name: {"rounds": c.results, "problem": c.problem, **medians(c.results)} for c in running}


def medians(results: Sequence[dict[str, float]]) -> dict[str, float]:
    """The median of each number over the rounds; peak memory is the highest."""
    if not results:
        return {}
    middle = {key: statistics.median(result[key] for result in results) for key in results[0]}
    return {**middle, "peak_mb": max(result["peak_mb"] for result in results)}
