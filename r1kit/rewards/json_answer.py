"""Is an answer JSON, valid against a schema, and the value that is asked for?

    {"name": "Ada", "year": 1815}          bare, or alone in a ```json block

JSON as RFC 8259 has it: NaN and Infinity, a name that an object has twice, text before or after, a second block and
numbers of more than MAX_DIGITS digits are refused, each with its reason. Values are equal if they are equal as JSON:
1 and 1.0 and 1e0 are, true and 1 are not, the order of an object's names does not matter, that of an array does.
Decimals are compared exactly.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from r1kit.errors import DataError, MissingExtra, shorten
from r1kit.types import Problem, Score

MAX_ANSWER_CHARS = 100_000
MAX_DIGITS = 400
"""Of one number, exponent included; and its exponent may have three digits."""

_FENCE = "```"


class NotJson(ValueError):
    """A text is not one JSON value; the message says why in one line."""


def judge_json(problem: Problem, answer: str) -> Score:
    """Judge by `info["schema"]`, by the gold answer as a JSON value, or by both; an empty gold answer is none.

    Regular expressions of a schema may take long on a hostile text, so it belongs in a worker.

    Raises:
        DataError: neither schema nor gold answer, a gold answer that is not JSON or breaks the schema, a broken schema.
        MissingExtra: there is a schema, and jsonschema is not installed.
    """
    schema = problem.info.get("schema")
    if schema is None and not problem.answer.strip():
        raise DataError(f"problem {problem.id!r}: verifier 'json' needs info['schema'] or a gold answer, or both")
    try:
        value = read_json(answer)
    except NotJson as error:
        return Score(value=0.0, reason=str(error))
    parsed = json.dumps(value, ensure_ascii=False, default=_plain_number)[:2000]
    if schema is not None:
        violation = _violation(value, schema, problem)
        if violation:
            return Score(value=0.0, reason=violation, parsed=parsed)
    if problem.answer.strip():
        difference = _difference(value, _gold(problem), "$")
        if difference:
            return Score(value=0.0, reason=difference, parsed=parsed)
    return Score(value=1.0, reason="correct", parsed=parsed)


def read_json(text: str) -> Any:
    """The JSON value of a text that is nothing else, bare or in one code block; numbers with a point are Decimal.

    Raises:
        NotJson: with the reason.
    """
    if len(text) > MAX_ANSWER_CHARS:
        raise NotJson(f"longer than {MAX_ANSWER_CHARS} characters")
    text = _without_fence(text.strip())
    if not text:
        raise NotJson("empty")
    try:
        return json.loads(
            text, object_pairs_hook=_object, parse_constant=_refuse_constant, parse_float=_decimal, parse_int=_integer
        )
    except json.JSONDecodeError as error:
        trailing = "text after the JSON value" if error.msg == "Extra data" else error.msg
        raise NotJson(f"not JSON: {trailing} at line {error.lineno} column {error.colno}") from None
    except RecursionError:
        raise NotJson("not JSON: nested too deep") from None


def _without_fence(text: str) -> str:
    if not text.startswith(_FENCE):
        if _FENCE in text and not text.startswith(("{", "[", '"')):
            raise NotJson("not JSON: text outside its code block")
        return text  # a fence that comes later stands in a string, or is refused with all that follows the value
    head, _, rest = text.partition("\n")
    kind = head.removeprefix(_FENCE).strip()
    if kind.casefold() not in ("", "json"):
        raise NotJson(f"not JSON: a code block of {kind[:20]!r}")
    body, closing, after = rest.partition("\n" + _FENCE)
    if not closing:
        raise NotJson("not JSON: a code block without its end")
    if after.strip():
        raise NotJson("not JSON: text outside its code block")
    return body.strip()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for name, item in pairs:
        if name in value:
            raise NotJson(f"not JSON: an object has the name {name!r} twice"[:200])
        value[name] = item
    return value


def _refuse_constant(name: str) -> Any:
    raise NotJson(f"not JSON: {name} is no JSON number")


def _decimal(digits: str) -> Decimal:
    _check_length(digits)
    _, _, exponent = digits.casefold().partition("e")
    if len(exponent.lstrip("+-0")) > 3:
        raise NotJson(f"a number has the exponent {exponent[:20]}")
    return Decimal(digits)


def _integer(digits: str) -> int:
    _check_length(digits)
    return int(digits)


def _check_length(digits: str) -> None:
    if len(digits) > MAX_DIGITS:
        raise NotJson(f"a number has more than {MAX_DIGITS} digits")


def _gold(problem: Problem) -> Any:
    try:
        return read_json(problem.answer)
    except NotJson as error:
        raise DataError(f"problem {problem.id!r}: its gold answer is {error}") from None


def _violation(value: Any, schema: Any, problem: Problem) -> str:
    """The first way in which a value breaks a schema, with its place; empty if it does not."""
    try:
        import jsonschema.validators  # pyright: ignore[reportMissingImports]
        import referencing.exceptions  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise MissingExtra("jsonschema", "json-schema", "a JSON schema") from None
    validator_class = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    try:
        validator_class.check_schema(schema)
        # An empty registry: a $ref to the network stays unresolved instead of being fetched.
        validator = validator_class(schema, registry=referencing.Registry())
        error = next(iter(validator.iter_errors(_as_floats(value))), None)
    except (jsonschema.SchemaError, referencing.exceptions.Unresolvable, re.error) as error:
        reason = (str(error).splitlines() or [""])[0]
        raise DataError(f"problem {problem.id!r}: broken JSON schema: {reason}") from None
    except RecursionError:
        return "breaks the schema: nested too deep"
    return f"breaks the schema at {error.json_path}: {' '.join(error.message.split())}"[:200] if error else ""


def _as_floats(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, list):
        return [_as_floats(item) for item in value]
    if isinstance(value, dict):
        return {name: _as_floats(item) for name, item in value.items()}
    return value


def _plain_number(value: Decimal) -> float:
    return float(value)


def _difference(value: Any, gold: Any, path: str) -> str:
    """The first place where two JSON values differ; empty if they are equal."""
    if _kind(value) != _kind(gold):
        return f"wrong: {path} is {_kind(value)}, not {_kind(gold)}"
    if isinstance(gold, dict):
        return _object_difference(value, gold, path)
    if isinstance(gold, list):
        if len(value) != len(gold):
            return f"wrong: {path} has {len(value)} items, not {len(gold)}"
        pairs = enumerate(zip(value, gold, strict=True))
        return next((found for i, (a, b) in pairs if (found := _difference(a, b, f"{path}[{i}]"))), "")
    return "" if value == gold else f"wrong: {path} is {_short(value)}, not {_short(gold)}"


def _object_difference(value: Mapping[str, Any], gold: Mapping[str, Any], path: str) -> str:
    for name in gold:
        if name not in value:
            return f"wrong: {path} lacks {name!r}"
    for name in value:
        if name not in gold:
            return f"wrong: {path} has {name!r}, which it should not"[:200]
    return next((found for name in gold if (found := _difference(value[name], gold[name], f"{path}.{name}"))), "")


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | Decimal):
        return "a number"
    return {str: "a string", list: "an array", dict: "an object"}[type(value)]


def _short(value: Any) -> str:
    return shorten(str(value))
