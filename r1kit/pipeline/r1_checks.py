"""What can be found out before `r1kit r1` starts, and would be found out after hours of training."""

from __future__ import annotations

from pathlib import Path

from r1kit.errors import ConfigError, DataError
from r1kit.pipeline.r1_config import R1Config
from r1kit.pipeline.r1_stages import COLLECTORS, problems_of
from r1kit.tasks.mix import counts_of_step
from r1kit.tasks.registry import build_task


def check_sources(config: R1Config) -> None:
    """The tasks can be opened, have the problems that the data stages want, and say what the reward models need.

    Raises:
        ConfigError: an unknown task, or one with too few problems; the message names the key.
        DataError: missing or broken data, or a general prompt without a scenario.
    """
    _check_files(config)
    _check_shares(config)
    _check_counts(config)
    _check_scenarios(config)


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
    few = {f"cold_start_data.{name}_problems": getattr(cold_start, f"{name}_problems") for name in COLLECTORS}
    wanted = [("sources.reasoning", sources.reasoning, name, count) for name, count in few.items()]
    judged = "sources.reasoning and sources.judged" if sources.judged else "sources.reasoning"
    sampled = ("rejection_data.num_problems", config.rejection_data.num_problems)
    wanted.append((judged, {**sources.reasoning, **sources.judged}, *sampled))
    if sources.general:
        asked = ("non_reasoning_data.num_problems", config.non_reasoning_data.num_problems)
        wanted.append(("sources.general", sources.general, *asked))
    available: dict[str, int] = {}
    for source, tasks, key, count in wanted:
        if source not in available:
            available[source] = len(problems_of(tasks, "train", seed=config.seed))
        if count > available[source]:
            raise ConfigError(f"{key} is {count:,}, and {source} has {available[source]:,} training problems; lower it")


def _check_scenarios(config: R1Config) -> None:
    """A general prompt without a scenario would be judged by the rules of reasoning, and reported as reasoning.

    Raises:
        DataError: there is one, among what is trained or evaluated on.
    """
    for name in config.sources.general:
        task = build_task(name, seed=config.seed)
        for problem in (*task.problems("train"), *task.problems("eval")):
            scenario = problem.info.get("scenario")
            if scenario not in config.r1.reward.scenarios:
                known = ", ".join(config.r1.reward.scenarios)
                has = "no info.scenario" if scenario is None else f"the unknown info.scenario {scenario!r}"
                raise DataError(f"sources.general: problem {problem.id!r} of {name} has {has}; give it one of {known}")
