"""Rows of single-tree equations: reading, checking, importing. A row that cannot be trusted is refused with a finding.

A table has the columns `COLUMNS`; coefficients `a` to `f` stand in the order of the form's method
(`forest.tree@FORM`). A table that prints its equations as text is read by a layout of `domains/*/imports/`.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from qingshan.core.domain import load_domains
from qingshan.core.errors import DeclarationError, QingshanError, UnitError, UnknownName
from qingshan.core.finding import Finding
from qingshan.core.method import Array, Method
from qingshan.core.parameter import STATUSES
from qingshan.core.units import convert, factor, same_dimension

__all__ = [
    "COLUMNS",
    "Equation",
    "declared",
    "import_expressions",
    "load_equations",
    "own_equations",
    "package_equations",
]

COLUMNS = (
    "id", "set", "taxon", "taxon_zh", "rank", "quantity", "form", "a", "b", "c", "d", "e", "f", "d_unit", "h_unit", "unit",
    "unit_basis", "d_min", "d_max", "h_min", "h_max", "n", "r2", "s", "log_fit", "bias_corrected", "place", "year",
    "source_title", "source_where", "status", "document", "note",
)  # fmt: skip
LETTERS = ("a", "b", "c", "d", "e", "f")
TREE = ("d", "h", "wood_density")
TEXTS = (
    "id", "set", "taxon", "taxon_zh", "rank", "quantity", "form", "d_unit", "h_unit", "unit", "place", "year", "source_title",
    "source_where", "status", "note",
)  # fmt: skip
NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


@dataclass(frozen=True, slots=True)
class Equation:
    """One row. `d_min` .. `h_max` are in cm and m, NaN where not printed; `s` is the standard error of log residuals."""

    id: str
    set: str
    taxon: str
    taxon_zh: str
    rank: str
    quantity: str
    form: str
    coefficients: tuple[float, ...]
    d_unit: str
    h_unit: str
    unit: str
    unit_basis: str
    d_min: float
    d_max: float
    h_min: float
    h_max: float
    n: float
    r2: float
    s: float
    log_fit: bool
    bias_corrected: bool | None
    place: str
    year: str
    source_title: str
    source_where: str
    status: str
    note: str

    @property
    def method(self) -> Method:
        return load_domains().registry[f"forest.tree@{self.form}"]

    @property
    def unit_printed(self) -> bool:
        """False where the source prints no units and those of the row are a reading of it."""
        return self.unit_basis == "printed"

    @property
    def takes(self) -> tuple[str, ...]:
        """Which of d, h and wood_density the form needs."""
        return tuple(name for name in self.method.arguments if name in TREE)

    @property
    def corrected(self) -> float:
        """Factor of log bias: exp(s^2/2) where the row is a log fit, not yet corrected, and gives s."""
        if self.log_fit and self.bias_corrected is not True and math.isfinite(self.s):
            return float(load_domains().registry["forest.log_correction@baskerville"](self.s))
        return 1.0

    def amount(self, d_cm: Array, h_m: Array, to: str, wood_density: Any = math.nan, coefficients: Any = None) -> Array:
        """The quantity of trees in `to`. Shapes: (n); `coefficients` replaces the row's, for draws of them."""
        given: dict[str, Any] = {"d": convert(d_cm, "cm", self.d_unit)}
        if "h" in self.takes:
            given["h"] = convert(h_m, "m", self.h_unit)
        if "wood_density" in self.takes:
            given["wood_density"] = wood_density
        order = [name for name in self.method.arguments if name not in TREE]
        values = self.coefficients if coefficients is None else coefficients
        given |= dict(zip(order, values, strict=True))
        return np.asarray(self.method.function(**given)) * (self.corrected * factor(self.unit, to))


@lru_cache(maxsize=1)
def declared() -> dict[str, Any]:
    """`allometry.toml` of the domain that declares it."""
    found = load_domains().declared("allometry")
    if len(found) != 1:
        raise DeclarationError(f"{len(found)} domains declare allometry; one is needed.")
    return found[0][1]


def load_equations(path: Path, origin: str = "") -> tuple[list[Equation], list[Finding]]:
    """Read a table with our columns; rows that are open or cannot be used come back as findings, not as equations."""
    name = origin or path.name
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.DictReader(stream)
        missing = {"id", "taxon", "quantity", "form", "unit", "status"} - set(reader.fieldnames or ())
        if missing:
            raise DeclarationError(
                f"the equation table lacks the columns {sorted(missing)}.", f"方程表缺少列 {sorted(missing)}。",
                where=name, fix=f"the columns are {', '.join(COLUMNS)} / 应有的列见左",
            )  # fmt: skip
        return _accepted(((reader.line_num, row) for row in reader), name)


def _accepted(rows: Iterable[tuple[int, Mapping[str, str]]], origin: str) -> tuple[list[Equation], list[Finding]]:
    kept: list[Equation] = []
    findings: list[Finding] = []
    seen: set[str] = set()
    for line, raw in rows:
        row = {c: (raw.get(c) or "").strip() for c in COLUMNS}
        if row["status"] == "open":
            what = row["document"] or row["source_title"] or row["taxon_zh"] or row["taxon"]
            findings.append(
                Finding("note", "open_equation", f"{row['id'] or row['taxon']} is open: obtain {what}.",
                        f"{row['id'] or row['taxon']} 待补：须取得{what}。", origin, line)
            )  # fmt: skip
            continue
        try:
            made = _equation(row, seen)
            _check_rising(made)
        except QingshanError as error:
            findings.append(Finding("error", "equation_refused", error.en, error.zh, origin, line, fix=error.fix))
            continue
        seen.add(made.id)
        kept.append(made)
    return kept, findings


def _equation(row: Mapping[str, str], seen: set[str]) -> Equation:
    """One checked row. Raises a `QingshanError` that says why it is refused."""
    name = row["id"]
    if not name or name in seen:
        raise DeclarationError(f"equation id {name!r} is empty or stands twice.", f"方程编号 {name!r} 为空或重复。")
    if row["status"] not in STATUSES:
        raise DeclarationError(
            f"{name}: status {row['status']!r} is unknown.", f"{name}：状态 {row['status']!r} 不在规定之列。"
        )
    if not row["source_title"]:
        raise DeclarationError(
            f"{name} has no source.", f"{name} 没有写出处。", fix="fill source_title / 填写 source_title"
        )
    if row["rank"] not in declared()["ranks"]:
        raise DeclarationError(
            f"{name}: rank {row['rank']!r} is unknown.", f"{name}：rank {row['rank']!r} 不在规定之列。"
        )
    method = _form(name, row["form"])
    for field, wanted in (("d_unit", "cm"), ("h_unit", "m"), ("unit", "")):
        if field == "h_unit" and "h" not in method.arguments:
            continue
        if not row[field]:
            raise UnitError(
                f"{name} gives no {field}; an equation without units is refused.",
                f"{name} 没有写 {field}；没有单位的方程不采用。", fix="take the unit from the source / 按原文补单位",
            )  # fmt: skip
        if wanted and not same_dimension(row[field], wanted):
            raise UnitError(
                f"{name}: {field} {row[field]!r} is no length.", f"{name}：{field} {row[field]!r} 不是长度单位。"
            )
    if not any(same_dimension(row["unit"], u) for u in ("kg", "m3")):
        raise UnitError(
            f"{name}: unit {row['unit']!r} is no mass or volume.", f"{name}：单位 {row['unit']!r} 不是质量或体积。"
        )
    order = [a for a in method.arguments if a not in TREE]
    values = [_number(row[letter], name, letter) for letter in LETTERS[: len(order)]]
    if not all(map(math.isfinite, values)):
        raise DeclarationError(f"{name} needs {len(order)} coefficients.", f"{name} 应有 {len(order)} 个系数。")
    bias = {"1": True, "yes": True, "0": False, "no": False}.get(row["bias_corrected"].lower())
    limits: dict[str, Any] = {c: _number(row[c], name, c) for c in ("d_min", "d_max", "h_min", "h_max", "n", "r2", "s")}
    texts: dict[str, Any] = {c: row[c] for c in TEXTS}
    return Equation(
        coefficients=tuple(values), unit_basis=row["unit_basis"] or "printed", bias_corrected=bias,
        log_fit=row["log_fit"].lower() in ("1", "yes"), **limits, **texts,
    )  # fmt: skip


def _form(name: str, form: str) -> Method:
    registry = load_domains().registry
    if f"forest.tree@{form}" not in registry:
        known = ", ".join(sorted(m.edition for m in registry.all() if m.id == "forest.tree"))
        raise UnknownName(
            f"{name}: no form {form!r}.", f"{name}：没有方程形式 {form!r}。", fix=f"one of {known} / 可用的形式见左"
        )
    return registry[f"forest.tree@{form}"]


def _number(text: str, name: str, column: str) -> float:
    if not text:
        return math.nan
    try:
        return float(text)
    except ValueError:
        raise DeclarationError(
            f"{name}: {column} is {text!r}, not a number.", f"{name}：{column} 填的是 {text!r}，不是数。"
        ) from None


def _check_rising(equation: Equation) -> None:
    """An equation that falls while the diameter rises, or is never positive, is refused."""
    rule = declared()["check"]
    low = equation.d_min if math.isfinite(equation.d_min) else rule["d_min"]
    high = equation.d_max if math.isfinite(equation.d_max) else max(rule["d_max"], low * 2)
    d = np.linspace(max(low, 0.1), high, 400)
    to = "m3" if same_dimension(equation.unit, "m3") else "kg"
    for height in rule["heights"]:
        amount = equation.amount(d, np.full(d.shape, float(height)), to, wood_density=0.5)
        fall = np.flatnonzero(np.diff(amount) < 0)
        if fall.size:
            raise DeclarationError(
                f"{equation.id} falls from D {d[fall[0]]:.1f} cm on (H {height} m): not rising with the diameter.",
                f"{equation.id} 在胸径 {d[fall[0]]:.1f} cm（树高 {height} m）以上随胸径下降，不单调。",
                fix="print the range the equation holds for, or leave the row out / 补上方程的适用胸径范围，或不用此行",
            )  # fmt: skip
        if amount[-1] <= 0:
            raise DeclarationError(f"{equation.id} is never positive.", f"{equation.id} 在适用范围内不为正。")


@lru_cache(maxsize=1)
def package_equations() -> tuple[tuple[Equation, ...], tuple[Finding, ...]]:
    """The equations that ship with the domains, and why some rows are not used."""
    kept: list[Equation] = []
    findings: list[Finding] = []
    for name, domain in load_domains().by_name.items():
        for path in sorted(domain.folder.glob("standards/tree_equations*.csv")):
            rows, said = load_equations(path, f"{name}/standards/{path.name}")
            kept, findings = kept + rows, findings + said
    return tuple(kept), tuple(findings)


def own_equations(path: Path | None) -> tuple[Equation, ...] | None:
    """The rows of a user's table before those of the package; None where there is no such file.

    Raises the first fault of the table as `DeclarationError`, with its line.
    """
    if path is None or not path.is_file():
        return None
    rows, findings = load_equations(path)
    for fault in findings:
        if fault.level == "error":
            raise DeclarationError(fault.en, fault.zh, where=f"{path.name}:{fault.row}", fix=fault.fix)
    return (*rows, *package_equations()[0])


def import_expressions(
    path: Path, layout: str = "expressions", set_name: str = ""
) -> tuple[list[Equation], list[Finding]]:
    """Read a table that prints equations as text by a declared layout; status and source of each row are kept.

    Raises `UnknownName` for a layout nobody declares, `DeclarationError` where the table lacks its columns.
    """
    layouts = {stem: content for d in load_domains().by_name for stem, content in load_domains().folder(d, "imports")}
    if layout not in layouts:
        raise UnknownName(
            f"no import layout {layout!r}.", f"没有导入格式 {layout!r}。", fix=f"known: {', '.join(layouts)}"
        )
    plan = layouts[layout]
    columns: dict[str, str] = plan["columns"]
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.DictReader(stream)
        wanted = {*columns.values(), plan["quantity"]["column"], plan["rank"]["column"]}
        lacking = wanted - set(reader.fieldnames or ())
        if lacking:
            raise DeclarationError(
                f"the table lacks the columns {sorted(lacking)}.", f"表中缺少列 {sorted(lacking)}。", where=path.name
            )
        rows = [(reader.line_num, row) for row in reader]
    return _accepted(((line, _translated(row, plan, set_name or path.stem)) for line, row in rows), path.name)


def _translated(row: Mapping[str, str], plan: Mapping[str, Any], set_name: str) -> dict[str, str]:
    """A foreign row under our columns; an unknown form, quantity or rank keeps its own word, which the check refuses."""
    made = {ours: row[theirs] for ours, theirs in plan["columns"].items()}
    made = {ours: "" if text in plan["missing"] else text for ours, text in made.items()}
    made["set"], made["unit_basis"] = set_name, "printed"
    made["quantity"] = plan["quantity"].get(row[plan["quantity"]["column"]], "")
    made["rank"] = plan["rank"].get(row[plan["rank"]["column"]], row[plan["rank"]["column"]])
    form = plan["forms"].get(made["form"])
    if form:
        numbers = ["0", *NUMBER.findall(made["expression"])]
        made["form"] = form["form"]
        for letter, index in zip(LETTERS, form["numbers"], strict=False):
            made[letter] = numbers[index] if index < len(numbers) else ""
    return made
