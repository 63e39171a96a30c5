import json

import pytest
from teacher_server import TeacherServer, completion, echo, endpoint, problems, responses

from r1kit.config import load_config
from r1kit.curate import teacher as teacher_module
from r1kit.curate.teacher import RESPONSES_FILE, TeacherConfig, teach
from r1kit.errors import ConfigError, DataError, RunError
from r1kit.seeding import seed_for
from r1kit.types import Problem

KEY = "sk-secret-1234567890"
CONFIG = TeacherConfig(model="teacher")


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


def test_examples_come_in_the_order_of_the_problems_whatever_the_order_of_arrival(tmp_path):
    def slow_first(number, body):
        answer = completion("It is **1**.", reasoning_content="0 + 1 is 1.")
        answer.delay_s = (0.3, 0.2, 0.1, 0.0)[number]
        return answer

    with TeacherServer(slow_first) as server:
        config = TeacherConfig(model="teacher", num_samples=2)
        taught = teach(config, endpoint(server, concurrency=4), problems(2), tmp_path)
    assert [example.id for example in taught.examples] == ["sum/0/0", "sum/0/1", "sum/1/0", "sum/1/1"]
    first = taught.examples[0]
    assert (first.prompt, first.task, first.language, first.source) == ("Compute 0 + 1", "sums", "en", "teacher")
    assert first.response == " |special_token| 0 + 1 is 1. |special_token| It is **1**."
    assert first.info == {
        **{"problem": "sum/0", "sample": 0, "model": "teacher-1", "created": 1737331200, "finish_reason": "stop"},
        **{"system_fingerprint": "fp_1", "usage": {"prompt_tokens": 10, "completion_tokens": 5}},
    }
    arrived = [json.loads(line)["problem"] for line in (tmp_path / RESPONSES_FILE).read_text().splitlines()]
    assert len(arrived) == 4
    assert arrived != ["sum/0", "sum/0", "sum/1", "sum/1"]
    facts = taught.facts
    assert (facts["models"], facts["system_fingerprints"]) == ({"teacher-1": 4}, {"fp_1": 4})
    assert (facts["num_requests"], facts["num_whole"], facts["num_unanswered"]) == (4, 4, 0)
    assert (facts["dropped"], facts["failures"]) == ({}, {})
    assert facts["usage"] == {"prompt_tokens": 40, "completion_tokens": 20}
    assert facts["created"] == [1737331200, 1737331200]
    assert facts["asked"]["model"] == "teacher"


def test_a_request_says_what_the_config_says(tmp_path):
    config = TeacherConfig(
        model="r1",
        system="Be brief.",
        prompt="{question}\nPut it in \\boxed{}.",
        num_samples=2,
        temperature=1.0,
        top_p=0.5,
        max_tokens=7,
        seed=3,
        extra_body={"chat_template_kwargs": {"thinking": True}},
    )
    with TeacherServer(echo) as server:
        teach(config, endpoint(f"{server.url}/chat/completions/"), problems(1), tmp_path)
    seeds = [seed_for(3, "teacher", "sum/0", sample) >> 32 for sample in (0, 1)]
    assert server.bodies == [
        {
            "model": "r1",
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "Compute 0 + 1\nPut it in \\boxed{}."},
            ],
            **{"temperature": 1.0, "top_p": 0.5, "max_tokens": 7, "seed": seed},
            "chat_template_kwargs": {"thinking": True},
        }
        for seed in seeds
    ]
    assert seeds[0] != seeds[1]
    assert max(seeds) < 2**31
    assert server.paths == ["/v1/chat/completions"] * 2


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"model": "teacher-2"}, "model from 'teacher-1' to 'teacher-2'"),
        ({"fingerprint": "fp_2"}, "system_fingerprint from 'fp_1' to 'fp_2'"),
    ],
)
def test_a_change_of_the_model_stops_unless_it_is_allowed(change, told, tmp_path):
    def changing(number, body):
        return completion("x", **(change if number >= 2 else {}))

    with TeacherServer(changing) as server:
        with pytest.raises(DataError) as caught:
            teach(CONFIG, endpoint(server), problems(4), tmp_path)
        assert str(caught.value).startswith(f"teacher {server.url} changed its {told} after 2 responses; ")
        assert "endpoint.allow_model_change=true; 2 of 4 responses are kept in " in str(caught.value)
        with pytest.raises(DataError, match="after 2 responses"):  # a second start forgets nothing
            teach(CONFIG, endpoint(server), problems(4), tmp_path)
        taught = teach(CONFIG, endpoint(server, allow_model_change=True), problems(4), tmp_path)
    old, new = ("fp_1", "fp_2") if "fingerprint" in change else ("teacher-1", "teacher-2")
    assert taught.facts["system_fingerprints" if "fingerprint" in change else "models"] == {old: 2, new: 2}


def test_an_endpoint_that_does_not_always_say_its_fingerprint_has_not_changed(tmp_path):
    def forgetful(number, body):
        return completion("x", fingerprint=None if number % 2 else "fp_1")

    with TeacherServer(forgetful) as server:
        taught = teach(CONFIG, endpoint(server), problems(4), tmp_path)
    assert taught.facts["system_fingerprints"] == {"fp_1": 2, "not said": 2}


def test_a_killed_run_asks_only_for_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(teacher_module, "NOTE_EVERY_S", 0.0)
    notes = []

    def stop_at_the_third(text):
        notes.append(text)
        if text.startswith("asked 3 "):
            raise KeyboardInterrupt

    with TeacherServer(echo) as server:
        with pytest.raises(KeyboardInterrupt):
            teach(CONFIG, endpoint(server), problems(5), tmp_path, note=stop_at_the_third)
        file = tmp_path / RESPONSES_FILE
        assert len(file.read_text().splitlines()) == 3
        with file.open("ab") as half:
            half.write(file.read_bytes()[:70])  # what a kill while writing leaves
        server.bodies.clear()
        taught = teach(CONFIG, endpoint(server), problems(5), tmp_path)
        assert server.questions == ["Compute 3 + 1", "Compute 4 + 1"]
        assert responses(taught) == [f" Compute {i} + 1" for i in range(5)]
        assert len(file.read_text().splitlines()) == 5
        server.bodies.clear()
        assert teach(CONFIG, endpoint(server), problems(5), tmp_path).examples == taught.examples
        assert server.bodies == []
    assert notes == [
        "teacher teacher: 0 of 5 responses are there",
        *(f"asked {count} of 5; failed attempts: none" for count in (1, 2, 3)),
    ]


def test_a_problem_with_another_text_is_asked_again(tmp_path):
    with TeacherServer(echo) as server:
        teach(CONFIG, endpoint(server), problems(2), tmp_path)
        changed = Problem(id="sum/1", prompt="Compute 9 + 9", answer="18", task="sums")
        taught = teach(CONFIG, endpoint(server), [problems(2)[0], changed], tmp_path)
    assert server.questions == ["Compute 0 + 1", "Compute 1 + 1", "Compute 9 + 9"]
    assert responses(taught) == [" Compute 0 + 1", " Compute 9 + 9"]


def test_a_damaged_line_in_the_middle_is_an_error(tmp_path):
    with TeacherServer(echo) as server:
        teach(CONFIG, endpoint(server), problems(2), tmp_path)
        file = tmp_path / RESPONSES_FILE
        first, second = file.read_text().splitlines()
        file.write_text(f"{first[:50]}\n{second}\n")
        with pytest.raises(RunError, match="line 1: not a JSON object"):
            teach(CONFIG, endpoint(server), problems(2), tmp_path)
        file.write_text('{"request": "a"}\n')
        with pytest.raises(RunError, match="record 1 has no 'content'"):
            teach(CONFIG, endpoint(server), problems(2), tmp_path)


def test_what_is_truncated_or_withheld_is_dropped_counted_and_not_asked_again(tmp_path):
    def cut(number, body):
        if number == 0:
            return completion(None, finish="length", reasoning_content="and so on and")
        return completion("", finish="content_filter") if number == 1 else echo(number, body)

    with TeacherServer(cut) as server:
        for _ in range(2):
            taught = teach(CONFIG, endpoint(server), problems(3), tmp_path)
            assert responses(taught) == [" Compute 2 + 1"]
            assert taught.facts["dropped"] == {"truncated": 1, "withheld by the endpoint's filter": 1}
    assert len(server.bodies) == 3


def test_nothing_whole_is_an_error(tmp_path):
    with (
        TeacherServer(lambda number, body: completion("and", finish="length")) as server,
        pytest.raises(DataError, match=r"no whole response to 2 problems \(2 truncated\); raise teacher.max_tokens"),
    ):
        teach(CONFIG, endpoint(server), problems(2), tmp_path)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("prompt=Solve it", "it must contain {question}"),
        ("extra_body={n = 4}", "'n' is not for extra_body"),
        ("num_samples=0", "num_samples: Input should be greater than or equal to 1"),
    ],
)
def test_a_bad_request_is_refused(setting, message):
    with pytest.raises(ConfigError) as caught:
        load_config(TeacherConfig, None, [setting])
    assert message in str(caught.value)


def test_bad_problems_are_refused_before_anything_is_asked(tmp_path):
    nobody = endpoint("http://127.0.0.1:9/v1")
    with pytest.raises(DataError, match="no problems to ask a teacher"):
        teach(CONFIG, nobody, [], tmp_path)
    with pytest.raises(DataError, match="two problems have the id 'sum/0'"):
        teach(CONFIG, nobody, [*problems(1), *problems(1)], tmp_path)
    with pytest.raises(ConfigError, match="no teacher is named"):
        teach(TeacherConfig(), nobody, problems(1), tmp_path)
    assert list(tmp_path.iterdir()) == []
