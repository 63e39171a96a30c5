"""The report tells what is there, on this machine and on pretended ones."""

import os
import shutil
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import torch

import r1kit
from r1kit.models import doctor as module
from r1kit.models.doctor import EXTRAS, doctor

PYPROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"


def facts(**options):
    found = doctor(**options)
    by_name = {fact.name: fact for fact in found}
    assert len(by_name) == len(found)
    return by_name


@pytest.fixture
def machine(monkeypatch):
    """A CPU without a GPU or fast bfloat16, 3 GB free."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    monkeypatch.setattr(module, "available_memory", lambda _: 3_040_000_000)
    return monkeypatch


def test_versions_are_those_that_run():
    found = facts()
    assert found["r1kit"].value == r1kit.__version__
    assert found["torch"].value == torch.__version__
    assert found["transformers"].value == metadata.version("transformers")
    assert found["threads"].value == str(torch.get_num_threads())


def test_a_plain_cpu(machine, tmp_path):
    machine.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(9 * 10**9, 2 * 10**9, 7 * 10**9))
    found = facts(folder=tmp_path)
    assert found["memory"].value == "3.0 GB free"
    assert found["GPU"] == ("GPU", "none", "training uses the CPU")
    assert found["bfloat16"] == ("bfloat16", "slow", "on cpu: no hardware for it is known")
    assert found["disk"] == ("disk", "7.0 GB free", f"in {tmp_path}")
    assert (found["device used"].value, found["dtype used"].value) == ("cpu", "float32")
    assert found["attention used"].value == "matrix products"


def test_a_gpu_is_named_and_used(machine):
    machine.setattr(torch.cuda, "is_available", lambda: True)
    machine.setattr(torch.cuda, "device_count", lambda: 2)
    machine.setattr(torch.cuda, "get_device_name", lambda i: f"GPU {i}")
    machine.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: True)
    found = facts()
    assert found["GPU"] == ("GPU", "GPU 0, GPU 1", "")
    assert found["bfloat16"] == ("bfloat16", "fast", "on cuda")
    assert (found["device used"].value, found["dtype used"].value) == ("cuda", "bfloat16")


def test_limits_on_this_process_are_told(machine):
    machine.setattr(os, "cpu_count", lambda: 64)
    machine.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)
    machine.setattr(module.sys, "platform", "linux")
    machine.setattr(torch, "get_num_threads", lambda: 1)
    found = facts()
    assert found["cores"] == ("cores", "4", "of the machine's 64")
    assert found["threads"] == ("threads", "1", "fewer than cores; OMP_NUM_THREADS sets it")


def test_extras_are_installed_or_come_with_their_pip_line(monkeypatch):
    def version(name):
        if name == "wandb":
            raise metadata.PackageNotFoundError(name)
        return "1.2"

    monkeypatch.setattr(metadata, "version", version)
    found = facts()
    assert found["extra gguf"] == ("extra gguf", "gguf 1.2", "")
    assert found["extra wandb"] == ("extra wandb", "not installed", "pip install 'r1kit[wandb]'")


def test_every_extra_of_the_package_is_looked_at():
    declared = tomllib.loads(PYPROJECT.read_text())["project"]["optional-dependencies"]
    for_users = {extra: needs for extra, needs in declared.items() if extra not in ("test", "dev")}
    assert {extra: needs[0].split(">=")[0] for extra, needs in for_users.items()} == EXTRAS
