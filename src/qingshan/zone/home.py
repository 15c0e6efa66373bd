"""Where qingshan keeps what it writes: `QINGSHAN_HOME`, else the user's data folder."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from .zone import Zone, builtin_zones


def home() -> Path:
    given = os.environ.get("QINGSHAN_HOME")
    if given:
        return Path(given)
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "qingshan"


def zone_key(zone: Zone) -> str:
    """The zone's id, with a mark of its folder unless it is built in."""
    folder = zone.path.resolve()
    if builtin_zones().get(zone.id, Path()).resolve() == folder:
        return zone.id
    return f"{zone.id}@{hashlib.sha256(str(folder).encode()).hexdigest()[:8]}"
