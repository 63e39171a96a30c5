import json
from collections import Counter

import pytest

from r1kit.curate.counts import DropCounts, StageCounts, add_up, check_any_kept, read_drops, write_drops
from r1kit.errors import DataError

FEW = DropCounts(
    {
        "few_shot": StageCounts(num_in=10, dropped={"truncated": 1, "not_correct": 6}, goes_to="few_shot_chosen"),
        "few_shot_chosen": StageCounts(num_in=3, dropped={"not_chosen": 1}, goes_to="cold"),
    }
)
ZERO = DropCounts({"zero": StageCounts(num_in=5, dropped={"bad_format": 1}, goes_to="cold")})
PROMPTS = DropCounts({"prompts": StageCounts(num_in=4, dropped={"none": 1}, goes_to="used", unit="prompts")})


def test_kept_and_dropped_add_up():
    assert FEW.stages["few_shot"].num_kept == 3
    with pytest.raises(AssertionError):
        StageCounts(num_in=1, dropped={"a": 2})
    with pytest.raises(AssertionError):
        StageCounts(num_in=1, dropped={"a": 0})


def test_sums():
    twice = add_up([FEW, ZERO, FEW, PROMPTS])
    assert list(twice.stages) == ["few_shot", "few_shot_chosen", "zero", "prompts"]
    assert twice.stages["few_shot"] == StageCounts(
        num_in=20, dropped={"truncated": 2, "not_correct": 12}, goes_to="few_shot_chosen"
    )
    assert twice.by_reason() == {"truncated": 2, "not_correct": 12, "not_chosen": 2, "bad_format": 1}


def test_the_links_of_every_step_add_up_to_its_node():
    table = add_up([FEW, ZERO, PROMPTS]).to_json()
    out = Counter()
    into = Counter()
    for link in table["links"]:
        out[link["source"]] += link["count"]
        into[link["target"]] += link["count"]
    nodes = {node["name"]: node["count"] for node in table["nodes"]}
    assert {name: nodes[name] for name in out} == dict(out)
    assert {name: count for name, count in into.items() if name != "few_shot_chosen"} == {
        name: count for name, count in nodes.items() if name not in out
    }
    assert nodes["cold"] == 6
    assert nodes["few_shot: not_correct"] == 6
    assert into["few_shot_chosen"] == nodes["few_shot_chosen"] == 3


def test_the_file_round_trips(tmp_path):
    counts = add_up([FEW, ZERO, PROMPTS])
    path = write_drops(tmp_path, counts)
    assert path.name == "drops.json"
    assert read_drops(tmp_path) == counts
    path.write_text(json.dumps({"stages": [{"name": "x"}]}))
    with pytest.raises(DataError, match=r"drops.json: a stage has no readable counts \('in'\)"):
        read_drops(tmp_path)


def test_nothing_kept_says_why():
    check_any_kept(1, FEW, what="x", fix="y")
    message = r"^few-shot: none of 10 samples was kept \(not_correct 6, truncated 1, not_chosen 1\); sample more$"
    with pytest.raises(DataError, match=message):
        check_any_kept(0, FEW, what="few-shot", fix="sample more")
    with pytest.raises(DataError, match=r"none of 0 samples was kept \(there were none\)"):
        check_any_kept(0, DropCounts({}), what="few-shot", fix="sample more")
