"""The line of places from the whole zone down to the chosen one."""

from __future__ import annotations

from .site import Ask

__all__ = ["crumbs"]


def crumbs(ask: Ask, path: str) -> list[tuple[str, str]]:
    """Name of each place and the address of the page for it; the choices made on the page are kept."""
    line = [*reversed(ask.zone.ancestors(ask.place.code)), ask.place.code]
    kept = {k: ask.query.get(k, "") for k in ("basis", "of")}
    return [(ask.short(c), ask.address(path, **kept, place="" if c == ask.zone.root else c)) for c in line]
