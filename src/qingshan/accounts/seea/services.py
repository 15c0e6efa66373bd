"""Supply and use of ecosystem services: tables 7.1 (physical) and 9.1 (monetary)."""

from __future__ import annotations

from fractions import Fraction

from qingshan.core.errors import DeclarationError
from qingshan.core.finding import Finding
from qingshan.core.units import factor

from ..balance import Head, Table, fraction, shares_of
from ..cells import STOCK
from ..run import Run
from .heads import UNITS, WHOLE, class_heads, labels_of


def supply_table(run: Run, place: str, period: str, basis: str = "") -> Table:
    """Services × ecosystem classes: physical (7.1a), or with `basis` in yuan (9.1a). A service without classes stands under `whole`."""
    cells, rows, units, notes = _supply(run, place, period, basis)
    columns = tuple(h for h in (*class_heads(run), WHOLE) if any(c == h.id for _, c in cells))
    if basis:
        return Table(
            f"9.1a {basis}",
            "生态系统服务供给表（价值量）",
            "ecosystem services supply, monetary",
            "元",
            rows,
            columns,
            cells,
            labels_of(run),
            notes,
        )
    return Table(
        "7.1a",
        "生态系统服务供给表（实物量）",
        "ecosystem services supply, physical",
        "",
        rows,
        columns,
        cells,
        labels_of(run),
        notes,
        units,
    )


def use_table(run: Run, place: str, period: str, basis: str = "") -> Table:
    """Services × economic units (7.1b, 9.1b): the supply of each service by the declared shares of its users."""
    supply, rows, units, notes = _supply(run, place, period, basis)
    cells: dict[tuple[str, str], Fraction] = {}
    known = {h.id for h in UNITS}
    for head in rows:
        declared = [r for r in run.zone.config.get("use", ()) if r.get("service") == head.id]
        shares = shares_of(declared, head.id, f"zone.toml [[use]] {head.id}") or {"undeclared": Fraction(1)}
        if stray := sorted(set(shares) - known):
            raise DeclarationError(f"use of {head.id}: no unit {', '.join(stray)}.", f"{head.id} 的使用者 {'、'.join(stray)} 不在单位表中。",
                                   where="zone.toml [[use]]", fix=f"one of {', '.join(sorted(known))}")  # fmt: skip
        whole = sum((v for (service, _), v in supply.items() if service == head.id), Fraction())
        cells |= {(head.id, unit): share * whole for unit, share in shares.items()}
    columns = tuple(h for h in UNITS if any(c == h.id for _, c in cells))
    if basis:
        return Table(
            f"9.1b {basis}",
            "生态系统服务使用表（价值量）",
            "ecosystem services use, monetary",
            "元",
            rows,
            columns,
            cells,
            labels_of(run),
            notes,
        )
    return Table(
        "7.1b",
        "生态系统服务使用表（实物量）",
        "ecosystem services use, physical",
        "",
        rows,
        columns,
        cells,
        labels_of(run),
        notes,
        units,
    )


Supply = tuple[dict[tuple[str, str], Fraction], tuple[Head, ...], dict[str, str], tuple[Finding, ...]]


def _supply(run: Run, place: str, period: str, basis: str) -> Supply:
    """Figure of every service by class, exactly as published; the sum of a service's classes is its supply."""
    role = "value" if basis else "physical"
    facts = [f for f in run.facts if f.place == place and f.period == period and f.role == role and f.basis == basis]
    cells: dict[tuple[str, str], Fraction] = {}
    rows, units, notes = [], {}, []
    for line in run.services(place, period):
        service = line.service
        if line.included != "yes" or service.category == STOCK:
            continue
        own = [f for f in facts if f.service == service.id and f.value is not None]
        parts = [f for f in own if f.cls] or [f for f in own if not f.cls]
        if not parts:
            notes.append(
                Finding(
                    "note",
                    "service_refused",
                    f"{service.id} {service.en} has no figure.",
                    f"{service.id} {service.zh}没有数。",
                    file=service.id,
                )
            )
            continue
        rows.append(Head(service.id, service.zh, service.en))
        units[service.id] = parts[0].unit
        for fact in parts:
            cells[service.id, fact.cls or WHOLE.id] = fraction(fact.value or 0.0) * fraction(
                factor(fact.unit, parts[0].unit)
            )
    return cells, tuple(rows), units, tuple(notes)
