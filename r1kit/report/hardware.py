"""What a run ran on, so that its times can be read."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path
from typing import Any

import psutil

GIB = 2**30


def describe_hardware() -> dict[str, Any]:
    """CPU, memory, GPU, system and torch of this machine, as far as this process may use them; JSON values.

    `cores` is what the scheduler lets this process run on, `memory_gib` the smaller of the machine's memory and the
    control group's limit. No host or user name is included.
    """
    import torch

    return {
        "cpu": _cpu_model(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "cores": len(os.sched_getaffinity(0)) if sys.platform == "linux" else psutil.cpu_count(),
        "machine_cores": psutil.cpu_count(),
        "memory_gib": round(_memory_bytes() / GIB, 1),
        "gpus": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())],
        "os": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "torch_threads": torch.get_num_threads(),
    }


def hardware_line(hardware: dict[str, Any]) -> str:
    """The description as one line for a person.

    >>> hardware_line({"cpu": "Epyc", "cpu_capability": "AVX512", "cores": 2, "machine_cores": 8, "memory_gib": 23.4,
    ...     "gpus": [], "os": "Linux 6.1 x86_64", "python": "3.12.1", "torch": "2.13.0+cpu", "torch_threads": 2})
    'Epyc (AVX512), 2 of 8 cores, 23.4 GiB, no GPU; Linux 6.1 x86_64, Python 3.12.1, torch 2.13.0+cpu, 2 threads'
    """
    cores = f"{hardware['cores']} of " if hardware["cores"] != hardware["machine_cores"] else ""
    return (
        f"{hardware['cpu']} ({hardware['cpu_capability']}), {cores}{hardware['machine_cores']} cores, "
        f"{hardware['memory_gib']} GiB, {', '.join(hardware['gpus']) or 'no GPU'}; {hardware['os']}, "
        f"Python {hardware['python']}, torch {hardware['torch']}, {hardware['torch_threads']} threads"
    )


def _cpu_model() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name" and value.strip():
                return value.strip()
    return platform.processor() or platform.machine() or "unknown CPU"


def _memory_bytes() -> int:
    limit = Path("/sys/fs/cgroup/memory.max")  # control groups v2; "max" where there is no limit
    text = limit.read_text(encoding="ascii").strip() if limit.exists() else "max"
    total = psutil.virtual_memory().total
    return total if text == "max" else min(total, int(text))
