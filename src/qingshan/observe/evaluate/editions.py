"""Which row of which edition: chosen by the date of the observation period, refused where the standard was not read.

`open` rows always refuse; `secondary` rows need `allow_secondary`; an undated row needs its edition named. A period
that crosses an edition date is cut in pieces.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from typing import Any

from ...core.canonical import digest
from ...core.domain import load_domains
from ...core.errors import DeclarationError, MissingParameter, QingshanError, UnknownName
from ...core.limit import LimitRow, LimitTable, first_day, last_day, limit_table

KEPT = 4096
"""Answers a rule set keeps of what is in force on a day."""


NAMING = 40
"""Characters of a scope that names a row; what is longer is a sentence of the table and stands in its own cell."""


class RefusedRow(QingshanError):
    """A row that was read, but not in the document that states it; the caller did not allow such rows."""

    code = "refused_row"


class NoRowInForce(QingshanError):
    """No row of the table is in force on the day of the observation."""

    code = "no_row_in_force"


@dataclass(frozen=True)
class RuleSet:
    """What the caller chooses where the standards leave a choice; printed with every result.

    `editions` names the edition of a table whatever the date; `choices` answers questions a standard leaves open
    (`air.percentile`, `water.items` ...); `rows` are rows the user brings, each table's in an edition of their own.
    """

    id: str = "plain"
    zh: str = "不另作选择"
    en: str = "no choice made"
    allow_secondary: bool = False
    editions: Mapping[str, str] = field(default_factory=dict)
    choices: Mapping[str, str] = field(default_factory=dict)
    rows: Mapping[str, tuple[LimitRow, ...]] = field(default_factory=dict)

    @cached_property
    def digest(self) -> str:
        return digest(self.record())

    def record(self) -> dict[str, Any]:
        return {
            "id": self.id, "allow_secondary": self.allow_secondary, "editions": dict(self.editions),
            "choices": dict(self.choices), "rows": {t: [r.key for r in rows] for t, rows in self.rows.items()},
        }  # fmt: skip

    @cached_property
    def _tables(self) -> dict[str, LimitTable]:
        return {}

    @cached_property
    def found(self) -> dict[tuple[Any, ...], tuple[LimitRow, ...]]:
        """Answers of `on_day`, at most `KEPT`: a thousand stations of one day ask for the same rows."""
        return {}

    def table(self, id: str) -> LimitTable:
        """A declared table with the rows the user brought."""
        if id not in self._tables:
            kept = limit_table(id)
            self._tables[id] = kept.with_rows(self.rows[id]) if id in self.rows else kept
        return self._tables[id]

    def choice(self, key: str, default: str = "") -> str:
        return self.choices.get(key, default)


def rule_set(raw: Mapping[str, Any], *, allow_secondary: bool | None = None) -> RuleSet:
    """A rule set from its declaration (a table of TOML). Raises `DeclarationError` for an unknown key."""
    known = {"id", "zh", "en", "allow_secondary", "editions", "choices"}
    if set(raw) - known or not raw.get("id"):
        raise DeclarationError(
            f"a rule set has the keys {', '.join(sorted(known))}.", f"规则集只有这些键：{'、'.join(sorted(known))}。",
            where=str(raw.get("id", "")),
        )  # fmt: skip
    allowed = raw.get("allow_secondary", False) if allow_secondary is None else allow_secondary
    for table in raw.get("editions", {}):
        limit_table(table)
    return RuleSet(
        raw["id"], raw.get("zh", raw["id"]), raw.get("en", raw["id"]), bool(allowed), dict(raw.get("editions", {})),
        {k: str(v) for k, v in raw.get("choices", {}).items()},
    )  # fmt: skip


def declared_rule_sets() -> dict[str, RuleSet]:
    """The rule sets the domains declare in `rulesets.toml`, by id."""
    found = {}
    for _, content in load_domains().declared("rulesets"):
        for raw in content["ruleset"]:
            made = rule_set(raw)
            found[made.id] = made
    return found


def named_rule_set(id: str) -> RuleSet:
    """One declared rule set, or the plain one for ''. Raises `UnknownName` listing those there are."""
    known = declared_rule_sets()
    if not id:
        return RuleSet()
    if id not in known:
        raise UnknownName(
            f"no rule set {id!r}; there are: {', '.join(known)}.", f"没有规则集 {id!r}；有：{'、'.join(known)}。"
        )
    return known[id]


def usable(row: LimitRow, rules: RuleSet) -> LimitRow:
    """The row itself. Raises `MissingParameter` (open) or `RefusedRow` (its status is not allowed)."""
    name = " ".join(p for p in (row.item, *row.scope.values()) if p and len(p) <= NAMING)
    if row.status == "open":
        said = row.source not in ("", "not read", "same source")
        document = row.source if said else f"{row.edition} {row.table}".strip()
        raise MissingParameter(
            f"{row.table}[{row.item}]", f"{row.table} [{name}] is open: {row.text or row.note or 'not read'}.",
            f"{row.table} 的 [{name}] 待补：{row.text or row.note or '原文未取得'}。", document=document, where=row.where,
        )  # fmt: skip
    if row.status in ("secondary", "news") and not rules.allow_secondary:
        raise RefusedRow(
            f"{row.table} [{name}] of {row.edition or 'no named edition'} is {row.status}: read in {row.source}.",
            f"{row.table} 的 [{name}]（{row.edition or '未写版本'}）为转引，读自：{row.source}。", where=row.where,
            fix="pass --allow-secondary where a restated value may stand / 允许转引值时加 --allow-secondary",
        )  # fmt: skip
    if row.status == "ocr_doubt":
        raise RefusedRow(
            f"{row.table} [{name}] is doubtful.", f"{row.table} 的 [{name}] 存疑。", where=row.where,
            fix="compare it with the printed page / 与原文核对",
        )  # fmt: skip
    return row


def on_day(rules: RuleSet, table: str, day: date, item: str | None = None, **scope: str) -> list[LimitRow]:
    """Rows of that item and scope in force on a day (or of the edition the rule set names), each usable.

    Raises `NoRowInForce`, `MissingParameter` or `RefusedRow`.
    """
    key = (table, day, item, *sorted(scope.items()))
    kept = rules.found.get(key)
    if kept is None:
        rows = rules.table(table).find(item, **scope)
        found = _in_force(rules, table, rows, day)
        if not found:
            raise _none(rules.table(table), day, item, rows)
        if len(rules.found) >= KEPT:
            rules.found.clear()
        kept = rules.found[key] = tuple(usable(r, rules) for r in found)
    return list(kept)


def _in_force(rules: RuleSet, table: str, rows: Iterable[LimitRow], day: date) -> list[LimitRow]:
    named = rules.editions.get(table)
    if named is not None:
        return [r for r in rows if r.edition == named]
    text = day.isoformat()
    return [r for r in rows if r.in_force(text)]


def _none(table: LimitTable, day: date, item: str | None, rows: Sequence[LimitRow]) -> NoRowInForce:
    undated = sorted({r.edition for r in rows if not r.dated})
    fix = "name an edition in the rule set / 在规则集中写明版本"
    if undated:
        en, zh = ", ".join(u or "(no edition)" for u in undated), "、".join(u or "（未写版本）" for u in undated)
        return NoRowInForce(
            f"{table.en}: the start date of {en} was not read, so no row is chosen for {day}.",
            f"{table.zh}：{zh} 的生效日未读到，不能按日期 {day} 选用。", where=table.id, fix=fix,
        )  # fmt: skip
    return NoRowInForce(
        f"{table.en}: no row for {item or 'any item'} is in force on {day}.",
        f"{table.zh}：没有{item or '任何项目'}在 {day} 有效的行。", where=table.id, fix=fix,
    )  # fmt: skip


@dataclass(frozen=True)
class Piece:
    """A part of the observation period under one set of rows. `rows` is empty where none is in force."""

    start: date
    end: date
    rows: tuple[LimitRow, ...]

    @property
    def edition(self) -> str:
        return " + ".join(dict.fromkeys(r.edition for r in self.rows))


def pieces(rules: RuleSet, table: str, start: date, end: date, item: str | None = None, **scope: str) -> list[Piece]:
    """The period [start, end] (both days included) cut where the rows in force change. Rows are not yet checked for
    their status (`usable` does), so that a refusal can be told with its dates."""
    rows = rules.table(table).find(item, **scope)
    if table in rules.editions:
        return [Piece(start, end, tuple(r for r in rows if r.edition == rules.editions[table]))]
    cuts = {start}
    for row in rows:
        if row.dated:
            cuts.add(date.fromisoformat(first_day(row.valid_from)))
            if row.valid_to:
                cuts.add(date.fromisoformat(last_day(row.valid_to)) + timedelta(days=1))
    days = sorted(d for d in cuts if start <= d <= end)
    ends = [*(d - timedelta(days=1) for d in days[1:]), end]
    made: list[Piece] = []
    for first, last in zip(days, ends, strict=True):
        piece = Piece(first, last, tuple(_in_force(rules, table, rows, first)))
        if made and made[-1].rows == piece.rows:
            made[-1] = Piece(made[-1].start, last, piece.rows)
        else:
            made.append(piece)
    return made
