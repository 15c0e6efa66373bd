"""A folder of stands: cohorts, yield curves, rates, disturbance matrices and scenario rows, each number with its source.

    stand.toml          model, start_year, years, [by], [synthetic]
    cohorts.csv         id, area_hm2, age, curve, group, interval, historical, last, [delay], and any classifier
    curves.csv          curve, age, volume_m3_hm2, and t C/hm2 of the growing pools; ages 0, 1, 2 …
    rates.csv           group, parameter, value, unit, status, source_title, [source_where]; `temperature` in degC
    disturbances.csv    type, from, to, share, status, source_title, [keeps_age]; the shares of a pool sum to 1
    scenarios.csv       scenario, parameter, value, unit, status, source_title, [source_where]

A row without status or source is refused; `open` is a slot that has no value yet.
"""

from __future__ import annotations

import csv
import math
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from qingshan.core.errors import DeclarationError, MissingParameter, OutOfBounds, UnknownName
from qingshan.core.parameter import STATUSES

from .model import Disturbance, Model, Rates, disturbance_matrices, load_model, rates_of
from .project import Cohorts, Curves
from .spinup import History, spin_up

__all__ = ["SourcedRow", "StandSet", "read_stands"]

COHORT = ("id", "area_hm2", "age", "curve", "group", "interval", "historical", "last")
TEMPERATURE = "temperature"


@dataclass(frozen=True, slots=True)
class SourcedRow:
    """A number or word of a user with where it comes from; `group` is a parameter group, a disturbance or a scenario."""

    group: str
    parameter: str
    value: str
    unit: str
    status: str
    source_title: str
    line: int


@dataclass(frozen=True)
class StandSet:
    """Everything a projection needs; cohorts carry their pools after spin-up. `sourced` are the rates and matrices used."""

    model: Model
    rates: Rates
    curves: Curves
    cohorts: Cohorts
    disturbances: Mapping[str, Disturbance]
    scenarios: tuple[SourcedRow, ...]
    sourced: tuple[SourcedRow, ...]
    start_year: int
    years: int
    by: str
    synthetic: bool
    keys: int
    """How many distinct histories were spun up."""


def read_stands(folder: Path) -> StandSet:
    """Read, check and spin up. Raises `DeclarationError` naming file and line, `MissingParameter`, `OutOfBounds`, `UnknownName`."""
    about = _settings(folder / "stand.toml")
    model = load_model(str(about.get("model", "cbm26")))
    curves = _curves(folder / "curves.csv", model)
    sourced = _sourced(folder / "rates.csv", "group")
    rates = _rates(model, sourced)
    matrix = _sourced(folder / "disturbances.csv", "type", parameter="from", value="share", unit="fraction")
    disturbances = _disturbances(folder / "disturbances.csv", model)
    cohorts, history = _cohorts(folder / "cohorts.csv", model, curves, rates, list(disturbances))
    spun = spin_up(
        model, rates, curves.inputs, cohorts.curve, cohorts.group, cohorts.age, history, list(disturbances.values())
    )
    cohorts.pools = spun.pools
    cohorts.pools[:, model.groups["air"]] = 0.0  # what was released before the start is no part of the account
    cohorts.pools[:, model.groups["products"]] = 0.0
    scenarios = _sourced(folder / "scenarios.csv", "scenario") if (folder / "scenarios.csv").is_file() else []
    return StandSet(
        model, rates, curves, cohorts, disturbances, tuple(scenarios), (*sourced, *matrix), about["start_year"], about["years"],
        str(about.get("by", "")), bool(about.get("synthetic", False)), spun.keys,
    )  # fmt: skip


def _settings(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise DeclarationError(
            f"{path.parent.name} holds no stand.toml.",
            f"{path.parent.name} 里没有 stand.toml。",
            fix="see docs/forest.md",
        )
    about = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    for key in ("start_year", "years"):
        if not isinstance(about.get(key), int) or about[key] < 1:
            raise DeclarationError(
                f"{key} is {about.get(key)!r}.",
                f"{key} 为 {about.get(key)!r}。",
                where=path.name,
                fix="a whole number / 填整数",
            )
    return about


def _table(path: Path, needed: Iterable[str]) -> list[tuple[int, dict[str, str]]]:
    """Rows with their line numbers. Raises `DeclarationError` for a missing file or column."""
    if not path.is_file():
        raise DeclarationError(f"{path.name} is missing.", f"缺少 {path.name}。", fix="see docs/forest.md")
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.DictReader(stream)
        lacking = sorted(set(needed) - set(reader.fieldnames or ()))
        if lacking:
            raise DeclarationError(
                f"the columns {', '.join(lacking)} are missing.", f"缺少列 {'、'.join(lacking)}。", where=path.name
            )
        return [(reader.line_num, {k: (v or "").strip() for k, v in row.items() if k}) for row in reader]


def _number(text: str, path: str, line: int, column: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise DeclarationError(
            f"{column} is {text!r}, no number.", f"{column} 为 {text!r}，不是数。", where=f"{path}:{line}"
        )
    return value


def _sourced(
    path: Path, group: str, *, parameter: str = "parameter", value: str = "value", unit: str = ""
) -> list[SourcedRow]:
    needed = [group, parameter, value, "status", "source_title", *([] if unit else ["unit"])]
    made = []
    for line, row in _table(path, needed):
        if row["status"] not in STATUSES or (row["status"] != "open" and not (row["source_title"] and row[value])):
            raise DeclarationError(
                "a row needs value, status and source.",
                "每行须有数值、来源级别和出处。",
                where=f"{path.name}:{line}",
                fix=f"status: one of {', '.join(STATUSES)}",
            )
        made.append(
            SourcedRow(
                row[group], row[parameter], row[value], unit or row["unit"], row["status"], row["source_title"], line
            )
        )
    seen: set[tuple[str, str]] = set()
    for r in made if not unit else []:
        if (r.group, r.parameter) in seen:
            raise DeclarationError(
                f"{r.group} {r.parameter} stands twice.",
                f"{r.group} {r.parameter} 重复。",
                where=f"{path.name}:{r.line}",
            )
        seen.add((r.group, r.parameter))
    return made


def _rates(model: Model, rows: list[SourcedRow]) -> Rates:
    groups: dict[str, dict[str, float]] = {}
    temperature: dict[str, float] = {}
    for r in rows:
        if r.parameter != TEMPERATURE and r.parameter not in model.needs:
            raise UnknownName(
                f"the model {model.id} has no rate {r.parameter!r}.",
                f"模型 {model.id} 没有参数 {r.parameter!r}。",
                where=f"rates.csv:{r.line}",
            )
        groups.setdefault(r.group, {})
        if r.status == "open":
            continue
        value = _number(r.value, "rates.csv", r.line, "value")
        (
            temperature.__setitem__(r.group, value)
            if r.parameter == TEMPERATURE
            else groups[r.group].__setitem__(r.parameter, value)
        )
    cold = [g for g in groups if g not in temperature]
    if cold:
        raise MissingParameter(
            "forest.stand.temperature",
            f"{cold[0]} has no mean annual temperature.",
            f"{cold[0]} 没有年平均气温。",
            where="rates.csv",
        )
    return rates_of(model, groups, temperature)


def _disturbances(path: Path, model: Model) -> dict[str, Disturbance]:
    rows = _table(path, ("type", "from", "to", "share"))
    cells = [(r["type"], r["from"], r["to"], _number(r["share"], path.name, line, "share")) for line, r in rows]
    keep = {r["type"] for _, r in rows if r.get("keeps_age", "").lower() in ("1", "true", "yes", "是")}
    return disturbance_matrices(model, cells, keep)


def _curves(path: Path, model: Model) -> Curves:
    rows = _table(path, ("curve", "age", "volume_m3_hm2"))
    growing = [model.pools[i] for i in model.growth]
    names = list(dict.fromkeys(r["curve"] for _, r in rows))
    odd = sorted(set(rows[0][1]) - {"curve", "age", "volume_m3_hm2", *growing}) if rows else []
    if not rows or odd:
        raise DeclarationError(
            f"no growing pool {odd[0]!r}." if odd else "there is no curve.",
            f"没有生长碳库 {odd[0]!r}。" if odd else "没有曲线。",
            where=path.name,
        )
    ages = max(int(_number(r["age"], path.name, line, "age")) for line, r in rows) + 1
    carbon, volume = np.full((len(names), ages, len(growing)), np.nan), np.full((len(names), ages), np.nan)
    for line, r in rows:
        c, a = names.index(r["curve"]), int(float(r["age"]))
        if a < 0 or not np.isnan(volume[c, a]):
            raise DeclarationError(
                f"{r['curve']} has the age {a} twice, or below 0.",
                f"{r['curve']} 的 {a} 年重复或为负。",
                where=f"{path.name}:{line}",
            )
        volume[c, a] = _number(r["volume_m3_hm2"], path.name, line, "volume_m3_hm2")
        carbon[c, a] = [_number(r[p], path.name, line, p) if p in r else 0.0 for p in growing]
    for c, name in enumerate(names):  # a shorter curve stays at its last value
        given = ~np.isnan(volume[c])
        last = int(np.flatnonzero(given)[-1])
        if not given[: last + 1].all():
            gap = int(np.flatnonzero(~given)[0])
            raise DeclarationError(
                f"{name} lacks the age {gap}.",
                f"{name} 缺 {gap} 年。",
                where=path.name,
                fix="every age from 0 / 从 0 起逐年给出",
            )
        volume[c, last:], carbon[c, last:] = volume[c, last], carbon[c, last]
    return Curves(tuple(names), carbon, volume)


def _cohorts(path: Path, model: Model, curves: Curves, rates: Rates, types: list[str]) -> tuple[Cohorts, History]:
    rows = _table(path, COHORT)
    if not rows:
        raise DeclarationError("there is no cohort.", "没有林分记录。", where=path.name)

    def indexed(column: str, names: Iterable[str]) -> np.ndarray:
        place = {n: i for i, n in enumerate(names)}
        for line, r in rows:
            if r[column] not in place:
                raise UnknownName(
                    f"no {column} {r[column]!r}.",
                    f"没有 {column} {r[column]!r}。",
                    where=f"{path.name}:{line}",
                    fix=f"one of {', '.join(place)}",
                )
        return np.array([place[r[column]] for _, r in rows], dtype=np.int64)

    def whole(column: str) -> np.ndarray:
        values = [_number(r.get(column) or "0", path.name, line, column) for line, r in rows]
        if any(v != int(v) for v in values):
            raise OutOfBounds(f"{column} must be whole years.", f"{column} 应为整年数。", where=path.name)
        return np.array(values, dtype=np.int64)

    fixed = {*COHORT, "delay"}
    labels = {k: np.array([r[k] for _, r in rows], dtype=object) for k in rows[0][1] if k not in fixed}
    made = Cohorts(
        np.array([r["id"] for _, r in rows], dtype=object), np.array([_number(r["area_hm2"], path.name, line, "area_hm2") for line, r in rows]),
        whole("age"), indexed("curve", curves.names), indexed("group", rates.names), np.zeros((len(rows), len(model.pools))), labels,
    )  # fmt: skip
    return made, History(whole("interval"), indexed("historical", types), indexed("last", types), whole("delay"))
