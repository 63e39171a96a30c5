"""What judging needs besides the completions: processes, and a sandbox where programs are to run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from r1kit.pipeline.config import RewardConfig
from r1kit.reward_model.scorer import RewardModel
from r1kit.rewards.accuracy import CODE, AccuracyReward
from r1kit.rewards.base import CheckedReward, Reward
from r1kit.rewards.code import CodeVerifier
from r1kit.rewards.format import ANSWER_POLICIES
from r1kit.rewards.learned import HarmlessReward, HelpfulReward
from r1kit.rewards.pool import PRELOAD, VerifierPool
from r1kit.sandbox import open_sandbox
from r1kit.types import Problem


def preload(tasks: Iterable[str]) -> tuple[str, ...]:
    """What the verifying processes import before a verdict's clock runs; reasoning-gym takes seconds."""
    return (*PRELOAD, "reasoning_gym") if any(name.startswith("reasoning_gym:") for name in tasks) else PRELOAD


def code_verifier(config: RewardConfig, problems: Sequence[Problem]) -> CodeVerifier | None:
    """Runs programs in the sandbox of the config; None where no problem asks for one."""
    if all(problem.verifier != CODE for problem in problems):
        return None
    sandbox = open_sandbox(config.sandbox, unsafe=config.allow_unsafe_sandbox)
    return CodeVerifier(sandbox, config.num_workers, partial_credit=config.partial_credit)


def load_rewards(folders: Mapping[str, Path], device: str) -> dict[str, Reward]:
    """The learned rewards by kind, each from its model's folder (section 2.3.4)."""
    classes: dict[str, Callable[[RewardModel], Reward]] = {"helpful": HelpfulReward, "harmless": HarmlessReward}
    return {kind: classes[kind](RewardModel.load(folder, device=device)) for kind, folder in folders.items()}


@contextmanager
def accuracy_of(
    template: str, tasks: Iterable[str], problems: Sequence[Problem], config: RewardConfig
) -> Iterator[Reward]:
    """Is the answer right, whatever the format: judges completions of a template while the block lasts.

    It raises RewardError where a verifier leaves more than `config.max_unjudged_rate` of its completions unjudged.
    """
    with VerifierPool(config.num_workers, config.timeout_s, preload=preload(tasks)) as pool:
        accuracy = AccuracyReward(pool, ANSWER_POLICIES[template], code=code_verifier(config, problems))
        yield CheckedReward(accuracy, config.max_unjudged_rate)
