"""Which device and which floating-point type to compute with, from the names that configs use."""

from __future__ import annotations

import torch

from r1kit.errors import ConfigError, suggest

DEVICES = ("auto", "cpu", "cuda", "mps")
DTYPES = ("auto", "float32", "bfloat16")


def resolve_device(name: str) -> torch.device:
    """The torch device called `name`; `auto` takes the first that this machine has of cuda, mps, cpu.

    Raises:
        ConfigError: unknown name, or a device that this machine (or this build of torch) does not have.
    """
    if name not in DEVICES:
        raise ConfigError(f"unknown device {name!r}; {suggest(name, DEVICES)}")
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(device for device, there in present.items() if there))
    if not present[name]:
        here = ", ".join(device for device, there in present.items() if there)
        raise ConfigError(f"device {name!r} is not available with torch {torch.__version__} here; available: {here}")
    return torch.device(name)


def fast_bfloat16(device: torch.device) -> bool:
    """Whether `device` multiplies bfloat16 matrices in hardware, so that bfloat16 beats float32.

    A CPU needs AVX512_BF16 or AMX; without them bfloat16 is emulated and slower. mps is False: it varies between
    chips and cannot be asked for.
    """
    if device.type == "cpu":
        return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return False


def resolve_dtype(name: str, device: torch.device) -> torch.dtype:
    """The torch type called `name`; `auto` is bfloat16 where `fast_bfloat16`, else float32.

    Raises:
        ConfigError: unknown name.
    """
    if name not in DTYPES:
        raise ConfigError(f"unknown dtype {name!r}; {suggest(name, DTYPES)}")
    if name == "auto":
        return torch.bfloat16 if fast_bfloat16(device) else torch.float32
    return torch.bfloat16 if name == "bfloat16" else torch.float32
