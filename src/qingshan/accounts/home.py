"""Where qingshan keeps what it writes: results, runs and filled rows. `QINGSHAN_HOME`, else the user's data folder."""

from __future__ import annotations

import os
from pathlib import Path

from qingshan.zone.zone import Zone


def home() -> Path:
    given = os.environ.get("QINGSHAN_HOME")
    if given:
        return Path(given)
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "qingshan"


def store_path() -> Path:
    return home() / "store.sqlite"


def runs_folder() -> Path:
    return home() / "runs"


def pointer(zone: str, profile: str) -> Path:
    """The file that names the newest run of a zone under a profile."""
    return home() / "latest" / zone / profile


def fills_folder(zone: Zone, profile: str) -> Path:
    return home() / "fills" / zone.id / profile
