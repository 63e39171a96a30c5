"""A Sankey diagram as one small SVG: how many of what came in went on, and how many ended where, and why.

Columns go from left to right. Each source has a lane of its own: on top what goes on, under it what ends, a line for a
reason. Links run straight beside the labels and bend after them, so that no link crosses a text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, NODE_WIDTH, LAST_LABEL_WIDTH = 1080, 7, 176
BEND_WIDTH = 96
"""Of a gap between columns, the part in which links change their height."""
ROW, LANE_GAP, TOP = 17.0, 16.0, 4.0
"""A line of text, the room between two lanes, and that above the first."""
MAX_THICKNESS = 84.0
"""Of the node with the highest count."""
MIN_THICKNESS = 1.0
MAX_REASONS = 6
"""Drawn of one node; where there are more, the rarest are joined to one."""
CHARACTER_WIDTH = 6.7
"""Of the labels' font, on average and with some room, in the units of the drawing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """So many that go from one node to another."""

    source: str
    target: str
    """Without meaning where there is a reason."""
    count: int
    reason: str = ""
    """Why they end; empty for those that go on."""
    tone: int = 1
    """Number of the page's series colour, from 1; what ends is muted."""


@dataclass(slots=True, kw_only=True)
class _Node:
    """A bar; its height is its count. Links are attached from its top downwards."""

    name: str
    text: str
    count: int
    column: int
    tone: int = 0
    """0 for what ends."""
    y: float = 0.0
    height: float = 0.0
    num_out: int = 0
    num_in: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Link:
    """A flow with the nodes that it passes: source, columns in between, target."""

    flow: Flow
    path: tuple[_Node, ...]


def draw_flows(flows: Sequence[Flow], *, labels: Mapping[str, str], unit: str, title: str) -> str | None:
    """The flows as one `<svg>` element, which takes its colours from the page; None if nothing flows.

    Args:
        flows: In the order in which their sources are drawn from top to bottom. Flows between nodes make no circle.
        labels: Text of a node, where it is not its name.
        unit: What is counted, in the plural.
        title: What the diagram shows, for those who do not see it.
    """
    flows = _joined([flow for flow in flows if flow.count > 0])
    if not flows:
        return None
    nodes = _nodes(flows, labels)
    unit_height = MAX_THICKNESS / max(node.count for node in nodes.values())
    links, bottom = _lay_out(flows, nodes, unit_height)
    step = _step(max(node.column for link in links for node in link.path))
    drawn = [link.path[-1] for link in links if link.flow.reason]
    parts = [_link(link, nodes, unit_height, step, unit) for link in links]
    parts += [_bar(node, step) for node in (*nodes.values(), *drawn)]
    parts += [_text(node, step) for node in (*nodes.values(), *drawn)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom:.0f}" role="group" class="flow" '
        f'aria-label="{escape(title)}" font-family="system-ui, sans-serif" font-size="12.5">{"".join(parts)}</svg>'
    )


def _joined(flows: Sequence[Flow]) -> list[Flow]:
    """The flows, with the rarest reasons of a node as one."""
    by_source: dict[str, list[Flow]] = {}
    for flow in flows:
        by_source.setdefault(flow.source, []).append(flow)
    joined: list[Flow] = []
    for source, own in by_source.items():
        ended = [flow for flow in own if flow.reason]
        if len(ended) <= MAX_REASONS:
            joined += own
            continue
        rare = sorted(ended, key=lambda flow: -flow.count)[MAX_REASONS - 1 :]
        joined += [flow for flow in own if flow not in rare]
        total = sum(flow.count for flow in rare)
        joined.append(Flow(source=source, target="", count=total, reason=f"{len(rare)} other reasons"))
    return joined


def _nodes(flows: Sequence[Flow], labels: Mapping[str, str]) -> dict[str, _Node]:
    """The nodes that something goes on from or to, each in the column after that of the last node before it.

    What nothing goes on from stands in the last column.
    """
    onward = [flow for flow in flows if not flow.reason]
    names = list(dict.fromkeys(name for f in flows for name in ((f.source,) if f.reason else (f.source, f.target))))
    column = dict.fromkeys(names, 0)
    for _ in names:
        for flow in onward:
            column[flow.target] = max(column[flow.target], column[flow.source] + 1)
    last = max(column[flow.source] for flow in flows) + 1
    sources = {flow.source for flow in flows}
    nodes = {}
    for name in names:
        num_in = sum(flow.count for flow in onward if flow.target == name)
        num_out = sum(flow.count for flow in flows if flow.source == name)
        tone = next(flow.tone for flow in flows if name == flow.source or (name == flow.target and not flow.reason))
        nodes[name] = _Node(
            name=name,
            text=labels.get(name, name.replace("_", " ")),
            count=max(num_in, num_out),
            column=column[name] if name in sources else last,
            tone=tone,
        )
    return nodes


def _lay_out(flows: Sequence[Flow], nodes: Mapping[str, _Node], unit_height: float) -> tuple[list[_Link], float]:
    """Give every node its place; returns the links with those of dropped and passing nodes, and the lowest edge."""
    ends: dict[int, float] = {}
    """Column to where its next node may begin."""
    placed: set[str] = set()
    links: list[_Link] = []

    def place(node: _Node) -> _Node:
        node.height = max(node.count * unit_height, MIN_THICKNESS)
        room = max(node.height, ROW)
        top = ends.get(node.column, lane_top)
        node.y = top + (room - node.height) / 2
        ends[node.column] = top + room + (3 if room > ROW else 0)
        return node

    def follow(name: str) -> None:
        placed.add(name)
        place(nodes[name])
        for flow in sorted((flow for flow in flows if flow.source == name), key=lambda flow: bool(flow.reason)):
            source = nodes[name]
            if flow.reason:
                dropped = _Node(name=name, text=flow.reason, count=flow.count, column=source.column + 1)
                links.append(_Link(flow=flow, path=(source, place(dropped))))
                continue
            target = nodes[flow.target]
            between = [
                place(_Node(name=name, text="", count=flow.count, column=column))
                for column in range(source.column + 1, target.column)
            ]
            if flow.target not in placed:
                follow(flow.target)
            links.append(_Link(flow=flow, path=(source, *between, target)))

    targets = {flow.target for flow in flows if not flow.reason}
    lane_top = TOP
    for name in nodes:
        if name not in targets:
            follow(name)
            lane_top = max(ends.values()) + LANE_GAP
            ends.clear()
    return links, lane_top - LANE_GAP + TOP


def _step(last_column: int) -> float:
    """From one column to the next."""
    return (WIDTH - NODE_WIDTH - LAST_LABEL_WIDTH) / last_column


def _link(link: _Link, nodes: Mapping[str, _Node], unit_height: float, step: float, unit: str) -> str:
    """A band from its place at the source to that at the target."""
    flow, source, target = link.flow, link.path[0], link.path[-1]
    width = max(flow.count * unit_height, MIN_THICKNESS)
    heights = [source.y + source.num_out * unit_height + width / 2]
    heights += [node.y + node.height / 2 for node in link.path[1:-1]]
    heights.append(target.y + target.num_in * unit_height + width / 2)
    source.num_out += flow.count
    target.num_in += flow.count
    data = f"M{source.column * step + NODE_WIDTH:.1f} {heights[0]:.1f}"
    for node, before, after in zip(link.path[1:], heights, heights[1:], strict=False):
        end = node.column * step
        bend, middle = end - BEND_WIDTH, end - BEND_WIDTH / 2
        data += f"H{bend:.1f}C{middle:.1f} {before:.1f} {middle:.1f} {after:.1f} {end:.1f} {after:.1f}"
        if node is not target:
            data += f"H{end + NODE_WIDTH:.1f}"
    colour, opacity = (f"var(--series-{flow.tone})", 0.3) if target.tone else ("var(--muted)", 0.22)
    whole = nodes[flow.source]
    words = f"{whole.text} → {flow.reason or target.text}: {flow.count:,} of {whole.count:,} {unit}"
    return (
        f'<path role="img" d="{data}" fill="none" stroke="{colour}" stroke-opacity="{opacity}" '
        f'stroke-width="{width:.2f}"><title>{escape(words)}</title></path>'
    )


def _bar(node: _Node, step: float) -> str:
    colour = f"var(--series-{node.tone})" if node.tone else "var(--muted)"
    return (
        f'<rect x="{node.column * step:.1f}" y="{node.y:.1f}" width="{NODE_WIDTH}" height="{node.height:.1f}" '
        f'fill="{colour}"/>'
    )


def _text(node: _Node, step: float) -> str:
    """The label, to the right of the bar; a long one is cut, its links' titles have the whole."""
    count = f"{node.count:,}"
    room = int((step - BEND_WIDTH) / CHARACTER_WIDTH) - len(count) - 2
    text = node.text if len(node.text) <= room else node.text[: room - 1].rstrip() + "…"
    weight = ' font-weight="600"' if node.tone else ""
    # A band that is lower than the text would strike it through.
    gap = ' stroke="var(--page)" stroke-width="7" stroke-linejoin="round" paint-order="stroke"'
    return (
        f'<text x="{node.column * step + NODE_WIDTH + 6:.1f}" y="{node.y + node.height / 2:.1f}" dy="0.35em" '
        f'fill="var(--{"ink" if node.tone else "muted"})"{gap if node.tone and node.height < ROW else ""}>'
        f"{escape(text)} <tspan{weight}>{count}</tspan></text>"
    )
