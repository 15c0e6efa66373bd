"""Actors and their roles: the register on which every other asks who may act."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from qingshan.ledger.book import Book, Refused

from .declaration import Register

__all__ = ["ACTORS", "Role", "persons_with", "require_role", "roles", "roles_of"]

_RAW = tomllib.loads(Path(__file__).with_name("actors.toml").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Role:
    """A role; `staff` belongs to a regulator, registry, exchange or service body."""

    id: str
    zh: str
    en: str
    staff: bool = False


@lru_cache(maxsize=1)
def roles() -> tuple[Role, ...]:
    """Every role there is."""
    return tuple(Role(**r) for r in _RAW["role"])


ACTORS = Register.of(_RAW["register"], [r["id"] for r in _RAW["role"]])


def roles_of(book: Book, actor: str) -> frozenset[str]:
    """Roles of an active actor; nobody else has any."""
    record = book.records.get((ACTORS.id, actor))
    return frozenset(record.content["fields"]["roles"]) if record and record.state == "active" else frozenset()


def persons_with(book: Book, wanted: frozenset[str]) -> dict[str, str]:
    """Person -> one of the wanted roles, over all active actors."""
    found: dict[str, str] = {}
    for record in sorted(book.standing(ACTORS.id, "active"), key=lambda r: r.id):
        if held := sorted(roles_of(book, record.id) & wanted):
            found[record.content["fields"]["person"]] = held[0]
    return found


def require_role(book: Book, actor: str, allowed: tuple[str, ...]) -> None:
    """Raises `Refused` where the actor has none of the roles."""
    if not roles_of(book, actor) & set(allowed):
        names = {r.id: r for r in roles()}
        en, zh = ", ".join(names[a].en for a in allowed), "、".join(names[a].zh for a in allowed)
        raise Refused(
            "forbidden",
            f"{actor} may not do this; allowed: {en or 'nobody'}.",
            f"{actor} 无权进行此操作，允许：{zh or '无'}。",
        )
