"""A teacher's endpoint for tests: a real HTTP server in threads, which plays what a test tells it to."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from r1kit.curate.teacher_client import EndpointConfig
from r1kit.types import Problem


@dataclass
class Answer:
    """What the server sends, after `delay_s`; a dict becomes JSON."""

    body: dict | str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0


def completion(content, *, finish="stop", model="teacher-1", fingerprint="fp_1", **message):
    """A chat completion; `message` adds fields beside the content, such as reasoning_content."""
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": content, **message}}
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "completion_tokens_details": {"reasoning_tokens": 2}}
    whole = {"id": "x", "object": "chat.completion", "created": 1737331200, "model": model, "choices": [choice]}
    return Answer({**whole, "usage": usage, "system_fingerprint": fingerprint})


class TeacherServer:
    """Answers the n-th request (from 0) with `play(n, body)`. A context manager; `url` is the base address."""

    def __init__(self, play: Callable[[int, dict], Answer]) -> None:
        self.bodies: list[dict] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.arrived_s: list[float] = []
        self.max_in_flight = 0
        self.play = play
        self._in_flight = 0
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *error):
        self._closing.set()  # ends every delay
        self._server.shutdown()
        self._server.server_close()

    @property
    def questions(self) -> list[str]:
        """The user's messages in the order of their arrival."""
        return [body["messages"][-1]["content"] for body in self.bodies]

    def take(self, path: str, headers: dict[str, str], body: dict) -> Answer:
        with self._lock:
            number = len(self.bodies)
            self.bodies.append(body)
            self.headers.append(headers)
            self.paths.append(path)
            self.arrived_s.append(time.monotonic())
            self._in_flight += 1
            self.max_in_flight = max(self.max_in_flight, self._in_flight)
        answer = self.play(number, body)
        self._closing.wait(answer.delay_s)
        with self._lock:
            self._in_flight -= 1
        return answer


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A client that gave up breaks the connection; that is its right."""


def _handler(teacher: TeacherServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # connections are kept, as real servers do
        disable_nagle_algorithm = True

        def do_POST(self):
            length = int(self.headers["Content-Length"])
            answer = teacher.take(self.path, dict(self.headers), json.loads(self.rfile.read(length)))
            text = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
            data = text.encode()
            self.send_response(answer.status)
            for name, value in {"Content-Length": str(len(data)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format, *args):
            """Nothing is logged."""

    return Handler


def endpoint(server, **changes):
    quick = {"timeout_s": 60.0, "backoff_s": 0.001, "max_attempts": 4, "max_failures": 6, "concurrency": 1}
    return EndpointConfig(url=server if isinstance(server, str) else server.url, **{**quick, **changes})


def problems(count):
    return [
        Problem(id=f"sum/{i}", prompt=f"Compute {i} + 1", answer=str(i + 1), task="sums", language="en")
        for i in range(count)
    ]


def echo(number, body):
    """Answers a question with its own text."""
    return completion(body["messages"][-1]["content"])


def refuse(status, text="no", **headers):
    return Answer({"error": {"message": text}}, status=status, headers=headers)


def responses(taught):
    return [example.response for example in taught.examples]
