"""Sealing the inputs of a run: the zone's files as read, the coordinates derived from boundaries, the filled rows."""

from __future__ import annotations

import csv
import io
import os
import platform
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from qingshan.core.canonical import digest, file_digest
from qingshan.core.domain import Domains
from qingshan.core.errors import ZoneError
from qingshan.core.parameter import ParameterRow
from qingshan.zone.fact import InputFact
from qingshan.zone.rows import FACT_COLUMNS
from qingshan.zone.zone import Zone

from .fill import write_rows

DERIVED = "facts/zz_from_boundaries.csv"  # sorts last: the zone's own rows come first


def seal_inputs(zone: Zone, filled: list[ParameterRow], folder: Path) -> None:
    """Copy what the zone was opened from into `folder/zone`, and the filled rows to `folder/filled.csv`.

    Raises `ZoneError` where a file changed while it was being read.
    """
    for name, sha in zone.files.items():
        target = folder / "zone" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(zone.path / name, target)
        if file_digest(target) != sha:
            raise ZoneError(
                f"{name} changed while the run was reading it.",
                f"{name} 在核算读取时被改动。",
                where=str(zone.path),
                fix="run again",
            )
    rows = [f for f in zone.derived_rows() if f.place in zone.places]
    if rows and not (folder / "zone" / DERIVED).exists():
        (folder / "zone" / DERIVED).write_text(_table(rows, zone), encoding="utf-8")
    if filled:
        write_rows(folder / "filled.csv", filled)


def seen(zone: Zone) -> str:
    """What of a zone a run depends on: its files, and the coordinates derived from boundaries."""
    return digest([dict(zone.files), [f.key for f in zone.derived_rows()]])


def software(domains: Domains) -> str:
    """Hash of the code and tables that a result depends on: the engine below the faces, every domain, python and numpy."""
    engine = Path(__file__).resolve().parents[1]
    folders = [
        *(engine / part for part in ("core", "zone", "observe", "accounts")),
        *(d.folder for d in domains.by_name.values()),
    ]
    code = [file_digest(path) for folder in folders for path in sorted(folder.rglob("*.py"))]
    return digest(
        [
            code,
            domains.hashes,
            platform.python_version(),
            np.__version__,
            os.environ.get("NPY_DISABLE_CPU_FEATURES", ""),
        ]
    )


def changed_files(folder: Path, files: Mapping[str, str]) -> list[str]:
    """Files of a sealed run that are missing, not part of it, or not the bytes that were sealed (`files`: name -> sha-256)."""
    present = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()} - {"manifest.json"}
    return [
        f
        for f in sorted(present | set(files))
        if f not in present or f not in files or file_digest(folder / f) != files[f]
    ]


def _table(rows: list[InputFact], zone: Zone) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(FACT_COLUMNS)
    for r in rows:
        cells = {
            "place_code": r.place, "place": zone.places[r.place].name_zh, "period": r.period, "quantity": r.quantity, "name_zh": r.name_zh,
            "value": r.printed, "unit": r.unit, "source_title": r.source_title, "issuer": r.issuer, "status": r.status, "note": r.note,
        }  # fmt: skip
        writer.writerow([cells[c] for c in FACT_COLUMNS])
    return out.getvalue()
