"""Where qingshan keeps what it writes: results, runs and filled rows. `QINGSHAN_HOME`, else the user's data folder.

`runs/` and the store are keyed by content and shared by all zones. What belongs to a zone as such (the newest run, the
filled rows) lies under its id; a zone in a folder of the user adds a hash of the folder, so that two zones that bear one
id do not mix.
"""

from __future__ import annotations

from pathlib import Path

from qingshan.core.errors import UnknownName
from qingshan.zone.home import home, zone_key
from qingshan.zone.zone import Zone, builtin_zones

__all__ = [
    "FOLDER",
    "asked_path",
    "fills_folder",
    "home",
    "pointers",
    "runs_folder",
    "store_path",
    "zone_folder",
    "zone_key",
]

FOLDER = ".folder"  # beside the pointers of a zone: where it lies


def store_path() -> Path:
    return home() / "store.sqlite"


def runs_folder() -> Path:
    return home() / "runs"


def asked_path(key: str) -> Path:
    """The note of which run came out when the same was asked before."""
    return home() / "asked" / key


def pointers(zone: Zone | str) -> Path:
    """The folder that names the newest run of each profile of a zone.

    A zone may be given by its id or key. Raises `UnknownName` where several folders bear the id.
    """
    if isinstance(zone, Zone):
        return home() / "latest" / zone_key(zone)
    exact = home() / "latest" / zone
    alike = [exact] if exact.is_dir() else sorted((home() / "latest").glob(f"{zone}@*"))
    if len(alike) > 1:
        keys = ", ".join(p.name for p in alike)
        raise UnknownName(
            f"several zones are called {zone!r}: {keys}.",
            f"有几个区域同名 {zone!r}：{keys}。",
            fix="give one of these keys",
        )
    return alike[0] if alike else exact


def zone_folder(run: str, zone: str) -> Path | None:
    """Where the zone of a run lies on this machine, if one of its pointers names the run or the zone is built in."""
    for mark in sorted((home() / "latest").glob("*/[!.]*")):
        if mark.read_text() == run and (mark.parent / FOLDER).is_file():
            folder = Path((mark.parent / FOLDER).read_text())
            return folder if folder.is_dir() else None
    if zone in builtin_zones():
        return builtin_zones()[zone]
    marks = list((home() / "latest").glob(f"{zone}@*/{FOLDER}"))  # an older run of the only zone of that id
    only = Path(marks[0].read_text()) if len(marks) == 1 else None
    return only if only and only.is_dir() else None


def fills_folder(zone: Zone, profile: str) -> Path:
    return home() / "fills" / zone_key(zone) / profile
