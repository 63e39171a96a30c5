"""A stage: (config, input artifacts, version of the code) to a folder, and nothing else.

    def clean(context: StageContext[CleanConfig]) -> None:
        examples = read_examples(context.file("raw", "data.jsonl"))
        write_examples(context.out / "data.jsonl", ...)

    Stage(name="clean", kind="dataset", inputs=("raw",), config=CleanConfig(), run=clean)

What a stage writes depends on its config, its inputs, `given` and `reads` alone, because they make the artifact's key:
what the closure `run` held beside them would change unnoticed. Randomness comes from r1kit.seeding with a seed of the
config. What it reads from elsewhere (a model folder, a file) is named in `reads`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from r1kit.config import Config
from r1kit.errors import DataError

if TYPE_CHECKING:
    from r1kit.pipeline.estimate import Estimate, Machine

C = TypeVar("C", bound=Config)

Kind = Literal["model", "dataset", "evaluation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StageContext(Generic[C]):
    """What a stage gets when it runs."""

    config: C
    inputs: Mapping[str, Path]
    """The finished artifact folder of each input, by the name of its stage."""
    out: Path
    """The folder to write into.

    It is not empty where an earlier start of the same stage was killed or failed; what lies there may be used to go
    on. Names that begin with a dot are for the work alone and are deleted at the end.
    """
    device: str
    """auto, cpu, cuda or mps. It decides how fast the result is there, not what it is."""
    note: Callable[[str], None]
    """Tells the user a line of progress."""

    def file(self, name: str, relative: str) -> Path:
        """The path of the file or folder `relative` in the input called `name`.

        Raises:
            DataError: the artifact has no such file; the message lists what it has.
        """
        path = self.inputs[name] / relative
        if not path.exists():
            there = ", ".join(sorted(found.name for found in self.inputs[name].iterdir()))
            raise DataError(f"its input {name} ({self.inputs[name]}) has no {relative}; it has: {there}")
        return path


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage(Generic[C]):
    """A step of the pipeline that makes one artifact."""

    name: str
    """Unique in its graph: lower-case letters, digits and underscores, as it becomes part of a folder's name."""
    kind: Kind
    inputs: tuple[str, ...] = ()
    """Names of the stages whose artifacts it reads."""
    config: C
    """What the user's section for it says; no path of an artifact."""
    given: Mapping[str, Any] = field(default_factory=dict)
    """What decides the result beside config, inputs and `reads`: tasks, the name of a model on a hub, a seed of another
    section. JSON values."""
    reads: tuple[Path, ...] = ()
    """Files and folders from outside the run that it reads: their contents are part of the artifact's key."""
    run: Callable[[StageContext[C]], None]
    version: int = 1
    """Raised when the code computes something else from the same config and inputs."""
    cost: Callable[[Machine], Estimate] | None = None
    """What a run of it is expected to take on a machine; None: nothing worth saying."""
