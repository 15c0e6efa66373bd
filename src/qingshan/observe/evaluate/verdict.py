"""What a row says of a reading: meets, exceeds, insufficient data, cannot be judged, not applicable."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from ...core.canonical import digest
from ...core.errors import MissingParameter, QingshanError, UnitError
from ...core.limit import LimitRow
from ...core.reading import Reading
from ...core.rounding import Exact
from ...core.units import unit as parse_unit
from .editions import NoRowInForce, RefusedRow, RuleSet, pieces, usable

MEETS, EXCEEDS, INSUFFICIENT, UNJUDGED, NOT_APPLICABLE = (
    "meets", "exceeds", "insufficient_data", "cannot_be_judged", "not_applicable",
)  # fmt: skip
VERDICTS = (MEETS, EXCEEDS, INSUFFICIENT, UNJUDGED, NOT_APPLICABLE)
VERDICT_ZH = dict(zip(VERDICTS, ("达标", "超标", "数据不足", "无法判定", "不适用"), strict=True))

REFUSALS = (MissingParameter, RefusedRow, NoRowInForce)
"""What keeps a verdict from being given; each names the document or the choice that is missing."""


@dataclass(frozen=True, slots=True)
class Note:
    """Why a result is as it is. `code` is stable."""

    code: str
    en: str
    zh: str


ESTIMATED = "estimated"
"""Code of the note of a result that stands on estimates, not on measurements alone."""


def estimate_note(en: str, zh: str) -> Note:
    """Why a result is an estimate: what of it was not measured."""
    return Note(ESTIMATED, f"an estimate: {en}.", f"为估算：{zh}。")


def note_of(error: QingshanError) -> Note:
    return Note(error.code, error.sentence(), error.zh)


def unsaid(result: Result) -> bool:
    """Whether a result says nothing: no verdict for want of data or of a rule, or neither verdict nor grade."""
    return result.verdict in (UNJUDGED, INSUFFICIENT) or not (result.verdict or result.grades)


@dataclass(frozen=True, slots=True)
class Result:
    """One evaluated quantity of one site and period.

    `verdict` is one of `VERDICTS`, or '' for a grade that is compared with nothing. `grades` are the possible grades
    (one, or an interval where a reading is censored or a choice open). `limit` is printed as the row prints it;
    `rows` says where each row stands. `parts` are the results of the pieces of a split period, or of the items.
    """

    quantity: str
    site: str = ""
    item: str = ""
    start: date | None = None
    end: date | None = None
    value: Exact | None = None
    value_text: str = ""
    unit: str = ""
    verdict: str = ""
    grades: tuple[str, ...] = ()
    limit: str = ""
    clause: str = ""
    edition: str = ""
    status: str = ""
    n_valid: int | None = None
    n_required: int | None = None
    notes: tuple[Note, ...] = ()
    rows: tuple[str, ...] = ()
    rule_set: str = ""
    inputs: str = ""
    parts: tuple[Result, ...] = ()

    @property
    def grade(self) -> str:
        """The grade, or `best–worst` of the interval."""
        if len(self.grades) > 1:
            return f"{self.grades[0]}–{self.grades[-1]}"
        return self.grades[0] if self.grades else ""

    def record(self) -> dict[str, Any]:
        """Plain fields, for JSON and tables; exact numbers as text."""
        return {
            "quantity": self.quantity, "site": self.site, "item": self.item,
            "start": self.start.isoformat() if self.start else "", "end": self.end.isoformat() if self.end else "",
            "value": self.value_text or shown(self.value), "unit": self.unit, "verdict": self.verdict, "grade": self.grade,
            "limit": self.limit, "clause": self.clause, "edition": self.edition, "status": self.status,
            "n_valid": self.n_valid, "n_required": self.n_required, "notes": [n.code for n in self.notes],
            "reasons": [n.en for n in self.notes], "rows": list(self.rows), "rule_set": self.rule_set, "inputs": self.inputs,
            "parts": [p.record() for p in self.parts],
        }  # fmt: skip


def is_estimated(result: Result) -> bool:
    return any(n.code == ESTIMATED for n in result.notes)


def waiting_note(n: int) -> Note:
    """Why an official value is none: suspect readings that no reviewer has decided on."""
    return Note(
        "unresolved", f"suspect readings that wait for a reviewer: {n}; the value is not valid until they are decided.",
        f"有 {n} 个可疑读数待复核，复核前该值无效。",
    )  # fmt: skip


def held_back(result: Result, n: int) -> Result:
    """`result` of readings of which `n` are suspect and undecided: no grade and no verdict, whatever the others say."""
    if not n:
        return result
    verdict = result.verdict if result.verdict in (UNJUDGED, NOT_APPLICABLE) else INSUFFICIENT
    return replace(
        result, item="", value=None, value_text="", grades=(), verdict=verdict, notes=(*result.notes, waiting_note(n))
    )


def shown(value: Exact | None, digits: int = 12) -> str:
    """A number as text: digits of a decimal as they are, a fraction to `digits` significant ones."""
    if value is None:
        return ""
    if isinstance(value, Fraction):
        return str(value.numerator) if value.denominator == 1 else f"{float(value):.{digits}g}"
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def inputs_of(texts: Iterable[Any]) -> str:
    """The hash of what an evaluation read, whatever the order it came in."""
    return digest(sorted(str(t) for t in texts))


def converted(value: Exact, source: str, target: str) -> Exact:
    """`value` exactly, from one unit to another. Raises `UnitError` where the two cannot meet."""
    if source == target or {source, target} <= {"", "1", "-"}:
        return value
    a, b = parse_unit(source), parse_unit(target)
    if (
        a.dimensions != b.dimensions
        or a.offset != b.offset
        or not (isinstance(a.scale, Fraction) and isinstance(b.scale, Fraction))
    ):
        raise UnitError(
            f"{source!r} cannot become {target!r}.", f"{source!r} 不能换算成 {target!r}。",
            fix="give the value in the unit of the limit / 按限值的单位给出",
        )  # fmt: skip
    ratio = a.scale / b.scale
    return value if ratio == 1 else Fraction(value) * ratio


def judge(reading: Reading, row: LimitRow, unit: str) -> tuple[str, tuple[Note, ...]]:
    """One reading against one usable row: the verdict and why.

    A censored value lies in [0, detection limit). Missing: insufficient data.
    """
    if reading.missing:
        return INSUFFICIENT, (Note("missing", "there is no value.", "没有数值。"),)
    try:
        if reading.value is not None:
            meets = row.holds(converted(reading.value, unit, row.unit))
            return (MEETS if meets else EXCEEDS), ()
        if reading.detection_limit is None:
            return UNJUDGED, (
                Note("unknown_detection_limit", "not detected, at an unknown detection limit.", "未检出，检出限不明。"),
            )
        detection = converted(reading.detection_limit, unit, row.unit)
    except UnitError as error:
        return UNJUDGED, (note_of(error),)
    upper = row.operator in ("<=", "<")
    if row.value is not None and detection <= row.value:
        return (MEETS if upper else EXCEEDS), ()
    return UNJUDGED, (
        Note(
            "detection_limit_above_limit", f"the detection limit {reading.text} lies above the limit {row.sign}.",
            f"检出限 {reading.text} 高于限值 {row.sign}。",
        ),
    )  # fmt: skip


def against(
    rules: RuleSet, table: str, result: Result, reading: Reading, item: str | None = None, **scope: str
) -> Result:
    """`result` (with its site, period, value and unit) judged against one limit of a table.

    The row is chosen by the period. A period across editions is judged by each and, as one, cannot be judged.
    """
    assert result.start and result.end
    made = []
    for piece in pieces(rules, table, result.start, result.end, item, **scope):
        part = replace(result, start=piece.start, end=piece.end, rule_set=rules.digest)
        made.append(_piece(rules, table, part, reading, item, piece.rows))
    if len(made) == 1:
        return replace(made[0], parts=result.parts)
    return replace(
        result, verdict=UNJUDGED, parts=tuple(made), rule_set=rules.digest, status=worst_status(p.status for p in made),
        edition=" + ".join(p.edition for p in made if p.edition), rows=tuple(dict.fromkeys(r for p in made for r in p.rows)),
        limit=" ; ".join(p.limit for p in made if p.limit), clause=" ; ".join(dict.fromkeys(p.clause for p in made if p.clause)),
        notes=(*result.notes, edition_boundary(made)),
    )  # fmt: skip


def edition_boundary(parts: Sequence[Result]) -> Note:
    spans = ", ".join(f"{p.start}..{p.end} {p.edition or '-'}" for p in parts)
    return Note(
        "edition_boundary", f"the period crosses editions: {spans}; no rule says which governs.",
        f"时段跨版本：{spans}；没有规则说明适用哪一版。",
    )  # fmt: skip


def _piece(
    rules: RuleSet, table: str, result: Result, reading: Reading, item: str | None, rows: Sequence[LimitRow]
) -> Result:
    if not rows:
        why = Note(
            "no_row_in_force", f"no row of {table} for {item} is in force from {result.start} to {result.end}.",
            f"{table} 中没有 {item} 在 {result.start} 至 {result.end} 有效的行。",
        )  # fmt: skip
        undated = [r for r in rules.table(table).find(item) if not r.dated]
        verdict = UNJUDGED if undated or rules.table(table).find(item) else NOT_APPLICABLE
        return replace(result, verdict=verdict, notes=(*result.notes, why))
    cited = replace(result, **citation(rows))
    try:
        checked = [usable(r, rules) for r in rows]
    except REFUSALS as error:
        return replace(cited, verdict=UNJUDGED, notes=(*result.notes, note_of(error)))
    verdicts = [judge(reading, r, result.unit) for r in checked]
    worst = max((v for v, _ in verdicts), key=(MEETS, UNJUDGED, INSUFFICIENT, EXCEEDS).index)
    notes = dict.fromkeys(n for _, found in verdicts for n in found)
    return replace(cited, verdict=worst, notes=(*result.notes, *notes))


def citation(rows: Sequence[LimitRow]) -> dict[str, Any]:
    """Limit, clause, edition, status and places of the rows a result stands on."""
    return {
        "limit": " , ".join(dict.fromkeys(r.sign for r in rows)),
        "clause": " ; ".join(dict.fromkeys(f"{r.edition} {r.clause}".strip() for r in rows)),
        "edition": " + ".join(dict.fromkeys(r.edition for r in rows)),
        "status": worst_status(r.status for r in rows),
        "rows": tuple(dict.fromkeys(r.where for r in rows)),
    }


STATUSES = ("", "primary", "project", "secondary", "news", "ocr_doubt", "open")


def worst_status(statuses: Iterable[str]) -> str:
    """The weakest of some statuses."""
    return max(statuses, key=STATUSES.index, default="")


WEAK = ("secondary", "news", "ocr_doubt", "open")
"""Statuses that are labels: a result of one of them stands on what was not read in the issuer's own text."""


def marks(result: Result) -> list[str]:
    """What a result is labelled with: that it is an estimate, and a status below the issuer's own text and the project's."""
    return [ESTIMATED] * is_estimated(result) + [result.status] * (result.status in WEAK)
