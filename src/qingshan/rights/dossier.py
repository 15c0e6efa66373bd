"""The dossier of a forest project brought to the exchange: what is declared of its files, what the register's record says, what a newer version corrects.

A dossier stands on the files of its project folder; each plot is a measurement of its own, named by the hash of its rows. A dossier that says
why no unit may be issued bars the issue (`rights.issue` reads it).
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from qingshan.accounts.claim.dossier import KeptDossier
from qingshan.accounts.claim.project import evidence_of
from qingshan.core.canonical import digest, file_digest
from qingshan.core.errors import OutOfBounds
from qingshan.ledger.book import Book
from qingshan.registers.values import as_texts

from .lineage import FILES, MOST

__all__ = ["Brought", "bring_dossier", "corrections"]

SCHEME = "carbon_ticket"
LONGEST = 200


@dataclass(frozen=True)
class Brought:
    """`files`: bodies of `rights.file`, what stands on others after them; `record`: body of `register.create`. `monitoring_report`: its sha-256."""

    files: tuple[dict[str, Any], ...]
    record: dict[str, Any]
    monitoring_report: str


def bring_dossier(kept: KeptDossier, folder: Path, holder: str) -> Brought:
    """What a kept dossier and the project folder it was computed from declare. Raises `OutOfBounds` where the folder is another, or the scheme."""
    evidence, project = dict(kept.record["evidence"]), kept.record["project"]
    if project["scheme"] != SCHEME:
        raise OutOfBounds(
            f"{kept.id} is a project of {project['scheme']}, not of forest tickets.", f"{kept.id} 属于 {project['scheme']}，不是林业碳票项目。",
            where="dossier.json", fix=f"only {SCHEME} is issued here / 这里只签发 {SCHEME}",
        )  # fmt: skip
    if evidence_of(folder) != evidence:
        raise OutOfBounds(
            f"{folder.name} is not what version {kept.version} of the dossier was computed from.",
            f"{folder.name} 不是案卷第 {kept.version} 版所依据的文件。", where=str(folder), fix="make the dossier again / 重新生成案卷",
        )  # fmt: skip
    dossier, report = (file_digest(kept.folder / name) for name in ("dossier.json", "monitoring_report.json"))
    files = [
        {"sha256": sha, "kind": _kind(name), "name": f"{kept.id}/{name}", "sources": []}
        for name, sha in evidence.items()
    ]
    files.append({"sha256": dossier, "kind": "dossier", "name": f"{kept.id}/v{kept.version}/dossier.json", "sources": sorted(set(evidence.values())),
                  "measurements": _measurements(folder, evidence), "refusals": [r[:LONGEST] for r in kept.record["refusals"]]})  # fmt: skip
    files.append(
        {
            "sha256": report,
            "kind": "monitoring_report",
            "name": f"{kept.id}/v{kept.version}/monitoring_report.json",
            "sources": [dossier],
        }
    )
    record = {
        "register": "ticket_project",
        "id": kept.id,
        "fields": _fields(kept, holder, evidence["closing/plots.csv"]),
    }
    return Brought(tuple({f["sha256"]: f for f in files}.values()), record, report)


def corrections(book: Book, kept: KeptDossier, because: str) -> list[dict[str, Any]]:
    """Bodies of `rights.correct`: declared files of the project that this newer version of its dossier has with other content, and the older dossier.

    Raises `OutOfBounds` where a newer version than this was brought.
    """
    declared = {id: r for (register, id), r in book.records.items() if register == FILES}
    brought = [
        int(m[1])
        for r in declared.values()
        if (m := re.fullmatch(rf"{re.escape(kept.id)}/v(\d+)/dossier\.json", r.content["name"]))
    ]
    if max(brought, default=0) > kept.version:
        raise OutOfBounds(f"version {max(brought)} of the dossier was brought before.", f"已录入案卷第 {max(brought)} 版。",
                          where=kept.id, fix="name the newest version / 请用最新版")  # fmt: skip
    now = {f"{kept.id}/{name}": sha for name, sha in kept.record["evidence"].items()}
    now |= {f"{kept.id}/v{v}/dossier.json": file_digest(kept.folder / "dossier.json") for v in brought}
    return [
        {"sha256": sha, "corrected": now[name], "because": because}
        for sha, record in sorted(declared.items())
        if record.state == "good" and (name := record.content["name"]) in now and now[name] != sha
    ]


def _kind(name: str) -> str:
    if name.endswith("trees.csv"):
        return "readings"
    return "plots" if name.endswith("plots.csv") else "document"


def _measurements(folder: Path, evidence: Mapping[str, str]) -> list[dict[str, Any]]:
    """Each plot of each inventory: the hash of its rows as they stand in the files, and the files. Raises `OutOfBounds` for too many."""
    made = []
    for when in ("opening", "closing"):
        names = [n for n in (f"{when}/plots.csv", f"{when}/trees.csv") if n in evidence]
        rows: dict[str, list[Any]] = {}
        for name in names:
            for row in csv.DictReader(io.StringIO((folder / name).read_text(encoding="utf-8-sig"))):
                rows.setdefault(row["plot"], []).append([name, row])
        made += [
            {"id": f"{when}/{plot}", "sha256": digest(of), "sources": [evidence[n] for n in names]}
            for plot, of in rows.items()
        ]
    if len(made) > MOST:
        raise OutOfBounds(f"{len(made)} plots, at most {MOST} are declared with one dossier.", f"样地 {len(made)} 个，一份案卷至多 {MOST} 个。",
                          where=str(folder), fix="divide the project / 拆分项目")  # fmt: skip
    return made


def _fields(kept: KeptDossier, holder: str, plots: str) -> dict[str, Any]:
    project, parcels = kept.record["project"], kept.record["parcels"]
    last = date.fromisoformat(project["end"]) - timedelta(days=1)  # a dossier's end is the first day after
    fields: dict[str, Any] = {
        "name": project["zh"], "holder": holder, "place": project["place"], "title": "、".join(dict.fromkeys(p["title"] for p in parcels))[:LONGEST],
        "methodology": project["methodology"], "land": _land(kept), "area": f"{project['hm2']:.4f}", "from": project["start"], "to": last.isoformat(),
        "species": list(dict.fromkeys(p["species"] for p in parcels)), "planted": min(p["planted"] for p in parcels), "plots": plots,
        "claimed": f"{kept.record['kg_co2e'] // 1000}.{kept.record['kg_co2e'] % 1000:03d}",
    }  # fmt: skip
    made: dict[str, Any] = as_texts(fields)
    return made


def _land(kept: KeptDossier) -> dict[str, Any]:
    """All parcels as one shape on the register's grid of 1e-7 degree: neighbours share their boundary."""
    import shapely  # noqa: PLC0415 - the extra geo

    outlines = [shapely.geometry.shape(f["geometry"]) for f in kept.parcels["features"]]
    made: dict[str, Any] = shapely.geometry.mapping(shapely.union_all(outlines, grid_size=1e-7))
    return made
