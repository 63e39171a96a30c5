"""Distillation data from a teacher behind an OpenAI-compatible endpoint (section 2.4 of arXiv:2501.12948).

"we directly fine-tuned open-source models [...] using the 800k samples curated with DeepSeek-R1". Here the samples are
asked for and kept; judging and filtering them is the work of the modules beside this one.

Every whole response lies in responses.jsonl as soon as it arrives, under a hash of its request: the same call asks for
what is missing, and a problem whose text has changed is asked again. The order of the examples is that of the problems,
whatever the order of arrival.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator

from r1kit.config import Config
from r1kit.curate.teacher_client import EndpointConfig, TeacherClient
from r1kit.curate.teacher_log import ResponseLog
from r1kit.curate.teacher_reply import CUT_SHORT, WHOLE, Reply, teacher_response
from r1kit.errors import ConfigError, DataError, RunError
from r1kit.seeding import seed_for
from r1kit.sft.data import Example
from r1kit.types import Problem

RESPONSES_FILE = "responses.jsonl"
SOURCE = "teacher"
NOTE_EVERY_S = 10.0
QUESTION = "{question}"

_OWN_FIELDS = ("model", "messages", "temperature", "top_p", "max_tokens", "seed", "n", "stream", "tools", "logprobs")


class TeacherConfig(Config):
    """What a teacher is asked: all that decides its responses."""

    model: str = ""
    """The name that the endpoint knows the teacher by."""
    system: str = ""
    """System message; empty: none, as the README of DeepSeek-R1 advises."""
    prompt: str = QUESTION
    r"""The user's message around {question}, e.g. to ask for the answer in \boxed{}."""
    num_samples: int = Field(default=1, ge=1)
    """Responses for a problem, k."""
    temperature: float = Field(default=0.6, ge=0)
    """The paper's generation setup (section 3); so are the next two."""
    top_p: float = Field(default=0.95, gt=0, le=1)
    max_tokens: int = Field(default=32768, ge=1)
    """Of the reasoning and the rest together; a longer response is truncated and dropped."""
    seed: int | None = None
    """For endpoints that take one: each request sends a seed of its own, derived from this. Without it none is sent."""
    extra_body: dict[str, Any] = Field(default={})
    """Further fields of a request, e.g. chat_template_kwargs."""

    @field_validator("prompt")
    @classmethod
    def _has_question(cls, prompt: str) -> str:
        if QUESTION not in prompt:
            raise ValueError(f"it must contain {QUESTION}")
        return prompt

    @field_validator("extra_body")
    @classmethod
    def _adds_only(cls, extra_body: dict[str, Any]) -> dict[str, Any]:
        for name in extra_body:
            if name in _OWN_FIELDS:
                raise ValueError(f"{name!r} is not for extra_body; it has a key of its own, or is always left out")
        return extra_body


@dataclass(frozen=True, slots=True, kw_only=True)
class Taught:
    """What a teacher gave."""

    examples: list[Example]
    """The whole responses, by problem and then by sample; neither judged nor filtered."""
    facts: dict[str, Any]
    """For the card of the data set (JSON values): what was asked, which models answered, how many of what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    problem: Problem
    sample: int
    body: dict[str, Any]
    key: str
    """Hash of the body, the problem's id and the sample's number."""


def teach(
    config: TeacherConfig,
    endpoint: EndpointConfig,
    problems: Sequence[Problem],
    out: Path,
    *,
    note: Callable[[str], None] = lambda text: None,
) -> Taught:
    """Ask for `num_samples` responses to each problem, as far as the folder does not have them.

    It runs an event loop of its own, so it cannot be called from within one.

    Args:
        config: What is asked.
        endpoint: Who is asked, and how patiently.
        problems: With distinct ids.
        out: The folder of responses.jsonl, held by this process alone (`r1kit.pipeline.run.locked`).
        note: Takes a line about the progress, at most every `NOTE_EVERY_S`.

    Raises:
        ConfigError: no model is named, or the endpoint refuses the request (the key, the path, a parameter).
        DataError: no problems, or two with one id; the endpoint changed its model; no response was whole.
        RunError: too many attempts failed in a row, or the folder cannot be written.
        MissingExtra: httpx2 is not installed.
    """
    if not config.model:
        raise ConfigError("no teacher is named; set teacher.model to the name that the endpoint knows it by")
    requests = list(_requests(config, problems))
    out.mkdir(parents=True, exist_ok=True)
    log = ResponseLog(out / RESPONSES_FILE)
    watch = _ModelWatch(endpoint)
    for reply in log.replies.values():
        watch.see(reply)
    missing = [request for request in requests if request.key not in log.replies]
    note(f"teacher {config.model}: {len(requests) - len(missing)} of {len(requests)} responses are there")
    failures: Counter[str] = Counter()
    if missing:
        try:
            with log:
                failures = asyncio.run(_collect(endpoint, missing, log, watch, note))
        except (ConfigError, DataError, RunError) as error:
            kept = sum(request.key in log.replies for request in requests)
            tail = f"{kept} of {len(requests)} responses are kept in {log.path}; the same command goes on from them"
            raise type(error)(f"{error}; {tail}") from None
    examples = [
        _example(request, log.replies[request.key])
        for request in requests
        if request.key in log.replies and log.replies[request.key].finish_reason == WHOLE
    ]
    facts = _facts(config, endpoint, requests, log, failures)
    if not examples:
        raise DataError(
            f"teacher {config.model} at {endpoint.url}: no whole response to {len(problems)} problems "
            f"({_tell({**facts['dropped'], **facts['failures']})}); raise teacher.max_tokens or look at {log.path}"
        )
    return Taught(examples=examples, facts=facts)


async def _collect(
    endpoint: EndpointConfig,
    missing: Sequence[_Request],
    log: ResponseLog,
    watch: _ModelWatch,
    note: Callable[[str], None],
) -> Counter[str]:
    """Ask `concurrency` at a time and keep what comes; returns the failed attempts by kind."""
    pending = iter(missing)
    done, noted_at = 0, time.monotonic()
    async with TeacherClient(endpoint) as client:

        async def work() -> None:
            nonlocal done, noted_at
            for request in pending:  # all workers draw from the one iterator
                reply = await client.ask(request.body, label=request.key)
                if reply is not None:
                    watch.see(reply)
                    log.add(request.key, reply, problem=request.problem.id, sample=request.sample)
                done += 1
                if time.monotonic() - noted_at >= NOTE_EVERY_S:
                    noted_at = time.monotonic()
                    note(f"asked {done} of {len(missing)}; failed attempts: {_tell(client.failures)}")

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(endpoint.concurrency, len(missing))):
                    group.create_task(work())
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        return client.failures


class _ModelWatch:
    """Notices when the model behind an endpoint changes: the responses of two models are no data set of one."""

    def __init__(self, endpoint: EndpointConfig) -> None:
        self._endpoint = endpoint
        self._last: dict[str, str] = {}
        self._num_seen = 0

    def see(self, reply: Reply) -> None:
        for name, new in (("model", reply.model), ("system_fingerprint", reply.system_fingerprint)):
            if new is None:
                continue
            old = self._last.setdefault(name, new)
            if new != old and not self._endpoint.allow_model_change:
                raise DataError(
                    f"teacher {self._endpoint.url} changed its {name} from {old!r} to {new!r} after {self._num_seen} "
                    "responses; use another --out for the new one, or allow it with endpoint.allow_model_change=true"
                )
            self._last[name] = new
        self._num_seen += 1


def _requests(config: TeacherConfig, problems: Sequence[Problem]) -> Iterator[_Request]:
    if not problems:
        raise DataError("no problems to ask a teacher; the task has none in this split")
    seen: set[str] = set()
    for problem in problems:
        if problem.id in seen:
            raise DataError(f"two problems have the id {problem.id!r}; a teacher's responses are kept by id")
        seen.add(problem.id)
        for sample in range(config.num_samples):
            body = _body(config, problem, sample)
            text = json.dumps([problem.id, sample, body], sort_keys=True)
            key = hashlib.blake2b(text.encode(), digest_size=12).hexdigest()
            yield _Request(problem=problem, sample=sample, body=body, key=key)


def _body(config: TeacherConfig, problem: Problem, sample: int) -> dict[str, Any]:
    system = [{"role": "system", "content": config.system}] if config.system else []
    question = {"role": "user", "content": config.prompt.replace(QUESTION, problem.prompt)}
    body = {
        "model": config.model,
        "messages": [*system, question],
        "temperature": config.temperature,
        "top_p": config.top_p,
        "max_tokens": config.max_tokens,
        **config.extra_body,
    }
    if config.seed is not None:  # 31 bits: more than some servers take
        body["seed"] = seed_for(config.seed, "teacher", problem.id, sample) >> 32
    return body


def _example(request: _Request, reply: Reply) -> Example:
    info = {"problem": request.problem.id, "sample": request.sample, "model": reply.model, "created": reply.created}
    info |= {"system_fingerprint": reply.system_fingerprint, "finish_reason": reply.finish_reason}
    if request.problem.info.get("bilingual"):
        info["bilingual"] = True
    return Example(
        id=f"{request.problem.id}/{request.sample}",
        prompt=request.problem.prompt,
        response=teacher_response(reply.content, reply.reasoning),
        task=request.problem.task,
        language=request.problem.language,
        source=SOURCE,
        info={**info, "usage": dict(reply.usage)},
    )


def _facts(
    config: TeacherConfig,
    endpoint: EndpointConfig,
    requests: Sequence[_Request],
    log: ResponseLog,
    failures: Counter[str],
) -> dict[str, Any]:
    replies = [log.replies[request.key] for request in requests if request.key in log.replies]
    reasons = Counter(reply.finish_reason for reply in replies)
    created = [reply.created for reply in replies if reply.created is not None]
    usage: Counter[str] = Counter()
    for reply in replies:
        usage.update(reply.usage)
    return {
        "source": SOURCE,
        "endpoint": endpoint.url,
        "asked": config.model_dump(mode="json"),
        "models": dict(Counter(reply.model or "not said" for reply in replies)),
        "system_fingerprints": dict(Counter(reply.system_fingerprint or "not said" for reply in replies)),
        "created": [min(created), max(created)] if created else [],
        "num_requests": len(requests),
        "num_whole": reasons[WHOLE],
        "dropped": {CUT_SHORT[reason]: reasons[reason] for reason in CUT_SHORT if reasons[reason]},
        "num_unanswered": len(requests) - len(replies),
        "failures": dict(failures.most_common()),
        "usage": dict(usage),
    }


def _tell(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items()) or "none"
