"""Stands, rates, curves and plans that nobody measured, to try projections on: round numbers from a seed, labelled synthetic."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from qingshan.core.errors import QingshanError

from .model import Model, load_model

__all__ = ["write_demo_stands"]

SOURCE = "invented for a synthetic set 为合成数据虚构"
CURVES = {
    "conifer_low": (45.0, 90.0, "Softwood"),
    "conifer": (95.0, 210.0, "Softwood"),
    "broadleaf": (110.0, 190.0, "Hardwood"),
}
SHARES = {"Merch": 0.62, "Foliage": 0.05, "Other": 0.15, "CoarseRoots": 0.14, "FineRoots": 0.04}
AGES, STANDS = 121, 60
HEAD = """# Synthetic, seed {seed}. 合成数据，不描述任何真实的林地。
model = "cbm26"
start_year = 2021
years = 40
by = "species"
synthetic = true
"""
PLANS: dict[str, dict[str, tuple[object, str]]] = {
    "reserve_forest": {
        "renew_classifier": ("species", ""), "renew_word": ("conifer", ""), "renew_age_from": (30, "a"), "renew_age_to": (200, "a"),
        "renew_annual_area": (40, "hm2/a"), "renew_first_year": (2021, "a"), "renew_last_year": (2035, "a"), "renew_disturbance": ("clear_cut", ""),
        "renew_to_word": ("broadleaf", ""), "renew_curve": ("broadleaf", ""), "renew_group": ("warm", ""), "renew_delay": (1, "a"),
        "renew_cost": (24000, "元/hm2"), "tend_classifier": ("species", ""), "tend_word": ("conifer", ""), "tend_age_from": (8, "a"),
        "tend_age_to": (25, "a"), "tend_annual_area": (60, "hm2/a"), "tend_first_year": (2021, "a"), "tend_last_year": (2030, "a"),
        "tend_disturbance": ("thinning", ""), "tend_cost": (4500, "元/hm2"),
    },
    "low_yield": {
        "classifier": ("yield", ""), "word": ("low", ""), "age_from": (0, "a"), "age_to": (200, "a"), "annual_area": (50, "hm2/a"),
        "first_year": (2021, "a"), "last_year": (2030, "a"), "disturbance": ("clear_cut", ""), "to_word": ("normal", ""), "curve": ("conifer", ""),
        "group": ("warm", ""), "delay": (1, "a"), "cost": (18000, "元/hm2"),
    },
    "species_structure": {
        "classifier": ("species", ""), "word": ("conifer", ""), "age_from": (20, "a"), "age_to": (200, "a"), "annual_area": (30, "hm2/a"),
        "first_year": (2021, "a"), "last_year": (2040, "a"), "disturbance": ("clear_cut", ""), "to_word": ("broadleaf", ""),
        "curve": ("broadleaf", ""), "group": ("warm", ""), "delay": (1, "a"), "cost": (21000, "元/hm2"),
    },
}  # fmt: skip


def write_demo_stands(folder: Path, *, seed: int = 3) -> None:
    """Write a set of stands into a new folder. Raises `QingshanError` where it exists."""
    if folder.exists():
        raise QingshanError(f"{folder} exists.", f"{folder} 已存在。", fix="name a new folder / 换一个新目录")
    model = load_model("cbm26")
    lot = np.random.default_rng(seed)
    files = {
        "stand.toml": HEAD.format(seed=seed),
        "cohorts.csv": _csv(("id", "area_hm2", "age", "curve", "group", "interval", "historical", "last", "delay", "species", "yield"), _cohorts(lot)),
        "curves.csv": _curves(model), "rates.csv": _rates(model), "disturbances.csv": _disturbances(),
        "scenarios.csv": _csv(("scenario", "parameter", "value", "unit", "status", "source_title"),
                              [(s, p, v, u, "project", SOURCE) for s, plan in PLANS.items() for p, (v, u) in plan.items()]),
    }  # fmt: skip
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")


def _cohorts(lot: np.random.Generator) -> list[tuple[object, ...]]:
    made: list[tuple[object, ...]] = []
    for i in range(STANDS):
        curve = list(CURVES)[int(lot.integers(0, 3))]
        species = "broadleaf" if curve == "broadleaf" else "conifer"
        area = round(float(lot.uniform(8, 40)), 2)
        made.append((f"s{i + 1:03d}", area, int(lot.integers(3, 60)), curve, "warm", 80, "fire", "clear_cut", 0, species,
                     "low" if curve == "conifer_low" else "normal"))  # fmt: skip
    return made


def _curves(model: Model) -> str:
    growing = [model.pools[i] for i in model.growth]
    rows = []
    for name, (top, volume, wood) in CURVES.items():
        for age in range(AGES):
            grown = (1 - np.exp(-0.035 * age)) ** 1.6
            carbon = [
                f"{top * grown * SHARES.get(p.removeprefix(wood), 0.0) if p.startswith(wood) else 0.0:.4f}"
                for p in growing
            ]
            rows.append((name, age, f"{volume * grown:.3f}", *carbon))
    return _csv(("curve", "age", "volume_m3_hm2", *growing), rows)


def _rates(model: Model) -> str:
    def of(name: str) -> float:
        if name == "reference_temperature":
            return 10.0
        if name.endswith("_q10"):
            return 2.0
        if name.endswith(("split", "to_air")):
            return 0.5
        return 0.004 if "slow" in name else 0.05

    rows: list[tuple[object, ...]] = [("warm", n, of(n), "", "project", SOURCE) for n in model.needs]
    return _csv(
        ("group", "parameter", "value", "unit", "status", "source_title"),
        [*rows, ("warm", "temperature", 15, "degC", "project", SOURCE)],
    )


def _disturbances() -> str:
    rows: list[tuple[object, ...]] = []
    for wood in ("Softwood", "Hardwood"):
        litter = [(f"{wood}Foliage", "AboveGroundVeryFastSoil", 1.0), (f"{wood}Other", "AboveGroundFastSoil", 1.0),
                  (f"{wood}CoarseRoots", "BelowGroundFastSoil", 1.0), (f"{wood}FineRoots", "BelowGroundVeryFastSoil", 1.0)]  # fmt: skip
        cut = [(f"{wood}Merch", "Products", 0.85), (f"{wood}Merch", "MediumSoil", 0.15), *litter]
        fire = [(f"{wood}Merch", f"{wood}StemSnag", 1.0), (f"{wood}Foliage", "CO2", 1.0), (f"{wood}Other", "CO2", 0.5),
                (f"{wood}Other", "AboveGroundFastSoil", 0.5), *litter[2:]]  # fmt: skip
        thin = [(f"{wood}Merch", "Products", 0.2), (f"{wood}Merch", f"{wood}Merch", 0.8)]
        for kind, cells, keeps in (("clear_cut", cut, ""), ("fire", fire, ""), ("thinning", thin, "yes")):
            rows += [(kind, a, b, share, "project", SOURCE, keeps) for a, b, share in cells]
    return _csv(("type", "from", "to", "share", "status", "source_title", "keeps_age"), rows)


def _csv(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return stream.getvalue()
