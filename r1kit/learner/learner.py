"""One optimizer step of any objective over packed micro-batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor
from transformers import PreTrainedModel

from r1kit.errors import RunError
from r1kit.learner.config import LearnerConfig
from r1kit.learner.logprobs import TokenLogprobs, token_logprobs
from r1kit.learner.optimizer import build_optimizer, learning_rate
from r1kit.learner.packing import PackedBatch, TokenGroup, cut, pack
from r1kit.models.decoder import Decoder

Read = TypeVar("Read")
"""What a forward pass reads off a micro-batch: log-probabilities, scores."""


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


@dataclass(frozen=True, slots=True)
class _Share:
    value: Tensor
    metrics: Mapping[str, Tensor]


class Learner:
    """A model being trained: float32 weights, AdamW, a schedule; the forward pass runs on a copy in `dtype`.

    Args:
        model: its weights must be float32 (they are the master weights, and what is saved).
        config: optimizer, schedule, micro-batch size.
        num_steps: optimizer steps of the whole run, for the schedule.
        device: where to compute.
        dtype: of the weights' working copy and of the activations.
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
        self.optimizer = build_optimizer(self.model, config)
        self.decoder = Decoder(self.model, device=device, dtype=dtype)
        """The working copy of the weights, up to date after every step."""
        self.decoder.train_into(self.model)
        self.decoder.checkpointing = config.gradient_checkpointing

    def update(
        self,
        groups: Sequence[TokenGroup],
        objective: Callable[[list[int], TokenLogprobs], Objective],
        *,
        temperature: float = 1.0,
    ) -> dict[str, float]:
        """One optimizer step of a language model on `groups`, cut into micro-batches of config.micro_batch_tokens.

        Args:
            groups: all sequences of the step.
            objective: called for each micro-batch with the numbers of its completions, counted through all groups,
                and the policy's log-probabilities, a row B for each of them in that order.
            temperature: divides the logits, as in the sampler.

        Returns:
            As `update_by`, and `entropy` (mean over tokens, nats).
        """
        num_tokens = sum(len(c) for group in groups for c in group.completions)

        def with_entropy(rows: list[int], policy: TokenLogprobs) -> Objective:
            loss = objective(rows, policy)
            return _Share(loss.value, {**loss.metrics, "entropy": policy.entropy_BT.sum() / num_tokens})

        return self.update_by(partial(token_logprobs, temperature=temperature), groups, with_entropy)

    def update_by(
        self,
        forward: Callable[[Decoder, PackedBatch], Read],
        groups: Sequence[TokenGroup],
        objective: Callable[[list[int], Read], Objective],
        *,
        split_groups: bool = True,
    ) -> dict[str, float]:
        """One optimizer step of any model: `objective` of what `forward` reads off each micro-batch.

        Args:
            forward: runs the working copy of the weights over a micro-batch.
            groups: all sequences of the step.
            objective: called for each micro-batch with the numbers of its completions, counted through all groups,
                and what `forward` gave.
            split_groups: whether a group larger than config.micro_batch_tokens may be cut. Where the objective
                compares completions of a group it may not; micro-batches then have the tokens of the largest group.

        Returns:
            The objective's metrics, `loss`, `grad_norm` (before clipping) and `learning_rate`.

        Raises:
            RunError: the gradient is not finite; weights and optimizer are as they were.
        """
        self.decoder.zero_grad()
        totals: dict[str, Tensor] = {}
        largest = 0 if split_groups else max(group.num_tokens for group in groups)
        for micro_batch in cut(groups, max(self.config.micro_batch_tokens, largest)):
            loss = objective(micro_batch.rows, forward(self.decoder, pack(micro_batch.groups, device=self.device)))
            loss.value.backward()
            for name, value in {**loss.metrics, "loss": loss.value}.items():
                totals[name] = totals.get(name, torch.zeros((), device=self.device)) + value.detach()
        rate = learning_rate(self.config, self.num_updates, self.num_steps)
        grad_norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.max_grad_norm)
        if not torch.isfinite(grad_norm):
            raise RunError(
                f"the gradient of optimizer step {self.num_updates + 1} is not finite; the weights are as before. Go "
                "on from the last checkpoint with a lower learner.learning_rate, or with learner.dtype = float32"
            )
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        self.decoder.load(self.model)
        self.num_updates += 1
        return {
            **{name: value.item() for name, value in totals.items()},
            "grad_norm": grad_norm.item(),
            "learning_rate": rate,
        }

    @torch.inference_mode()
    def score(self, model: PreTrainedModel, groups: Sequence[TokenGroup], *, temperature: float) -> list[list[float]]:
        """Log-probabilities under `model` (e.g. the reference): a list a completion, in order."""
        decoder = self.decoder if model is self.model else Decoder(model, device=self.device, dtype=self.dtype)
        scored: dict[int, list[float]] = {}
        for micro_batch in cut(groups, self.config.micro_batch_tokens):
            batch = pack(micro_batch.groups, device=self.device)
            rows = token_logprobs(decoder, batch, temperature=temperature).logprobs_BT.tolist()
            for i, row, length in zip(micro_batch.rows, rows, batch.mask_BT.sum(1).tolist(), strict=True):
                scored[i] = row[:length]
        return [scored[i] for i in range(len(scored))]

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
        self.decoder.load(self.model)
        self.optimizer.load_state_dict(state["optimizer"])
        self.num_updates = state["num_updates"]
