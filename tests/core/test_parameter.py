"""Parameter rows: editions, open slots, layers, and what a bad table says."""

from __future__ import annotations

from pathlib import Path

import pytest

from qingshan.core.errors import AmbiguousParameter, DeclarationError, MissingParameter, QingshanError
from qingshan.core.parameter import COLUMNS, ParameterRow, Parameters, parse_row, read_rows


def row(**given: str) -> ParameterRow:
    base = {
        "parameter": "water.price",
        "value": "7.06",
        "unit": "元/m3",
        "set": "garze2017",
        "year": "2010",
        "source_title": "paper",
        "status": "primary",
    }
    return parse_row(base | given, "t.csv", 2)


def test_find_picks_the_edition_in_force() -> None:
    old = row(value="1", edition="2012", valid_from="2016-01-01", valid_to="2025-12-31")
    new = row(value="2", edition="2026", valid_from="2026-01-01")
    parameters = Parameters([old, new])
    assert parameters.find("water.price", on="2025-12-31").value == 1
    assert parameters.find("water.price", on="2026-01-01").value == 2
    with pytest.raises(MissingParameter):
        parameters.find("water.price", on="2015-12-31")


def test_an_open_slot_names_the_document() -> None:
    slot = row(value="", status="open", source_title="", document="贵州省各项服务的价格")
    with pytest.raises(MissingParameter, match="贵州省各项服务的价格") as caught:
        Parameters([slot]).find("water.price")
    assert caught.value.document == "贵州省各项服务的价格"
    assert "qingshan fill" in str(caught.value)


def test_a_number_on_an_open_row_is_never_used() -> None:
    slot = row(value="82.18", status="open", note="front end shows 82.18 without a unit")
    assert slot.value is None


def test_a_filled_row_closes_the_slot_and_a_zone_row_replaces() -> None:
    parameters = Parameters([row(value="", status="open", document="d")])
    parameters.add([row(value="8.1")])
    assert parameters.find("water.price").value == 8.1
    parameters.add([row(value="8.2", source_title="zone")])
    assert parameters.find("water.price").value == 8.2


def test_two_published_values_are_ambiguous_until_the_set_is_named() -> None:
    parameters = Parameters([row(), row(value="7.53", set="huanghua2011", year="2011")])
    with pytest.raises(AmbiguousParameter, match=r"7\.06.*7\.53"):
        parameters.find("water.price")
    assert parameters.find("water.price", set="huanghua2011").value == 7.53


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"value": "7,06"}, "not a number"),
        ({"status": "sure"}, "unknown"),
        ({"value": ""}, "not open"),
        ({"source_title": ""}, "no source"),
        ({"unit": "元/桶"}, "桶"),
        ({"low": "8", "high": "9"}, "outside"),
        ({"parameter": ""}, "no parameter id"),
    ],
)
def test_a_bad_row_says_file_line_and_reason(given: dict[str, str], words: str) -> None:
    with pytest.raises(QingshanError) as caught:
        row(**given)
    assert words in str(caught.value)
    assert "t.csv:2" in str(caught.value)


def test_key_follows_content_not_place_in_the_file() -> None:
    a = parse_row({"parameter": "p", "value": "1", "unit": "-", "source_title": "s", "status": "primary"}, "a.csv", 2)
    b = parse_row({"parameter": "p", "value": "1", "unit": "-", "source_title": "s", "status": "primary"}, "b.csv", 9)
    c = parse_row({"parameter": "p", "value": "1", "unit": "-", "source_title": "s", "status": "secondary"}, "a.csv", 2)
    assert a.key == b.key != c.key


def test_reading_a_table(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(",".join(COLUMNS) + "\np,甲,1,,,mm,,,,,,,来源,表1,primary,,\n", encoding="utf-8")
    (only,) = read_rows(path)
    assert (only.parameter, only.cls, only.value, only.line) == ("p", "甲", 1.0, 2)
    path.write_text("value,unit\n1,mm\n", encoding="utf-8")
    with pytest.raises(DeclarationError, match="parameter"):
        read_rows(path)
    path.write_text("parameter,valeu\np,1\n", encoding="utf-8")
    with pytest.raises(DeclarationError, match="valeu"):
        read_rows(path)
