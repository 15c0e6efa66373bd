"""Plausibility bands: what a stand of a species, age and site may take up in a year. User data; an outlier is flagged, not blocked."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from qingshan.core.errors import DeclarationError
from qingshan.core.finding import Finding
from qingshan.core.units import convert

__all__ = ["Band", "check_plausible", "read_bands"]

UNIT = "t CO2/hm2/a"
COLUMNS = ("species", "site", "age_min", "age_max", "low", "high", "unit", "source")


@dataclass(frozen=True, slots=True)
class Band:
    """`low` to `high` in t CO2/hm2/a for ages from `age_min` up to, not including, `age_max`; site '' is any site."""

    species: str
    site: str
    age_min: float
    age_max: float
    low: float
    high: float
    source: str


def read_bands(path: Path) -> list[Band]:
    """Read a CSV with `COLUMNS`; units are converted. Raises `DeclarationError` naming the line, `UnitError`."""
    made: list[Band] = []
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.DictReader(stream)
        lacking = set(COLUMNS) - set(reader.fieldnames or ())
        if lacking:
            raise DeclarationError(
                f"the bands lack {sorted(lacking)}.", f"区间表缺少列 {sorted(lacking)}。", where=path.name
            )
        for row in reader:
            where = f"{path.name}:{reader.line_num}"
            try:
                ages = float(row["age_min"] or 0), float(row["age_max"] or "inf")
                low, high = (float(convert(float(row[c]), row["unit"], UNIT)) for c in ("low", "high"))
            except ValueError:
                raise DeclarationError(
                    "ages and limits must be numbers.", "林龄和上下限应为数。", where=where
                ) from None
            if not (ages[0] < ages[1] and low <= high and row["source"]):
                raise DeclarationError(
                    "age_min < age_max, low <= high and a source are needed.", "应满足 age_min < age_max、low ≤ high，并写明出处。", where=where
                )  # fmt: skip
            made.append(Band(row["species"], row["site"], *ages, low, high, row["source"]))
    return made


def check_plausible(
    name: str, rate: float, unit: str, species: str, age: float, site: str, bands: Sequence[Band]
) -> list[Finding]:
    """Nothing where the rate lies in its band; a warning that says how far outside it lies; a note where there is no band.

    A band of the site goes before one of any site. `rate` per area and year in `unit`; carbon does not convert to CO2.
    """
    value = float(convert(rate, unit, UNIT))
    fits = [b for b in bands if b.species == species and b.age_min <= age < b.age_max and b.site in (site, "")]
    if not fits:
        return [Finding("note", "no_band", f"{name}: no plausibility band for {species}, {age:g} a, {site or 'any site'}.",
                        f"{name}：没有{species} {age:g} 年{site}的合理区间。")]  # fmt: skip
    band = max(fits, key=lambda b: b.site == site)
    if band.low <= value <= band.high:
        return []
    limit = band.high if value > band.high else band.low
    times = value / limit if limit else math.inf
    en, zh = ("above", "高于上限") if value > band.high else ("below", "低于下限")
    span, said = f"{band.low:g}-{band.high:g}", f"{value:.4g} {UNIT}"
    return [
        Finding("warning", "implausible",
                f"{name}: {said} is {en} the band {span} of {species} at {age:g} a ({times:.2f} times the limit; {band.source}).",
                f"{name}：{said}，{zh}（{species} {age:g} 年为 {span}，是限值的 {times:.2f} 倍；{band.source}）。", limit=f"{span} {UNIT}",
                fix="check area, period, unit (C or CO2) and mu or hm2 / 核对面积、期限、计量对象（碳或二氧化碳）和亩或公顷")
    ]  # fmt: skip
