"""Expected minutes and memory by hand, from rates that are given."""

import pytest
import torch

from r1kit.models.memory import MemoryPlan, ModelSize
from r1kit.pipeline import estimate
from r1kit.pipeline.estimate import Estimate, Machine, Product, expected_memory_gb, fit, this_machine, total

SMALL = Product(dtype="bfloat16", width=128, fixed_s=1e-9, row_s=1e-11)
LARGE = Product(dtype="bfloat16", width=1024, fixed_s=1e-10, row_s=5e-12)
FULL = Product(dtype="float32", width=1024, fixed_s=2e-10, row_s=1e-11)
MACHINE = Machine(name="test", products=(SMALL, LARGE, FULL))


def test_training_is_three_products_a_token():
    # 3 * 1e6 * 1e6 * 1e-11 / 0.45 = 30 / 0.45;  3 * 1e8 * 1e4 * 5e-12 / 0.7 = 15 / 0.7
    assert MACHINE.training_seconds(1_000_000, 1_000_000) == pytest.approx(30 / 0.45)
    assert MACHINE.training_seconds(100_000_000, 10_000) == pytest.approx(15 / 0.7)
    assert MACHINE.training_seconds(100_000_000, 10_000, dtype="float32") == pytest.approx(30 / 0.7)


def test_sampling_reads_the_weights_once_a_step():
    # 100 steps of 20 rows: 1e8 * (1e-10 + 20 * 5e-12) = 0.02 s each, over 0.5
    assert MACHINE.sampling_seconds(100_000_000, 2000, 20) == pytest.approx(100 * 0.02 / 0.5)
    # one row at a time: 2000 steps of 1e8 * 1.05e-10
    assert MACHINE.sampling_seconds(100_000_000, 2000, 1) == pytest.approx(2000 * 0.0105 / 0.5)
    # a small model: 100 steps of 1e6 * (1e-9 + 20e-11) over 0.3
    assert MACHINE.sampling_seconds(1_000_000, 2000, 20) == pytest.approx(100 * 1.2e-3 / 0.3)


def test_without_fast_bfloat16_float32_counts():
    machine = Machine(name="test", products=(FULL,))
    assert machine.training_seconds(100_000_000, 10_000) == pytest.approx(30 / 0.7)
    assert machine.training_seconds(100_000_000, 10_000, dtype="bfloat16") == pytest.approx(30 / 0.7)


TABLES = {
    # parameters, problems, prompt, group, completion, sampling s, training s (forward and backward)
    "A": (3_212_544, 16, 64, 16, 128, 2.22, 1.33 + 2.65),
    "B": (134_515_008, 8, 64, 8, 128, 13.85, 9.32 + 17.88),
    "C": (134_515_008, 4, 64, 16, 512, 65.33, 37.11 + 70.60),
    "D": (1_000_000, 32, 90, 16, 40, 0.63, 0.41 + 0.86),
}
"""docs/performance.md; parameters of D to one digit."""


@pytest.mark.parametrize("table", TABLES)
def test_the_estimates_are_near_what_docs_performance_measured(table):
    """With the rates of that machine: 31 and 359 GFLOP/s at width 128, 200 and 414 at 1024, of 16 and 4096 rows."""
    rates = {128: (31e9, 359e9), 1024: (200e9, 414e9)}
    products = (
        fit("bfloat16", width, 2 * 16 * width**2 / few, 2 * 4096 * width**2 / many)
        for width, (few, many) in rates.items()
    )
    machine = Machine(name="docs", products=tuple(products))
    parameters, problems, prompt, group, completion, sampling_s, training_s = TABLES[table]
    rows = problems * group
    sampling = machine.sampling_seconds(parameters, rows * completion, rows)
    training = machine.training_seconds(parameters, problems * prompt + rows * completion)
    assert 1 / 1.6 < sampling / sampling_s < 1.6
    assert 1 / 1.6 < training / training_s < 1.6


def test_stages_add_minutes_and_share_memory():
    assert total([Estimate(minutes=2, memory_gb=3), Estimate(minutes=0.5, memory_gb=1)]) == Estimate(
        minutes=2.5, memory_gb=3
    )
    assert total([]) == Estimate(minutes=0, memory_gb=0)


def test_memory_is_what_the_kind_of_work_holds():
    # 1e9 weights: 4 GB weights, 4 gradients, 8 optimizer, 2 working copy, 2 + 0.2 engine
    size = ModelSize(
        num_parameters=1_000_000_000,
        num_layers=2,
        hidden_size=1000,
        intermediate_size=1000,
        num_heads=1,
        num_kv_heads=1,
        head_dim=1000,
        vocab_size=100_000,
    )
    plan = MemoryPlan(
        dtype=torch.bfloat16,
        has_reference=False,
        micro_batch_tokens=64,
        gradient_checkpointing=False,
        group_size=1,
        prompt_tokens=32,
        completion_tokens=32,
        num_slots=100,
    )
    cache = 100 * 64 * 2 * 2 * 1000 * 2 / 1e9  # rows, tokens, keys and values, layers, width, bytes: 0.0512
    assert expected_memory_gb(size, plan, "sampling") == pytest.approx(0.4 + 1.5 + 4 + 2.2 + cache)
    rl, sft = expected_memory_gb(size, plan, "rl"), expected_memory_gb(size, plan, "sft")
    assert 1.9 + 18 < sft < 1.9 + 18.1
    assert rl - sft == pytest.approx(2.2 + cache - (sft - 19.9))  # the engine; and its cache is more than activations


def test_a_machine_is_measured_once(tmp_path, monkeypatch):
    calls = []

    def measure(kind):
        calls.append(kind)
        return MACHINE.products

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(estimate, "measure", measure)
    monkeypatch.setattr(estimate, "cpu_share", lambda: 0.76)
    first = this_machine("cpu")
    assert this_machine("cpu") == first
    assert first.products == MACHINE.products
    assert calls == ["cpu"]
    (file,) = (tmp_path / "r1kit").iterdir()
    file.write_text("{")
    assert this_machine("cpu") == first  # damaged: measured again
    assert calls == ["cpu", "cpu"]
    monkeypatch.setattr(torch, "__version__", "99.0")
    this_machine("cpu")
    assert len(calls) == 3


def test_a_cache_that_cannot_be_written_stops_nothing(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr(estimate, "measure", lambda kind: MACHINE.products)
    monkeypatch.setattr(estimate, "cpu_share", lambda: 1.0)
    assert this_machine("cpu").products == MACHINE.products


def test_a_busy_machine_is_measured_again(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(estimate, "measure", lambda kind: MACHINE.products)
    monkeypatch.setattr(estimate, "cpu_share", lambda: 0.4)
    assert this_machine("cpu").products == MACHINE.products
    assert "this machine is busy: r1kit got 40 % of its cores" in caplog.text
    assert list(tmp_path.iterdir()) == []


def test_noise_gives_no_negative_rate():
    product = fit("float32", 1, few_s=5000.0, many_s=4096.0)
    assert product.row_s == 1.0
    assert product.fixed_s == 5000 - 16


def test_the_cache_is_in_the_home_without_xdg(tmp_path, monkeypatch):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert estimate.cache_folder() == tmp_path / ".cache" / "r1kit"


def test_measuring_gives_a_product_for_each_width(monkeypatch):
    monkeypatch.setattr(estimate, "MEASURING_S", 0.0)
    monkeypatch.setattr(estimate, "WIDTHS", {"cpu": (8, 16)})
    products = estimate.measure("cpu")
    assert {product.width for product in products} == {8, 16}
    assert "float32" in {product.dtype for product in products}
    assert all(product.row_s > 0 for product in products)
