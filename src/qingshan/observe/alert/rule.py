"""Alert rules: one row a rule.

    id,expression,unit,averaging,averaging_min,operator,raise,m,n,clear,level,recipients,valid_from,valid_to,clause,owner,zh,en
    pm25_high,air.pm25,ug/m3,1h,1,>,150,2,3,115,warning,duty;bureau,2026-01-01,,,监测中心,PM2.5 偏高,PM2.5 is high

The expression is arithmetic over property ids of one site (`water.tp`, `air.no2 + air.no`); `averaging` is a running mean of the
expression's own steps (`1h` on an hourly network: none), valid with `averaging_min` values. It exceeds where `operator` (> >= < <=) holds against
`raise`; an alert becomes active with m exceedances in the last n evaluations and clears where the value is on the other side of `clear`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qingshan.core.canonical import digest
from qingshan.core.errors import DeclarationError
from qingshan.core.units import factor

from ..declared import declared_rows
from ..series.model import STEPS

__all__ = ["COLUMNS", "AlertRule", "Expression", "expression", "read_alert_rules"]

COLUMNS = (
    "id", "expression", "unit", "averaging", "averaging_min", "operator", "raise", "m", "n", "clear", "level", "recipients", "valid_from",
    "valid_to", "clause", "owner", "zh", "en",
)  # fmt: skip
OPERATORS = (">", ">=", "<", "<=")
LEVELS = ("notice", "warning", "alarm")
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Expression:
    """Arithmetic over property ids. `properties` in order of their first use."""

    text: str
    properties: tuple[str, ...]
    _tree: ast.expr

    def value(self, given: Mapping[str, Floats]) -> Floats:
        """The expression on arrays of one shape; NaN where a property has none, and where a division is by zero."""
        with np.errstate(divide="ignore", invalid="ignore"):
            made = np.asarray(_evaluate(self._tree, given), dtype=np.float64)
        return np.where(np.isfinite(made), made, np.nan)


_BINARY: dict[type[ast.operator], Callable[[Floats, Floats], Floats]] = {
    ast.Add: np.add, ast.Sub: np.subtract, ast.Mult: np.multiply, ast.Div: np.divide,
}  # fmt: skip


def expression(text: str, where: str = "") -> Expression:
    """Parse an expression: property ids, numbers, + - * / and brackets. Raises `DeclarationError` for anything else."""
    try:
        tree = ast.parse(text.strip(), mode="eval").body
        names: list[str] = []
        _check(tree, names)
    except (SyntaxError, ValueError, RecursionError):
        raise DeclarationError(
            f"{text!r} is no expression over properties.", f"{text!r} 不是由监测项目组成的表达式。", where=where,
            fix="write property ids, numbers, + - * / and brackets, such as air.no2 + air.no / 用项目编号、数字、四则运算和括号",
        ) from None  # fmt: skip
    if not names:
        raise DeclarationError(f"{text!r} names no property.", f"{text!r} 没有监测项目。", where=where)
    return Expression(text.strip(), tuple(dict.fromkeys(names)), tree)


def _check(node: ast.expr, names: list[str]) -> None:
    if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        _check(node.left, names)
        _check(node.right, names)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        _check(node.operand, names)
    elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        names.append(f"{node.value.id}.{node.attr}")
    elif not (isinstance(node, ast.Constant) and type(node.value) in (int, float)):
        raise ValueError(ast.dump(node))


def _evaluate(node: ast.expr, given: Mapping[str, Floats]) -> Floats:
    if isinstance(node, ast.BinOp):
        return _BINARY[type(node.op)](_evaluate(node.left, given), _evaluate(node.right, given))
    if isinstance(node, ast.UnaryOp):
        return -_evaluate(node.operand, given)
    if isinstance(node, ast.Attribute):
        return given[f"{node.value.id}.{node.attr}"]  # type: ignore[attr-defined]
    return np.float64(node.value)  # type: ignore[attr-defined, return-value]


@dataclass(frozen=True, slots=True)
class AlertRule:
    """One rule. `steps` of the network are averaged with at least `least` of them; `limit` raises, `clear` clears."""

    id: str
    expression: str
    unit: str
    averaging: str
    least: int
    operator: str
    limit: float
    m: int
    n: int
    clear: float
    level: str
    recipients: tuple[str, ...]
    valid_from: date
    valid_to: date | None
    clause: str
    owner: str
    zh: str = ""
    en: str = ""

    def steps(self, step: timedelta) -> int:
        """Steps of the network in the averaging. Raises `DeclarationError` where it is no whole number of them."""
        span = timedelta(minutes=STEPS[self.averaging])
        if span % step:
            raise DeclarationError(
                f"{self.averaging} is no whole number of the network's steps of {step}.",
                f"{self.averaging} 不是监测网步长 {step} 的整数倍。",
                where=self.id,
            )
        return span // step

    def holds(self, day: date) -> bool:
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)

    @property
    def upward(self) -> bool:
        return self.operator in (">", ">=")

    @property
    def hash(self) -> str:
        return digest(asdict(self) | {"valid_from": str(self.valid_from), "valid_to": str(self.valid_to)})

    def in_unit(self, unit: str) -> AlertRule:
        """The rule with its limits in the unit of the values. Raises `UnitError` where they do not fit."""
        if unit == self.unit:
            return self
        ratio = factor(self.unit, unit)
        return AlertRule(**{**asdict(self), "unit": unit, "limit": self.limit * ratio, "clear": self.clear * ratio})


def read_alert_rules(path: Path) -> list[AlertRule]:
    """The rules of a CSV file. Raises `DeclarationError` naming file, row and column."""
    rules = [_rule(cells, f"{path.name}:{line}") for line, cells in declared_rows(path, COLUMNS)]
    check_rules(rules, path.name)
    return rules


def check_rules(rules: Iterable[AlertRule], where: str = "alerts.csv") -> None:
    """Two rules of one id must not hold on one day."""
    seen: dict[str, list[AlertRule]] = {}
    for rule in rules:
        for other in seen.setdefault(rule.id, []):
            if rule.valid_from <= (other.valid_to or date.max) and other.valid_from <= (rule.valid_to or date.max):
                raise DeclarationError(
                    f"the rule {rule.id} is given twice for one day.", f"规则 {rule.id} 在同一天给了两次。", where=where
                )
        seen[rule.id].append(rule)


def _rule(cells: Mapping[str, str], where: str) -> AlertRule:
    def wrong(column: str, en: str, zh: str) -> DeclarationError:
        return DeclarationError(
            f"{column} is {cells[column]!r}: {en}.",
            f"{column} 为 {cells[column]!r}：{zh}。",
            where=f"{where} [{column}]",
        )

    def number(column: str) -> float:
        try:
            value = float(cells[column])
        except ValueError:
            value = float("nan")
        if not np.isfinite(value):
            raise wrong(column, "a number is needed", "应为数字")
        return value

    def count(column: str) -> int:
        if not (cells[column].isascii() and cells[column].isdigit() and int(cells[column]) > 0):
            raise wrong(column, "a whole number above 0 is needed", "应为大于 0 的整数")
        return int(cells[column])

    def day(column: str) -> date:
        try:
            return date.fromisoformat(cells[column])
        except ValueError:
            raise wrong(column, "write a day as 2026-03-01", "日期写作 2026-03-01") from None

    expression(cells["expression"], f"{where} [expression]")
    for column, words in (("operator", OPERATORS), ("level", LEVELS), ("averaging", tuple(STEPS))):
        if cells[column] not in words:
            raise wrong(column, f"one of {', '.join(words)}", f"应为 {'、'.join(words)} 之一")
    if not cells["id"] or not (cells["clause"] or cells["owner"]):
        raise wrong("owner", "a rule needs an id and a clause or an owner", "规则须有编号，并注明条款或责任人")
    m, n, limit, clear = count("m"), count("n"), number("raise"), number("clear")
    if m > n:
        raise wrong("m", f"more than n = {n}", f"大于 n = {n}")
    if (clear > limit) if cells["operator"] in (">", ">=") else (clear < limit):
        raise wrong("clear", f"on the wrong side of raise = {limit:g}", f"与触发值 {limit:g} 的方向相反")
    ends = day("valid_to") if cells["valid_to"] else None
    return AlertRule(
        cells["id"], cells["expression"], cells["unit"], cells["averaging"], count("averaging_min"), cells["operator"], limit, m, n, clear,
        cells["level"], tuple(r.strip() for r in cells["recipients"].split(";") if r.strip()), day("valid_from"), ends, cells["clause"],
        cells["owner"], cells["zh"], cells["en"],
    )  # fmt: skip
