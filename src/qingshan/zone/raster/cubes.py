"""Zarr stores: a field with coordinates along its two axes, read like a band of a file.

Axes are named in the store (`_ARRAY_DIMENSIONS`, or dimension names of format 3); a field stored x first is turned. The CRS is
that of the grid mapping (`crs_wkt` or `spatial_ref`), or the attribute `crs`. Coordinates are cell centres, evenly spaced.
"""

from __future__ import annotations

import base64
import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .grid import Window
from .stored import CannotRead, Stored

__all__ = ["look_at_zarr", "read_zarr"]

X, Y = ("x", "lon", "longitude", "easting"), ("y", "lat", "latitude", "northing")
EVEN = 1e-3
"""Share of a cell by which coordinates may be uneven."""


class _Arrays(threading.local):
    def __init__(self) -> None:
        self.open: dict[tuple[str, str, tuple[int, ...]], Any] = {}


_ARRAYS = _Arrays()


def look_at_zarr(path: Path, variable: str, band: int) -> Stored:
    """What a store says of a field; `band` counts along a third axis, such as time. Raises `CannotRead`."""
    try:
        group = _group(path)
        arrays = dict(group.arrays())
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _bad(path, f"it cannot be opened as a Zarr store: {error}", f"不能作为 Zarr 打开：{error}") from None
    fields = {name: a for name, a in arrays.items() if _has(a, X) and _has(a, Y)}
    if variable not in fields:
        if variable or len(fields) != 1:
            names = ", ".join(fields) or "none"
            raise _bad(
                path,
                f"no field {variable!r}; fields with x and y: {names}",
                f"没有变量 {variable!r}；含 x、y 的变量：{names}",
            )
        variable = next(iter(fields))
    array = fields[variable]
    axes = [n.lower() for n in _axes(array)]
    col, row = (next(i for i, n in enumerate(axes) if n in names) for names in (X, Y))
    others = [i for i in range(len(axes)) if i not in (col, row)]
    depth = int(np.prod([array.shape[i] for i in others])) if others else 1
    if len(others) > 1 or not 1 <= band <= depth:
        raise _bad(
            path, f"{variable!r} has no layer {band}; it has {depth}", f"{variable!r} 没有第 {band} 层，共 {depth} 层"
        )
    x, y = (_line(path, arrays, _axes(array)[i]) for i in (col, row))
    about = dict(array.attrs)
    fill = _number(about.get("_FillValue", array.fill_value))
    return Stored(
        str(path), band, depth, str(array.dtype), fill, _crs(group, arrays, about),
        (x[1], 0.0, x[0], 0.0, y[1], y[0]), array.shape[col], array.shape[row], (array.chunks[row], array.chunks[col]),
        False, str(about.get("units", "")), float(about.get("scale_factor", 1)), float(about.get("add_offset", 0)), "Zarr",
        _stamp(path), {"variable": variable, "axes": (row, col)},
    )  # fmt: skip


def read_zarr(stored: Stored, window: Window) -> NDArray[Any]:
    """Cells of a window, rows down."""
    key = (stored.path, str(stored.options["variable"]), stored.stamp)
    array = _ARRAYS.open.get(key)
    if array is None:
        array = _ARRAYS.open[key] = _group(Path(stored.path))[key[1]]
    row, col = stored.options["axes"]
    at: list[Any] = [stored.band - 1] * array.ndim
    at[row], at[col] = window.slices
    values = np.asarray(array[tuple(at)])
    return values if row < col else values.T


def _group(path: Path) -> Any:
    """A store in its folder, or packed into a zip."""
    import zarr  # noqa: PLC0415 - the extra cube
    from zarr.storage import ZipStore  # noqa: PLC0415

    return zarr.open_group(ZipStore(path, mode="r") if path.suffix == ".zip" else str(path), mode="r")


def _number(fill: Any) -> float | None:
    """A fill value; format 3 writes floating ones as eight bytes in base 64."""
    if isinstance(fill, str):
        return float(np.frombuffer(base64.b64decode(fill), "<f8")[0])
    return None if fill is None else float(fill)


def _axes(array: Any) -> list[str]:
    named = array.attrs.get("_ARRAY_DIMENSIONS") or getattr(array.metadata, "dimension_names", None) or ()
    return [str(name) for name in named]


def _has(array: Any, names: tuple[str, ...]) -> bool:
    return array.ndim >= 2 and any(axis.lower() in names for axis in _axes(array))


def _line(path: Path, arrays: dict[str, Any], name: str) -> tuple[float, float]:
    """The outer edge of the first cell and the step, from cell centres."""
    if name not in arrays:
        raise _bad(path, f"the coordinate {name!r} is missing", f"缺少坐标 {name!r}")
    centres = np.asarray(arrays[name][:], np.float64)
    if len(centres) < 2:
        raise _bad(
            path,
            f"the coordinate {name!r} has one value: its cell size is not known",
            f"坐标 {name!r} 只有一个值，像元大小不明",
        )
    step = (centres[-1] - centres[0]) / (len(centres) - 1)
    if not step or np.abs(np.diff(centres) - step).max() > EVEN * abs(step):
        raise _bad(path, f"the coordinate {name!r} is not evenly spaced", f"坐标 {name!r} 间隔不匀")
    return float(centres[0] - step / 2), float(step)


def _crs(group: Any, arrays: dict[str, Any], about: dict[str, Any]) -> str:
    from pyproj import CRS  # noqa: PLC0415 - the extra geo

    named = str(about.get("grid_mapping", "spatial_ref"))
    mapping = dict(arrays[named].attrs) if named in arrays else {}
    text = mapping.get("crs_wkt") or mapping.get("spatial_ref") or about.get("crs") or group.attrs.get("crs") or ""
    return str(CRS.from_user_input(text).to_wkt()) if text else ""


def _stamp(path: Path) -> tuple[int, ...]:
    about = [p.stat() for p in ([path] if path.is_file() else path.rglob("*")) if p.is_file()]
    return max((s.st_mtime_ns for s in about), default=0), sum(s.st_size for s in about)


def _bad(path: Path, en: str, zh: str) -> CannotRead:
    return CannotRead(
        f"{en}.", f"{zh}。", where=str(path),
        fix="write it with xarray, with coordinates and a CRS / 用 xarray 写出，带坐标和坐标系",
    )  # fmt: skip
