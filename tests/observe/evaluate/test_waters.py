"""Means of the readings of one water: units are converted before, or refused."""

from __future__ import annotations

from datetime import date, datetime
from fractions import Fraction

import polars as pl
import pytest

from qingshan.core.errors import UnitError
from qingshan.core.reading import reading
from qingshan.observe.evaluate.editions import RuleSet, named_rule_set
from qingshan.observe.evaluate.network import agreement, evaluate_water
from qingshan.observe.evaluate.verdict import converted
from qingshan.observe.evaluate.waters import Waters, mean_reading

RULES = named_rule_set("surface_water")


def test_a_mean_over_units_is_that_of_one_unit() -> None:
    """0.2 mg/L and 600 ug/L = 0.6 mg/L: 0.4 mg/L, never 300.1; the other way round 400 ug/L."""
    given = [(reading("0.2"), "mg/L"), (reading("600"), "ug/L"), (reading("--"), "ng/L")]
    found, unit = mean_reading(given)
    assert (found.value, found.text, unit) == (Fraction(2, 5), "0.4", "mg/L")
    found, unit = mean_reading(given[1::-1])
    assert (found.value, unit) == (400, "ug/L")
    assert mean_reading([(reading("7"), "1"), (reading("8"), "")])[0].value == Fraction(15, 2)  # pH has no unit


def test_units_that_cannot_meet_are_one_clear_error() -> None:
    waters = Waters(RULES, "surface_water", "water.class")
    held = {"TP": [(reading("0.2"), "mg/L"), (reading("0.1"), "mg/kg")]}
    found = waters.judged("断面", date(2021, 4, 1), held, lambda _: ("TP",), body="river")
    assert found is not None and (found.verdict, found.grades, found.n_valid, found.n_required) == (
        "cannot_be_judged",
        (),
        0,
        1,
    )
    (note,) = found.notes
    assert note.code == "unit" and note.en.startswith(
        "断面 TP: readings in several units have no mean: 'mg/kg' cannot become 'mg/L'"
    )
    with pytest.raises(UnitError, match="several units"):  # in either order
        mean_reading(held["TP"][::-1])


def test_a_published_class_of_units_that_clash_is_compared_with_nothing() -> None:
    """TP in mg/L and mg/kg of one moment has no class, so that the class published for it neither agrees nor disagrees; the next moment, with
    TP 0.02 mg/L of a river, is class I against the III published."""
    at = (datetime(2021, 4, 1, 0), datetime(2021, 4, 1, 4))
    found = [
        ("water.tp", "1h", "mg/L", at[0], "0.02"), ("water.tp", "sample", "mg/kg", at[0], "0.1"), ("water.class", "1h", "class", at[0], "Ⅲ"),
        ("water.tp", "1h", "mg/L", at[1], "0.02"), ("water.class", "1h", "class", at[1], "Ⅲ"),
    ]  # fmt: skip
    made = {f"s|{p}|{a}": {"id": f"s|{p}|{a}", "site": "s", "property": p, "averaging": a, "unit": u, "state": ""} for p, a, u, _, _ in found}  # fmt: skip
    rows = [
        {"series": f"s|{p}|{a}", "start": t, "value_text": v, "value": None if p == "water.class" else v, "detection_limit": None, "censored": False}
        for p, a, _, t, v in found
    ]  # fmt: skip
    long = pl.DataFrame(rows).with_columns(pl.col("value").cast(pl.Decimal(38, 9)), pl.col("detection_limit").cast(pl.Decimal(38, 9)))  # fmt: skip
    sites = pl.DataFrame({"id": ["s"], "water_body_type": ["river"]})
    rules = RuleSet(allow_secondary=True, choices={"water.items": "TP"})
    evaluated = evaluate_water("n", long.lazy(), pl.DataFrame(list(made.values())), sites, rules, by="reading")
    assert [r.grades for r in evaluated.results] == [(), ("Ⅰ",)] and evaluated.results[0].verdict == "cannot_be_judged"
    told = agreement(evaluated)
    assert (told.compared, told.agree, [(d.at, d.ours) for d in told.disagreements]) == (1, 0, [(at[1], "Ⅰ")])


@pytest.mark.parametrize("flipped", [False, True])
def test_a_network_whose_series_have_several_units(flipped: bool) -> None:
    """TP 0.02 mg/L by hour and 60 ug/L by hand = 0.06: mean 0.04 mg/L of a river, class II (0.02 < TP <= 0.1)."""
    found = [("1h", "mg/L", "0.02"), ("sample", "ug/L", "60")][:: -1 if flipped else 1]
    made = [{"id": f"s|water.tp|{a}", "site": "s", "property": "water.tp", "averaging": a, "unit": u, "state": ""} for a, u, _ in found]  # fmt: skip
    rows = [
        {"series": f"s|water.tp|{a}", "start": datetime(2021, 4, 1), "value_text": v, "value": v, "detection_limit": None, "censored": False}
        for a, _, v in found
    ]  # fmt: skip
    long = pl.DataFrame(rows).with_columns(pl.col("value").cast(pl.Decimal(38, 9)), pl.col("detection_limit").cast(pl.Decimal(38, 9)))  # fmt: skip
    sites = pl.DataFrame({"id": ["s"], "water_body_type": ["river"]})
    rules = RuleSet(allow_secondary=True, choices={"water.items": "TP"})
    (result,) = evaluate_water("n", long.lazy(), pl.DataFrame(made), sites, rules, by="day").results
    (part,) = result.parts
    assert part.value is not None and result.grades == ("Ⅱ",)
    assert converted(part.value, part.unit, "mg/L") == Fraction(1, 25)
