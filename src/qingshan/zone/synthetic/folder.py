"""The tables of a synthetic zone: `zone.toml`, `places.csv`, `facts/`, `missing.csv`, as texts, from who governs what.

The built-in zone demo30m and every folder that `qingshan synth` makes are written here, so both are the same in kind.
"""

from __future__ import annotations

import csv
import io
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from ..raster.grid import Grid
from ..rows import FACT_COLUMNS
from .declared import declared
from .layers import SyntheticLayer, views
from .places import Seats
from .stack import LABEL, YEARS, Written
from .woods import declared_woods

__all__ = ["Naming", "class_rows", "naming_of", "zone_texts"]

SOURCE = "invented for a synthetic zone 为合成区域虚构"
TOWNSHIPS = (
    ("青溪镇", "Qingxi"), ("云岭乡", "Yunling"), ("石坝镇", "Shiba"), ("白果乡", "Baiguo"), ("松河乡", "Songhe"),
    ("长坪镇", "Changping"), ("龙洞乡", "Longdong"), ("茶山乡", "Chashan"), ("双井镇", "Shuangjing"),
)  # fmt: skip
COUNTY, PROVINCE = "990101", "990000"
MISSING = "quantity,name_zh,name_en,place_code,place,period,needed_by,needed_by_zh,document,rule,note\n"


@dataclass(frozen=True)
class Naming:
    """Ids and names of a zone; `leaves` are (number in the raster of places, code, Chinese name, English name)."""

    id: str
    zh: str
    en: str
    root: str
    levels: tuple[tuple[str, str, str], tuple[str, str, str]]
    leaves: tuple[tuple[int, str, str, str], ...]


def naming_of(id: str, seats: Seats) -> Naming:
    """A county of townships or a province of counties, under codes that GB/T 2260 gives to nobody (99…)."""
    if seats.county:
        leaves = [(n, f"{COUNTY}{n:03d}", *_township(n)) for n in range(1, seats.count + 1)]
        levels = ("county", "县", "county"), ("township", "乡镇", "township")
        return Naming(id, "青岭县（合成）", "Qingling County (synthetic)", COUNTY, levels, tuple(leaves))
    leaves = [
        (n, f"99{n // 90 + 1:02d}{n % 90 + 1:02d}", f"合成{n}县", f"Synthetic County {n}")
        for n in range(1, seats.count + 1)
    ]
    levels = ("province", "省", "province"), ("county", "县", "county")
    return Naming(id, "青山省（合成）", "Qingshan Province (synthetic)", PROVINCE, levels, tuple(leaves))


def _township(number: int) -> tuple[str, str]:
    zh, en = TOWNSHIPS[(number - 1) % len(TOWNSHIPS)]
    more = (number - 1) // len(TOWNSHIPS)
    return (f"{zh}{more + 1}", f"{en} {more + 1}") if more else (zh, en)


def class_rows() -> list[dict[str, str]]:
    """The ecosystem classes of a synthetic zone: code of HJ 1166-2021, id, names, and the fact of their area."""
    text = (files(__package__) / "classes.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(text)))
    return [
        row | {"fact": "land.wetland.marsh" if row["id"] == "marsh" else f"land.ecosystem.{row['id']}"} for row in rows
    ]


def zone_texts(
    naming: Naming, grid: Grid, rasters: Sequence[tuple[Written, Mapping[str, Any]]], areas: Sequence[float], seed: int,
    generator: str = "",
) -> dict[str, str]:  # fmt: skip
    """Every text file of the zone by name, parameters aside.

    `rasters` pairs what was written with the keys that say where it lies (path and sha256, or generator and cells_sha256);
    `areas` in km2 by number of the place. The tables of forest inventories lie in `inventory/YEAR`, or `generator` makes them.
    """
    return {
        "zone.toml": _zone(naming, grid, rasters, seed, generator),
        "places.csv": _places(naming),
        "facts/statistics.csv": _facts(naming, areas),
        "missing.csv": MISSING,
    }


def _places(naming: Naming) -> str:
    rows = [(naming.root, naming.zh, naming.en, naming.levels[0][0], "")]
    rows += [(code, zh, en, naming.levels[1][0], naming.root) for _, code, zh, en in naming.leaves]
    return _csv(("code", "name_zh", "name_en", "level", "parent"), rows)


def _facts(naming: Naming, areas: Sequence[float]) -> str:
    declared = tomllib.loads((files(__package__) / "facts.toml").read_text(encoding="utf-8"))["fact"]
    header = (FACT_COLUMNS[0], "place", *FACT_COLUMNS[1:3], "name_zh", *FACT_COLUMNS[3:], "note")
    rows = []
    for year in YEARS:
        growth = 1.0 + 0.02 * (year - YEARS[0])
        for number, code, zh, _ in naming.leaves:
            for raw in declared:
                value = raw["each"] if "each" in raw else raw["per_km2"] * areas[number] * growth
                shown = f"{value:.0f}" if value >= 1000 else f"{value:.4g}"
                rows.append(
                    (code, zh, year, raw["quantity"], raw["zh"], shown, raw["unit"], SOURCE, "project", "synthetic")
                )
    return _csv(header, rows)


def _csv(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows([header, *rows])
    return stream.getvalue()


def _zone(
    naming: Naming, grid: Grid, rasters: Sequence[tuple[Written, Mapping[str, Any]]], seed: int, generator: str
) -> str:
    west, north = grid.transform[2], grid.transform[5]
    head = f"""# {naming.zh} {naming.en}: {LABEL}
# Made by `qingshan synth`, seed {seed}. The keys are explained in docs/zones.md. 各键说明见 docs/zones.md。

[zone]
id = {_q(naming.id)}
name_zh = {_q(naming.zh)}
name_en = {_q(naming.en)}
root = {_q(naming.root)}
default_profile = "spatial"
profiles = ["spatial", "condition"]
synthetic = true
currency_year = {YEARS[-1]}

[grid]
crs = {_q(grid.crs)}
origin = [{west}, {north}]
cell = {grid.transform[0]}
shape = [{grid.height}, {grid.width}]

[landcover]
quantity = "land.cover"
mapping = "identity"

[places]
raster = "places"
codes = {{ {", ".join(f'{n} = "{code}"' for n, code, _, _ in naming.leaves)} }}

[policies]
negative_retention = "keep"

[items]
product = [
  {{ id = "rice", class = "稻谷" }}, {{ id = "maize", class = "玉米" }}, {{ id = "fruit", class = "水果" }},
  {{ id = "tea", class = "茶叶" }}, {{ id = "timber", class = "木材" }},
]
origin = [{{ id = "near", class = "近程" }}, {{ id = "far", class = "远程" }}]

[services.G05]
included = "n/a"
reason_zh = "合成区域不在风沙区，按声明不核算。"
reason_en = "the synthetic zone is declared outside the sandy regions."

[services.G18]
included = "n/a"
reason_zh = "合成区域在内陆，没有海岸带。"
reason_en = "the synthetic zone is inland and has no coast."
"""
    parts = [head, *_levels(naming), *_periods(), _EXTENT, *_classes(), _WETLAND, _QUANTITY]
    parts += declared([code for _, code, _, _ in naming.leaves], [row["id"] for row in class_rows()])
    tables = {y: {"generator": generator} if generator else {"folder": f"inventory/{y}"} for y in _years(rasters)}
    parts += declared_woods(list(tables), tables, SOURCE)
    parts += [_raster(written, keys) for written, keys in rasters]
    parts += [text for written, keys in rasters for text in _views(written, keys)]
    return "\n".join(parts)


def _years(rasters: Sequence[tuple[Written, Mapping[str, Any]]]) -> list[int]:
    return sorted({written.year for written, _ in rasters if written.year})


def _levels(naming: Naming) -> list[str]:
    return [f'[[level]]\nid = "{id}"\nzh = "{zh}"\nen = "{en}"\n' for id, zh, en in naming.levels]


def _periods() -> list[str]:
    return [
        f'[[period]]\nid = "{y}"\nyear = {y}\nzh = "{y}年（合成）"\nen = "{y} (synthetic)"\nalso = ["static"]\n'
        for y in YEARS
    ]


_EXTENT = """[extent]
scheme = "hj1166_2021"
zh = "HJ 1166-2021 生态系统二级类（合成数据）"
en = "ecosystem classes of HJ 1166-2021, level II (synthetic)"
total = "place.area"
closing = "period"
opening = "previous_period"
opening_document = "合成数据，没有更早的年份"
unallocated = true
"""

_WETLAND = """[[extent.group]]
id = "wetland"
zh = "湿地"
en = "wetland"
classes = ["marsh", "lake", "river"]
"""

_QUANTITY = """[[quantity]]
id = "land.ecosystem.*"
zh = "生态系统面积"
en = "area of an ecosystem class"
unit = "km2"
rollup = "sum"

[[quantity]]
id = "place.index"
zh = "地点编号"
en = "number of the place"
unit = "class"
rollup = "none"
"""


def _classes() -> list[str]:
    return [
        f'[[extent.class]]\nid = "{r["id"]}"\ncode = {r["code"]}\nfact = "{r["fact"]}"\nzh = "{r["zh"]}"\nen = "{r["en"]}"\n'
        for r in class_rows()
    ]


def _raster(written: Written, keys: Mapping[str, Any]) -> str:
    layer = written.layer
    about = {"id": written.id, "quantity": layer.quantity, "unit": layer.unit, "zh": layer.zh, "en": layer.en}
    return _entry(about, written.year, layer, keys)


def _views(written: Written, keys: Mapping[str, Any]) -> list[str]:
    """The entries of the other quantities that the same file gives."""
    made = []
    for view in views():
        if view.of != written.layer.id:
            continue
        year = written.year
        if view.earlier:
            if year == YEARS[-1]:
                continue
            year = YEARS[YEARS.index(year) + 1]
        more = {
            key: value for key, value in (("scale", view.scale), ("offset", view.offset)) if value != (key == "scale")
        }
        about = {
            "id": f"{view.id}_{year}" if year else view.id,
            "quantity": view.quantity,
            "unit": view.unit,
            "zh": view.zh,
            "en": view.en,
        }
        made.append(_entry(about, year, written.layer, {**keys, **more}))
    return made


def _entry(about: Mapping[str, str], year: int, layer: SyntheticLayer, keys: Mapping[str, Any]) -> str:
    entry: dict[str, Any] = {
        "id": about["id"], "quantity": about["quantity"], "period": str(year) if year else "static",
        "title": f"{about['zh']}{f'，{year} 年' if year else ''}（合成） {about['en']}{f', {year}' if year else ''} (synthetic)",
        "unit": about["unit"], **keys, "resampling": "nearest" if layer.type != "float32" else "bilinear", "licence": "CC0-1.0",
        "source": SOURCE, "status": "project", "synthetic": True,
    }  # fmt: skip
    return "[[raster]]\n" + "".join(f"{key} = {_value(value)}\n" for key, value in entry.items())


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, int | float) else _q(value)


def _q(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
