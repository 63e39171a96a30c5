"""Inputs for the tests of the losses, and the bridge from ragged samples to padded tensors."""

import random

import torch
from reference.grpo import Sample, Settings

from r1kit.grpo.loss import LOSSES, Normalizer

NAN = float("nan")


def eight_samples(*, with_reference: bool = True) -> list[Sample]:
    """Eight completions of 1 to 6 tokens, off-policy enough that both sides of the clip are met."""
    rng = random.Random(7)
    samples = []
    for length, advantage in zip([3, 1, 6, 2, 5, 4, 6, 1], [1.4, -0.7, -0.7, 0.0, 0.9, -1.1, 0.3, -0.1], strict=True):
        sampled = [-rng.uniform(0.1, 3.0) for _ in range(length)]
        policy = [x + rng.gauss(0, 0.3) for x in sampled]
        reference = [x + rng.gauss(0, 0.5) for x in sampled] if with_reference else None
        samples.append(Sample(policy, sampled, reference, advantage))
    return samples


def padded(rows: list[list[float]], *, padding: float) -> torch.Tensor:
    """Ragged rows as one float64 matrix, wider than the longest row."""
    width = max(map(len, rows)) + 2
    return torch.tensor([row + [padding] * (width - len(row)) for row in rows], dtype=torch.float64)


def run_loss(
    name: str,
    samples: list[Sample],
    settings: Settings,
    *,
    micro_batch_size: int | None = None,
    padding: float = NAN,
    dtype: torch.dtype = torch.float64,
) -> tuple[float, list[list[float]], dict[str, float]]:
    """Value, gradient (ragged, by completion) and metrics of a step, summed over its micro-batches.

    Padding is NaN unless said otherwise, so every test that uses this also checks that padding does not leak.
    """
    normalizer = Normalizer(
        num_sequences=len(samples),
        num_tokens=sum(len(o.policy) for o in samples),
        max_completion_tokens=settings.max_tokens,
    )
    value, gradient, metrics = 0.0, [], {}
    size = micro_batch_size or len(samples)
    for part in (samples[i : i + size] for i in range(0, len(samples), size)):
        policy_BT = padded([o.policy for o in part], padding=padding).to(dtype).requires_grad_()
        references = [o.reference for o in part if o.reference is not None]
        lengths = torch.tensor([len(o.policy) for o in part])
        loss = LOSSES[name](
            policy_BT,
            padded([o.sampled for o in part], padding=padding).to(dtype),
            padded(references, padding=padding).to(dtype) if settings.beta else None,
            torch.tensor([o.advantage for o in part], dtype=dtype),
            torch.arange(policy_BT.shape[1])[None, :] < lengths[:, None],
            clip_epsilon_low=settings.low,
            clip_epsilon_high=settings.high,
            kl_coef=settings.beta,
            normalizer=normalizer,
        )
        loss.value.backward()
        value += loss.value.item()
        for key, metric in loss.metrics.items():
            assert not metric.requires_grad
            assert metric.dtype == dtype
            metrics[key] = metrics.get(key, 0.0) + metric.item()
        for o, row, mask_length in zip(part, policy_BT.grad, lengths, strict=True):
            gradient.append(row[: len(o.policy)].tolist())
            assert (row[mask_length:] == 0).all()  # exactly no gradient in the padding, NaN or not
    return value, gradient, metrics
