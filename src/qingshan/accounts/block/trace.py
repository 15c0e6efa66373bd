"""One cell of a raster account worked through step by step: what the compiled kernel does there, said in full.

    trace(sheet, {"rain": 1100.0, "pet": 820.0}, code=11, tables={"omega": by_class}, constants={}, area=900.0)

The same cell forms and guards as the kernel, in plain Python; arithmetic follows C, as the kernel's does: a division by
zero is infinite, the logarithm of a negative number has no value.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import FunctionType, SimpleNamespace

import numpy as np
from numpy.typing import NDArray

from qingshan.core.cell import Cell
from qingshan.zone.raster.grid import Window
from qingshan.zone.raster.source import Source

from .sheet import Constant, Layer, Sheet, Step, Sum, Table

__all__ = ["Given", "Share", "Trace", "Value", "Worked", "cell_value", "trace"]


@dataclass(frozen=True)
class Value:
    """A number at the cell. `value` None: there is none, and `why` says it: `nodata`, `outside` (the limits of the
    methods), `no_row` (the table has none for the class), `undefined` (a step gives no value here)."""

    id: str
    kind: str
    value: float | None
    unit: str
    why: str = ""


@dataclass(frozen=True)
class Given:
    """One argument of a step: the value it comes from, and the number the formula gets, in the method's unit."""

    argument: str
    source: Value
    used: float | None
    unit: str


@dataclass(frozen=True)
class Worked:
    """One step: its arguments in the order of the formula, and the result."""

    step: str
    cell: str
    method: str
    given: tuple[Given, ...]
    result: Value


@dataclass(frozen=True)
class Share:
    """What the cell adds to a sum."""

    sum: str
    value: float | None
    unit: str


@dataclass(frozen=True)
class Trace:
    """Everything at one cell: layers, table rows and constants as read, the steps in order, and the shares of the sums."""

    values: Mapping[str, Value]
    steps: tuple[Worked, ...]
    shares: tuple[Share, ...]


def cell_value(source: Source, row: int, col: int) -> float | None:
    """The stored value of one cell; None for NoData."""
    value = float(source.read(Window(row, col, 1, 1))[0, 0])
    return None if math.isnan(value) or (source.nodata is not None and value == source.nodata) else value


def trace(
    sheet: Sheet,
    layers: Mapping[str, float | None],
    code: int | None,
    tables: Mapping[str, NDArray[np.float64]],
    constants: Mapping[str, float],
    area: float,
) -> Trace:
    """Work a cell through. `layers` are the values of the layers at the cell (None: NoData), `code` the ecosystem class,
    `area` the cell's area in m2. A layer, table or constant that is absent counts as having no value."""
    values = {x.id: _layer(sheet, x, layers.get(x.id)) for x in sheet.layers}
    values |= {t.id: _row(t, values, code, tables.get(t.id)) for t in sheet.tables}
    values |= {c.id: _constant(c, constants.get(c.id)) for c in sheet.constants}
    worked = []
    for step in sheet.steps:
        done = _step(sheet, step, values)
        values[step.id] = done.result
        worked.append(done)
    shares = tuple(Share(s.id, _share(sheet, s, values, area), s.unit) for s in sheet.sums)
    return Trace(values, tuple(worked), shares)


def _layer(sheet: Sheet, layer: Layer, value: float | None) -> Value:
    if value is None:
        return Value(layer.id, "layer", None, layer.unit, "nodata")
    low, high = sheet.limits(layer)
    inside = (low is None or value >= low) and (high is None or value <= high)
    return Value(layer.id, "layer", value, layer.unit, "" if inside else "outside")


def _row(table: Table, values: Mapping[str, Value], code: int | None, rows: NDArray[np.float64] | None) -> Value:
    at = code if not table.by else None if values[table.by].why else int(values[table.by].value or 0)
    found = float(rows[at]) if rows is not None and at is not None and 0 <= at < len(rows) else math.nan
    known = not math.isnan(found)
    return Value(table.id, "table", found if known else None, table.unit, "" if known else "no_row")


def _constant(constant: Constant, value: float | None) -> Value:
    return Value(constant.id, "constant", value, constant.unit, "" if value is not None else "no_row")


def _step(sheet: Sheet, step: Step, values: Mapping[str, Value]) -> Worked:
    given = []
    cell = sheet.cell(step)
    declared = cell.declared(sheet.method(step))
    for b in sheet.bound(step):
        source = values[b.source]
        usable = source.value if not source.why else None
        used = None if usable is None else usable if b.factor == 1.0 else usable * b.factor
        given.append(Given(b.argument, source, used, declared[b.argument].unit))
    result = math.nan
    if all(g.used is not None or g.argument in cell.unknown for g in given):
        with np.errstate(all="ignore"):
            result = float(_plain(cell)(*(np.float64(math.nan if g.used is None else g.used) for g in given)))
    known = not math.isnan(result)
    value = Value(step.id, "step", result if known else None, sheet.units[step.id], "" if known else "undefined")
    return Worked(step.id, cell.name, cell.method, tuple(given), value)


def _share(sheet: Sheet, sum: Sum, values: Mapping[str, Value], area: float) -> float | None:
    if any(values[name].why for name in (sum.of, sum.by, sum.on) if name not in ("", "1")):
        return None
    of = 1.0 if sum.of == "1" else values[sum.of].value
    assert of is not None
    per = {"cell": 1.0, "m2": area, "hm2": area * 1e-4, "km2": area * 1e-6}[sum.per]
    share = of * per * sheet.scale(sum)
    return share if math.isfinite(share) else None


# ---- arithmetic as in C ------------------------------------------------------------------------------------------------


def _as_in_c(name: str) -> Callable[..., float]:
    function = getattr(
        np, {"pow": "power", "asin": "arcsin", "acos": "arccos", "atan": "arctan", "atan2": "arctan2"}.get(name, name)
    )

    def run(*numbers: float) -> float:
        return float(function(*numbers))

    return run


_C = SimpleNamespace(**{k: v for k, v in vars(math).items() if not k.startswith("_")})
for _name in (
    "exp",
    "expm1",
    "log",
    "log10",
    "log2",
    "log1p",
    "sqrt",
    "pow",
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "sinh",
    "cosh",
):
    setattr(_C, _name, _as_in_c(_name))


def _plain(cell: Cell) -> Callable[..., float]:
    """The function of a cell with `math` that returns what C returns instead of raising."""
    given = cell.function
    return FunctionType(given.__code__, {**given.__globals__, "math": _C}, given.__name__, given.__defaults__)
