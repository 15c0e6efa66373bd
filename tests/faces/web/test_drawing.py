"""Drawn areas, class limits, ticks and charts, on figures small enough to check by hand."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingshan.faces.web.charts import Chart, Series
from qingshan.faces.web.geometry import WIDTH, drawing_of, mesh, neighbours
from qingshan.faces.web.names import bare, shortened
from qingshan.faces.web.page import Table
from qingshan.faces.web.scale import dots, limits, ranks, shade, ticks


def square(code: str, x: float, y: float) -> dict[str, object]:
    ring = [[x, y], [x + 1, y], [x + 1, y + 1], [x, y + 1], [x, y]]
    return {"type": "Feature", "properties": {"code": code}, "geometry": {"type": "Polygon", "coordinates": [ring]}}


def points(path: str) -> list[tuple[float, float]]:
    """Absolute points of a relative path, read by the rules of SVG."""
    found: list[tuple[float, float]] = []
    for part in re.findall(r"M([^Mz]*)", path):
        numbers = [float(n) for n in re.findall(r"-?\d*\.?\d+", part)]
        x, y = numbers[:2]
        found.append((x, y))
        for dx, dy in zip(numbers[2::2], numbers[3::2], strict=True):
            x, y = x + dx, y + dy
            found.append((x, y))
    return found


def test_squares_side_by_side_fill_the_canvas() -> None:
    drawing = drawing_of([square("a", 0, 0), square("b", 1, 0)])
    assert drawing is not None
    # two degrees of longitude on the canvas' width, so one square is half as wide
    assert points(drawing.areas["a"].path) == [(0, 500), (500, 500), (500, 0), (0, 0)]
    assert drawing.areas["b"].middle == (750.0, 250.0)
    assert drawing.height == pytest.approx(500, abs=1)


@given(st.lists(st.tuples(st.floats(100, 110), st.floats(20, 30)), min_size=4, max_size=30, unique=True))
def test_paths_end_where_the_ring_ends(ring: list[tuple[float, float]]) -> None:
    closed = [list(p) for p in [*ring, ring[0]]]
    drawing = drawing_of([{"properties": {"code": "a"}, "geometry": {"type": "Polygon", "coordinates": [closed]}}])
    assert drawing is not None
    if "a" not in drawing.areas:
        return  # smaller than a point of the canvas
    drawn = points(drawing.areas["a"].path)
    kept = [(x / 2, y / 2) for x, y in drawing.rings["a"][0][:-1]]
    assert [n for point in drawn for n in point] == pytest.approx([n for point in kept for n in point])
    assert all(-1 <= x <= WIDTH + 1 for x, _ in drawn)


def test_the_line_between_groups_is_the_shared_edge() -> None:
    drawing = drawing_of([square("a", 0, 0), square("b", 1, 0), square("c", 2, 0)])
    assert drawing is not None
    between, outline = mesh(drawing, lambda code: "west" if code in "ab" else "east")
    assert [x for x, _ in points(between)] == pytest.approx([2 * WIDTH / 3] * 2, abs=0.5)
    assert len(set(points(outline))) == 8
    assert neighbours(drawing)["b"] == {"a", "c"}


def test_no_features_no_drawing() -> None:
    assert drawing_of([]) is None


def test_class_limits_are_round_and_inside() -> None:
    values = [340.0 + 4 * i for i in range(88)]
    between = limits(values)
    assert len(between) == 5
    assert all(340 < b < 688 and b % 5 == 0 for b in between)
    assert [shade(340, between), shade(688, between), shade(None, between)] == [1, 6, 0]


@given(st.lists(st.floats(-1e9, 1e9), max_size=60))
def test_limits_rise_and_shades_follow_values(values: list[float]) -> None:
    between = limits(values)
    assert between == sorted(set(between))
    shades = [shade(v, between) for v in sorted(values)]
    assert shades == sorted(shades)
    assert all(1 <= s <= 6 for s in shades)


@given(st.floats(-1e6, 1e6), st.floats(0, 1e6))
def test_ticks_cover_the_values(low: float, reach: float) -> None:
    marks = ticks(low, low + reach)
    slack = 1e-6 + 1e-9 * reach  # a mark may miss the end by a billionth of its step: no eye sees it
    assert marks[0] <= low + slack
    assert marks[-1] >= low + reach - slack
    assert len(marks) <= 9


def test_one_dot_for_each_place() -> None:
    pairs = [(str(i), float(i % 7)) for i in range(88)]
    made = dots(pairs, 0, 6, 688, [2.0, 4.0], chosen="3")
    assert {d.code for d in made} == {str(i) for i in range(88)}
    assert len({(d.x, d.y) for d in made}) == 88
    assert [d.code for d in made if d.chosen] == ["3"]


def test_equal_values_share_the_better_rank() -> None:
    assert ranks([("a", 5), ("b", 7), ("c", 5), ("d", 1)]) == {"a": 2, "b": 1, "c": 2, "d": 4}


def chart(*values: float | None) -> Chart:
    table = Table("t", "表", "table", (), [])
    return Chart(
        "c", "columns", tuple(str(i) for i in range(len(values))), (Series("s", values, "line"),), "mm", "en", table
    )


def test_a_gap_in_a_line_is_dashed_and_never_filled() -> None:
    line = chart(1.0, 2.0, None, 4.0).drawing(600)["lines"][0]
    assert len(re.findall("M", line["gaps"])) == 1
    assert len(re.findall("[ML]", line["solid"])) == 2


def test_bars_start_at_zero() -> None:
    assert chart(30.0, 40.0).description()["low"] == 0.0


@pytest.mark.parametrize(
    ("name", "lang", "short"),
    [
        ("黔东南苗族侗族自治州", "zh", "黔东南"), ("道真仡佬族苗族自治县", "zh", "道真"), ("六枝特区", "zh", "六枝"), ("息县", "zh", "息县"),
        ("Qiandongnan Miao and Dong Autonomous Prefecture", "en", "Qiandongnan"), ("Nanming District", "en", "Nanming"),
        ("Small Valley", "en", "Small Valley"),
    ],
)  # fmt: skip
def test_short_names(name: str, lang: str, short: str) -> None:
    assert shortened(name, lang) == short


def test_bare_names() -> None:
    assert bare("常住人口（普查）") == "常住人口"
    assert bare("resident population, census") == "resident population"


def test_on_a_phone_long_names_take_two_lines_and_bars_stand_clear_of_their_scale() -> None:
    table = Table("t", "表", "table", (), [])
    names = ("Castanopsis sclerophylla", "Pinus", "无空格的很长很长很长很长的名字")
    lying = Chart("c", "bars", names, (Series("s", (3.0, 2.0, 1.0), "bar", "nature"),), "t C", "en", table).drawing(358)
    said = [(w["word"], w["y"]) for w in lying["words"] if w["anchor"] == "start"]
    assert [w for w, _ in said] == ["Castanopsis", "sclerophylla", "Pinus", names[2]]
    assert said[1][1] - said[0][1] == 13 and sum(y for _, y in said[:2]) / 2 == 19  # about the middle of the row of 30
    wide = Chart("c", "bars", names[:1], (Series("s", (3.0,), "bar", "nature"),), "t C", "en", table).drawing(600)
    assert [w["word"] for w in wide["words"] if w["anchor"] == "start"] == [names[0]]
    for width, count in ((358, 3), (600, 12)):
        columns = Chart(
            "c",
            "columns",
            tuple(map(str, range(count))),
            (Series("s", (650.0,) * count, "bar", "nature"),),
            "株/hm2",
            "en",
            table,
        )
        drawn = columns.drawing(width)
        bars = drawn["bars"]
        assert bars[0]["x"] >= 6.8 * 3 + 6 - 1 and bars[-1]["x"] + bars[-1]["w"] <= width  # "600": three digits
