"""A synthetic forest inventory on the rasters of a synthetic zone: plots on a grid, trees that grow from one year to the next.

Strata are classes of the first year's land cover, as a remote-sensing map gives them; the plots find what stands there. The
same plots are measured in every year. Every tree is invented from the seed.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from qingshan.core.errors import UnknownName

from .noise import key_of, uniform

__all__ = ["builtin_woods", "declared_woods", "woods"]

PLOT_M2, SET = 200.0, "synthetic"
PLOTS_ACROSS, PLOTS_ACROSS_PROVINCE = 22, 48
STRATA = {"conifer": (12, 13), "broadleaf": (11,), "open": (14, 21, 23), "other": ()}
"""Stratum -> classes of land cover on the map; `other` takes the rest."""
FOREST = {"conifer": 0.93, "broadleaf": 0.95, "open": 0.3, "other": 0.04}
"""Share of a stratum's plots that turn out to be forest."""
SPECIES = {
    "conifer": ("Pinus massoniana", "Cunninghamia lanceolata", "Pinus massoniana", "Quercus acutissima"),
    "broadleaf": ("Cyclobalanopsis glauca", "Quercus acutissima", "Liquidambar formosana", "Castanopsis sclerophylla"),
}
YOUNG, OLD = 1, 5
EQUATIONS = {
    "Pinus massoniana": ("马尾松", (0.048, 0.935), (0.0125, 0.905)),
    "Cunninghamia lanceolata": ("杉木", (0.041, 0.925), (0.0118, 0.900)),
    "Quercus acutissima": ("麻栎", (0.066, 0.940), (0.0205, 0.895)),
    "Cyclobalanopsis glauca": ("青冈", (0.070, 0.938), (0.0230, 0.890)),
    "Castanopsis sclerophylla": ("苦槠", (0.063, 0.936), (0.0210, 0.892)),
    "broadleaved mixed": ("阔叶混交", (0.060, 0.938), (0.0200, 0.893)),
}
"""Invented: a, b of a*(D2H)^b in kg of dry matter (D cm, H m), above and below ground. The last serves a group of species."""


@dataclass(frozen=True)
class _Tree:
    number: int
    taxon: str
    d: float
    fate: float


def woods(rasters: Path, seed: int, years: Sequence[int], codes: Mapping[int, str]) -> dict[int, dict[str, str]]:
    """The tables of each year's inventory as texts by file name: strata, plots, conditions, trees.

    `rasters` holds `places.tif` and `cover_YEAR.tif`; `codes` maps numbers of the raster of places to codes of places.
    """
    sizes, seats = _mapped(rasters, years[0])
    made = {year: {"strata": [], "plots": [], "conditions": [], "trees": []} for year in years}  # type: dict[int, dict[str, list[Any]]]
    for year in years:
        made[year]["strata"] = [(name, f"{sizes[name] * 0.09:.2f}") for name in STRATA if sizes[name]]
    for number, (row, col, x, y, place, stratum) in enumerate(seats, 1):
        _plot(made, seed, years, number, (row, col), (x, y), codes[place], stratum)
    heads = {
        "strata": ("stratum", "area_hm2"),
        "plots": ("plot", "stratum", "area_m2", "slope_deg", "x", "y", "place", "dominant", "age_class", "origin"),
        "conditions": ("plot", "condition", "status", "proportion"),
        "trees": ("plot", "tree", "taxon", "d_cm", "h_m", "status", "condition"),
    }
    return {
        year: {f"{name}.csv": _csv(heads[name], rows) for name, rows in tables.items()}
        | {"equations.csv": _equations()}
        for year, tables in made.items()
    }


def _equations() -> str:
    """Equations of the synthetic forest, with units, as a table of a user's own."""
    head = ("id", "set", "taxon", "taxon_zh", "rank", "quantity", "form", "a", "b", "d_unit", "h_unit", "unit", "unit_basis", "d_min", "d_max",
            "source_title", "status")  # fmt: skip
    rows = []
    for taxon, (zh, *coefficients) in EQUATIONS.items():
        rank = "species" if taxon[0].isupper() else "group"
        for quantity, (a, b) in zip(("agb", "bgb"), coefficients, strict=True):
            rows.append((f"{SET}.{taxon.lower().replace(' ', '_')}.{quantity}", SET, taxon, zh, rank, quantity, "power_d2h", a, b, "cm", "m", "kg",
                         "printed", 2, 50, "invented for a synthetic zone 为合成区域虚构", "project"))  # fmt: skip
    return _csv(head, rows)


def _plot(made: Mapping[int, dict[str, list[Any]]], seed: int, years: Sequence[int], number: int, cell: tuple[int, int],
          at: tuple[float, float], place: str, stratum: str) -> None:  # fmt: skip
    """Add one plot with its trees to every year's tables."""
    name, key = f"{number:04d}", key_of(seed, f"woods/{number}")
    forest = _u(key, 1, 0) < FOREST[stratum]
    kind = stratum if stratum in SPECIES else ("conifer" if _u(key, 2, 0) < 0.5 else "broadleaf")
    dominant = SPECIES[kind][int(_u(key, 3, 0) ** 1.4 * 4)]
    age = YOUNG + int(_u(key, 4, 0) ** 1.3 * OLD)
    planted = kind == "conifer" and _u(key, 5, 0) < 0.7
    slope = round(4 + 30 * _u(key, 6, 0), 1)
    trees = list(_stand(key, dominant, kind, age)) if forest else []
    for step, year in enumerate(years):
        tables = made[year]
        older = min(OLD, age + (step if _u(key, 7, 0) < 0.35 else 0))
        stand = (dominant, str(older), "planted" if planted else "natural") if forest else ("", "", "")
        tables["plots"].append((name, stratum, f"{PLOT_M2:g}", slope, f"{at[0]:.0f}", f"{at[1]:.0f}", place, *stand))
        tables["conditions"].append((name, "1", "forest" if forest else "nonforest", "1"))
        tables["trees"] += _measured(key, name, trees, step, age)


def _stand(key: np.uint64, dominant: str, kind: str, age: int) -> Iterator[_Tree]:
    """Trees of a plot: fewer and thicker with age, spread around the mean diameter, a fifth of other species."""
    mean = 5.5 + 3.6 * age + 3 * _u(key, 8, 0)
    count = int((2300 - 360 * age) * (0.7 + 0.6 * _u(key, 9, 0)) * PLOT_M2 / 1e4)
    for n in range(1, count + 1):
        taxon = dominant if _u(key, n, 1) < 0.8 else SPECIES[kind][int(_u(key, n, 2) * 4)]
        spread = sum(_u(key, n, 3 + i) for i in range(4)) / 2 - 1  # a hump within -1..1
        yield _Tree(n, taxon, max(5.0, mean * (1 + 0.62 * spread)), _u(key, n, 7))


def _measured(key: np.uint64, plot: str, trees: Iterable[_Tree], step: int, age: int) -> Iterator[tuple[Any, ...]]:
    """Diameters and heights `step` inventories on; a few trees have died by then, and stay in the table."""
    for tree in trees:
        growth = (2.6 - 0.36 * age) * (0.5 + _u(key, tree.number, 9)) * step
        d = tree.d + growth
        dead = tree.fate < 0.02 + 0.035 * step
        tall = (24.0 if tree.taxon.startswith(("Pinus", "Cunn")) else 20.0) * (1 - math.exp(-0.055 * d)) + 1.3
        h = tall * (0.9 + 0.2 * _u(key, tree.number, 8))
        yield plot, tree.number, tree.taxon, f"{d:.1f}", f"{h:.1f}", "dead" if dead else "live", "1"


def _mapped(rasters: Path, year: int) -> tuple[dict[str, int], list[tuple[int, int, float, float, int, str]]]:
    """Cells of each stratum inside the zone, and the plots: row, column, coordinates, place and stratum."""
    import rasterio  # noqa: PLC0415 - the extra geo

    sizes = np.zeros(256, np.int64)
    seats: list[tuple[int, int, float, float, int, str]] = []
    stratum_of = {code: name for name, classes in STRATA.items() for code in classes}
    with rasterio.open(rasters / f"cover_{year}.tif") as cover, rasterio.open(rasters / "places.tif") as places:
        side = max(cover.width, cover.height)
        step = max(1, side // (PLOTS_ACROSS if side <= 1024 else PLOTS_ACROSS_PROVINCE))
        for _, window in cover.block_windows(1):
            kinds, who = cover.read(1, window=window), places.read(1, window=window)
            sizes += np.bincount(kinds[who > 0].ravel(), minlength=256)
            for i in range((-window.row_off + step // 2) % step, kinds.shape[0], step):
                for j in range((-window.col_off + step // 2) % step, kinds.shape[1], step):
                    if who[i, j]:
                        row, col = window.row_off + i, window.col_off + j
                        x, y = cover.xy(row, col)
                        seats.append(
                            (row, col, float(x), float(y), int(who[i, j]), stratum_of.get(int(kinds[i, j]), "other"))
                        )
    seats.sort()
    cells = {name: sum(int(sizes[c]) for c in classes) for name, classes in STRATA.items()}
    cells["other"] = int(sizes.sum()) - sum(cells.values())
    met = {seat[5] for seat in seats}
    return {name: n if name in met else 0 for name, n in cells.items()}, seats


def builtin_woods(generator: str, period: str) -> dict[str, str]:
    """The tables of an inventory of a built-in synthetic zone. Raises `UnknownName`, `ZoneError`."""
    from .builtin import GENERATORS, generated  # noqa: PLC0415 - beside its only use
    from .folder import COUNTY  # noqa: PLC0415
    from .stack import YEARS  # noqa: PLC0415

    stack = GENERATORS.get(generator)
    if stack is None or int(period) not in YEARS:
        raise UnknownName(f"no inventory of {generator!r} in {period}.", f"没有 {generator!r} 在 {period} 年的调查。")
    rasters = generated({"id": "places", "generator": generator}).parent
    codes = {n: f"{COUNTY}{n:03d}" for n in range(1, 1000)}
    return woods(rasters, stack.seed, YEARS, codes)[int(period)]


def declared_woods(years: Sequence[int], keys: Mapping[int, Mapping[str, str]], source: str) -> list[str]:
    """The `[[inventory]]` entries of zone.toml; `keys` says where each year's tables lie."""
    groups = '{ "Liquidambar formosana" = "broadleaved mixed" }'
    volume = '{ "Liquidambar formosana" = "broadleaf", "Cyclobalanopsis glauca" = "broadleaf", "Castanopsis sclerophylla" = "broadleaf" }'
    made = []
    for year in years:
        where = "".join(f'{k} = "{v}"\n' for k, v in keys[year].items())
        made.append(
            f'[[inventory]]\nid = "plots{year}"\nperiod = "{year}"\nzh = "{year} 年样地调查（合成）"\n'
            f'en = "plot inventory of {year} (synthetic)"\nsource = "{source}"\n{where}'
            'quantity = "total"\nsets = ["synthetic"]\n'
            'volume_sets = ["db52t7032011", "db52t7022011", "ly20877"]\n'
            f"groups = {groups}\nvolume_groups = {volume}\n"
            'by = ["dominant", "age_class", "origin", "dominant*age_class"]\nplace_column = "place"\nsynthetic = true\n'
        )
    return made


def _u(key: np.uint64, row: int, col: int) -> float:
    return float(uniform(key, row, col))


def _csv(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([head, *rows])
    return out.getvalue()
