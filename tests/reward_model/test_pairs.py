"""Preference pairs on disk: round trip, and what is refused."""

import json

import pytest

from r1kit.errors import DataError
from r1kit.reward_model.pairs import Pair, read_pairs, write_pairs

ROW = {"id": "a", "prompt": "Hello!", "chosen": "Hello!", "rejected": "Go away.", "kind": "helpful"}
TOKEN = "|special_token|"


def read(tmp_path, *rows):
    path = tmp_path / "pairs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return read_pairs(path)


def test_round_trip(tmp_path):
    pairs = [
        Pair(id="a", prompt="你好", chosen="你好！\n", rejected="嗯", kind="helpful", language="zh", info={"by": 1}),
        Pair(id="b", prompt="Hi", chosen=" x", rejected="y", kind="harmless"),
    ]
    assert write_pairs(tmp_path / "p.jsonl", iter(pairs)) == 2
    assert read_pairs(tmp_path / "p.jsonl") == pairs


def test_optional_fields_have_defaults(tmp_path):
    (pair,) = read(tmp_path, ROW)
    assert (pair.language, pair.info) == ("en", {})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"chosen": None}, r"pairs.jsonl:2: no 'chosen'; a pair needs id, prompt, chosen, rejected, kind"),
        ({"chosen": "  "}, r"pairs.jsonl:2: 'chosen' must be text that is not empty"),
        ({"prompt": 7}, r"pairs.jsonl:2: 'prompt' must be text that is not empty, not 7"),
        ({"rejectd": "x"}, r"pairs.jsonl:2: unknown field 'rejectd'; .*Did you mean 'rejected'\?"),
        ({"kind": "helpfull"}, r"pairs.jsonl:2: 'kind' is 'helpfull'; .*Did you mean 'helpful'\?"),
        ({"language": "xx"}, r"pairs.jsonl:2: 'language' is 'xx'"),
        ({"info": [1]}, r"pairs.jsonl:2: 'info' must be an object, not list"),
        ({"id": "a"}, r"pairs.jsonl:2: the id 'a' is there twice"),
        ({"rejected": "Hello! "}, r"pairs.jsonl:2: 'chosen' and 'rejected' have the same summary"),
        ({"chosen": f"{TOKEN} a {TOKEN} Go away."}, r"the same summary; remove the pair"),  # they differ in reasoning
        ({"chosen": f"{TOKEN} a thought"}, r"pairs.jsonl:2: 'chosen' has no summary to compare"),
        ({"kind": "harmless", "rejected": " Hello!"}, r"'chosen' and 'rejected' have the same response"),
    ],
)
def test_what_is_refused_names_the_line(tmp_path, change, message):
    with pytest.raises(DataError, match=message):
        read(tmp_path, ROW, {**ROW, "id": "b", **change})


def test_harmless_pairs_may_differ_in_their_reasoning_only(tmp_path):
    row = {**ROW, "kind": "harmless", "chosen": f"{TOKEN} a {TOKEN} No.", "rejected": f"{TOKEN} b {TOKEN} No."}
    assert len(read(tmp_path, row)) == 1


def test_broken_json_names_the_line(tmp_path):
    path = tmp_path / "pairs.jsonl"
    path.write_text(json.dumps(ROW) + '\n{"id": \n')
    with pytest.raises(DataError, match=r"pairs.jsonl:2: not JSON"):
        read_pairs(path)
