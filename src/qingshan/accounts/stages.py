"""The stages of a raster account: what cannot be said cell by cell, each with the units of what it reads and gives.

A stage is a function `run(grid, inputs, tables, constants, options, outputs, folder, *, classes, workers, memory, progress)`
that returns a `Field` per asked output. The table says where it lies; an account names it by `run = "<name>"`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from qingshan.core.canonical import digest, file_digest
from qingshan.core.cell import CELLS
from qingshan.core.errors import UnknownName

__all__ = ["STAGES", "Stage", "find_stage"]


@dataclass(frozen=True)
class Stage:
    """One stage: `call` is `module:function`; a unit of "" takes codes or anything.

    `optional` names inputs, tables and constants that an account may leave out. `classes` says that it reads the classes.
    """

    name: str
    call: str
    zh: str
    en: str
    inputs: Mapping[str, str] = field(default_factory=dict)
    tables: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    optional: tuple[str, ...] = ()
    classes: bool = False

    def function(self) -> Callable[..., Any]:
        module, _, name = self.call.partition(":")
        found: Callable[..., Any] = getattr(import_module(module), name)
        return found

    @property
    def code(self) -> str:
        """Hash of the package that holds the stage and of every cell form that it may use."""
        return _code(self.call.partition(":")[0])


@lru_cache(maxsize=16)
def _code(module: str) -> str:
    spec = find_spec(module)
    assert spec is not None and spec.origin is not None
    files = sorted(Path(spec.origin).parent.glob("*.py"))
    return digest([[file_digest(p) for p in files], {name: c.code for name, c in sorted(CELLS.items())}])


STAGES: dict[str, Stage] = {}


def find_stage(name: str) -> Stage:
    """The stage of that name. Raises `UnknownName` with those there are."""
    if name not in STAGES:
        known = ", ".join(STAGES) or "none"
        raise UnknownName(f"no stage {name!r}; known: {known}.", f"没有前置计算 {name!r}；现有：{known}。")
    return STAGES[name]
