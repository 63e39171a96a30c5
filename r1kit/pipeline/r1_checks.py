"""What can be found out before `r1kit r1` starts, and would be found out after hours of training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from r1kit.errors import ConfigError, DataError
from r1kit.pipeline.r1_config import R1Config
from r1kit.pipeline.r1_data import COLLECTORS, problems_of
from r1kit.pipeline.sources import NANO, with_answers
from r1kit.tasks.mix import counts_of_step
from r1kit.types import Problem


def check_sources(config: R1Config) -> None:
    """The tasks can be opened, have the problems that the data stages want, and say what the reward models need.

    Raises:
        ConfigError: an unknown task, or one with too few problems; the message names the key.
        DataError: missing or broken data, or a general prompt without a scenario.
    """
    _check_files(config)
    _check_shares(config)
    _check_counts(config)


def _check_files(config: R1Config) -> None:
    given = {f"sources.{name}": getattr(config.sources, name) for name in ("shots", "answers", "pairs", "traces")}
    given["cold_start_data.human"] = config.cold_start_data.human
    for key, name in given.items():
        if name not in (None, "nano") and not Path(name).exists():
            raise DataError(f"{key}: {name} does not exist (working folder: {Path.cwd()})")


def _check_shares(config: R1Config) -> None:
    reasoning, everything = config.sources.reasoning, {**config.sources.reasoning, **config.sources.general}
    tasks = dict.fromkeys(("zero", "reasoning_rl"), reasoning) | ({"r1": everything} if config.sources.general else {})
    if config.students and config.rl_students != []:
        tasks |= dict.fromkeys(("student_rl", "distilled_rl"), reasoning)
    for section, shares in tasks.items():
        try:
            counts_of_step(shares, getattr(config, section).grpo.problems_per_step)
        except ConfigError as error:
            raise ConfigError(f"{section}: {error}") from None


def _check_counts(config: R1Config) -> None:
    """Refuse now what the data stages would find out after hours of RL: that the tasks have too few problems."""
    sources, cold_start = config.sources, config.cold_start_data
    reasoning = len(problems_of(sources.reasoning, "train", seed=config.seed))
    for name in COLLECTORS:
        key = f"cold_start_data.{name}_problems"
        _check_count(key, getattr(cold_start, f"{name}_problems"), "sources.reasoning", reasoning)
    sampled, count = "sources.reasoning", reasoning
    if sources.judged:
        sampled = "sources.reasoning and sources.judged"
        count = len(problems_of({**sources.reasoning, **sources.judged}, "train", seed=config.seed))
    _check_count("rejection_data.num_problems", config.rejection_data.num_problems, sampled, count)
    if config.teacher:
        asked = {config.teacher.task: 1.0} if config.teacher.task else {**sources.reasoning, **sources.general}
        count = len(problems_of(asked, "train", seed=config.seed))
        _check_count("teacher.num_problems", config.teacher.num_problems or 0, " and ".join(asked), count)
    if sources.general:
        general = problems_of(sources.general, "train", seed=config.seed)
        _check_scenarios(config, [*general, *problems_of(sources.general, "eval", seed=config.seed)])
        answered = (
            "sources.general" if sources.answers == NANO else f"sources.general, with answers in {sources.answers},"
        )
        count = len(with_answers(general, sources.answers, seed=config.seed))
        _check_count("non_reasoning_data.num_problems", config.non_reasoning_data.num_problems, answered, count)


def _check_count(key: str, wanted: int, source: str, available: int) -> None:
    if wanted > available:
        raise ConfigError(f"{key} is {wanted:,}, and {source} has {available:,} training problems; lower it")


def _check_scenarios(config: R1Config, problems: Sequence[Problem]) -> None:
    """A general prompt without a scenario would be judged by the rules of reasoning, and reported as reasoning.

    Raises:
        DataError: there is one, among what is trained or evaluated on.
    """
    for problem in problems:
        scenario = problem.info.get("scenario")
        if scenario not in config.r1.reward.scenarios:
            known = ", ".join(config.r1.reward.scenarios)
            has = "no info.scenario" if scenario is None else f"the unknown info.scenario {scenario!r}"
            where = f"sources.general: problem {problem.id!r} of {problem.task}"
            raise DataError(f"{where} has {has}; give it one of {known}")
