"""Station readings brought to the grid by a declared interpolation.

    stations = "facts:climate.rain_annual"     the zone's facts at the coordinates of their places, or
    stations = "stations.csv"                  lon, lat (degrees), value; a column id is kept
    method   = "idw" | "nearest"               power (2), radius (m, none): readings farther away do not count

`idw`: z = sum z_i d_i^-p / sum d_i^-p over the stations within the radius, z_i at a station (Shepard 1968,
doi:10.1145/800186.810616). `nearest`: the value of the nearest station, Thiessen's polygons (Thiessen 1911, Monthly Weather
Review 39, 1082-1084); of equally near ones the first. Distances are planar on a projected grid, great circles (mean radius
of the ellipsoid) in degrees. How well the stations predict one another stands in the findings.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from qingshan.core.canonical import digest
from qingshan.core.errors import QingshanError, ZoneError
from qingshan.core.finding import Finding
from qingshan.core.units import convert

from .grid import Grid, Window
from .notes import Notes
from .tiles import from_tiles

if TYPE_CHECKING:
    from qingshan.zone.zone import Zone

    from .catalogue import RasterBook

__all__ = ["StationCells", "Stations", "left_out", "review_stations", "station_source", "stations_of"]

METHODS = ("idw", "nearest")
FACTS = "facts:"
EARTH = 6_371_008.8
"""Mean radius of the WGS 84 ellipsoid, (2a + b)/3, m."""
FEWEST = 3
SAME = 1.0
"""Stations nearer than this (m) are one."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Stations:
    """Readings: x, y in the CRS of the grid, value in the unit asked for, name."""

    x: Numbers
    y: Numbers
    value: Numbers
    names: tuple[str, ...]


@dataclass(frozen=True)
class Rule:
    """How readings become a field; `radius` infinite where all count."""

    method: str
    power: float
    radius: float
    geographic: bool


@dataclass(frozen=True, eq=False)
class StationCells:
    """A Source: the interpolated field at cell centres, float32, NaN where no station is within the radius."""

    grid: Grid
    stations: Stations
    rule: Rule
    about: Mapping[str, Any] = field(default_factory=dict)
    tile: tuple[int, int] = (256, 1024)

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype("float32")

    @property
    def nodata(self) -> float | None:
        return float("nan")

    @cached_property
    def token(self) -> str:
        grid = [self.grid.crs, self.grid.transform, self.grid.shape]
        return digest([dict(self.identity()), grid])

    def read(self, window: Window) -> NDArray[np.float32]:
        return from_tiles(self, window)

    def make(self, window: Window) -> NDArray[np.float32]:
        """One tile."""
        a, _, west, _, e, north = self.grid.transform
        x = west + a * (window.col + np.arange(window.width) + 0.5)
        y = north + e * (window.row + np.arange(window.height) + 0.5)
        return interpolated(self.stations, self.rule, *np.meshgrid(x, y)).astype(np.float32)

    def identity(self) -> Mapping[str, Any]:
        rule = {"method": self.rule.method, "power": self.rule.power}
        return {**self.about, **rule, "radius": self.rule.radius if math.isfinite(self.rule.radius) else None}

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k != "token"}


def interpolated(stations: Stations, rule: Rule, x: Numbers, y: Numbers) -> Numbers:
    """The field at points, float64, NaN beyond the radius. Shapes: x and y alike."""
    total, weight = np.zeros(x.shape), np.zeros(x.shape)
    best, value = np.full(x.shape, np.inf), np.full(x.shape, np.nan)
    for sx, sy, z in zip(stations.x, stations.y, stations.value, strict=True):
        d = distance(x, y, sx, sy, geographic=rule.geographic)
        near = d < best
        best[near], value[near] = d[near], z
        if rule.method == "idw":
            w = np.where((d > 0) & (d <= rule.radius), d, np.inf) ** -rule.power
            total += w * z
            weight += w
    if rule.method == "idw":
        value = np.where(best == 0, value, total / np.where(weight > 0, weight, np.nan))
    value[best > rule.radius] = np.nan
    return value


def distance(x: Numbers, y: Numbers, sx: float, sy: float, *, geographic: bool) -> Numbers:
    """Metres from points to a station: in the plane, or along the great circle (haversine)."""
    if not geographic:
        return np.hypot(x - sx, y - sy)
    lon, lat, lon0, lat0 = np.radians(x), np.radians(y), np.radians(sx), np.radians(sy)
    h = np.sin((lat - lat0) / 2) ** 2 + np.cos(lat) * np.cos(lat0) * np.sin((lon - lon0) / 2) ** 2
    found: Numbers = 2 * EARTH * np.arcsin(np.sqrt(h))
    return found


def left_out(stations: Stations, rule: Rule) -> Numbers:
    """Predicted less read at each station, from all the others; NaN where none is within the radius."""
    errors = np.full(len(stations.value), np.nan)
    for i in range(len(errors)):
        keep = np.arange(len(errors)) != i
        others = Stations(stations.x[keep], stations.y[keep], stations.value[keep], ())
        errors[i] = interpolated(others, rule, stations.x[i : i + 1], stations.y[i : i + 1])[0] - stations.value[i]
    return errors


# --- from an entry


def station_source(
    entry: Mapping[str, Any], grid: Grid, folder: Path, own: str, wanted: str, zone: Zone | None
) -> StationCells:
    """The field of a `[[raster]]` entry. Raises `ZoneError` where the entry or its table cannot be used."""
    stations = stations_of(entry, grid, folder, own, wanted, zone)
    raw = [[float(v) for v in part] for part in (stations.x, stations.y, stations.value)]
    about = {"raster": str(entry["id"]), "stations": digest(raw), "count": len(stations.value), "unit": wanted}
    return StationCells(grid, stations, rule_of(entry, grid), about)


def rule_of(entry: Mapping[str, Any], grid: Grid) -> Rule:
    """The declared interpolation."""
    method, power, radius = (
        str(entry.get("method", "")),
        float(entry.get("power", 2)),
        float(entry.get("radius", math.inf)),
    )
    if method not in METHODS or not power > 0 or not radius > 0:
        raise ZoneError(
            f"the stations of {entry['id']!r} declare no usable method ({method!r}, power {power:g}, radius {radius:g}).",
            f"{entry['id']!r} 的插值没有正确声明（{method!r}，power {power:g}，radius {radius:g}）。",
            where="zone.toml [[raster]]",
            fix='method = "idw" or "nearest"; power and radius (m) above 0 / method 写 "idw" 或 "nearest"，power、radius（米）大于 0',
        )
    return Rule(method, power, radius, grid.geographic)


def stations_of(
    entry: Mapping[str, Any], grid: Grid, folder: Path, own: str, wanted: str, zone: Zone | None
) -> Stations:
    """The readings in `wanted`, in the order of the table or of the places. Raises `ZoneError`."""
    text = str(entry["stations"])
    if text.startswith(FACTS):
        rows = _from_facts(text.removeprefix(FACTS), str(entry["period"]), wanted, zone)
    else:
        rows = [(n, lon, lat, float(convert(v, own, wanted))) for n, lon, lat, v in _from_table(folder / text)]
    if not rows:
        raise ZoneError(
            f"{text} has no reading with coordinates.", f"{text} 没有带坐标的读数。", where=str(entry["id"]),
            fix="columns lon, lat, value in degrees and the unit of the entry / 列为 lon、lat、value，经纬度以度计",
        )  # fmt: skip
    from pyproj import Transformer  # noqa: PLC0415 - the extra geo

    names, lon, lat, value = zip(*rows, strict=True)
    x, y = Transformer.from_crs("EPSG:4326", grid.crs, always_xy=True).transform(np.array(lon), np.array(lat))
    return Stations(np.asarray(x), np.asarray(y), np.array(value, float), names)


def _from_facts(quantity: str, period: str, wanted: str, zone: Zone | None) -> list[tuple[str, float, float, float]]:
    if zone is None:
        return []
    found = []
    for place in zone.places:
        fact = zone.facts.best(quantity, place, period)
        lon, lat = (zone.facts.best(f"place.{axis}", place, "static") for axis in ("longitude", "latitude"))
        if fact and lon and lat and not zone.children(place):
            found.append((place, lon.value, lat.value, float(convert(fact.value, fact.unit, wanted))))
    return found


def _from_table(path: Path) -> list[tuple[str, float, float, float]]:
    if not path.is_file():
        raise ZoneError(f"no station table {path.name!r}.", f"没有站点表 {path.name!r}。", where=str(path))
    found = []
    with path.open(encoding="utf-8-sig", newline="") as stream:
        for raw in (reader := csv.DictReader(stream)):
            try:
                lon, lat, value = (float(raw[key]) for key in ("lon", "lat", "value"))
            except (KeyError, TypeError, ValueError):
                lon = math.inf
            if not (math.isfinite(lon) and abs(lon) <= 180 and abs(lat) <= 90 and math.isfinite(value)):
                raise ZoneError(
                    "a row needs lon, lat (degrees) and value, all numbers.", "每行须有 lon、lat（度）和 value，均为数。",
                    where=f"{path.name}:{reader.line_num}", fix="mend or remove the row / 改正或删去该行",
                )  # fmt: skip
            found.append((raw.get("id") or str(reader.line_num), lon, lat, value))
    return found


def review_stations(book: RasterBook, entry: Mapping[str, Any]) -> list[Finding]:
    """Few or coinciding stations, and the leave-one-out error of the declared rule."""
    notes = Notes(str(entry["id"]))
    try:
        own = str(entry.get("unit", "1"))
        stations = stations_of(entry, book.grid, book.zone.path, own, own, book.zone)
        rule = rule_of(entry, book.grid)
    except QingshanError as error:
        notes.told(error)
        return notes.found
    count = len(stations.value)
    if count < FEWEST:
        notes.add("stations_few", "stations", limit=str(FEWEST), count=count)
        return notes.found
    if pairs := _coinciding(stations, rule):
        notes.add("stations_coincide", "stations", names=", ".join(pairs))
    errors = left_out(stations, rule)
    known = errors[np.isfinite(errors)]
    if len(known):
        rms, mean = float(np.sqrt((known**2).mean())), float(known.mean())
        notes.add("stations_error", "method", count=len(known), rms=rms, mean=mean, unit=own, method=rule.method)
    return notes.found


def _coinciding(stations: Stations, rule: Rule) -> list[str]:
    found = []
    for i, name in enumerate(stations.names):
        d = distance(stations.x[:i], stations.y[:i], stations.x[i], stations.y[i], geographic=rule.geographic)
        found += [f"{stations.names[int(j)]} = {name}" for j in np.flatnonzero(d < SAME)]
    return found
