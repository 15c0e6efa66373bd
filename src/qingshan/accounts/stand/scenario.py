"""Scenarios of forest management (N9): reserve forest, low-yield conversion, species structure; carbon, volume and cost by year.

What a scenario does is declared (`domains/*/scenarios/NAME.toml`); how much, when and at what cost are slots that the user
fills with rows of `scenarios.csv`. A slot without a row refuses. Each scenario is projected beside the same stands without it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from qingshan.core.domain import load_domains
from qingshan.core.errors import DeclarationError, MissingParameter, OutOfBounds, UnknownName
from qingshan.core.finding import Finding
from qingshan.core.method import Array
from qingshan.core.units import convert

from .folder import SourcedRow, StandSet
from .model import Model
from .project import Event, Projection, project

__all__ = ["BASELINE", "Outcome", "Scenario", "events_of", "load_scenarios", "project_scenarios"]

BASELINE = "baseline"


@dataclass(frozen=True)
class Scenario:
    """A declared scenario: its `slots` by id (kind, unit, names) and the patterns of its events."""

    id: str
    zh: str
    en: str
    note_zh: str
    note_en: str
    slots: Mapping[str, Mapping[str, str]]
    events: tuple[Mapping[str, Any], ...]


@lru_cache(maxsize=1)
def load_scenarios() -> dict[str, Scenario]:
    """All declared scenarios by id. Raises `DeclarationError` for an event that names no slot."""
    made: dict[str, Scenario] = {}
    for domain in load_domains().by_name:
        for _, content in load_domains().folder(domain, "scenarios"):
            slots = {s["id"]: s for s in content["slot"]}
            for event in content["event"]:
                for text in _texts(event):
                    if text.startswith("{") and text[1:-1] not in slots:
                        raise DeclarationError(f"the scenario {content['id']} has no slot {text}.")
            made[content["id"]] = Scenario(
                content["id"],
                content["zh"],
                content["en"],
                content["note_zh"],
                content["note_en"],
                slots,
                tuple(content["event"]),
            )
    return made


def _texts(event: Mapping[str, Any]) -> list[str]:
    return [t for v in event.values() for t in (v if isinstance(v, list) else [v])]


def events_of(scenario: Scenario, rows: Sequence[SourcedRow], start_year: int, years: int) -> list[Event]:
    """The events of a scenario year by year, from the rows that fill its slots.

    Raises `MissingParameter` naming every slot without a row, `UnknownName`, `UnitError`, `OutOfBounds`.
    """
    given = {r.parameter: r for r in rows if r.group == scenario.id}
    odd = sorted(set(given) - set(scenario.slots))
    if odd:
        raise UnknownName(f"{scenario.id} has no slot {odd[0]!r}.", f"{scenario.zh}没有 {odd[0]!r} 这一项。", where="scenarios.csv",
                          fix=f"one of {', '.join(scenario.slots)}")  # fmt: skip
    lacking = [s for s in scenario.slots if s not in given or given[s].status == "open"]
    if lacking:
        names_en, names_zh = ", ".join(lacking), "、".join(scenario.slots[s]["zh"] for s in lacking)
        raise MissingParameter(
            f"forest.scenario.{scenario.id}.{lacking[0]}", f"{scenario.en}: {len(lacking)} slots are open: {names_en}.",
            f"{scenario.zh}：{len(lacking)} 项待补：{names_zh}。", document="the plan of the project / 项目规划或可研报告", where="scenarios.csv",
        )  # fmt: skip
    values = {s: _value(given[s], about) for s, about in scenario.slots.items()}
    made: list[Event] = []
    for pattern in scenario.events:
        made += _events({k: _filled(v, values) for k, v in pattern.items()}, scenario, start_year, years)
    return made


def _value(row: SourcedRow, about: Mapping[str, str]) -> str | float | int:
    if about["kind"] == "text":
        return row.value
    try:
        number = float(convert(float(row.value), row.unit, about["unit"]))
    except ValueError:
        number = float("nan")
    if not number >= 0 or (about["kind"] == "whole" and number != int(number)):
        raise OutOfBounds(
            f"{row.parameter} is {row.value!r} {row.unit}.", f"{about['zh']}为 {row.value!r} {row.unit}。", where="scenarios.csv",
            fix=f"a {'whole ' if about['kind'] == 'whole' else ''}number of {about['unit']}, 0 or more / 不小于 0 的{about['unit']}数",
        )  # fmt: skip
    return int(number) if about["kind"] == "whole" else number


def _filled(value: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_filled(v, values) for v in value]
    return values[value[1:-1]] if value.startswith("{") else value


def _events(p: Mapping[str, Any], scenario: Scenario, start_year: int, years: int) -> list[Event]:
    first, last = p["years"]
    if not first <= last or last < start_year:
        raise OutOfBounds(
            f"{scenario.id} runs from {first} to {last}, the projection starts in {start_year}.",
            f"{scenario.zh}为 {first} 至 {last} 年，推算从 {start_year} 年开始。", where="scenarios.csv", fix="first_year <= last_year / 首年不晚于末年",
        )  # fmt: skip
    to = {k: p[k] for k in ("curve", "group") if k in p} | ({p["classifier"]: p["to_word"]} if "to_word" in p else {})
    return [
        Event(y - start_year + 1, p["disturbance"], {p["classifier"]: [p["word"]]}, (p["age"][0], p["age"][1]), p["sort"], area=p["area"],
              to=to, delay=p.get("delay", 0), cost=p["cost"])
        for y in range(max(first, start_year), min(last, start_year + years - 1) + 1)
    ]  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """One scenario projected: sums by year (y + 1 for stocks, the first before anything; y for flows), whole area.

    `stocks` t C by group of pools, `carbon` t C in the forest (without products and air), `volume` m3, `cost` yuan, `treated`
    hm2, `harvest` t C to products; against the baseline `additional` t CO2 in forest and products, `spent` yuan up to a year.
    """

    id: str
    zh: str
    en: str
    start_year: int
    projection: Projection
    stocks: Mapping[str, Array]
    carbon: Array
    volume: Array
    cost: Array
    treated: Array
    harvest: Array
    additional: Array
    labels: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def areas(self) -> dict[str, Array]:
        """hm2 by year and value of the column that the folder splits by, such as species."""
        return {label: self.projection.area[:, i] for i, label in enumerate(self.projection.labels)}

    @property
    def spent(self) -> Array:
        return np.cumsum(self.cost)

    @property
    def cost_per_tonne(self) -> float | None:
        """Yuan per additional t CO2 at the end; None where the scenario stores no more than the baseline."""
        return float(self.spent[-1] / self.additional[-1]) if self.additional[-1] > 0 else None

    def rows(self) -> list[dict[str, Any]]:
        """One row a year: its end, and what happened in it."""
        made = []
        for y in range(len(self.carbon)):
            flow = y - 1
            made.append({
                "scenario": self.id, "year": self.start_year - 1 + y, "carbon_t": float(self.carbon[y]),
                **{f"{k}_t": float(v[y]) for k, v in self.stocks.items()}, "volume_m3": float(self.volume[y]),
                "additional_tco2": float(self.additional[y]), "treated_hm2": float(self.treated[flow]) if y else 0.0,
                "harvest_t": float(self.harvest[flow]) if y else 0.0, "cost_yuan": float(self.cost[flow]) if y else 0.0,
                "label": "; ".join(self.labels),
            })  # fmt: skip
        return made


def project_scenarios(stands: StandSet, names: Sequence[str] = (), years: int | None = None) -> list[Outcome]:
    """The baseline and each scenario of a folder (those that `scenarios.csv` fills, or `names`), over the same stands.

    Raises `UnknownName`, `MissingParameter`, `OutOfBounds`, `Unbalanced`.
    """
    known = load_scenarios()
    asked = list(names) or [s for s in known if any(r.group == s for r in stands.scenarios)]
    lost = [n for n in asked if n not in known]
    if lost:
        raise UnknownName(f"no scenario {lost[0]!r}.", f"没有情景 {lost[0]!r}。", fix=f"one of {', '.join(known)}")
    span = stands.years if years is None else years
    plans = {n: events_of(known[n], stands.scenarios, stands.start_year, span) for n in asked}
    base = _run(stands, (), span)
    made = [_outcome(stands, BASELINE, "基线（不实施）", "baseline: nothing is done", base, base)]
    for n, events in plans.items():
        made.append(_outcome(stands, n, known[n].zh, known[n].en, _run(stands, events, span), base))
    return made


def _run(stands: StandSet, events: Sequence[Event], years: int) -> Projection:
    return project(
        stands.model, stands.rates, stands.curves, stands.cohorts, stands.disturbances, years, events, by=stands.by
    )


def _outcome(stands: StandSet, id: str, zh: str, en: str, mine: Projection, base: Projection) -> Outcome:
    model = stands.model
    groups = {name: mine.stock(index) for name, index in model.groups.items() if name != "air"}
    kept, before = _kept(model, mine), _kept(model, base)
    per_carbon = float(load_domains().registry["forest.co2@molar"](np.float64(1.0)))
    rows = [*stands.sourced, *(r for r in stands.scenarios if r.group == id)]
    labels = tuple(
        dict.fromkeys(
            [*(["synthetic"] if stands.synthetic else []), "estimated", *sorted({r.status for r in rows} - {"primary"})]
        )
    )
    products = model.groups["products"]
    harvest = np.diff(mine.stock(products), prepend=mine.stock(products)[0])[1:]
    return Outcome(
        id, zh, en, stands.start_year, mine, groups, np.sum([v for k, v in groups.items() if k != "products"], axis=0), mine.volume.sum(1), mine.cost.sum(1),
        mine.disturbed.sum(1), harvest, (kept - before) * per_carbon, labels, mine.findings,
    )  # fmt: skip


def _kept(model: Model, of: Projection) -> Array:
    """t C in forest and products."""
    return of.stock(np.concatenate([index for name, index in model.groups.items() if name != "air"]))
