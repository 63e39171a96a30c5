"""What `same_answer.py` asks both sides: objectives with their settings, and one batch of completions.

Needs neither r1kit nor TRL, for it is read in both environments. The log-probabilities of the batch come from
`transformers` itself, one unpadded sequence at a time.
"""

from __future__ import annotations

import json
import math
import random
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

MAX_COMPLETION = 40
PROMPT_LENGTHS = (5, 17, 11)
REWARDS = ((1.1, 0.0, 0.1, 1.1), (0.1, 0.1, 1.1, 0.0), (0.1, 0.1, 0.1, 0.1))
"""Of each group's completions; the last group's are equal, so it is only in the objectives that say so."""
NOISE = 0.2
"""Standard deviation of log(pi_theta / pi_old) over tokens: about a third of the ratios leave 0.8..1.2."""
MARGIN = 0.02
"""No token's ratio is nearer to an end of the clip range: there rounding would decide whether it has a gradient."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """An objective that both have, and how each is told to use it."""

    loss: str
    """`grpo.loss` of r1kit."""
    trl: dict[str, Any]
    """Of TRL's GRPOConfig; `beta` is set where the reference's log-probabilities are given."""
    low: float = 0.2
    high: float = 0.2
    """Epsilon below and above 1."""
    kl: float = 0.0
    temperature: float = 1.0
    equal_group: bool = False
    """With the group of equal rewards, whose advantages are 0."""


OBJECTIVES = {
    "grpo": Objective(loss="grpo", trl={"loss_type": "grpo"}),
    "grpo, temperature 0.7": Objective(loss="grpo", trl={"loss_type": "grpo"}, temperature=0.7),
    "grpo, KL 0.1": Objective(
        loss="grpo", trl={"loss_type": "grpo", "use_bias_correction_kl": False}, kl=0.1, equal_group=True
    ),
    "grpo, a group without variance": Objective(loss="grpo", trl={"loss_type": "grpo"}, equal_group=True),
    "dr_grpo": Objective(loss="dr_grpo", trl={"loss_type": "dr_grpo"}, equal_group=True),
    "dapo": Objective(loss="dapo", trl={"loss_type": "dapo"}, high=0.28),
    "dapo, a group without variance": Objective(loss="dapo", trl={"loss_type": "dapo"}, high=0.28, equal_group=True),
    "gspo": Objective(
        loss="gspo", trl={"loss_type": "grpo", "importance_sampling_level": "sequence"}, low=0.01, high=0.01
    ),
}
"""Eq. 1 of the R1 paper as printed (r1kit's `r1`) is not here: TRL has no ratio of whole sequences without 1/|o|."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """N groups of G completions; B = N * G, group after group."""

    prompts_N: list[list[int]]
    completions_B: list[list[int]]
    rewards_B: list[float]
    advantages_B: list[float]
    sampled_B: list[list[float]]
    """log pi_old of each token."""
    reference_B: list[list[float]] | None
    """log pi_ref of each token, of `perturbed` weights."""

    @property
    def group_size(self) -> int:
        """G."""
        return len(self.completions_B) // len(self.prompts_N)

    @property
    def num_tokens(self) -> int:
        """Completion tokens."""
        return sum(map(len, self.completions_B))

    @property
    def num_trained_tokens(self) -> int:
        """Completion tokens with an advantage other than 0."""
        return sum(len(c) for c, advantage in zip(self.completions_B, self.advantages_B, strict=True) if advantage)


def read_cases(path: Path) -> dict[str, Case]:
    """What `write_cases` wrote: objective to case."""
    return {name: Case(**fields) for name, fields in json.loads(path.read_text(encoding="utf-8")).items()}


def write_cases(path: Path, model: PreTrainedModel, *, seed: int) -> dict[str, Case]:
    """A case an objective: random tokens, and log-probabilities that make ratios differ from 1."""
    from dataclasses import asdict

    cases = {name: _make_case(objective, model, seed) for name, objective in OBJECTIVES.items()}
    path.write_text(json.dumps({name: asdict(case) for name, case in cases.items()}), encoding="utf-8")
    return cases


def perturb(model: PreTrainedModel) -> PreTrainedModel:
    """Change every weight by about 10 %, the same in every process: the reference of the objectives with a KL term."""
    import torch

    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for _, parameter in sorted(model.named_parameters()):
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.mul_(1 + 0.1 * noise.to(parameter.device))
    return model


def _make_case(objective: Objective, model: PreTrainedModel, seed: int) -> Case:
    rng = random.Random(seed)
    vocab_size = model.config.vocab_size
    groups = len(REWARDS) if objective.equal_group else len(REWARDS) - 1
    prompts_N = [[rng.randrange(10, vocab_size) for _ in range(length)] for length in PROMPT_LENGTHS[:groups]]
    completions_B = [
        [rng.randrange(10, vocab_size) for _ in range(rng.randint(3, MAX_COMPLETION))]
        for rewards in REWARDS[:groups]
        for _ in rewards
    ]
    prompts_B = [prompt for prompt, rewards in zip(prompts_N, REWARDS, strict=False) for _ in rewards]
    pairs = list(zip(prompts_B, completions_B, strict=True))
    policy_B = [_logprobs(model, *pair, objective.temperature) for pair in pairs]
    reference_B = None
    if objective.kl:
        import copy

        reference = perturb(copy.deepcopy(model))
        reference_B = [_logprobs(reference, *pair, objective.temperature).tolist() for pair in pairs]
    return Case(
        prompts_N=prompts_N,
        completions_B=completions_B,
        rewards_B=[reward for rewards in REWARDS[:groups] for reward in rewards],
        advantages_B=[advantage for rewards in REWARDS[:groups] for advantage in _advantages(rewards)],
        sampled_B=[[value - _log_ratio(objective, rng) for value in row.tolist()] for row in policy_B],
        reference_B=reference_B,
    )


def _log_ratio(objective: Objective, rng: random.Random) -> float:
    """log(pi_theta / pi_old) of a token."""
    while True:
        value = rng.gauss(0, NOISE)
        if all(abs(math.exp(value) - edge) > MARGIN for edge in (1 - objective.low, 1 + objective.high)):
            return value


def _advantages(rewards: tuple[float, ...]) -> list[float]:
    """Eq. 3 of the R1 paper; both sides are given these, for TRL divides by another deviation (see `same_answer`)."""
    mean = sum(rewards) / len(rewards)
    deviation = (sum((reward - mean) ** 2 for reward in rewards) / len(rewards)) ** 0.5
    return [(reward - mean) / deviation for reward in rewards] if max(rewards) > min(rewards) else [0.0] * len(rewards)


def _logprobs(model: PreTrainedModel, prompt: list[int], completion: list[int], temperature: float) -> Tensor:
    import torch

    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([prompt + completion])).logits[0].float() / temperature
    predicting = logits[len(prompt) - 1 : -1].log_softmax(-1)
    return predicting.gather(-1, torch.tensor(completion)[:, None])[:, 0]
