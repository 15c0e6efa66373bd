"""One pixel of the map: every layer's value there, the land class, and each raster account worked through step by step.

The numbers are those of the account: layers as they lie on the zone grid, the cell forms of the methods, the same guards.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from markupsafe import Markup

from qingshan.accounts.block.trace import Trace, Value, Worked, cell_value
from qingshan.accounts.raster.declaration import RasterAccount
from qingshan.core.errors import QingshanError, UnknownName
from qingshan.core.method import REGISTRY, Method, Q
from qingshan.publish import numbers
from qingshan.zone.raster.catalogue import RasterBook

from . import formula
from .documents import clause_said
from .figures import shared
from .page import Cell, Column, Table
from .rasters import RESULT, Shelf, ShownLayer
from .site import Ask
from .worked import Opened, accounts_of

__all__ = ["EVERY", "Pixel", "pixel_at", "pixel_tables"]

EVERY = "all"


@dataclass(frozen=True)
class Reading:
    """A layer at the pixel. `value` None: no data there; `why` says what kept it from being read."""

    layer: ShownLayer
    period: str
    value: float | None
    unit: str
    said: str
    labels: tuple[str, ...]
    why: str = ""


@dataclass(frozen=True)
class Argument:
    """One argument of a step as the page prints it."""

    name: str
    symbol: str
    value: str
    unit: str
    source: str
    kind: str
    why: str


@dataclass(frozen=True)
class Line:
    """One step as the page prints it."""

    name: str
    method: str
    formula: Markup | str
    clause: str
    arguments: tuple[Argument, ...]
    value: str
    unit: str
    why: str
    raw: Worked


@dataclass(frozen=True)
class Account:
    """A raster account at the pixel: its steps, what the pixel adds to its sums, what refuses."""

    id: str
    name: str
    steps: tuple[Line, ...]
    shares: tuple[tuple[str, str, str], ...]
    refused: tuple[tuple[str, str, str], ...]
    trace: Trace | None
    why: str = ""
    stages: int = 0
    working: bool = False


@dataclass(frozen=True)
class Pixel:
    """Where the pixel is and everything known there."""

    lon: float
    lat: float
    row: int
    col: int
    centre: tuple[float, float]
    corners: tuple[tuple[float, float], ...]
    area: float
    place: str
    cls: int | None
    period: str
    readings: tuple[Reading, ...]
    accounts: tuple[Account, ...]
    why: str = ""

    @property
    def common(self) -> tuple[str, ...]:
        """Labels that every reading bears: said once."""
        return shared(r.labels for r in self.readings)

    def record(self) -> dict[str, Any]:
        """The whole working for programs: stored numbers and units, no words of the page."""
        return {
            "asked": [self.lon, self.lat], "row": self.row, "col": self.col, "centre": list(self.centre), "cell_area_m2": self.area,
            "place": self.place, "class": self.cls, "period": self.period,
            "layers": [{"layer": r.layer.id, "period": r.period, "value": r.value, "unit": r.unit} for r in self.readings],
            "accounts": [{"account": a.id, "steps": [asdict(s.raw) for s in a.steps],
                          "adds": [asdict(s) for s in a.trace.shares] if a.trace else [],
                          "refused": [{"sum": id, "reason": why} for id, _, why in a.refused]} for a in self.accounts],
        }  # fmt: skip


def pixel_at(ask: Ask, found: Shelf, period: str, lon: float, lat: float, main: str = "") -> Pixel | None:
    """The pixel under a point in degrees; None where it lies outside the zone grid. `main` is the layer on the map."""
    from pyproj import Transformer  # noqa: PLC0415 - the extra geo

    book = found.book
    assert book is not None
    grid = book.grid
    a, _, west, _, e, north = grid.transform
    x, y = Transformer.from_crs("EPSG:4326", grid.crs, always_xy=True).transform(lon, lat)
    if not (math.isfinite(x) and math.isfinite(y)):
        return None
    col, row = int((x - west) // a), int((y - north) // e)
    if not (0 <= row < grid.height and 0 <= col < grid.width):
        return None
    back = Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True)
    centre, *corners = (
        tuple(round(v, 6) for v in back.transform(west + (col + i) * a, north + (row + j) * e))
        for i, j in ((0.5, 0.5), (0, 0), (1, 0), (1, 1), (0, 1))
    )
    readings = tuple(
        _reading(ask, book, layer, period, row, col) for layer in found.layers.values() if layer.group != RESULT
    )
    try:
        accounts, why = _worked(ask, accounts_of(ask.site, book, period), row, col, main), ""
    except UnknownName:
        raise
    except QingshanError as error:  # a declaration that cannot be read
        accounts, why = (), ask.t.pick(error.zh, error.en)
    return Pixel(
        lon, lat, row, col, centre, tuple(corners), float(grid.row_area[row]), _place(book, row, col),
        _cls(book, period, row, col), period, readings, accounts, why,
    )  # fmt: skip


def _worked(ask: Ask, opened: Sequence[Opened], row: int, col: int, main: str) -> tuple[Account, ...]:
    """The account asked for by `?account=` (or `all`) is worked through, the others are named. Without a wish: the account
    of the result on the map, else the first that needs no stages, which may take long the first time."""
    asked = ask.query.get("account", "")
    if asked and asked != EVERY and asked not in [x.account.id for x in opened]:
        known = ", ".join(x.account.id for x in opened) or "-"
        raise UnknownName(
            f"no raster account {asked!r} here; there are: {known}.", f"这里没有栅格账户 {asked!r}；有：{known}。"
        )
    chosen = asked or next(
        (x.account.id for x in opened if main.startswith(f"result.{x.account.id}.")),
        next((x.account.id for x in opened if x.binding and not x.binding.stages), ""),
    )
    return tuple(
        _account(ask, x, row, col)
        if chosen in (x.account.id, EVERY)
        else Account(
            x.account.id,
            ask.t.pick(x.account.zh, x.account.en),
            (),
            (),
            (),
            None,
            stages=len(x.binding.stages) if x.binding else 0,
        )
        for x in opened
    )


def _place(book: RasterBook, row: int, col: int) -> str:
    try:
        places = book.places()
    except QingshanError:
        return ""
    index = cell_value(places.source, row, col)
    return places.codes[int(index)] if index is not None and 0 <= index < len(places.codes) else ""


def _cls(book: RasterBook, period: str, row: int, col: int) -> int | None:
    try:
        classes = book.classes(period)
    except QingshanError:
        return None
    code = cell_value(classes.source, row, col)
    return int(code) if code is not None and int(code) in classes.codes else None


def _reading(ask: Ask, book: RasterBook, layer: ShownLayer, period: str, row: int, col: int) -> Reading:
    """The layer of the period, else the one nearest that is on file."""
    held = layer.held.get(period) or layer.held.get("static") or next(iter(layer.held.values()))
    try:
        got = book.layer(layer.id, held.period)
        value = cell_value(got.source, row, col)
    except QingshanError as error:
        return Reading(layer, held.period, None, layer.unit, "", held.labels, ask.t.pick(error.zh, error.en))
    if layer.classes:
        return Reading(
            layer, held.period, value, "class", _class_said(ask, book, layer, held.period, value), held.labels
        )
    said = numbers.write(value, got.unit, ask.lang).text if value is not None else ""
    return Reading(layer, held.period, value, got.unit, said, held.labels)


def _class_said(ask: Ask, book: RasterBook, layer: ShownLayer, period: str, value: float | None) -> str:
    """The name of the class that a stored code stands for."""
    if value is None:
        return ""
    code = int(value)
    if layer.id == str((ask.zone.config.get("landcover") or {}).get("quantity", "")):
        mapping = book.mapping(period)
        row = mapping.row(code) if mapping else None
        code = (row.class_code or 0) if row else code
    names = layer.names.get(code)
    return ask.t.pick(*names) if names else str(int(value))


# ---- accounts --------------------------------------------------------------------------------------------------------


def _account(ask: Ask, opened: Opened, row: int, col: int) -> Account:
    t, account = ask.t, opened.account
    name = t.pick(account.zh, account.en)
    sums = {s.id: s for s in account.sums}
    refused = tuple(
        (id, t.pick(sums[id].zh, sums[id].en) or id, t.pick(*why)) for id, why in opened.refusals.items() if id in sums
    )
    if opened.binding is not None and not opened.job.done():
        return Account(
            account.id, name, (), (), refused, None, t("raster.wait.stages", n=round(opened.job.seconds)), working=True
        )
    held = opened.held
    if held is None or isinstance(held, QingshanError):
        return Account(account.id, name, (), (), refused, None, t.pick(held.zh, held.en) if held else "")
    traced = held.at(row, col)
    lines = tuple(_line(ask, account, traced, step) for step in traced.steps)
    shares = tuple(
        (t.pick(sums[s.sum].zh, sums[s.sum].en) or s.sum, numbers.write(s.value, s.unit, ask.lang).text, s.sum)
        for s in traced.shares if s.sum in sums and s.value is not None
    )  # fmt: skip
    return Account(account.id, name, lines, shares, refused, traced)


def _line(ask: Ask, account: RasterAccount, traced: Trace, step: Worked) -> Line:
    method = REGISTRY[step.method]
    first = formula.lines(method.formula)
    arguments = []
    for given in step.given:
        declared = method.arguments.get(given.argument) or method.arguments.get(given.argument.rpartition("_")[0])
        name = ask.t.pick(declared.zh, declared.en) if isinstance(declared, Q) else given.argument
        symbol = declared.symbol if isinstance(declared, Q) else ""
        written = numbers.write(
            given.used, given.unit, ask.lang, "exact" if given.source.kind in ("table", "constant") else "plain"
        )
        arguments.append(
            Argument(name, symbol, written.number, written.unit, given.source.id, given.source.kind, given.source.why)
        )
    result = numbers.write(step.result.value, step.result.unit, ask.lang)
    word = _grade_word(ask, method, step.result.value)
    return Line(
        ask.t.pick(method.zh, method.en), step.method, formula.typeset(first[0]) if first else "", clause_said(ask, method),
        tuple(arguments), f"{result.number} {word}".strip(), result.unit, step.result.why, step,
    )  # fmt: skip


def _grade_word(ask: Ask, method: Method, value: float | None) -> str:
    """What the code of a grade stands for."""
    words = method.result.labels_en if ask.lang == "en" and method.result.labels_en else method.result.labels
    return words[int(value)] if value is not None and 0 <= value < len(words) and value == int(value) else ""


# ---- what leaves the house -------------------------------------------------------------------------------------------

_READING_COLUMNS = (
    Column("layer", "图层", "layer"), Column("name", "名称", "name"),
    Column("period", "时期", "period"), Column("value", "数值", "value"),
    Column("said", "含义", "meaning"), Column("unit", "单位", "unit"), Column("labels", "标注", "labels"),
    Column("reason", "没有数值的原因", "why there is none"),
)  # fmt: skip
_STEP_COLUMNS = (
    Column("account", "账户", "account"), Column("step", "步骤", "step"), Column("method", "方法", "method"), Column("argument", "变量", "argument"),
    Column("source", "来自", "from"), Column("value", "数值", "value"), Column("unit", "单位", "unit"), Column("reason", "没有数值的原因", "why there is none"),
)  # fmt: skip


def pixel_tables(ask: Ask, pixel: Pixel) -> list[Table]:
    """The readings, and every step with its arguments and its result."""
    readings: list[dict[str, Cell]] = [
        {"layer": r.layer.id, "name": r.layer.name(ask.lang), "period": r.period, "value": r.value, "said": r.said if r.layer.classes else "",
         "unit": r.unit, "labels": "; ".join(_words(ask, r.labels)), "reason": r.why or ("" if r.value is not None else ask.t("raster.pixel.why.nodata"))}
        for r in pixel.readings
    ]  # fmt: skip
    rows: list[dict[str, Cell]] = []
    for account in pixel.accounts:
        for line in account.steps:
            head: dict[str, Cell] = {"account": account.id, "step": line.raw.step, "method": line.method}
            rows += [
                head
                | {
                    "argument": g.argument,
                    "source": g.source.id,
                    "value": g.used,
                    "unit": g.unit,
                    "reason": _why(ask, g.source),
                }
                for g in line.raw.given
            ]
            result = line.raw.result
            rows.append(
                head
                | {
                    "argument": "=",
                    "source": line.raw.cell,
                    "value": result.value,
                    "unit": result.unit,
                    "reason": _why(ask, result),
                }
            )
    return [
        Table("pixel", "像元读数", "Pixel", _READING_COLUMNS, readings),
        Table("steps", "像元逐步计算", "Pixel worked through", _STEP_COLUMNS, rows),
    ]


def _why(ask: Ask, value: Value) -> str:
    return ask.t(f"raster.pixel.why.{value.why}") if value.why else ""


def _words(ask: Ask, labels: Sequence[str]) -> list[str]:
    return [ask.t(f"badge.{x}.word") if ask.t.has(f"badge.{x}.word") else x for x in labels]
