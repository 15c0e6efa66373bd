"""Verb on an exchange for forest tickets: bring the dossier of a project, or correct what an older version of it said."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .exchange import opened, time_of
from .problem import WrongCall
from .show import emit

if TYPE_CHECKING:
    from qingshan.accounts.claim.dossier import KeptDossier
    from qingshan.ledger.venue import Venue


def dossier(arguments: argparse.Namespace) -> int:
    """Declare files and plots of a dossier and enter its project; with --correct, correct the files that differ."""
    from qingshan.accounts.claim.dossier import open_dossier  # noqa: PLC0415 - the extra geo

    folder = Path(arguments.dossier)
    if not (folder / "dossier.json").is_file():
        raise WrongCall(
            f"{folder} holds no dossier.", f"{folder} 里没有案卷。", fix="qingshan forest dossier PROJECT …"
        )
    if not arguments.correct and not arguments.holder:
        raise WrongCall("a project needs --holder.", "录入项目须给出 --holder。", fix="--holder ID / 写明权益持有人")
    kept = open_dossier(folder)
    with opened(arguments.venue) as venue:
        told = _corrected(venue, kept, arguments) if arguments.correct else _entered(venue, kept, arguments)
    if arguments.json:
        emit(told)
    else:
        for name, value in told.items():
            print(f"{name}: {value}")
    return 0


def _entered(venue: Venue, kept: KeptDossier, arguments: argparse.Namespace) -> dict[str, Any]:
    from qingshan.faces.access.evidence import Evidence  # noqa: PLC0415
    from qingshan.ledger.venue import Command  # noqa: PLC0415
    from qingshan.rights.dossier import bring_dossier  # noqa: PLC0415

    folder, at = Path(arguments.project), time_of(arguments.at)
    brought = bring_dossier(kept, folder, arguments.holder)
    entry = Command(
        "register.create", brought.record, f"dossier/{kept.id}/{brought.monitoring_report}", arguments.by, at
    )
    if entry.key not in venue.keys:
        venue.handlers[entry.kind](venue.book, entry)  # land that is taken refuses before anything is written
    store = Evidence(venue.folder)
    for path in (
        *sorted(p for p in folder.rglob("*") if p.is_file()),
        kept.folder / "dossier.json",
        kept.folder / "monitoring_report.json",
    ):
        store.keep(path.read_bytes())
    files = [f for f in brought.files if ("file", f["sha256"]) not in venue.book.records]
    for body in files:
        venue.submit(Command("rights.file", body, f"file/{body['sha256']}", arguments.by, at))
    receipt = venue.submit(entry)
    return {"project": kept.id, "record": receipt.seq, "files": len(files), "monitoring_report": brought.monitoring_report,
            "may_issue": not kept.record["refusals"]}  # fmt: skip


def _corrected(venue: Venue, kept: KeptDossier, arguments: argparse.Namespace) -> dict[str, Any]:
    from qingshan.ledger.venue import Command  # noqa: PLC0415
    from qingshan.rights.dossier import corrections  # noqa: PLC0415

    at = time_of(arguments.at)
    bodies = corrections(venue.book, kept, arguments.correct)
    lots = []
    for body in bodies:
        key = f"correct/{body['sha256']}/{body['corrected']}"
        lots += venue.submit(Command("rights.correct", body, key, arguments.by, at)).answer["lots"]
    return {"project": kept.id, "corrected": [b["sha256"] for b in bodies], "lots": lots}
