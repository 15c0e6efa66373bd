"""The nightly check that nobody of a regulator, registry, exchange or service body holds or benefits (Order 775, articles 7 and 20).

Onboarding refuses such people; a person may get a staff role afterwards, or an account may have been open before a rule.
"""

from __future__ import annotations

from qingshan.core.finding import Finding
from qingshan.ledger.book import Book
from qingshan.registers.actors import persons_with, roles

from .registry import HOLDERS, records_of

__all__ = ["conflicts"]

CLAUSE = "碳排放权交易管理暂行条例（国务院令第775号）第七条、第二十条"


def conflicts(book: Book) -> list[Finding]:
    """One finding for each person with a staff role who operates or benefits from an account that is not closed."""
    names = {r.id: r for r in roles()}
    held = persons_with(book, frozenset(r.id for r in roles() if r.staff))
    found = []
    for record in records_of(book, HOLDERS):
        if record.state == "closed":
            continue
        for field in ("operators", "beneficiaries"):
            for person in record.content["fields"].get(field, []):
                if role := held.get(person):
                    en, zh = (
                        f"{person} has the role {names[role].en} ({CLAUSE}).",
                        f"{person} 具有“{names[role].zh}”角色（{CLAUSE}）。",
                    )
                    fix = "freeze the account or withdraw the role / 冻结账户或收回角色"
                    found.append(Finding("error", "conflict_of_interest", en, zh, record.id, field=field, fix=fix))
    return found
