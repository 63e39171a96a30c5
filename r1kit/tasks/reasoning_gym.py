"""Tasks that the package reasoning-gym generates (Stojanovski et al., arXiv:2505.24760).

    reasoning_gym:chain_sum?min_terms=2&max_terms=3&num_train=1000

    {"question": "State the final answer to the following arithmetic problem: 4 - 1 =", "answer": "3"}

After the generator's name come its own parameters (JSON values) and ours: `num_train` and `num_eval`. Only
generators whose answers are plain numbers can be used; the others need the package's own scorers.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import warnings
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from r1kit.errors import ConfigError, DataError, MissingExtra, suggest
from r1kit.seeding import seed_for
from r1kit.tasks.splits import FixedTask, same_text
from r1kit.types import Problem

NUMERIC_EXAMPLES = ("basic_arithmetic", "chain_sum", "count_primes", "gcd", "gsm_symbolic", "lcm", "products")
"""Some generators whose answers are plain numbers, for the messages."""

_PLAIN_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+|/[1-9]\d*)?")
_DEFAULT_SIZES = {"num_train": 4096, "num_eval": 256}
_DRAWS_PER_PROBLEM = 4
"""How often a generator may repeat itself before it is taken to have no more."""


def reasoning_gym_task(argument: str, *, seed: int) -> FixedTask:
    """Distinct problems of one generator, `NAME` or `NAME?key=value&key=value`.

    The held-out problems depend on the generator and its parameters only, so runs of different seeds are evaluated
    on the same ones; `seed` draws the training problems, none of which repeats a held-out question.

    Raises:
        MissingExtra: reasoning-gym is not installed.
        ConfigError: unknown generator or parameter, or a value that the generator refuses.
        DataError: answers that are not plain numbers, or fewer distinct questions than asked for.
    """
    package = _import_package()
    name, _, query = argument.partition("?")
    parameters = _parse_parameters(package, name, query)
    sizes = {key: _positive(key, parameters.pop(key, default)) for key, default in _DEFAULT_SIZES.items()}
    labels = ("reasoning_gym", name, json.dumps(parameters, sort_keys=True))
    taken: set[str] = set()
    held_out = _draw(package, name, parameters, seed_for("eval", *labels), sizes["num_eval"], taken)
    train = _draw(package, name, parameters, seed_for(seed, "train", *labels), sizes["num_train"], taken)
    return FixedTask(f"reasoning_gym:{name}", train=train, held_out=held_out)


def _draw(
    package: ModuleType, name: str, parameters: dict[str, Any], seed: int, num_problems: int, taken: set[str]
) -> list[Problem]:
    """Problems whose question is not in `taken`; theirs are added to it."""
    problems: list[Problem] = []
    for item in _items(package, name, parameters, seed, num_draws=_DRAWS_PER_PROBLEM * (num_problems + len(taken))):
        question, answer = item["question"], item["answer"]
        if not (isinstance(answer, str) and _PLAIN_NUMBER.fullmatch(answer)):
            raise DataError(
                f"reasoning_gym:{name} has the answer {answer!r}, which is not a plain number; only generators whose "
                f"answers are (integers, decimals or a/b) can be checked, e.g. {', '.join(NUMERIC_EXAMPLES)}"
            )
        key = same_text(question)
        if key in taken:
            continue
        taken.add(key)
        digest = hashlib.blake2b(question.encode(), digest_size=8).hexdigest()
        problems.append(Problem(id=f"{name}/{digest}", prompt=question, answer=answer, task=name))
        if len(problems) == num_problems:
            return problems
    raise DataError(
        f"reasoning_gym:{name} with these parameters makes too few distinct questions ({len(taken)}); "
        "ask for less with num_train=... and num_eval=..., or widen its parameters"
    )


def _items(
    package: ModuleType, name: str, parameters: dict[str, Any], seed: int, *, num_draws: int
) -> Iterator[dict[str, Any]]:
    try:
        dataset = package.create_dataset(name, seed=seed, size=num_draws, **parameters)
        first = dataset[0]
    except (AssertionError, TypeError, ValueError) as error:  # how the package's configs refuse a value
        raise ConfigError(f"reasoning_gym:{name} refuses {parameters}: {error}") from None
    yield first
    for index in range(1, num_draws):
        yield dataset[index]


def _parse_parameters(package: ModuleType, name: str, query: str) -> dict[str, Any]:
    generators = package.factory.DATASETS
    if name not in generators:
        what = f"unknown generator {name!r}" if name else "no generator named; write reasoning_gym:NAME"
        raise ConfigError(f"reasoning_gym: {what}; {suggest(name, generators)}")
    own = {field.name for field in dataclasses.fields(generators[name][1])} - {"seed", "size"}
    parameters: dict[str, Any] = {}
    for part in filter(None, query.split("&")):
        key, equals, text = part.partition("=")
        if not equals:
            raise ConfigError(f"reasoning_gym:{name}: {part!r} is not key=value")
        if key not in own | _DEFAULT_SIZES.keys():
            raise ConfigError(
                f"reasoning_gym:{name} has no parameter {key!r}; {suggest(key, own | _DEFAULT_SIZES.keys())}"
            )
        try:
            parameters[key] = json.loads(text)
        except json.JSONDecodeError:
            parameters[key] = text  # a bare word is a string
    return parameters


def _positive(key: str, value: Any) -> int:
    if type(value) is not int or value < 1:  # true is no number
        raise ConfigError(f"reasoning_gym: {key} is {value!r}; it must be a whole number above 0")
    return value


def _import_package() -> ModuleType:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)  # one of its dependencies leaves a file open
            import reasoning_gym  # pyright: ignore[reportMissingImports]
            import reasoning_gym.factory  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise MissingExtra("reasoning-gym", "reasoning-gym", "the task 'reasoning_gym'") from None
    return reasoning_gym
