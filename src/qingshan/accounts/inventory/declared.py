"""Which inventories a zone has, and how each is estimated.

[[inventory]]                     in zone.toml; a loaded one has the same keys in settings.json
id, period, zh, en, source        identity: the period is a year; `source` says whose plots they are
folder | generator                where its tables lie in the zone, or the built-in zone that makes them
place                             whose area the totals are (default: the root)
sets, volume_sets                 sets of equations in order of preference, for biomass and for volume
groups, volume_groups             taxon -> group whose equation it may take
quantity, carbon_set, allow_default, confidence
allow_unit_assumed                lets equations stand whose source prints no units: the figures are labelled, and never released signed
estimator, auxiliary              how totals are made of plots (default post_stratified), and the column of first_phase.csv of double_sampling
by                                columns to split by, `a*b` for the cells of two; place_column: a column of plots with codes of places
draws, seed, uncertain, deduction Monte Carlo and the deduction rule of the whole
synthetic                         true where nobody measured them

The tables may hold `equations.csv`, equations of the user's own: its sets go before those of the package.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from qingshan.accounts.home import home, zone_key
from qingshan.core.canonical import canonical
from qingshan.core.errors import DeclarationError, UnknownName
from qingshan.observe.allometry import Rule
from qingshan.observe.equation import own_equations
from qingshan.observe.estimate import CONFIDENCE
from qingshan.observe.estimator import DEFAULT, ESTIMATORS, estimator_of
from qingshan.observe.inventory import TABLES, Inventory, read_inventory
from qingshan.zone.zone import Zone

__all__ = [
    "CROSS",
    "EQUATIONS",
    "SETTINGS",
    "InventorySettings",
    "load_inventory",
    "loaded_folder",
    "registered",
    "tables_of",
]

SETTINGS, EQUATIONS = "settings.json", "equations.csv"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)
_PERIOD = re.compile(r"(1[89]|20)\d\d")
CROSS = "*"
"""Between the columns, and between the values, of a crossed class: `dominant*age_class:杉木*2`."""
SEQUENCES = ("sets", "volume_sets", "by")


@dataclass(frozen=True)
class InventorySettings:
    """How one inventory is estimated; see the head of the module."""

    id: str
    period: str
    place: str = ""
    zh: str = ""
    en: str = ""
    source: str = ""
    folder: str = ""
    generator: str = ""
    quantity: str = "total"
    sets: tuple[str, ...] = ()
    volume_sets: tuple[str, ...] = ()
    groups: Mapping[str, str] = field(default_factory=dict)
    volume_groups: Mapping[str, str] = field(default_factory=dict)
    allow_default: bool = False
    allow_unit_assumed: bool = False
    carbon_set: str = "ar_tool14"
    by: tuple[str, ...] = ()
    place_column: str = ""
    estimator: str = DEFAULT
    auxiliary: str = ""
    confidence: float = CONFIDENCE
    draws: int = 0
    seed: int = 0
    uncertain: Mapping[str, float] = field(default_factory=dict)
    deduction: str = ""
    synthetic: bool = False

    @property
    def rule(self) -> Rule:
        """How equations of biomass are chosen."""
        return Rule(self.sets, self.groups, default=self.allow_default, unit_assumed=self.allow_unit_assumed)

    @property
    def volume_rule(self) -> Rule:
        return Rule(
            self.volume_sets, self.volume_groups, default=self.allow_default, unit_assumed=self.allow_unit_assumed
        )

    def record(self) -> dict[str, Any]:
        """Plain data without where the tables came from: what is sealed."""
        made = {
            k: list(v) if isinstance(v, tuple) else dict(v) if isinstance(v, Mapping) else v
            for k, v in asdict(self).items()
        }
        return {k: v for k, v in made.items() if k not in ("folder", "generator")}

    @classmethod
    def of(cls, raw: Mapping[str, Any], where: str) -> InventorySettings:
        """Raises `DeclarationError` naming the key that does not fit."""
        known = {f.name for f in fields(cls)}
        odd = sorted(set(raw) - known)
        if odd:
            raise DeclarationError(f"an inventory has no key {odd[0]!r}.", f"调查没有 {odd[0]!r} 这一项。", where=where,
                                   fix=f"one of {', '.join(sorted(known))}")  # fmt: skip
        given = dict(raw)
        for name in SEQUENCES:
            given[name] = tuple(map(str, given.get(name, ())))
        made = cls(**{**given, "id": str(raw.get("id", "")), "period": str(raw.get("period", ""))})
        if not _ID.fullmatch(made.id):
            raise DeclarationError(f"the id of an inventory is {made.id!r}.", f"调查编号为 {made.id!r}。", where=where,
                                   fix="letters, digits, - and _ / 用字母、数字、- 和 _")  # fmt: skip
        if not _PERIOD.fullmatch(made.period):
            raise DeclarationError(f"the period of inventory {made.id} is {made.period!r}.", f"调查 {made.id} 的时期为 {made.period!r}。",
                                   where=where, fix="a year such as 2020 / 写年份，如 2020")  # fmt: skip
        if not made.sets and not made.volume_sets:
            raise DeclarationError(f"inventory {made.id} names no sets of equations.", f"调查 {made.id} 没有指定方程组。", where=where,
                                   fix='sets = ["anhui2016"], volume_sets = [...]')  # fmt: skip
        if made.estimator not in ESTIMATORS:
            raise DeclarationError(f"the estimator of inventory {made.id} is {made.estimator!r}.", f"调查 {made.id} 的估计量为 {made.estimator!r}。",
                                   where=where, fix=f"one of {', '.join(ESTIMATORS)}")  # fmt: skip
        if not 0.5 <= made.confidence <= 0.999:
            raise DeclarationError(f"confidence is {made.confidence}.", f"置信度为 {made.confidence}。", where=where,
                                   fix="0.5 to 0.999 / 取 0.5 至 0.999")  # fmt: skip
        return made


def loaded_folder(zone: Zone) -> Path:
    """Where the inventories that users loaded for a zone lie."""
    return home() / "inventories" / zone_key(zone)


def registered(zone: Zone) -> list[tuple[InventorySettings, Path | None]]:
    """Inventories of a zone by period, each with the folder of its tables (None: made by a generator).

    A loaded one replaces a declared one of the same id. Raises `DeclarationError`.
    """
    found: dict[str, tuple[InventorySettings, Path | None]] = {}
    for raw in zone.config.get("inventory", ()):
        settings = InventorySettings.of(raw, "zone.toml [[inventory]]")
        found[settings.id] = settings, zone.path / settings.folder if settings.folder else None
    for path in sorted(loaded_folder(zone).glob(f"[!.]*/{SETTINGS}")):
        settings = InventorySettings.of(json.loads(path.read_bytes()), path.name)
        found[settings.id] = settings, path.parent
    for settings, _ in found.values():
        if settings.place:
            zone.place(settings.place)
    return sorted(found.values(), key=lambda pair: (pair[0].period, pair[0].id))


def tables_of(settings: InventorySettings, folder: Path | None, to: Path) -> None:
    """Copy or make the tables of an inventory in `to`, with its settings. Raises `DeclarationError` where there are none."""
    to.mkdir(parents=True)
    if folder is None:
        from qingshan.zone.synthetic.woods import builtin_woods  # noqa: PLC0415 - the extra geo

        for name, text in builtin_woods(settings.generator, settings.period).items():
            (to / name).write_text(text, encoding="utf-8", newline="\n")
    else:
        for name in TABLES:
            for ending in ("csv", "parquet"):
                if (folder / f"{name}.{ending}").is_file():
                    shutil.copyfile(folder / f"{name}.{ending}", to / f"{name}.{ending}")
        if (folder / EQUATIONS).is_file():
            shutil.copyfile(folder / EQUATIONS, to / EQUATIONS)
    if not any(to.iterdir()):
        raise DeclarationError(
            f"the inventory {settings.id} has no tables.", f"调查 {settings.id} 没有数据表。", where=settings.folder,
            fix="plots.csv, trees.csv and strata.csv / 需要 plots.csv、trees.csv、strata.csv",
        )  # fmt: skip
    (to / SETTINGS).write_bytes(canonical(settings.record()))


def load_inventory(zone: Zone, folder: Path, settings: InventorySettings) -> tuple[InventorySettings, Inventory]:
    """Check the tables of a folder and keep them for the zone; with any error nothing is kept.

    Raises `FaultyInventory`, `DeclarationError`, `UnknownName`, `OutOfBounds`.
    """
    checked = InventorySettings.of(settings.record(), "settings")
    zone.place(checked.place or zone.root)
    own_equations(folder / EQUATIONS)
    inventory = read_inventory(folder, text=[checked.place_column] if checked.place_column else []).used()
    estimator_of(inventory, checked.estimator, checked.auxiliary)
    for column in (*checked.by, *((checked.place_column,) if checked.place_column else ())):
        for name in column.split(CROSS):
            inventory.labels(name)
    if checked.place_column:
        _require_places(zone, inventory, checked.place_column)
    kept = loaded_folder(zone)
    kept.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".loading-", dir=kept))
    try:
        tables_of(checked, folder, draft / checked.id)
        shutil.rmtree(kept / checked.id, ignore_errors=True)
        (draft / checked.id).rename(kept / checked.id)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return checked, inventory


def _require_places(zone: Zone, inventory: Inventory, column: str) -> None:
    names, _, table = inventory.labels(column)
    odd = [name for name in names if name not in zone.places]
    if odd or table != "plots":
        what = odd[0] if odd else column
        raise UnknownName(
            f"{column} names {what!r}, no place of {zone.id}.", f"{column} 列写了 {what!r}，{zone.name_zh}没有这个地点。",
            where="plots.csv", fix="codes of places.csv, in the table of plots / 在样地表里写 places.csv 的代码",
        )  # fmt: skip
