"""Rule sets as the domains declare them in `assess.toml`: items with weights, fail rules, floors, and the hash of it all."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

from qingshan.core.canonical import digest, file_digest
from qingshan.core.domain import load_domains
from qingshan.core.errors import DeclarationError, MissingParameter, OutOfBounds, UnknownName
from qingshan.core.parameter import ParameterRow, Parameters
from qingshan.core.units import factor

from .judge import OPERATORS

DECLARATION = "assess"
EFFECTS = ("fail", "floor")
_SUM_SLACK = Fraction(1, 10**9)


@dataclass(frozen=True, slots=True)
class Item:
    """One indicator or part. `weight` is a share of 1, None where the document prints none; `area` is its group."""

    name: str
    en: str
    area: str
    area_en: str
    weight: Fraction | None
    unit: str
    direction: str
    source_title: str
    status: str
    note: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One deterministic rule: `effect` fail (the case fails where it holds) or floor (where it does not hold)."""

    id: str
    input: str
    effect: str
    op: str
    value: Fraction
    unit: str
    zh: str
    en: str
    source_title: str
    status: str


@dataclass(frozen=True)
class RuleSet:
    """One versioned list of items and rules; `hash` changes with any byte of its declaration or tables.

    `weights_slot` is the open parameter that would hold the weights; `minimum_items` keep their weight at the parameter
    `minimum_score` where they have no data.
    """

    id: str
    zh: str
    en: str
    edition: str
    official: bool
    labels: tuple[str, ...] = ()
    items: tuple[Item, ...] = ()
    rules: tuple[Rule, ...] = ()
    weights_slot: str = ""
    minimum_score: str = ""
    minimum_items: tuple[str, ...] = ()
    hash: str = ""

    def item(self, name: str) -> Item:
        """Raises `UnknownName`."""
        for item in self.items:
            if item.name == name:
                return item
        raise UnknownName(f"the rule set {self.id} has no item {name!r}.", f"{self.zh}没有“{name}”这一项。")

    def weights(self, parameters: Parameters) -> dict[str, Fraction]:
        """Weights of the weighted items, summing to 1: printed in the table, or filled into the slot.

        Raises `MissingParameter` naming the slot and the document where neither has them, `OutOfBounds` where an imported
        table does not sum to 1 or names another item.
        """
        printed = {item.name: item.weight for item in self.items if item.weight is not None}
        if printed:
            return printed
        if not self.weights_slot:
            raise MissingParameter(self.id, f"the rule set {self.id} has no weights.", f"{self.zh}没有权重。")
        rows = imported_weights(parameters, self.weights_slot)
        weights = shares(rows)
        if strange := set(weights) ^ {item.name for item in self.items}:
            names = "、".join(sorted(strange))
            raise OutOfBounds(
                f"the weight table and {self.id} differ in {names}.", f"权重表与{self.zh}的项目不一致：{names}。"
            )
        return weights


def imported_weights(parameters: Parameters, slot: str) -> list[ParameterRow]:
    """The rows a user filled into a weight slot, one per item. Raises `MissingParameter` where it is still open."""
    rows = [row for row in parameters.rows(slot) if row.status != "open" and row.cls]
    if not rows:
        parameters.find(slot)  # raises, naming the document
        raise MissingParameter(slot, f"{slot} has no row per item.", f"{slot} 没有分项权重。")
    return rows


def shares(rows: list[ParameterRow]) -> dict[str, Fraction]:
    """Weight rows as shares of 1. Raises `OutOfBounds` where they do not sum to 1 or an item stands twice."""
    weights = {row.cls: Fraction(str(row.value)) * Fraction(str(factor(row.unit, "1"))) for row in rows}
    total = sum(weights.values(), Fraction(0))
    if len(weights) != len(rows) or abs(total - 1) > _SUM_SLACK:
        raise OutOfBounds(
            f"the weights of {rows[0].parameter} sum to {float(total):g} over {len(rows)} rows, must be 1, one row per item.",
            f"{rows[0].parameter} 的权重合计 {float(total):g}（{len(rows)} 行），应为 1，每项一行。",
            fix="keep one weight table per slot / 每个权重只留一张表",
        )
    return weights


# --- reading --------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def rule_sets() -> dict[str, RuleSet]:
    """All rule sets of the installed domains. Raises `DeclarationError` naming the file that is wrong."""
    found: dict[str, RuleSet] = {}
    for domain, content in load_domains().declared(DECLARATION):
        tables = load_domains().by_name[domain].folder / "standards"
        for raw in content.get("rule_set", []):
            made = _rule_set(raw, tables, f"{domain}/{DECLARATION}.toml: {raw.get('id', '?')}")
            if made.id in found:
                raise DeclarationError(f"the rule set {made.id} is declared twice.", where=domain)
            found[made.id] = made
    return found


def rule_set(id: str) -> RuleSet:
    """One rule set. Raises `UnknownName` listing the known ones."""
    known = rule_sets()
    if id not in known:
        raise UnknownName(
            f"no rule set {id!r} (known: {', '.join(known)}).", f"没有规则集 {id!r}（现有：{'、'.join(known)}）。"
        )
    return known[id]


def _rule_set(raw: Mapping[str, Any], tables: Path, where: str) -> RuleSet:
    keys = {"id", "zh", "en", "edition", "official"}
    known = keys | {"labels", "items", "rules", "weights_slot", "minimum_score", "minimum_items"}
    if wrong := (keys - set(raw)) | (set(raw) - known):
        raise DeclarationError(f"wrong keys {sorted(wrong)}.", where=where, fix=f"keys: {', '.join(sorted(known))}")
    files = [tables / raw[key] for key in ("items", "rules") if key in raw]
    if absent := [path.name for path in files if not path.is_file()]:
        raise DeclarationError(f"no table {', '.join(absent)}.", where=where, fix="add it to standards/")
    items = tuple(map(_item, _rows(tables / raw["items"]))) if "items" in raw else ()
    rules = (
        tuple(_rule(r, where) for r in _rows(tables / raw["rules"]) if r["rule_set"] == raw["id"])
        if "rules" in raw
        else ()
    )
    printed = [item.weight for item in items if item.weight is not None]
    if printed and abs(sum(printed, Fraction(0)) - 1) > _SUM_SLACK:
        raise DeclarationError(f"the weights sum to {float(sum(printed, Fraction(0))):g}, must be 1.", where=where)
    if strange := set(raw.get("minimum_items", ())) - {item.name for item in items}:
        raise DeclarationError(f"minimum_items names {sorted(strange)}, which are no items.", where=where)
    return RuleSet(
        id=raw["id"], zh=raw["zh"], en=raw["en"], edition=raw["edition"], official=raw["official"],
        labels=tuple(raw.get("labels", ())), items=items, rules=rules, weights_slot=raw.get("weights_slot", ""),
        minimum_score=raw.get("minimum_score", ""), minimum_items=tuple(raw.get("minimum_items", ())),
        hash=digest({"declared": dict(raw), "tables": {path.name: file_digest(path) for path in files}}),
    )  # fmt: skip


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def _item(row: Mapping[str, str]) -> Item:
    weight = Fraction(row["weight"]) / Fraction(row["denominator"]) if row["weight"] else None
    return Item(
        row["item"], row["en"], row["area"], row["area_en"], weight, row["unit"], row["direction"], row["source_title"],
        row["status"], row["note"],
    )  # fmt: skip


def _rule(row: Mapping[str, str], where: str) -> Rule:
    if row["effect"] not in EFFECTS or row["op"] not in OPERATORS:
        raise DeclarationError(
            f"rule {row['id']}: {row['effect']!r} {row['op']!r}.", where=where, fix=f"one of {EFFECTS}"
        )
    return Rule(
        row["id"], row["input"], row["effect"], row["op"], Fraction(row["value"]), row["unit"], row["zh"], row["en"],
        row["source_title"], row["status"],
    )  # fmt: skip
