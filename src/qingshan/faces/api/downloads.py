"""Files of what was released or filed, as they lie on disk: only those that a manifest or dossier names.

/files/releases/{year}/{revision}/{name}        /files/projects/{project}/{version}/{name}
"""

from __future__ import annotations

import mimetypes
from pathlib import Path
from urllib.parse import quote

from fastapi import FastAPI, Response
from fastapi.responses import FileResponse

from qingshan.core.errors import UnknownName
from qingshan.faces.web.released import project_files, release_at, release_files
from qingshan.faces.web.site import Site

__all__ = ["add_downloads"]

_READ = ["GET", "HEAD"]
_SHOWN = ("image/svg+xml", "application/pdf")
"""Types a browser shows; the others are saved."""


def add_downloads(app: FastAPI, site: Site) -> None:
    """Routes of the files."""

    @app.api_route("/files/releases/{year}/{revision}/{name:path}", methods=_READ)
    def of_release(year: str, revision: str, name: str) -> Response:
        release = release_at(site.zone, year, revision)
        return _file(release.folder, name, release_files(release), f"forest-carbon-{year}-{revision}")

    @app.api_route("/files/projects/{project}/{version}/{name:path}", methods=_READ)
    def of_project(project: str, version: str, name: str) -> Response:
        folder, files = project_files(site.zone, project, version)
        return _file(folder, name, files, f"{project}-{version}")


def _file(folder: Path, name: str, files: dict[str, str], stem: str) -> Response:
    """A file by its exact name in the list. Raises `UnknownName` for any other."""
    if name not in files:
        raise UnknownName(f"no file {name[:80]!r} here.", f"这里没有文件 {name[:80]!r}。")
    media = mimetypes.guess_type(name)[0] or "application/octet-stream"
    shown = "inline" if media in _SHOWN else "attachment"
    disposition = f"{shown}; filename*=UTF-8''{quote(f'{stem}-{Path(name).name}', safe='')}"
    headers = {
        "Content-Disposition": disposition,
        "Cache-Control": "no-cache",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    }
    return FileResponse(folder / name, media_type=media, headers=headers)
