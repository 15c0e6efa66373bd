"""What the zone has as rasters: each quantity and period as a Source on the zone grid, the classes, the places.

    [grid]        crs, origin = [west, north], cell (or [dx, dy]), shape = [rows, cols]
    [landcover]   quantity, mapping
    [places]      raster, codes = {1 = "520101"}       instead of boundaries
    [[raster]]    id, quantity, period, unit, path | url | package + member | stations, sha256, resampling, scale, offset,
                  nodata, band, variable, mapping, crs

A period is a year as the zone writes it, or `static`, which counts for every period.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from qingshan.core.errors import QingshanError, ZoneError
from qingshan.core.finding import Finding
from qingshan.core.units import same_dimension

from .grid import Grid
from .layer import layer_source
from .mapping import IDENTITY, ClassMapping, class_mapping
from .places import NOWHERE, PlaceCells, draw_places
from .source import Source

if TYPE_CHECKING:
    from qingshan.zone.zone import Zone

    from .point import Point

__all__ = ["STATIC", "Classes", "Layer", "MissingRaster", "Places", "RasterBook"]

STATIC = "static"
NO_CLASS = 0


class MissingRaster(QingshanError):
    """The zone catalogues no raster of the quantity for the period."""

    code = "missing_raster"

    def __init__(self, quantity: str, period: str, known: str = "") -> None:
        self.quantity, self.period = quantity, period
        super().__init__(
            f"no raster of {quantity} for {period}{f' (there is {known})' if known else ''}.",
            f"没有 {quantity} 在 {period} 的栅格{f'（现有：{known}）' if known else ''}。",
            where="zone.toml [[raster]]",
            fix="catalogue one with `qingshan zone add-raster` / 用 `qingshan zone add-raster` 登记",
        )


@dataclass(frozen=True)
class Layer:
    """A quantity on the zone grid: `source` gives values in `unit`; `labels` name the codes of a class layer."""

    source: Source
    unit: str
    entry: Mapping[str, Any]
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Classes:
    """The ecosystem classes: `source` gives account codes, `NO_CLASS` where there is none; `names`: code -> extent class.

    `mapping` is how a legend became these classes, None where the raster holds them already.
    """

    source: Source
    codes: tuple[int, ...]
    names: Mapping[int, str]
    mapping: ClassMapping | None = None


@dataclass(frozen=True)
class Places:
    """The places: `source` gives the index into `codes` (leaf places), `NOWHERE` outside."""

    source: Source
    codes: tuple[str, ...]


@dataclass
class RasterBook:
    """The rasters of one zone. `entries` are the `[[raster]]` entries that name a quantity and a period."""

    zone: Zone
    grid: Grid
    entries: tuple[Mapping[str, Any], ...]
    _layers: dict[tuple[str, ...], Layer] = field(default_factory=dict, repr=False)
    _places: Places | None = field(default=None, repr=False)

    @classmethod
    def of(cls, zone: Zone) -> RasterBook:
        """Raises `ZoneError` where the zone has no usable [grid]."""
        return cls(zone, read_grid_table(zone.config), tuple(raster_entries(zone.config)))

    # --- layers

    def has(self, quantity: str, period: str) -> bool:
        return bool(self._found(quantity, period))

    def periods(self) -> list[str]:
        """The periods that any entry names, `static` aside."""
        return sorted({str(e["period"]) for e in self.entries} - {STATIC})

    def quantities(self) -> list[str]:
        return sorted({str(e["quantity"]) for e in self.entries})

    def entry(self, quantity: str, period: str) -> Mapping[str, Any]:
        """The entry that answers for the quantity. Raises `MissingRaster`, or `ZoneError` where two claim it."""
        found = self._found(quantity, period)
        if not found:
            there = ", ".join(sorted({str(e["period"]) for e in self.entries if e["quantity"] == quantity}))
            raise MissingRaster(quantity, period, there)
        if len(found) > 1:
            ids = ", ".join(str(e["id"]) for e in found)
            raise ZoneError(
                f"{ids} all claim {quantity} for {found[0]['period']}.",
                f"{ids} 都登记为 {quantity} 在 {found[0]['period']} 的栅格。",
                where="zone.toml [[raster]]",
                fix="keep one of them, or give another quantity or period / 只留一个，或改写数量或时期",
            )
        return found[0]

    def layer(self, quantity: str, period: str, unit: str = "") -> Layer:
        """The quantity on the grid, in `unit` (else in the unit of the quantity's declaration, else in the entry's own).

        Raises `MissingRaster`, `UnitError`, `ZoneError` (two entries, a changed file) or `CannotRead`.
        """
        return self.layer_of(self.entry(quantity, period), unit)

    def layer_of(self, entry: Mapping[str, Any], unit: str = "") -> Layer:
        """The layer of one entry of the catalogue."""
        key = (str(entry["id"]), str(entry["quantity"]), str(entry["period"]), unit)
        if key not in self._layers:
            self._layers[key] = self._made(entry, unit)
        return self._layers[key]

    def _made(self, entry: Mapping[str, Any], unit: str) -> Layer:
        own = str(entry.get("unit", "1"))
        declared = self.zone.quantities.get(str(entry["quantity"]))
        wanted = unit or (declared.unit if declared and same_dimension(declared.unit, own) else own)
        source = layer_source(entry, self.grid, self.zone.path, own, wanted, facts=self.zone)
        return Layer(source, wanted, entry, tuple(str(label) for label in entry.get("labels", ())))

    def _found(self, quantity: str, period: str) -> list[Mapping[str, Any]]:
        """Entries of the first of: the period, the periods it may read, `static`."""
        declared = next((p for p in self.zone.periods if p.id == period), None)
        mine = [e for e in self.entries if e["quantity"] == quantity]
        for word in dict.fromkeys((period, *(declared.fact_periods() if declared else ()), STATIC)):
            if found := [e for e in mine if str(e["period"]) == word]:
                return found
        return []

    # --- classes

    def landcover(self) -> tuple[str, str]:
        """Quantity and mapping of [landcover]. Raises `ZoneError` where it is absent."""
        table = self.zone.config.get("landcover")
        if not isinstance(table, Mapping) or not table.get("quantity"):
            raise ZoneError(
                "[landcover] names no quantity.", "[landcover] 没有写明 quantity。", where="zone.toml",
                fix='[landcover] quantity = "land.cover", mapping = "identity"'
                " / 写明 [landcover] 的 quantity 和 mapping",
            )  # fmt: skip
        return str(table["quantity"]), str(table.get("mapping", IDENTITY))

    def mapping(self, period: str) -> ClassMapping | None:
        """How the class raster of the period becomes account codes; None where it holds them already."""
        quantity, mapping = self.landcover()
        return class_mapping(str(self.entry(quantity, period).get("mapping", mapping)), self.zone.path)

    def class_names(self) -> dict[int, str]:
        """Account code -> extent class, from the `code` of each `[[extent.class]]`."""
        rows = (self.zone.config.get("extent") or {}).get("class", [])
        return {
            r["code"]: str(r["id"]) for r in rows if isinstance(r, Mapping) and usable_code(r.get("code")) and "id" in r
        }

    def _refuse_shared_codes(self) -> None:
        """Two classes of one code cannot be told apart in the raster."""
        rows = [r for r in (self.zone.config.get("extent") or {}).get("class", []) if isinstance(r, Mapping)]
        codes = [r["code"] for r in rows if usable_code(r.get("code"))]
        if shared := sorted({c for c in codes if codes.count(c) > 1}):
            ids = ", ".join(str(r.get("id")) for r in rows if r.get("code") in shared)
            raise ZoneError(
                f"the extent classes {ids} share a code.", f"地类 {ids} 的代码相同。", where="zone.toml [extent]",
                fix="give each class a code of its own / 每个地类用不同的代码",
            )  # fmt: skip

    def classes(self, period: str) -> Classes:
        """The ecosystem classes of a period. Raises `MissingRaster`, `ZoneError`, `UnknownName`."""
        quantity, _ = self.landcover()
        layer, mapping, names = self.layer(quantity, period), self.mapping(period), self.class_names()
        if not names:
            raise ZoneError(
                "no [[extent.class]] has a `code`.", "[[extent.class]] 都没有写 code。", where="zone.toml [extent]",
                fix="give each class its code in the class raster (1 to 65535) / 为每个地类写明类型栅格中的代码（1 到 65535）",
            )  # fmt: skip
        self._refuse_shared_codes()
        kind = "uint8" if max(names) < 256 else "uint16"
        if mapping is None:
            table, about = tuple((code, code) for code in names), {"mapping": IDENTITY}
        else:
            table = tuple(pair for pair in mapping.table if pair[1] in names)
            about = {"mapping": mapping.scheme, "mapping_rows": mapping.digest}
        from .align import Recoded  # noqa: PLC0415

        return Classes(Recoded(layer.source, table, kind, NO_CLASS, about), tuple(sorted(names)), names, mapping)

    # --- places

    def places(self) -> Places:
        """The leaf places: from [places], else from the boundaries, else the root alone. Raises `ZoneError`."""
        if self._places is None:
            table = self.zone.config.get("places")
            self._places = self._from_raster(table) if isinstance(table, Mapping) else self._from_boundaries()
        return self._places

    def _from_raster(self, table: Mapping[str, Any]) -> Places:
        from .align import Recoded  # noqa: PLC0415

        codes = self.place_codes(table)
        order = tuple(leaf for leaf in self.zone.leaves(self.zone.root) if leaf in codes.values())
        index = {leaf: i for i, leaf in enumerate(order)}
        rows = tuple((value, index[leaf]) for value, leaf in sorted(codes.items()))
        return Places(Recoded(self.place_source(table), rows, "int32", NOWHERE), order)

    def place_codes(self, table: Mapping[str, Any]) -> dict[int, str]:
        """Value in the raster of places -> leaf place, as [places] declares it. Raises `ZoneError`."""
        given = table.get("codes")
        told = given if isinstance(given, Mapping) else {}
        codes = {int(k): str(v) for k, v in told.items() if str(k).isdigit()}
        wrong = [str(k) for k in told if not str(k).isdigit()]
        wrong += sorted(set(codes.values()) - set(self.zone.leaves(self.zone.root)))
        wrong += [] if codes or wrong else [f"codes = {given!r}"]
        if wrong:
            raise _bad_places(", ".join(wrong))
        return codes

    def place_source(self, table: Mapping[str, Any]) -> Source:
        """The raster of places as it is coded. Raises `ZoneError` and what reading it raises."""
        id = str(table.get("raster", ""))
        entry = next((e for e in self.zone.config.get("raster", ()) if e.get("id") == id), None)
        if entry is None:
            raise _bad_places(f"raster {id!r}")
        nearest = {"resampling": "nearest", **entry}
        return layer_source(nearest, self.grid, self.zone.path, "class", "class", facts=self.zone)

    def _from_boundaries(self) -> Places:
        leaves = tuple(self.zone.leaves(self.zone.root))
        shapes = self.zone.boundaries.shapes
        if not any(leaf in shapes for leaf in leaves):
            if len(leaves) == 1:
                return Places(_one_place(self.grid), leaves)
            raise ZoneError(
                "places cannot be drawn: no boundary of a leaf place, and no [places].",
                "无法确定各像元所属地点：末级地点没有边界，也没有 [places]。",
                where="zone.toml",
                fix="install the boundaries, or name a raster of places in [places] / 安装边界数据，或在 [places] 中指定地点栅格",
            )
        turned = [[_projected(ring, self.grid) for rings in shapes.get(leaf, ()) for ring in rings] for leaf in leaves]
        about = {
            "places": list(leaves),
            "boundaries": dict(self.zone.boundaries.source.get("sha256", {})) or self.zone.digest,
        }
        return Places(draw_places(self.grid, turned, about), leaves)

    # --- checks and points

    def findings(self, *, cells: bool = False) -> list[Finding]:
        """What is wrong with the rasters, before anything runs; `cells` also reads every layer whole."""
        from .review import review  # noqa: PLC0415

        return review(self, cells=cells)

    def point(
        self,
        lon: float | None = None,
        lat: float | None = None,
        *,
        x: float | None = None,
        y: float | None = None,
        quantity: str = "",
        period: str = "",
    ) -> Point:
        """The cell at a point (degrees, or x and y in the grid's CRS), its place, and the value of every layer, or of those
        of a quantity and period. Raises `OutOfBounds` outside the grid and what reading a layer raises."""
        from .point import point  # noqa: PLC0415

        return point(self, lon, lat, x, y, quantity, period)


def usable_code(code: Any) -> bool:
    """Whether a class code fits the class raster."""
    return isinstance(code, int) and not isinstance(code, bool) and 0 < code <= 65535


def raster_entries(config: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The entries that name a quantity and a period; coarse monthly grids of packages are read by `zone.grid`."""
    found = config.get("raster", [])
    return [e for e in found if isinstance(e, Mapping) and e.get("id") and e.get("quantity") and e.get("period")]


def read_grid_table(config: Mapping[str, Any]) -> Grid:
    """`[grid]` of zone.toml. Raises `ZoneError` naming the key that is absent or wrong."""
    table = config.get("grid")
    if not isinstance(table, Mapping):
        raise _bad_grid("there is no [grid]", "没有 [grid]")
    try:
        crs, origin, cell, shape = str(table["crs"]), table["origin"], table["cell"], table["shape"]
        dx, dy = (float(cell), float(cell)) if isinstance(cell, int | float) else map(float, cell)
        (west, north), (rows, cols) = map(float, origin), shape
    except (KeyError, TypeError, ValueError) as error:
        raise _bad_grid(f"[grid] lacks or spoils {error}", f"[grid] 缺项或有误：{error}") from None
    whole = all(isinstance(n, int) and not isinstance(n, bool) and 0 < n <= 2_000_000 for n in (rows, cols))
    if not whole or not all(map(math.isfinite, (dx, dy, west, north))) or dx <= 0 or dy <= 0:
        raise _bad_grid("[grid] needs a positive cell and a shape of 1 to 2,000,000 whole cells a side",
                        "[grid] 的 cell 应为正数，shape 每边为 1 到 2000000 个像元")  # fmt: skip
    return Grid(_known_crs(crs), (dx, 0.0, west, 0.0, -dy, north), int(cols), int(rows))


def _known_crs(crs: str) -> str:
    from pyproj import CRS  # noqa: PLC0415 - the extra geo
    from pyproj.exceptions import CRSError  # noqa: PLC0415

    try:
        CRS.from_user_input(crs)
    except CRSError:
        raise _bad_grid(f"the CRS {crs!r} is not known", f"坐标系 {crs!r} 不认识") from None
    return crs


def _bad_places(wrong: str) -> ZoneError:
    return ZoneError(
        f"[places] names what the zone does not have: {wrong}.", f"[places] 中有区域里没有的内容：{wrong}。", where="zone.toml",
        fix='raster = the id of a [[raster]], codes = {1 = "leaf place code"} / raster 写 [[raster]] 的 id，codes 写“栅格值 = 末级地点代码”',
    )  # fmt: skip


def _bad_grid(en: str, zh: str) -> ZoneError:
    return ZoneError(
        f"{en}.", f"{zh}。", where="zone.toml",
        fix='[grid] crs = "EPSG:4545", origin = [west, north], cell = 30.0, shape = [rows, cols]'
        " / 按此格式写明：crs 坐标系、origin 西北角、cell 像元边长、shape 行列数",
    )  # fmt: skip


def _projected(ring: Any, grid: Grid) -> Any:
    """A ring of longitude and latitude in the CRS of the grid, closed."""
    from pyproj import Transformer  # noqa: PLC0415 - the extra geo

    closed = ring if (ring[0] == ring[-1]).all() else np.concatenate((ring, ring[:1]))
    x, y = Transformer.from_crs("EPSG:4326", grid.crs, always_xy=True).transform(closed[:, 0], closed[:, 1])
    return np.column_stack((x, y))


def _one_place(grid: Grid) -> PlaceCells:
    return PlaceCells(
        grid.width, np.arange(grid.height + 1, dtype=np.int64), np.zeros(grid.height, np.int32),
        np.zeros(grid.height, np.int32), {"places": "whole grid"},
    )  # fmt: skip
