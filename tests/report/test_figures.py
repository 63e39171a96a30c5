import math
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import matplotlib
import pytest

from r1kit.report.figures import accuracy_chart, charts, family_chart, reference_kl_chart
from r1kit.report.metrics import read_metrics
from r1kit.report.plot import MAX_POINTS, Line, draw, moving_mean, spread, thin, window

from .synthetic import write_run

SVG = "{http://www.w3.org/2000/svg}"


def texts(svg: str) -> list[str]:
    return ["".join(node.itertext()) for node in ET.fromstring(svg).iter(f"{SVG}text")]


def test_a_run_gets_every_figure_that_it_has_values_for(tmp_path: Path):
    made = charts(read_metrics(write_run(tmp_path) / "metrics.jsonl"))
    assert [chart.name for chart in made] == [
        "accuracy",
        "length",
        "reward",
        "behaviour",
        "family",
        "entropy",
        "kl-sampler",  # and no KL to a reference that was never held
    ]
    for chart in made:
        ET.fromstring(chart.svg)  # well-formed
        assert 2_000 < len(chart.svg) < 60_000
        assert "training step" in texts(chart.svg)
    assert charts([]) == []


def test_figure_2_names_k_and_the_problems_and_ends_at_the_last_value():
    rows = [
        {"step": step, "eval/pass_at_1": value, "eval/cons_at_k": value + 0.2, "eval/k": 16, "eval/num_problems": num}
        for step, value, num in ((0, 0.156, 128), (10, 0.4, 64), (20, 0.71, 128))
    ]
    chart = accuracy_chart(rows)
    assert chart is not None
    assert "mean over 16 samples" in chart.caption
    assert "64 or 128 held-out problems" in chart.caption
    assert {"71.0 %", "91.0 %", "pass@1", "cons@16", "problems answered right"} <= set(texts(chart.svg))


def test_the_band_is_one_standard_error_wide():
    # Two horizontal lines 0.2 apart with errors of 0.1 and 0.05: in pixels, the bands' heights are 0.2 and 0.1, that
    # is, the distance of the lines and half of it.
    lines = [
        Line(label="a", steps=[0, 1], values=[0.4, 0.4], errors=[0.1, 0.1]),
        Line(label="b", steps=[0, 1], values=[0.6, 0.6], errors=[0.05, 0.05]),
    ]
    svg = draw("bands", lines, ylabel="y", share=True)
    assert svg is not None
    root = ET.fromstring(svg)
    points = {
        id(path): [(float(x), float(y)) for x, y in re.findall(r"[ML] (\S+) (\S+)", path.get("d", ""))]
        for path in root.iter(f"{SVG}path")
    }
    bands = [points[id(path)] for path in root.iter(f"{SVG}path") if path.get("id") and len(points[id(path)]) > 3]
    heights = [max(y for _, y in band) - min(y for _, y in band) for band in bands]
    curves = [points[id(p)] for p in root.iter(f"{SVG}path") if "stroke-width: 2" in p.get("style", "")]
    ys = sorted({curve[0][1] for curve in curves if curve[-1][0] - curve[0][0] > 100})
    assert heights == pytest.approx([ys[-1] - ys[0], (ys[-1] - ys[0]) / 2], abs=0.05)


def test_the_reference_kl_is_drawn_where_there_is_one():
    chart = reference_kl_chart([{"step": step, "train/kl_to_reference": step / 100} for step in range(1, 4)])
    assert chart is not None
    assert "nats a token" in texts(chart.svg)


def test_families_beyond_the_palette_are_counted_not_drawn():
    rows = [{"step": s, **{f"train/accuracy/family{i}": 0.5 for i in range(9)}} for s in (1, 2)]
    chart = family_chart(rows)
    assert chart is not None
    assert "The first 6 by name; 3 more" in chart.caption
    assert [text for text in texts(chart.svg) if text.startswith("family")] == [f"family{i}" for i in range(6)]


def test_names_are_text_never_markup_or_mathematics():
    name = '<script>$x_1$ "&'
    svg = draw("odd", [Line(label=name, steps=[0, 1], values=[1, 2])] * 2, ylabel="y", share=False)
    assert svg is not None
    assert name in texts(svg)
    assert "<script" not in svg


def test_nothing_is_fetched_and_the_page_chooses_font_and_colours():
    svg = draw("plain", [Line(label="a", steps=[1, 2, 3], values=[1, 2, 3], smooth=True)], ylabel="y", share=False)
    assert svg is not None
    assert svg.startswith("<svg")
    urls = set(re.findall(r"https?://[^\"' ]+", svg))
    assert urls == {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}  # names of XML, not addresses
    assert "DejaVu" not in svg
    assert "var(--series-1, #0072b2)" in svg
    assert not re.search(r"(?<!, )#0072b2", svg)


def test_a_small_value_keeps_its_digits():
    svg = draw("kl", [Line(label="a", steps=[1, 2], values=[1e-4, 2.5e-4])], ylabel="nats", share=False)
    assert svg is not None
    assert "0.00025" in texts(svg) or "0.000250" in texts(svg)


def test_one_point_constant_and_all_zero_lines_are_drawn():
    for values in ([0.5], [0.0, 0.0], [1.0, 1.0]):
        svg = draw("flat", [Line(label="a", steps=range(len(values)), values=values)], ylabel="y", share=True)
        assert svg is not None
        assert f"{100 * values[-1]:.1f} %" in texts(svg)


def test_a_long_series_stays_small():
    values = [math.sin(i / 50) for i in range(20_000)]
    svg = draw("long", [Line(label="a", steps=range(20_000), values=values, smooth=True)], ylabel="y", share=False)
    assert svg is not None
    assert len(svg) < 20_000


def test_drawing_is_repeatable_and_leaves_matplotlibs_settings_alone():
    before = dict(matplotlib.rcParams)
    line = Line(label="a", steps=[1, 2], values=[1, 2])
    assert draw("same", [line], ylabel="y", share=False) == draw("same", [line], ylabel="y", share=False)
    assert dict(matplotlib.rcParams) == before


def test_moving_mean_and_thinning_by_hand():
    assert window(80) == 9
    assert window(10) == 5
    # windows of 5: (0,3,6), (0,3,6,3), all of the first five, ...
    assert moving_mean([0, 3, 6, 3, 0, 3]) == [3.0, 3.0, 2.4, 3.0, 3.0, 2.0]
    assert thin([1.0, 2.0]) == [1.0, 2.0]
    assert thin(list(range(2 * MAX_POINTS)))[:2] == [0.5, 2.5]
    assert len(thin(list(range(2 * MAX_POINTS + 1)))) <= MAX_POINTS


def test_end_labels_keep_apart_below_the_top():
    assert spread([0.0, 9.0, 9.5], gap=1.0, top=10.0) == [0.0, 9.0, 10.0]
    assert spread([10.0, 10.0, 10.0], gap=1.0, top=10.0) == [8.0, 9.0, 10.0]
    assert spread([3.0, 1.0, 1.5], gap=1.0, top=10.0) == [3.0, 1.0, 2.0]


def test_more_lines_than_colours_are_all_drawn_and_none_looks_like_another():
    lines = [Line(label=f"part {i}", steps=[1, 2], values=[i, i + 1]) for i in range(15)]
    svg = draw("many", lines, ylabel="y", share=False)
    assert {f"part {i}" for i in range(15)} <= set(texts(svg))
    curves = re.findall(r'<path d="M [^"]*" clip-path="[^"]*" style="([^"]*series[^"]*)"', svg)
    assert len(curves) == len(set(curves)) == 15
