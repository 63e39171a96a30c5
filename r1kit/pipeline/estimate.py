"""How long a stage will take and how much memory it will need, from what this machine's matrix products reach.

A product of M rows with a matrix takes a time for each of the matrix's weights that does not depend on M (reading it)
and a time for each weight and row (multiplying): two measurements, with few rows and with many, give both. Training
is many rows; sampling a token of B completions is B rows. On two cores the prediction for 64 rows was within 3 % of the
rate measured there.

Products are not all that a step does. The fractions of their rate that r1kit reaches come from tables A to D of
docs/performance.md: updates take 0.41 to 0.48 of it with small models and 0.64 to 0.76 with SmolLM2, rollouts 0.27 to
0.35 and 0.40 to 0.59. Of those tables' eight times the estimate meets all within a factor of 1.6. No fraction has been
measured on a GPU; those of large models stand in, and are hopeful there for sampling.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import math
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from r1kit.errors import RunError
from r1kit.pipeline.artifact import read_record, write_record
from r1kit.report.hardware import describe_hardware
from r1kit.seeding import torch_generator

if TYPE_CHECKING:
    from r1kit.models.memory import MemoryPlan, ModelSize

logger = logging.getLogger(__name__)

SMALL_WIDTH = 512
"""Below it matrices are so small that calls and element-wise work weigh more."""
TRAINING_FRACTION = {"small": 0.45, "large": 0.7}
SAMPLING_FRACTION = {"small": 0.3, "large": 0.5}

FEW_ROWS, MANY_ROWS = 16, 4096
WIDTHS = {"cpu": (128, 1024), "cuda": (1024, 4096), "mps": (128, 1024)}
"""Of the square matrices that are measured."""
MEASURING_S = 0.2
"""Seconds for each product; on a CPU eight of them."""

BUSY_SHARE = 0.75
"""A machine that gives r1kit less of its cores than this is not measured for good."""

PROCESS_GB = 0.4
"""Resident memory of Python with torch, transformers and r1kit loaded."""
WORKING_GB = 1.5
"""What the allocator holds of temporary tensors beside all that is counted. Peaks of stages within a pipeline on a CPU
were above the rest by 1.5 (RL), 1.4 (SFT) and 1.7 (sampling) on the scale model, 1.0 and 1.9 on SmolLM2-135M."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a stage is expected to take."""

    minutes: float
    memory_gb: float
    """At most; on a GPU the GPU's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """The time of a product with a square matrix, M rows: width^2 * (fixed_s + M * row_s)."""

    dtype: Literal["float32", "bfloat16"]
    width: int
    fixed_s: float
    """Seconds a weight."""
    row_s: float
    """Seconds a weight and row; 2 / row_s is the rate of large products in FLOP/s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A machine by the speed of its matrix products."""

    name: str
    products: tuple[Product, ...]

    def training_seconds(self, num_parameters: int, num_tokens: int, *, dtype: str = "auto") -> float:
        """Seconds to train on `num_tokens` once: forward, and backward at twice its price (6 FLOP a weight and token).

        Args:
            num_parameters: of the model; tied embeddings count once, as they are multiplied with once.
            num_tokens: prompts and completions, times epochs.
            dtype: float32, bfloat16, or auto, which is bfloat16 where the machine is fast at it.
        """
        product = self._product(num_parameters, dtype)
        return 3 * num_parameters * num_tokens * product.row_s / TRAINING_FRACTION[_size(product)]

    def sampling_seconds(self, num_parameters: int, num_tokens: int, batch: int, *, dtype: str = "auto") -> float:
        """Seconds to sample `num_tokens` in all, `batch` completions at once; prompts are left out."""
        product = self._product(num_parameters, dtype)
        step_s = num_parameters * (product.fixed_s + batch * product.row_s)
        return num_tokens / batch * step_s / SAMPLING_FRACTION[_size(product)]

    def _product(self, num_parameters: int, dtype: str) -> Product:
        """The measurement whose width is nearest to the model's, in ratio."""
        if dtype == "auto":
            dtype = "bfloat16" if any(product.dtype == "bfloat16" for product in self.products) else "float32"
        measured = [product for product in self.products if product.dtype == dtype] or self.products
        width = likely_width(num_parameters)
        return min(measured, key=lambda product: abs(math.log(product.width / width)))


def likely_width(num_parameters: int) -> float:
    """The width of a Llama of so many parameters: about 12 a layer and squared width, and a layer per 100 of width.

    >>> [round(likely_width(n)) for n in (1_000_000, 1_500_000_000, 7_000_000_000)]
    [203, 2321, 3878]
    """
    return (num_parameters / 12 * 100) ** (1 / 3)


def total(estimates: Sequence[Estimate]) -> Estimate:
    """Of stages that run one after the other: minutes add up, the largest memory counts."""
    return Estimate(
        minutes=sum(estimate.minutes for estimate in estimates),
        memory_gb=max((estimate.memory_gb for estimate in estimates), default=0.0),
    )


def expected_memory_gb(size: ModelSize, plan: MemoryPlan, work: Literal["rl", "sft", "sampling"]) -> float:
    """Gigabytes that a process holds at most, by `r1kit.models.memory`.

    Args:
        size: of the model.
        plan: for sft its completions are rows of their own: group_size 1.
        work: what is held: everything (rl), no engine and no reference (sft), or weights and engine (sampling).
    """
    from r1kit.models.memory import estimate_memory

    memory = estimate_memory(size, plan)
    held = memory.total
    if work == "sft":
        held = sum(memory.static[part] for part in ("weights", "gradients", "optimizer", "working copy"))
        held += memory.learning
    elif work == "sampling":
        held = memory.static["weights"] + memory.static["engine"] + memory.sampling
    return PROCESS_GB + WORKING_GB + held / 1e9


def this_machine(device: str = "auto") -> Machine:
    """This machine, measured the first time (two seconds) and read from r1kit's cache folder after that.

    The cache is kept for a CPU model, number of cores and threads, device and version of torch. A machine that is busy
    with something else is measured as it is, and measured again the next time.

    Raises:
        ConfigError: unknown or absent device.
    """
    from r1kit.models.device import resolve_device

    kind = resolve_device(device).type
    hardware = describe_hardware()
    name = ", ".join(hardware["gpus"]) if kind == "cuda" else hardware["cpu"]
    identity = [kind, name, *(hardware[key] for key in ("cpu_capability", "cores", "torch_threads", "torch"))]
    digest = hashlib.sha256(json.dumps([*identity, WIDTHS[kind]]).encode()).hexdigest()
    path = cache_folder() / f"machine-{digest[:12]}.json"
    if path.is_file():
        with contextlib.suppress(RunError):  # damaged: measured again
            return read_record(Machine, path)
    machine = Machine(name=name, products=measure(kind))
    if kind == "cpu" and (share := cpu_share()) < BUSY_SHARE:
        logger.warning("this machine is busy: r1kit got %.0f %% of its cores; expected times are for that", 100 * share)
        return machine
    with contextlib.suppress(OSError, RunError):  # a home that cannot be written costs two seconds a run, not the run
        path.parent.mkdir(parents=True, exist_ok=True)
        write_record(path, machine)
    return machine


def cache_folder() -> Path:
    """$XDG_CACHE_HOME/r1kit, or ~/.cache/r1kit."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "r1kit"


def measure(kind: str) -> tuple[Product, ...]:
    """Time products on a device (cpu, cuda or mps); bfloat16 only where it is fast."""
    import torch

    from r1kit.models.device import fast_bfloat16

    device = torch.device(kind)
    dtypes = ("float32", "bfloat16") if fast_bfloat16(device) else ("float32",)
    return tuple(
        fit(dtype, width, *(_seconds(kind, dtype, width, rows) for rows in (FEW_ROWS, MANY_ROWS)))
        for dtype in dtypes
        for width in WIDTHS[kind]
    )


def fit(dtype: Literal["float32", "bfloat16"], width: int, few_s: float, many_s: float) -> Product:
    """The line through the seconds of a product with FEW_ROWS and with MANY_ROWS.

    >>> fit("float32", 1, few_s=26.0, many_s=4106.0)
    Product(dtype='float32', width=1, fixed_s=10.0, row_s=1.0)
    """
    weights = width * width
    row_s = (many_s - few_s) / (MANY_ROWS - FEW_ROWS) / weights
    if row_s <= 0:  # noise
        row_s = many_s / MANY_ROWS / weights
    fixed_s = max(few_s / weights - FEW_ROWS * row_s, 0.0)
    return Product(dtype=dtype, width=width, fixed_s=fixed_s, row_s=row_s)


def cpu_share() -> float:
    """The share of this process's threads that the system ran while they multiplied: near 1 on an idle machine.

    It is the processor time a thread over the time that passed; threads that wait for each other count, as they spin.
    """
    import torch

    cpu_s, passed_s = time.process_time(), time.perf_counter()
    _seconds("cpu", "float32", max(WIDTHS["cpu"]), MANY_ROWS)
    cpu_s, passed_s = time.process_time() - cpu_s, time.perf_counter() - passed_s
    return cpu_s / passed_s / torch.get_num_threads()


def _seconds(kind: str, dtype: str, width: int, rows: int) -> float:
    """The shortest time of a product, after a first one that does not count."""
    import torch

    generator = torch_generator("machine", dtype, width, rows, device=kind)
    options: Any = {"dtype": getattr(torch, dtype), "device": kind, "generator": generator}
    x, weight = torch.randn(rows, width, **options), torch.randn(width, width, **options)
    times = []
    began = time.perf_counter()
    while len(times) < 2 or time.perf_counter() - began < MEASURING_S:
        started = time.perf_counter()
        torch.nn.functional.linear(x, weight)
        if kind == "cuda":
            torch.cuda.synchronize()
        elif kind == "mps":
            torch.mps.synchronize()
        times.append(time.perf_counter() - started)
    return min(times[1:])


def _size(product: Product) -> str:
    return "small" if product.width < SMALL_WIDTH else "large"
