"""The annexes: methods, parameters, sources, findings, and how to verify; each as (introduction, blocks)."""

from __future__ import annotations

from qingshan.core.parameter import RELEASE_STATUSES

from . import parts
from .gather import Account, ParameterUse, class_names
from .numbers import write
from .parts import Block
from .sections import Content
from .words import Words
from .written import Cell, formula, identifier

HASH_SHOWN = 16


def methods(account: Account, words: Words) -> Content:
    """Every method with its formula and clause, and the rules the profile declares where the standard is silent."""
    columns = parts.columns(words, ("method", "46mm"), ("formula", "1fr"), ("clause", "50mm"), ("row_status", "20mm"))
    rows = [
        parts.row([
            Cell(words.name(m.zh, m.en), "strong", identifier(m.ref)), Cell(formula(m.formula)),
            Cell(m.clause.document, "", m.clause.where), _status(words, m.status),
        ])
        for m in account.methods
    ]  # fmt: skip
    blocks = [parts.table(columns, rows)]
    if policies := account.run.profile.policies:
        rules = words("word.list").join(f"{name} = {rule}" for name, rule in sorted(policies.items()))
        blocks.append(parts.note(words("note.policies", rules=rules)))
    return words("note.methods"), blocks


def _status(words: Words, *statuses: str) -> Cell:
    """Statuses as badges; red where an official release may not stand on them."""
    return Cell(
        badges=tuple(
            (s if s in RELEASE_STATUSES else "open", words.maybe(f"status.{s}", s)) for s in dict.fromkeys(statuses)
        )
    )


def parameters(account: Account, words: Words) -> Content:
    """Every row used, under its parameter and source, and every class map."""
    columns = parts.columns(
        words, ("class", "1fr"), ("number", "30mm", "right"), ("unit", "20mm"), ("place", "42mm"), ("year", "14mm"), ("row_status", "22mm")
    )  # fmt: skip
    rows: list[Block] = []
    head = None
    for use in account.parameters:
        group = (use.row["parameter"], use.row["set"], use.row["source_title"], use.row["source_where"])
        if group != head:
            head = group
            title = "　".join(part for part in group[:2] if part)
            rows.append(parts.row([Cell(title, sub=parts.listed(words, *group[2:]))], "group"))
        rows.append(_parameter_row(use, words))
    return words("note.parameters"), [parts.table(columns, rows), *_maps(account, words)]


def _parameter_row(use: ParameterUse, words: Words) -> Block:
    row = use.row
    number = write(row["value"], row["unit"], words.lang, "exact")
    ends = [row[end] for end in ("low", "high") if row[end] is not None]
    reach = "–".join(write(end, row["unit"], words.lang, "exact").number for end in ends)
    origin = words("word.filled", by=row["filled_by"]) if row.get("filled_by") else ""
    return parts.row([
        Cell(row["cls"] or "—", "", origin), Cell(number.number, "", reach), Cell(number.unit, "muted"), Cell(row["place"]),
        Cell(row["year"]), _status(words, row["status"]),
    ])  # fmt: skip


def _maps(account: Account, words: Words) -> list[Block]:
    names = class_names(account.run)
    rows: list[Block] = []
    for used in account.maps:
        rows.append(parts.row([Cell(used.id, sub=used.source)], "group"))
        for cls, targets in used.rows.items():
            name = words.name(*names.get(cls, (cls, cls)))
            rows.append(
                parts.row([Cell(name), Cell(words("word.list").join(targets)), _status(words, used.status or "open")])
            )
    if not rows:
        return []
    columns = parts.columns(words, ("class", "44mm"), ("types", "1fr"), ("row_status", "22mm"))
    return [parts.heading(words("section.maps")), parts.table(columns, rows)]


def sources(account: Account, words: Words) -> Content:
    """Documents behind the input figures, and the files the boundaries came from."""
    columns = parts.columns(
        words, ("source", "1fr"), ("file", "52mm"), ("rows", "13mm", "right"), ("row_status", "20mm")
    )
    rows = [
        parts.row([
            Cell(s.title, "", parts.listed(words, s.issuer, s.terms)), _file(s.file, s.sha256), Cell(f"{s.rows:,}"),
            _status(words, *s.statuses),
        ])
        for s in account.sources
    ]  # fmt: skip
    title, _, licence = parts.boundaries(account, words)
    files = account.run.zone.boundary_source.get("sha256", {})
    if files:
        listed = "\n".join(f"{identifier(name)} {sha[:HASH_SHOWN]}" for name, sha in files.items())
        rows.append(parts.row([Cell(title, "", licence), Cell(listed, "id"), Cell(), Cell()]))
    return words("note.sources"), [parts.table(columns, rows), parts.note(words("note.terms"))]


def _file(name: str, sha: str) -> Cell:
    return Cell(identifier(name), "id", sha[:HASH_SHOWN])


def findings(account: Account, words: Words) -> Content:
    """What the check of the zone saw, and official figures that disagree with one used here."""
    blocks = []
    if account.findings:
        columns = parts.columns(words, ("level", "14mm"), ("finding", "1fr"), ("file", "48mm"))
        rows = [
            parts.row([
                Cell(badges=((f.level, words(f"word.{f.level}")),)), Cell(words.sentence(f.zh, f.en), "", f.fix),
                Cell(identifier(f.where()), "id"),
            ])
            for f in account.findings
        ]  # fmt: skip
        blocks.append(parts.table(columns, rows))
    if account.conflicts:
        columns = parts.columns(words, ("quantity", "46mm"), ("number", "30mm", "right"), ("source", "1fr"))
        rows = []
        for group in account.conflicts:
            for i, fact in enumerate(group):
                name = words.name(*account.run.names(fact.quantity))
                head = Cell(name, "", f"{fact.place} {fact.period}") if i == 0 else Cell()
                shown = write(fact.value, fact.unit, words.lang, "exact").text
                rows.append(parts.row([head, Cell(shown), Cell(fact.source_title, "", fact.issuer)]))
        blocks += [parts.note(words("note.conflicts")), parts.table(columns, rows)]
    return ("" if blocks else words("note.no_findings")), blocks


def verify(account: Account, words: Words) -> Content:
    """The commands that replay the run and print a pedigree."""
    run = account.run
    first = next((f for f in account.accounted.values() if not f.refused), None)
    physical = next((line.physical for line in account.included if line.physical is not None), None)
    quantity = first.quantity if first else (physical.quantity if physical else "place.area")
    explained = (
        f"qingshan explain {quantity} --zone {run.zone.id} --profile {run.profile.id} --place {account.place.code}"
    )
    software = words(
        "note.software", **{k: run.manifest["software"][k] for k in ("qingshan", "python", "numpy", "machine")}
    )
    return "", [
        parts.text(words("note.verify_1")), parts.command(f"qingshan verify {run.id}"), parts.text(words("note.verify_2")),
        parts.text(words("note.verify_3")), parts.command(explained), parts.text(words("note.verify_4")), parts.note(software),
    ]  # fmt: skip
