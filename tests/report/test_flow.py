import re
import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest

from r1kit.report.flow import MAX_REASONS, MAX_THICKNESS, ROW, Flow, draw_flows

SVG = "{http://www.w3.org/2000/svg}"

# 100 come in: 60 go on, 40 end. Of the 60, 45 go on and 15 end.
FLOWS = [
    Flow(source="sampled", target="kept", count=60),
    Flow(source="sampled", target="", count=30, reason="wrong"),
    Flow(source="sampled", target="", count=10, reason="too long"),
    Flow(source="kept", target="data", count=45, tone=2),
    Flow(source="kept", target="", count=15, reason="over the ratio"),
]


def draw(flows, **labels):
    svg = draw_flows(flows, labels=labels, unit="samples", title="A title & more")
    assert svg is not None
    return ET.fromstring(svg)


def texts(root):
    return {"".join(node.itertext()): (float(node.get("x")), float(node.get("y"))) for node in root.iter(f"{SVG}text")}


def titles(root):
    return ["".join(node.itertext()) for node in root.iter(f"{SVG}title")]


def test_bars_are_as_high_as_their_counts():
    root = draw(FLOWS)
    heights = sorted((float(bar.get("height")) for bar in root.iter(f"{SVG}rect")), reverse=True)
    per_one = MAX_THICKNESS / 100
    assert heights == [pytest.approx(count * per_one, abs=0.05) for count in (100, 60, 45, 30, 15, 10)]
    widths = sorted((float(path.get("stroke-width")) for path in root.iter(f"{SVG}path")), reverse=True)
    assert widths == [pytest.approx(count * per_one, abs=0.005) for count in (60, 45, 30, 15, 10)]


def test_every_link_has_a_title_and_every_node_a_label():
    root = draw(FLOWS, sampled="as sampled")
    assert titles(root) == [
        "kept → data: 45 of 60 samples",
        "kept → over the ratio: 15 of 60 samples",
        "as sampled → kept: 60 of 100 samples",
        "as sampled → wrong: 30 of 100 samples",
        "as sampled → too long: 10 of 100 samples",
    ]
    assert [*texts(root)] == [
        *("as sampled 100", "kept 60", "data 45", "over the ratio 15", "wrong 30", "too long 10"),
    ]
    assert root.get("aria-label") == "A title & more"


def test_links_leave_a_bar_without_gap_or_overlap():
    # Bands from "sampled", from its top: 60, 30, 10 of 100, and together its whole height.
    root = draw(FLOWS)
    bands = []
    for path in root.iter(f"{SVG}path"):
        x, y = map(float, re.match(r"M(\S+) ([\d.]+)", path.get("d")).groups())
        if x < 10:
            bands.append((y, float(path.get("stroke-width"))))
    bar = next(bar for bar in root.iter(f"{SVG}rect") if float(bar.get("x")) == 0)
    edge = float(bar.get("y"))
    for y, width in bands:
        assert y - width / 2 == pytest.approx(edge, abs=0.1)
        edge += width
    assert len(bands) == 3
    assert edge == pytest.approx(float(bar.get("y")) + float(bar.get("height")), abs=0.1)


def test_the_rarest_reasons_are_one_and_nothing_is_lost():
    counts = [9, 1, 8, 7, 2, 6, 5, 4]
    flows = [Flow(source="a", target="", count=count, reason=f"reason {i}") for i, count in enumerate(counts)]
    found = texts(draw([Flow(source="a", target="b", count=3), *flows]))
    # The five commonest keep their order; 4 + 2 + 1 = 7 are left.
    assert [*found] == [
        *("a 45", "b 3", "reason 0 9", "reason 2 8", "reason 3 7", "reason 5 6", "reason 6 5", "3 other reasons 7"),
    ]
    assert len(found) == 2 + MAX_REASONS


def test_labels_of_a_column_do_not_overlap():
    flows = [
        each
        for source in range(12)
        for each in (
            Flow(source=f"s{source}", target=f"k{source}", count=1000 if source == 3 else 1),
            Flow(source=f"s{source}", target="", count=1, reason="rare"),
            Flow(source=f"k{source}", target="data", count=1),
        )
    ]
    root = draw(flows)
    columns = {}
    for node in root.iter(f"{SVG}text"):
        columns.setdefault(node.get("x"), []).append(float(node.get("y")))
    assert len(columns) == 3
    for heights in columns.values():
        heights.sort()
        assert all(b - a >= ROW - 0.11 for a, b in pairwise(heights))  # two roundings to 0.1
    assert max(max(heights) for heights in columns.values()) < float(root.get("viewBox").split()[3])


def test_ends_stand_in_the_last_column_and_a_link_passes_the_others():
    # s -> m -> n -> end is three columns long, t -> end one; its link bends at each column that it passes.
    flows = [
        *(Flow(source=a, target=b, count=5) for a, b in (("s", "m"), ("m", "n"), ("n", "end"))),
        Flow(source="t", target="end", count=5),
    ]
    root = draw(flows)
    places = texts(root)
    assert places["end 10"][0] == max(x for x, _ in places.values())
    assert places["t 5"][0] == places["s 5"][0]
    assert places["t 5"][1] > places["end 10"][1]
    assert [path.get("d").count("C") for path in root.iter(f"{SVG}path")] == [1, 1, 1, 3]


def test_a_long_label_is_cut_and_its_title_is_not():
    name = "a reason of so many words that no column has the room for it"
    root = draw([*FLOWS, Flow(source="kept", target="", count=1, reason=name)])
    assert any(text.endswith("… 1") for text in texts(root))
    assert f"kept → {name}: 1 of 61 samples" in titles(root)


def test_nothing_flows():
    assert draw_flows([], labels={}, unit="samples", title="t") is None
    assert draw_flows([Flow(source="a", target="b", count=0)], labels={}, unit="samples", title="t") is None
