"""The account as PDF: words and written numbers go to typst as JSON, the template lays them out.

Same account and language, same bytes: the document date is the last day of the account year, fonts come from the package
`pylopdf-fonts-zh-cn` alone, and nothing reads a clock.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from qingshan.accounts.run import Fact, ServiceLine
from qingshan.core.parameter import RELEASE_STATUSES

from .gather import LABEL_ORDER, UNALLOCATED, Account, ByPlace, Index, SeriesRow
from .map import Picture, choropleth
from .numbers import counted, joined, write
from .release import refusals_of, value_of
from .words import Words
from .written import Cell, badge, figure_cells, formula, identifier, lacking, sentence_figure, sentence_range, why

ENTRIES = (
    "opening",
    "addition_managed",
    "addition_unmanaged",
    "reduction_managed",
    "reduction_unmanaged",
    "net",
    "closing",
)
CATEGORIES = ("provisioning", "regulating", "cultural", "asset")
AREA = "hm2"
MONEY = "元"
HASH_SHOWN = 16
PLACE_COLUMNS = 4
SERIES_COLUMNS = 6

Block = dict[str, Any]


def font_folder() -> Path:
    """Folder of the packaged fonts."""
    return Path(str(files("pylopdf_fonts_zh_cn")))


def account_pdf(account: Account, lang: str, *, official: bool = False) -> bytes:
    """The report as PDF bytes. Raises `UnknownName` for a language that has no catalogue."""
    import typst  # noqa: PLC0415 - a compiled typesetter, loaded only when a report is written

    words = Words(lang)
    picture = choropleth(account.run.zone, account.mapped, lang) if account.mapped else None
    content = document(account, words, picture, official=official)
    sources = {
        "main": (Path(__file__).parent / "template.typ").read_bytes(),
        "data.json": json.dumps(content, ensure_ascii=False, sort_keys=True).encode(),
    }
    if picture:
        sources["map.svg"] = picture.svg.encode()
    compile_files: Any = typst.compile  # its stub knows one input file; a dict of several is documented
    pdf: bytes = compile_files(sources, font_paths=[str(font_folder())], ignore_system_fonts=True, format="pdf")
    return pdf


# ---- the document ---------------------------------------------------------------------------------------------------


def title_of(account: Account, words: Words) -> str:
    """The name of the report. GEP only where `release.against_gep_title` has no objection."""
    if account.gep_title:
        return words("title.gep")
    return words("title.value" if account.bases else "title.physical")


def document(account: Account, words: Words, picture: Picture | None, *, official: bool) -> dict[str, Any]:
    """Everything the template prints."""
    where, when = account.place.name(words.lang), account.period.label(words.lang)
    sections = _sections(account, words, picture, official=official)
    head, context = headline(account, words)
    return {
        "lang": words.lang,
        "title": title_of(account, words),
        "kicker": words("title.kicker"),
        "place": where,
        "period": when,
        "date": [account.period.year, 12, 31],
        "header": f"{title_of(account, words)}　{where}　{when}",
        "run": account.run.id,
        "contents": words("column.contents"),
        "page": words("word.page", page="{page}", pages="{pages}"),
        "badges": [_mark(words, label) for label in account.labels],
        "labels": [[_mark(words, label), words.maybe(f"label_note.{label}", label)] for label in account.labels],
        "headline": head,
        "context": context,
        "cover": _cover(account, words, official=official),
        "sections": sections,
    }


def _mark(words: Words, label: str) -> dict[str, object]:
    marks: list[dict[str, object]] = Cell(badges=(badge(words, label),)).record()["badges"]  # type: ignore[assignment]
    return marks[0]


def headline(account: Account, words: Words) -> tuple[str, list[str]]:
    """The answer in one sentence with its figure, and the sentences that qualify it."""
    named = {"place": account.place.name(words.lang), "period": account.period.label(words.lang)}
    total = account.accounted.get(account.bases[0]) if account.bases else None
    context = []
    if total is not None and not total.refused:
        n = len(account.valued)
        key = "headline.gep" if account.gep_title else ("headline.value_one" if n == 1 else "headline.value")
        head = words(key, **named, n=counted(n, words.lang), value=sentence_figure(total, words.lang))
        context.append(words("headline.basis", basis=words.basis(account.bases[0])))
        context += _qualified(total, words)
    else:
        head, fact = _physical_headline(account, words, named)
        context += _qualified(fact, words) if fact else []
    if account.missing and not account.gep_title:
        n = len(account.missing)
        context.append(words("headline.partial_one" if n == 1 else "headline.partial", n=counted(n, words.lang)))
    synthetic = [words("cover.synthetic")] if account.run.zone.synthetic else []
    return head, [words.pick("", " ").join(context), *synthetic] if context else synthetic


def _qualified(fact: Fact, words: Words) -> list[str]:
    found = [words("headline.interval")] if fact.span else []
    return found + ([words("headline.reach", value=sentence_range(fact, words.lang))] if fact.range else [])


def _physical_headline(account: Account, words: Words, named: Mapping[str, str]) -> tuple[str, Fact | None]:
    """The first service with a quantity; else the first summed figure of the profile; else that nothing is given."""
    run = account.run
    services = [line.physical for line in account.included if line.physical is not None and not line.physical.refused]
    figures = [
        f
        for q in run.profile.figures
        for f in run.select(q, account.place.code, "", account.period.id)
        if not f.refused
    ]
    figures.sort(key=lambda f: run.profile.recipes[f.quantity].rollup != "sum")
    for fact, key in [
        (f, "headline.physical" if not account.bases else "headline.figure") for f in (*services, *figures)
    ]:
        name = words.pick(*run.names(fact.quantity))
        return words(key, **named, name=name, value=sentence_figure(fact, words.lang)), fact
    return words("headline.nothing", **named), None


def _cover(account: Account, words: Words, *, official: bool) -> list[list[str]]:
    profile = account.run.profile
    note = words.pick(profile.note_zh, profile.note_en)
    listed, refused = len(account.included), len(account.missing)
    reasons = len(account.reasons)
    if official:
        release = words("cover.official")
    elif reasons:
        release = words("cover.draft", n=reasons, section=_numbers(account)["reasons"])
    else:
        release = words("cover.draft_free")
    return [
        [
            words("cover.profile"),
            " ".join(p for p in (f"{words.pick(profile.zh, profile.en)} ({profile.id})", note) if p),
        ],
        [
            words("cover.prices"),
            joined([words.basis(b) for b in account.bases], words.lang) or words("cover.no_prices"),
        ],
        [
            words("cover.services"),
            words("cover.services_value", listed=listed, given=listed - refused, refused=refused),
        ],
        [words("cover.release"), release],
        [words("cover.run"), account.run.id],
    ]


def _numbers(account: Account) -> dict[str, int]:
    """Numbers of the sections that this account has."""
    present = [
        "summary",
        *(["classes"] if account.classes else []),
        *(["places"] if account.by_place or account.mapped else []),
    ]
    present += ["extent", *(["series"] if account.series else []), "reasons"]
    return {name: i for i, name in enumerate(present, 1)}


def _sections(account: Account, words: Words, picture: Picture | None, *, official: bool) -> list[Block]:
    numbered = _numbers(account)
    blocks = {
        "summary": lambda: ("", [_summary(account, words), _note(words("note.summary"))]),
        "classes": lambda: _classes(account, words),
        "places": lambda: _places(account, words, picture),
        "extent": lambda: _extent(account, words),
        "series": lambda: _series(account, words),
        "reasons": lambda: _reasons(account, words),
    }
    sections = []
    for name, number in numbered.items():
        if name == "reasons" and official:
            continue
        note, body = blocks[name]()
        sections.append(_section(f"{number}　{words(f'section.{name}')}", note, body))
    for i, (name, annex) in enumerate((("methods", _methods), ("parameters", _parameters), ("sources", _sources),
                                       ("findings", _findings), ("verify", _verify))):  # fmt: skip
        note, body = annex(account, words)
        sections.append(_section(words(f"section.{name}"), note, body, fresh=i == 0, whole=name == "verify"))
    return sections


def _section(title: str, note: str, blocks: list[Block], *, fresh: bool = False, whole: bool = False) -> Block:
    """`fresh` starts a page, `whole` keeps the section on one."""
    return {"title": title, "note": note, "blocks": blocks, "fresh": fresh, "whole": whole}


# ---- blocks ---------------------------------------------------------------------------------------------------------


def _note(text: str) -> Block:
    return {"type": "note", "text": text}


def _heading(text: str) -> Block:
    return {"type": "heading", "text": text}


def _column(name: str, width: str, align: str = "left", unit: str = "") -> Block:
    return {"name": name, "width": width, "align": align, "unit": unit}


def _row(cells: Sequence[Cell], kind: str = "row") -> Block:
    return {"kind": kind, "cells": [c.record() for c in cells]}


def _table(columns: list[Block], rows: Iterable[Block]) -> Block:
    return {"type": "table", "columns": columns, "rows": list(rows)}


def _listed(words: Words, *parts: str) -> str:
    return words.pick("，", ", ").join(part for part in parts if part)


def _marks(words: Words, labels: Iterable[str], section: str = "label") -> tuple[tuple[str, str], ...]:
    """Badges, gravest first."""
    ordered = sorted(labels, key=lambda label: LABEL_ORDER.index(label) if label in LABEL_ORDER else len(LABEL_ORDER))
    return tuple(badge(words, label, section) for label in ordered)


# ---- 1 summary ------------------------------------------------------------------------------------------------------


def _summary(account: Account, words: Words) -> Block:
    """Service by service: quantity, value on each price basis, labels; a refused one with what would fill it."""
    wide = len(account.bases) > 1
    columns = [
        _column(words("column.service"), "39mm"), _column(words("column.physical"), "22mm", "right"), _column(words("column.unit"), "14mm"),
        *(_column(words("column.value"), "21mm" if wide else "26mm", "right", words.basis(b)) for b in account.bases),
        *([_column(words("column.unit"), "14mm")] if account.bases else []),
        _column(f"{words('column.status')}　{words('column.document')}", "1fr"),
    ]  # fmt: skip
    money = [value_of(line, b) for line in account.lines for b in account.bases] + [
        account.accounted.get(b) for b in account.bases
    ]
    cells, unit = figure_cells(money, MONEY, words)
    values = iter(cells)
    rows: list[Block] = []
    for category in CATEGORIES:
        own = [line for line in account.lines if line.service.category == category]
        if own:
            rows.append(_row([Cell(words(f"category.{category}"))], "group"))
        rows += [_service_row(account, line, words, unit) for line in own]
    by_line = {line.service.id: [next(values) for _ in account.bases] for line in account.lines}
    for row, line in zip((r for r in rows if r["kind"] == "row"), _in_order(account), strict=True):
        if line.included == "yes":
            for i, cell in enumerate(by_line[line.service.id]):
                row["cells"][3 + i] = cell.record()
    if account.bases:
        total = [next(values) for _ in account.bases]
        labels = _marks(words, next(iter(account.accounted.values())).labels if account.accounted else ())
        name = words("word.total_gep" if account.gep_title else "word.total")
        rows.append(
            _row([Cell(name, "strong"), Cell(), Cell(), *total, Cell(unit, "muted"), Cell(badges=labels)], "total")
        )
    return _table(columns, rows)


def _in_order(account: Account) -> list[ServiceLine]:
    return [line for category in CATEGORIES for line in account.lines if line.service.category == category]


def _service_row(account: Account, line: ServiceLine, words: Words, money: str) -> Block:
    """The row with its money cells still blank."""
    name = Cell(words.name(line.service.zh, line.service.en), "strong", tail=line.service.id)
    if line.included != "yes":
        word = words("word.not_applicable" if line.included == "n/a" else "word.outside")
        reason = words.pick(line.refusal.zh, line.refusal.en) if line.refusal else ""
        blank = [Cell() for _ in account.bases] + ([Cell()] if account.bases else [])
        return _row([name, Cell(word, "muted"), Cell(), *blank, Cell(reason, "muted")])
    physical, unit = (
        figure_cells([line.physical], line.physical.unit, words) if line.physical else ([Cell("—", "muted")], "")
    )
    values = [v for b in account.bases if (v := value_of(line, b)) is not None]
    shown = next((f for f in (*values, line.physical) if f is not None and not f.refused), None)
    flags = "，".join(words.labels(shown)[len(shown.labels) :]) if shown else ""
    reason = why(refusals_of(line), words)
    tail = Cell(reason, "muted" if reason else "", flags, _marks(words, shown.labels) if shown else ())
    priced = bool(values) and not all(v.refused for v in values)
    blank = [Cell() for _ in account.bases] + ([Cell(money if priced else "", "muted")] if account.bases else [])
    return _row([name, physical[0], Cell(unit, "muted"), *blank, tail])


# ---- 2 classes ------------------------------------------------------------------------------------------------------


def _classes(account: Account, words: Words) -> tuple[str, list[Block]]:
    blocks: list[Block] = []
    for line, rows in account.classes:
        unit = next((r.physical.unit for r in rows if r.physical and r.physical.unit), "")
        whole = line.physical if line.physical and not line.physical.refused else None
        physical, unit_word = figure_cells([*(r.physical for r in rows), whole], unit, words)
        columns = [
            _column(words("column.class"), "34mm"),
            _column(words("column.physical"), "34mm", "right", unit_word),
        ]
        priced: list[list[Cell]] = []
        for basis in account.bases:
            facts = [r.values.get(basis, r.values.get("")) for r in rows]
            cells, money = figure_cells([*facts, value_of(line, basis)], MONEY, words)
            priced.append(cells)
            columns.append(_column(words("column.value"), "34mm", "right", _listed(words, money, words.basis(basis))))
        columns.append(_column(words("column.status"), "1fr"))
        body = []
        for i, row in enumerate(rows):
            facts_here = [f for f in (*row.values.values(), row.physical) if f is not None]
            given = next((f for f in facts_here if not f.refused), None)
            reason = why([f.refusal for f in facts_here], words) if given is None else ""
            tail = Cell(reason, "muted", "", _marks(words, given.labels) if given else ())
            body.append(_row([Cell(words.name(row.zh, row.en)), physical[i], *(cells[i] for cells in priced), tail]))
        body.append(
            _row(
                [Cell(words("word.all_classes"), "strong"), physical[-1], *(cells[-1] for cells in priced), Cell()],
                "total",
            )
        )
        blocks += [
            _heading(f"{words.name(line.service.zh, line.service.en)} ({line.service.id})"),
            _table(columns, body),
        ]
    return words("note.classes", **_where(account, words)), blocks


def _where(account: Account, words: Words) -> dict[str, str]:
    return {"place": account.place.name(words.lang), "period": account.period.label(words.lang)}


# ---- 3 places -------------------------------------------------------------------------------------------------------


def _places(account: Account, words: Words, picture: Picture | None) -> tuple[str, list[Block]]:
    blocks: list[Block] = []
    if picture and account.mapped:
        name = _quantity_name(account.mapped, words)
        note = words(
            "note.map",
            name=name,
            unit=picture.unit,
            period=account.period.label(words.lang),
            given=account.mapped.given,
        )
        blocks += [
            _heading(words("section.map")),
            {"type": "image", "path": "map.svg", "alt": note},
            _note(f"{note}{words.pick('', ' ')}{_boundaries(account, words)}"),
        ]
    else:
        blocks.append(_note(words("note.no_map")))
    for start in range(0, len(account.by_place), PLACE_COLUMNS):
        blocks += _place_table(account, account.by_place[start : start + PLACE_COLUMNS], words)
    return words("note.places", **_where(account, words)), blocks


def _boundaries(account: Account, words: Words) -> str:
    about = account.run.zone.boundary_source
    title = words.pick(str(about.get("title_zh") or about.get("title", "")), str(about.get("title", "")))
    note = words.pick(str(about.get("note_zh") or about.get("note", "")), str(about.get("note", "")))
    source = words("note.map_source", source=title or str(about.get("file", "")))
    return f"{source}{words.pick('。', '. ')}{note}"


def _quantity_name(table: ByPlace, words: Words) -> str:
    return words.name(table.zh, table.en) or words.name(words("word.accounted"), words("word.accounted"))


def _place_table(account: Account, tables: list[ByPlace], words: Words) -> list[Block]:
    codes = [*(p.code for p in account.places), account.place.code]
    columns = [_column(words("column.place"), "1fr")]
    filled: list[list[Cell]] = []
    refused: list[Fact] = []
    for table in tables:
        facts = [table.cells.get(code) for code in codes]
        cells, unit = figure_cells(facts, table.unit, words)
        filled.append(cells)
        refused += [f for f in facts if f is not None and f.refused]
        basis = words.basis(table.basis) if table.basis else ""
        columns.append(_column(_quantity_name(table, words), "33mm", "right", _listed(words, unit, basis)))
    rows = []
    for i, code in enumerate(codes):
        whole = code == account.place.code
        name = Cell(account.run.zone.places[code].name(words.lang), "strong" if whole else "")
        rows.append(_row([name, *(cells[i] for cells in filled)], "total" if whole else "row"))
    blocks = [_table(columns, rows)]
    if refused:
        documents = lacking([f.refusal for f in refused], words, account.run.names)
        blocks.append(_note(words("note.places_refused", n=len({f.place for f in refused}), documents=documents)))
    return blocks


# ---- 4 extent, 5 series ---------------------------------------------------------------------------------------------


def _extent(account: Account, words: Words) -> tuple[str, list[Block]]:
    if not account.extent:
        return words("note.extent_none"), []
    flat = [row.cells.get(entry) for row in account.extent for entry in ENTRIES] + [
        account.extent_total.get(e) for e in ENTRIES
    ]
    cells, unit = figure_cells(flat, AREA, words)
    columns = [
        _column(words("column.class"), "1fr"),
        *(_column(words(f"column.{e}"), "19.5mm", "right") for e in ENTRIES),
    ]
    rows = []
    for i, row in enumerate(account.extent):
        zh, en = (words("word.unallocated"),) * 2 if row.cls == UNALLOCATED else (row.zh, row.en)
        rows.append(_row([Cell(words.name(zh, en)), *cells[i * len(ENTRIES) : (i + 1) * len(ENTRIES)]]))
    if any(account.extent_total.values()):
        rows.append(_row([Cell(words("word.total_area"), "strong"), *cells[-len(ENTRIES) :]], "total"))
    blocks = [_table(columns, rows)]
    opening = [
        row.cells["opening"].refusal
        for row in account.extent
        if "opening" in row.cells and row.cells["opening"].refused
    ]
    if opening:
        blocks.append(_note(words("note.extent_opening", reason=why(opening, words))))
    if any(f.refused for row in account.extent for entry, f in row.cells.items() if entry in ENTRIES[1:5]):
        blocks.append(_note(words("note.extent_flows")))
    return words("note.extent", unit=unit), blocks


def _series(account: Account, words: Words) -> tuple[str, list[Block]]:
    periods = account.run.zone.periods
    blocks: list[Block] = []
    for start in range(0, len(periods), SERIES_COLUMNS):
        shown = periods[start : start + SERIES_COLUMNS]
        for basis in account.bases:
            rows = [row for row in account.series if row.basis == basis]
            if rows:
                blocks += _series_table(
                    rows, [p.id for p in shown], [p.label(words.lang) for p in shown], basis, account, words
                )
    return words("note.series"), blocks


def _series_table(
    rows: list[SeriesRow], ids: list[str], labels: list[str], basis: str, account: Account, words: Words
) -> list[Block]:
    cells, unit = figure_cells([row.cells.get(p) for row in rows for p in ids], MONEY, words)
    columns = [_column(words("column.service"), "1fr"), *(_column(label, "22mm", "right") for label in labels)]
    body = []
    for i, row in enumerate(rows):
        name = words.name(row.line.service.zh, row.line.service.en) if row.line else words("word.total")
        own = cells[i * len(ids) : (i + 1) * len(ids)]
        body.append(_row([Cell(name, "" if row.line else "strong"), *own], "row" if row.line else "total"))
    indices = [index for index in account.indices if index.basis == basis]
    body += [
        _row([Cell(words(f"word.{index.kind}_index")), *(_index_cell(index, p) for p in ids)]) for index in indices
    ]
    notes = [_note(words.pick(index.zh, index.en)) for index in indices if index.zh]
    return [_heading(f"{words.basis(basis)}{words.pick('，', ', ')}{unit}"), _table(columns, body), *notes]


def _index_cell(index: Index, period: str) -> Cell:
    value = index.values.get(period)
    return Cell("—", "muted") if value is None else Cell(f"{value * 100:,.2f}")


# ---- 6 reasons ------------------------------------------------------------------------------------------------------


def _reasons(account: Account, words: Words) -> tuple[str, list[Block]]:
    if not account.reasons:
        return words("note.no_reasons"), []
    columns = [
        _column("", "8mm", "right"),
        _column(words("column.reason"), "1fr"),
        _column(words("column.settles"), "62mm"),
    ]
    rows = [
        _row([Cell(str(i), "muted"), Cell(words.sentence(r.zh, r.en)), Cell(r.document, "muted")])
        for i, r in enumerate(account.reasons, 1)
    ]
    return words("note.reasons"), [_table(columns, rows)]


# ---- annexes --------------------------------------------------------------------------------------------------------


def _methods(account: Account, words: Words) -> tuple[str, list[Block]]:
    columns = [_column(words("column.method"), "46mm"), _column(words("column.formula"), "1fr"), _column(words("column.clause"), "50mm"),
               _column(words("column.row_status"), "20mm")]  # fmt: skip
    rows = [
        _row([
            Cell(words.name(m.zh, m.en), "strong", identifier(m.ref)), Cell(formula(m.formula)), Cell(m.clause.document, "", m.clause.where),
            Cell(badges=_marks(words, [m.status], "status")),
        ])
        for m in account.methods
    ]  # fmt: skip
    return words("note.methods"), [_table(columns, rows)]


def _parameters(account: Account, words: Words) -> tuple[str, list[Block]]:
    columns = [_column(words("column.class"), "1fr"), _column(words("column.number"), "30mm", "right"), _column(words("column.unit"), "20mm"),
               _column(words("column.place"), "42mm"), _column(words("column.year"), "14mm"), _column(words("column.row_status"), "22mm")]  # fmt: skip
    rows: list[Block] = []
    head = None
    for use in account.parameters:
        row = use.row
        group = (row["parameter"], row["set"], row["source_title"], row["source_where"])
        if group != head:
            head = group
            title = "　".join(p for p in (row["parameter"], row["set"]) if p)
            rows.append(_row([Cell(title, sub=_listed(words, row["source_title"], row["source_where"]))], "group"))
        number = write(row["value"], row["unit"], words.lang, "exact")
        reach = ""
        if row["low"] is not None and row["high"] is not None:
            reach = "–".join(write(row[end], row["unit"], words.lang, "exact").number for end in ("low", "high"))
        origin = words("word.filled", by=row["filled_by"]) if row.get("filled_by") else ""
        kind = "grey" if row["status"] in RELEASE_STATUSES else "open"
        rows.append(_row([
            Cell(row["cls"] or words("word.no_year"), "", origin), Cell(number.number, "", reach), Cell(number.unit, "muted"),
            Cell(row["place"]), Cell(row["year"]), Cell(badges=((kind, words.maybe(f"status.{row['status']}", row["status"])),)),
        ]))  # fmt: skip
    return words("note.parameters"), [_table(columns, rows)]


def _sources(account: Account, words: Words) -> tuple[str, list[Block]]:
    columns = [_column(words("column.source"), "1fr"), _column(words("column.file"), "52mm"), _column(words("column.rows"), "13mm", "right"),
               _column(words("column.row_status"), "20mm")]  # fmt: skip
    rows = [
        _row([
            Cell(s.title, "", _listed(words, s.issuer, s.terms)), Cell(identifier(s.file), "id", s.sha256[:HASH_SHOWN]), Cell(f"{s.rows:,}"),
            Cell(badges=_marks(words, s.statuses, "status")),
        ])
        for s in account.sources
    ]  # fmt: skip
    about = account.run.zone.boundary_source
    if about:
        files_read = [Cell(identifier(name), "id", sha[:HASH_SHOWN]) for name, sha in about.get("sha256", {}).items()]
        title = words.pick(str(about.get("title_zh") or about.get("title", "")), str(about.get("title", ""))) or str(
            about.get("file", "")
        )
        for i, cell in enumerate(files_read):
            rows.append(
                _row(
                    [
                        Cell(title if i == 0 else "", "", str(about.get("licence", "")) if i == 0 else ""),
                        cell,
                        Cell(),
                        Cell(),
                    ]
                )
            )
    return words("note.sources"), [_table(columns, rows), _note(words("note.terms"))]


def _findings(account: Account, words: Words) -> tuple[str, list[Block]]:
    if not account.findings and not account.conflicts:
        return words("note.no_findings"), []
    blocks = []
    if account.findings:
        columns = [
            _column(words("column.level"), "14mm"),
            _column(words("column.finding"), "1fr"),
            _column(words("column.file"), "48mm"),
        ]
        rows = [
            _row(
                [
                    Cell(badges=((f.level, words(f"word.{f.level}")),)),
                    Cell(words.sentence(f.zh, f.en), "", f.fix),
                    Cell(identifier(f.where()), "id"),
                ]
            )
            for f in account.findings
        ]
        blocks.append(_table(columns, rows))
    if account.conflicts:
        columns = [
            _column(words("column.quantity"), "46mm"),
            _column(words("column.number"), "26mm", "right"),
            _column(words("column.source"), "1fr"),
        ]
        rows = []
        for group in account.conflicts:
            for i, fact in enumerate(group):
                name = (
                    Cell(words.pick(*account.run.names(fact.quantity)), "", f"{fact.place} {fact.period}")
                    if i == 0
                    else Cell()
                )
                shown = write(fact.value, fact.unit, words.lang, "exact").text
                rows.append(_row([name, Cell(shown), Cell(fact.source_title, "", fact.issuer)]))
        blocks += [_note(words("note.conflicts")), _table(columns, rows)]
    return "", blocks


def _verify(account: Account, words: Words) -> tuple[str, list[Block]]:
    run = account.run
    first = next((f for f in account.accounted.values() if not f.refused), None)
    quantity = (
        first.quantity
        if first
        else next((line.physical.quantity for line in account.included if line.physical), "place.area")
    )
    explained = (
        f"qingshan explain {quantity} --zone {run.zone.id} --profile {run.profile.id} --place {account.place.code}"
    )
    software = words(
        "note.software", **{k: run.manifest["software"][k] for k in ("qingshan", "python", "numpy", "machine")}
    )
    return "", [
        {"type": "text", "text": words("note.verify_1")},
        {"type": "command", "text": f"qingshan verify {run.id}"},
        {"type": "text", "text": words("note.verify_2")},
        {"type": "text", "text": words("note.verify_3")},
        {"type": "command", "text": explained},
        {"type": "text", "text": words("note.verify_4")},
        _note(software),
    ]
