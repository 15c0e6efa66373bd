"""The index of claims as a versioned table in a folder: what was entered stays, a later row of the same claim replaces it.

    index.json    crs (metres) and the tolerance in m2 of the whole table
    0001.csv      rows that version 1 brought: the fields of a claim and its outline (WKB, hex, in the table's CRS)
    0001.json     sha-256 of the rows, of the manifest before, why and by whom

The table is the replay of its versions; a broken chain is refused. Entering claims that meet others is refused.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import shapely
from pyproj import Transformer

from qingshan.core.canonical import canonical, file_digest, write_atomic
from qingshan.core.errors import OutOfBounds, QingshanError, UnknownName

from .index import Claim, check_claims, refuse_double_counting
from .words import declaration

__all__ = ["BrokenTable", "ClaimTable", "open_table"]

FIELDS = ("id", "scheme", "parcel", "start", "end", "pool", "benefit", "state")


class BrokenTable(QingshanError):
    """A table of claims whose versions are not the bytes that were entered."""

    code = "broken_table"


@dataclass(frozen=True)
class ClaimTable:
    """A table in `folder`; `crs` of its outlines, `tolerance_m2` of shared ground, `version` of the newest rows (0: none)."""

    folder: Path
    crs: str
    tolerance_m2: float
    version: int

    def claims(self) -> list[Claim]:
        """Every claim in its newest state. Raises `BrokenTable`."""
        found: dict[str, Claim] = {}
        before = ""
        for n in range(1, self.version + 1):
            rows, note = self.folder / f"{n:04d}.csv", self.folder / f"{n:04d}.json"
            about = json.loads(note.read_bytes())
            if about["rows"] != file_digest(rows) or about["before"] != before:
                raise BrokenTable(f"version {n} is not as entered.", f"第 {n} 版与录入时不符。", where=str(self.folder))
            before = file_digest(note)
            for row in csv.DictReader(io.StringIO(rows.read_text(encoding="utf-8"))):
                shape = shapely.from_wkb(bytes.fromhex(row["outline"])) if row["outline"] else None
                found[row["id"]] = Claim(
                    **{k: row[k] for k in FIELDS if k != "state"}, geometry=shape, state=row["state"]
                )
        return list(found.values())

    def enter(self, claims: Sequence[Claim], crs: str, *, why: str, by: str) -> ClaimTable:
        """Append claims (outlines in `crs`) as a version. Raises `DoubleCounted`, `OutOfBounds`; then nothing is written."""
        mine = self.in_crs(claims, crs)
        self.refuse(mine)
        return self._append(mine, why, by)

    def refuse(self, claims: Sequence[Claim]) -> None:
        """Raise `DoubleCounted` where claims (outlines in the table's CRS) meet each other or those of the table.

        Claims of the same id are the same claim: the ones entered before are not compared with themselves.
        """
        ids = {c.id for c in claims}
        refuse_double_counting([c for c in self.claims() if c.id not in ids], claims, self.tolerance_m2)

    def in_crs(self, claims: Sequence[Claim], crs: str) -> list[Claim]:
        if crs == self.crs:
            return list(claims)
        step = Transformer.from_crs(crs, self.crs, always_xy=True)

        def moved(shape: shapely.Geometry | None) -> shapely.Geometry | None:
            return (
                None
                if shape is None
                else shapely.transform(shape, lambda xy: np.column_stack(step.transform(xy[:, 0], xy[:, 1])))
            )

        return [replace(c, geometry=moved(c.geometry)) for c in claims]

    def turn(self, ids: Sequence[str], state: str, *, why: str, by: str) -> ClaimTable:
        """Put claims into another state, e.g. rejected or cancelled, which frees their land.

        Raises `UnknownName`, and `OutOfBounds` for a step that is not declared; then nothing is written.
        """
        known = {c.id: c for c in self.claims()}
        lost = [i for i in ids if i not in known]
        if lost or state not in declaration()["states"]:
            raise UnknownName(
                f"no claim {lost[0]!r}." if lost else f"no state {state!r}.",
                f"没有权利主张 {lost[0]!r}。" if lost else f"没有状态 {state!r}。",
                fix="list them with `qingshan forest claims` / 用 `qingshan forest claims` 列出"
                if lost
                else f"one of {', '.join(declaration()['states'])}",
            )
        turns = declaration()["turns"]
        if barred := next((known[i] for i in ids if state not in turns[known[i].state]), None):
            may = ", ".join(turns[barred.state])
            then = (
                (f"then it may become {may}", f"其后可为 {may}") if may else ("nothing follows it", "其后没有别的状态")
            )
            raise OutOfBounds(
                f"the claim {barred.id} is {barred.state} and cannot become {state}; {then[0]}.",
                f"权利主张 {barred.id} 为 {barred.state}，不能变为 {state}；{then[1]}。",
                fix="a unit is issued on the ledger; retired and cancelled are final / 签发在账本上进行；注销（retired）和撤销（cancelled）为终态",
            )  # fmt: skip
        changed = [replace(known[i], state=state) for i in ids]
        if state not in declaration()["free"]:
            self.refuse(changed)
        return self._append(changed, why, by)

    def _append(self, claims: Sequence[Claim], why: str, by: str) -> ClaimTable:
        wrong = check_claims(claims)
        if wrong or not why or not by:
            raise OutOfBounds(
                wrong[0].en if wrong else "why and by whom are not given.",
                wrong[0].zh if wrong else "没有写明原因和经手人。",
            )
        n = self.version + 1
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow([*FIELDS, "outline"])
        for c in claims:
            writer.writerow(
                [*(getattr(c, f) for f in FIELDS), "" if c.geometry is None else shapely.to_wkb(c.geometry, hex=True)]
            )
        rows = stream.getvalue().encode()
        previous = self.folder / f"{self.version:04d}.json"
        before = file_digest(previous) if self.version else ""
        note = {
            "version": n,
            "rows": sha256(rows).hexdigest(),
            "before": before,
            "claims": len(claims),
            "why": why,
            "by": by,
        }
        write_atomic(self.folder / f"{n:04d}.csv", rows)
        write_atomic(self.folder / f"{n:04d}.json", canonical(note))
        return replace(self, version=n)


def open_table(folder: Path, crs: str = "", tolerance_m2: float | None = None) -> ClaimTable:
    """The table of a folder; a new one needs its CRS (metres) and tolerance, which have no default. Raises `OutOfBounds`."""
    note = folder / "index.json"
    if not note.is_file():
        if not crs or tolerance_m2 is None or not tolerance_m2 >= 0:
            raise OutOfBounds(
                "a new table of claims needs a CRS and a tolerance of 0 m2 or more.", "新建权利主张表须给出坐标系和不小于 0 的容差（m2）。",
                fix="--crs EPSG:4545 --tolerance 1 / 给出 --crs 和 --tolerance",
            )  # fmt: skip
        write_atomic(note, canonical({"crs": crs, "tolerance_m2": float(tolerance_m2)}))
    about = json.loads(note.read_bytes())
    if tolerance_m2 is not None and tolerance_m2 != about["tolerance_m2"]:
        raise OutOfBounds(
            f"the table's tolerance is {about['tolerance_m2']:g} m2.",
            f"该表的容差为 {about['tolerance_m2']:g} m2。",
            where=str(folder),
        )
    version = max((int(p.stem) for p in folder.glob("[0-9][0-9][0-9][0-9].json")), default=0)
    return ClaimTable(folder, about["crs"], about["tolerance_m2"], version)
