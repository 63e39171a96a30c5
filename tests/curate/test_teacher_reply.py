import json
from datetime import UTC, datetime

import pytest
from teacher_server import completion

from r1kit.curate.teacher_client import retry_after_s
from r1kit.curate.teacher_reply import FailedRequest, read_reply, teacher_response
from r1kit.rewards.readability import response_parts


def body(content, **changes):
    return json.dumps(completion(content, **changes).body).encode()


@pytest.mark.parametrize(
    ("content", "reasoning", "response"),
    [
        ("It is **7**.", "3 + 4 is 7.", " |special_token| 3 + 4 is 7. |special_token| It is **7**."),
        ("\n\nIt is 7.\n", "\n3 + 4\n", " |special_token| 3 + 4 |special_token| It is 7."),
        ("<think>\n3 + 4\n</think>\n\nIt is 7.", "", " |special_token| 3 + 4 |special_token| It is 7."),
        ("3 + 4\n</think>\n\nIt is 7.", "", " |special_token| 3 + 4 |special_token| It is 7."),
        ("<think>3 + 4</think><answer>7</answer>", "", " |special_token| 3 + 4 |special_token| 7"),
        ("<think>\n\n</think>\n\nHello!", "", " Hello!"),
        ("Hello!", "", " Hello!"),
        ("Hello!", " \n", " Hello!"),
        ("Write `<think>` first.", "the tag", " |special_token| the tag |special_token| Write `<think>` first."),
        ("<think>3 + 4 and", "", " |special_token| 3 + 4 and |special_token| "),
        (" |special_token| a |special_token| b", "", " |special_token| a |special_token| b"),
    ],
)
def test_a_response_in_the_readable_format(content, reasoning, response):
    assert teacher_response(content, reasoning) == response


def test_the_parts_are_found_again():
    parts = response_parts(teacher_response("It is **7**.", "3 + 4 is 7."))
    assert (parts.reasoning, parts.summary, parts.problem) == ("3 + 4 is 7.", "It is **7**.", "")


@pytest.mark.parametrize(
    ("fields", "reasoning"),
    [
        ({"reasoning_content": "thought"}, "thought"),  # the DeepSeek API, SGLang, older vLLM
        ({"reasoning": "thought"}, "thought"),  # newer vLLM
        ({"reasoning": "thought", "reasoning_content": None}, "thought"),
        ({"reasoning": "thought", "reasoning_content": ""}, "thought"),
        ({"reasoning": "thought", "reasoning_content": "thought"}, "thought"),
        ({"reasoning_content": None}, ""),
        ({}, ""),
    ],
)
def test_reasoning_is_found_under_both_names(fields, reasoning):
    reply = read_reply(body("It is 7.", **fields))
    assert (reply.content, reply.reasoning, reply.finish_reason) == ("It is 7.", reasoning, "stop")


def test_what_is_said_beside_the_text():
    reply = read_reply(body("x", model="m", fingerprint=None))
    assert (reply.model, reply.system_fingerprint, reply.created) == ("m", None, 1737331200)
    assert reply.usage == {"prompt_tokens": 10, "completion_tokens": 5}  # the nested counts are parts of these
    bare = read_reply(b'{"choices": [{"finish_reason": "stop", "message": {"content": "x"}}], "created": true}')
    assert (bare.model, bare.system_fingerprint, bare.created, bare.usage) == (None, None, None, {})


def test_a_truncated_reply_needs_no_content():
    reply = read_reply(body(None, finish="length", reasoning_content="and so on"))
    assert (reply.content, reply.reasoning, reply.finish_reason) == ("", "and so on", "length")


@pytest.mark.parametrize(
    ("data", "kind", "message"),
    [
        (b"", "not JSON", "not JSON (0 bytes: '')"),
        (b"\xff\xfe", "not JSON", "not JSON (2 bytes: "),
        (b"[" * 100_000, "not JSON", "not JSON (100000 bytes: "),
        (b'"text"', "not a chat completion", "str 'text' in the place of an object"),
        (b'{"error": {"message": "busy"}}', "no choices", "'choices' is missing: dict {'message': 'busy'}"),
        (b'{"choices": [1]}', "no message", "no 'message' in the choice int 1"),
        (body("   "), "no content", "the content is '   '"),
        (body(["part"]), "content is no text", "'content' is list ['part'], not text"),
        (body("x", reasoning_content={}), "reasoning_content is no text", "'reasoning_content' is dict {}, not text"),
        (body("x", model="\udc00"), "model is no text", "'model' is not valid Unicode"),
        (body("x", finish="tool_calls"), "finish_reason 'tool_calls'", "ended with finish_reason 'tool_calls'"),
    ],
)
def test_a_broken_reply_is_a_failure(data, kind, message):
    with pytest.raises(FailedRequest) as caught:
        read_reply(data)
    assert caught.value.kind == kind
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, 0.0),
        ("", 0.0),
        ("7", 7.0),
        ("0.5", 0.5),
        ("-3", 0.0),
        ("nan", 0.0),
        ("inf", 0.0),
        ("soon", 0.0),
        ("Wed, 21 Oct 2015 07:28:30 GMT", 30.0),
        ("Wed, 21 Oct 2015 07:27:00 GMT", 0.0),
    ],
)
def test_retry_after(value, seconds):
    assert retry_after_s(value, datetime(2015, 10, 21, 7, 28, tzinfo=UTC)) == seconds
