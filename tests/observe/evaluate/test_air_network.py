"""An air network through the dense blocks gives what the work by hand in fractions gives, digit for digit."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from qingshan.core.observed import observed_properties
from qingshan.observe.evaluate.air_frame import DayResults, DayTable
from qingshan.observe.evaluate.air_hand import days_by_hand, years_by_hand
from qingshan.observe.evaluate.air_network import ITEMS, evaluate_air
from qingshan.observe.evaluate.air_source import of_rows, of_store
from qingshan.observe.evaluate.editions import RuleSet, named_rule_set
from qingshan.observe.evaluate.network import Evaluation, labelled, usable_rows
from qingshan.observe.evaluate.verdict import STATUSES, Note, Result, estimate_note, marks
from qingshan.observe.quality.network import check_network, decide, effective_flags
from qingshan.observe.series.store import Observations
from qingshan.zone.zone import builtin_zones, open_zone

CHOSEN = named_rule_set("air.demonstration_percentiles")
RULES = {
    "plain": RuleSet(),
    "by date, secondary allowed": RuleSet(allow_secondary=True, choices=CHOSEN.choices),
    "demonstration": CHOSEN,
    "windows from the day before": RuleSet(
        id="t", allow_secondary=True, editions=CHOSEN.editions,
        choices={"air.percentile": "nearest_rank", "air.percentile_days": "200", "air.mda8_first_end": "1", "air.mda8_windows": "18"},
    ),
}  # fmt: skip
PROPERTIES = {p.symbol: id for id, p in observed_properties().items() if p.domain == "air" and p.symbol in ITEMS}
SCHEMA = {"series": pl.String, "start": pl.Datetime("ms"), "value": pl.Decimal(28, 9), "unresolved": pl.Boolean}


def by_hand(rows: pl.DataFrame, series: pl.DataFrame, rules: RuleSet, by: str) -> list:
    told = series.filter(pl.col("averaging") == "1h").select(
        pl.col("id").alias("series"), "site", "unit", pl.col("property").replace({p: s for s, p in PROPERTIES.items()}).alias("item")
    ).filter(pl.col("item").is_in(ITEMS))  # fmt: skip
    if "unresolved" not in rows.columns:
        rows = rows.with_columns(unresolved=pl.lit(value=False))
    joined = (
        rows.select("series", "start", "value", "unresolved")
        .join(told, on="series")
        .sort("site", "item", "start", "series")
    )
    made = []
    for year in sorted(set(rows["start"].dt.year())):
        if by == "day":
            made += days_by_hand(rules, joined, year)
        else:
            made += [r for _, results in years_by_hand(rules, joined, year, {"S1": "1"}) for r in results]
    return sorted(made, key=lambda r: (r.site, r.item if by == "year" else "", r.start))


def same(made: Evaluation, rows: pl.DataFrame, series: pl.DataFrame, rules: RuleSet) -> None:
    wanted = by_hand(rows, series, rules, made.by)
    found = sorted(made.results, key=lambda r: (r.site, r.item if made.by == "year" else "", r.start))
    assert len(found) == len(wanted)
    for a, b in zip(found, wanted, strict=True):
        assert a == b
    plain = Evaluation(made.network, made.matter, made.by, made.rules, list(made.results), list(made.times))
    assert made.frame().equals(plain.frame().select(made.frame().columns))
    assert sum(made.reasons().values()) == sum(plain.reasons().values())


def invented(
    seed: int, days: int = 30, begin: datetime = datetime(2026, 2, 15)
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Hours of four stations around the change of editions on 2026-03-01: gaps, missing values, days at every limit, far values, one
    station with two instruments, one with a row off the hour, some values that wait for a reviewer."""
    lot = np.random.default_rng(seed)
    frames, series = [], []
    means = {"CO": 1.2, "NO2": 60, "O3": 120, "PM10": 110, "PM2.5": 60, "SO2": 60}
    for site in ("S1", "S2", "S3", "S4", "S5"):
        for item in ITEMS[: 6 if site != "S4" else 4]:
            for tail in ("", "|second") if (site, item) == ("S3", "NO2") else ("",):
                name = f"{site}|{PROPERTIES[item]}|1h{tail}"
                unit = "mg/m3" if item == "CO" else "ug/m3"
                series.append(
                    {
                        "id": name,
                        "site": site,
                        "property": PROPERTIES[item],
                        "averaging": "1h",
                        "unit": unit,
                        "state": "",
                    }
                )
                times = [begin + timedelta(hours=h) for h in range(days * 24)]
                level = np.repeat(lot.choice([0.3, 1, 1.6, 6], days, p=[0.4, 0.4, 0.15, 0.05]), 24)
                value = np.round(means[item] * level * lot.uniform(0.6, 1.4, len(times)), 1 if item == "CO" else 0)
                if site == "S5":
                    value = np.full(len(times), means[item])
                keep = lot.random(len(times)) > 0.08
                frame = pl.DataFrame(
                    {
                        "series": name,
                        "start": times,
                        "value": value.tolist(),
                        "unresolved": (lot.random(len(times)) < 0.002).tolist(),
                    }
                )
                frame = frame.with_columns(value=pl.when(pl.Series(lot.random(len(times)) > 0.02)).then("value"))
                frames.append(frame.filter(pl.Series(keep)).cast(SCHEMA))
    if seed % 2:
        frames.append(
            pl.DataFrame(
                {
                    "series": f"S4|{PROPERTIES['CO']}|1h",
                    "start": begin + timedelta(minutes=90),
                    "value": 1,
                    "unresolved": False,
                }
            ).cast(SCHEMA)
        )
        frames.append(
            pl.DataFrame(
                {
                    "series": f"S2|{PROPERTIES['PM10']}|1h",
                    "start": begin - timedelta(days=3),
                    "value": 9000,
                    "unresolved": False,
                }
            ).cast(SCHEMA)
        )
    order = pl.concat(frames).sample(fraction=1, shuffle=True, seed=seed)
    sites = pl.DataFrame({"id": ["S1", "S2", "S3", "S4", "S5"], "air_zone": ["1", "2", None, "2", "2"]})
    return order, pl.DataFrame(series), sites


@pytest.mark.parametrize("rules", RULES.values(), ids=RULES.keys())
@pytest.mark.parametrize("by", ["day", "year"])
def test_blocks_and_hand_agree_across_editions(rules: RuleSet, by: str) -> None:
    rows, series, sites = invented(1)
    same(evaluate_air("n", rows.lazy(), series, sites, rules, by=by), rows, series, rules)


def test_the_cut_into_groups_and_the_order_of_rows_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, series, sites = invented(2)
    whole = evaluate_air("n", rows.lazy(), series, sites, CHOSEN)
    again = evaluate_air(
        "n", rows.sort("start", descending=True).lazy(), series.sample(fraction=1, shuffle=True, seed=1), sites, CHOSEN
    )
    assert list(again.results) == list(whole.results) and again.frame().equals(whole.frame())
    parts = [
        evaluate_air(
            "n",
            rows.filter(pl.col("series").str.starts_with(s)).lazy(),
            series.filter(pl.col("site") == s),
            sites,
            CHOSEN,
        )
        for s in sites["id"]
    ]
    assert [r for p in parts for r in p.results] == list(whole.results)


@pytest.mark.parametrize("rules", [RULES["plain"], CHOSEN], ids=["plain", "demonstration"])
def test_what_days_share_is_that_of_every_single_day(rules: RuleSet) -> None:
    """A report reads kinds, values and `like` instead of 365,000 results: each is held against the results in full."""
    rows, series, sites = invented(1)
    found = evaluate_air("n", rows.lazy(), series, sites, rules).results
    assert isinstance(found, DayResults)
    full = list(found)
    assert found.values() == [None if r.value is None else int(r.value) for r in full]
    for at, r in enumerate(full):
        assert replace(found.like(at), parts=r.parts) == r
    by_site = found.of_sites()
    assert list(by_site) == sorted({r.site for r in full})
    assert [r for held in by_site.values() for r in held] == full
    assert [r.start for held in by_site.values() for r in held.alike()] == [r.start for r in full]

    def told(results: Iterable[tuple[Result, int]]) -> Counter[tuple[object, ...]]:
        count: Counter[tuple[object, ...]] = Counter()
        for r, n in results:
            count[r.grades, r.verdict, r.status, r.clause, r.notes] += n
        return count

    assert told(found.kinds()) == told((r, 1) for r in full)


@pytest.mark.parametrize("labels", [[], ["estimated", "screening"], ["synthetic", "provisional"]])
def test_labels_of_a_frame_are_the_marks_of_its_results(labels: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the network, then what `marks` says of each result in full; no day is worked out for them."""
    rows, series, sites = invented(1)
    made = evaluate_air("n", rows.lazy(), series, sites, CHOSEN)
    wanted = ["; ".join(dict.fromkeys([*labels, *marks(r)])) for r in made.results]
    monkeypatch.delattr(DayTable, "at")
    assert labelled(made.frame(), labels)["labels"].to_list() == wanted


@pytest.mark.parametrize("labels", [[], ["estimated"], ["synthetic"]])
def test_labels_of_every_status_with_and_without_an_estimate(labels: list[str]) -> None:
    notes = ((), (Note("estimated_from", "no estimate", "x"),), (Note("a", "a", "a"), estimate_note("b", "b")))
    results = [Result("q", "s", status=status, notes=n) for status in STATUSES for n in notes]
    made = Evaluation("n", "m", "day", CHOSEN, results, [datetime(2026, 1, 1)] * len(results))
    found = labelled(made.frame(), labels)["labels"].to_list()
    assert found == ["; ".join(dict.fromkeys([*labels, *marks(r)])) for r in results]
    assert found[-1] == "; ".join(dict.fromkeys([*labels, "estimated", "open"])) and found[0] == "; ".join(labels)
    none = Evaluation("n", "m", "day", CHOSEN, [], [])
    assert labelled(none.frame(), labels).shape == (0, 1)


NETWORK = (
    '[network]\nid = "air"\ndomain = "air"\nzh = "空气"\nen = "air"\nstep = "1h"\naveraging = "1h"\nkind = "air_station"\n'
    'gas_state = "reference"\nopen_sites = true\nfeeds = ["uci_prsa", "cnemc_stations"]\n'
)
PLAN = "scope,test,parameter,value,unit,valid_from,valid_to,source,status\n" + "".join(
    f"air.pm25,gross_range,{k},{v},ug/m3,2010-01-01,,test,project\n"
    for k, v in (("fail_min", 0), ("fail_max", 900), ("suspect_min", 3), ("suspect_max", 400))
)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Observations:
    folder = tmp_path / "zone"
    shutil.copytree(builtin_zones()["guizhou"], folder, ignore=shutil.ignore_patterns("networks"))
    (folder / "networks" / "air").mkdir(parents=True)
    (folder / "networks" / "air.toml").write_text(NETWORK, encoding="utf-8")
    (folder / "networks" / "air" / "quality.csv").write_text(PLAN, encoding="utf-8")
    monkeypatch.setenv("QINGSHAN_HOME", str(tmp_path / "home"))
    return Observations(open_zone(folder))


def test_real_stations_from_the_store(store: Observations, shared_monitoring, tmp_path: Path) -> None:
    """Guizhou's 32 stations and half a year of the Beijing station: without quality control, official and provisional."""
    store.load("air", shared_monitoring("guizhou_air_stations_20180220T07.csv"))
    lines = shared_monitoring("PRSA_Data_Aotizhongxin_20130301-20170228.csv").read_text(encoding="utf-8").splitlines()
    (tmp_path / "some.csv").write_text("\n".join([lines[0], *lines[7345 : 7345 + 24 * 60]]), encoding="utf-8")
    store.load("air", tmp_path / "some.csv")
    series, sites = store.series("air"), store.sites("air")
    rules = RuleSet(allow_secondary=True, choices=CHOSEN.choices)
    for by in ("day", "year"):
        made = evaluate_air("air", of_store(store, "air"), series, sites, rules, by=by)
        same(made, store.scan("air").collect(), series, rules)
        assert len({r.site for r in made.results}) == 33
    check_network(store, "air", years=[2014])
    flags = effective_flags(store, "air", years=[2014])
    waiting = 0
    for provisional in (False, True):
        rows = usable_rows(store.scan("air", [2014]), flags, provisional=provisional).collect()
        waiting += int(rows["unresolved"].sum()) if not provisional else 0
        for by in ("day", "year"):
            source = of_store(store, "air", [2014], provisional=provisional)
            same(evaluate_air("air", source, series, sites, CHOSEN, by=by), rows, series, CHOSEN)
        same(evaluate_air("air", of_rows(rows.lazy()), series, sites, CHOSEN), rows, series, CHOSEN)
    assert waiting > 0


def test_a_suspect_value_decides_nothing_until_a_reviewer_has_spoken(store: Observations, tmp_path: Path) -> None:
    """Spec section 2: official statistics need suspect values resolved; provisional ones leave them out and say so."""
    hours = [datetime(2026, 5, 1) + timedelta(hours=h) for h in range(24)]
    lines = [f"A,air.pm25,ug/m3,{t:%Y-%m-%d %H:%M},{500 if t.hour == 5 else 60}" for t in hours]
    (tmp_path / "r.csv").write_text("site,property,unit,start,value\n" + "\n".join(lines), encoding="utf-8")
    (tmp_path / "zone" / "networks" / "air" / "sites.csv").write_text(
        "id,name_zh,kind,lon,lat,air_zone\nA,甲,air_station,106,26,2\n", encoding="utf-8"
    )
    store.load("air", tmp_path / "r.csv", now=datetime(2026, 6, 1, tzinfo=UTC))
    check_network(store, "air")

    def judged(provisional: bool = False):
        made = evaluate_air(
            "air", of_store(store, "air", provisional=provisional), store.series("air"), store.sites("air"), RuleSet()
        )
        return made.results[0]

    official = judged()
    assert (official.verdict, official.grade, official.value) == ("insufficient_data", "", None)
    assert any(n.code == "unresolved" and "1" in n.en for n in official.notes)
    pm25 = {i.item: i.value for i in judged(provisional=True).parts}
    assert pm25 == {"PM2.5 24h": 100}  # the mean of 23 hours of 60 is the breakpoint of IAQI 100
    decide(store, "air", "A|air.pm25|1h", hours[5], "valid", reason="fire nearby", author="r")
    assert {i.item: i.value for i in judged().parts} == {"PM2.5 24h": 117}
    # (23 x 60 + 500) / 24 = 78.33, rounded 78: 100 + 50 x (78 - 60) / (115 - 60) = 116.4, up to 117
    decide(store, "air", "A|air.pm25|1h", hours[5], "invalid", reason="spark", author="r")
    assert {i.item: i.value for i in judged().parts} == {"PM2.5 24h": 100} and judged().verdict == ""


def test_a_reading_that_came_after_the_run_is_no_longer_missing(store: Observations, tmp_path: Path) -> None:
    """The run saw hour 5 empty (9); its late value of 500 counts as not evaluated: (23 x 60 + 500) / 24 = 78.33, IAQI 117 as above.
    Rows of `effective_flags` and blocks of `of_store` agree."""
    hours = [datetime(2026, 5, 1) + timedelta(hours=h) for h in range(24)]
    head = "site,property,unit,start,value\n"

    def lines(chosen: list[datetime]) -> str:
        return head + "\n".join(f"A,air.pm25,ug/m3,{t:%Y-%m-%d %H:%M},{500 if t.hour == 5 else 60}" for t in chosen)

    (tmp_path / "zone" / "networks" / "air" / "sites.csv").write_text(
        "id,name_zh,kind,lon,lat,air_zone\nA,甲,air_station,106,26,2\n", encoding="utf-8"
    )
    (tmp_path / "first.csv").write_text(lines([t for t in hours if t.hour != 5]), encoding="utf-8")
    (tmp_path / "late.csv").write_text(lines([hours[5]]), encoding="utf-8")
    store.load("air", tmp_path / "first.csv", now=datetime(2026, 6, 1, tzinfo=UTC))
    check_network(store, "air")
    store.load("air", tmp_path / "late.csv", now=datetime(2026, 6, 1, tzinfo=UTC))
    flags = effective_flags(store, "air", years=[2026])
    assert flags is not None
    rows = usable_rows(store.scan("air", [2026]), flags)
    for source in (of_store(store, "air"), rows):
        made = evaluate_air("air", source, store.series("air"), store.sites("air"), RuleSet())
        assert {i.item: i.value for i in made.results[0].parts} == {"PM2.5 24h": 117}
