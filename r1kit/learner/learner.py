"""One optimizer step of any objective over packed micro-batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor
from transformers import PreTrainedModel

from r1kit.learner.config import LearnerConfig
from r1kit.learner.logprobs import TokenLogprobs, token_logprobs
from r1kit.learner.optimizer import build_optimizer, learning_rate
from r1kit.learner.packing import TokenGroup, cut, pack
from r1kit.models.attention import use_packed_attention


class Objective(Protocol):
    """A micro-batch's share of the step's loss: divided by the whole step's counts, so that shares add up."""

    @property
    def value(self) -> Tensor:
        """What is minimised, a scalar that carries the gradient."""
        ...

    @property
    def metrics(self) -> Mapping[str, Tensor]:
        """Shares of the step's metrics, detached scalars."""
        ...


class Learner:
    """A model being trained: float32 weights, AdamW, a schedule, and matrix products in `dtype`.

    Args:
        model: its attention becomes the packed one; its weights must be float32 (they are the master weights).
        config: optimizer, schedule, micro-batch size.
        num_steps: optimizer steps of the whole run, for the schedule.
        device: where to compute.
        dtype: of the matrix products, by autocast.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        config: LearnerConfig,
        *,
        num_steps: int,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        self.model = model.to(device).train()  # pyright: ignore[reportArgumentType] (a decorator hides the type)
        self.config = config
        self.num_steps = num_steps
        self.device = device
        self.dtype = dtype
        self.num_updates = 0
        """Optimizer steps done; it places the run in the schedule."""
        use_packed_attention(self.model)
        if config.gradient_checkpointing:
            self.model.activation_checkpointing_enable(activation_checkpointing_kwargs={"use_reentrant": False})
        self.optimizer = build_optimizer(self.model, config)

    def update(
        self,
        groups: Sequence[TokenGroup],
        objective: Callable[[list[int], TokenLogprobs], Objective],
        *,
        temperature: float = 1.0,
    ) -> dict[str, float]:
        """One optimizer step on `groups`, cut into micro-batches of config.micro_batch_tokens.

        Args:
            groups: all sequences of the step.
            objective: called for each micro-batch with the indices of its groups and the policy's log-probabilities;
                rows B are the completions of these groups in order.
            temperature: divides the logits, as in the sampler.

        Returns:
            The objective's metrics, `loss`, `entropy` (mean over tokens, nats), `grad_norm` (before clipping) and
            `learning_rate`.
        """
        self.optimizer.zero_grad(set_to_none=True)
        totals: dict[str, Tensor] = {}
        num_tokens = sum(len(c) for group in groups for c in group.completions)
        for indices in cut(groups, self.config.micro_batch_tokens):
            batch = pack([groups[i] for i in indices]).to(self.device)
            policy = token_logprobs(self.model, batch, temperature=temperature, dtype=self.dtype)
            loss = objective(indices, policy)
            loss.value.backward()
            parts = {**loss.metrics, "loss": loss.value, "entropy": policy.entropy_BT.sum() / num_tokens}
            for name, value in parts.items():
                totals[name] = totals.get(name, torch.zeros((), device=self.device)) + value.detach()
        rate = learning_rate(self.config, self.num_updates, self.num_steps)
        grad_norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.max_grad_norm)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        self.num_updates += 1
        return {
            **{name: value.item() for name, value in totals.items()},
            "grad_norm": grad_norm.item(),
            "learning_rate": rate,
        }

    @torch.inference_mode()
    def score(self, model: PreTrainedModel, groups: Sequence[TokenGroup], *, temperature: float) -> list[list[float]]:
        """Log-probabilities under `model` (packed attention; e.g. the reference): a list a completion, in order."""
        scored: dict[int, list[list[float]]] = {}
        for indices in cut(groups, self.config.micro_batch_tokens):
            batch = pack([groups[i] for i in indices]).to(self.device)
            rows = iter(token_logprobs(model, batch, temperature=temperature, dtype=self.dtype).logprobs_BT.tolist())
            for i in indices:
                scored[i] = [next(rows)[: len(completion)] for completion in groups[i].completions]
        return [row for i in range(len(groups)) for row in scored[i]]

    def state_dict(self) -> dict[str, Any]:
        """Weights, optimizer state and place in the schedule."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "num_updates": self.num_updates,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on exactly where `state_dict` was taken."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.num_updates = state["num_updates"]
