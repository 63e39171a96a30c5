"""The graph of stages: what is wrong with it, in which order it runs, what one stage needs."""

from __future__ import annotations

import re
from collections.abc import Sequence

from r1kit.errors import ConfigError, suggest
from r1kit.pipeline.stage import Stage

_NAME = re.compile(r"[a-z][a-z0-9_]*")


def ordered(stages: Sequence[Stage]) -> list[Stage]:
    """The stages with inputs before what reads them, otherwise in the order given.

    Raises:
        ConfigError: two stages of one name, a name that is no name, an unknown input, or a cycle.
    """
    names = [stage.name for stage in stages]
    for name in names:
        if not _NAME.fullmatch(name):
            raise ConfigError(f"stage name {name!r}: use lower-case letters, digits and _, beginning with a letter")
        if names.count(name) > 1:
            raise ConfigError(f"{names.count(name)} stages are called {name!r}; give each one a name of its own")
    for stage in stages:
        for name in stage.inputs:
            if name not in names:
                raise ConfigError(f"stage {stage.name} reads {name!r}, which no stage makes; {suggest(name, names)}")
    placed: dict[str, Stage] = {}
    left = list(stages)
    while left:
        ready = next((stage for stage in left if all(name in placed for name in stage.inputs)), None)
        if ready is None:
            raise ConfigError(f"stages wait for each other: {' -> '.join(_cycle(left))}; remove one of these inputs")
        placed[ready.name] = ready
        left.remove(ready)
    return list(placed.values())


def needed(stages: Sequence[Stage], only: str | None) -> list[Stage]:
    """The stage called `only` and everything that it is made from, in order; all stages for None.

    Raises:
        ConfigError: what `ordered` raises, or no stage of that name.
    """
    graph = ordered(stages)
    if only is None:
        return graph
    by_name = {stage.name: stage for stage in graph}
    if only not in by_name:
        raise ConfigError(f"no stage is called {only!r}; {suggest(only, by_name)}")
    wanted = {only}
    for stage in reversed(graph):  # whoever reads a stage comes before it here
        if stage.name in wanted:
            wanted.update(stage.inputs)
    return [stage for stage in graph if stage.name in wanted]


def _cycle(stages: Sequence[Stage]) -> list[str]:
    """Names along a cycle, the first one again at the end: each reads the one before it.

    Each of `stages` reads at least one of them, so walking from input to input comes back to where it was.
    """
    by_name = {stage.name: stage for stage in stages}
    walk = [stages[0].name]
    while walk.count(walk[-1]) == 1:
        walk.append(next(name for name in by_name[walk[-1]].inputs if name in by_name))
    return walk[walk.index(walk[-1]) :][::-1]
