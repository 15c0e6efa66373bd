"""Filling open slots from the document a user holds: who, from which document, row by row; all or nothing."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from qingshan.core.canonical import digest, write_atomic
from qingshan.core.domain import Domains, load_domains
from qingshan.core.errors import QingshanError
from qingshan.core.finding import Finding
from qingshan.core.method import REGISTRY, Q
from qingshan.core.parameter import COLUMNS, ParameterRow, Parameters, parse_row, read_rows
from qingshan.core.units import same_dimension
from qingshan.zone.zone import Zone

from .home import fills_folder
from .profile import Profile, Recipe, ServiceUse, find_profile
from .raster.declaration import find_raster_account

PAGE_CHECK = "method.page_check"
"""1: the formula in the code is the one on the page of the document (write who, which page and when)."""
MAX_BYTES = 8 * 2**20


@dataclass(frozen=True)
class Wanted:
    """A row that a profile would use. None: any class or set; `unit` as the method takes it, where a method does."""

    parameter: str
    cls: str | None = None
    set: str | None = None
    unit: str = ""
    confirmation: bool = False

    def fits(self, row: ParameterRow) -> bool:
        return row.parameter == self.parameter and self.cls in (None, row.cls) and self.set in (None, row.set)


def wanted(profile: Profile) -> list[Wanted]:
    """Everything the profile asks of parameter tables: its routes, the slots it waits for, the confirmations."""
    found: list[Wanted] = []
    uses = [use for use in profile.services if use.included == "yes"]
    for recipe in _routes(profile, uses):
        for name, binding in recipe.bind.items():
            id = binding.get("parameter") or binding.get("class_parameter") or binding.get("item_parameter")
            if id:
                declared = REGISTRY[recipe.method].arguments[name]
                found.append(
                    Wanted(
                        id, binding.get("class"), binding.get("set"), declared.unit if isinstance(declared, Q) else ""
                    )
                )
    found += [Wanted(need, "", "") for use in uses for need in use.needs]
    found += [Wanted(slot, "", "") for slot in profile.slots]
    if profile.confirm:
        found += [Wanted(profile.confirm, use.id, profile.id, "-", True) for use in uses]
    found += [Wanted(PAGE_CHECK, ref, profile.id, "-", True) for ref in doubtful_methods(profile)]
    return found


def doubtful_methods(profile: Profile) -> list[str]:
    """Methods on the profile's routes, or in the cells and stages of its raster accounts, whose printed formula was read with doubt.

    A release needs a page check of each.
    Where the profile has its services confirmed against its own document, that comparison is the check.
    """
    if profile.confirm:
        return []
    uses = [use for use in profile.services if use.included == "yes"]
    used = sorted({recipe.method for recipe in _routes(profile, uses)} | _raster_methods(profile))
    return [ref for ref in used if REGISTRY[ref].status == "ocr_doubt"]


def _raster_methods(profile: Profile) -> set[str]:
    """The methods of every step, stage and measure of the profile's raster accounts."""
    domains = load_domains()
    return {ref for id in profile.rasters for ref in find_raster_account(domains, id).methods}


def _routes(profile: Profile, uses: list[ServiceUse]) -> list[Recipe]:
    """The recipes that the included services and the published figures stand on."""
    queue = [*profile.figures, *(q for use in uses for q in (use.physical, use.value))]
    reached: dict[str, Recipe] = {}
    while queue:
        id = queue.pop()
        if id in profile.recipes and id not in reached:
            reached[id] = profile.recipes[id]
            for binding in reached[id].bind.values():
                queue += [*binding.get("quantities", ()), binding.get("quantity", "")]
    return [recipe for id, recipe in profile.recipes.items() if id in reached]


def open_slots(profile: Profile, parameters: Parameters) -> list[ParameterRow]:
    """The open rows that this profile would use. A slot without a class stands for a table: one filled class closes it."""
    used = _used(profile, parameters)
    tables = {(row.parameter, row.set) for row in used if row.status != "open" and row.cls}
    return [row for row in used if row.status == "open" and (row.cls or (row.parameter, row.set) not in tables)]


def doubtful_rows(profile: Profile, parameters: Parameters) -> list[ParameterRow]:
    """Rows read with doubt that this profile uses: a release needs a page check of each."""
    return [row for row in _used(profile, parameters) if row.status == "ocr_doubt"]


def _used(profile: Profile, parameters: Parameters) -> list[ParameterRow]:
    rows = [row for ask in wanted(profile) for row in parameters.rows(ask.parameter, cls=ask.cls, set=ask.set)]
    return list({row.key: row for row in rows}.values())


def template(profile: Profile, parameters: Parameters) -> str:
    """A CSV to be completed: the profile's open slots, the rows read with doubt, and the formulas that need a page check."""
    rows = [
        replace(r, status="", value=None, source_title="", source_where="") for r in open_slots(profile, parameters)
    ]
    rows += [
        replace(
            r, status="", value=None, source_title="", source_where="", document=r.document or f"{r.source_where} 原页"
        )
        for r in doubtful_rows(profile, parameters)
    ]
    rows += [
        _page_check(profile, ref) for ref in doubtful_methods(profile) if not page_checked(profile, parameters, ref)
    ]
    return _text(rows)


def page_checked(profile: Profile, parameters: Parameters, ref: str) -> bool:
    """Whether somebody compared the method's formula with the printed page and found it equal."""
    return any(row.value == 1 for row in parameters.rows(PAGE_CHECK, cls=ref, set=profile.id) if row.status != "open")


def _page_check(profile: Profile, ref: str) -> ParameterRow:
    clause = REGISTRY[ref].clause
    return ParameterRow(
        PAGE_CHECK, ref, None, None, None, "-", profile.id, place="", year="", edition="", valid_from="", valid_to="",
        source_title="", source_where="", status="", document=f"{clause.document} {clause.where}", note="",
    )  # fmt: skip


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
    return [
        row
        for path in sorted(fills_folder(zone, profile).glob("*.csv"))
        for row in read_rows(path, f"filled/{path.name}")
    ]


def fill(
    zone: Zone, profile_id: str, path: Path, *, by: str, document: str = "", domains: Domains | None = None
) -> tuple[list[ParameterRow], list[Finding]]:
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
    asked = wanted(profile)
    for row in rows:
        findings += _unfit(row, asked, path.name)
    if not by.strip():
        findings.append(
            _error(path.name, None, "", "filled rows need a person.", "补录须写明录入人。", fix="--by NAME")
        )
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
        findings.append(
            _error(
                path.name,
                None,
                "",
                f"no file {path.name}.",
                f"没有文件 {path.name}。",
                fix="give the path of a CSV file",
            )
        )
        return []
    if path.stat().st_size > MAX_BYTES:
        findings.append(_error(path.name, None, "", "the file is too large.", "文件过大。", limit="8 MiB"))
        return []
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        findings.append(
            _error(
                path.name,
                None,
                "",
                f"byte {error.start} is not UTF-8.",
                f"第 {error.start} 字节不是 UTF-8。",
                fix="save as UTF-8",
            )
        )
        return []
    reader = csv.DictReader(io.StringIO(text))
    try:
        return _read_rows(reader, path.name, by, document, findings)
    except csv.Error as error:
        findings.append(
            _error(
                path.name,
                reader.line_num,
                "",
                f"the CSV cannot be read: {error}.",
                f"CSV 读不懂：{error}。",
                fix="start from the template",
            )
        )
        return []


def _read_rows(
    reader: csv.DictReader[str], file: str, by: str, document: str, findings: list[Finding]
) -> list[ParameterRow]:
    lacking = {"parameter", "value", "unit", "status"} - set(reader.fieldnames or ())
    if lacking:
        findings.append(
            _error(
                file,
                1,
                "",
                f"columns missing: {sorted(lacking)}.",
                f"缺列：{sorted(lacking)}。",
                fix="start from the template",
            )
        )
        return []
    rows: list[ParameterRow] = []
    for raw in reader:
        if not (raw.get("value") or "").strip():
            continue  # a slot left open in the template
        completed = {**raw, "source_title": raw.get("source_title") or document}
        try:
            row = parse_row(completed, file, reader.line_num, by)
        except QingshanError as error:
            findings.append(_error(file, reader.line_num, "", error.en, error.zh, fix=error.fix))
            continue
        if row.status == "open":
            findings.append(_error(file, reader.line_num, "status", "a filled row cannot be open.", "补录的行不能标“待补”。",
                                   limit="primary or secondary"))  # fmt: skip
        rows.append(row)
    if not rows and not findings:
        findings.append(_error(file, None, "", "no row carries a value.", "没有一行填了取值。"))
    return rows


def _unfit(row: ParameterRow, asked: list[Wanted], file: str) -> list[Finding]:
    """What keeps a row from being used by the profile: its parameter, class or set, unit, or an incomplete confirmation."""
    named = [ask for ask in asked if ask.parameter == row.parameter]
    if not named:
        names = sorted({ask.parameter for ask in asked})
        return [_error(file, row.line, "parameter", f"{row.parameter!r} is not used by this profile.", f"本口径不用参数 {row.parameter!r}。",
                       limit=", ".join(names[:12]), fix="see `qingshan fill PROFILE --template`")]  # fmt: skip
    fits = [ask for ask in named if ask.fits(row)]
    if not fits:
        pairs = "; ".join(dict.fromkeys(f"class {_word(ask.cls)}, set {_word(ask.set)}" for ask in named))
        return [_error(file, row.line, "set", f"{row.name()}: no row of this class and set is used.", f"{row.name()}：本口径不用这一类别和参数组。",
                       limit=pairs, fix="copy class and set from the template")]  # fmt: skip
    found: list[Finding] = []
    units = sorted({ask.unit for ask in fits if ask.unit})
    if units and not any(same_dimension(unit, row.unit) for unit in units):
        found.append(_error(file, row.line, "unit", f"{row.unit!r} is not of the slot's dimension.", f"单位 {row.unit!r} 与待补项的量纲不同。",
                            limit=", ".join(units)))  # fmt: skip
    if any(ask.confirmation for ask in fits) and (row.value not in (0, 1) or not row.source_where):
        found.append(_error(file, row.line, "value", "a confirmation is 1 (formula agrees) or 0 (not in the document), with the page.",
                            "比对结果填 1（计算式一致）或 0（文件不含此项），并写明页码。", limit="0, 1; source_where"))  # fmt: skip
    return found


def _word(wanted: str | None) -> str:
    return "any" if wanted is None else wanted or "empty"


def _error(file: str, row: int | None, column: str, en: str, zh: str, *, limit: str = "", fix: str = "") -> Finding:
    return Finding("error", "fill", en, zh, file=file, row=row, field=column, limit=limit, fix=fix)
