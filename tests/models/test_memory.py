"""The estimate against counted parameters, real optimizer state and the tensors that autograd saves."""

from dataclasses import replace

import psutil
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config

from r1kit.errors import ModelError
from r1kit.learner.logprobs import token_logprobs
from r1kit.learner.packing import TokenGroup, pack
from r1kit.models import memory
from r1kit.models.decoder import Decoder
from r1kit.models.memory import (
    MemoryPlan,
    ModelSize,
    available_memory,
    cgroup_free,
    check_memory,
    estimate_memory,
    model_size,
    num_parameters,
)

CPU = torch.device("cpu")
PLAN = MemoryPlan(
    dtype=torch.float32,
    has_reference=False,
    micro_batch_tokens=1040,
    gradient_checkpointing=False,
    group_size=4,
    prompt_tokens=20,
    completion_tokens=60,
    num_slots=8,
)
CONFIG = LlamaConfig(
    hidden_size=96,
    intermediate_size=320,
    num_hidden_layers=6,
    num_attention_heads=8,
    num_key_value_heads=2,
    head_dim=16,
    vocab_size=500,
    tie_word_embeddings=True,
)


def saved_bytes(dtype, *, gradient_checkpointing=False):
    """Bytes that autograd keeps between forward and backward of the learner, the parameters themselves apart."""
    decoder = Decoder(model := LlamaForCausalLM(CONFIG), device=CPU, dtype=dtype)
    decoder.train_into(model)
    decoder.checkpointing = gradient_checkpointing
    groups = [TokenGroup(prompt=[*range(20)], completions=[[*range(60)]] * 4)] * 4
    own = {weight.value.data_ptr() for weight in decoder.weights}
    kept = {}

    def keep(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = (storage.nbytes(), tensor)  # holding it, so that no address is used twice
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        token_logprobs(decoder, pack(groups))
    return sum(size for size, _ in kept.values())


def test_parameters_are_counted_exactly():
    # Embedding 500*96; a layer: q 96*128, k and v 96*32 each, o 128*96, three of 96*320, two norms; the last norm.
    layer = 96 * 128 + 2 * 96 * 32 + 128 * 96 + 3 * 96 * 320 + 2 * 96
    assert num_parameters(CONFIG) == 500 * 96 + 6 * layer + 96 == 786_528
    untied = LlamaConfig(**(CONFIG.to_dict() | {"tie_word_embeddings": False}))
    assert num_parameters(untied) == 786_528 + 500 * 96
    assert num_parameters(CONFIG) == LlamaForCausalLM(CONFIG).num_parameters()


def test_size_is_read_from_the_config():
    qwen = Qwen2Config(hidden_size=64, num_attention_heads=4, num_key_value_heads=2, intermediate_size=96, vocab_size=9)
    assert model_size(qwen).head_dim == 16  # Qwen2 has no head_dim; it is hidden_size / num_attention_heads
    assert model_size(CONFIG) == ModelSize(
        num_parameters=786_528,
        num_layers=6,
        hidden_size=96,
        intermediate_size=320,
        num_heads=8,
        num_kv_heads=2,
        head_dim=16,
        vocab_size=500,
    )


def test_static_memory_is_that_of_weights_gradients_and_adamw():
    model = LlamaForCausalLM(CONFIG)
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)
    model(input_ids=torch.tensor([[1, 2, 3]]), labels=torch.tensor([[1, 2, 3]])).loss.backward()
    optimizer.step()
    moments = [state[key] for state in optimizer.state.values() for key in ("exp_avg", "exp_avg_sq")]
    static = estimate_memory(model_size(CONFIG), replace(PLAN, dtype=torch.bfloat16, has_reference=True)).static
    assert static["weights"] == sum(p.nbytes for p in model.parameters())
    assert static["gradients"] == sum(p.grad.nbytes for p in model.parameters())
    assert static["optimizer"] == sum(moment.nbytes for moment in moments)
    assert static["working copy"] == 2 * 786_528
    assert static["engine"] == 2 * (786_528 + 500 * 96)
    assert static["reference"] == (4 + 2) * 786_528
    assert "reference" not in estimate_memory(model_size(CONFIG), PLAN).static


def test_reward_models_are_held_in_the_precision_of_the_products():
    plan = replace(PLAN, dtype=torch.bfloat16, reward_model_parameters=3_000)
    estimate = estimate_memory(model_size(CONFIG), plan)
    assert estimate.static["reward models"] == 6_000
    assert estimate.total - estimate_memory(model_size(CONFIG), replace(plan, reward_model_parameters=0)).total == 6_000


def test_without_sampling_there_is_no_engine():
    size = model_size(CONFIG)
    estimate = estimate_memory(size, replace(PLAN, num_slots=0))
    assert estimate.sampling == 0
    assert estimate.static.keys() == {"weights", "gradients", "optimizer", "working copy"}
    assert estimate_memory(size, PLAN).total - estimate.total == 4 * (786_528 + 500 * 96)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_activations_are_what_autograd_saves(dtype):
    estimate = estimate_memory(model_size(CONFIG), replace(PLAN, dtype=dtype)).learning
    assert estimate == pytest.approx(saved_bytes(dtype), rel=0.05)


def test_checkpointing_keeps_the_layers_inputs():
    size, plan = model_size(CONFIG), replace(PLAN, gradient_checkpointing=True)
    one_layer = estimate_memory(replace(size, num_layers=1), PLAN).learning
    inputs = estimate_memory(size, plan).learning - one_layer
    assert inputs == 6 * 1088 * 96 * 4  # 1040 tokens, filled up
    # One layer is made again in the backward pass; saved before it are the inputs, the logits and what the head reads.
    logits_and_head = 4 * 992 * 500 + 4 * (992 + 1088) * 96
    assert saved_bytes(torch.float32, gradient_checkpointing=True) == pytest.approx(inputs + logits_and_head, rel=0.25)


def test_key_value_cache_by_hand():
    # 2 prompts of 20 tokens, 8 slots of 60; keys and values of 2 heads of 16 in 6 layers, 4 bytes each.
    assert estimate_memory(model_size(CONFIG), PLAN).sampling == (2 * 20 + 8 * 60) * 2 * 6 * 2 * 16 * 4 == 798_720


def test_a_large_group_is_cut_to_a_completion_and_the_vocabulary_too():
    size = model_size(CONFIG)
    small = estimate_memory(size, replace(PLAN, micro_batch_tokens=1)).learning
    assert small == estimate_memory(size, replace(PLAN, micro_batch_tokens=80)).learning  # a prompt, a completion
    two = estimate_memory(size, replace(PLAN, micro_batch_tokens=140)).learning
    assert two == estimate_memory(size, replace(PLAN, micro_batch_tokens=199)).learning > small
    chunked = replace(PLAN, max_logits=1000)
    difference = estimate_memory(size, PLAN).learning - estimate_memory(size, chunked).learning
    assert difference == 4 * (992 * 500 - 1000)  # 960 tokens, filled up


def test_peak_is_the_larger_of_learning_and_sampling():
    size = model_size(CONFIG)
    static = 24 * 786_528 + 4 * 500 * 96
    learning = estimate_memory(size, PLAN)
    assert learning.total == static + learning.learning
    sampling = estimate_memory(size, replace(PLAN, num_slots=10_000))
    assert sampling.total == static + sampling.sampling == static + 1250 * 798_720


def test_what_fits_passes_and_what_does_not_is_one_line(monkeypatch):
    estimate = estimate_memory(model_size(CONFIG), PLAN)
    monkeypatch.setattr(memory, "available_memory", lambda _: estimate.total)
    assert check_memory("tiny", CONFIG, CPU, PLAN) == estimate
    monkeypatch.setattr(memory, "available_memory", lambda _: estimate.total - 1)
    with pytest.raises(ModelError) as caught:
        check_memory("tiny", CONFIG, CPU, PLAN)
    assert str(caught.value).endswith(
        'fix: a smaller model, learner.dtype = "bfloat16", learner.gradient_checkpointing = true, '
        "a smaller sampling.max_new_tokens, grpo.group_size or learner.micro_batch_tokens"
    )


def test_without_sampling_there_is_no_advice_about_it(monkeypatch):
    plan = replace(PLAN, num_slots=0, gradient_checkpointing=True, dtype=torch.bfloat16)
    estimate = estimate_memory(model_size(CONFIG), plan)
    monkeypatch.setattr(memory, "available_memory", lambda _: estimate.total - 1)
    with pytest.raises(ModelError) as caught:
        check_memory("tiny", CONFIG, CPU, plan)
    assert str(caught.value).endswith(
        "fix: a smaller model, a smaller learner.micro_batch_tokens, shorter examples (max_tokens of sft)"
    )


def test_the_message_for_seven_billion_parameters(monkeypatch):
    config = Qwen2Config(
        hidden_size=3584,
        intermediate_size=18944,
        num_hidden_layers=28,
        num_attention_heads=28,
        num_key_value_heads=4,
        vocab_size=152_064,
        tie_word_embeddings=False,
    )
    assert num_parameters(config) == 7_615_616_512  # what the model card of Qwen2.5-7B says: 7.61B
    monkeypatch.setattr(memory, "available_memory", lambda _: 22_000_000_000)
    plan = replace(PLAN, dtype=torch.bfloat16, has_reference=True)
    with pytest.raises(ModelError) as caught:
        check_memory("Qwen/Qwen2.5-7B", config, CPU, plan)
    # No word of checkpointing or the batch: the weights alone do not fit, so they would not help.
    assert str(caught.value) == (
        "model Qwen/Qwen2.5-7B needs about 204 GB to train (weights 30, gradients 30, optimizer 61, working copy 15, "
        "engine 16, reference 46, activations 5.2), this machine has 22 GB free; "
        "fix: a smaller model, grpo.kl_coef = 0 (no reference)"
    )


def limit(folder, **files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(f"{text}\n")


def test_the_tightest_control_group_limits(tmp_path):
    membership = tmp_path / "cgroup"
    membership.write_text("0::/pod/box\n")
    root = tmp_path / "v2"
    limit(root / "pod/box", memory__max="max", memory__current=50)
    assert cgroup_free(root, membership) is None
    stat = "anon 1\ninactive_file 30"
    limit(root / "pod", memory__max=1000, memory__current=400, memory__stat=stat)
    assert cgroup_free(root, membership) == 1000 - 400 + 30
    limit(root / "pod/box", memory__max=500, memory__current=600)
    assert cgroup_free(root, membership) == 0
    membership.write_text("4:cpu,memory:/job\n3:pids:/\n")
    limit(tmp_path / "v1/memory/job", memory__limit_in_bytes=800, memory__usage_in_bytes=100)
    assert cgroup_free(tmp_path / "v1", membership) == 700
    assert cgroup_free(root, tmp_path / "absent") is None  # not Linux


def test_available_memory_is_the_smaller_of_machine_and_limit(monkeypatch):
    machine = psutil.virtual_memory()._replace(available=500)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: machine)
    for limited, expected in ((None, 500), (400, 400), (600, 500)):
        monkeypatch.setattr(memory, "cgroup_free", lambda value=limited: value)
        assert available_memory(CPU) == expected
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (123, 456))
    assert available_memory(torch.device("cuda")) == 123
