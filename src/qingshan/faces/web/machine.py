"""The states and steps of a register as a drawing: states in columns by their distance from the first, steps as arrows with their names."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from qingshan.registers.declaration import Register, State, Transition

__all__ = ["machine_drawn"]

NARROWEST, HIGH = 104.0, 34
BETWEEN, DOWN = 92.0, 92
ARROW = 40.0
LINE = 16
Point = tuple[float, float]
Box = tuple[float, float, float, float]
TRIES = (0.5, 0.42, 0.58, 0.34, 0.66, 0.26, 0.74)


def machine_drawn(
    register: Register, state: str, pick: Callable[[str, str], str], open_: Collection[str] = ()
) -> dict[str, Any]:
    """Nodes (the current one marked), arrows as paths with the place of their names; `open_`: steps that the reader may take now."""
    wide = max(NARROWEST, *(_width(pick(s.zh, s.en)) + 14 for s in register.states))
    columns = _columns(register)
    places = _places(register, columns, _middles(register, columns, wide, pick))
    edges, labels = list[dict[str, Any]](), list[Box]()
    nodes = [_box(p, wide) for p in places.values()]
    over: dict[str, int] = {}
    for step in register.transitions:
        for source in step.source:
            name = pick(step.zh, step.en)
            curve = _curve(places[source], places[step.target], wide, columns[step.target] - columns[source], over)
            label = _free(curve, _width(name), nodes, labels)
            labels.append((label[0] - _width(name) / 2, label[1] - LINE / 2, _width(name), LINE))
            edges.append({"name": name, "curve": curve, "x": label[0], "y": label[1], "open": step.id in open_ and source == state,
                          "from": source, "to": step.target, "said": _said(register, step, source, pick)})  # fmt: skip
    every = [p for e in edges for p in (_at(e["curve"], t / 20) for t in range(21))] + [
        (b[0], b[1]) for b in nodes + labels
    ]
    every += [(b[0] + b[2], b[1] + b[3]) for b in nodes + labels]
    left, top = min(p[0] for p in every) - 8, min(p[1] for p in every) - 8
    width, height = max(p[0] for p in every) + 8 - left, max(p[1] for p in every) + 8 - top
    for e in edges:
        (a, b, c, d) = e.pop("curve")
        e["path"] = "M{:.0f} {:.0f}C{:.0f} {:.0f} {:.0f} {:.0f} {:.0f} {:.0f}".format(
            *(v - o for p in (a, b, c, d) for v, o in zip(p, (left, top), strict=True))
        )
        e["x"], e["y"] = round(e["x"] - left, 1), round(e["y"] - top, 1)
        e["w"] = round(_width(e["name"]), 1)
    drawn = [{"name": pick(s.zh, s.en), "x": round(places[s.id][0] - wide / 2 - left, 1), "y": round(places[s.id][1] - HIGH / 2 - top, 1),
              "here": s.id == state, "w": round(wide, 1), "h": HIGH} for s in register.states]  # fmt: skip
    return {"nodes": drawn, "edges": edges, "width": round(width), "height": round(height)}


def _said(register: Register, step: Transition, source: str, pick: Callable[[str, str], str]) -> str:
    def name(id: str) -> str:
        s: State = register.state_by_id[id]
        return pick(s.zh, s.en)

    return f"{pick(step.zh, step.en)}: {name(source)} → {name(step.target)}"


def _columns(register: Register) -> dict[str, int]:
    """Column of each state: the fewest steps from the first state."""
    depth = {register.states[0].id: 0}
    open_ = [register.states[0].id]
    while open_:
        here = open_.pop(0)
        for t in register.steps_from(here):
            if t.target not in depth:
                depth[t.target] = depth[here] + 1
                open_.append(t.target)
    for s in register.states:
        depth.setdefault(s.id, max(depth.values()) + 1)
    return depth


def _middles(
    register: Register, columns: dict[str, int], wide: float, pick: Callable[[str, str], str]
) -> dict[int, float]:
    """Middle of each column: between two neighbours there is room for the longest name of a step that leads from one to the other."""
    middles = {0: 0.0}
    for column in range(max(columns.values())):
        names = [
            pick(t.zh, t.en)
            for t in register.transitions
            for s in t.source
            if (columns[s], columns[t.target]) == (column, column + 1)
        ]
        middles[column + 1] = middles[column] + wide + max([BETWEEN, *(_width(n) + ARROW for n in names)])
    return middles


def _places(register: Register, columns: dict[str, int], middles: dict[int, float]) -> dict[str, Point]:
    """Middle of each state: in its column; the state that leads on furthest stands on top."""
    leads = {
        s.id: len({t.target for t in register.steps_from(s.id) if columns[t.target] > columns[s.id]})
        for s in register.states
    }
    order = [s.id for s in register.states]
    placed: dict[str, Point] = {}
    for column, x in middles.items():
        here_ = sorted((s for s in columns if columns[s] == column), key=lambda s: (-leads[s], order.index(s)))
        for row, id in enumerate(here_):
            placed[id] = (x, row * DOWN)
    return placed


def _box(p: Point, wide: float) -> Box:
    return p[0] - wide / 2 - 3, p[1] - HIGH / 2 - 3, wide + 6, HIGH + 6


def _curve(a: Point, b: Point, wide: float, across: int, over: dict[str, int]) -> tuple[Point, Point, Point, Point]:
    """A cubic from the edge of one state to that of another: straight on to the right, above where it goes back, below where it jumps."""
    half, high = wide / 2, HIGH / 2
    down = round((b[1] - a[1]) / DOWN)
    if across == 1 or (across > 1 and down != 0):
        middle = (b[0] - a[0] - wide) / 2
        return (a[0] + half, a[1]), (a[0] + half + middle, a[1]), (b[0] - half - middle, b[1]), (b[0] - half, b[1])
    if across == 0:
        over["side"] = over.get("side", 0) + 1
        out = 34.0 + 26 * (over["side"] % 3)
        return (
            (a[0] + half, a[1] + 6),
            (a[0] + half + out, a[1] + 6),
            (b[0] + half + out, b[1] - 6),
            (b[0] + half, b[1] - 6),
        )
    if across > 1:
        over["below"] = over.get("below", 0) + 1
        low = max(a[1], b[1]) + high + 40 + 30 * over["below"]
        return (a[0] + 14, a[1] + high), (a[0] + 14, low), (b[0] - 14, low), (b[0] - 14, b[1] + high)
    over["above"] = over.get("above", 0) + 1
    if down < 0 or a[1] > 0:
        low = max(a[1], b[1]) + high + 34 + 22 * over["above"]
        return (a[0] - 14, a[1] + high), (a[0] - 14, low), (b[0] + 14, low), (b[0] + 14, b[1] + high)
    top = min(a[1], b[1]) - high - 26 - 30 * over["above"]
    return (a[0] - 14, a[1] - high), (a[0] - 14, top), (b[0] + 14, top), (b[0] + 14, b[1] - high)


def _at(curve: tuple[Point, Point, Point, Point], t: float) -> Point:
    weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
    return sum(w * p[0] for w, p in zip(weights, curve, strict=True)), sum(
        w * p[1] for w, p in zip(weights, curve, strict=True)
    )


def _width(name: str) -> float:
    return sum(13.0 if ord(c) > 0x2E80 else 6.6 for c in name) + 6


def _free(curve: tuple[Point, Point, Point, Point], width: float, nodes: list[Box], labels: list[Box]) -> Point:
    """Where on the arrow its name meets no state and no other name; the middle where it is crowded everywhere."""
    for t in TRIES:
        x, y = _at(curve, t)
        box = (x - width / 2, y - LINE / 2, width, LINE)
        if not any(_meet(box, other) for other in (*nodes, *labels)):
            return x, y
    return _at(curve, 0.5)


def _meet(a: Box, b: Box) -> bool:
    return a[0] < b[0] + b[2] and b[0] < a[0] + a[2] and a[1] < b[1] + b[3] and b[1] < a[1] + a[3]
