"""What judging needs besides the completions: processes, and a sandbox where programs are to run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from r1kit.pipeline.config import RewardConfig
from r1kit.rewards.accuracy import CODE, AccuracyReward
from r1kit.rewards.code import CodeVerifier
from r1kit.rewards.format import ANSWER_POLICIES
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


@contextmanager
def accuracy_of(
    template: str, tasks: Iterable[str], problems: Sequence[Problem], config: RewardConfig
) -> Iterator[AccuracyReward]:
    """Is the answer right, whatever the format: judges completions of a template while the block lasts."""
    with VerifierPool(config.num_workers, config.timeout_s, preload=preload(tasks)) as pool:
        yield AccuracyReward(pool, ANSWER_POLICIES[template], code=code_verifier(config, problems))
