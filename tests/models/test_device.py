"""Names to devices and types."""

import pytest
import torch

from r1kit.errors import ConfigError
from r1kit.models.device import fast_bfloat16, resolve_device, resolve_dtype

CPU = torch.device("cpu")


@pytest.fixture
def machine(monkeypatch):
    """Pretend to be a machine with the given parts."""

    def build(*, cuda=False, mps=False, avx512_bf16=False, amx=False):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512_bf16)
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)

    return build


@pytest.mark.parametrize(
    ("parts", "expected"),
    [({}, "cpu"), ({"cuda": True}, "cuda"), ({"mps": True}, "mps"), ({"cuda": True, "mps": True}, "cuda")],
)
def test_auto_takes_the_fastest_device_there_is(machine, parts, expected):
    machine(**parts)
    assert resolve_device("auto") == torch.device(expected)


def test_a_named_device_is_taken_or_refused(machine):
    machine(mps=True)
    assert resolve_device("cpu") == CPU
    assert resolve_device("mps").type == "mps"
    with pytest.raises(ConfigError, match=r"device 'cuda' is not available .*; available: mps, cpu$"):
        resolve_device("cuda")
    with pytest.raises(ConfigError, match=r"unknown device 'cude'; known: .* Did you mean 'cuda'\?"):
        resolve_device("cude")


@pytest.mark.parametrize(
    ("parts", "fast"), [({}, False), ({"avx512_bf16": True}, True), ({"amx": True}, True), ({"mps": True}, False)]
)
def test_auto_dtype_is_bfloat16_only_where_it_is_fast(machine, parts, fast):
    machine(**parts)
    assert fast_bfloat16(CPU) is fast
    assert resolve_dtype("auto", CPU) == (torch.bfloat16 if fast else torch.float32)
    assert fast_bfloat16(torch.device("mps")) is False


def test_a_cuda_device_is_asked_without_emulation(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation)
    assert fast_bfloat16(torch.device("cuda")) is False


def test_a_named_dtype_is_taken_or_refused(machine):
    machine()
    assert resolve_dtype("bfloat16", CPU) == torch.bfloat16
    assert resolve_dtype("float32", CPU) == torch.float32
    with pytest.raises(ConfigError, match=r"unknown dtype 'float16'; known: auto, bfloat16, float32"):
        resolve_dtype("float16", CPU)
