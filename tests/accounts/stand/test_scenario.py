"""Scenarios: slots that refuse, costs and areas by hand, the same stands without them, and faults of a folder."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest

from qingshan.accounts.stand.folder import read_stands
from qingshan.accounts.stand.project import Event, project
from qingshan.accounts.stand.scenario import BASELINE, load_scenarios, project_scenarios
from qingshan.accounts.stand.synthetic import write_demo_stands
from qingshan.core.errors import DeclarationError, MissingParameter, OutOfBounds, QingshanError, UnitError, UnknownName
from qingshan.faces.cli import main


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    made = tmp_path_factory.mktemp("stands") / "demo"
    write_demo_stands(made)
    return made


@pytest.fixture(scope="module")
def stands(folder):
    return read_stands(folder)


@pytest.fixture(scope="module")
def outcomes(stands):
    return {o.id: o for o in project_scenarios(stands)}


def mended(folder: Path, to: Path, name: str, change) -> Path:
    """A copy of the folder with rows of one table changed."""
    to.mkdir()
    for path in folder.iterdir():
        (to / path.name).write_bytes(path.read_bytes())
    rows = list(csv.DictReader(io.StringIO((to / name).read_text(encoding="utf-8"))))
    rows = [r for r in (change(dict(r)) for r in rows) if r is not None]
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    (to / name).write_text(stream.getvalue(), encoding="utf-8")
    return to


def where(column, word, /, **change):
    return lambda r: r | change if r[column] == word else r


def test_the_three_scenarios_of_the_contract_are_declared_with_slots_only():
    known = load_scenarios()
    assert set(known) == {"reserve_forest", "low_yield", "species_structure"}
    for s in known.values():
        texts = [t for e in s.events for k, v in e.items() if k != "sort" for t in (v if isinstance(v, list) else [v])]
        assert texts and all(t.startswith("{") for t in texts)  # no number of ours
        assert all(x["zh"] != x["en"] for x in s.slots.values())


def test_cost_is_area_times_rate_in_every_year(outcomes, stands):
    got = outcomes["low_yield"]
    low = stands.cohorts.classifiers["yield"] == "low"
    there = float(stands.cohorts.area[low].sum())
    treated = [min(50.0, max(0.0, there - 50.0 * y)) for y in range(10)] + [0.0] * 30
    assert got.treated == pytest.approx(treated) and got.cost == pytest.approx(np.array(treated) * 18_000)
    assert got.spent[-1] == pytest.approx(min(there, 500.0) * 18_000)
    short = [f for f in got.findings if f.code == "target_not_met"]
    assert bool(short) == (there < 500)
    both = outcomes["reserve_forest"]
    assert both.cost[0] == pytest.approx(40 * 24_000 + 60 * 4_500)


def test_the_area_stays_and_moves_between_species(outcomes, stands):
    whole = float(stands.cohorts.area.sum())
    for o in outcomes.values():
        assert sum(o.areas.values()) == pytest.approx(whole)
    got = outcomes["species_structure"].areas
    assert (
        got["broadleaf"][-1] - got["broadleaf"][0]
        == pytest.approx(got["conifer"][0] - got["conifer"][-1])
        == pytest.approx(30 * 20)
    )


def test_the_baseline_is_nothing_more_and_costs_nothing(outcomes):
    base = outcomes[BASELINE]
    assert not base.additional.any() and not base.cost.any() and base.cost_per_tonne is None
    got = outcomes["low_yield"]
    assert got.additional[0] == 0 and got.additional[3] < 0 < got.additional[-1]  # felling first costs carbon
    assert got.cost_per_tonne == pytest.approx(got.spent[-1] / got.additional[-1])
    assert set(got.labels) >= {"synthetic", "estimated", "project"}


def test_additional_counts_forest_and_products_in_carbon_dioxide(outcomes):
    got, base = outcomes["reserve_forest"], outcomes[BASELINE]
    kept = got.carbon + got.stocks["products"] - base.carbon - base.stocks["products"]
    assert got.additional == pytest.approx(kept * 44 / 12)
    assert got.stocks["products"][-1] == pytest.approx(got.harvest.sum())


def test_a_scenario_is_its_events(stands, outcomes):
    events = [
        Event(y, "clear_cut", {"species": ["conifer"]}, (20, 200), "oldest", area=30.0, cost=21_000.0, delay=1,
              to={"curve": "broadleaf", "group": "warm", "species": "broadleaf"}) for y in range(1, 21)
    ]  # fmt: skip
    by_hand = project(
        stands.model, stands.rates, stands.curves, stands.cohorts, stands.disturbances, 40, events, by="species"
    )
    np.testing.assert_array_equal(by_hand.pools, outcomes["species_structure"].projection.pools)


def test_a_plan_after_the_horizon_is_the_baseline(stands):
    base, got = project_scenarios(stands, ["low_yield"], years=1)
    assert got.treated.tolist() == [50.0] and base.treated.tolist() == [0.0]
    late = [*(r for r in stands.scenarios if "year" not in r.parameter)]
    from dataclasses import replace  # noqa: PLC0415

    years = [replace(r, value="2090") for r in stands.scenarios if r.parameter in ("first_year", "last_year")]
    base, got = project_scenarios(replace(stands, scenarios=(*late, *years)), ["low_yield"])
    np.testing.assert_array_equal(got.projection.pools, base.projection.pools)


def test_open_slots_are_all_named_and_refused(folder, tmp_path):
    lacking = mended(
        folder, tmp_path / "a", "scenarios.csv", lambda r: None if r["parameter"] in ("cost", "curve") else r
    )
    with pytest.raises(MissingParameter, match=r"curve, cost") as refused:
        project_scenarios(read_stands(lacking), ["low_yield"])
    assert "单位面积投资" in refused.value.zh
    open_ = mended(folder, tmp_path / "b", "scenarios.csv", where("parameter", "cost", value="", status="open"))
    with pytest.raises(MissingParameter, match="cost"):
        project_scenarios(read_stands(open_), ["low_yield"])
    rates = mended(folder, tmp_path / "c", "rates.csv", where("parameter", "slow_mixing", value="", status="open"))
    with pytest.raises(MissingParameter, match="slow_mixing"):
        read_stands(rates)


@pytest.mark.parametrize(
    ("name", "column", "value", "change", "error", "says"),
    [
        ("scenarios.csv", "parameter", "cost", {"value": "dear"}, OutOfBounds, "cost"),
        ("scenarios.csv", "parameter", "cost", {"value": "-1"}, OutOfBounds, "cost"),
        ("scenarios.csv", "parameter", "cost", {"unit": "t"}, UnitError, "t"),
        ("scenarios.csv", "parameter", "first_year", {"value": "2021.5"}, OutOfBounds, "first_year"),
        ("scenarios.csv", "parameter", "last_year", {"value": "2001"}, OutOfBounds, "from 2021 to 2001"),
        ("scenarios.csv", "parameter", "cost", {"source_title": ""}, DeclarationError, "source"),
        ("scenarios.csv", "parameter", "cost", {"status": "sure"}, DeclarationError, "status"),
        ("scenarios.csv", "parameter", "cost", {"parameter": "price"}, UnknownName, "price"),
        ("scenarios.csv", "parameter", "disturbance", {"value": "flood"}, UnknownName, "flood"),
        ("scenarios.csv", "parameter", "curve", {"value": "palm"}, UnknownName, "palm"),
        ("scenarios.csv", "parameter", "classifier", {"value": "colour"}, UnknownName, "colour"),
        ("cohorts.csv", "id", "s001", {"area_hm2": "-3"}, OutOfBounds, "no area"),
        ("cohorts.csv", "id", "s001", {"id": "s002"}, OutOfBounds, "one id"),
        ("cohorts.csv", "id", "s001", {"curve": "palm"}, UnknownName, "palm"),
        ("cohorts.csv", "id", "s001", {"age": "3.5"}, OutOfBounds, "whole"),
        ("cohorts.csv", "id", "s001", {"area_hm2": "big"}, DeclarationError, "no number"),
        ("cohorts.csv", "id", "s001", {"interval": "0"}, OutOfBounds, "interval"),
        ("curves.csv", "age", "7", {"age": "8"}, DeclarationError, "age 8 twice"),
        ("curves.csv", "age", "7", {"SoftwoodMerch": "-1"}, OutOfBounds, "negative"),
        ("rates.csv", "parameter", "slow_mixing", {"parameter": "magic"}, UnknownName, "magic"),
        ("rates.csv", "parameter", "temperature", {"parameter": "slow_mixing"}, DeclarationError, "twice"),
        ("disturbances.csv", "to", "Products", {"share": "0.5"}, OutOfBounds, "sum to"),
        ("disturbances.csv", "to", "Products", {"to": "Moon"}, UnknownName, "Moon"),
    ],
)  # fmt: skip
def test_a_fault_is_named_and_nothing_is_projected(folder, tmp_path, name, column, value, change, error, says):
    wrong = mended(folder, tmp_path / "x", name, where(column, value, **change))
    with pytest.raises(error, match=says) as refused:
        project_scenarios(read_stands(wrong), ["low_yield"])
    assert refused.value.zh != refused.value.en or error is UnitError


def test_a_missing_table_and_a_missing_age(folder, tmp_path):
    gap = mended(folder, tmp_path / "a", "curves.csv", lambda r: None if r["age"] == "7" else r)
    with pytest.raises(DeclarationError, match="lacks the age 7"):
        read_stands(gap)
    (gap / "rates.csv").unlink()
    (gap / "curves.csv").write_bytes((folder / "curves.csv").read_bytes())
    with pytest.raises(DeclarationError, match=r"rates\.csv is missing"):
        read_stands(gap)
    with pytest.raises(DeclarationError, match=r"stand\.toml"):
        read_stands(tmp_path)
    with pytest.raises(QingshanError, match="exists"):
        write_demo_stands(folder)
    with pytest.raises(UnknownName, match="no scenario"):
        project_scenarios(read_stands(folder), ["dream"])


def test_the_verb_prints_and_writes_every_year(folder, tmp_path, capsys):
    out = tmp_path / "years.csv"
    assert (
        main(
            [
                "forest",
                "project",
                str(folder),
                "--scenarios",
                "low_yield",
                "--years",
                "5",
                "--out",
                str(out),
                "--lang",
                "zh",
            ]
        )
        == 0
    )
    said = capsys.readouterr().out
    assert "低产低效林改造" in said and "[示意、估算、自定]" in said
    rows = list(csv.DictReader(out.open(encoding="utf-8")))
    assert len(rows) == 2 * 6 and [r["year"] for r in rows[:6]] == ["2020", "2021", "2022", "2023", "2024", "2025"]
    assert float(rows[7]["cost_yuan"]) == 900_000
    told = {r["scenario"]: r["label"].split("; ") for r in rows}
    assert set(told) == {BASELINE, "low_yield"} and all(
        words[:2] == ["synthetic", "estimated"] for words in told.values()
    )
    assert "project" in told["low_yield"]  # costs and shares of the scenario are our own choice
    assert main(["forest", "project", str(folder), "--years", "2", "--json"]) == 0
    assert {s["id"] for s in json.loads(capsys.readouterr().out)["scenarios"]} == {BASELINE, *load_scenarios()}
    assert main(["forest", "scenarios", "--json"]) == 0
    assert main(["forest", "project", str(folder), "--scenarios", "dream"]) == 2
