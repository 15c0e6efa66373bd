"""Plans, rules and conventions that come with built-in zones can be read, and say that they are invented."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from qingshan.core.observed import observed_properties
from qingshan.observe.alert.rule import expression, read_alert_rules
from qingshan.observe.quality.plan import read_plan
from qingshan.observe.statistics.rules import KNOWN, read_rules
from qingshan.zone.zone import builtin_zones

FOLDERS = sorted(p for zone in builtin_zones().values() for p in zone.glob("networks/*/") if p.is_dir())


def ids(path: Path) -> str:
    return f"{path.parent.parent.name}-{path.name}"


@pytest.mark.parametrize(
    "path", [p / "quality.csv" for p in FOLDERS if (p / "quality.csv").is_file()], ids=lambda p: ids(p.parent)
)
def test_a_plan_names_properties_and_its_source(path: Path) -> None:
    known = observed_properties()
    plan = read_plan(path, {id: p.unit for id, p in known.items()})
    assert {r.scope for r in plan.rows} <= set(known)
    assert all(
        r.status == "project" and "合成" in r.source for r in plan.rows
    )  # no limit of a real network was obtained
    for scope in {r.scope for r in plan.rows}:
        assert {"gross_range", "spike", "rate_of_change", "flat_line"} <= set(plan.of(scope, date(2020, 1, 1)))


@pytest.mark.parametrize(
    "path", [p / "alerts.csv" for p in FOLDERS if (p / "alerts.csv").is_file()], ids=lambda p: ids(p.parent)
)
def test_alert_rules_name_properties(path: Path) -> None:
    for rule in read_alert_rules(path):
        assert set(expression(rule.expression).properties) <= set(observed_properties()) and rule.zh and rule.en


@pytest.mark.parametrize(
    "path", [p / "rules.csv" for p in FOLDERS if (p / "rules.csv").is_file()], ids=lambda p: ids(p.parent)
)
def test_conventions_are_named(path: Path) -> None:
    rules = read_rules(path)
    assert all(rules.names(rule, date(2020, 1, 1)) for rule in KNOWN)
