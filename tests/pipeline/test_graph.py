"""The order of stages, and graphs that cannot be run."""

import pytest
from toy_stages import ToyConfig

from r1kit.errors import ConfigError
from r1kit.pipeline.graph import needed, ordered
from r1kit.pipeline.stage import Stage


def graph(**inputs):
    return [
        Stage(name=name, kind="dataset", inputs=tuple(read.split()), config=ToyConfig(), run=lambda context: None)
        for name, read in inputs.items()
    ]


def names(stages):
    return [stage.name for stage in stages]


def test_inputs_come_first_and_otherwise_the_order_stays():
    assert names(ordered(graph(d="b c", c="a", b="a", a="", e=""))) == ["a", "c", "b", "d", "e"]
    assert names(ordered(graph(a="", b="a", c=""))) == ["a", "b", "c"]
    assert ordered([]) == []


def test_one_stage_needs_what_it_is_made_from():
    stages = graph(a="", b="a", other="a", c="b", d="c")
    assert names(needed(stages, "c")) == ["a", "b", "c"]
    assert names(needed(stages, "a")) == ["a"]
    assert names(needed(stages, None)) == ["a", "b", "other", "c", "d"]


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        (graph(base="", sft="bsae"), "stage sft reads 'bsae', which no stage makes; known: base, sft."),
        (graph(a="") + graph(a=""), "2 stages are called 'a'; give each one a name of its own"),
        (graph(a="a"), "stages wait for each other: a -> a; remove one of these inputs"),
        (graph(x="", a="c x", b="a", c="b", d="a"), "stages wait for each other: a -> b -> c -> a; remove one"),
        (graph(**{"Sft": ""}), "stage name 'Sft': use lower-case letters, digits and _, beginning with a letter"),
        (graph(**{"../sft": ""}), "stage name '../sft': use lower-case letters"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_line(stages, message):
    with pytest.raises(ConfigError) as caught:
        ordered(stages)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_what_only_leads_to_a_cycle_is_not_told():
    with pytest.raises(ConfigError, match="other: b -> a -> b;"):
        ordered(graph(tail="b", b="a", a="b"))


def test_an_unknown_stage_is_named():
    with pytest.raises(ConfigError, match=r"no stage is called 'sfft'; known: base, sft. Did you mean 'sft'"):
        needed(graph(base="", sft="base"), "sfft")
