"""What this machine has for r1kit, and what r1kit will use of it."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import psutil
import torch

from r1kit import __version__
from r1kit.models.device import fast_bfloat16, resolve_device, resolve_dtype
from r1kit.models.memory import available_memory

EXTRAS = {
    "hub": "datasets",
    "gguf": "gguf",
    "tensorboard": "tensorboard",
    "trackio": "trackio",
    "wandb": "wandb",
    "reasoning-gym": "reasoning-gym",
    "lingua": "lingua-language-detector",
    "json-schema": "jsonschema",
    "teacher": "httpx2",
}
"""Extra of r1kit to the distribution that it adds."""


class Fact(NamedTuple):
    """A line of the report."""

    name: str
    value: str
    note: str
    """What follows from the value, or how to change it; may be empty."""


def doctor(folder: Path | None = None) -> list[Fact]:
    """Look at this machine: versions, hardware, extras, then what a run with `auto` settings will use.

    Args:
        folder: where runs will be written, for the free disk space; None is the working folder.
    """
    return [*_software(), *_hardware(folder or Path.cwd()), *_extras(), *_choices()]


def _software() -> list[Fact]:
    if torch.version.cuda:
        build = f"built for CUDA {torch.version.cuda}"
    elif torch.version.hip:
        build = f"built for ROCm {torch.version.hip}"
    else:
        build = "built for the CPU"
    return [
        Fact("r1kit", __version__, ""),
        Fact("Python", platform.python_version(), ""),
        Fact("torch", torch.__version__, build),
        Fact("transformers", metadata.version("transformers"), ""),
    ]


def _hardware(folder: Path) -> list[Fact]:
    total, free, machine_cores = (
        psutil.virtual_memory().total,
        available_memory(torch.device("cpu")),
        os.cpu_count() or 1,
    )
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else machine_cores
    threads = torch.get_num_threads()
    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        gpus.append("Apple GPU (mps)")
    device = resolve_device("auto")
    fast = fast_bfloat16(device)
    disk = shutil.disk_usage(folder)
    return [
        Fact("cores", str(cores), f"of the machine's {machine_cores}" if cores < machine_cores else ""),
        Fact("threads", str(threads), "fewer than cores; OMP_NUM_THREADS sets it" if threads < cores else ""),
        Fact("memory", f"{free / 1e9:.1f} GB free", f"of the machine's {total / 1e9:.1f} GB"),
        Fact("GPU", ", ".join(gpus) or "none", "" if gpus else "training uses the CPU"),
        Fact("bfloat16", "fast" if fast else "slow", f"on {device}{'' if fast else ': no hardware for it is known'}"),
        Fact("disk", f"{disk.free / 1e9:.1f} GB free", f"in {folder}"),
    ]


def _extras() -> list[Fact]:
    facts = []
    for extra, distribution in EXTRAS.items():
        try:
            facts.append(Fact(f"extra {extra}", f"{distribution} {metadata.version(distribution)}", ""))
        except metadata.PackageNotFoundError:
            facts.append(Fact(f"extra {extra}", "not installed", f"pip install 'r1kit[{extra}]'"))
    return facts


def _choices() -> list[Fact]:
    device = resolve_device("auto")
    dtype = str(resolve_dtype("auto", device)).removeprefix("torch.")
    return [
        Fact("device used", str(device), ""),
        Fact("dtype used", dtype, "of matrix products; weights stay float32. learner.dtype sets it"),
        Fact("engine used", "native", ""),
        Fact("attention used", "matrix products" if device.type == "cpu" else "fused kernels", "prompts shared"),
    ]
