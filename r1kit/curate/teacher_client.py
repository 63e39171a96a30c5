"""Asks an OpenAI-compatible endpoint: bounded in time and attempts, patient with what passes, quick with what stays.

Repeated: time-outs, broken connections, the statuses of RETRIED, every 5xx, and a body that is no chat completion. All
else would be refused again (a wrong key, path, model or parameter) and stops at once. The waits grow by a factor of two
with jitter between a half and all, so that parallel requests do not come back together; Retry-After of one request
holds up all of them, since the limit is the account's.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import time
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from r1kit.config import Config
from r1kit.curate.teacher_reply import FailedRequest, Reply, read_reply
from r1kit.errors import ConfigError, MissingExtra, RunError
from r1kit.seeding import Label, rng

if TYPE_CHECKING:
    import httpx2

RETRIED = (408, 409, 425, 429)
"""Statuses below 500 that may pass: time-out, conflict, too early, too many requests."""

EXAMPLE_URL = "http://localhost:8000/v1"
_PATH = "/chat/completions"


class EndpointConfig(Config):
    """How a teacher is reached. Nothing here changes what it is asked, so a run may go on with other values."""

    url: str = EXAMPLE_URL
    """Base address, usually ending in /v1; the default is vLLM's own."""
    api_key_env: str = "OPENAI_API_KEY"
    """Environment variable that holds the key, which is never written. Without the variable no key is sent."""
    concurrency: int = Field(default=8, ge=1)
    """Requests in flight at a time."""
    timeout_s: float = Field(default=1800.0, gt=0)
    """For a whole request, its wait in the server's queue included. A long chain of thought takes many minutes."""
    max_attempts: int = Field(default=8, ge=1)
    """For one response; then it is left out and counted, and the same command asks for it again."""
    max_unanswered_rate: float = Field(default=0.0, ge=0, lt=1)
    """Of a pipeline's requests: what may be left out when the attempts are over, and counted as dropped. With more the
    stage stops, and the same command asks again; a data set that was finished with some left out stays as it is."""
    max_failures: int = Field(default=50, ge=1)
    """Attempts that fail in a row, over all requests; then the run stops."""
    backoff_s: float = Field(default=1.0, ge=0)
    """Wait after a first failed attempt; it doubles with every further one."""
    max_backoff_s: float = Field(default=60.0, ge=0)
    """Where the doubling ends."""
    max_retry_after_s: float = Field(default=600.0, ge=0)
    """A longer wait than this, asked for by the endpoint's Retry-After, stops the run."""
    allow_model_change: bool = False
    """Go on when the endpoint answers as another model or fingerprint than before; the card then counts them."""

    @field_validator("url")
    @classmethod
    def _base_url(cls, url: str) -> str:
        parts = urlsplit(url)
        host = parts.hostname or ""
        host.encode("idna")  # as the resolver will; its UnicodeError is a ValueError
        is_well_written = re.fullmatch(r"[\w.:-]+", host, re.ASCII) and url.isprintable() and " " not in url
        if parts.scheme not in ("http", "https") or parts.port == 0 or not is_well_written:
            raise ValueError(f"it must be an address like {EXAMPLE_URL}")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError("give the address alone; the key belongs into the variable named by api_key_env")
        return url.rstrip("/").removesuffix(_PATH)


class TeacherClient:
    """Use it as an asynchronous context manager. One client serves all requests of a run."""

    def __init__(self, endpoint: EndpointConfig) -> None:
        """Prepare the requests; nothing is sent.

        Raises:
            ConfigError: the key cannot be sent in a header.
            MissingExtra: httpx2 is not installed.
        """
        try:
            import httpx2
        except ImportError:
            raise MissingExtra("httpx2", "teacher", "asking a teacher's endpoint") from None
        self.failures: Counter[str] = Counter()
        """Failed attempts by kind, those that a later attempt made good included."""
        self._endpoint = endpoint
        self._key = os.environ.get(endpoint.api_key_env, "").strip()
        if not self._key.isascii() or not self._key.isprintable():
            raise ConfigError(f"the key in {endpoint.api_key_env} has characters that no header can carry; mend it")
        self._failures_in_a_row = 0
        self._not_before = 0.0
        self._errors = (httpx2.HTTPError,)
        self._http: httpx2.AsyncClient = httpx2.AsyncClient(
            headers={"Authorization": f"Bearer {self._key}"} if self._key else {},
            limits=httpx2.Limits(max_connections=endpoint.concurrency, max_keepalive_connections=endpoint.concurrency),
            timeout=None,  # httpx2 bounds each read; _post bounds the whole
        )

    async def __aenter__(self) -> TeacherClient:
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.__aexit__(kind, error, trace)

    async def ask(self, body: Mapping[str, Any], label: Label) -> Reply | None:
        """A reply; None if `max_attempts` attempts failed.

        Args:
            body: The request's JSON object.
            label: What the jitter of its waits is derived from; unique to the request.

        Raises:
            ConfigError: the endpoint refuses the request, as it would refuse every one like it.
            RunError: `max_failures` attempts failed in a row, or the endpoint asks for too long a wait.
        """
        for attempt in range(1, self._endpoint.max_attempts + 1):
            try:
                reply = read_reply(await self._post(body))
            except FailedRequest as failure:
                self._count(failure)
                if attempt < self._endpoint.max_attempts:
                    await self._wait(attempt, label)
            else:
                self._failures_in_a_row = 0
                return reply
        return None

    async def _post(self, body: Mapping[str, Any]) -> bytes:
        endpoint = self._endpoint
        await asyncio.sleep(max(self._not_before - time.monotonic(), 0))
        try:
            async with asyncio.timeout(endpoint.timeout_s):
                response = await self._http.post(f"{endpoint.url}{_PATH}", json=body)
        except TimeoutError:
            raise FailedRequest("time-out", f"no whole answer in {endpoint.timeout_s:g} s") from None
        except self._errors as error:
            kind = type(error).__name__
            raise FailedRequest(kind, f"{kind}: {self._one_line(str(error)) or 'the connection broke'}") from None
        if response.is_success:
            return response.content
        said = self._one_line(_error_message(response.content))
        message = f"HTTP {response.status_code}" + (f": {said}" if said else "")
        if response.status_code in RETRIED or response.status_code >= 500:
            wait_s = retry_after_s(response.headers.get("Retry-After"), datetime.now(UTC))
            raise FailedRequest(f"HTTP {response.status_code}", message, retry_after_s=wait_s)
        raise ConfigError(f"teacher {endpoint.url}: {message}; {self._advice(response)}")

    def _count(self, failure: FailedRequest) -> None:
        self.failures[failure.kind] += 1
        self._failures_in_a_row += 1
        endpoint, said = self._endpoint, self._one_line(str(failure))
        if self._failures_in_a_row >= endpoint.max_failures:
            raise RunError(
                f"teacher {endpoint.url}: {self._failures_in_a_row} attempts failed in a row, the last one with: {said}"
            )
        if failure.retry_after_s > endpoint.max_retry_after_s:
            raise RunError(
                f"teacher {endpoint.url}: {said}; it asks to wait {failure.retry_after_s:.0f} s, more than "
                f"endpoint.max_retry_after_s ({endpoint.max_retry_after_s:g})"
            )
        self._not_before = max(self._not_before, time.monotonic() + failure.retry_after_s)

    async def _wait(self, attempt: int, label: Label) -> None:
        endpoint = self._endpoint
        longest_s = min(endpoint.backoff_s * 2.0 ** min(attempt - 1, 60), endpoint.max_backoff_s)
        await asyncio.sleep(longest_s * rng("teacher", "backoff", label, attempt).uniform(0.5, 1.0))

    def _advice(self, response: httpx2.Response) -> str:
        variable = self._endpoint.api_key_env
        if response.is_redirect:
            return f"it points to {self._one_line(response.headers.get('Location', '?'))}; give that address"
        if response.status_code in (401, 403):
            state = "check the key in it" if self._key else "it is not set, so no key was sent"
            return f"the key is read from {variable} (endpoint.api_key_env): {state}"
        if response.status_code == 404:
            return "check the model's name and the address, which usually ends in /v1"
        return "mend the request: model, sampling and extra_body of the config are sent as they stand"

    def _one_line(self, text: str) -> str:
        """What others wrote, as an error may quote it: one line, shortened, without the key."""
        if self._key:
            text = text.replace(self._key, "***")
        text = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
        return text if len(text) <= 300 else f"{text[:297]}..."


def retry_after_s(value: str | None, now: datetime) -> float:
    """Seconds to wait by a Retry-After header: a number, or a date compared with `now`; 0 without one or for nonsense.

    >>> retry_after_s("Wed, 21 Oct 2015 07:28:30 GMT", datetime(2015, 10, 21, 7, 28, tzinfo=UTC))
    30.0
    """
    try:
        seconds = float(value or 0)
    except ValueError:
        try:
            date = parsedate_to_datetime(value or "")
        except ValueError:
            return 0.0
        seconds = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now.timestamp()
    return seconds if 0 < seconds < float("inf") else 0.0


def _error_message(body: bytes) -> str:
    """The message in an error's body, {"error": {"message": ...}} or less; else the body's beginning."""
    text = body[:4000].decode("utf-8", "replace")
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return text
    error = answer.get("error", answer) if isinstance(answer, dict) else answer
    message = error.get("message", error) if isinstance(error, dict) else error
    return message if isinstance(message, str) else text
