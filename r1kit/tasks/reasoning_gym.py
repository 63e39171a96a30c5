"""Tasks that the package reasoning-gym generates (Stojanovski et al., arXiv:2505.24760).

    reasoning_gym:chain_sum?min_terms=2&max_terms=3&num_train=1000

    {"question": "State the final answer to the following arithmetic problem: 4 - 1 =", "answer": "3", "metadata": {}}

After the generator's name come its own parameters (JSON values) and ours: `num_train`, `num_eval` and `verifier`.
Answers are scored by the generator itself (`r1kit.rewards.reasoning_gym`), so every generator can be used, also those
that accept any of several solutions. Most scorers pay a part for an answer that contains the gold answer; where that
is a plain number, `verifier=math` compares numbers instead, all or nothing. Some generators take a second for each
problem (arc_agi, knight_swap); ask those for less than the defaults.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

from r1kit.errors import ConfigError, DataError, suggest
from r1kit.rewards.reasoning_gym import import_reasoning_gym, to_json
from r1kit.seeding import seed_for
from r1kit.tasks.splits import FixedTask, same_text
from r1kit.types import Problem

NO_GOLD = "(any solution; reasoning-gym decides)"
"""The gold answer of a problem that has many, where the generator shows none."""

NUMERIC_EXAMPLES = ("basic_arithmetic", "chain_sum", "count_primes", "gcd", "lcm", "products")
"""Some generators whose answers are plain numbers, for the message."""

_VERIFIERS = ("reasoning_gym", "math")
_PLAIN_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+|/[1-9]\d*)?")
_SHORT_SEEDS = frozenset(("pool_matrix",))
"""Generators that draw with NumPy, whose seeds have 32 bits."""
_DEFAULT_SIZES = {"num_train": 4096, "num_eval": 256}
_EXAMPLE_FIELDS = ("example_correct_answer", "example_answer", "possible_answer")
_DRAWS_PER_PROBLEM = 4
"""How often a generator may repeat itself before it is taken to have no more."""


def reasoning_gym_task(argument: str, *, seed: int) -> FixedTask:
    """Distinct problems of one generator, `NAME` or `NAME?key=value&key=value`.

    The held-out problems depend on the generator and its parameters only, so runs of different seeds are evaluated
    on the same ones; `seed` draws the training problems, none of which repeats a held-out question.

    Raises:
        MissingExtra: reasoning-gym is not installed.
        ConfigError: unknown generator or parameter, or a value that the generator refuses.
        DataError: fewer distinct questions than asked for, or `verifier=math` and an answer that is no plain number.
    """
    package = import_reasoning_gym()
    name, _, query = argument.partition("?")
    parameters = _parse_parameters(package, name, query)
    sizes = {key: _positive(key, parameters.pop(key, default)) for key, default in _DEFAULT_SIZES.items()}
    verifier = parameters.pop("verifier", _VERIFIERS[0])
    if verifier not in _VERIFIERS:
        raise ConfigError(f"reasoning_gym:{name}: verifier is {verifier!r}; {suggest(str(verifier), _VERIFIERS)}")
    labels = ("reasoning_gym", name, json.dumps(parameters, sort_keys=True))
    taken: set[str] = set()
    held_out = _draw(package, name, parameters, seed_for("eval", *labels), sizes["num_eval"], taken)
    train = _draw(package, name, parameters, seed_for(seed, "train", *labels), sizes["num_train"], taken)
    if verifier == "math":
        held_out, train = ([_as_number(problem) for problem in problems] for problems in (held_out, train))
    return FixedTask(f"reasoning_gym:{name}", train=train, held_out=held_out)


def _as_number(problem: Problem) -> Problem:
    if not _PLAIN_NUMBER.fullmatch(problem.answer):
        raise DataError(
            f"reasoning_gym:{problem.task} has the answer {problem.answer!r}, which is not a plain number (an integer, "
            f"a decimal or a/b); verifier=math is for generators such as {', '.join(NUMERIC_EXAMPLES)}"
        )
    return dataclasses.replace(problem, verifier="math", info={})


def _draw(
    package: ModuleType, name: str, parameters: dict[str, Any], seed: int, num_problems: int, taken: set[str]
) -> list[Problem]:
    """Problems whose question is not in `taken`; theirs are added to it."""
    problems: list[Problem] = []
    for item in _items(package, name, parameters, seed, num_draws=_DRAWS_PER_PROBLEM * (num_problems + len(taken))):
        question = item["question"]
        key = same_text(question)
        if key in taken:
            continue
        taken.add(key)
        problems.append(_problem(item, name, parameters))
        if len(problems) == num_problems:
            return problems
    raise DataError(
        f"reasoning_gym:{name} with these parameters makes too few distinct questions ({len(taken)}); "
        "ask for less with num_train=... and num_eval=..., or widen its parameters"
    )


def _problem(item: Mapping[str, Any], name: str, parameters: dict[str, Any]) -> Problem:
    try:
        entry = to_json(dict(item))
    except TypeError as error:
        raise ConfigError(
            f"reasoning_gym:{name} cannot be used: its problems hold {error}, which no verifier process can be sent"
        ) from None
    digest = hashlib.blake2b(item["question"].encode(), digest_size=8).hexdigest()
    return Problem(
        id=f"{name}/{digest}",
        prompt=item["question"],
        answer=item["answer"] or _example(item["metadata"]),
        task=name,
        verifier="reasoning_gym",
        info={"generator": name, "parameters": parameters, "entry": entry},
    )


def _example(metadata: Mapping[str, Any]) -> str:
    """One of the solutions of a problem that has several, where the generator shows one."""
    example = next((metadata[field] for field in _EXAMPLE_FIELDS if metadata.get(field)), NO_GOLD)
    return example if isinstance(example, str) else json.dumps(example)


def _items(
    package: ModuleType, name: str, parameters: dict[str, Any], seed: int, *, num_draws: int
) -> Iterator[dict[str, Any]]:
    if name in _SHORT_SEEDS:
        seed %= 2**31
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
    known = own | _DEFAULT_SIZES.keys() | {"verifier"}
    parameters: dict[str, Any] = {}
    for part in filter(None, query.split("&")):
        key, equals, text = part.partition("=")
        if not equals:
            raise ConfigError(f"reasoning_gym:{name}: {part!r} is not key=value")
        if key not in known:
            raise ConfigError(f"reasoning_gym:{name} has no parameter {key!r}; {suggest(key, known)}")
        try:
            parameters[key] = json.loads(text)
        except json.JSONDecodeError:
            parameters[key] = text  # a bare word is a string
    return parameters


def _positive(key: str, value: Any) -> int:
    if type(value) is not int or value < 1:  # true is no number
        raise ConfigError(f"reasoning_gym: {key} is {value!r}; it must be a whole number above 0")
    return value
