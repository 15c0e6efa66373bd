"""A seeded project that nobody planted: parcels, plots and trees of two inventories, to try the dossier on. Always labelled synthetic."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import shapely
from pyproj import Transformer

from qingshan.core.errors import QingshanError

__all__ = ["write_demo_project"]

CRS, WEST, SOUTH, SIDE = "EPSG:32648", 503_000.0, 2_990_000.0, 180.0
COLUMNS, ROWS, PLOTS, TREES = 4, 3, 8, 36
SPECIES = (("cf", "杉木", 2006), ("mx", "马尾松", 2004))
HEAD = """# Synthetic project: made by a program, seed {seed}. 合成项目：由程序生成，不描述任何真实的林地。
id = "{id}"
zh = "青岭碳票项目（合成）"
en = "Qingling ticket project (synthetic)"
scheme = "carbon_ticket"
methodology = "{methodology}"
holder = "青溪村集体（合成）"
place = "990101001"
start = "2015-01-01"
end = "2020-01-01"
pool = "tree"
benefit = "removal"
crs = "{crs}"
synthetic = true

[inventory]
sets = ["anhui2016"]
quantity = "total"
allow_unit_assumed = true

[facts]
clear_title = true
"""


def write_demo_project(
    folder: Path, *, seed: int = 5, id: str = "demo-ticket", methodology: str = "bijie_ticket", shift: float = 0.0
) -> None:
    """Write the project into a new folder; `shift` moves its land east by so many metres. Raises where the folder exists."""
    if folder.exists():
        raise QingshanError(f"{folder} exists.", f"{folder} 已存在。", fix="name a new folder / 换一个新目录")
    lot = np.random.default_rng(seed)
    cells = _cells(lot, shift)
    files = {
        "project.toml": HEAD.format(seed=seed, id=id, crs=CRS, methodology=methodology),
        "parcels.geojson": _geojson(cells, id),
    }
    strata = {
        name: sum(c.area for i, c in enumerate(cells) if i % 2 == k) / 1e4 for k, (name, _, _) in enumerate(SPECIES)
    }
    for when, grown in (("opening", 0.0), ("closing", 4.0)):
        files |= {
            f"{when}/{name}.csv": text
            for name, text in _inventory(np.random.default_rng(seed + 1), strata, grown).items()
        }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")


def _cells(lot: np.random.Generator, shift: float) -> list[shapely.Polygon]:
    """Crooked cells that tile a rectangle: neighbours share their corners."""
    x, y = np.meshgrid(np.arange(COLUMNS + 1) * SIDE, np.arange(ROWS + 1) * SIDE)
    corners = np.stack([x, y], -1) + lot.uniform(-0.22, 0.22, (ROWS + 1, COLUMNS + 1, 2)) * SIDE + (WEST + shift, SOUTH)
    back = Transformer.from_crs(CRS, "EPSG:4326", always_xy=True)
    there = Transformer.from_crs("EPSG:4326", CRS, always_xy=True)
    lon, lat = back.transform(corners[..., 0], corners[..., 1])
    lon, lat = np.round(lon, 9), np.round(lat, 9)  # as the file will have them
    flat = np.stack(there.transform(lon, lat), -1)
    return [
        shapely.Polygon([flat[r, c], flat[r, c + 1], flat[r + 1, c + 1], flat[r + 1, c]])
        for r in range(ROWS)
        for c in range(COLUMNS)
    ]


def _geojson(cells: list[shapely.Polygon], id: str) -> str:
    back = Transformer.from_crs(CRS, "EPSG:4326", always_xy=True)
    features = []
    for i, cell in enumerate(cells):
        ring = np.column_stack(back.transform(*np.asarray(cell.exterior.coords).T)).round(9).tolist()
        stratum, species, planted = SPECIES[i % 2]
        about = {
            "parcel": f"{id}-{i + 1:02d}",
            "title": f"合成林证第{i + 1:03d}号",
            "species": species,
            "planted": planted,
            "stratum": stratum,
        }
        features.append(
            {"type": "Feature", "properties": about, "geometry": {"type": "Polygon", "coordinates": [ring]}}
        )
    lines = ",\n".join(json.dumps(f, ensure_ascii=False) for f in features)
    return f'{{"type": "FeatureCollection", "features": [\n{lines}\n]}}\n'


def _inventory(lot: np.random.Generator, strata: dict[str, float], grown: float) -> dict[str, str]:
    """Plots and trees; the same draws give both inventories, so that each tree has its own growth."""
    plots, trees = [], []
    for stratum, species, _ in SPECIES:
        for n in range(1, PLOTS + 1):
            plot, site = f"{stratum}{n:02d}", lot.normal(0, 0.9)
            plots.append((plot, stratum, 600))
            d = np.maximum(lot.gamma(9, 1.1, TREES) + site, 3.0)
            d = d + grown * lot.uniform(0.5, 1.3, TREES) if grown else d + 0 * lot.uniform(0.5, 1.3, TREES)
            for t, dbh in enumerate(d.round(1), 1):
                trees.append((plot, t, species, f"{dbh:.1f}", f"{1.3 + 0.75 * dbh**0.95:.1f}"))
    areas = [(name, repr(round(area, 6))) for name, area in strata.items()]
    return {
        "plots": _csv(("plot", "stratum", "area_m2"), plots),
        "trees": _csv(("plot", "tree", "taxon", "d_cm", "h_m"), trees),
        "strata": _csv(("stratum", "area_hm2"), areas),
    }


def _csv(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return stream.getvalue()
