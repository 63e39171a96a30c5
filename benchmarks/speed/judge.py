"""The reward of both sides of `same_answer.py`: r1kit's, with the default weights, on nano:math.

    python judge.py 64 < questions.jsonl

As a script it judges for a process whose Python has no r1kit: a line {"problems": [0, 7], "texts": ["...", "..."]}
with places among the training problems is answered by a line of rewards, null where one could not be judged.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from r1kit.pipeline.config import RewardConfig
from r1kit.rewards.base import Reward, build_reward
from r1kit.rewards.pool import VerifierPool
from r1kit.tasks.nano import nano_task
from r1kit.types import Completion, Problem, Rollout, StopReason


def problems() -> Sequence[Problem]:
    """The training problems of nano:math, the same in every process."""
    return nano_task("math").problems("train")


@contextmanager
def judging(max_new_tokens: int) -> Iterator[Reward]:
    """`r1kit zero`'s reward for nano:math: accuracy inside a valid format, and 0.1 for the format."""
    config = RewardConfig()
    with VerifierPool(config.num_workers, config.timeout_s) as pool:
        yield build_reward(config, "r1_zero", pool, max_new_tokens=max_new_tokens)


def main() -> None:
    known = problems()
    with judging(int(sys.argv[1])) as reward:
        for line in sys.stdin:
            question = json.loads(line)
            rollouts = [
                _rollout(known[index], text)
                for index, text in zip(question["problems"], question["texts"], strict=True)
            ]
            print(json.dumps([score.value for score in reward.score(rollouts)]), flush=True)


def _rollout(problem: Problem, text: str) -> Rollout:
    """Only the problem and the text are looked at."""
    completion = Completion(tokens=(0,), logprobs=(0.0,), text=text, stop_reason=StopReason.END_TOKEN, policy_version=0)
    return Rollout(problem=problem, prompt_text="", prompt_tokens=(0,), completion=completion)


if __name__ == "__main__":
    main()
