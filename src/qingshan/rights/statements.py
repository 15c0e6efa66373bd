"""End of day: a statement for every account, and the bank's file against the ledger, line by line. Read from the journal alone."""

from __future__ import annotations

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timezone
from typing import Any

from qingshan.core.finding import Finding
from qingshan.ledger.amounts import YUAN, AmountError, read_decimal
from qingshan.ledger.venue import Venue, told
from qingshan.registers.calendar import CHINA, day_of

from .registry import CASH

__all__ = [
    "BankLine",
    "Movement",
    "Reconciled",
    "Statement",
    "ledger_lines",
    "movements_of",
    "read_bank_file",
    "reconcile",
    "statements",
]

BANK_COLUMNS = ("date", "account", "direction", "yuan", "reference")


@dataclass(frozen=True, slots=True)
class Movement:
    """What came to an account or left it (negative): record number, time, asset, quantity, other side, reason, trade."""

    seq: int
    at: int
    asset: str
    quantity: int
    other: str
    why: str
    trade: str = ""


@dataclass
class Statement:
    """An account on a day: by asset what there was, what moved, what there is and how much of it is set aside at the end of the day."""

    account: str
    day: date
    opening: dict[str, int] = field(default_factory=dict)
    movements: list[Movement] = field(default_factory=list)
    closing: dict[str, int] = field(default_factory=dict)
    held: dict[str, int] = field(default_factory=dict)


def statements(venue: Venue, day: date, zone: timezone = CHINA) -> dict[str, Statement]:
    """The statements of a day by account: of those that hold something, had something set aside or moved."""
    opening: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    closing: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    held: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    moved: dict[str, list[Movement]] = defaultdict(list)
    holds: dict[str, tuple[str, str]] = {}
    for seq, at, entry in _entries(venue):
        if (on := day_of(at, zone)) > day:
            break
        _aside(entry, holds, held)
        for m in movements_of(seq, at, entry):
            account, movement = m
            closing[account][movement.asset] += movement.quantity
            if on < day:
                opening[account][movement.asset] += movement.quantity
            else:
                moved[account].append(movement)
    found = {}
    for account in sorted({*closing, *held}):
        parts = (_some(opening[account]), moved[account], _some(closing[account]), _some(held[account]))
        if any(parts):
            found[account] = Statement(account, day, *parts)
    return found


def _some(amounts: Mapping[str, int]) -> dict[str, int]:
    return {k: v for k, v in sorted(amounts.items()) if v}


def _entries(venue: Venue) -> Iterator[tuple[int, int, Mapping[str, Any]]]:
    for record in venue.journal.read():
        line = told(record)
        for entry in line["entries"]:
            yield record.seq, line["at"], entry


def movements_of(seq: int, at: int, e: Mapping[str, Any]) -> list[tuple[str, Movement]]:
    """Whose holdings a journal entry moves, and how."""
    if e["do"] == "lot":
        made = {"asset": e["asset"], "why": f"issue {e['id']}"}
        return [(e["account"], Movement(seq, at, quantity=e["quantity"], other=e["issuance"], **made)),
                (e["issuance"], Movement(seq, at, quantity=-e["quantity"], other=e["account"], **made))]  # fmt: skip
    if e["do"] == "leg":
        made = {"asset": e["asset"], "why": e["why"], "trade": e.get("trade", "")}
        return [(e["debit"], Movement(seq, at, quantity=-e["quantity"], other=e["credit"], **made)),
                (e["credit"], Movement(seq, at, quantity=e["quantity"], other=e["debit"], **made))]  # fmt: skip
    return []


def _aside(e: Mapping[str, Any], holds: dict[str, tuple[str, str]], held: dict[str, dict[str, int]]) -> None:
    """Follow what is set aside: holds add, releases and legs out of a hold take away."""
    if e["do"] == "hold":
        holds[e["id"]] = (e["account"], e["asset"])
        held[e["account"]][e["asset"]] += e["quantity"]
    elif e["do"] == "release" or (e["do"] == "leg" and e.get("hold")):
        account, asset = holds[e["id"] if e["do"] == "release" else e["hold"]]
        held[account][asset] -= e["quantity"]


# ---- the bank's file -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, order=True)
class BankLine:
    """Money in (+) or out (-) of an account on a day, in 1e-4 yuan, with the bank's reference."""

    day: date
    account: str
    money: int
    reference: str


@dataclass(frozen=True)
class Reconciled:
    """Every line is in exactly one place: matched, only with the bank, only on the ledger."""

    matched: list[BankLine]
    only_bank: list[BankLine]
    only_ledger: list[BankLine]

    @property
    def agrees(self) -> bool:
        return not self.only_bank and not self.only_ledger


def read_bank_file(text: str, name: str = "") -> tuple[list[BankLine], list[Finding]]:
    """Lines of a CSV with the columns date, account, direction (in, out), yuan, reference; rows that cannot be read are findings."""
    lines: list[BankLine] = []
    findings: list[Finding] = []
    rows = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    if absent := [c for c in BANK_COLUMNS if c not in (rows.fieldnames or [])]:
        return [], [
            Finding(
                "error",
                "columns",
                f"the columns {', '.join(absent)} are absent.",
                f"缺少列 {'、'.join(absent)}。",
                name,
            )
        ]
    for row in rows:
        try:
            if row["direction"] not in ("in", "out") or not row["account"]:
                raise ValueError("direction is in or out, account is needed")
            money = read_decimal(row["yuan"], YUAN, "yuan")
            if money <= 0:
                raise ValueError("yuan must be above 0")
            lines.append(
                BankLine(
                    date.fromisoformat(row["date"]),
                    row["account"],
                    money if row["direction"] == "in" else -money,
                    row["reference"] or "",
                )
            )
        except (AmountError, ValueError, TypeError) as error:
            findings.append(
                Finding(
                    "error", "row", f"the row cannot be read: {error}", f"该行无法读取：{error}", name, rows.line_num
                )
            )
    return lines, findings


def ledger_lines(venue: Venue, day: date, zone: timezone = CHINA) -> list[BankLine]:
    """What the ledger says came from the bank and went to it on a day."""
    found = []
    for _, at, e in _entries(venue):
        if e["do"] != "leg" or e["asset"] != CASH or "bank" not in (e["debit"], e["credit"]) or day_of(at, zone) != day:
            continue
        reference = e["why"].partition(", ")[2]
        came = e["debit"] == "bank"
        found.append(
            BankLine(day, e["credit"] if came else e["debit"], e["quantity"] if came else -e["quantity"], reference)
        )
    return found


def reconcile(bank: Sequence[BankLine], ledger: Sequence[BankLine]) -> Reconciled:
    """Match lines that agree in day, account, money and reference; each line matches once."""
    theirs, ours = Counter(bank), Counter(ledger)
    both = theirs & ours
    return Reconciled(*(sorted(lines.elements()) for lines in (both, theirs - both, ours - both)))
