"""What a teacher's endpoint answers: read strictly, and written in the readable format of section 2.3.1.

    {"model": "deepseek-reasoner", "created": 1737331200, "system_fingerprint": "fp_1", "usage": {...},
     "choices": [{"finish_reason": "stop", "message": {"reasoning_content": "3 + 4 ...", "content": "It is **7**."}}]}

Reasoning is in `message.reasoning_content` (the DeepSeek API, SGLang, older vLLM), in `message.reasoning` (newer
vLLM), or between think tags in the content, where the server runs no reasoning parser.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from r1kit.curate.layout import readable_response
from r1kit.errors import shorten
from r1kit.rewards.extract import READABLE_TOKEN, THINK_CLOSE, THINK_OPEN
from r1kit.rewards.readability import think_parts

WHOLE = "stop"
CUT_SHORT = {"length": "truncated", "content_filter": "withheld by the endpoint's filter"}
"""A reply that ended otherwise is final too, since asking again costs as much and ends alike, but it is no example.
Any other finish_reason (the DeepSeek API's insufficient_system_resource, null) is a failure, which may pass."""

REASONING_FIELDS = ("reasoning_content", "reasoning")


class FailedRequest(Exception):
    """An attempt without a usable reply. It is counted and repeated, and never leaves this package."""

    def __init__(self, kind: str, message: str, *, retry_after_s: float = 0.0) -> None:
        """Say what failed.

        Args:
            kind: What failures are counted by, e.g. "HTTP 500".
            message: One line for a person.
            retry_after_s: How long the endpoint asked to wait.
        """
        super().__init__(message)
        self.kind = kind
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One response of the teacher, as it was received."""

    content: str
    """What follows the reasoning, or all of it; may be empty in a reply that was cut short."""
    reasoning: str
    """From a field of its own; empty if there was none."""
    finish_reason: str
    """WHOLE or a key of CUT_SHORT."""
    model: str | None
    """What the endpoint says that it is; None if it does not say."""
    system_fingerprint: str | None
    created: int | None
    """Seconds since 1970, by the endpoint's clock."""
    usage: Mapping[str, int]
    """Tokens by kind: prompt_tokens, completion_tokens ..."""


def read_reply(body: bytes) -> Reply:
    """The first choice of a chat completion.

    Raises:
        FailedRequest: it is no whole JSON, has no choice or no text, or ended in a way that may pass.
    """
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        raise FailedRequest("not JSON", f"not JSON ({len(body)} bytes: {_excerpt(body)})") from None
    if not isinstance(answer, dict):
        raise FailedRequest("not a chat completion", f"{_short(answer)} in the place of an object")
    choices = answer.get("choices")
    if not isinstance(choices, list) or not choices:
        raise FailedRequest("no choices", f"'choices' is {_short(choices)}{_error_text(answer)}")
    choice = choices[0]
    if not isinstance(choice, dict) or not isinstance(choice.get("message"), dict):
        raise FailedRequest("no message", f"no 'message' in the choice {_short(choice)}")
    finish_reason = choice.get("finish_reason")
    if finish_reason != WHOLE and finish_reason not in tuple(CUT_SHORT):
        raise FailedRequest(f"finish_reason {finish_reason!r}", f"the reply ended with finish_reason {finish_reason!r}")
    message = choice["message"]
    content = _text(message, "content")
    reasoning = next((text for name in REASONING_FIELDS if (text := _text(message, name)).strip()), "")
    if finish_reason == WHOLE and not content.strip():
        raise FailedRequest("no content", f"the content is {message.get('content')!r}")
    usage = answer.get("usage")
    return Reply(
        content=content,
        reasoning=reasoning,
        finish_reason=finish_reason,
        model=_text(answer, "model") or None,
        system_fingerprint=_text(answer, "system_fingerprint") or None,
        created=answer["created"] if _is_int(answer.get("created")) else None,
        usage={name: count for name, count in usage.items() if _is_int(count)} if isinstance(usage, dict) else {},
    )


def teacher_response(content: str, reasoning: str = "") -> str:
    """A response in the readable format, from a teacher's content and reasoning.

    What is already in the format stays as it is; a reasoning that never ends gets an empty summary, which the filter
    missing_summary drops.
    """
    if READABLE_TOKEN in content:
        return content
    if not reasoning.strip() and (THINK_OPEN in content or THINK_CLOSE in content):
        parts = think_parts(content)
        return readable_response(parts.reasoning, parts.summary or "")
    return readable_response(reasoning if reasoning.strip() else None, content)


def _text(values: Mapping[str, Any], name: str) -> str:
    """A field that may be missing or null. Half of a surrogate pair could not be written to a file."""
    value = values.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise FailedRequest(f"{name} is no text", f"{name!r} is {_short(value)}, not text")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise FailedRequest(f"{name} is no text", f"{name!r} is not valid Unicode") from None
    return value


def _error_text(answer: Mapping[str, Any]) -> str:
    """What an error inside a reply of status 200 says, as some gateways send it."""
    return f": {_short(answer['error'])}" if answer.get("error") else ""


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _excerpt(body: bytes) -> str:
    return repr(shorten(body[:80].decode("utf-8", "replace")))


def _short(value: Any) -> str:
    return "missing" if value is None else shorten(f"{type(value).__name__} {value!r}")
