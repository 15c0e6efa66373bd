"""Facts: which prints agree, which comes first, what a gap covers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingshan.zone import FactBook, InputFact, Missing
from qingshan.zone.fact import agree


def fact(printed: str = "1", unit: str = "km2", **changes: object) -> InputFact:
    made = InputFact("T1", "2020", "land.grass", float(printed), unit, "草地", "a", "", "secondary", printed=printed)
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (("347.26", "万hm2"), ("5208.93", "万亩"), True),  # 347.262
        (("0.45", "万hm2"), ("6.85", "万亩"), True),  # 0.457: the last digit was adjusted in print
        (("0.45", "万hm2"), ("7.2", "万亩"), False),  # 0.48
        (("20913.25", "亿元"), ("20913.3", "亿元"), True),
        (("20164.58", "亿元"), ("20010.4", "亿元"), False),
        (("53", "count"), ("54", "count"), False),  # a count is exact
        (("53", "%"), ("54", "%"), False),
        (("3479", "万人"), ("34748556", "人"), False),  # 3474.86: year end and census day
        (("5", "km2"), ("5", "t"), False),
    ],
)
def test_agree(one: tuple[str, str], other: tuple[str, str], same: bool) -> None:
    a, b = fact(*one), fact(*other)
    assert agree(a, b) is agree(b, a) is same


@given(st.decimals(min_value=0, max_value=10**6, places=4), st.integers(0, 3), st.integers(0, 3))
def test_two_roundings_of_one_figure_never_conflict(hectares: object, left: int, right: int) -> None:
    figure = float(str(hectares))
    book = FactBook([fact(f"{figure:.{left}f}", "万hm2"), fact(f"{figure * 15:.{right}f}", "万亩")])
    assert book.conflicts() == []


@given(st.integers(1, 10**6), st.integers(2, 50))
def test_figures_apart_by_more_than_their_rounding_conflict(value: int, apart: int) -> None:
    book = FactBook([fact(str(value)), fact(str(value + apart))])
    assert len(book.conflicts()) == 1


def test_find_puts_the_preferred_row_first_then_the_better_status_then_file_order() -> None:
    rows = [
        fact("1", status="ocr_doubt"),
        fact("2", status="secondary", note="first"),
        fact("3", status="secondary", note="second"),
        fact("4", status="news", preferred=True),
        fact("5", status="primary"),
        fact("6", status="primary", period="2021"),
    ]
    book = FactBook(rows)
    assert [f.printed for f in book.find("land.grass", "T1", "2020")] == ["4", "5", "2", "3", "1"]
    assert [f.printed for f in book.series("land.grass", "T1")] == ["4", "5", "2", "3", "1", "6"]
    assert book.find("land.grass", "T2", "2020") == []
    assert book.best("land.grass", "T2", "2020") is None


def test_the_key_is_the_content_and_not_the_line() -> None:
    assert fact().key == fact(file="facts/a.csv", row=7).key
    assert fact().key != fact(unit="hm2").key
    assert fact().key != fact(note="read again").key
    merged = fact(parts=(fact("2"),))
    assert merged.key != fact().key
    assert merged.key == fact(parts=(fact("2", row=9),)).key


@pytest.mark.parametrize(
    ("gap", "period", "covered"),
    [
        ("", "2019", True), ("all", "2019", True), ("yearly", "2019", True), ("2019", "2019", True), ("2019", "2020", False),
        ("2011-", "2010", False), ("2011-", "2011", True), ("2025; 2030", "2030", True), ("2025; 2030", "2026", False),
        ("2019", "", True), ("2011-", "static", False),
    ],
)  # fmt: skip
def test_what_a_gap_covers(gap: str, period: str, covered: bool) -> None:
    missing = Missing("q.a", "", "", "T1", "", gap, "", "document")
    assert missing.covers(period) is covered
