"""Section loads, the river graph, source shares and PM2.5-O3 co-control, on arithmetic written beside them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingshan.core.errors import MissingParameter, OutOfBounds, UnknownName
from qingshan.core.limit import LimitRow, limit_table
from qingshan.core.reading import reading
from qingshan.observe.evaluate.cocontrol import correlations, formation_potential, ranked, regimes
from qingshan.observe.evaluate.editions import RuleSet
from qingshan.observe.loads.load import Flow, annual_load, monthly_loads
from qingshan.observe.loads.river import river
from qingshan.observe.loads.share import Measured, Source, export_load, source_shares


def test_load_of_a_month() -> None:
    """0.1 mg/L mean x 20 m3/s x 30 d x 86,400 s = 0.1 g/m3 x 51,840,000 m3 = 5,184,000 g = 5.184 t."""
    readings = [(datetime(2024, 4, 3), reading("0.05"), "mg/L"), (datetime(2024, 4, 20), reading("150"), "ug/L")]
    (month,) = monthly_loads(readings, [Flow(2024, 4, Decimal(20), "measured")])
    assert month.tonnes == Fraction("5.184") and month.concentration == Fraction("0.1") and month.method == "measured"


def test_a_month_without_flow_or_readings_has_no_load() -> None:
    readings = [(datetime(2024, 4, 3), reading("0.05"), "mg/L"), (datetime(2024, 5, 3), reading("*"), "mg/L")]
    april, may = monthly_loads(readings, [Flow(2024, 5, Decimal(20), "model")])
    assert april.tonnes is None and april.reason == "no discharge"
    assert may.tonnes is None and may.reason == "0 readings, 1 needed"
    with pytest.raises(OutOfBounds):
        monthly_loads(readings, [Flow(2024, 5, Decimal(20), "guess")])
    with pytest.raises(OutOfBounds):
        monthly_loads(readings, [Flow(2024, 5, Decimal(-1), "model")])


def year_of(text: str, months: int = 12):
    readings = [(datetime(2023, m, 5), reading(text), "mg/L") for m in range(1, months + 1)]
    return monthly_loads(readings, [Flow(2023, m, Decimal(10), "rating_curve") for m in range(1, 13)])


def test_load_of_a_year_needs_its_twelve_months() -> None:
    """0.2 g/m3 x 10 m3/s x 365 x 86,400 s = 63,072,000 g."""
    whole = annual_load("断面", "TP", year_of("0.2"), 2023)
    assert whole.value == Fraction("63.072") and whole.notes[0].en == "discharge: rating_curve."
    short = annual_load("断面", "TP", year_of("0.2", 11), 2023)
    assert (short.verdict, short.n_valid, short.n_required, short.value) == ("insufficient_data", 11, 12, None)
    censored = annual_load("断面", "TP", year_of("<0.2"), 2023)
    assert censored.value == Fraction("31.536") and censored.notes[-1].code == "censored"


def test_the_river_knows_what_lies_above_and_below() -> None:
    graph = river([("源头", "三岔口"), ("支流", "三岔口"), ("三岔口", "省界"), ("省界", "")])
    assert graph.above("三岔口") == ["支流", "源头"] and graph.below("源头") == ["三岔口", "省界"]
    assert graph.all_above("省界") == ["三岔口", "支流", "源头"]
    assert graph.order() == ["支流", "源头", "三岔口", "省界"]
    with pytest.raises(UnknownName):
        graph.above("别处")


@pytest.mark.parametrize(
    "links",
    [
        [("a", "b"), ("b", "a")],
        [("a", "a")],
        [("a", "b")],
        [("a", ""), ("a", "")],
        [("a", "b"), ("b", "c"), ("c", "b")],
    ],
)
def test_a_river_that_is_none_is_refused(links: list[tuple[str, str]]) -> None:
    with pytest.raises(OutOfBounds):
        river(links)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=30))
def test_every_section_comes_after_all_above_it(steps: list[int]) -> None:
    """Any tree: section i runs into one of a lower number, 0 into the sea."""
    links = [("0", "")] + [(str(i), str(step % i)) for i, step in enumerate(steps, 1)]
    graph = river(links)
    place = {s: n for n, s in enumerate(graph.order())}
    assert len(place) == len(links)
    assert all(not below or place[section] < place[below] for section, below in links)
    assert all(section in graph.all_above(b) for section, _ in links for b in graph.below(section))


def test_source_shares_show_their_residual() -> None:
    """100 t measured: 40 upstream, 25 and 15 of the section's own; 20 t are explained by nothing."""
    graph = river([("上", "下"), ("下", "")])
    sources = [
        Source("污水厂", "下", "facility", Decimal(25), "discharge record"),
        Source("农田", "下", "non_point", Decimal(15), "export coefficient", "secondary"),
        Source("别处", "上", "facility", Decimal(99), "discharge record"),
    ]
    found = source_shares("下", sources, graph, {"下": Measured(Decimal(100)), "上": Measured(Decimal(40))})
    assert [(s.id, s.percent) for s in found.shares] == [("上", 40), ("污水厂", 25), ("农田", 15)]
    assert (found.residual, found.residual_percent, found.explained, found.status) == (20, 20, 80, "secondary")
    assert not found.estimated and not any(s.estimated for s in found.shares)
    curve = source_shares("下", sources, graph, {"下": Measured(Decimal(100)), "上": Measured(Decimal(40), "model")})
    assert curve.estimated and [s.estimated for s in curve.shares] == [True, False, False]
    over = source_shares("下", sources, graph, {"下": Measured(Decimal(60)), "上": Measured(Decimal(40))})
    assert over.residual == -20  # more accounted than arrived: shown, not scaled away
    with pytest.raises(OutOfBounds, match="upstream"):
        source_shares("下", sources, graph, {"下": Measured(Decimal(100))})
    with pytest.raises(OutOfBounds):
        source_shares("下", [sources[0], sources[0]], graph, {"下": Measured(Decimal(100)), "上": Measured(Decimal(1))})


def test_a_load_by_export_coefficient() -> None:
    """18.33 kg/(hm2 a) x 1,000 hm2 x 0.447 = 8.19351 t."""
    table = limit_table("export_coefficients")
    (crop,) = table.find("TN", source_type="cropland export")
    (ratio,) = [r for r in table.find("TN") if r.unit == "1"]
    assert export_load(crop, Decimal(1000), ratio) == Fraction("8.19351")
    with pytest.raises(OutOfBounds):
        export_load(ratio, Decimal(1))


def days(n: int) -> list[date]:
    return [date(2027, 6, 1) + timedelta(days=k) for k in range(n)]


def test_correlation_by_season() -> None:
    """O3 = 200 - PM2.5 exactly: r = rho = -1 in summer; too few autumn days have none."""
    at = days(100)  # 92 summer days, 8 in September
    pm25 = {d: Decimal(20 + k % 37) for k, d in enumerate(at)}
    o3 = {d: 200 - v for d, v in pm25.items()}
    found = {s.season: s for s in correlations(pm25, o3)}
    assert (
        found["summer"].days == 92
        and found["summer"].pearson == pytest.approx(-1)
        and found["summer"].spearman == pytest.approx(-1)
    )
    assert found["autumn"].days == 8 and found["autumn"].pearson is None
    assert found["winter"].days == 0


def test_days_by_regime_in_the_edition_of_their_date() -> None:
    """PM2.5 70: above 60 in 2027, within 75 on 2026-02-28 (secondary row). O3 161 is above 160."""
    at = [date(2026, 2, 28), date(2027, 7, 1), date(2027, 7, 2), date(2027, 7, 3)]
    pm25 = dict(zip(at, map(Decimal, (70, 70, 10, 70)), strict=True))
    o3 = dict(zip(at, map(Decimal, (160, 160, 161, 161)), strict=True))
    found = regimes(RuleSet(allow_secondary=True), pm25, o3)
    assert found.days == {"both_below": 1, "pm25_above": 1, "o3_above": 1, "both_above": 1}
    assert {r.edition for r in found.limits} == {"GB 3095-2012", "GB 3095-2026"}


def mir(species: str, value: str) -> LimitRow:
    return LimitRow(
        "voc_reactivity",
        species,
        {},
        "",
        Decimal(value),
        value,
        "1",
        "用户",
        "2010-01-01",
        "",
        "",
        "user's table",
        "project",
        "",
    )


def test_ozone_formation_potential() -> None:
    """10 ug/m3 x 4 = 40 and 20 x 0.5 = 10 (values made up for the arithmetic): 80 % and 20 %; one species is not known."""
    rules = RuleSet(rows={"voc_reactivity": (mir("甲苯", "4"), mir("乙烷", "0.5"))})
    given = {"甲苯": (Decimal("0.01"), "mg/m3"), "乙烷": (Decimal(20), "ug/m3"), "某烃": (Decimal(1), "ug/m3")}
    lines, unknown = formation_potential(rules, date(2027, 7, 1), given)
    assert [(s.species, s.potential, s.percent) for s in lines] == [("甲苯", 40, 80), ("乙烷", 10, 20)]
    assert unknown == ["某烃"] and ranked(lines) == ["甲苯"]
    with pytest.raises(MissingParameter):
        formation_potential(RuleSet(), date(2027, 7, 1), given)
