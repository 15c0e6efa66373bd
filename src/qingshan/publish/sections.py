"""The numbered sections of the report, each as (introduction, blocks)."""

from __future__ import annotations

from qingshan.accounts.run import STOCK, Fact, ServiceLine
from qingshan.zone.period import Period

from . import parts
from .gather import UNALLOCATED, Account, ByPlace, ClassRow, Index, SeriesRow
from .map import Picture
from .parts import AREA, CATEGORIES, ENTRIES, FLOWS, MONEY, Block
from .release import refusals_of, value_of
from .words import Words
from .written import Cell, figure_cells, lacking, why

PLACE_COLUMNS = 4
SERIES_COLUMNS = 6

Content = tuple[str, list[Block]]


# ---- summary --------------------------------------------------------------------------------------------------------


def summary(account: Account, words: Words) -> Content:
    """Service by service: quantity, value on each price basis, labels; a refused one with what would fill it."""
    bases = account.bases
    columns = [
        parts.column(words("column.service"), "39mm"), parts.column(words("column.physical"), "22mm", "right"), parts.column(words("column.unit"), "14mm"),
        *(parts.column(words("column.value"), "21mm" if len(bases) > 1 else "26mm", "right", words.basis(b)) for b in bases),
        *([parts.column(words("column.unit"), "14mm")] if bases else []),
        parts.column(f"{words('column.status')}　{words('column.document')}", "1fr"),
    ]  # fmt: skip
    money = [value_of(line, b) for line in account.lines for b in bases] + [account.accounted.get(b) for b in bases]
    cells, unit = figure_cells(money, MONEY, words)
    priced = {line.service.id: cells[i * len(bases) : (i + 1) * len(bases)] for i, line in enumerate(account.lines)}
    total = [_total_row(account, words, cells[len(cells) - len(bases) :], unit)] if bases else []
    rows: list[Block] = []
    for category in CATEGORIES:
        own = [line for line in account.lines if line.service.category == category and line.included != "no"]
        if category == STOCK:
            rows, total = rows + total, []
        if own:
            rows.append(parts.row([Cell(words(f"category.{category}"))], "group"))
        rows += [_service_row(account, line, priced[line.service.id], unit, words) for line in own]
    outside = [words.pick(line.service.zh, line.service.en) for line in account.lines if line.included == "no"]
    left = [parts.note(words("note.outside", services=words("word.list").join(outside)))] if outside else []
    return "", [parts.table(columns, rows + total), parts.note(words("note.summary")), *left]


def _total_row(account: Account, words: Words, cells: list[Cell], unit: str) -> Block:
    labels = parts.marks(words, next(iter(account.accounted.values())).labels if account.accounted else ())
    name = words("word.total_gep" if account.gep_title else "word.total")
    return parts.row([Cell(name, "strong"), Cell(), Cell(), *cells, Cell(unit, "muted"), Cell(badges=labels)], "total")


def _service_row(account: Account, line: ServiceLine, priced: list[Cell], money: str, words: Words) -> Block:
    name = Cell(words.name(line.service.zh, line.service.en), "strong", tail=line.service.id)
    if line.included != "yes":
        reason = words.sentence(line.refusal.zh, line.refusal.en) if line.refusal else ""
        blank = [Cell()] * (len(priced) + 1 if priced else 0)
        return parts.row([name, Cell(words("word.not_applicable"), "muted"), Cell(), *blank, Cell(reason, "muted")])
    physical, unit = figure_cells([line.physical], line.physical.unit if line.physical else "", words)
    values = [value_of(line, b) for b in account.bases]
    given = [f for f in (*values, line.physical) if f is not None and not f.refused]
    flags = words.pick("，", ", ").join(words.flags(given[0])) if given else ""
    tail = Cell(
        why(refusals_of(line), words, account.run.names),
        "muted",
        flags,
        parts.marks(words, given[0].labels) if given else (),
    )
    shown = any(f is not None and not f.refused for f in values)
    units = [Cell(money if shown else "", "muted")] if priced else []
    return parts.row([name, physical[0], Cell(unit, "muted"), *priced, *units, tail])


# ---- by class and by place ------------------------------------------------------------------------------------------


def classes(account: Account, words: Words) -> Content:
    """One table per service that runs by ecosystem class."""
    blocks: list[Block] = []
    for line, rows in account.classes:
        name = f"{words.name(line.service.zh, line.service.en)} ({line.service.id})"
        blocks += [parts.heading(name), _class_table(account, line, rows, words)]
    return words("note.classes", **_where(account, words)), blocks


def _where(account: Account, words: Words) -> dict[str, str]:
    return {"place": account.place.name(words.lang), "period": account.period.label(words.lang)}


def _class_table(account: Account, line: ServiceLine, rows: list[ClassRow], words: Words) -> Block:
    """Quantity, then value on each basis; the last row is the service as a whole."""
    unit = next((r.physical.unit for r in rows if r.physical and r.physical.unit), "")
    cells, word = figure_cells([*(r.physical for r in rows), line.physical], unit, words)
    filled = [cells]
    columns = [*parts.columns(words, ("class", "34mm")), parts.column(words("column.physical"), "34mm", "right", word)]
    for basis in account.bases:
        facts = [r.values.get(basis, r.values.get("")) for r in rows]
        cells, word = figure_cells([*facts, value_of(line, basis)], MONEY, words)
        filled.append(cells)
        columns.append(
            parts.column(words("column.value"), "34mm", "right", parts.listed(words, word, words.basis(basis)))
        )
    body = [
        parts.row(
            [
                Cell(words.name(r.zh, r.en)),
                *(column[i] for column in filled),
                _standing([*r.values.values(), r.physical], words),
            ]
        )
        for i, r in enumerate(rows)
    ]
    body.append(
        parts.row([Cell(words("word.all_classes"), "strong"), *(column[-1] for column in filled), Cell()], "total")
    )
    return parts.table([*columns, *parts.columns(words, ("status", "1fr"))], body)


def _standing(facts: list[Fact | None], words: Words) -> Cell:
    """Labels where a figure is given, the reason where none is."""
    known = [f for f in facts if f is not None]
    given = next((f for f in known if not f.refused), None)
    if given:
        return Cell(badges=parts.marks(words, given.labels))
    return Cell(why([f.refusal for f in known], words), "muted")


def places(account: Account, words: Words, picture: Picture | None) -> Content:
    """The map, then every quantity that a place below has, four to a table."""
    blocks: list[Block] = []
    if picture and account.mapped:
        given, period = account.mapped.given, account.period.label(words.lang)
        title = words(
            "note.map", name=_quantity_name(account.mapped, words), unit=picture.unit, period=period, given=given
        )
        source, note, _ = parts.boundaries(account, words)
        caption = [title, words("note.map_source", source=source), note]
        blocks += [
            parts.heading(words("section.map")), parts.image("map.svg", title), parts.note(words.pick("", " ").join(t for t in caption if t)),
        ]  # fmt: skip
    else:
        blocks.append(parts.note(words("note.no_map")))
    for start in range(0, len(account.by_place), PLACE_COLUMNS):
        blocks += _place_table(account, account.by_place[start : start + PLACE_COLUMNS], words)
    return words("note.places", **_where(account, words)), blocks


def _quantity_name(table: ByPlace, words: Words) -> str:
    return words.name(table.zh, table.en) or words.name(words("word.accounted"), words("word.accounted"))


def _place_table(account: Account, tables: list[ByPlace], words: Words) -> list[Block]:
    """Places below in rows, the place itself last."""
    codes = [*(p.code for p in account.places), account.place.code]
    columns = parts.columns(words, ("place", "1fr"))
    filled: list[list[Cell]] = []
    refused: list[Fact] = []
    for table in tables:
        facts = [table.cells.get(code) for code in codes]
        cells, unit = figure_cells(facts, table.unit, words)
        filled.append(cells)
        refused += [f for f in facts if f is not None and f.refused]
        basis = words.basis(table.basis) if table.basis else ""
        columns.append(parts.column(_quantity_name(table, words), "33mm", "right", parts.listed(words, unit, basis)))
    rows = []
    for i, code in enumerate(codes):
        whole = code == account.place.code
        name = Cell(account.run.zone.places[code].name(words.lang), "strong" if whole else "")
        rows.append(parts.row([name, *(cells[i] for cells in filled)], "total" if whole else "row"))
    blocks = [parts.table(columns, rows)]
    if refused:
        documents = lacking([f.refusal for f in refused], words, account.run.names)
        blocks.append(parts.note(words("note.places_refused", n=len({f.place for f in refused}), documents=documents)))
    return blocks


# ---- extent and several years ---------------------------------------------------------------------------------------


def extent(account: Account, words: Words) -> Content:
    """SEEA-EA table 4.1: classes, the unallocated remainder, and the total it closes on."""
    if not account.extent:
        return words("note.extent_none"), []
    lines = [*(r.cells for r in account.extent), account.extent_total]
    cells, unit = figure_cells([cells.get(entry) for cells in lines for entry in ENTRIES], AREA, words)
    by_line = [cells[i : i + len(ENTRIES)] for i in range(0, len(cells), len(ENTRIES))]
    remainder = words("word.unallocated")
    names = [words.name(*((remainder, remainder) if r.cls == UNALLOCATED else (r.zh, r.en))) for r in account.extent]
    rows = [parts.row([Cell(name), *line]) for name, line in zip(names, by_line, strict=False)]
    if any(account.extent_total.values()):
        rows.append(parts.row([Cell(words("word.total_area"), "strong"), *by_line[-1]], "total"))
    columns = parts.columns(words, ("class", "1fr"), *((entry, "19.5mm", "right") for entry in ENTRIES))
    blocks = [parts.table(columns, rows)]
    refused = {entry: f.refusal for r in account.extent for entry, f in r.cells.items() if f.refused}
    if "opening" in refused:
        blocks.append(parts.note(words("note.extent_opening", reason=why([refused["opening"]], words))))
    if refused.keys() & set(FLOWS):
        blocks.append(parts.note(words("note.extent_flows")))
    return words("note.extent", unit=unit), blocks


def series(account: Account, words: Words) -> Content:
    """Values over the years on each price basis, with the indices of the sum."""
    periods = account.run.zone.periods
    blocks: list[Block] = []
    for start in range(0, len(periods), SERIES_COLUMNS):
        for basis in account.bases:
            rows = [r for r in account.series if r.basis == basis]
            if rows:
                indices = [index for index in account.indices if index.basis == basis]
                blocks += _series_table(rows, indices, periods[start : start + SERIES_COLUMNS], words)
    return words("note.series"), blocks


def _series_table(rows: list[SeriesRow], indices: list[Index], periods: list[Period], words: Words) -> list[Block]:
    ids = [p.id for p in periods]
    cells, unit = figure_cells([r.cells.get(p) for r in rows for p in ids], MONEY, words)
    columns = parts.columns(words, ("service", "1fr")) + [
        parts.column(p.label(words.lang), "24mm", "right") for p in periods
    ]
    body = []
    for i, r in enumerate(rows):
        name = Cell(words.name(r.line.service.zh, r.line.service.en)) if r.line else Cell(words("word.total"), "strong")
        body.append(parts.row([name, *cells[i * len(ids) : (i + 1) * len(ids)]], "row" if r.line else "total"))
    body += [
        parts.row([Cell(words(f"word.{index.kind}_index")), *(_index_cell(index, p) for p in ids)]) for index in indices
    ]
    notes = [parts.note(words.pick(index.zh, index.en)) for index in indices if index.zh]
    return [
        parts.heading(words.name(*(parts.listed(words, words.basis(rows[0].basis), unit),) * 2)),
        parts.table(columns, body),
        *notes,
    ]


def _index_cell(index: Index, period: str) -> Cell:
    value = index.values.get(period)
    return Cell("—", "muted") if value is None else Cell(f"{value * 100:,.2f}")


# ---- reasons --------------------------------------------------------------------------------------------------------


def reasons(account: Account, words: Words) -> Content:
    """What stands between this account and an official release."""
    if not account.reasons:
        return words("note.no_reasons"), []
    columns = [parts.column("", "8mm", "right"), *parts.columns(words, ("reason", "1fr"), ("settles", "62mm"))]
    rows = [
        parts.row([Cell(str(i), "muted"), Cell(words.sentence(r.zh, r.en)), Cell(r.document, "muted")])
        for i, r in enumerate(account.reasons, 1)
    ]
    return words("note.reasons"), [parts.table(columns, rows)]
