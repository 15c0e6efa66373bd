"""Attainment of GB 3095: E5, E6 and E10 of the monitoring specification."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from qingshan.core.errors import MissingParameter, OutOfBounds
from qingshan.core.reading import reading
from qingshan.observe.evaluate.air import (
    annual,
    annual_statistics,
    attain,
    check_state,
    daily_max_8h,
    daily_means,
    percentile,
)
from qingshan.observe.evaluate.aqi import iaqi
from qingshan.observe.evaluate.editions import NoRowInForce, RuleSet, named_rule_set, on_day

PLAIN, RESTATED = RuleSet(), RuleSet(allow_secondary=True)
DEMO = named_rule_set("air.demonstration_2026_counts")


@pytest.fixture(scope="module")
def aotizhongxin(rows_of) -> list[tuple[datetime, Decimal | None]]:
    rows = rows_of("PRSA_Data_Aotizhongxin_20130301-20170228.csv")
    return [(datetime(*(int(r[k]) for k in ("year", "month", "day", "hour"))), reading(r["PM2.5"]).value) for r in rows]


def test_annual_validity(aotizhongxin: list[tuple[datetime, Decimal | None]]) -> None:
    """E5: the counts of GB 3095-2026 as a demonstration rule set; limits of 2012 are secondary rows."""
    rules = RuleSet(DEMO.id, allow_secondary=True, editions=DEMO.editions)
    days = daily_means(rules, "PM2.5", aotizhongxin)
    years = {y: annual(rules, "奥体中心", "PM2.5", y, days, "ug/m3") for y in (2014, 2015, 2016)}
    short = years[2014]
    assert (short.verdict, short.n_valid, short.n_required, short.value) == ("insufficient_data", 341, 324, None)
    assert [n.code for n in short.notes] == ["short_month_04", "short_month_12"]
    assert "26 valid days" in short.notes[0].en and "15 valid days" in short.notes[1].en
    # The rows of GB 3095-2012 begin on 2016-01-01, the national date; the earlier dates of single cities were not read. The mean of 2015
    # stands, and has a verdict where the rule set names the edition.
    for year, count, mean, verdict in ((2015, 354, "82.17", "cannot_be_judged"), (2016, 358, "74.42", "exceeds")):
        found = years[year]
        assert found.n_valid == count and found.verdict == verdict
        assert abs(Fraction(found.value) - Fraction(mean)) <= Fraction("0.005")
    named = RuleSet("t", allow_secondary=True, editions={**DEMO.editions, "air_limits": "GB 3095-2012"})
    judged = annual(named, "奥体中心", "PM2.5", 2015, days, "ug/m3")
    assert (judged.verdict, judged.edition, judged.limit) == ("exceeds", "GB 3095-2012", "<= 35 ug/m3")


def test_years_before_2026_have_no_counts_that_were_read(aotizhongxin: list[tuple[datetime, Decimal | None]]) -> None:
    with pytest.raises(MissingParameter, match="GB 3095-2012"):
        daily_means(PLAIN, "PM2.5", aotizhongxin[-48:])


def test_the_order_of_the_hours_does_not_matter(aotizhongxin: list[tuple[datetime, Decimal | None]]) -> None:
    part = aotizhongxin[: 24 * 40]
    assert daily_means(DEMO, "PM2.5", part) == daily_means(DEMO, "PM2.5", part[::-1])
    split = daily_means(DEMO, "PM2.5", part[: 24 * 7]) + daily_means(DEMO, "PM2.5", part[24 * 7 :])
    assert daily_means(DEMO, "PM2.5", part) == split


@pytest.mark.parametrize(
    ("year", "limit", "verdict"),
    [(2025, "<= 35 ug/m3", "meets"), (2027, "<= 30 ug/m3", "exceeds"), (2031, "<= 25 ug/m3", "exceeds")],
)
def test_the_edition_of_the_period_decides(year: int, limit: str, verdict: str) -> None:
    """E6."""
    found = attain(RESTATED, "s", "PM2.5", "annual", "2", date(year, 1, 1), date(year, 12, 31), Decimal(33), "ug/m3")
    assert (found.limit, found.verdict) == (limit, verdict)
    assert found.clause and found.edition and found.status


def test_a_restated_limit_needs_leave_and_2026_has_two_editions() -> None:
    """E6."""
    refused = attain(PLAIN, "s", "PM2.5", "annual", "2", date(2025, 1, 1), date(2025, 12, 31), Decimal(33), "ug/m3")
    assert refused.verdict == "cannot_be_judged" and [n.code for n in refused.notes] == ["refused_row"]
    both = attain(RESTATED, "s", "PM2.5", "annual", "2", date(2026, 1, 1), date(2026, 12, 31), Decimal(33), "ug/m3")
    assert both.verdict == "cannot_be_judged" and [n.code for n in both.notes] == ["edition_boundary"]
    assert [(p.start, p.end, p.edition, p.verdict) for p in both.parts] == [
        (date(2026, 1, 1), date(2026, 2, 28), "GB 3095-2012", "meets"),
        (date(2026, 3, 1), date(2026, 12, 31), "GB 3095-2026", "exceeds"),
    ]


def test_days_around_the_edition_date() -> None:
    """A daily PM2.5 of 70 ug/m3: within 75 on 28 February 2026, above 60 on 1 March."""
    for day, verdict in ((date(2026, 2, 28), "meets"), (date(2026, 3, 1), "exceeds")):
        assert attain(RESTATED, "s", "PM2.5", "24h", "2", day, day, Decimal(70), "ug/m3").verdict == verdict


def test_a_limit_is_met_at_its_value_and_not_one_step_above() -> None:
    day = date(2027, 5, 1)
    for text, verdict in (("60", "meets"), ("60.0000001", "exceeds")):
        assert attain(PLAIN, "s", "PM2.5", "24h", "2", day, day, Decimal(text), "ug/m3").verdict == verdict
    assert attain(PLAIN, "s", "CO", "24h", "2", day, day, Decimal("4001"), "ug/m3").verdict == "exceeds"
    wrong = attain(PLAIN, "s", "CO", "24h", "2", day, day, Decimal("4"), "mg/kg")
    assert wrong.verdict == "cannot_be_judged" and wrong.notes[0].code == "unit"


def test_table_2_items_wait_for_a_decision_of_the_province() -> None:
    """GB 3095-2026 4.5."""
    day = date(2032, 5, 1)
    asked = ("s", "TSP", "24h", "2", day, day, Decimal(200), "ug/m3")
    assert attain(PLAIN, *asked).verdict == "cannot_be_judged"
    assert attain(RuleSet(choices={"air.table2": "applies"}), *asked).verdict == "meets"
    assert attain(PLAIN, "s", "PM2.5", "1h", "2", day, day, Decimal(5), "ug/m3").verdict == "not_applicable"


def test_percentiles_refuse_until_a_rule_set_names_them() -> None:
    hours = [(datetime(2027, 1, 1) + timedelta(hours=h), Decimal(h // 24 % 100)) for h in range(24 * 365)]
    days = daily_means(RESTATED, "PM2.5", hours)
    plain = {r.item: r for r in annual_statistics(RESTATED, "s", "PM2.5", 2027, days, "ug/m3")}
    assert plain["PM2.5 P95"].verdict == "cannot_be_judged" and plain["PM2.5 annual"].verdict == "exceeds"
    chosen = named_rule_set("air.demonstration_percentiles")
    named = {r.item: r for r in annual_statistics(chosen, "s", "PM2.5", 2027, days, "ug/m3")}
    # 0..64 stand four times (260 values), 65..99 thrice; rank 364 x 0.95 = 345.8 falls among the 93s, which hold 344 to 346
    assert named["PM2.5 P95"].value == 93 and named["PM2.5 P95"].verdict == "exceeds"


def test_percentile_by_hand() -> None:
    values = [Fraction(v) for v in (40, 10, 20, 30)]
    assert percentile(values, 90, "linear") == 37  # rank 3 x 0.9 = 2.7: 30 + 0.7 x 10
    assert percentile(values, 90, "nearest_rank") == 40  # rank ceil(3.6) = 4
    with pytest.raises(OutOfBounds):
        percentile(values, 90, "guess")


def test_the_running_8_h_mean_needs_its_convention() -> None:
    hours = [(datetime(2027, 6, 1, h), Decimal(100 if h < 12 else 180)) for h in range(24)]
    with pytest.raises(MissingParameter, match="HJ 663"):
        daily_max_8h(PLAIN, "O3", hours)
    chosen = named_rule_set("air.demonstration_percentiles")
    (day,) = daily_max_8h(chosen, "O3", hours)
    assert day.value == 180 and day.n_valid == 17  # windows that end at 8 ... 24
    gaps = [(t, None if 0 <= t.hour < 20 else v) for t, v in hours]
    assert daily_max_8h(chosen, "O3", gaps)[0].value is None


def test_a_series_at_another_state_is_not_compared() -> None:
    note = check_state("SO2", "ambient")
    assert note and note.code == "reference_state"
    assert (
        check_state("SO2", "reference") is None
        and check_state("PM2.5", "ambient") is None
        and check_state("SO2", "") is None
    )


def test_guizhou_air_hour(rows_of) -> None:
    """E10: PM 1 h on daily breakpoints, 2012 edition; the largest IAQI of the items present against the published AQI."""
    rows = rows_of("guizhou_air_stations_20180220T07.csv")
    day = date(2018, 2, 20)
    fields = {"SO2": "so2", "NO2": "no2", "CO": "co", "O3": "o3", "PM10": "pm10", "PM2.5": "pm2_5"}
    agree, complete, by_particles, without_pm10 = 0, 0, 0, set()
    for row in rows:
        found = {
            p: iaqi(PLAIN, day, (p, "1h"), r, "mg/m3" if p == "CO" else "ug/m3").index
            for p, f in fields.items()
            if not (r := reading(row[f])).missing
        }
        if "PM10" not in found:
            without_pm10.add(row["stationcode"])
        same = max(found.values()) == int(row["aqi"])
        agree += same
        complete += same and len(found) == 6
        if "PM" in row["primarypollutant"] or "颗粒物" in row["primarypollutant"]:
            by_particles += same
    assert (len(rows), agree, complete) == (32, 19, 16)
    assert without_pm10 == {"1445A", "1552A", "1911A", "2577A"}
    assert by_particles == 7


def test_no_row_is_chosen_before_the_first_edition() -> None:
    with pytest.raises(NoRowInForce):
        on_day(RESTATED, "air_limits", date(1999, 1, 1), "PM2.5")
