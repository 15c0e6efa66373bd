"""Cell forms over a block: a few steps become one compiled loop, with tables by class code and NoData as NaN."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from qingshan.core.cell import Cell, find_cell

from ..block.kernel import compiled

__all__ = ["cellwise"]

HEAD = '''"""Cell forms over a block, made by qingshan from the declarations of the domains."""

import math

import numpy as np
from numba import njit
'''
JIT = "@njit(nogil=True, cache=True, error_model='numpy')"

Step = tuple[str, str, tuple[tuple[str, str], ...]]


def steps_of(*steps: tuple[str, str, Mapping[str, str]]) -> tuple[Step, ...]:
    """(name, cell form, argument -> name) of each step, in order."""
    return tuple((name, cell, tuple(sorted(bind.items()))) for name, cell, bind in steps)


@lru_cache(maxsize=64)
def cellwise(
    steps: tuple[Step, ...], layers: tuple[str, ...], tables: tuple[str, ...], numbers: tuple[str, ...], outputs: tuple[str, ...]
) -> Callable[..., None]:  # fmt: skip
    """A function (codes, *layers, *tables, *numbers, *outputs) over blocks of one shape; outputs are written in place.

    Layers are floats with NaN for NoData, codes whole numbers with -1 for NoData, tables vectors by code. A step whose
    argument is NaN is NaN. The form "+" adds what is bound.
    """
    functions: list[str] = []
    names: dict[str, str] = {}
    for _, form, _ in steps:
        if form not in names and form != "+":
            names[form] = f"f{len(names)}"
            functions.append(_function(find_cell(form), names[form]))
    arguments = [
        "codes",
        *(f"L_{x}" for x in layers),
        *(f"T_{x}" for x in tables),
        *numbers,
        *(f"W_{x}" for x in outputs),
    ]
    body = [f"v_{x} = float(L_{x}[i, j])" for x in layers]
    body += ["code = int(codes[i, j])"] if tables else []
    body += [f"v_{x} = T_{x}[code] if 0 <= code < T_{x}.shape[0] else math.nan" for x in tables]
    for name, form, bind in steps:
        added = " + ".join(f"v_{x}" for _, x in bind)
        body += (
            [f"v_{name} = {added}"] if form == "+" else _step(name, find_cell(form), names[form], dict(bind), numbers)
        )
    body += [f"W_{x}[i, j] = v_{x}" for x in outputs]
    loop = [
        f"{JIT}\ndef kernel({', '.join(arguments)}):", "    height, width = codes.shape", "    for i in range(height):",
        "        for j in range(width):", *(f"            {line}" for line in body),
    ]  # fmt: skip
    return compiled("\n\n".join([HEAD, *functions, "\n".join(loop)]) + "\n")


def _step(name: str, cell: Cell, function: str, bind: dict[str, str], numbers: Sequence[str]) -> list[str]:
    given = [bind[a] if bind[a] in numbers else f"v_{bind[a]}" for a in cell.arguments]
    guard = " and ".join(f"{g} == {g}" for g in dict.fromkeys(given) if g.startswith("v_")) or "True"
    return [f"v_{name} = {function}({', '.join(given)}) if {guard} else math.nan"]


def _function(cell: Cell, name: str) -> str:
    """The text of a cell form under another name, its numbers before it."""
    tree = ast.parse(cell.source)
    tree.body[0].name = name  # type: ignore[attr-defined]
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in cell.constants:
            node.id = f"{name}_{node.id}"
    lines = [f"{name}_{key} = {_literal(value)}" for key, value in cell.constants.items()]
    return "\n".join([*lines, JIT, ast.unparse(tree)])


def _literal(value: Any) -> str:
    return repr(value) if math.isfinite(value) else f"float('{value}')"
