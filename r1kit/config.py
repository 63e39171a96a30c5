"""Configs: frozen pydantic models that refuse unknown keys; TOML in, resolved JSON out.

A config class lives beside the code that it configures (`learner/config.py`, `grpo/config.py` ...) and inherits
`Config`. `load_config` reads a TOML file and `key=value` overrides and turns pydantic's report into one line.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from r1kit.errors import ConfigError, suggest


class Config(BaseModel):
    """The base of every config: frozen, no unknown keys, no silent conversion of text to numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)

    @model_validator(mode="before")
    @classmethod
    def _keep_defaults_of_sections(cls, values: Any) -> Any:
        """A section that is given in part keeps what its default says of the rest."""
        if not isinstance(values, Mapping):
            return values
        defaults = {
            name: field.default for name, field in cls.model_fields.items() if isinstance(field.default, Config)
        }
        return {
            name: _over(defaults[name], value) if name in defaults and isinstance(value, Mapping) else value
            for name, value in values.items()
        }


C = TypeVar("C", bound=Config)


def load_config(cls: type[C], path: Path | None, overrides: Sequence[str] = ()) -> C:
    """Read `path` (TOML; None: all defaults) as `cls`, after applying `a.b=value` overrides in order.

    Raises:
        ConfigError: missing file, broken TOML, unknown key, wrong type or value; one line, with the known keys.
    """
    where = str(path) if path else "the command line"
    values: dict[str, Any] = {}
    if path is not None:
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ConfigError(f"config file {path} does not exist (working folder: {Path.cwd()})") from None
        except IsADirectoryError:
            raise ConfigError(f"config file {path} is a folder; give a .toml file") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path} is not valid TOML: {error}") from None
    for override in overrides:
        _apply_override(values, override)
    return parse_config(cls, values, where=where)


def parse_config(cls: type[C], values: Mapping[str, Any], *, where: str) -> C:
    """Validate plain values as `cls`; `where` names their source in the message."""
    try:
        return cls.model_validate(values)
    except ValidationError as error:
        lines = [_one_problem(cls, problem) for problem in error.errors(include_url=False)]
        raise ConfigError(f"{where}: {'; '.join(lines)}") from None


def dump_config(config: Config) -> str:
    """The resolved config as JSON, as it is written beside every run."""
    return json.dumps(config.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n"


def _over(default: Config, given: Mapping[str, Any]) -> dict[str, Any]:
    """The values that the default sets, under those that are given."""
    values = {name: getattr(default, name) for name in default.model_fields_set}
    for name, value in given.items():
        below = values.get(name)
        values[name] = _over(below, value) if isinstance(below, Config) and isinstance(value, Mapping) else value
    return values


def _apply_override(values: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"override {override!r} is not KEY=VALUE, e.g. grpo.num_steps=10")
    *parents, leaf = key.strip().split(".")
    for parent in parents:
        values = values.setdefault(parent, {})
        if not isinstance(values, dict):
            raise ConfigError(f"override {override!r}: {parent!r} is a value, not a section")
    try:
        values[leaf] = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        values[leaf] = text.strip()  # a bare word is a string: --set task=gsm8k


def _one_problem(cls: type[Config], problem: Mapping[str, Any]) -> str:
    location = ".".join(str(part) for part in problem["loc"]) or "config"
    if problem["type"] == "extra_forbidden":
        return f"unknown key {location!r}; {suggest(str(problem['loc'][-1]), _known_keys(cls, problem['loc'][:-1]))}"
    if problem["type"] == "missing":
        return f"{location} is required"
    got = "" if problem["type"] == "value_error" else f" (got {problem['input']!r})"
    return f"{location}: {problem['msg'].removeprefix('Value error, ')}{got}"


def _known_keys(cls: type[Config], location: Sequence[Any]) -> list[str]:
    section: Any = cls
    for name in location:
        field = section.model_fields.get(name)
        if field is None or not (isinstance(field.annotation, type) and issubclass(field.annotation, Config)):
            return []
        section = field.annotation
    return list(section.model_fields)
