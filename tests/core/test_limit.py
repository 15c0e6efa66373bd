"""Limit rows: dates, operators, open slots, rows of the user."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from qingshan.core.errors import DeclarationError, MissingParameter, OutOfBounds, UnknownName
from qingshan.core.limit import first_day, last_day, limit_table, read_limits
from qingshan.core.reading import reading
from qingshan.observe.evaluate.editions import NoRowInForce, RefusedRow, RuleSet, on_day, pieces

HEADER = "item,operator,value,unit,edition,valid_from,valid_to,clause,source,status\n"
DECLARED = {"item": "item"}


def written(tmp_path: Path, *lines: str):
    path = tmp_path / "t.csv"
    path.write_text(HEADER + "\n".join(lines) + "\n", encoding="utf-8")
    return read_limits(path, "t", DECLARED)


def test_dates_of_any_length() -> None:
    assert (first_day("2011"), last_day("2011")) == ("2011-01-01", "2011-12-31")
    assert (first_day("2024-02"), last_day("2024-02"), last_day("2023-02")) == (
        "2024-02-01",
        "2024-02-29",
        "2023-02-28",
    )
    assert last_day("2100-02") == "2100-02-28"


def test_a_row_is_exact_and_in_force_on_its_days(tmp_path: Path) -> None:
    (row,) = written(tmp_path, "TP,<=,0.05,mg/L,X,2011,2020-06,表1,paper,primary")
    assert row.value == Decimal("0.05") and row.sign == "<= 0.05 mg/L" and row.where == "t.csv:2"
    assert row.holds(Decimal("0.05")) and not row.holds(Decimal("0.0500001"))
    assert [row.in_force(d) for d in ("2010-12-31", "2011-01-01", "2020-06-30", "2020-07-01")] == [
        False,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize(
    "line",
    [
        "TP,<=,0.05,mg/L,X,2011,,表1,paper,certain",
        "TP,<=,0.05,mg/L,X,01/02/2011,,表1,paper,primary",
        "TP,<=,0.05,mg/L,X,2012,2011,表1,paper,primary",
        "TP,<=,0.05,mg/L,X,2011,,表1,,primary",
        "TP,<=,0.05,mg/L,X,2011,,表1,paper",
        "TP,<=,0.05,mg/L,X,2011,,表1,paper,primary,more",
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, line: str) -> None:
    with pytest.raises(DeclarationError, match=r"t\.csv:2"):
        written(tmp_path, line)


def test_words_compare_nothing_and_an_open_row_has_no_value(tmp_path: Path) -> None:
    words, opened = written(tmp_path, "odour,,none,1,X,2011,,表1,paper,primary", "TP,<=,0.05,mg/L,X,2011,,表1,,open")
    assert words.value is None and opened.value is None
    for row in (words, opened):
        with pytest.raises(DeclarationError):
            row.holds(Decimal(1))


def rows(tmp_path: Path, *lines: str) -> RuleSet:
    made = written(tmp_path, *(f"{line},2020-01-01,,note,mine,project" for line in lines))
    return RuleSet(rows={"drinking_source_items": made})


def test_local_rows_stand_beside_the_national_ones(tmp_path: Path) -> None:
    """Local limits need an edition of their own; they never overwrite national rows."""
    table = limit_table("drinking_source_items")
    local = rows(tmp_path, "Mn,<=,0.05,mg/L,DB52").table("drinking_source_items")
    assert len(local.rows) == len(table.rows) + 1 and {r.edition for r in local.find("Mn")} == {"GB 3838-2002", "DB52"}
    with pytest.raises(DeclarationError, match="already printed"):
        rows(tmp_path, "Mn,<=,0.05,mg/L,GB 3838-2002").table("drinking_source_items")


def test_rows_are_chosen_by_the_day_and_refused_by_their_status() -> None:
    plain, leave = RuleSet(), RuleSet(allow_secondary=True)
    asked = ("air_limits", date(2025, 1, 1), "PM2.5")
    with pytest.raises(RefusedRow, match="secondary"):
        on_day(plain, *asked, averaging="annual", grade="2")
    (row,) = on_day(leave, *asked, averaging="annual", grade="2")
    assert row.value == 35
    with pytest.raises(NoRowInForce):
        on_day(leave, "air_limits", date(2001, 1, 1), "PM2.5")
    with pytest.raises(MissingParameter, match="open"):
        on_day(leave, "air_data_validity", date(2025, 1, 1), "all")
    with pytest.raises(UnknownName):
        on_day(leave, "air_limits", date(2027, 1, 1), "PM2.5", colour="red")
    with pytest.raises(UnknownName):
        limit_table("no_such_table")


def test_a_period_is_cut_where_the_rows_change() -> None:
    cut = pieces(RuleSet(), "air_limits", date(2026, 1, 1), date(2031, 12, 31), "PM2.5", averaging="annual", grade="2")
    assert [(p.start, p.end, [str(r.value) for r in p.rows]) for p in cut] == [
        (date(2026, 1, 1), date(2026, 2, 28), ["35"]),
        (date(2026, 3, 1), date(2030, 12, 31), ["30"]),
        (date(2031, 1, 1), date(2031, 12, 31), ["25"]),
    ]
    named = RuleSet(editions={"air_limits": "GB 3095-2012"})
    assert (
        len(pieces(named, "air_limits", date(2026, 1, 1), date(2031, 12, 31), "PM2.5", averaging="annual", grade="2"))
        == 1
    )


@pytest.mark.parametrize(
    ("text", "value", "censored", "limit"),
    [
        ("0.050", "0.050", False, None),
        ("0.05L", None, True, "0.05"),
        ("<0.05", None, True, "0.05"),
        ("＜0.05", None, True, "0.05"),
        ("ND(0.05)", None, True, "0.05"),
        ("未检出（0.05）", None, True, "0.05"),
        ("ND", None, True, None),
        ("*", None, False, None),
        ("--", None, False, None),
        ("NA", None, False, None),
        ("1.2e-3", "0.0012", False, None),
    ],
)
def test_readings_as_received(text: str, value: str | None, censored: bool, limit: str | None) -> None:
    found = reading(text)
    assert found.value == (Decimal(value) if value else None) and found.censored is censored
    assert found.detection_limit == (Decimal(limit) if limit else None)
    assert found.missing is (value is None and not censored)


@pytest.mark.parametrize("text", ["0,05", "7.5 mg/L", "L", "<", "1..2", "NaN1"])
def test_a_text_that_is_nothing_is_refused(text: str) -> None:
    with pytest.raises(OutOfBounds, match="no number"):
        reading(text)
