import json
import socket
import sys
import threading
import time

import pytest
from teacher_server import Answer, TeacherServer, completion, echo, endpoint, problems, refuse, responses

from r1kit.config import load_config
from r1kit.curate.teacher import RESPONSES_FILE, TeacherConfig, teach
from r1kit.curate.teacher_client import EndpointConfig
from r1kit.errors import ConfigError, MissingExtra, RunError

KEY = "sk-secret-1234567890"
CONFIG = TeacherConfig(model="teacher")


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


def test_the_key_is_sent_and_never_written(tmp_path, monkeypatch, caplog):
    caplog.set_level("DEBUG")
    monkeypatch.setenv("OTHER_KEY", "sk-other")
    with TeacherServer(echo) as server:
        teach(CONFIG, endpoint(server), problems(1), tmp_path / "a")
        teach(CONFIG, endpoint(server, api_key_env="OTHER_KEY"), problems(1), tmp_path / "b")
        monkeypatch.delenv("OPENAI_API_KEY")
        teach(CONFIG, endpoint(server), problems(1), tmp_path / "c")
    assert [headers.get("Authorization") for headers in server.headers] == [f"Bearer {KEY}", "Bearer sk-other", None]
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"sk-" not in written
    assert "sk-" not in caplog.text


def test_no_more_requests_are_in_flight_than_allowed(tmp_path):
    three = threading.Barrier(3, timeout=60)

    def slow(number, body):
        three.wait()
        answer = echo(number, body)
        answer.delay_s = 0.02
        return answer

    with TeacherServer(slow) as server:
        taught = teach(CONFIG, endpoint(server, concurrency=3), problems(12), tmp_path)
    assert server.max_in_flight == 3
    assert responses(taught) == [f" Compute {i} + 1" for i in range(12)]


def test_retry_after_of_one_request_holds_up_all_of_them(tmp_path):
    def limited(number, body):
        if number == 0:
            return refuse(429, **{"Retry-After": "0.4"})
        answer = echo(number, body)
        answer.delay_s = 0.1 if number == 1 else 0.0
        return answer

    with TeacherServer(limited) as server:
        taught = teach(CONFIG, endpoint(server, concurrency=2), problems(4), tmp_path)
    arrived = [at - server.arrived_s[0] for at in server.arrived_s]
    assert len(taught.examples) == 4
    assert taught.facts["failures"] == {"HTTP 429": 1}
    assert len(arrived) == 5
    assert min(arrived[2:]) >= 0.4  # the second was on its way


def test_too_long_a_wait_is_not_waited_for(tmp_path):
    def limited(number, body):
        return refuse(429, "quota", **{"Retry-After": "3600"})

    with TeacherServer(limited) as server, pytest.raises(RunError) as caught:
        teach(CONFIG, endpoint(server), problems(1), tmp_path)
    assert str(caught.value) == (
        f"teacher {server.url}: HTTP 429: quota; it asks to wait 3600 s, more than endpoint.max_retry_after_s (600); "
        f"0 of 1 responses are kept in {tmp_path / RESPONSES_FILE}; the same command goes on from them"
    )


BROKEN = {
    "HTTP 500": refuse(500),
    "HTTP 408": refuse(408),
    "HTTP 409": refuse(409),
    "HTTP 425": refuse(425),
    "HTTP 503": Answer("<html>busy</html>", status=503),
    "not JSON": Answer(json.dumps(completion("It is 1.").body)[:-20]),
    "not a chat completion": Answer("[]"),
    "no choices": Answer({"model": "teacher-1", "choices": []}),
    "no message": Answer({"choices": [{"finish_reason": "stop"}]}),
    "no content": completion(None, reasoning_content="thought"),
    "finish_reason None": completion("It is 1.", finish=None),
    "finish_reason 'insufficient_system_resource'": completion("It is", finish="insufficient_system_resource"),
    "content is no text": completion("half a pair: \ud83d"),
    "RemoteProtocolError": Answer("short", headers={"Content-Length": "100", "Connection": "close"}),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_what_may_pass_is_counted_and_asked_again(kind, tmp_path):
    with TeacherServer(lambda number, body: BROKEN[kind] if number < 2 else echo(number, body)) as server:
        taught = teach(CONFIG, endpoint(server), problems(2), tmp_path)
    assert taught.facts["failures"] == {kind: 2}
    assert server.questions == ["Compute 0 + 1"] * 3 + ["Compute 1 + 1"]
    assert responses(taught) == [" Compute 0 + 1", " Compute 1 + 1"]


def test_html_with_status_200_is_quoted_when_it_does_not_pass(tmp_path):
    def html(number, body):
        return Answer(f"<html>\n<body>{KEY} Bad gateway \x1b[31m")

    with TeacherServer(html) as server, pytest.raises(RunError) as caught:
        teach(CONFIG, endpoint(server), problems(3), tmp_path)
    message = str(caught.value)
    assert message.startswith(f"teacher {server.url}: 6 attempts failed in a row, the last one with: not JSON (")
    assert "Bad gateway" in message
    assert KEY not in message
    assert message.isprintable()
    assert len(server.bodies) == 6


def test_one_that_never_succeeds_is_left_out_and_asked_for_again_by_the_same_command(tmp_path):
    def poisoned(number, body):
        return refuse(500) if body["messages"][-1]["content"] == "Compute 1 + 1" else echo(number, body)

    with TeacherServer(poisoned) as server:
        taught = teach(CONFIG, endpoint(server), problems(3), tmp_path)
        assert responses(taught) == [" Compute 0 + 1", " Compute 2 + 1"]
        assert (taught.facts["num_unanswered"], taught.facts["failures"]) == (1, {"HTTP 500": 4})
        server.play = echo
        server.bodies.clear()
        assert len(teach(CONFIG, endpoint(server), problems(3), tmp_path).examples) == 3
        assert server.questions == ["Compute 1 + 1"]


def test_a_success_between_failures_starts_their_count_again(tmp_path):
    def every_other(number, body):
        return refuse(500) if number % 2 else echo(number, body)

    with TeacherServer(every_other) as server:
        taught = teach(CONFIG, endpoint(server, max_failures=2), problems(5), tmp_path)
    assert len(taught.examples) == 5
    assert taught.facts["failures"] == {"HTTP 500": 4}  # requests 1, 3, 5, 7 of 0 ... 8


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (400, "mend the request"),
        (401, "the key is read from OPENAI_API_KEY (endpoint.api_key_env): check the key in it"),
        (403, "check the key in it"),
        (404, "check the model's name and the address, which usually ends in /v1"),
        (307, "it points to http://elsewhere/v1; give that address"),
    ],
)
def test_what_would_be_refused_again_stops_at_once(status, advice, tmp_path):
    answer = refuse(status, f"bad\nkey {KEY}", Location="http://elsewhere/v1")
    with (
        TeacherServer(lambda number, body: answer if number == 2 else echo(number, body)) as server,
        pytest.raises(ConfigError) as caught,
    ):
        teach(CONFIG, endpoint(server), problems(9), tmp_path)
    assert str(caught.value).startswith(f"teacher {server.url}: HTTP {status}: bad key ***; ")
    assert advice in str(caught.value)
    assert "; 2 of 9 responses are kept in " in str(caught.value)
    assert len(server.bodies) == 3


def test_without_a_key_the_message_says_that_none_was_sent(tmp_path, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY")
    with (
        TeacherServer(lambda number, body: Answer("denied", status=401)) as server,
        pytest.raises(ConfigError, match=r"HTTP 401: denied; .*: it is not set, so no key was sent;"),
    ):
        teach(CONFIG, endpoint(server), problems(1), tmp_path)


def test_a_teacher_that_hangs_is_given_up(tmp_path):
    started = time.monotonic()
    with (
        TeacherServer(lambda number, body: Answer(delay_s=60)) as server,
        pytest.raises(RunError, match=r"2 attempts failed in a row, the last one with: no whole answer in 0\.1 s; "),
    ):
        teach(CONFIG, endpoint(server, timeout_s=0.1, max_failures=2), problems(1), tmp_path)
    assert 0.2 <= time.monotonic() - started < 55


def test_a_teacher_that_is_not_there_is_given_up(tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
        with pytest.raises(RunError) as caught:
            teach(CONFIG, endpoint(url, concurrency=4), problems(9), tmp_path)
    assert str(caught.value).startswith(f"teacher {url}: 6 attempts failed in a row, the last one with: ConnectError")
    assert "0 of 9 responses are kept in" in str(caught.value)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("url=localhost:8000", "it must be an address like http://localhost:8000/v1"),
        ("url=ftp://host/v1", "it must be an address like"),
        ("url=http:///v1", "it must be an address like"),
        ("url=http://a b/v1", "it must be an address like"),
        ("url=http://host:0/v1", "it must be an address like"),
        ("url=http://host:99999/v1", "Port out of range 0-65535"),
        ("url=http://[::1/v1", "Invalid IPv6 URL"),
        ("url=http://a..b/v1", "label empty"),
        ("url=http://user:pw@host/v1", "give the address alone; the key belongs into the variable"),
        ("url=http://host/v1?key=1", "give the address alone"),
        ("concurrency=0", "concurrency: Input should be greater than or equal to 1"),
    ],
)
def test_a_bad_endpoint_is_refused(setting, message):
    with pytest.raises(ConfigError, match=r"^the command line: ") as caught:
        load_config(EndpointConfig, None, [setting])
    assert message in str(caught.value)


def test_a_key_that_no_header_can_carry(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-a\nb")
    with pytest.raises(ConfigError, match="the key in OPENAI_API_KEY has characters that no header can carry"):
        teach(CONFIG, endpoint("http://127.0.0.1:9/v1"), problems(1), tmp_path)


def test_without_the_extra_the_pip_line_is_told(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "httpx2", None)
    with pytest.raises(MissingExtra, match=r"needs httpx2, .*pip install 'r1kit\[teacher\]'"):
        teach(CONFIG, endpoint("http://127.0.0.1:9/v1"), problems(1), tmp_path)
