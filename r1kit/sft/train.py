"""Supervised fine-tuning, as sections 2.3.1 and 2.3.3 of arXiv:2501.12948 have it: next-token prediction on responses.

    r1kit sft --model nano --data examples.jsonl --out runs/sft

The paper gives the data and the number of epochs; optimizer and schedule are the learner's. The loss of a step is the
mean over its completion tokens, so a long response weighs more than a short one. Prompts carry no loss.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from r1kit.learner.learner import Learner
from r1kit.learner.logprobs import TokenLogprobs
from r1kit.sft.batches import Batches, TokenizedExample, token_groups
from r1kit.sft.loss import NextTokenLoss, next_token_loss


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What happened in one optimizer step, for the log."""

    number: int
    """Steps done by now, this one included."""
    ends_epoch: bool
    stats: dict[str, float]
    """Of `Learner.update`."""
    num_tokens: int
    """Computed: completions, and each prompt once a step."""
    num_completion_tokens: int
    """Trained on, end tokens included."""
    seconds: float


def train(learner: Learner, batches: Batches, *, num_epochs: int, first_step: int = 0) -> Iterator[Step]:
    """Train `learner` in place, yielding after every step; start at `first_step` to go on from a checkpoint."""
    for step in range(first_step, num_epochs * batches.steps_per_epoch):
        started = time.monotonic()
        groups = token_groups(batches.of_step(step))
        num_completion_tokens = sum(len(completion) for group in groups for completion in group.completions)

        def objective(rows: list[int], policy: TokenLogprobs, count: int = num_completion_tokens) -> NextTokenLoss:
            return next_token_loss(policy.logprobs_BT, policy.mask_BT, num_tokens=count)

        stats = learner.update(groups, objective)
        yield Step(
            number=step + 1,
            ends_epoch=(step + 1) % batches.steps_per_epoch == 0,
            stats=stats,
            num_tokens=sum(group.num_tokens for group in groups),
            num_completion_tokens=num_completion_tokens,
            seconds=time.monotonic() - started,
        )


def validation_loss(learner: Learner, examples: Sequence[TokenizedExample]) -> float:
    """Mean negative log-likelihood a completion token, in nats, of examples that are not trained on."""
    rows = learner.score(learner.model, token_groups(examples), temperature=1.0)
    return -math.fsum(map(math.fsum, rows)) / sum(map(len, rows))
