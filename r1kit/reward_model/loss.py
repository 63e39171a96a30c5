"""The loss of a reward model over preference pairs. Shape letter: P pairs."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import softplus


@dataclass(frozen=True, slots=True)
class PairLoss:
    """A micro-batch's share of the step's loss and metrics."""

    value: Tensor
    metrics: dict[str, Tensor]
    """`accuracy` (a tie counts one half), `margin` (chosen less rejected) and `score_mean`, means over pairs."""


def bradley_terry_loss(chosen_P: Tensor, rejected_P: Tensor, *, center_coef: float, num_pairs: int) -> PairLoss:
    """Minus the log-likelihood of the preferences under the Bradley-Terry model, a pair.

    P(chosen is better) = sigmoid(r_chosen - r_rejected), so the loss of a pair is -log sigmoid(r_chosen - r_rejected):
    arXiv:2203.02155, Eq. 1, for two responses. It does not fix where the scores of a question lie; the second term,

        center_coef * ((r_chosen + r_rejected) / 2)^2,

    draws their mean to 0 (as in arXiv:2312.09244, but for the factor 1/4). The R1 paper gives no loss.

    Args:
        chosen_P: (P,) float32, scores of the better responses; carries the gradient.
        rejected_P: (P,) float32, of the others; carries the gradient.
        center_coef: weight of the second term; 0 is off.
        num_pairs: pairs of the whole optimizer step, over all micro-batches.
    """
    margin_P = chosen_P - rejected_P
    mean_P = (chosen_P + rejected_P) / 2
    loss_P = softplus(-margin_P) + center_coef * mean_P.square()  # softplus(-x) = -log sigmoid(x)
    margin_P, mean_P = margin_P.detach(), mean_P.detach()
    accuracy_P = (1 + torch.sign(margin_P)) / 2
    metrics = {"accuracy": accuracy_P, "margin": margin_P, "score_mean": mean_P}
    return PairLoss(loss_P.sum() / num_pairs, {name: values_P.sum() / num_pairs for name, values_P in metrics.items()})
