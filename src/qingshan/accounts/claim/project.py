"""A project that asks for units: its parcels, its plots in two inventories, and the facts its methodology asks for.

    project.toml       id, zh, en, scheme, methodology, holder, place, start, end, pool, benefit, crs, [synthetic]
        [inventory]    sets, [groups], [quantity], [carbon_set], [allow_default], [allow_unit_assumed]: how trees become biomass;
                       [estimator], [auxiliary]: how plots become totals, as an inventory declares it (default stratified)
        [facts]        what eligibility checks and conditions ask for, for all parcels
        [baseline]     t_co2, source       [leakage]  t_co2, source      (0 where not given)
    parcels.geojson    polygons in longitude and latitude; properties parcel, title, species, planted, stratum, and any fact
    closing/           inventory tables at the end; strata.csv gives area_hm2, that of the parcels of each stratum
    opening/           the same at the start; left out where the land was bare
    equations.csv      equations of the project's own, with units and source (optional)
    bands.csv          plausibility bands (optional)

`end` is excluded. Everything else in the folder is evidence too: each file goes into the dossier by its hash.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from pyproj import Transformer

from qingshan.core.canonical import file_digest
from qingshan.core.errors import DeclarationError, OutOfBounds
from qingshan.core.finding import Finding
from qingshan.core.outline import reason_zh
from qingshan.observe.allometry import Rule
from qingshan.observe.change import PLAIN
from qingshan.observe.equation import Equation, own_equations

from .index import Claim

__all__ = ["Parcel", "Project", "claims_of", "evidence_of", "outline", "read_project"]

KEYS = ("id", "zh", "en", "scheme", "methodology", "holder", "place", "start", "end", "pool", "benefit", "crs")
WGS84 = "EPSG:4326"
INVENTORY = (
    "sets", "groups", "quantity", "carbon_set", "allow_default", "allow_unit_assumed", "estimator", "auxiliary",
)  # fmt: skip
TABLES = ("inventory", "facts", "baseline", "leakage")
MU = 10_000 / 15
AREA_TOLERANCE = 0.01
"""How far the area of a stratum may lie from that of its parcels, as a share."""


@dataclass(frozen=True)
class Parcel:
    """One parcel: `geometry` in metres of the project's CRS, `outline` in degrees, `facts` its own answers."""

    id: str
    title: str
    species: str
    planted: int
    stratum: str
    geometry: shapely.Geometry
    outline: shapely.Geometry
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def hm2(self) -> float:
        return float(self.geometry.area) / 1e4


@dataclass(frozen=True)
class Project:
    """A project as read. `settings` is project.toml without what became fields of its own."""

    id: str
    zh: str
    en: str
    scheme: str
    methodology: str
    holder: str
    place: str
    start: str
    end: str
    pool: str
    benefit: str
    crs: str
    parcels: tuple[Parcel, ...]
    settings: Mapping[str, Any]
    folder: Path
    synthetic: bool = False

    @property
    def rule(self) -> Rule:
        given = self.settings.get("inventory", {})
        return Rule(tuple(given.get("sets", ())), given.get("groups", {}), default=given.get("allow_default", False),
                    unit_assumed=given.get("allow_unit_assumed", False))  # fmt: skip

    @property
    def estimator(self) -> tuple[str, str]:
        """The declared estimator and its auxiliary."""
        given = self.settings.get("inventory", {})
        return str(given.get("estimator", PLAIN)), str(given.get("auxiliary", ""))

    @cached_property
    def equations(self) -> tuple[Equation, ...] | None:
        """Equations of the project's own table before those of the package."""
        return own_equations(self.folder / "equations.csv")

    def stated(self, key: str) -> tuple[float, str]:
        """t CO2 and source of the baseline or the leakage; 0 and '' where the project states none."""
        given = self.settings.get(key, {})
        return float(given.get("t_co2", 0.0)), str(given.get("source", ""))

    def facts(self, parcel: Parcel) -> dict[str, Any]:
        """What the checks of a methodology see of a parcel: the project's facts, the parcel's own, and what follows."""
        square = parcel.hm2 * 1e4
        made = {
            "area_m2": square,
            "area_mu": square / MU,
            "start_year": int(self.start[:4]),
            "period_years": self.years,
        }
        return {**made, **self.settings.get("facts", {}), **parcel.facts}

    @property
    def years(self) -> float:
        """Length of the monitoring period: whole years where it ends on its day of beginning."""
        a, b = date.fromisoformat(self.start), date.fromisoformat(self.end)
        whole = b.year - a.year
        return float(whole) if (a.month, a.day) == (b.month, b.day) else (b - a).days / 365.25

    def record(self) -> dict[str, Any]:
        return {k: getattr(self, k) for k in KEYS} | {
            "synthetic": self.synthetic,
            "hm2": sum(p.hm2 for p in self.parcels),
        }


def read_project(folder: Path) -> Project:
    """Read and check a project folder. Raises `DeclarationError` naming file and key, `OutOfBounds` for a geometry."""
    path = folder / "project.toml"
    if not path.is_file():
        raise DeclarationError(
            f"{folder.name} holds no project.toml.", f"{folder.name} 里没有 project.toml。", fix="see docs/forest.md"
        )
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except tomllib.TOMLDecodeError as error:
        raise DeclarationError(
            f"not readable as TOML: {error}.", f"不是可读的 TOML：{error}。", where="project.toml"
        ) from None
    lacking = [k for k in KEYS if not raw.get(k)]
    if lacking:
        raise DeclarationError(
            f"project.toml lacks {', '.join(lacking)}.", f"project.toml 缺 {'、'.join(lacking)}。", where="project.toml"
        )
    start, end = str(raw["start"]), str(raw["end"])
    try:
        ordered = date.fromisoformat(start) < date.fromisoformat(end)
    except ValueError:
        ordered = False
    if not ordered:
        raise DeclarationError(
            f"the period {start} to {end} is none.",
            f"监测期 {start} 至 {end} 不成立。",
            where="project.toml",
            fix="ISO dates, start < end / 起早于止",
        )
    _shaped(raw)
    for key in ("baseline", "leakage"):
        given = raw.get(key, {})
        if given and not (isinstance(given.get("t_co2"), int | float) and given.get("source")):
            raise DeclarationError(
                f"[{key}] needs t_co2 and source.", f"[{key}] 要有 t_co2 和 source。", where="project.toml"
            )
    odd = sorted(set(raw.get("inventory", {})) - set(INVENTORY))
    if odd:
        raise DeclarationError(
            f"[inventory] has no key {odd[0]!r}.", f"[inventory] 没有 {odd[0]!r} 这一项。", where="project.toml",
            fix=f"one of {', '.join(INVENTORY)} / 取 {'、'.join(INVENTORY)} 之一",
        )  # fmt: skip
    _typed(raw.get("inventory", {}))
    parcels = _parcels(folder / "parcels.geojson", str(raw["crs"]))
    fixed = {k: str(raw[k]) for k in KEYS} | {"start": start, "end": end}
    return Project(
        **fixed, parcels=parcels, settings={k: v for k, v in raw.items() if k not in KEYS}, folder=folder,
        synthetic=bool(raw.get("synthetic", False)),
    )  # fmt: skip


def _shaped(raw: Mapping[str, Any]) -> None:
    """Whether what is a table by name is one."""
    for key in TABLES:
        if not isinstance(raw.get(key, {}), dict):
            raise DeclarationError(
                f"{key} is no table.", f"{key} 不是表。", where=f"project.toml: {key}",
                fix=f"write [{key}] once, its keys below / 只写一个 [{key}]，各项写在其下",
            )  # fmt: skip


def _typed(given: Mapping[str, Any]) -> None:
    """Whether the values of [inventory] are of their kind."""
    for key, value in given.items():
        if key == "sets":
            right, en, zh = _texts(value), 'a list of texts, as ["anhui2016"]', '文字列表，如 ["anhui2016"]'
        elif key == "groups":
            right = isinstance(value, dict) and _texts([*value.values()])
            en, zh = "a table from taxon to group", "由树种到组的表"
        elif key.startswith("allow_"):
            right, en, zh = isinstance(value, bool), "true or false", "true 或 false"
        else:
            right, en, zh = isinstance(value, str), "a text", "文字"
        if not right:
            raise DeclarationError(
                f"[inventory] {key} must be {en}.", f"[inventory] 的 {key} 应为{zh}。", where=f"project.toml: [inventory] {key}"
            )  # fmt: skip


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(x, str) for x in value)


def _parcels(path: Path, crs: str) -> tuple[Parcel, ...]:
    if not path.is_file():
        raise DeclarationError("parcels.geojson is missing.", "缺少 parcels.geojson。", where=path.name)
    try:
        features = json.loads(path.read_bytes())["features"]
        shapes = np.array([shapely.geometry.shape(f["geometry"]) for f in features], dtype=object)
    except (ValueError, KeyError, TypeError, AttributeError, shapely.errors.ShapelyError) as error:
        raise DeclarationError(
            f"not readable as GeoJSON: {error}.", f"不是可读的 GeoJSON：{error}。", where=path.name
        ) from None
    if not len(shapes):
        raise DeclarationError("there is no parcel.", "没有地块。", where=path.name)
    bounds = shapely.bounds(shapes)
    if not (np.abs(bounds[:, [0, 2]]) <= 180).all() or not (np.abs(bounds[:, [1, 3]]) <= 90).all():
        raise OutOfBounds(
            "coordinates are not degrees.", "坐标不是经纬度。", where=path.name, fix="longitude, latitude / 用经纬度"
        )
    forward = Transformer.from_crs(WGS84, crs, always_xy=True)
    metres = shapely.transform(shapes, lambda xy: np.column_stack(forward.transform(xy[:, 0], xy[:, 1])))
    own = ("parcel", "title", "species", "planted", "stratum")
    made: list[Parcel] = []
    for n, (feature, flat, shape) in enumerate(zip(features, metres, shapes, strict=True), 1):
        about = feature.get("properties") or {}
        lacking = [k for k in own if about.get(k) in (None, "")]
        if lacking:
            raise DeclarationError(
                f"parcel {n} lacks {', '.join(lacking)}.", f"第 {n} 个地块缺 {'、'.join(lacking)}。", where=path.name
            )
        if not shapely.is_valid(flat) or flat.area <= 0:
            reason = shapely.is_valid_reason(flat) if flat.area > 0 else "no area"
            raise OutOfBounds(
                f"the outline of parcel {about['parcel']} is not valid: {reason}.", f"地块 {about['parcel']} 的边界不合法：{reason_zh(reason)}。",
                where=path.name, fix="draw it anew / 重新勾绘",
            )  # fmt: skip
        facts = {k: v for k, v in about.items() if k not in own}
        made.append(
            Parcel(
                str(about["parcel"]),
                str(about["title"]),
                str(about["species"]),
                int(about["planted"]),
                str(about["stratum"]),
                flat,
                shape,
                facts,
            )
        )
    return tuple(made)


def claims_of(project: Project, state: str = "declared") -> list[Claim]:
    """What the project claims: each parcel for the whole period."""
    return [
        Claim(
            f"{project.id}/{p.id}",
            project.scheme,
            p.id,
            project.start,
            project.end,
            project.pool,
            project.benefit,
            p.geometry,
            state,
        )
        for p in project.parcels
    ]


def evidence_of(folder: Path) -> dict[str, str]:
    """sha-256 of every file of the project folder, by its path in it."""
    return {p.relative_to(folder).as_posix(): file_digest(p) for p in sorted(folder.rglob("*")) if p.is_file()}


def outline(shape: shapely.Geometry, crs: str) -> shapely.Geometry:
    """A geometry of the project's CRS in longitude and latitude."""
    back = Transformer.from_crs(crs, WGS84, always_xy=True)
    return shapely.transform(shape, lambda xy: np.column_stack(back.transform(xy[:, 0], xy[:, 1])))


def stratum_areas(project: Project, strata: tuple[str, ...], area: np.ndarray) -> list[Finding]:
    """An error for each stratum whose area is not that of its parcels, and for parcels of no stratum."""
    found: list[Finding] = []
    sums: dict[str, float] = {}
    for p in project.parcels:
        sums[p.stratum] = sums.get(p.stratum, 0.0) + p.hm2
    for name in sorted(set(sums) - set(strata)):
        found.append(Finding("error", "parcel_outside_strata", f"parcels name the stratum {name}, which strata.csv does not have.",
                             f"地块的层 {name} 不在 strata.csv 里。", "parcels.geojson", None, "stratum", fix="correct the stratum / 更正层号"))  # fmt: skip
    for name, given in zip(strata, area, strict=True):
        drawn = sums.get(name, 0.0)
        if abs(drawn - given) > AREA_TOLERANCE * given:
            found.append(Finding("error", "stratum_area", f"stratum {name} has {given:.4g} hm2, its parcels {drawn:.4g} hm2.",
                                 f"层 {name} 为 {given:.4g} 公顷，其地块合计 {drawn:.4g} 公顷。", "closing/strata.csv", None, "area_hm2",
                                 f"{AREA_TOLERANCE:.0%}", "make both agree / 使二者一致"))  # fmt: skip
    return found
