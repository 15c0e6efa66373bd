"""A network evaluated from the store: E8 (Guizhou sections, April 2021) and the Beijing station, any order, any chunks."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, datetime, timedelta

import polars as pl
import pytest

from qingshan.core.errors import OutOfBounds
from qingshan.core.reading import reading
from qingshan.observe.evaluate.air_network import evaluate_air
from qingshan.observe.evaluate.classes import Grader, classify
from qingshan.observe.evaluate.editions import RuleSet, named_rule_set
from qingshan.observe.evaluate.network import agreement, evaluate_water, usable_rows
from qingshan.observe.evaluate.standing import standing
from qingshan.observe.series.model import Network
from qingshan.observe.series.store import Observations
from qingshan.zone.zone import open_zone

RULES = named_rule_set("surface_water")


@pytest.fixture(scope="module")
def sections(shared_monitoring, tmp_path_factory):
    """The store with the sections loaded, as (rows, series, sites)."""
    store = Observations(open_zone("guizhou"), tmp_path_factory.mktemp("home"))
    store.load("water_auto", shared_monitoring("guizhou_water_sections_2021-04-01_05.csv"), strict=False)
    return store.scan("water_auto").collect(), store.series("water_auto"), store.sites("water_auto")


def test_guizhou_sections(sections) -> None:
    """E8 by keys: the file has 10 duplicate keys, of which 9 were comparable, and the store holds a key once, in its
    latest version: 1,014 - 9 = 1,005 compared, the same 3 disagree (`test_guizhou_rows` has the rows)."""
    rows, series, sites = sections
    lakes = sites.filter(pl.col("water_body_type") == "lake_reservoir")["id"].to_list()
    assert set(lakes) == {"万峰湖(万峰湖湖心)", "花鱼洞", "贵铝泵房"}
    found = agreement(evaluate_water("water_auto", rows.lazy(), series, sites, RULES))
    assert (found.compared, found.agree) == (1005, 1002)
    assert {(d.site, d.at) for d in found.disagreements} == {
        ("花鱼洞", datetime(2021, 4, 3, 0)),
        ("蔗香北", datetime(2021, 4, 2, 16)),
        ("蔗香南", datetime(2021, 4, 5, 12)),
    }
    assert all(d.why.code == "value_on_limit" and "TP" in d.why.en for d in found.disagreements)


def test_guizhou_rows(rows_of) -> None:
    """E8 row by row: all sections as rivers 969 of 1,014; with the three lake sections 1,011."""
    grader = Grader(RULES, "surface_water", date(2021, 4, 1))
    fields = {"pH": "ph", "DO": "do_mg_l", "CODMn": "codmn_mg_l", "NH3-N": "nh3n_mg_l", "TP": "tp_mg_l"}
    lakes = {"万峰湖(万峰湖湖心)", "花鱼洞", "贵铝泵房"}
    compared, rivers, listed = 0, 0, 0
    rows = rows_of("guizhou_water_sections_2021-04-01_05.csv")
    for row in rows:
        readings = {i: (reading(row[f]), "1" if i == "pH" else "mg/L") for i, f in fields.items()}
        if row["wq_class"] in ("", "*", "--") or any(r.missing for r, _ in readings.values()):
            continue
        compared += 1
        kinds = ("river", "lake_reservoir" if row["section"] in lakes else "river")
        found = [
            classify(grader, "water.class", row["section"], readings, body=b, required=tuple(fields)).grade
            for b in kinds
        ]
        rivers += found[0] == row["wq_class"]
        listed += found[1] == row["wq_class"]
    assert (len(rows), compared, rivers, listed) == (1086, 1014, 969, 1011)


def test_the_order_and_the_chunks_do_not_matter(sections) -> None:
    rows, series, sites = sections
    whole = evaluate_water("water_auto", rows.lazy(), series, sites, RULES)
    order = list(range(rows.height))
    random.Random(5).shuffle(order)
    assert evaluate_water("water_auto", rows[order].lazy(), series, sites, RULES) == whole
    days = [rows.filter(pl.col("start").dt.day() == d) for d in range(1, 6)]
    parts = [evaluate_water("water_auto", d.lazy(), series, sites, RULES) for d in days]
    together = sorted((r.site, t, r.grades, r.inputs) for p in parts for r, t in zip(p.results, p.times, strict=True))
    assert together == sorted((r.site, t, r.grades, r.inputs) for r, t in zip(whole.results, whole.times, strict=True))


def test_a_section_of_unknown_kind_and_rows_flagged_bad(sections) -> None:
    rows, series, sites = sections
    one = rows.filter(pl.col("series").str.starts_with("花鱼洞|"))
    blank = sites.with_columns(water_body_type=pl.lit(None, pl.String))
    found = evaluate_water("water_auto", one.lazy(), series, blank, RULES)
    assert "cannot_be_judged" in {r.verdict for r in found.results}
    assert agreement(found).agree < agreement(found).compared
    flags = one.select("series", "start").with_columns(flag=pl.lit(4))
    assert evaluate_water("water_auto", usable_rows(one.lazy(), flags.lazy()), series, sites, RULES).results == ()
    suspect = flags.with_columns(flag=pl.lit(3)).lazy()
    assert evaluate_water("water_auto", usable_rows(one.lazy(), suspect), series, sites, RULES).results
    assert not evaluate_water(
        "water_auto", usable_rows(one.lazy(), suspect, provisional=True), series, sites, RULES
    ).results


def test_means_of_a_month_say_so(sections) -> None:
    rows, series, sites = sections
    month = evaluate_water("water_auto", rows.lazy(), series, sites, RULES, by="month")
    assert len(month.results) == len({r.site for r in month.results}) >= 44
    assert all("period_mean" in {n.code for n in r.notes} for r in month.results)
    assert month.results[0].start == date(2021, 4, 1) and month.results[0].end == date(2021, 4, 30)
    assert {"site", "start", "grade", "verdict", "clause", "status"} <= set(month.frame().columns)
    with pytest.raises(OutOfBounds):
        evaluate_water("water_auto", rows.lazy(), series, sites, RULES, by="hour")


def hourly(pollutants: dict[str, str], hours: int = 48, start: datetime = datetime(2027, 5, 1)):
    """Constant hourly readings of one station."""
    series, rows = [], []
    for property, text in pollutants.items():
        id = f"s|{property}|1h"
        series.append(
            {
                "id": id,
                "site": "s",
                "property": property,
                "averaging": "1h",
                "unit": "mg/m3" if property == "air.co" else "ug/m3",
                "state": "open",
            }
        )
        times = pl.datetime_range(start, start + timedelta(hours=hours), "1h", closed="left", eager=True)
        rows.append(pl.DataFrame({"series": id, "start": times.cast(pl.Datetime("ms")), "value_text": text}))
    frame = pl.concat(rows).with_columns(
        value=pl.col("value_text").cast(pl.Decimal(28, 9)),
        detection_limit=pl.lit(None, pl.Decimal(28, 9)),
        censored=pl.lit(False),
    )
    return frame, pl.DataFrame(series), pl.DataFrame({"id": ["s"], "air_zone": ["2"]})


E3 = {"air.pm25": "62.5", "air.pm10": "118.5", "air.so2": "12", "air.no2": "41", "air.o3": "158", "air.co": "0.95"}


def test_air_by_hour_and_day() -> None:
    """E3 as constant hours: the same index by day once the rule set names the 8 h windows; NA without ozone's."""
    rows, series, sites = hourly(E3)
    chosen = named_rule_set("air.demonstration_percentiles")
    days = evaluate_air("n", rows.lazy(), series, sites, chosen, by="day")
    assert [(r.value, r.grade, r.item) for r in days.results] == [(102, "轻度污染", "PM2.5")] * 2
    plain = evaluate_air("n", rows.lazy(), series, sites, RuleSet(), by="day")
    assert plain.results[0].value == 102 and {"missing_item", "missing_parameter"} <= {
        n.code for n in plain.results[0].notes
    }
    hours = evaluate_air("n", rows.lazy(), series, sites, RuleSet(), by="hour")
    assert len(hours.results) == 48 and hours.results[0].edition == "HJ 633-2026"
    with pytest.raises(OutOfBounds):
        evaluate_air("n", rows.lazy(), series, sites, RuleSet(), by="month")


def test_air_by_year() -> None:
    rows, series, sites = hourly({"air.pm25": "33"}, hours=24 * 365, start=datetime(2027, 1, 1))
    found = {
        r.item: r
        for r in evaluate_air(
            "n", rows.lazy(), series, sites, named_rule_set("air.demonstration_percentiles"), by="year"
        ).results
    }
    assert (found["PM2.5 annual"].value, found["PM2.5 annual"].verdict, found["PM2.5 annual"].n_valid) == (
        33,
        "exceeds",
        365,
    )
    assert (found["PM2.5 P95"].value, found["PM2.5 P95"].verdict) == (33, "meets")


def test_guizhou_air_hour_from_the_store(shared_monitoring, tmp_path) -> None:
    """E10: 19 of 32 equal the published AQI; every other one has ozone (or more) above it."""
    store = Observations(open_zone("guizhou"), tmp_path)
    store.load("air_national", shared_monitoring("guizhou_air_stations_20180220T07.csv"))
    network = "air_national"
    made = evaluate_air(network, store.scan(network), store.series(network), store.sites(network), RuleSet(), by="hour")
    found = agreement(made)
    assert (found.compared, found.agree, len(found.disagreements)) == (32, 19, 13)
    assert all(d.why.code == "item_above_published" and "O3 1h" in d.why.en for d in found.disagreements)


def test_the_page_of_a_site_and_the_evaluation_give_one_class(tmp_path) -> None:
    """TP of one moment by two procedures, 0.15 and 0.23 mg/L: their mean 0.19 is class III of a river (limit 0.2), the last alone IV."""
    at = datetime(2021, 4, 1, 4)
    names = {f"S1|water.tp|instant|{p}": v for p, v in (("a", "0.15"), ("b", "0.23"))}
    rows = pl.DataFrame(
        {
            "series": list(names), "start": [at] * 2, "value_text": list(names.values()), "value": list(names.values()),
            "detection_limit": [None] * 2, "censored": [False] * 2, "published": [None] * 2, "version": [1] * 2, "status": [None] * 2,
        },
        schema_overrides={"detection_limit": pl.Decimal(28, 9), "published": pl.String, "status": pl.String},
    ).with_columns(pl.col("value").cast(pl.Decimal(28, 9)))  # fmt: skip
    series = pl.DataFrame([
        {"id": n, "site": "S1", "property": "water.tp", "averaging": "instant", "unit": "mg/L", "state": ""} for n in names
    ])  # fmt: skip
    site = {"id": "S1", "water_body_type": "river"}
    named = replace(RULES, choices={**RULES.choices, "water.items": "TP"})
    evaluated = evaluate_water("water", rows.lazy(), series, pl.DataFrame([site]), named).results
    network = Network("water", "water", "水", "water", rules="surface_water")
    shown = standing(network, site, rows, RULES).moments
    assert [r.grade for r in evaluated] == [m.result.grade for m in shown] == ["Ⅲ"]
