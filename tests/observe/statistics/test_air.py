"""A year of air on blocks: the worked example E5, a polars oracle, refusals, provisional and official."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from qingshan.core.errors import DeclarationError, MissingParameter
from qingshan.core.limit import limit_table
from qingshan.observe.dense import SCALE
from qingshan.observe.quality.plan import Plan, PlanRow
from qingshan.observe.quality.review import Decision, usable
from qingshan.observe.quality.run import flag_blocks
from qingshan.observe.statistics.air import AirYear, Item, air_year, index_of, widened_year
from qingshan.observe.statistics.rules import Rule, Rules, Validity, validity_of

HOUR = timedelta(hours=1)
GB = "GB 3095-2026"
COUNTS = validity_of(limit_table("air_data_validity").rows, "PM2.5", GB)
OZONE = validity_of(limit_table("air_data_validity").rows, "O3", GB)
POINTS = limit_table("aqi_breakpoints").rows
PM25 = Item("air.pm25", COUNTS, index=index_of(POINTS, "PM2.5", "24h", "HJ 633-2026", 0), share=950)
O3 = Item("air.o3", OZONE, "mda8", index_of(POINTS, "O3", "8h", "HJ 633-2026", 0), 900)
NAMED = {
    "mda8.windows": "ends_in_day",
    "mda8.windows_min": "14",
    "percentile.interpolation": "linear",
    "percentile.values_min": "1",
}
RULES = Rules([Rule(k, v, "2000-01-01", "", "", "test", "project") for k, v in NAMED.items()])


def plan(fail_max: str = "1000", suspect_max: str = "900") -> Plan:
    limits = {"fail_min": "0", "fail_max": fail_max, "suspect_min": "none", "suspect_max": suspect_max}
    return Plan(
        [PlanRow(scope, "gross_range", p, v, "ug/m3", date(2000, 1, 1), None, "test", "project") for scope in ("air.pm25", "air.o3") for p, v in limits.items()]
    )  # fmt: skip


def year_of(source: pl.LazyFrame, items: list[Item], year: int, rules: Rules = RULES, limits: Plan | None = None, size: int = 60,
            decisions: tuple[Decision, ...] = (), official: bool = False) -> AirYear:  # fmt: skip
    names = sorted(source.select(pl.col("series").unique()).collect()["series"])

    def inputs() -> Iterator:
        for block, flags, _ in flag_blocks(source, names, limits or plan(), *widened_year(year), HOUR, size=size):
            yield block, usable(block, flags.flag, decisions)

    return air_year(inputs(), items, rules, year, official=official)


def hourly(values: dict[str, np.ndarray], year: int) -> pl.LazyFrame:
    """Rows of a year of hours; NaN is a row without a value."""
    frames = []
    for name, array in values.items():
        start = pl.datetime_range(
            datetime(year, 1, 1), datetime(year, 1, 1) + (len(array) - 1) * HOUR, HOUR, eager=True, time_unit="ms"
        )
        value = pl.Series(array).fill_nan(None).cast(pl.Decimal(28, 9))
        frames.append(pl.DataFrame({"series": [name] * len(array), "start": start, "value": value}))
    return pl.concat(frames).lazy()


def test_the_counts_are_those_of_table_4() -> None:
    assert Validity(20, None, 27, 25, 324, GB) == COUNTS and OZONE.window == 6 and OZONE.year is None


def test_the_worked_example_e5() -> None:
    path = Path(os.environ.get("QINGSHAN_SHARED", Path(__file__).parents[4] / "shared")) / "data/monitoring"
    path /= "PRSA_Data_Aotizhongxin_20130301-20170228.csv"
    if not path.is_file():
        pytest.skip(f"needs {path.name} of the shared data")
    source = pl.scan_csv(path, null_values=["NA"], schema_overrides={"PM2.5": pl.Float64}).select(
        series=pl.lit("aotizhongxin|air.pm25|1h"),
        start=pl.datetime("year", "month", "day", "hour", time_unit="ms"),
        value=pl.col("PM2.5").cast(pl.Decimal(28, 9)),
    )
    found = {year: year_of(source, [PM25], year, limits=Plan([])) for year in (2014, 2015, 2016)}
    rows = {year: made.years.row(0, named=True) for year, made in found.items()}
    assert [rows[y]["n_days"] for y in rows] == [341, 354, 358] and {r["n_required"] for r in rows.values()} == {324}
    assert [rows[y]["valid"] for y in rows] == [False, True, True]
    months = found[2014].days.filter("valid").group_by(pl.col("day").dt.month()).len().sort("day")["len"]
    assert (months[11], months[3], months[1]) == (15, 26, 26) and rows[2014]["short_months"] == 2
    assert rows[2015]["mean"] == pytest.approx(82.17, abs=0.005) and rows[2016]["mean"] == pytest.approx(
        74.42, abs=0.005
    )


def oracle(source: pl.LazyFrame, year: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Days of PM2.5 and O3 in polars: group_by for means, a rolling sum for 8 h; sums of whole numbers, so exact."""
    whole = source.with_columns(
        v=(pl.col("value") * SCALE).cast(pl.Int64), good=pl.col("value").is_between(0, 900), day=pl.col("start").dt.date()
    ).collect()  # fmt: skip
    good = whole.with_columns(v=pl.when("good").then("v"))
    day = (
        good.filter(pl.col("series").str.contains("pm25")).group_by("series", "day")
        .agg(sum=pl.col("v").sum(), count=pl.col("v").count().cast(pl.UInt8)).sort("series", "day")
    )  # fmt: skip
    grid = good.filter(pl.col("series").str.contains("o3")).select("series", "start", "v").sort("series", "start")
    filled = grid.with_columns(s=pl.col("v").fill_null(0), n=pl.col("v").is_not_null().cast(pl.Int64))
    eight = (
        filled.with_columns(
            sum=pl.col("s").rolling_sum(8, min_samples=1).over("series"), count=pl.col("n").rolling_sum(8, min_samples=1).over("series")
        ).filter(pl.col("count") >= 6).with_columns(day=pl.col("start").dt.date(), mean=pl.col("sum") / pl.col("count"))
        .group_by("series", "day").agg(mean=pl.col("mean").max(), windows=pl.len().cast(pl.UInt8)).sort("series", "day")
    )  # fmt: skip
    return day, eight


def test_blocks_equal_a_polars_oracle() -> None:
    year, lot = 2027, np.random.default_rng(5)
    values = {}
    for i in range(3):
        for kind in ("o3", "pm25"):
            array = lot.integers(0, 1100, 8760).astype(float)
            array[lot.random(8760) < 0.15] = np.nan
            values[f"S{i}|air.{kind}|1h"] = array
    source = hourly(values, year)
    made = year_of(source, [PM25, O3], year, size=2)
    day, eight = oracle(source, year)
    ours = made.days.filter(pl.col("series").str.contains("pm25")).sort("series", "day")
    assert ours.select("series", "day", "sum", "count").equals(day.select("series", "day", "sum", "count"))
    ozone = made.days.filter(pl.col("series").str.contains("o3"), pl.col("windows") > 0).sort("series", "day")
    assert ozone.select("series", "day", "windows").equals(eight.select("series", "day", "windows"))
    assert np.array_equal(ozone["mean"].to_numpy(), eight["mean"].to_numpy() / SCALE)
    means = (
        ours.filter("valid")
        .group_by("series")
        .agg(pl.col("mean").mean(), p=pl.col("mean").quantile(0.95, "linear"))
        .sort("series")
    )
    years = made.years.filter(pl.col("series").str.contains("pm25")).sort("series")
    assert years["mean"].to_numpy() == pytest.approx(means["mean"].to_numpy(), rel=1e-13)
    assert years["percentile"].to_numpy() == pytest.approx(means["p"].to_numpy(), rel=1e-13)
    again = year_of(source, [PM25, O3], year, size=60)
    for name in ("days", "years", "aqi"):
        assert getattr(again, name).sort(pl.all()).equals(getattr(made, name).sort(pl.all()))


def test_what_no_rule_set_names_is_refused_and_the_rest_is_computed() -> None:
    source = hourly({"S|air.o3|1h": np.full(8760, 100.0), "S|air.pm25|1h": np.full(8760, 30.0)}, 2027)
    made = year_of(source, [PM25, O3], 2027, rules=Rules())
    assert set(made.refused) == set(NAMED) and "HJ 663" in made.refused["mda8.windows"].document
    assert made.days["series"].unique().to_list() == ["S|air.pm25|1h"]
    assert made.years["mean"].to_list() == [30.0] and made.years["percentile"].to_list() == [None]
    assert made.aqi["items"].unique().to_list() == [1] and not made.aqi["complete"].any()
    open_row = Rules([Rule("mda8.windows", "ends_in_day", "2000-01-01", "", "", "x", "open")])
    with pytest.raises(MissingParameter, match=r"mda8\.windows"):
        open_row.word("mda8.windows", date(2027, 1, 1))
    with pytest.raises(DeclarationError, match="must be ends_in_day"):
        Rules([Rule("mda8.windows", "any", "2000-01-01", "", "", "x", "project")])
    with pytest.raises(MissingParameter, match="hours"):
        year_of(source, [Item("air.pm25", Validity(edition="GB 3095-2012"))], 2027)


def test_official_needs_a_reviewer_where_provisional_leaves_out() -> None:
    """Two suspect hours in one day: provisional takes the other 22; official refuses the day until both are decided."""
    array = np.full(8760, 30.0)
    array[48:50] = 950.0  # above the suspect limit of 900
    source = hourly({"S|air.pm25|1h": array}, 2027)
    provisional = year_of(source, [PM25], 2027)
    third = provisional.days.row(2, named=True)
    assert provisional.label == "provisional" and (
        third["mean"],
        third["count"],
        third["unresolved"],
        third["valid"],
    ) == (30.0, 22, 2, True)
    official = year_of(source, [PM25], 2027, official=True)
    assert official.label == "official" and official.days.row(2, named=True)["valid"] is False
    assert official.years.row(0, named=True)["valid"] is False and official.years.row(0, named=True)["unresolved"] == 2
    said = tuple(
        Decision("S|air.pm25|1h", datetime(2027, 1, 3, h), word, "fireworks", "wang", "2027-02-01T09:00:00+08:00")
        for h, word in ((0, "valid"), (1, "invalid"))
    )
    decided = year_of(source, [PM25], 2027, official=True, decisions=said)
    third = decided.days.row(2, named=True)
    assert (third["count"], third["valid"], third["unresolved"]) == (23, True, 0)
    assert (
        third["mean"] == pytest.approx((22 * 30 + 950) / 23, rel=1e-15)
        and decided.years.row(0, named=True)["valid"] is True
    )
    old = tuple(Decision(d.series, d.start, d.decision, d.reason, d.author, d.time, version=0) for d in said)
    assert year_of(source, [PM25], 2027, official=True, decisions=old).years.row(0, named=True)["unresolved"] == 2
