import sys
import time
from decimal import Decimal

import pytest

from r1kit.errors import DataError, MissingExtra
from r1kit.rewards.json_answer import MAX_ANSWER_CHARS, MAX_DIGITS, NotJson, judge_json, read_json
from r1kit.types import Problem

PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "year": {"type": "integer", "minimum": 0}, "tags": {"type": "array"}},
    "required": ["name", "year"],
    "additionalProperties": False,
}


def problem(gold="", schema=None):
    info = {} if schema is None else {"schema": schema}
    return Problem(id="1", prompt="?", answer=gold, task="t", info=info)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": [1, 2.5, true, null, "x"]}', {"a": [1, Decimal("2.5"), True, None, "x"]}),
        (" \n[]\t", []),
        ('```json\n{"a": 1}\n```', {"a": 1}),
        ('```JSON  \n{"a":\n 1}\n\n```\n', {"a": 1}),
        ("```\n3\n```", 3),
        ('{"a": "```json\\n1\\n```"}', {"a": "```json\n1\n```"}),
        ("-0", 0),
        ("1e400", Decimal("1e400")),
        ('"\\ud83d\\ude00"', "😀"),
    ],
)
def test_what_is_json(text, value):
    assert read_json(text) == value


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("```json\n\n```", "empty"),
        ("x", "not JSON: Expecting value at line 1 column 1"),
        ('{"a": 1} done', "not JSON: text after the JSON value at line 1 column 10"),
        ('{"a": 1}{"a": 1}', "not JSON: text after the JSON value at line 1 column 9"),
        ('Here: {"a": 1}', "not JSON: Expecting value at line 1 column 1"),
        ('Here:\n```json\n{"a": 1}\n```', "not JSON: text outside its code block"),
        ('```json\n{"a": 1}\n```\nDone', "not JSON: text outside its code block"),
        ("```json\n1\n```\n```json\n2\n```", "not JSON: text outside its code block"),
        ("```json\n1", "not JSON: a code block without its end"),
        ("```python\n1\n```", "not JSON: a code block of 'python'"),
        ('{"a": 1, "a": 1}', "not JSON: an object has the name 'a' twice"),
        ('[{"b": {"a": 1, "a": 2}}]', "not JSON: an object has the name 'a' twice"),
        ("NaN", "not JSON: NaN is no JSON number"),
        ("[-Infinity]", "not JSON: -Infinity is no JSON number"),
        ("{'a': 1}", "not JSON: Expecting property name enclosed in double quotes at line 1 column 2"),
        ('{"a": 1,}', "not JSON: Illegal trailing comma before end of object at line 1 column 8"),
        ("[1, 2", "not JSON: Expecting ',' delimiter at line 1 column 6"),
        ("01", "not JSON: text after the JSON value at line 1 column 2"),
        ("[" * 50_000, "not JSON: nested too deep"),
        ('{"a":' * 15_000, "not JSON: nested too deep"),
        ("9" * (MAX_DIGITS + 1), f"a number has more than {MAX_DIGITS} digits"),
        ("1e9999", "a number has the exponent 9999"),
        (" " * MAX_ANSWER_CHARS + "1", f"longer than {MAX_ANSWER_CHARS} characters"),
    ],
)
def test_what_is_not_json(text, reason):
    if "trailing comma" in reason and sys.version_info < (3, 13):
        reason = "not JSON: Expecting property name enclosed in double quotes at line 1 column 9"
    with pytest.raises(NotJson) as caught:
        read_json(text)
    assert str(caught.value) == reason
    score = judge_json(problem(gold="1"), text)
    assert (score.value, score.reason, score.parsed) == (0.0, reason, None)


@pytest.mark.parametrize(
    ("gold", "answer", "reason"),
    [
        ('{"a": 1, "b": [1, 2]}', '{"b": [1.0, 2e0], "a": 1}', "correct"),
        ("0.1", "0.10", "correct"),
        ("[]", "```json\n[]\n```", "correct"),
        ('"é"', '"\\u00e9"', "correct"),
        ("null", "null", "correct"),
        ("0.1", "0.1000000000000000000001", "wrong: $ is 0.1000000000000000000001, not 0.1"),
        ("10000000000000000", "10000000000000001", "wrong: $ is 10000000000000001, not 10000000000000000"),
        ("1", "true", "wrong: $ is true or false, not a number"),
        ("true", "1", "wrong: $ is a number, not true or false"),
        ("[1, 2]", "[2, 1]", "wrong: $[0] is 2, not 1"),
        ("[1, 2]", "[1]", "wrong: $ has 1 items, not 2"),
        ('{"a": {"b": "x"}}', '{"a": {"b": "X"}}', "wrong: $.a.b is X, not x"),
        ('{"a": 1}', "{}", "wrong: $ lacks 'a'"),
        ('{"a": 1}', '{"a": 1, "b": 2}', "wrong: $ has 'b', which it should not"),
        ('{"a": 1}', "[1]", "wrong: $ is an array, not an object"),
        ("null", "0", "wrong: $ is a number, not null"),
    ],
)
def test_the_value(gold, answer, reason):
    score = judge_json(problem(gold), answer)
    assert (score.value, score.reason) == (float(reason == "correct"), reason)


@pytest.fixture
def _jsonschema():
    pytest.importorskip("jsonschema", exc_type=ImportError)


@pytest.mark.usefixtures("_jsonschema")
@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ('{"name": "Ada", "year": 1815}', "correct"),
        ('{"name": "Ada", "year": 1815.0, "tags": []}', "correct"),  # 1815.0 is an integer to JSON Schema
        ('{"name": "Ada"}', "breaks the schema at $: 'year' is a required property"),
        ('{"name": 3, "year": 1}', "breaks the schema at $.name: 3 is not of type 'string'"),
        ('{"name": "Ada", "year": -1}', "breaks the schema at $.year: -1 is less than the minimum of 0"),
        ('{"name": "Ada", "year": 1.5}', "breaks the schema at $.year: 1.5 is not of type 'integer'"),
        ("[]", "breaks the schema at $: [] is not of type 'object'"),
    ],
)
def test_the_schema(answer, reason):
    score = judge_json(problem(schema=PERSON), answer)
    assert (score.value, score.reason) == (float(reason == "correct"), reason)


@pytest.mark.usefixtures("_jsonschema")
def test_schema_and_value():
    both = problem('{"name": "Ada", "year": 1815}', PERSON)
    assert judge_json(both, '{"year": 1815, "name": "Ada"}').value == 1.0
    assert judge_json(both, '{"year": 1816, "name": "Ada"}').reason == "wrong: $.year is 1816, not 1815"
    assert judge_json(both, '{"year": "1815", "name": "Ada"}').reason.startswith("breaks the schema at $.year")


@pytest.mark.usefixtures("_jsonschema")
@pytest.mark.parametrize(
    ("gold", "schema", "message"),
    [
        ("", None, r"needs info\['schema'\] or a gold answer"),
        ("{", None, "its gold answer is not JSON: Expecting property name"),
        ("", {"type": "thing"}, "broken JSON schema: 'thing' is not valid"),
        ("", {"$ref": "https://example.com/schema.json"}, "broken JSON schema: .*example.com"),
        ("", {"type": "string", "pattern": "("}, "broken JSON schema"),
    ],
)
def test_a_broken_problem_is_no_verdict_about_the_answer(gold, schema, message):
    with pytest.raises(DataError, match=message) as caught:
        judge_json(problem(gold, schema), '"x"')
    assert "\n" not in str(caught.value)


def test_a_missing_package_gives_the_pip_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "jsonschema", None)
    monkeypatch.setitem(sys.modules, "jsonschema.validators", None)
    with pytest.raises(MissingExtra, match=r"pip install 'r1kit\[json-schema\]'"):
        judge_json(problem(schema=PERSON), "{}")
    assert judge_json(problem("{}"), "{}").value == 1.0


@pytest.mark.usefixtures("_jsonschema")
def test_a_deep_answer_to_a_schema_that_calls_itself():
    tree = {"type": "array", "items": {"$ref": "#"}}
    assert judge_json(problem(schema=tree), "[" * 20 + "]" * 20).value == 1.0
    score = judge_json(problem(schema=tree), "[" * 600 + "]" * 600)
    assert score.value in (0.0, 1.0)


@pytest.mark.parametrize("piece", ["```\n", "[", '{"a":', '"', " ", "9", "-", "1,", "\\"])
def test_hostile_answers_cost_nothing(piece):
    start = time.perf_counter()
    assert judge_json(problem("1"), piece * (MAX_ANSWER_CHARS // len(piece))).value == 0.0
    assert time.perf_counter() - start < 20
