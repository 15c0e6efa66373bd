"""The account as a workbook: figures as numbers in full, each with its unit, range, labels and pedigree key beside it.

The same account and language give the same bytes: every date in the file is the last day of the account year.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from qingshan.accounts.run import Fact
from qingshan.core.units import factor

from . import tokens
from .gather import UNALLOCATED, Account, class_names
from .numbers import axis_scale
from .parts import AREA, CATEGORIES, ENTRIES, MONEY, boundaries
from .pdf import headline, title_of
from .release import refusals_of, value_of
from .words import Words
from .written import why

Value = str | float | int | None
_WIDEST, _NARROWEST, _ALL = 60, 8, 999


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet: name, column headers, rows; the cells of `totals` rows are set strong."""

    name: str
    columns: tuple[str, ...]
    rows: list[list[Value]]
    totals: frozenset[int] = frozenset()


def account_workbook(account: Account, lang: str) -> bytes:
    """The workbook as xlsx bytes."""
    words = Words(lang)
    return _written(account, words, sheets(account, words))


def sheets(account: Account, words: Words) -> list[Sheet]:
    """Every sheet of the workbook, in order."""
    makers: list[tuple[str, Callable[[Account, Words], Sheet]]] = [
        ("summary", _summary), ("classes", _classes), ("places", _places), ("extent", _extent), ("series", _series),
        ("methods", _methods), ("parameters", _parameters), ("sources", _sources), ("findings", _findings),
    ]  # fmt: skip
    return [make(account, words) for name, make in makers if name != "series" or account.series]


def _heads(words: Words, *names: str) -> tuple[str, ...]:
    """Column heads in both languages, the report's own first."""
    other = Words("en" if words.lang == "zh" else "zh")
    return tuple(f"{words(f'column.{n}')} {other(f'column.{n}')}" for n in names)


_FIGURE = ("number", "low", "high", "range_low", "range_high", "unit", "labels", "document", "key")


def _figure(fact: Fact | None, words: Words, unit: str = "") -> list[Value]:
    """A fact over the columns `_FIGURE`: an interval has low and high and no single figure; a refused one has its reason."""
    if fact is None:
        return [None, None, None, None, None, "", "", "", ""]
    labels = words("word.list").join(words.labels(fact))
    if fact.refusal:
        return [
            words("word.refused"),
            None,
            None,
            None,
            None,
            "",
            labels,
            why([fact.refusal], words, limit=_ALL),
            fact.key,
        ]
    ratio, word = _scale(fact, unit, words)
    low, high = fact.span or (None, None)
    scaled = [None if v is None else v * ratio for v in (fact.value, low, high, *(fact.range or (None, None)))]
    return [*scaled, word, labels, "", fact.key]


def _scale(fact: Fact, unit: str, words: Words) -> tuple[float, str]:
    """Multiplier from the stored to the printed unit, and the printed unit's word."""
    numbers = [v for v in (fact.low, fact.high) if v is not None]
    turn, word = axis_scale(numbers, fact.unit, words.lang)
    if unit:
        ratio = factor(fact.unit, unit)
        turn, word = axis_scale([1e8 if unit == MONEY else 0], unit, words.lang)
        return turn(ratio), word
    return turn(1.0), word


# ---- sheets ---------------------------------------------------------------------------------------------------------


def _summary(account: Account, words: Words) -> Sheet:
    rows: list[list[Value]] = []
    for line in (ln for category in CATEGORIES for ln in account.lines if ln.service.category == category):
        head = [line.service.id, words.name(line.service.zh, line.service.en)]
        if line.included != "yes":
            word = words("word.not_applicable" if line.included == "n/a" else "word.outside")
            reason = words.pick(line.refusal.zh, line.refusal.en) if line.refusal else ""
            rows.append([*head, words("column.physical"), "", word, None, None, None, None, "", "", reason, ""])
            continue
        if line.physical is not None:
            rows.append([*head, words("column.physical"), "", *_figure(line.physical, words)])
        for basis in account.bases:
            rows.append(
                [*head, words("column.value"), words.basis(basis), *_figure(value_of(line, basis), words, MONEY)]
            )
        if line.physical is None and not account.bases:
            reason = why(refusals_of(line), words, limit=_ALL)
            rows.append(
                [*head, words("column.physical"), "", words("word.refused"), None, None, None, None, "", "", reason, ""]
            )
    totals = []
    for basis in account.bases:
        name = words("word.total_gep" if account.gep_title else "word.total")
        totals.append(len(rows))
        rows.append(
            ["", name, words("column.value"), words.basis(basis), *_figure(account.accounted.get(basis), words, MONEY)]
        )
    return Sheet(
        words("sheet.summary"), _heads(words, "code", "service", "entry", "basis", *_FIGURE), rows, frozenset(totals)
    )


def _classes(account: Account, words: Words) -> Sheet:
    rows: list[list[Value]] = []
    for line, classes in account.classes:
        for row in classes:
            head = [line.service.id, words.name(line.service.zh, line.service.en), words.name(row.zh, row.en)]
            rows.append([*head, words("column.physical"), "", *_figure(row.physical, words)])
            for basis in account.bases:
                fact = row.values.get(basis, row.values.get(""))
                rows.append([*head, words("column.value"), words.basis(basis), *_figure(fact, words, MONEY)])
    return Sheet(words("sheet.classes"), _heads(words, "code", "service", "class", "entry", "basis", *_FIGURE), rows)


def _places(account: Account, words: Words) -> Sheet:
    rows: list[list[Value]] = []
    codes = [account.place.code, *(p.code for p in account.places)]
    for table in account.by_place:
        name = words.name(table.zh, table.en) or words.name(words("word.accounted"), words("word.accounted"))
        basis = words.basis(table.basis) if table.basis else ""
        for code in codes:
            where = account.run.zone.places[code].name(words.lang)
            rows.append(
                [code, where, name, basis, *_figure(table.cells.get(code), words, MONEY if table.unit == MONEY else "")]
            )
    return Sheet(words("sheet.places"), _heads(words, "code", "place", "quantity", "basis", *_FIGURE), rows)


def _extent(account: Account, words: Words) -> Sheet:
    rows: list[list[Value]] = []
    for row in account.extent:
        zh, en = (words("word.unallocated"),) * 2 if row.cls == UNALLOCATED else (row.zh, row.en)
        rows += [
            [words.name(zh, en), words(f"column.{entry}"), *_figure(row.cells[entry], words, AREA)]
            for entry in ENTRIES
            if entry in row.cells
        ]
    totals = []
    for entry in ENTRIES:
        total = account.extent_total.get(entry)
        if total is not None:
            totals.append(len(rows))
            rows.append([words("word.total_area"), words(f"column.{entry}"), *_figure(total, words, AREA)])
    return Sheet(words("sheet.extent"), _heads(words, "class", "entry", *_FIGURE), rows, frozenset(totals))


def _series(account: Account, words: Words) -> Sheet:
    rows: list[list[Value]] = []
    labels = {p.id: p.label(words.lang) for p in account.run.zone.periods}
    for row in account.series:
        name = words.name(row.line.service.zh, row.line.service.en) if row.line else words("word.total")
        for period, fact in row.cells.items():
            rows.append([name, words.basis(row.basis), labels[period], *_figure(fact, words, MONEY)])
    for index in account.indices:
        for period, value in index.values.items():
            reason = words.pick(index.zh, index.en) if value is None else ""
            tail: list[Value] = [None if value is None else value * 100, None, None, None, None, "", "", reason, ""]
            rows.append([words(f"word.{index.kind}_index"), words.basis(index.basis), labels[period], *tail])
    return Sheet(words("sheet.series"), _heads(words, "service", "basis", "period", *_FIGURE), rows)


def _methods(account: Account, words: Words) -> Sheet:
    rows: list[list[Value]] = [
        [
            m.ref,
            words.name(m.zh, m.en),
            m.formula,
            m.clause.document,
            m.clause.where,
            words.maybe(f"status.{m.status}", m.status),
        ]
        for m in account.methods
    ]
    return Sheet(
        words("sheet.methods"), _heads(words, "code", "method", "formula", "clause", "where", "row_status"), rows
    )


def _parameters(account: Account, words: Words) -> Sheet:
    rows: list[list[Value]] = []
    for use in account.parameters:
        r = use.row
        rows.append([
            r["parameter"], r["cls"], r["value"], r["low"], r["high"], r["unit"], r["set"], r["place"], r["year"], r["source_title"],
            r["source_where"], words.maybe(f"status.{r['status']}", r["status"]), r.get("filled_by", ""), r["origin"], use.sha256, r["key"],
        ])  # fmt: skip
    classes = class_names(account.run)
    for used in account.maps:
        for cls, targets in used.rows.items():
            name, status = words.name(*classes.get(cls, (cls, cls))), words.maybe(f"status.{used.status}", used.status)
            types = words("word.list").join(targets)
            rows.append(
                [f"map {used.id}", name, None, None, None, "", "", "", "", used.source, types, status, "", "", "", ""]
            )
    names = ("parameter", "class", "number", "range_low", "range_high", "unit", "set", "place", "year", "source", "where", "row_status",
             "filled_by", "file", "sha", "key")  # fmt: skip
    return Sheet(words("sheet.parameters"), _heads(words, *names), rows)


def _sources(account: Account, words: Words) -> Sheet:
    rows: list[list[Value]] = []
    for s in account.sources:
        statuses = words("word.list").join(words.maybe(f"status.{status}", status) for status in s.statuses)
        rows.append([s.title, s.issuer, s.file, s.rows, statuses, s.terms, s.sha256])
    title, _, licence = boundaries(account, words)
    for name, sha in account.run.zone.boundary_source.get("sha256", {}).items():
        rows.append([title, "", name, None, "", licence, sha])
    return Sheet(
        words("sheet.sources"), _heads(words, "source", "issuer", "file", "rows", "row_status", "terms", "sha"), rows
    )


def _findings(account: Account, words: Words) -> Sheet:
    rows: list[list[Value]] = [
        [words("column.reason"), words.sentence(r.zh, r.en), r.subject, r.document] for r in account.reasons
    ]
    rows += [[words(f"word.{f.level}"), words.sentence(f.zh, f.en), f.where(), f.fix] for f in account.findings]
    for group in account.conflicts:
        for fact in group:
            shown = f"{words.pick(*account.run.names(fact.quantity))} {fact.place} {fact.period}: {fact.printed or fact.value} {fact.unit}"
            rows.append([words("word.conflict"), shown, f"{fact.file}:{fact.row}", fact.source_title])
    return Sheet(words("sheet.findings"), _heads(words, "level", "finding", "where", "fix"), rows)


# ---- writing --------------------------------------------------------------------------------------------------------


def _written(account: Account, words: Words, pages: Iterable[Sheet]) -> bytes:
    labels = words("word.list").join(words.maybe(f"label.{label}", label) for label in account.labels)
    head, context = headline(account, words)
    top = [title_of(account, words), head, " ".join(context), f"{labels}　{account.run.id}"]
    subject = f"{account.place.name(words.lang)} {account.period.label(words.lang)}"
    return write_book(pages, words, top, subject, account.run.id, datetime(account.period.year, 12, 31))


def write_book(
    pages: Iterable[Sheet], words: Words, top: Sequence[str], subject: str, comments: str, created: datetime
) -> bytes:
    """Sheets as xlsx bytes. `top` are the lines above each table, the title first and the identity last."""
    import xlsxwriter  # noqa: PLC0415 - loaded only when a report is written

    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(
        buffer, {"in_memory": True, "strings_to_numbers": False, "strings_to_formulas": False, "strings_to_urls": False}
    )
    book.set_properties(
        {"title": top[0], "subject": subject, "author": "qingshan", "comments": comments, "created": created}
    )
    base = {"font_name": tokens.FONT, "font_size": 10, "font_color": tokens.INK, "valign": "top"}
    styles = {
        "title": book.add_format({**base, "font_size": 14, "bold": True}),
        "note": book.add_format({**base, "font_color": tokens.INK_3}),
        "head": book.add_format(
            {
                **base,
                "bold": True,
                "text_wrap": True,
                "bottom": 1,
                "bottom_color": tokens.RULE_STRONG,
                "valign": "bottom",
            }
        ),
        "text": book.add_format({**base, "text_wrap": True}),
        "refused": book.add_format({**base, "font_color": tokens.ALARM, "align": "right"}),
        "total": book.add_format({**base, "bold": True, "text_wrap": True}),
    }
    for fmt in ("#,##0", "#,##0.00", "#,##0.0000", "0.00E+00"):
        styles[fmt] = book.add_format({**base, "num_format": fmt})
        styles[f"total {fmt}"] = book.add_format({**base, "num_format": fmt, "bold": True})
    for sheet in pages:
        _write_sheet(book, sheet, top, styles, words)
    book.close()
    return buffer.getvalue()


def _write_sheet(book: Any, sheet: Sheet, top: Sequence[str], styles: dict[str, Any], words: Words) -> None:
    """Title lines, frozen header row, rows; widths fit the content."""
    page = book.add_worksheet(sheet.name)
    for i, text in enumerate(top):
        page.write_string(i, 0, text, styles["title" if i == 0 else "note"])
    header = len(top) + 1
    for column, name in enumerate(sheet.columns):
        page.write_string(header, column, name, styles["head"])
        cells = [row[column] for row in sheet.rows]
        page.set_column(column, column, _width(name, cells))
    for i, row in enumerate(sheet.rows):
        for column, value in enumerate(row):
            _write_cell(
                page, header + 1 + i, column, value, styles, total=i in sheet.totals, refused=words("word.refused")
            )
    page.freeze_panes(header + 1, min(2, len(sheet.columns) - 1))
    if sheet.rows:
        page.autofilter(header, 0, header + len(sheet.rows), len(sheet.columns) - 1)
    page.set_landscape()
    page.set_paper(9)
    page.fit_to_pages(1, 0)
    page.repeat_rows(header)
    page.set_footer(f"&L{top[-1].rpartition('　')[2]}&R&P / &N")


def _write_cell(
    page: Any, row: int, column: int, value: Value, styles: dict[str, Any], *, total: bool, refused: str
) -> None:
    if value is None or value == "":
        return
    if isinstance(value, str):
        page.write_string(row, column, value, styles["refused" if value == refused else ("total" if total else "text")])
        return
    fmt = number_format(value)
    page.write_number(row, column, value, styles[f"total {fmt}" if total else fmt])


def number_format(value: float) -> str:
    """Format that shows a number's leading digits; the cell keeps all of them."""
    if value == int(value):
        return "#,##0"
    size = abs(value)
    return "0.00E+00" if size < 0.001 else ("#,##0.0000" if size < 1 else "#,##0.00")


def _width(name: str, cells: Sequence[Value]) -> float:
    """Column width in characters; a Chinese character counts for two."""
    texts = [_printed(c) for c in cells if c is not None]
    longest = max((_cells(t) for t in texts), default=0)
    return max(_NARROWEST, min(_WIDEST, max(longest, *(_cells(part) for part in name.split(" "))) + 2))


def _printed(value: Value) -> str:
    return value if isinstance(value, str) else f"{value:,.4f}"


def _cells(text: str) -> int:
    return sum(2 if ord(mark) > 0x2E7F else 1 for mark in text)
