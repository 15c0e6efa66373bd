"""AQI: E2-E4 of the monitoring specification, the traps of its section 11, and invariants."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingshan.core.reading import reading
from qingshan.observe.evaluate.aqi import air_index, iaqi
from qingshan.observe.evaluate.editions import RuleSet

PLAIN = RuleSet()
DAYS = {"12": date(2025, 7, 1), "26": date(2026, 7, 1)}
UNITS = {"CO": "mg/m3"}


def index_of(edition: str, pollutant: str, averaging: str, text: str):
    return iaqi(PLAIN, DAYS[edition], (pollutant, averaging), reading(text), UNITS.get(pollutant, "ug/m3"))


@pytest.mark.parametrize(
    ("pollutant", "averaging", "value", "old", "new"),
    [  # E2
        ("PM2.5", "24h", "60", 82, 100),
        ("PM2.5", "24h", "60.5", 82, 100),
        ("PM2.5", "24h", "61.5", 84, 102),
        ("PM2.5", "24h", "75", 100, 114),
        ("PM2.5", "24h", "87", 115, 125),
        ("PM10", "24h", "120", 85, 100),
        ("PM10", "24h", "150", 100, 112),
        ("SO2", "24h", "150", 100, 100),  # a public package has 50 here (section 11, trap 1)
        ("SO2", "24h", "300", 124, 124),
        ("NO2", "24h", "81", 101, 101),
        ("NO2", "24h", "0", 0, 0),
        ("CO", "24h", "2.05", 50, 50),
        ("CO", "24h", "2.15", 55, 55),
        ("O3", "8h", "190", 128, 128),
        ("SO2", "1h", "801", "use_24h", 200),
        ("O3", "8h", "801", "use_1h", 300),
        ("PM2.5", "24h", "501", "beyond_table", "beyond_table"),
    ],
)
def test_iaqi_of_both_editions(pollutant: str, averaging: str, value: str, old: int | str, new: int | str) -> None:
    for edition, expected in (("12", old), ("26", new)):
        found = index_of(edition, pollutant, averaging, value)
        if isinstance(expected, int):
            assert found.index == expected
        else:
            assert found.index is None and expected in {n.code for n in found.notes}


def test_pm_of_an_hour_uses_the_daily_breakpoints() -> None:
    assert index_of("26", "PM2.5", "1h", "87").index == 125


E3 = {"PM2.5": "62.5", "PM10": "118.5", "SO2": "12", "NO2": "41", "O3": "158", "CO": "0.95"}


def day_of(values: dict[str, str], edition: str, **options):
    given = {(p, "8h" if p == "O3" else "24h"): (reading(v), UNITS.get(p, "ug/m3")) for p, v in values.items()}
    return air_index(PLAIN, DAYS[edition], given, **options)


def test_a_day_in_both_editions() -> None:
    """E3."""
    old, new = day_of(E3, "12"), day_of(E3, "26")
    by_item = [{i.item[0]: (str(i.rounded), i.index) for i in d.items} for d in (old, new)]
    assert by_item[0] == {
        "PM2.5": ("62", 84),
        "PM10": ("118", 84),
        "SO2": ("12", 12),
        "NO2": ("41", 52),
        "O3": ("158", 99),
        "CO": ("1.0", 25),
    }
    assert by_item[1]["PM2.5"] == ("62", 102) and by_item[1]["PM10"] == ("118", 99)
    assert (old.aqi, old.category, old.primary) == (99, "良", ("O3",))
    assert old.missing == (("O3", "1h"),)
    assert (new.aqi, new.category, new.primary, new.missing) == (102, "轻度污染", ("PM2.5",), ())
    assert new.edition == "HJ 633-2026" and new.result().n_valid == new.result().n_required == 6


def test_a_missing_item_hides_an_index_that_is_not_above_100() -> None:
    """E4 (HJ 633-2026 5.3.1), and the exemption of 5.3.2."""
    without = {p: v for p, v in E3.items() if p != "O3"}
    assert day_of(without, "26").aqi == 102
    mild = without | {"PM2.5": "40"}
    hidden = day_of(mild, "26")
    assert hidden.aqi is None and hidden.text == "NA" and hidden.category == ""
    assert {i.item[0]: i.index for i in hidden.items}["PM2.5"] == 60
    assert {i.item[0]: i.index for i in hidden.items}["PM10"] == 99
    assert day_of(mild, "26", exempt=["O3"]).aqi == 99


def test_above_the_table_is_never_good() -> None:
    """Section 11, trap 2: a public project returned AQI 0 (优) above the last breakpoint."""
    found = day_of(E3 | {"PM2.5": "501"}, "26")
    assert found.beyond and found.aqi is None and found.text == "beyond_table"
    assert found.category == "严重污染" and found.primary == ("PM2.5",)


def test_ties_are_primary_together_and_exceeding_is_of_2012_only() -> None:
    same = {"PM2.5": "75", "PM10": "150", "SO2": "12", "NO2": "20", "O3": "90", "CO": "1"}
    assert day_of(same, "12").primary == ("PM10", "PM2.5")
    assert day_of(same | {"PM2.5": "76"}, "12").exceeding == ("PM2.5",)
    assert day_of(same | {"PM2.5": "76"}, "26").exceeding == ()


def test_the_edition_turns_over_between_28_february_and_1_march_2026() -> None:
    given = {("PM2.5", "24h"): (reading("60"), "ug/m3")}
    assert air_index(PLAIN, date(2026, 2, 28), given).items[0].index == 82
    assert air_index(PLAIN, date(2026, 3, 1), given).items[0].index == 100


def test_carbon_monoxide_in_either_unit() -> None:
    """Section 11, trap 9: CO in ug/m3 in one data set and mg/m3 in another."""
    item = ("CO", "24h")
    assert iaqi(PLAIN, DAYS["26"], item, reading("2150"), "ug/m3").index == 55
    assert iaqi(PLAIN, DAYS["26"], item, reading("2.15"), "mg/m3").index == 55


ITEMS = st.sampled_from(
    [
        ("PM2.5", "24h", 500),
        ("PM10", "24h", 600),
        ("SO2", "24h", 2620),
        ("NO2", "24h", 940),
        ("O3", "8h", 800),
        ("O3", "1h", 1200),
    ]
)


@given(ITEMS, st.integers(0, 10**6), st.integers(0, 10**6), st.sampled_from(["12", "26"]))
def test_iaqi_is_monotone(item: tuple[str, str, int], a: int, b: int, edition: str) -> None:
    pollutant, averaging, last = item
    low, high = sorted((Decimal(a) * last / 10**6, Decimal(b) * last / 10**6))
    first, second = (
        index_of(edition, pollutant, averaging, f"{low:f}"),
        index_of(edition, pollutant, averaging, f"{high:f}"),
    )
    assert first.index is not None and second.index is not None and first.index <= second.index


@given(ITEMS, st.integers(0, 10**6), st.sampled_from(["12", "26"]))
def test_iaqi_has_no_jump(item: tuple[str, str, int], a: int, edition: str) -> None:
    """One unit of concentration moves it by the steepest segment (100 index points over 60 ug/m3 and less) plus rounding."""
    pollutant, averaging, last = item
    value = a * (last - 1) // 10**6
    here, next_ = (index_of(edition, pollutant, averaging, str(v)).index for v in (value, value + 1))
    assert here is not None and next_ is not None and 0 <= next_ - here <= 3
