"""The stages of a raster account: what cannot be said cell by cell, with the units of what each reads and gives.

A stage is a module with a function `run(grid, inputs, tables, constants, options, outputs, folder, *, classes, workers, memory,
progress)` that returns a `Field` per asked output, and the tables `INPUTS`, `TABLES`, `CONSTANTS`, `OUTPUTS` (name -> unit; ""
takes codes), `OPTIONS` (name -> words, the first is the default) and perhaps `OPTIONAL`. A name with NAME in it stands for one
per threat, substance and so on. An account names a stage by `run = "<name>"`. The tables of our own stages lie in `declared/`,
so that declarations are read without the compiler that `run` needs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from qingshan.core.canonical import digest, file_digest
from qingshan.core.cell import CELLS
from qingshan.core.domain import load_domains
from qingshan.core.errors import UnknownName
from qingshan.core.method import REGISTRY

__all__ = ["STAGES", "Stage", "find_stage"]

STAGES: dict[str, tuple[str, str, str]] = {
    "terrain": ("qingshan.accounts.flow.terrain", "坡度与坡向", "slope and aspect"),
    "flow": ("qingshan.accounts.flow.routing", "填洼与汇流", "depression filling and flow routing"),
    "slope_length": ("qingshan.accounts.flow.slope_length", "坡长坡度因子", "slope length and steepness"),
    "sediment": ("qingshan.accounts.flow.sediment", "泥沙输移", "sediment delivery"),
    "nutrient": ("qingshan.accounts.flow.nutrient", "养分输移", "nutrient delivery"),
    "baseflow": ("qingshan.accounts.flow.baseflow", "季节基流", "seasonal baseflow"),
    "cooling": ("qingshan.accounts.focal.cooling", "城市降温", "urban cooling"),
    "habitat": ("qingshan.accounts.focal.habitat", "生境质量", "habitat quality"),
}
"""Module and both names of each stage."""


@dataclass(frozen=True)
class Stage:
    """One stage and what its module declares."""

    name: str
    module: str
    zh: str
    en: str

    def function(self) -> Callable[..., Any]:
        found: Callable[..., Any] = import_module(self.module).run
        return found

    def declared(self, kind: str) -> Mapping[str, Any]:
        """`INPUTS`, `TABLES`, `CONSTANTS`, `OUTPUTS` or `OPTIONS` of the module."""
        found: Mapping[str, Any] = getattr(_declaration(self.module), kind)
        return found

    def unit(self, kind: str, name: str) -> str | None:
        """Unit of an input, table, constant or output; None where the stage has none of that name."""
        known = self.declared(kind)
        if name in known:
            return str(known[name])
        return next((str(unit) for pattern, unit in known.items() if _fits(pattern, name)), None)

    def takes(self, kind: str, name: str) -> bool:
        return any(_fits(pattern, name) for pattern in self.declared(kind))

    def gives(self, output: str) -> bool:
        """True where the stage has that output, or is not installed and so cannot say."""
        return find_spec(self.module) is None or self.unit("OUTPUTS", output) is not None

    def outputs(self, asked: set[str]) -> tuple[str, ...]:
        """The asked outputs in the order of the declaration."""
        known = list(self.declared("OUTPUTS"))
        return tuple(
            sorted(asked, key=lambda o: (next((i for i, p in enumerate(known) if _fits(p, o)), len(known)), o))
        )

    @cached_property
    def optional(self) -> tuple[str, ...]:
        return tuple(getattr(_declaration(self.module), "OPTIONAL", ()))

    def methods(self, options: Mapping[str, str]) -> tuple[str, ...]:
        """The published formulas that its module names: with their edition, or in the edition that an option or `EDITION` gives.

        A module's table `METHODS` (word of an option -> methods, "" for every word) says which it uses under that word only.
        """
        known = _declaration(self.module).OPTIONS if find_spec(self.module) else {}
        chosen = {name: words[0] for name, words in known.items() if words} | dict(options)
        return _methods(self.module, tuple(sorted(set(chosen.values()))))

    @property
    def code(self) -> str:
        """Hash of the packages of stages, and of the cell forms and methods that this stage's own modules name."""
        return _code(self.module)


def find_stage(name: str) -> Stage:
    """The stage of that name. Raises `UnknownName` with those there are."""
    if name not in STAGES:
        known = ", ".join(STAGES)
        raise UnknownName(f"no stage {name!r}; known: {known}.", f"没有前置计算 {name!r}；现有：{known}。")
    return Stage(name, *STAGES[name])


def _declaration(module: str) -> Any:
    """The module that holds the tables of a stage: the one of its name in `declared/`, else its own."""
    apart = f"qingshan.accounts.declared.{module.rpartition('.')[2]}"
    ours = module.startswith("qingshan.accounts.") and find_spec(apart) is not None
    return import_module(apart if ours else module)


def _fits(pattern: str, name: str) -> bool:
    return pattern == name or ("NAME" in pattern and re.fullmatch(pattern.replace("NAME", r"\w+"), name) is not None)


_ID = re.compile(r"\b[a-z]+\.[a-z][a-z0-9_]*")
_BARE = re.compile(r"\b[a-z]+\.[a-z][a-z0-9_]*(?![a-z0-9_]|@[a-z0-9_])")
"""Ids of methods in a source text, and those without an edition behind them; one may be put there at run time."""

_REF = re.compile(r"\b([a-z]+\.[a-z][a-z0-9_]*)@([a-z0-9_]+)")


@lru_cache(maxsize=64)
def _methods(module: str, words: tuple[str, ...]) -> tuple[str, ...]:
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        return ()
    text = Path(spec.origin).read_text(encoding="utf-8")
    load_domains()
    known = {m.ref for m in REGISTRY.all()}
    found = {f"{id}@{edition}" for id, edition in _REF.findall(text)}
    stage = _declaration(module)
    editions = (*words, str(getattr(stage, "EDITION", "")).removeprefix("@"))
    found |= {f"{id}@{edition}" for id in set(_BARE.findall(text)) for edition in editions}
    by_word: Mapping[str, tuple[str, ...]] = getattr(stage, "METHODS", {})
    used = {ref for word, refs in by_word.items() if word in ("", *words) for ref in refs}
    only = {ref for refs in by_word.values() for ref in refs} - used
    return tuple(sorted((found | used) & known - only))


@lru_cache(maxsize=16)
def _code(module: str) -> str:
    spec = find_spec(module)
    assert spec is not None and spec.origin is not None
    own = Path(spec.origin)
    beside = own.parent.parent
    inside = beside.name == "accounts"
    files = sorted(p for d in ("declared", "flow", "focal") for p in beside.glob(f"{d}/*.py")) if inside else [own]
    others = {module_name.rpartition(".")[2] for module_name, _, _ in STAGES.values()} - {own.stem}
    text = "\n".join(p.read_text(encoding="utf-8") for p in files if p.stem not in others)
    named = set(_ID.findall(text))
    load_domains()
    cells = {name: c.code for name, c in sorted(CELLS.items()) if c.method.partition("@")[0] in named}
    methods = {m.ref: m.code for m in REGISTRY.all() if m.id in named}
    return digest([[file_digest(p) for p in files], cells, methods])
