"""From a sheet to one compiled loop over cells.

The kernel is a file that a person can read: the text of every cell form the sheet uses, then one loop that reads each
layer once, guards each step by the NoData of what it stands on, and adds to the sums. It lies under
`kernels/<hash>.py` of qingshan's home, so that it is compiled once for all later runs.
"""

from __future__ import annotations

import ast
import hashlib
import math
import os
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from qingshan.core.cell import Cell

from ..home import home
from .sheet import Constant, Layer, Sheet, Step, Sum, Table
from .total import ADD, LARGEST

__all__ = ["Kernel", "compiled", "kernel_of"]

HEAD = '''"""{title}: made by qingshan from its declaration; the cell forms are those of the domains."""

import math

import numpy as np
from numba import njit
'''
_LOADING = threading.Lock()
JIT = "@njit(nogil=True, cache=True, error_model='numpy')"
SKIPPED = 4 * LARGEST
COUNT = f'''

{JIT}
def told(seen, areas, tally, area):
    """What was counted in rows of cells of one area: as numbers and, exactly, as areas."""
    parts = np.zeros((1, 3), np.int64)
    add(parts, 0, area)
    for n in range(areas.shape[0]):
        for p in range(3):
            areas[n, p] += seen[n] * parts[0, p]
    for n in range(seen.shape[0]):
        tally[n] += seen[n]
        seen[n] = 0
'''
"""Counts, in this order: cells of no class; per layer without data, outside its limits; per sum where a layer is lacking, where
it is undefined; last the cells of a class."""


@dataclass(frozen=True)
class Kernel:
    """Source text and the order of its arguments."""

    source: str
    layers: tuple[str, ...]
    tables: tuple[str, ...]
    constants: tuple[str, ...]
    writes: tuple[str, ...]
    sums: tuple[str, ...]
    offsets: tuple[int, ...]
    width: int
    """Sums per key: a sum with `codes` takes that many places, from its offset on."""

    @property
    def key(self) -> str:
        return hashlib.sha256(self.source.encode()).hexdigest()


def kernel_of(sheet: Sheet) -> Kernel:
    """Write the kernel of a sheet."""
    return _Writer(sheet).kernel()


def compiled(source: str) -> Callable[..., Any]:
    """The compiled function of a kernel text; the file is written once, loaded once per process."""
    with _LOADING:
        return _loaded(source)


@lru_cache(maxsize=64)
def _loaded(source: str) -> Callable[..., Any]:
    name = f"qingshan_kernel_{hashlib.sha256(source.encode()).hexdigest()[:24]}"
    path = _kernel_file(name, source)
    spec = spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    function: Callable[..., Any] = module.kernel
    return function


def _kernel_file(name: str, source: str) -> Path:
    for folder in (home() / "kernels", Path(tempfile.gettempdir()) / f"qingshan-kernels-{os.getuid()}"):
        path = folder / f"{name}.py"
        try:
            if path.is_file() and path.read_text(encoding="utf-8") == source:
                return path
            folder.mkdir(parents=True, exist_ok=True)
            fresh = path.with_name(f".{name}.{os.getpid()}.py")
            fresh.write_text(source, encoding="utf-8")
            fresh.replace(path)
        except OSError:
            continue
        return path
    raise OSError("no folder for compiled kernels can be written; set QINGSHAN_HOME")


class _Writer:
    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self.layers = sheet.used_layers()
        used = sheet.used
        self.steps = [s for s in sheet.steps if s.id in used]
        self.tables = [t for t in sheet.tables if t.id in used]
        self.constants = [c for c in sheet.constants if c.id in used]
        self.cells: dict[str, str] = {}
        self.lines: list[str] = []

    def kernel(self) -> Kernel:
        sums, offsets, at = self.sheet.sums, [], 0
        for s in sums:
            offsets.append(at)
            at += s.codes
        functions = self._functions()
        loop = self._loop(tuple(offsets))
        source = (
            HEAD.format(title=f"raster account {self.sheet.id}") + "\n" + JIT + ADD + COUNT + functions + "\n" + loop
        )
        return Kernel(
            source, tuple(x.id for x in self.layers), tuple(t.id for t in self.tables), tuple(c.id for c in self.constants),
            tuple(self.sheet.writes), tuple(s.id for s in sums), tuple(offsets), max(at, 1),
        )  # fmt: skip

    # ---- cell forms ------------------------------------------------------------------------------------------------

    def _functions(self) -> str:
        text = []
        for step in self.steps:
            cell = self.sheet.cell(step)
            if cell.name not in self.cells:
                name = f"f{len(self.cells)}"
                self.cells[cell.name] = name
                text.append(
                    f"\n\n# {cell.name}\n{_constants(cell, name)}{JIT}\n{_renamed(cell.source, tuple(cell.constants), name)}\n"
                )
        return "".join(text)

    # ---- the loop --------------------------------------------------------------------------------------------------

    def _loop(self, offsets: tuple[int, ...]) -> str:
        arguments = [
            "acc",
            "tally",
            "areas",
            "row_area",
            "places",
            "place_nodata",
            "place_index",
            "classes",
            "class_index",
        ]
        for x in self.layers:
            arguments += [f"L_{x.id}", f"N_{x.id}"]
        arguments += [f"T_{t.id}" for t in self.tables] + [f"C_{c.id}" for c in self.constants]
        arguments += [f"W_{w}" for w in self.sheet.writes]
        out = [f"\n{JIT}\ndef kernel({', '.join(arguments)}):"]
        out += [
            "    height, width = places.shape",
            "    n_places = place_index.shape[0]",
            "    seen = np.zeros(tally.shape[0], np.int64)",
            f"    terms, slots = np.empty({len(offsets)}), np.array({list(offsets) or [0]}, np.uint64)",
            "    for i in range(height):",
            "        if i > 0 and row_area[i] != row_area[i - 1]:",
            "            told(seen, areas, tally, row_area[i - 1])",
            "        area = row_area[i]",
            "        for j in range(width):",
        ]
        body = ["place = int(places[i, j])"]
        if not self.sheet.writes:
            body += ["if place == place_nodata or place < 0 or place >= n_places:", "    continue"]
        body += ["code = int(classes[i, j])", "k = class_index[code] if 0 <= code < class_index.shape[0] else -1"]
        for x in self.layers:
            body += self._layer(x)
        for t in self.tables:
            body += self._table(t)
        for step in self.steps:
            body += self._step(step)
        for w in self.sheet.writes:
            body += [f"W_{w}[i, j] = v_{w} if m_{w} else math.nan"]
        if self.sheet.writes:
            body += ["if place == place_nodata or place < 0 or place >= n_places:", "    continue"]
        body += ["if k < 0:", "    seen[0] += 1", "    continue", "seen[-1] += 1"]
        body += [
            f"if o_{x.id} != 0:\n    seen[{1 + n} + (o_{x.id} - 1) * {len(self.layers)}] += 1"
            for n, x in enumerate(self.layers)
        ]
        for n, s in enumerate(self.sheet.sums):
            body += self._sum(n, s, offsets[n])
        body += [
            "row = acc[place_index[place], k]", f"for n in range({len(offsets)}):", "    x = terms[n]",
            f"    if -{LARGEST!r} < x < {LARGEST!r}:", "        add(row, slots[n], x)",
            f"    elif x != {SKIPPED!r}:", f"        seen[{1 + 2 * len(self.layers) + len(offsets)} + n] += 1",
        ]  # fmt: skip
        inner = [f"            {line}" for part in body for line in part.split("\n")]
        last = ["    if height > 0:", "        told(seen, areas, tally, row_area[height - 1])"]
        return "\n".join([*out, *inner, *last]) + "\n"

    def _layer(self, x: Layer) -> list[str]:
        """`o` says why a cell is not data: 1 NoData, 2 outside the limits."""
        low, high = self.sheet.limits(x)
        lines = [f"r_{x.id} = L_{x.id}[i, j]"]
        if x.classes:
            lines += [f"v_{x.id} = int(r_{x.id})", f"o_{x.id} = 1 if r_{x.id} == N_{x.id} else 0"]
        else:
            lines += [
                f"v_{x.id} = float(r_{x.id})",
                f"o_{x.id} = 1 if (r_{x.id} == N_{x.id} or r_{x.id} != r_{x.id}) else 0",
            ]
        limits = [f"v_{x.id} >= {low!r}"] * (low is not None) + [f"v_{x.id} <= {high!r}"] * (high is not None)
        limits = [t for t in limits if "inf" not in t]
        if limits:
            lines += [f"if o_{x.id} == 0 and not ({' and '.join(limits)}):", f"    o_{x.id} = 2"]
        return [*lines, f"m_{x.id} = o_{x.id} == 0"]

    def _table(self, t: Table) -> list[str]:
        index, ok = (f"v_{t.by}", f"m_{t.by}") if t.by else ("code", "k >= 0")
        return [
            f"v_{t.id} = T_{t.id}[{index}] if ({ok} and 0 <= {index} < T_{t.id}.shape[0]) else math.nan",
            f"m_{t.id} = v_{t.id} == v_{t.id}",
        ]

    def _step(self, step: Step) -> list[str]:
        cell, bound = self.sheet.cell(step), self.sheet.bound(step)
        guards, given = [], []
        for b in bound:
            entry = self.sheet.by_id[b.source]
            name = f"C_{b.source}" if isinstance(entry, Constant) else f"v_{b.source}"
            value = f"float({name})" if isinstance(entry, Layer) and entry.classes else name
            value = value if b.factor == 1.0 else f"{value} * {b.factor!r}"
            if isinstance(entry, Constant):
                given.append(value)
            elif b.argument in cell.unknown:
                given.append(f"({value} if m_{b.source} else math.nan)")
            else:
                given.append(value)
                guards += [f"m_{b.source}"] * (f"m_{b.source}" not in guards)
        call = f"{self.cells[cell.name]}({', '.join(given)})"
        return [
            f"v_{step.id} = math.nan",
            f"if {' and '.join(guards) or 'True'}:",
            f"    v_{step.id} = {call}",
            f"m_{step.id} = v_{step.id} == v_{step.id}",
        ]

    def _sum(self, n: int, s: Sum, offset: int) -> list[str]:
        scale = self.sheet.scale(s)
        factors = ([] if s.of == "1" else [f"v_{s.of}"]) + ([] if s.per == "cell" else ["area"])
        if s.per in ("hm2", "km2"):
            scale *= {"hm2": 1e-4, "km2": 1e-6}[s.per]
        term = " * ".join([*factors, *([] if scale == 1.0 and factors else [repr(scale)])])
        guard = [
            f"m_{g}"
            for g in dict.fromkeys([s.of, s.by, s.on])
            if g not in ("1", "") and not isinstance(self.sheet.by_id[g], Constant)
        ]
        inside = [f"0 <= v_{s.by} < {s.codes}"] if s.by else []
        layers, first = self.sheet.layers_of(s), 1 + 2 * len(self.layers) + n
        missing = " and ".join(f"m_{x}" for x in layers) or "True"
        slot = [f"    slots[{n}] = np.uint64({offset} + int(v_{s.by}))"] if s.by else []
        return [
            f"if {' and '.join([*guard, *inside]) or 'True'}:",
            f"    terms[{n}] = {term}",
            *slot,
            "else:",
            f"    terms[{n}] = {SKIPPED!r}",
            f"    seen[{first + len(self.sheet.sums)} if {missing} else {first}] += 1",
        ]


class _Rename(ast.NodeTransformer):
    def __init__(self, names: dict[str, str]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.copy_location(ast.Name(self.names.get(node.id, node.id), node.ctx), node)


@lru_cache(maxsize=512)
def _renamed(source: str, constants: tuple[str, ...], name: str) -> str:
    """The text of a cell form under another name, and its constants too."""
    tree = ast.parse(source)
    body = tree.body[0]
    assert isinstance(body, ast.FunctionDef)
    body.name = name
    return ast.unparse(_Rename({c: f"{name}_{c}" for c in constants}).visit(tree))


def _constants(cell: Cell, name: str) -> str:
    return "".join(
        f"{name}_{c} = {f'math.{value}' if math.isinf(value) or math.isnan(value) else repr(value)}\n"
        for c, value in cell.constants.items()
    )
