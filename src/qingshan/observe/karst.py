"""Karst carbon of a catchment by hydrochemical runoff: gross with and without the correction for strong acids, and net of degassing.

    karst.toml      id, zh, en; area_km2 (0 where it is not known), [degassing] share, source
    samples.csv     year (decimal), flow_m3_s, hco3, [ca, mg] (g/m3); without both the share of strong acids stays open
    flow.csv        year (decimal), flow_m3_s, seconds: the flow of each step of the period

Loads between samples come from a rating curve (`load.py`). The account is a separate one: it reports, and no unit stands on it.
"""

from __future__ import annotations

import csv
import math
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from qingshan.core.domain import load_domains
from qingshan.core.errors import DeclarationError, OutOfBounds
from qingshan.core.finding import Finding
from qingshan.core.method import Array

from .load import Rating, fit_rating

__all__ = ["BENEFIT", "Catchment", "KarstAccount", "karst_account", "read_catchment"]

BENEFIT = "karst_sink"
"""The benefit of `claims.toml` that this account belongs to: a separate one."""
IONS = ("hco3", "ca", "mg")
CATIONS = IONS[1:]
YEAR = 365.25 * 86400


@dataclass(frozen=True)
class Catchment:
    """Samples (n) and steps of flow (m) of one catchment; `area_km2` and `degassing` are None where they are not known."""

    id: str
    zh: str
    en: str
    area_km2: float | None
    degassing: float | None
    degassing_source: str
    sampled: dict[str, Array]
    steps: dict[str, Array]


@dataclass(frozen=True)
class KarstAccount:
    """t CO2 a year: `gross` from all bicarbonate, `corrected` without what strong acids dissolved, `net` of degassing (None
    where its share is not given). `intensity` g C/m2/a of the corrected one (None without an area)."""

    catchment: Catchment
    ratings: dict[str, Rating]
    runoff_m3: float
    gross: float
    corrected: float | None
    net: float | None
    intensity: float | None
    benefit: str
    findings: tuple[Finding, ...]

    def _acid_share(self) -> float | None:
        return None if self.corrected is None or not self.gross else 1 - self.corrected / self.gross

    @property
    def labels(self) -> tuple[str, ...]:
        """What qualifies every figure: loads between samples come from a rating curve."""
        return ("estimated",)

    def record(self) -> dict[str, Any]:
        c = self.catchment
        return {
            "id": c.id, "benefit": self.benefit, "tradable": False, "runoff_m3_a": self.runoff_m3, "gross_tco2_a": self.gross,
            "corrected_tco2_a": self.corrected, "acid_share": self._acid_share(), "net_tco2_a": self.net,
            "degassing": {"share": c.degassing, "source": c.degassing_source}, "area_km2": c.area_km2, "intensity_gc_m2_a": self.intensity,
            "ratings": {k: {"model": r.model, "r2": r.r2, "samples": r.samples, "smearing": r.smearing} for k, r in self.ratings.items()},
            "labels": list(self.labels), "findings": [f.record() for f in self.findings],
        }  # fmt: skip


def read_catchment(folder: Path) -> Catchment:
    """Read a catchment. Raises `DeclarationError` naming file, line and column."""
    path = folder / "karst.toml"
    if not path.is_file():
        raise DeclarationError(
            f"{folder.name} holds no karst.toml.", f"{folder.name} 里没有 karst.toml。", fix="see docs/forest.md"
        )
    about = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    lost = about.get("degassing", {})
    if lost and not lost.get("source"):
        raise DeclarationError("[degassing] needs a source.", "[degassing] 要有 source。", where="karst.toml")
    area = float(about.get("area_km2", 0.0))
    return Catchment(
        str(about["id"]), str(about.get("zh", about["id"])), str(about.get("en", about["id"])), area if area > 0 else None,
        float(lost["share"]) if lost else None, str(lost.get("source", "")), _columns(folder / "samples.csv", ("year", "flow_m3_s", "hco3"), CATIONS),
        _columns(folder / "flow.csv", ("year", "flow_m3_s", "seconds")),
    )  # fmt: skip


def _columns(path: Path, names: tuple[str, ...], together: tuple[str, ...] = ()) -> dict[str, Array]:
    """The columns by name; those of `together` are read where the file has any of them, and then it needs all."""
    if not path.is_file():
        raise DeclarationError(f"{path.name} is missing.", f"缺少 {path.name}。", fix="see docs/forest.md")
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.DictReader(stream)
        if set(together) & set(reader.fieldnames or ()):
            names = (*names, *together)
        values: dict[str, list[float]] = {n: [] for n in names}
        lacking = sorted(set(names) - set(reader.fieldnames or ()))
        if lacking:
            raise DeclarationError(
                f"the columns {', '.join(lacking)} are missing.", f"缺少列 {'、'.join(lacking)}。", where=path.name
            )
        for row in reader:
            for n in names:
                try:
                    values[n].append(float(row[n]))
                except (TypeError, ValueError):
                    values[n].append(math.nan)
                if not values[n][-1] >= 0:
                    raise DeclarationError(
                        f"{n} is {row[n]!r}.",
                        f"{n} 为 {row[n]!r}。",
                        where=f"{path.name}:{reader.line_num}",
                        fix="a number, 0 or more / 不小于 0 的数",
                    )
    return {n: np.array(v) for n, v in values.items()}


def karst_account(catchment: Catchment, model: str = "season") -> KarstAccount:
    """Fit the loads of bicarbonate, calcium and magnesium, sum them over the steps, and put the account together.

    Raises `TooFewPlots` for too few samples, `OutOfBounds` for a flow of 0 in samples or steps, or steps without time.
    """
    sampled, steps = catchment.sampled, catchment.steps
    seconds, flow = steps["seconds"], steps["flow_m3_s"]
    if not len(seconds) or not (seconds > 0).all() or not (flow > 0).all():
        raise OutOfBounds(
            "a step of flow has no time or no water.",
            "有时段没有时长或流量。",
            where="flow.csv",
            fix="leave dry steps out / 删去断流时段",
        )
    years = float(seconds.sum()) / YEAR
    ratings = {
        ion: fit_rating(sampled["flow_m3_s"], sampled[ion] * sampled["flow_m3_s"], sampled["year"], model)
        for ion in IONS
        if ion in sampled
    }
    grams = {ion: float((r.loads(flow, steps["year"]) * seconds).sum()) / years for ion, r in ratings.items()}
    runoff = float((flow * seconds).sum()) / years
    mean = {ion: np.float64(g / runoff) for ion, g in grams.items()}
    registry, water = load_domains().registry, np.float64(runoff)
    gross = float(registry["forest.karst_sink@hydrochemical"](water, mean["hco3"]))
    corrected = net = intensity = None
    if set(CATIONS) <= set(mean):
        corrected = float(registry["forest.karst_sink@acids"](water, *(mean[ion] for ion in IONS)))
    if corrected is not None and catchment.degassing is not None:
        net = float(registry["forest.karst_net@degassing"](np.float64(corrected), np.float64(catchment.degassing)))
    if corrected is not None and catchment.area_km2 is not None:
        intensity = corrected * 1e6 * 12 / 44 / (catchment.area_km2 * 1e6)
    findings = [*_findings(catchment, ratings, flow), *_band(intensity), *_acid(gross, corrected)]
    return KarstAccount(catchment, ratings, runoff, gross, corrected, net, intensity, BENEFIT, tuple(findings))


def _findings(catchment: Catchment, ratings: dict[str, Rating], flow: Array) -> list[Finding]:
    found: list[Finding] = []
    beyond = float(ratings["hco3"].outside(flow).mean())
    if beyond:
        found.append(Finding("warning", "flow_outside", f"{beyond:.0%} of the steps have a flow beyond those sampled.",
                             f"{beyond:.0%} 的时段流量超出采样范围。", "flow.csv", None, "flow_m3_s"))  # fmt: skip
    if catchment.area_km2 is None:
        found.append(
            Finding(
                "warning",
                "no_area",
                "the catchment area is open: no intensity.",
                "集水面积待补，不给强度。",
                "karst.toml",
                None,
                "area_km2",
            )
        )
    if catchment.degassing is None:
        found.append(
            Finding(
                "warning",
                "no_degassing",
                "the share of degassing is open: gross only.",
                "脱气比例待补，只给总量。",
                "karst.toml",
                None,
                "degassing",
            )
        )
    return found


def _acid(gross: float, corrected: float | None) -> list[Finding]:
    if corrected is None:
        return [Finding("warning", "no_acids", "calcium and magnesium were not sampled: gross only.",
                        "未采钙、镁：外源酸待补，只给总量。", "samples.csv", None, "ca, mg")]  # fmt: skip
    if corrected >= 0:
        return []
    return [
        Finding(
            "warning",
            "acid",
            f"calcium and magnesium exceed bicarbonate: {corrected:.4g} t CO2/a (gross {gross:.4g}).",
            f"钙镁多于重碳酸根：{corrected:.4g} t CO2/a（总量 {gross:.4g}）。",
            "samples.csv",
            fix="gypsum, or a wrong sample / 石膏溶解或样品有误",
        )
    ]


def _band(intensity: float | None) -> list[Finding]:
    """Published bands are flags, never limits: one finding for each that the intensity lies outside of."""
    parameters = load_domains().parameters()
    highs = {row.set: row.value for row in parameters.rows("forest.karst_uptake_high")}
    found = []
    for row in parameters.rows("forest.karst_uptake_low"):
        low, high = row.value, highs.get(row.set)
        if intensity is None or low is None or high is None or low <= intensity <= high:
            continue
        band, of = f"{low:g}-{high:g}", f"{row.place}, {row.year}"
        found.append(Finding("warning", "implausible", f"{intensity:.4g} g C/m2/a lies outside {band} ({of}).",
                             f"{intensity:.4g} g C/m2/a 超出 {band}（{of}）。", limit=f"{band} g C/m2/a"))  # fmt: skip
    return found
