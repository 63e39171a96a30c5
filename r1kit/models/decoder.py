# pyright: reportIncompatibleMethodOverride=false
"""The forward pass of Llama-like decoders, written once for sampling, scoring and training.

It runs over a flat row of L tokens: everything in a transformer but attention works token by token, so sequences need
no batch dimension and no padding. Who calls it passes `attend`, the only part that knows which token belongs where.
Weights that read the same input are one matrix (query, key and value; gate and up). `transformers` keeps the
parameters under its names, opens and saves them, and makes the rotary tables; its own forward is what tests compare
with. Shape letters: L tokens, E width, H query heads, K key/value heads, D size of a head, F width of the gated layer,
V vocabulary, M rows that logits are made for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.backends import mkldnn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint
from transformers import PretrainedConfig, PreTrainedModel

from r1kit.errors import ModelError, suggest
from r1kit.models.ops import rms_norm, rotate, swiglu

FAMILIES = ("llama", "qwen2", "qwen3")
"""Model types that are supported: their parity with transformers is tested."""

SCORE_HEAD = "score.weight"
"""The head of a reward model, (1, E): transformers' classes for sequence classification with one label."""

_ROWS_TO_PACK_FOR = 64
"""A hint for oneDNN; the packed weights serve any number of rows."""


class Attend(Protocol):
    """Attention of one layer over a flat row, queries and keys already rotated."""

    def __call__(self, layer: int, query_LHD: Tensor, key_LKD: Tensor, value_LKD: Tensor, /) -> Tensor:
        """(L, H, D); scores are scaled by D ** -0.5."""
        ...


@dataclass(slots=True)
class Weight:
    """One tensor that the forward pass reads: parameters of the model, one after another along the first dimension."""

    names: tuple[str, ...]
    sizes: list[int]
    value: Tensor
    """Without memory (on the device "meta") where only `packed` is read."""
    packed: Tensor | None = None
    """The matrix in the order in which oneDNN reads it."""
    grad: Tensor | None = None
    """float32, all micro-batches of a step added up; None where nothing is trained."""

    def load(self, parameters: Mapping[str, Tensor]) -> None:
        """Copy the parameters in, converting to the type of `value`."""
        value = torch.empty_like(self.value, device="cpu") if self.value.is_meta else self.value
        for name, part in zip(self.names, value.split(self.sizes), strict=True):
            part.copy_(parameters[name])
        if self.value.is_meta:
            self.packed = torch.ops.mkldnn._reorder_linear_weight(value, _ROWS_TO_PACK_FOR)

    def collect_grad(self, _: Tensor) -> None:
        """Called by autograd when the gradient of a micro-batch is complete."""
        assert self.grad is not None
        if self.value.grad is not None:
            self.grad.add_(self.value.grad)
            self.value.grad = None


@dataclass(frozen=True, slots=True)
class Layer:
    """Weights of one layer; a bias, and the norms of queries and keys, only where the family has them."""

    attention_norm: Weight
    qkv: Weight
    qkv_bias: Weight | None
    query_norm: Weight | None
    key_norm: Weight | None
    output: Weight
    output_bias: Weight | None
    mlp_norm: Weight
    gate_up: Weight
    gate_up_bias: Weight | None
    down: Weight
    down_bias: Weight | None


class Decoder:
    """Fused copies of a model's weights in the type that is computed in, and the forward pass over them.

    Norm weights and the head of a reward model stay float32: they are small, and so are the steps that training makes
    in them. Dropout is never applied.
    """

    def __init__(
        self, model: PreTrainedModel, *, device: torch.device, dtype: torch.dtype, for_sampling: bool = False
    ) -> None:
        """Copy the weights of `model`.

        Args:
            model: what is copied.
            device: where to compute.
            dtype: of the weights, but for norms and the head of a reward model, and of the activations.
            for_sampling: few rows at a time and no gradients: where that helps, matrices are kept in the order in
                which oneDNN reads them, which saves it a pass over all weights at every step.

        Raises:
            ModelError: a family or a variant that is not supported.
        """
        check_supported(model.config)
        config: Any = model.config
        self.device = device
        self.dtype = dtype
        self.vocab_size: int = config.vocab_size
        self.num_heads: int = config.num_attention_heads
        self.num_kv_heads: int = config.num_key_value_heads
        self.head_dim: int = config.to_dict().get("head_dim") or config.hidden_size // config.num_attention_heads
        self.checkpointing = False
        """Keep only the input of each layer for the backward pass and compute the rest again."""
        self._packed = for_sampling and can_pack(device, dtype)
        self._eps: float = config.rms_norm_eps
        rotary: Any = model.base_model.rotary_emb
        self._rotary = type(rotary)(config=config).to(device)
        self._parameters = {name: parameter.detach() for name, parameter in model.named_parameters()}
        self.weights: list[Weight] = []
        self.embedding = self._weight("model.embed_tokens.weight", is_looked_up=True)
        self.layers = [self._layer(i) for i in range(config.num_hidden_layers)]
        self.final_norm = self._weight("model.norm.weight")
        own_head = next((name for name in ("lm_head.weight", SCORE_HEAD) if name in self._parameters), None)
        if own_head is not None:
            self.head = self._weight(own_head)
        else:  # tied; rows of a packed matrix cannot be looked up
            self.head = self._weight("model.embed_tokens.weight") if self._packed else self.embedding
        unknown = self._parameters.keys() - {name for weight in self.weights for name in weight.names}
        if unknown:
            raise ModelError(f"the {config.model_type} model has a parameter that is not understood: {min(unknown)}")
        self._shapes = {name: parameter.shape for name, parameter in self._parameters.items()}
        self._parameters = {}

    @torch.no_grad()
    def load(self, model: PreTrainedModel) -> None:
        """Copy the parameters of `model` in place.

        Raises:
            ModelError: a parameter is missing, unknown or of another shape; nothing is changed then.
        """
        new = {name: parameter.detach() for name, parameter in model.named_parameters()}
        for name in sorted(self._shapes.keys() ^ new.keys()):
            side = "the new model lacks" if name in self._shapes else "the copy in use lacks"
            raise ModelError(f"the weights do not fit: {side} the parameter {name}; both must come from one config")
        for name, shape in self._shapes.items():
            if shape != new[name].shape:
                raise ModelError(
                    f"the weights do not fit: {name} has the shape {tuple(new[name].shape)}, the copy in use "
                    f"{tuple(shape)}; both must come from one config"
                )
        for weight in self.weights:
            weight.load(new)

    def train_into(self, model: PreTrainedModel) -> None:
        """Make backward passes add to `.grad` of the parameters of `model`, in float32.

        Raises:
            ModelError: of parameters that are computed with as one matrix only some require a gradient.
        """
        parameters = dict(model.named_parameters())
        for weight in self.weights:
            trained = [name for name in weight.names if parameters[name].requires_grad]
            if not trained:
                continue
            if len(trained) < len(weight.names):
                raise ModelError(
                    f"{', '.join(weight.names)} are trained together or not at all; {trained} alone are not"
                )
            weight.grad = torch.zeros(weight.value.shape, device=self.device)
            weight.value.requires_grad_(True).register_post_accumulate_grad_hook(weight.collect_grad)
            for name, part in zip(weight.names, weight.grad.split(weight.sizes), strict=True):
                parameters[name].grad = part

    def zero_grad(self) -> None:
        """Start a step: the gradients of the parameters become 0."""
        for weight in self.weights:
            if weight.grad is not None:
                weight.grad.zero_()

    def hidden(self, tokens_L: Tensor, positions_L: Tensor, attend: Attend) -> Tensor:
        """The hidden states after the last norm: (L, E)."""
        hidden_LE = embed(self.embedding, tokens_L)
        angles = self._angles(hidden_LE, positions_L)
        for number, layer in enumerate(self.layers):
            if self.checkpointing and torch.is_grad_enabled():
                hidden_LE = checkpoint(self._run, number, layer, hidden_LE, angles, attend, use_reentrant=False)
                assert isinstance(hidden_LE, Tensor)
            else:
                hidden_LE = self._run(number, layer, hidden_LE, angles, attend)
        return rms_norm(hidden_LE, self.final_norm.value, self._eps)

    def logits(self, hidden_ME: Tensor) -> Tensor:
        """(M, E) to (M, V), in `dtype`, without gradient; training uses `r1kit.learner.logprobs`."""
        return linear(hidden_ME, self.head)

    def scores(self, hidden_ME: Tensor) -> Tensor:
        """What the head of a reward model gives to (M, E): (M,) float32."""
        return linear(hidden_ME.float(), self.head)[:, 0]

    def _run(
        self, number: int, layer: Layer, hidden_LE: Tensor, angles: tuple[Tensor, Tensor], attend: Attend
    ) -> Tensor:
        H, K, D = self.num_heads, self.num_kv_heads, self.head_dim
        normed_LE = rms_norm(hidden_LE, layer.attention_norm.value, self._eps)
        qkv_LHD = linear(normed_LE, layer.qkv, layer.qkv_bias).view(-1, H + 2 * K, D)
        query_key_LHD, value_LKD = qkv_LHD.split([H + K, K], dim=1)
        if layer.query_norm is not None and layer.key_norm is not None:
            query_LHD, key_LKD = query_key_LHD.split([H, K], dim=1)
            query_LHD = rms_norm(query_LHD, layer.query_norm.value, self._eps)
            key_LKD = rms_norm(key_LKD, layer.key_norm.value, self._eps)
            query_key_LHD = torch.cat([query_LHD, key_LKD], dim=1)
        query_LHD, key_LKD = rotate(query_key_LHD, *angles).split([H, K], dim=1)
        attended_LHD = attend(number, query_LHD, key_LKD, value_LKD)
        hidden_LE = hidden_LE + linear(attended_LHD.flatten(1), layer.output, layer.output_bias)
        normed_LE = rms_norm(hidden_LE, layer.mlp_norm.value, self._eps)
        gated_LF = swiglu(linear(normed_LE, layer.gate_up, layer.gate_up_bias))
        return hidden_LE + linear(gated_LF, layer.down, layer.down_bias)

    def _angles(self, hidden_LE: Tensor, positions_L: Tensor) -> tuple[Tensor, Tensor]:
        """Cosine and signed sine for `rotate`, (L, 1, D) each."""
        cos_1LD, sin_1LD = self._rotary(hidden_LE, positions_L[None])
        sign_D = torch.ones(self.head_dim, dtype=sin_1LD.dtype, device=self.device)
        sign_D[: self.head_dim // 2] = -1
        return cos_1LD[0][:, None], (sin_1LD[0] * sign_D)[:, None]

    def _layer(self, number: int) -> Layer:
        def named(module: str, *kinds: str, suffix: str = "weight") -> tuple[str, ...]:
            return tuple(f"model.layers.{number}.{module}{kind}.{suffix}" for kind in kinds)

        def bias(module: str, *kinds: str) -> Weight | None:
            return self._optional(*named(module, *kinds, suffix="bias"))

        attention, mlp = "self_attn.", "mlp."
        qkv, gate_up = ("q_proj", "k_proj", "v_proj"), ("gate_proj", "up_proj")
        return Layer(
            attention_norm=self._weight(*named("", "input_layernorm")),
            qkv=self._weight(*named(attention, *qkv)),
            qkv_bias=bias(attention, *qkv),
            query_norm=self._optional(*named(attention, "q_norm")),
            key_norm=self._optional(*named(attention, "k_norm")),
            output=self._weight(*named(attention, "o_proj")),
            output_bias=bias(attention, "o_proj"),
            mlp_norm=self._weight(*named("", "post_attention_layernorm")),
            gate_up=self._weight(*named(mlp, *gate_up)),
            gate_up_bias=bias(mlp, *gate_up),
            down=self._weight(*named(mlp, "down_proj")),
            down_bias=bias(mlp, "down_proj"),
        )

    def _optional(self, *names: str) -> Weight | None:
        return self._weight(*names) if names[0] in self._parameters else None

    def _weight(self, *names: str, is_looked_up: bool = False) -> Weight:
        sources = _of(self._parameters, names)
        is_precise = "norm" in names[0] or names[0] == SCORE_HEAD
        is_packed = self._packed and not is_precise and not is_looked_up and sources[0].ndim == 2
        value = torch.empty(
            (sum(len(source) for source in sources), *sources[0].shape[1:]),
            dtype=torch.float32 if is_precise else self.dtype,
            device="meta" if is_packed else self.device,
        )
        weight = Weight(names, [len(source) for source in sources], value)
        weight.load(self._parameters)
        self.weights.append(weight)
        return weight


def can_pack(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether oneDNN takes packed matrices of this type here."""
    is_bfloat16_on_cpu = device.type == "cpu" and dtype == torch.bfloat16
    return is_bfloat16_on_cpu and mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()


def check_supported(config: PretrainedConfig) -> None:
    """Raise ModelError where `Decoder` would compute something else than the model's own forward in evaluation."""
    family: str = config.model_type
    if family not in FAMILIES:
        raise ModelError(f"r1kit does not run model_type {family!r}; {suggest(family, FAMILIES)}")
    layer_types = config.to_dict().get("layer_types") or []
    if any(kind != "full_attention" for kind in layer_types):
        raise ModelError(
            f"r1kit runs full attention only, and this {family} config has {sorted(set(layer_types))}; "
            "set use_sliding_window = false if the model was not trained with it"
        )
    activation: str = config.to_dict()["hidden_act"]
    if activation != "silu":
        raise ModelError(f"r1kit runs the activation silu only, and this {family} config has {activation!r}")


def linear(x_LE: Tensor, weight: Weight, bias: Weight | None = None) -> Tensor:
    """The product x W^T + b."""
    bias_F = None if bias is None else bias.value
    if weight.packed is not None:
        return torch.ops.mkldnn._linear_pointwise(x_LE, weight.packed, bias_F, "none", [], "")
    return F.linear(x_LE, weight.value, bias_F)


def embed(weight: Weight, tokens_L: Tensor) -> Tensor:
    """The rows of `weight` for the tokens; their gradients are added in float32, however often a token occurs."""
    if weight.grad is None or not torch.is_grad_enabled():
        return weight.value.detach()[tokens_L]
    result = _Embed.apply(weight.value, tokens_L, weight.grad)
    assert isinstance(result, Tensor)
    return result


class _Embed(Function):
    @staticmethod
    def forward(ctx: Any, value_VE: Tensor, tokens_L: Tensor, grad_VE: Tensor) -> Tensor:
        ctx.tokens_L, ctx.grad_VE = tokens_L, grad_VE
        return value_VE[tokens_L]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_LE: Tensor) -> tuple[None, None, None]:
        ctx.grad_VE.index_add_(0, ctx.tokens_L, grad_LE.float())
        return None, None, None


def _of(parameters: Mapping[str, Tensor], names: Iterable[str]) -> Sequence[Tensor]:
    missing = [name for name in names if name not in parameters]
    if missing:
        raise ModelError(f"the model lacks the parameter {missing[0]}")
    return [parameters[name] for name in names]
