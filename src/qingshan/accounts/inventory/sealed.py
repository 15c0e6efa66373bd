"""Sealing the estimates of a zone's inventories as one run, and opening it."""

from __future__ import annotations

import json
import platform
import shutil
import tempfile
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

import qingshan
from qingshan.accounts.figure import refusal_lines
from qingshan.accounts.home import FOLDER, asked_path, pointers, runs_folder
from qingshan.accounts.profile import Profile
from qingshan.accounts.run import Run, require_whole, sealed_zone, write_lines
from qingshan.accounts.seal import seal_inputs, seen, software
from qingshan.core.baseline import enabled_kernels
from qingshan.core.canonical import canonical, digest, file_digest, write_atomic
from qingshan.core.domain import load_domains
from qingshan.core.errors import UnknownName
from qingshan.zone.zone import Zone, open_zone

from .declared import SETTINGS, InventorySettings, registered, tables_of
from .evaluated import Evaluated, evaluated
from .figures import Results, results
from .words import class_words, quantity_words

__all__ = ["PROFILE", "ForestRun", "forest_run", "seal_inventories", "write_figures"]

PROFILE = "forest_inventory"
KIND = "inventory"


def seal_inventories(zone: Zone | str | Path | None = None) -> ForestRun:
    """Estimate every inventory of a zone and seal the whole. Unchanged inputs give the same run and compute nothing.

    Raises `UnknownName` where the zone has no inventory, `FaultyInventory`, `TooFewPlots`, `DeclarationError`.
    """
    live = zone if isinstance(zone, Zone) else open_zone(zone)
    known = registered(live)
    if not known:
        raise UnknownName(
            f"{live.id} has no forest inventory.", f"{live.name_zh}没有森林调查数据。",
            fix="qingshan forest load FOLDER --zone ZONE --period YEAR --sets SETS / 用 qingshan forest load 载入样地与样木表",
        )  # fmt: skip
    runs_folder().mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=".sealing-", dir=runs_folder()))
    try:
        for settings, folder in known:
            tables_of(settings, folder, part / "inputs" / "inventory" / settings.id)
        identity = {"zone": seen(live), "software": software(load_domains()), "inventories": _hashes(part)}
        asked = asked_path(digest(identity))
        run = _known(asked) or _sealed(live, part, asked)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    write_atomic(pointers(live) / FOLDER, str(live.path.resolve()).encode())
    write_atomic(pointers(live) / PROFILE, run.id.encode())
    return run


def _known(asked: Path) -> ForestRun | None:
    if not asked.is_file():
        return None
    folder = runs_folder() / json.loads(asked.read_bytes())["run"]
    if not (folder / "manifest.json").is_file():
        return None
    run = ForestRun(folder)
    require_whole(folder, run.manifest["files"])
    return run


def _sealed(live: Zone, part: Path, asked: Path) -> ForestRun:
    seal_inputs(live, [], part / "inputs")
    found = results(sealed_zone(part), inventories_of(part))
    write_figures(part, found)
    folder = _renamed(part, live, found)
    run = ForestRun(folder)
    write_atomic(asked, canonical({"run": run.id}))
    return run


def inventories_of(folder: Path) -> list[Evaluated]:
    """The inventories of a sealed run, evaluated, by period."""
    made = []
    for path in sorted((folder / "inputs" / "inventory").glob(f"*/{SETTINGS}")):
        settings = InventorySettings.of(json.loads(path.read_bytes()), f"{path.parent.name}/{SETTINGS}")
        made.append(evaluated(settings, path.parent))
    return sorted(made, key=lambda e: (e.settings.period, e.settings.id))


def write_figures(folder: Path, found: Results) -> None:
    """Everything a replay must reproduce to the byte."""
    nodes = [found.nodes[k] for k in sorted(found.nodes)]
    write_lines(folder / "facts.jsonl", (f.line() for f in found.facts))
    write_lines(folder / "nodes.jsonl", (n.record() for n in nodes))
    write_lines(
        folder / "refusals.jsonl", refusal_lines([*(n.refusal for n in nodes), *(f.refusal for f in found.facts)])
    )
    write_lines(folder / "findings.jsonl", (f.record() for f in dict.fromkeys(found.findings)))


def _hashes(part: Path) -> dict[str, str]:
    return {p.relative_to(part).as_posix(): file_digest(p) for p in sorted(part.rglob("*")) if p.is_file()}


def _renamed(part: Path, zone: Zone, found: Results) -> Path:
    domains = load_domains()
    periods = sorted({f.period for f in found.facts}, key=lambda p: (p.count("-") == 0, p))  # the newest inventory last
    manifest: dict[str, Any] = {
        "format": 2, "kind": KIND, "zone": zone.id, "profile": PROFILE, "profile_key": "", "periods": periods,
        "synthetic": any("synthetic" in f.labels for f in found.facts), "scenarios": [{}], "central": [0], "files": _hashes(part),
        "domains": domains.hashes, "methods": {n.method: n.code for n in found.nodes.values() if n.method},
        "software": {"qingshan": qingshan.__version__, "python": platform.python_version(), "numpy": np.__version__,
                     "machine": platform.machine(), "kernels": enabled_kernels()},
    }  # fmt: skip
    (part / "manifest.json").write_bytes(canonical(manifest))
    final = runs_folder() / f"{zone.id}-{PROFILE}-{digest(manifest)[:12]}"
    try:
        part.rename(final)
    except OSError:
        if not final.exists():
            raise
        require_whole(final, manifest["files"])
    return final


def forest_run(zone: Zone | str) -> ForestRun | None:
    """The newest sealed estimates of a zone's inventories, None where there are none. Raises `UnknownName` for an ambiguous id."""
    mark = pointers(zone) / PROFILE
    folder = runs_folder() / mark.read_text() if mark.is_file() else None
    return ForestRun(folder) if folder and (folder / "manifest.json").is_file() else None


class ForestRun(Run):
    """A sealed run of inventories: a `Run` whose quantities, classes and labels are those of inventories."""

    @cached_property
    def profile(self) -> Profile:
        empty: dict[str, Any] = {}
        zh, en = quantity_words("inventory.profile")
        return Profile(
            PROFILE,
            zh,
            en,
            True,
            False,
            (),
            "",
            "",
            empty,
            empty,
            empty,
            empty,
            empty,
            (),
            (),
            (),
            "",
            empty,
            empty,
            (),
            empty,
        )

    @cached_property
    def inventories(self) -> list[InventorySettings]:
        """Settings of the inventories, by period."""
        found = [
            InventorySettings.of(json.loads(p.read_bytes()), p.parent.name)
            for p in sorted((self.path / "inputs" / "inventory").glob(f"*/{SETTINGS}"))
        ]
        return sorted(found, key=lambda s: (s.period, s.id))

    def tables(self, id: str) -> Path:
        """Folder of the sealed tables of an inventory."""
        return self.path / "inputs" / "inventory" / id

    @cached_property
    def classes(self) -> dict[str, dict[str, Any]]:
        """Names of the classes figures are split by, and of the strata, plots and equations behind them."""
        used = {f.cls for f in self.facts} | {n.cls for n in self.nodes.values()}
        return {cls: dict(zip(("zh", "en"), class_words(cls), strict=True)) for cls in used if cls}

    def names(self, quantity: str) -> tuple[str, str]:
        return quantity_words(quantity)

    def quantity(self, id: str) -> dict[str, str]:
        zh, en = self.names(id)
        unit = next((f.unit for f in self.facts if f.quantity == id), "")
        return {"zh": zh, "en": en, "unit": unit, "display_unit": unit}
