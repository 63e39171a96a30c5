"""Will it fit? The memory of training, estimated from a model's config before any weight is read.

Static: float32 weights, gradients and AdamW's two moments (4 + 4 + 8 bytes a parameter), the learner's working copy,
and what only reinforcement learning has: the engine's copy and the reference of the KL term. On top of that one of two,
for they are never held at once: what the learner keeps of a micro-batch for its backward pass, or the engine's cache of
keys and values.

The learner's part counts the tensors that autograd saves in a layer of a Llama on a CPU (a test compares it with the
saved tensors themselves), as Korthikanti et al. (arXiv:2205.05198, section 4.1) do for GPT. It leaves out what is small
or short-lived, so real peaks are some percent higher; the check is there to tell a hopeless run from a possible one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil
import torch
from transformers import AutoModelForCausalLM, PretrainedConfig

from r1kit.errors import ModelError
from r1kit.models.attention import row_size

MAX_LOGITS = 1 << 28
"""Logits that the learner keeps for its backward pass: completion tokens times vocabulary. Above it they are made again
there, chunk by chunk (a 150k vocabulary)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSize:
    """The numbers of a model that decide its memory."""

    num_parameters: int
    """Tied weights count once."""
    num_layers: int
    hidden_size: int
    intermediate_size: int
    num_heads: int
    num_kv_heads: int
    head_dim: int
    vocab_size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryPlan:
    """What training holds at once."""

    dtype: torch.dtype
    """Of the learner's working copy and activations, and of the engine's weights and cache."""
    has_reference: bool
    """kl_coef > 0: a frozen float32 model is held too, and a copy in `dtype` while it is run."""
    micro_batch_tokens: int
    gradient_checkpointing: bool
    group_size: int
    """Completions that share a prompt."""
    prompt_tokens: int
    """Of a long prompt."""
    completion_tokens: int
    """Of a long completion, as a rule max_new_tokens."""
    num_slots: int
    """Completions that the engine samples at once; 0 where nothing is sampled, so that there is no engine."""
    max_logits: int = MAX_LOGITS
    reward_model_parameters: int = 0
    """Of all reward models that judge beside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryEstimate:
    """Bytes, by what they hold."""

    static: Mapping[str, int]
    """Held all the time: weights, gradients, optimizer, working copy; engine, reference, reward models if there are."""
    learning: int
    """Held by the learner between a micro-batch's forward and backward pass."""
    sampling: int
    """The engine's cache of keys and values."""

    @property
    def total(self) -> int:
        """The peak."""
        return sum(self.static.values()) + max(self.learning, self.sampling)


def model_size(config: PretrainedConfig) -> ModelSize:
    """The size of the causal language model that `config` describes."""
    values = config.to_dict()
    return ModelSize(
        num_parameters=num_parameters(config),
        num_layers=config.num_hidden_layers,
        hidden_size=config.hidden_size,
        intermediate_size=values.get("intermediate_size") or 4 * config.hidden_size,
        num_heads=config.num_attention_heads,
        num_kv_heads=values.get("num_key_value_heads") or config.num_attention_heads,
        head_dim=values.get("head_dim") or config.hidden_size // config.num_attention_heads,
        vocab_size=config.vocab_size,
    )


def num_parameters(config: PretrainedConfig) -> int:
    """Parameters of the model that `config` describes, counted on the meta device: exact, and without memory."""
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    return sum(parameter.numel() for parameter in model.parameters())


def estimate_memory(size: ModelSize, plan: MemoryPlan) -> MemoryEstimate:
    """Bytes that training a model of `size` by `plan` takes on one device."""
    copy = size.num_parameters * plan.dtype.itemsize
    static = {
        "weights": 4 * size.num_parameters,
        "gradients": 4 * size.num_parameters,
        "optimizer": 8 * size.num_parameters,
        "working copy": copy,
    }
    if plan.num_slots:  # on a CPU an engine has tied embeddings twice: to look up, and packed
        static["engine"] = copy + size.vocab_size * size.hidden_size * plan.dtype.itemsize
    if plan.has_reference:
        static["reference"] = 4 * size.num_parameters + copy
    if plan.reward_model_parameters:
        static["reward models"] = plan.reward_model_parameters * plan.dtype.itemsize
    kv_token = 2 * size.num_layers * size.num_kv_heads * size.head_dim * plan.dtype.itemsize
    num_prompts = -(-plan.num_slots // plan.group_size)
    sampling = (num_prompts * plan.prompt_tokens + plan.num_slots * plan.completion_tokens) * kv_token
    return MemoryEstimate(static=static, learning=_learning(size, plan), sampling=sampling)


def check_memory(name: str, config: PretrainedConfig, device: torch.device, plan: MemoryPlan) -> MemoryEstimate:
    """Estimate, and refuse what cannot fit before the weights are read. `name` is the model's, for the message.

    Raises:
        ModelError: the estimate exceeds `available_memory(device)`.
    """
    estimate, free = estimate_memory(model_size(config), plan), available_memory(device)
    if estimate.total > free:
        parts = {**estimate.static, "activations": estimate.learning, "key-value cache": estimate.sampling}
        del parts["activations" if estimate.learning < estimate.sampling else "key-value cache"]
        listed = ", ".join(f"{part} {_gb(size)}" for part, size in parts.items())
        where = "this machine" if device.type == "cpu" else f"device {device}"
        raise ModelError(
            f"model {name} needs about {_gb(estimate.total)} GB to train ({listed}), {where} has "
            f"{_gb(free)} GB free; fix: {_remedies(estimate, plan, free)}"
        )
    return estimate


def available_memory(device: torch.device) -> int:
    """Bytes that this process can still take on `device`: free now, and within the control group's limit."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    if device.type == "mps":
        return torch.mps.recommended_max_memory() - torch.mps.current_allocated_memory()
    free = psutil.virtual_memory().available
    limited = cgroup_free()
    return free if limited is None else min(free, limited)


def cgroup_free(root: Path = Path("/sys/fs/cgroup"), membership: Path = Path("/proc/self/cgroup")) -> int | None:
    """Bytes left to this process by the tightest limit of its Linux control groups; None where there is none.

    A container's limit does not show in the machine's free memory, and passing it gets the process killed. File
    cache that the kernel would drop counts as free.
    """
    if not membership.is_file():
        return None
    left = []
    for line in membership.read_text(encoding="utf-8").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":  # version 2
            base, files, cache = root, ("memory.max", "memory.current"), "inactive_file"
        elif "memory" in controllers.split(","):  # version 1
            base, files = root / "memory", ("memory.limit_in_bytes", "memory.usage_in_bytes")
            cache = "total_inactive_file"
        else:
            continue
        folder = base / path.lstrip("/")
        for group in (folder, *folder.parents):
            if group.is_relative_to(base) and (limit := _number(group / files[0])) is not None:
                left.append(limit - (_number(group / files[1]) or 0) + _stat(group / "memory.stat", cache))
    return max(0, min(left)) if left else None


def _learning(size: ModelSize, plan: MemoryPlan) -> int:
    c = plan.dtype.itemsize
    P, T, G = plan.prompt_tokens, plan.completion_tokens, plan.group_size
    # A micro-batch has whole groups, or a part of one that is too large, or at least one completion.
    num_groups = max(1, plan.micro_batch_tokens // (P + G * T))
    num_rows = min(G, max(1, (plan.micro_batch_tokens - P) // T))
    L, M = row_size(num_groups * (P + num_rows * T)), row_size(num_groups * num_rows * T)
    E, width, kv_width = size.hidden_size, size.num_heads * size.head_dim, size.num_kv_heads * size.head_dim
    # The residual stream and its normalised form, twice; query, key, value and result of attention; gate and up and
    # their product; and a float32 number a row for each norm.
    layer = c * L * (4 * E + 2 * width + 2 * kv_width + 3 * size.intermediate_size) + 2 * 4 * L
    # Checkpointing keeps a layer's input, and all of the one layer that the backward pass is in.
    layers = size.num_layers * c * E * L + layer if plan.gradient_checkpointing else size.num_layers * layer
    head = c * E * (L + M) + c * min(M * size.vocab_size, plan.max_logits)
    return layers + head


def _remedies(estimate: MemoryEstimate, plan: MemoryPlan, free: int) -> str:
    remedies = ["a smaller model"]
    if plan.has_reference:
        remedies.append("grpo.kl_coef = 0 (no reference)")
    if plan.dtype == torch.float32:
        remedies.append('learner.dtype = "bfloat16"')
    if sum(estimate.static.values()) < free:  # else nothing about the batch can help
        if not plan.gradient_checkpointing and estimate.learning >= estimate.sampling:
            remedies.append("learner.gradient_checkpointing = true")
        if plan.num_slots:
            remedies.append("a smaller sampling.max_new_tokens, grpo.group_size or learner.micro_batch_tokens")
        else:
            remedies.append("a smaller learner.micro_batch_tokens, shorter examples (max_tokens of sft)")
    return ", ".join(remedies)


def _gb(num_bytes: int) -> str:
    return f"{num_bytes / 1e9:.0f}" if num_bytes >= 1e10 else f"{num_bytes / 1e9:.2g}"


def _number(path: Path) -> int | None:
    text = path.read_text(encoding="ascii").strip() if path.is_file() else "max"
    return None if text == "max" else int(text)


def _stat(path: Path, key: str) -> int:
    lines = path.read_text(encoding="ascii").splitlines() if path.is_file() else []
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{key} ")), 0)
