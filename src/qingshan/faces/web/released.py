"""Releases of forest carbon and dossiers of projects as they lie in qingshan's home, for the pages and the downloads."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qingshan.accounts.run import Run
from qingshan.core.canonical import file_digest
from qingshan.core.errors import UnknownName
from qingshan.zone.zone import Zone

from .site import Site

if TYPE_CHECKING:
    from qingshan.accounts.claim.dossier import KeptDossier
    from qingshan.publish.forest_release import ForestRelease

__all__ = [
    "dossiers_of", "holds", "project_files", "project_folder", "projects_of", "refusal_of", "release_at", "release_files", "release_word", "released_runs",
    "releases_of",
]  # fmt: skip

_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)
REFUSED = "refused"


# ---- releases --------------------------------------------------------------------------------------------------------


def releases_of(zone: Zone) -> list[ForestRelease]:
    """The releases of a zone, newest year and revision first."""
    try:
        from qingshan.publish.forest_release import forest_releases  # noqa: PLC0415 - the extras geo and report
    except ModuleNotFoundError:
        return []
    return forest_releases(zone)


def release_word(release: ForestRelease) -> str:
    """The part of its address that names a revision."""
    return release.folder.name


def release_at(zone: Zone, year: str, revision: str) -> ForestRelease:
    """Raises `UnknownName` listing those there are."""
    known = releases_of(zone)
    for release in known:
        if (release.year, release_word(release)) == (year, revision):
            return release
    listed = ", ".join(f"{r.year}/{release_word(r)}" for r in known) or "-"
    raise UnknownName(
        f"no release {year[:20]}/{revision[:20]}; there are: {listed}.",
        f"没有 {year[:20]}/{revision[:20]} 这次发布；现有：{listed}。",
    )


def release_files(release: ForestRelease) -> dict[str, str]:
    """Name -> sha-256 of every file that may be taken, the manifest and its signature included."""
    more = {
        name: file_digest(release.folder / name)
        for name in ("manifest.json", "signature.json")
        if (release.folder / name).is_file()
    }
    return dict(release.manifest["files"]) | more


def holds(release: ForestRelease) -> bool | None:
    """Whether the signature is that of the manifest; None for a draft."""
    if not release.signed:
        return None
    from qingshan.publish.signed import signature_holds  # noqa: PLC0415 - the extra ledger

    return signature_holds(
        (release.folder / "manifest.json").read_bytes(), (release.folder / "signature.json").read_bytes()
    )


def released_runs(site: Site) -> Iterator[Run]:
    """The sealed runs inside the releases: a figure of an old release keeps its pedigree."""
    kept: dict[str, Run] = site.kept.setdefault("released_runs", {})
    for release in releases_of(site.zone):
        path = release.folder / "data" / release.run  # a draft of the same run may go
        if str(path) not in kept:
            from qingshan.accounts.inventory import ForestRun  # noqa: PLC0415 - the extra geo

            kept[str(path)] = ForestRun(path)
        yield kept[str(path)]


def dossier_runs(site: Site) -> Iterator[Run]:
    """The sealed runs behind the newest dossiers: a figure of a project leads to its plots and trees."""
    kept: dict[str, Run] = site.kept.setdefault("dossier_runs", {})
    for dossier in dossiers_of(site.zone):
        path = dossier.run
        if path is None:
            continue
        if str(path) not in kept:
            from qingshan.accounts.claim.sealed import DossierRun  # noqa: PLC0415 - the extra geo

            kept[str(path)] = DossierRun(path)
        yield kept[str(path)]


# ---- projects --------------------------------------------------------------------------------------------------------


def dossiers_of(zone: Zone) -> list[KeptDossier]:
    """The newest dossier of each project."""
    try:
        from qingshan.accounts.claim.dossier import dossiers  # noqa: PLC0415 - the extra geo
    except ModuleNotFoundError:
        return []
    return dossiers(zone)


def projects_of(zone: Zone) -> list[str]:
    """Ids of the projects that were filed, those refused included."""
    try:
        from qingshan.accounts.claim.dossier import projects_folder  # noqa: PLC0415 - the extra geo
    except ModuleNotFoundError:
        return []
    folder = projects_folder(zone)
    return sorted(p.name for p in folder.glob("[!.]*") if p.is_dir()) if folder.is_dir() else []


def project_folder(zone: Zone, project: str) -> Path:
    """The folder of a project. Raises `UnknownName`."""
    from qingshan.accounts.claim.dossier import projects_folder  # noqa: PLC0415 - the extra geo

    folder = projects_folder(zone) / project
    if not _PART.fullmatch(project) or not folder.is_dir():
        raise UnknownName(f"no project {project[:60]!r}.", f"没有项目 {project[:60]!r}。")
    return folder


def project_files(zone: Zone, project: str, version: str) -> tuple[Path, dict[str, str]]:
    """The folder of a version of a dossier (or `refused`) and its files with their hashes. Raises `UnknownName`."""
    folder = project_folder(zone, project) / version
    if not _PART.fullmatch(version) or not folder.is_dir():
        raise UnknownName(
            f"{project} has no version {version[:40]!r}.", f"项目 {project} 没有 {version[:40]!r} 这一版。"
        )
    files = sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.startswith("."))
    return folder, {p.relative_to(folder).as_posix(): file_digest(p) for p in files}


def refusal_of(zone: Zone, project: str) -> dict[str, Any] | None:
    """The newest refusal of a project for double counting, as GeoJSON in degrees, or None."""
    path = project_folder(zone, project) / REFUSED / "overlap.geojson"
    if not path.is_file():
        return None
    made: dict[str, Any] = json.loads(path.read_bytes())
    return made
