"""Filling open slots from the document a user holds: who, from which document, row by row; all or nothing."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

from qingshan.core.canonical import digest, write_atomic
from qingshan.core.domain import Domains, load_domains
from qingshan.core.errors import QingshanError
from qingshan.core.finding import Finding
from qingshan.core.parameter import COLUMNS, ParameterRow, Parameters, parse_row, read_rows
from qingshan.core.units import same_dimension
from qingshan.zone.zone import Zone

from .home import fills_folder
from .profile import Profile, find_profile

MAX_BYTES = 8 * 2**20


def open_slots(profile: Profile, parameters: Parameters) -> list[ParameterRow]:
    """The open rows that this profile would use."""
    wanted: dict[str, ParameterRow] = {}
    for parameter, cls, set_ in _asked(profile):
        for row in parameters.rows(parameter, cls=cls, set=set_):
            if row.status == "open":
                wanted.setdefault(row.key, row)
    return list(wanted.values())


def doubtful_rows(profile: Profile, parameters: Parameters) -> list[ParameterRow]:
    """Rows read with doubt that this profile uses: a release needs a page check of each."""
    found = [r for p, c, s in _asked(profile) for r in parameters.rows(p, cls=c, set=s) if r.status == "ocr_doubt"]
    return list({r.key: r for r in found}.values())


def _asked(profile: Profile) -> list[tuple[str, str | None, str | None]]:
    asked: list[tuple[str, str | None, str | None]] = []
    for recipe in profile.recipes.values():
        for binding in recipe.bind.values():
            if "parameter" in binding:
                asked.append((binding["parameter"], binding.get("class"), binding.get("set")))
            elif "class_parameter" in binding:
                asked.append((binding["class_parameter"], None, binding.get("set")))
    asked += [(need, None, None) for use in profile.services for need in use.needs]
    asked += [(slot, None, None) for slot in profile.slots]
    return asked


def template(profile: Profile, parameters: Parameters) -> str:
    """A CSV of the profile's open slots, ready to be completed."""
    rows = [replace(r, status="", value=None, source_title="", source_where="") for r in open_slots(profile, parameters)]
    return _text(rows)


def _text(rows: list[ParameterRow]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*COLUMNS, "filled_by"])
    for row in rows:
        record: dict[str, Any] = row.record() | {"class": row.cls}
        writer.writerow(["" if record[c] is None else record[c] for c in COLUMNS] + [row.filled_by])
    return out.getvalue()


def write_rows(path: Path, rows: list[ParameterRow]) -> None:
    write_atomic(path, _text(rows).encode())


def filled_rows(zone: Zone, profile: str) -> list[ParameterRow]:
    """Every row filled so far for a profile in a zone, oldest first."""
    return [row for path in sorted(fills_folder(zone, profile).glob("*.csv")) for row in read_rows(path, f"filled/{path.name}")]


def fill(zone: Zone, profile_id: str, path: Path, *, by: str, document: str = "", domains: Domains | None = None) -> tuple[list[ParameterRow], list[Finding]]:
    """Import rows for a profile's open (or doubtful) slots.

    `by` names the person, `document` the source where the rows do not. Returns the rows and the findings; with any
    error finding nothing is imported. The same file twice imports nothing new.
    """
    domains = domains or load_domains()
    profile = find_profile(domains, profile_id)
    parameters = domains.parameters()
    parameters.add(zone.parameters)
    parameters.add(filled_rows(zone, profile_id))
    findings: list[Finding] = []
    rows = _read(path, by, document, findings)
    asked = _asked(profile)
    for row in rows:
        finding = _fits(row, asked, parameters, path.name)
        if finding:
            findings.append(finding)
    if not by.strip():
        findings.append(_error(path.name, None, "", "filled rows need a person.", "补录须写明录入人。", fix="--by NAME"))
    if any(f.level == "error" for f in findings) or not rows:
        return [], findings
    known = {r.key for r in filled_rows(zone, profile_id)}
    new = [r for r in rows if r.key not in known]
    if new:
        folder = fills_folder(zone, profile_id)
        number = len(list(folder.glob("*.csv"))) + 1 if folder.exists() else 1
        write_rows(folder / f"{number:04d}-{digest([r.key for r in new])[:8]}.csv", new)
    return new, findings


def _read(path: Path, by: str, document: str, findings: list[Finding]) -> list[ParameterRow]:
    if not path.is_file():
        findings.append(_error(path.name, None, "", f"no file {path.name}.", f"没有文件 {path.name}。", fix="give the path of a CSV file"))
        return []
    if path.stat().st_size > MAX_BYTES:
        findings.append(_error(path.name, None, "", "the file is too large.", "文件过大。", limit="8 MiB"))
        return []
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        findings.append(_error(path.name, None, "", f"byte {error.start} is not UTF-8.", f"第 {error.start} 字节不是 UTF-8。", fix="save as UTF-8"))
        return []
    reader = csv.DictReader(io.StringIO(text))
    lacking = {"parameter", "value", "unit", "status"} - set(reader.fieldnames or ())
    if lacking:
        findings.append(_error(path.name, 1, "", f"columns missing: {sorted(lacking)}.", f"缺列：{sorted(lacking)}。", fix="start from `qingshan fill PROFILE --template`"))
        return []
    rows: list[ParameterRow] = []
    for raw in reader:
        if not (raw.get("value") or "").strip():
            continue  # a slot left open in the template
        completed = {**raw, "source_title": raw.get("source_title") or document}
        try:
            row = parse_row(completed, path.name, reader.line_num, by)
        except QingshanError as error:
            findings.append(_error(path.name, reader.line_num, "", error.en, error.zh, fix=error.fix))
            continue
        if row.status == "open":
            findings.append(_error(path.name, reader.line_num, "status", "a filled row cannot be open.", "补录的行不能标“待补”。", limit="primary or secondary"))
        rows.append(row)
    if not rows and not findings:
        findings.append(_error(path.name, None, "", "no row carries a value.", "没有一行填了取值。"))
    return rows


def _fits(row: ParameterRow, asked: list[tuple[str, str | None, str | None]], parameters: Parameters, file: str) -> Finding | None:
    wanted = [(c, s) for p, c, s in asked if p == row.parameter]
    if not wanted:
        names = sorted({p for p, _, _ in asked})
        return _error(file, row.line, "parameter", f"{row.parameter!r} is not used by this profile.", f"本口径不用参数 {row.parameter!r}。",
                      limit=", ".join(names[:12]), fix="see `qingshan fill PROFILE --template`")  # fmt: skip
    slots = [r for r in parameters.rows(row.parameter) if r.unit and r.unit != "see document"]
    for slot in slots[:1]:
        try:
            fits = same_dimension(slot.unit, row.unit)
        except QingshanError:
            return None
        if not fits:
            return _error(file, row.line, "unit", f"{row.unit!r} is not of the slot's dimension.", f"单位 {row.unit!r} 与待补项的量纲不同。", limit=slot.unit)
    return None


def _error(file: str, row: int | None, column: str, en: str, zh: str, *, limit: str = "", fix: str = "") -> Finding:
    return Finding("error", "fill", en, zh, file=file, row=row, field=column, limit=limit, fix=fix)
