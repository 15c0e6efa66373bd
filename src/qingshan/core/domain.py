"""How an engine reaches the domains: the entry points `qingshan.domains`, and nothing else.

A domain is a package with `methods.py`, perhaps `cells.py` (their cell forms), tables in `standards/*.csv` (parameter
rows where the header has a column `parameter`; class lists and grade tables otherwise) and declarations in `*.toml`.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from .canonical import file_digest
from .errors import DeclarationError
from .method import REGISTRY, Registry
from .parameter import ParameterRow, Parameters, is_parameter_table, read_rows


@dataclass(frozen=True)
class Domain:
    """One subject: its name, folder, parameter rows and declarations (file stem -> parsed TOML)."""

    name: str
    folder: Path
    rows: tuple[ParameterRow, ...]
    declarations: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Domains:
    """All installed domains. `hashes` maps `domain/relative file` to sha-256, for manifests."""

    by_name: dict[str, Domain]
    registry: Registry
    hashes: dict[str, str]

    def parameters(self) -> Parameters:
        return Parameters(row for domain in self.by_name.values() for row in domain.rows)

    def declared(self, stem: str) -> list[tuple[str, dict[str, Any]]]:
        """Every declaration file of that stem, as (domain, content): `quantities`, `account`, ..."""
        return [(d.name, d.declarations[stem]) for d in self.by_name.values() if stem in d.declarations]

    def folder(self, domain: str, inside: str) -> list[tuple[str, dict[str, Any]]]:
        """Declarations of a sub-folder, as (stem, content): `profiles` of `gep`."""
        prefix = f"{inside}/"
        found = self.by_name[domain].declarations
        return [(k.removeprefix(prefix), v) for k, v in sorted(found.items()) if k.startswith(prefix)]


@lru_cache(maxsize=1)
def load_domains() -> Domains:
    """Import every installed domain once. Raises `DeclarationError` naming the domain that cannot be read."""
    domains: dict[str, Domain] = {}
    hashes: dict[str, str] = {}
    for entry in sorted(entry_points(group="qingshan.domains"), key=lambda e: e.name):
        spec = find_spec(entry.value)
        if spec is None or not spec.submodule_search_locations:
            raise DeclarationError(
                f"domain {entry.name!r} ({entry.value}) cannot be imported.", fix="reinstall its package"
            )
        folder = Path(next(iter(spec.submodule_search_locations)))
        if (folder / "methods.py").exists():
            import_module(f"{entry.value}.methods")
        if (folder / "cells.py").exists():
            import_module(f"{entry.value}.cells")
        rows: list[ParameterRow] = []
        for table in sorted(folder.glob("standards/*.csv")):
            origin = f"{entry.name}/standards/{table.name}"
            if is_parameter_table(table):
                rows += read_rows(table, origin)
            hashes[origin] = file_digest(table)
        declarations: dict[str, dict[str, Any]] = {}
        for path in sorted([*folder.glob("*.toml"), *folder.glob("*/*.toml")]):
            relative = path.relative_to(folder).with_suffix("").as_posix()
            declarations[relative] = tomllib.loads(path.read_text(encoding="utf-8"))
            hashes[f"{entry.name}/{path.relative_to(folder).as_posix()}"] = file_digest(path)
        domains[entry.name] = Domain(entry.name, folder, tuple(rows), declarations)
    return Domains(domains, REGISTRY, hashes)
