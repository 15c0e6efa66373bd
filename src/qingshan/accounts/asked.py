"""What of an account is asked for: all of it, or some periods, one place with all below it, draws of its uncertainty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from qingshan.zone.zone import Zone

__all__ = ["Asked"]


@dataclass(frozen=True)
class Asked:
    """What of an account is asked for: account periods and places (none: all), draws of its uncertainty."""

    periods: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    draws: int = 0
    seed: int = 0

    @classmethod
    def of(cls, zone: Zone, period: str, place: str, draws: int, seed: int) -> Asked:
        """Raises `UnknownName` where the zone has no such period or place."""
        periods = (zone.period(period).id,) if period else ()
        within = zone.place(place).code if place else ""
        places = tuple(c for c in zone.places if within in (c, *zone.ancestors(c))) if within else ()
        return cls(periods, places, draws, seed)

    def record(self) -> dict[str, Any]:
        """What a manifest keeps: only what differs from the whole account."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in self.__dict__.items() if v and k != "periods"}
