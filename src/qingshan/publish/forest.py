"""What a forest-carbon release says: the figures of one inventory year with their errors, the change before it, and what both
rest on. Plain data from a sealed run; `forest_report.py` prints it, `forest_release.py` keeps and signs it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qingshan.accounts.figure import Node
from qingshan.accounts.inventory import ForestRun, InventorySettings
from qingshan.accounts.run import Fact
from qingshan.core.errors import OutOfBounds, UnknownName
from qingshan.core.method import REGISTRY
from qingshan.core.parameter import RELEASE_STATUSES

from .release import STATUS_WORDS, Reason, pedigree
from .words import gravest_first

__all__ = ["HEAD", "ForestAccount", "changes", "estimates_csv", "gather_forest"]

HEAD = ("area", "trees", "volume", "volume_per_area", "biomass", "biomass_per_area", "carbon", "carbon_per_area", "co2")
NOTED = ("se", "relative_se", "df", "plots", "confidence", "low", "high", "estimator")
COLUMNS = ("role", "quantity", "place", "period", "cls", "value", "unit", *NOTED, "labels", "refusal", "key")


@dataclass(frozen=True)
class ForestAccount:
    """One year of a run: `inventory` that gave it, `facts` of the year, of the change that ends in it, of simulations."""

    run: ForestRun
    year: str
    inventory: InventorySettings
    root: str
    facts: tuple[Fact, ...]
    labels: tuple[str, ...]
    reasons: tuple[Reason, ...]
    nodes: tuple[Node, ...]
    demonstration: bool = False
    """Of synthetic data, and said to be so: such a release may be signed."""

    def cells(self, role: str, place: str | None = None, cls: str | None = None) -> list[Fact]:
        return [
            f
            for f in self.facts
            if f.role == role and (place is None or f.place == place) and (cls is None or f.cls == cls)
        ]

    def cell(self, role: str, word: str, place: str, cls: str = "") -> Fact | None:
        return next((f for f in self.cells(role, place, cls) if f.quantity == f"inventory.{word}"), None)

    @property
    def splits(self) -> dict[str, list[str]]:
        """Classes of the whole by column: `dominant` -> [`dominant:马尾松`, …]."""
        found: dict[str, list[str]] = {}
        for f in self.cells("estimate", self.root):
            if f.cls:
                found.setdefault(f.cls.partition(":")[0], [])
                if f.cls not in found[f.cls.partition(":")[0]]:
                    found[f.cls.partition(":")[0]].append(f.cls)
        return found

    @property
    def places(self) -> list[str]:
        """Places below the root that have figures of their own, in the order of the zone."""
        mine = {f.place for f in self.cells("estimate", cls="")} - {self.root}
        return [code for code in self.run.zone.places if code in mine]

    @property
    def adds_up(self) -> bool:
        """Whether the totals of the places of each level sum to those of the place above, to 1e-9."""
        for word in ("area", "trees", "volume", "biomass", "carbon", "co2"):
            for code in (self.root, *self.places):
                below = [
                    f
                    for c in self.run.zone.places
                    if self.run.zone.places[c].parent == code and (f := self.cell("estimate", word, c))
                ]
                whole = self.cell("estimate", word, code)
                if not below or whole is None or whole.value is None:
                    continue
                if abs(sum(f.value or 0.0 for f in below) - whole.value) > 1e-9 * abs(whole.value):
                    return False
        return True

    def notes(self, fact: Fact) -> Mapping[str, Any]:
        return self.run.nodes[fact.key].notes if fact.key in self.run.nodes else {}

    def rows(self) -> list[dict[str, Any]]:
        """Every figure as plain data, in the order of the run."""
        made = []
        for f in self.facts:
            notes = self.notes(f)
            made.append({
                "role": f.role, "quantity": f.quantity, "place": f.place, "period": f.period, "cls": f.cls, "value": f.value, "unit": f.unit,
                **{k: notes.get(k) for k in NOTED}, "labels": list(f.labels), "refusal": f.refusal.en if f.refusal else None, "key": f.key,
            })  # fmt: skip
        return made

    def uncertainty(self) -> list[dict[str, Any]]:
        """Errors of the whole: by the design, and by draws where the inventory declares them, with shares of variance."""
        made: list[dict[str, Any]] = []
        for f in (*self.cells("estimate", self.root, ""), *self.cells("change", self.root, "")):
            n = self.notes(f)
            if f.value is not None and "se" in n:
                half = (n["high"] - n["low"]) / 2
                made.append({"route": "design", "quantity": f.quantity, "period": f.period, "value": f.value, "unit": f.unit, "se": n["se"],
                             "relative_se": n.get("relative_se"), "half_width_share": half / abs(f.value) if f.value else None,
                             "confidence": n["confidence"], "df": n["df"], "plots": n["plots"]})  # fmt: skip
        for f in self.cells("simulation"):
            n = self.notes(f)
            made.append({"route": "monte_carlo", "quantity": f.quantity, "period": f.period, "value": f.value, "unit": f.unit, **{
                k: n[k] for k in ("se", "low", "high", "confidence", "draws", "seed", "shares", "uncertain")}})  # fmt: skip
        for f in self.cells("deduction"):
            n = self.notes(f)
            made.append({"route": "deduction", "quantity": f.quantity, "period": f.period, "value": f.value, "unit": f.unit, **{
                k: n[k] for k in ("rule", "share", "status", "source")}})  # fmt: skip
        return made

    def methods(self) -> dict[str, Any]:
        """The method annex: formulas with clauses, equations with how many trees took each, other parameters, settings."""
        refs = sorted({n.method for n in self.nodes if n.method})
        mine = pedigree(self.run, self.cells("estimate"))
        rows = sorted(
            (n for n in mine if n.kind == "parameter" and n.row),
            key=lambda n: (n.row or {})["set"] + (n.row or {})["cls"],
        )
        equations = {
            n.row["key"]: (n.row, int(n.notes.get("trees", 0)))
            for n in rows
            if n.row and n.quantity == "forest.tree_equation"
        }
        return {
            "methods": [
                {"ref": m.ref, "zh": m.zh, "en": m.en, "formula": m.formula, "document": m.clause.document, "where": m.clause.where,
                 "status": m.status, "code": m.code} for m in (REGISTRY[r] for r in refs)
            ],
            "equations": [{**row, "trees": trees} for row, trees in equations.values()],
            "parameters": [{**n.row, "value": (n.value or [None])[0], "unit": n.unit} for n in rows if n.row and n.quantity != "forest.tree_equation"],
            "settings": self.inventory.record(),
        }  # fmt: skip


def gather_forest(run: ForestRun, year: str | int | None = None, *, demonstration: bool = False) -> ForestAccount:
    """The account of an inventory year (None: the newest), as a `demonstration` where its data are synthetic.

    Raises `UnknownName` listing the years there are, `OutOfBounds` for a demonstration of data that somebody measured.
    """
    asked = str(year) if year is not None else run.inventories[-1].period
    inventory = next((s for s in run.inventories if s.period == asked), None)
    if inventory is None:
        known = ", ".join(s.period for s in run.inventories)
        raise UnknownName(f"{run.id} has no inventory of {asked}; it has: {known}.", f"没有 {asked} 年的调查；现有：{known}。",
                          fix="--year with one of these / 用 --year 指定其中一个")  # fmt: skip
    mine = tuple(f for f in run.facts if f.period == asked or (f.role == "change" and f.period.endswith(f"-{asked}")))
    nodes = tuple(pedigree(run, mine))
    said = {label for f in mine for label in f.labels} | ({"partial"} if any(f.refused for f in mine) else set())
    if demonstration and "synthetic" not in said:
        raise OutOfBounds(
            f"the data of {asked} were measured: no demonstration.", f"{asked} 年的数据是实测的，不能作为演示发布。",
            fix="leave out --demonstration / 去掉 --demonstration",
        )  # fmt: skip
    labels = tuple(gravest_first(said | ({"demonstration"} if demonstration else set())))
    root = inventory.place or run.zone.root
    reasons = tuple(_reasons(mine, nodes, demonstration))
    return ForestAccount(run, asked, inventory, root, mine, labels, reasons, nodes, demonstration)


def _reasons(facts: Sequence[Fact], nodes: Sequence[Node], demonstration: bool) -> list[Reason]:
    """What stands against a signed release: synthetic data, equations without printed units, rows whose status a release may
    not rest on, figures of the whole refused. A demonstration may be synthetic and rest on rows of our own choice."""
    found: dict[str, Reason] = {}
    if not demonstration and any("synthetic" in f.labels for f in facts):
        found[""] = Reason("synthetic", "数据为合成，只能作为演示发布（--demonstration）。",
                           "the data are synthetic: only a demonstration may be signed (--demonstration).")  # fmt: skip
    allowed = {*RELEASE_STATUSES, *(("project",) if demonstration else ())}
    for n in nodes:
        status = str((n.row or {}).get("status") or "")
        if n.kind == "parameter" and (n.row or {}).get("unit_basis") == "assumed":
            name = str((n.row or {})["cls"])
            found[f"unit {name}"] = Reason(
                "unit_assumed", f"方程 {name} 的单位系推断，原文未印。", f"the units of the equation {name} are assumed, not printed.",
                name, "印有单位的原文 a source that prints the units",
            )  # fmt: skip
        if n.kind == "parameter" and status not in allowed:
            zh, en = STATUS_WORDS.get(status, (status, status))
            name = str((n.row or {}).get("cls") or n.quantity)
            found[name] = Reason("parameter_status", f"参数 {name} 为{zh}。", f"the parameter {name} is {en}.", name)
    for f in facts:
        if f.refusal and not f.cls:
            found[f.key] = Reason("refused", f.refusal.zh, f.refusal.en, f.quantity, f.refusal.document)
    return [found[k] for k in sorted(found)]


def estimates_csv(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Rows as CSV; labels are joined by `; `, numbers are the shortest that read back the same."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for r in rows:
        writer.writerow(
            [
                "; ".join(r["labels"])
                if c == "labels"
                else ""
                if r[c] is None
                else repr(r[c])
                if isinstance(r[c], float)
                else r[c]
                for c in COLUMNS
            ]
        )
    return stream.getvalue().encode()


# --- what a revision changed


def changes(
    before: Sequence[Mapping[str, Any]],
    after: Sequence[Mapping[str, Any]],
    old: Mapping[str, Any],
    new: Mapping[str, Any],
) -> dict[str, Any]:
    """Figures that differ between two releases, and what differs behind them (manifests of the two runs)."""
    named = ("role", "quantity", "place", "period", "cls")
    a, b = ({tuple(r[k] for k in named): r for r in rows} for rows in (before, after))
    figures = []
    for key in [*a, *(k for k in b if k not in a)]:
        was, now = (side[key]["value"] if key in side else None for side in (a, b))
        if was != now:
            moved = None if was is None or now is None else now - was
            figures.append(dict(zip(named, key, strict=True)) | {
                "unit": (b.get(key) or a[key])["unit"], "before": was, "after": now, "difference": moved,
                "relative": moved / abs(was) if moved is not None and was else None,
            })  # fmt: skip
    return {"figures": figures, "causes": _causes(old, new)}


def _causes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[dict[str, str]]:
    """Inputs, methods, domain tables and software that differ."""
    made: list[dict[str, str]] = []
    for kind, key in (("input", "files"), ("method", "methods"), ("domain", "domains"), ("software", "software")):
        a, b = old[key], new[key]
        for name in sorted(set(a) | set(b)):
            if a.get(name) != b.get(name) and not (kind == "input" and not name.startswith("inputs/")):
                what = "added" if name not in a else "removed" if name not in b else "changed"
                made.append(
                    {
                        "kind": kind,
                        "what": name,
                        "how": what,
                        "before": str(a.get(name, "")),
                        "after": str(b.get(name, "")),
                    }
                )
    return made
