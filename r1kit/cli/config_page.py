"""docs/config.md, made from the config classes: `make docs` writes it, a test checks that it is current."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from r1kit.nano.pretrain import PretrainConfig
from r1kit.pipeline.config import RLConfig
from r1kit.pipeline.r1_config import R1Config
from r1kit.pipeline.teach import TeachConfig
from r1kit.reward_model.config import RewardModelConfig
from r1kit.sft.config import SFTConfig

COMMANDS: dict[str, type[BaseModel]] = {
    "r1kit zero": RLConfig,
    "r1kit sft": SFTConfig,
    "r1kit reward-model train": RewardModelConfig,
    "r1kit teach": TeachConfig,
    "r1kit r1": R1Config,
    "r1kit nano pretrain": PretrainConfig,
}
"""Command to the class that its TOML file is read as."""


def render_page() -> str:
    """The page: a table a command, a row a key."""
    lines = [
        "# Configuration",
        "",
        "Made by `make docs` from the config classes; edit the docstrings there.",
        "",
        "A config is a TOML file. A key with dots is one of a section: `grpo.group_size` is `group_size` under "
        "`[grpo]`, or `--set grpo.group_size=8` on the command line, which wins over the file. Unknown keys are "
        "refused. Every key has a default, and the resolved config of a run is its `config.json`.",
    ]
    for command, cls in COMMANDS.items():
        lines += ["", f"## {command}", "", (cls.__doc__ or "").strip()]
        lines += ["", "| key | type | default | meaning |", "|---|---|---|---|"]
        lines += [f"| `{key}` | {kind} | `{default}` | {text} |" for key, kind, default, text in _rows(cls(), "")]
    return "\n".join(lines) + "\n"


def _rows(config: BaseModel, prefix: str) -> Iterator[tuple[str, str, str, str]]:
    """Key, type, default and meaning of each field; the fields of a section, which is a config too, one by one."""
    properties: dict[str, Any] = type(config).model_json_schema()["properties"]
    for name, field in type(config).model_fields.items():
        value = getattr(config, name)
        command = next((command for command, cls in COMMANDS.items() if type(value) is cls), None)
        if command is not None:
            yield f"{prefix}{name}", "section", "", f"The keys of `{command}`."
            continue
        if isinstance(value, BaseModel):
            yield from _rows(value, f"{prefix}{name}.")
            continue
        default = json.dumps(value, default=str, ensure_ascii=False)
        text = " ".join((field.description or "").split()).replace("|", "\\|")
        yield f"{prefix}{name}", _kind(properties[name]), default, text


def _kind(schema: dict[str, Any]) -> str:
    """The type and its bounds, e.g. "number > 0", from a field's JSON schema."""
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    bounds = [f"{sign} {schema[key]:g}" for key, sign in signs.items() if key in schema]
    kind = schema.get("type") or " or ".join(_kind(part) for part in schema.get("anyOf", ()))
    return " ".join([{"object": "table"}.get(kind, kind), ", ".join(bounds)]).strip()


if __name__ == "__main__":
    print(render_page(), end="")
