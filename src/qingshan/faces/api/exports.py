"""A page's tables as `.json`, `.csv`, `.xlsx` and `.geojson`: one mechanism for every page, nothing computed again."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from qingshan.core.errors import QingshanError, UnknownName
from qingshan.faces.web.page import Cell, Column, Page, Table
from qingshan.faces.web.site import Ask

MAX_ROWS = 100_000
LABELS = Column("labels", "标注", "labels")
"""What a table of a labelled page carries where it has no column of labels: no label is lost on the way out."""
_SHEET_NAME_LIMIT = 31
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class NotInstalled(QingshanError):
    """A format whose library is not on this machine."""

    code = "not_installed"


def _plain(value: Cell) -> Cell:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _record(table: Table, row: Mapping[str, Cell]) -> dict[str, Cell]:
    return {c.key: _plain(row.get(c.key)) for c in table.columns}


def _window(table: Table, ask: Ask) -> tuple[Sequence[Mapping[str, Cell]], str]:
    """The rows asked for by `?after=` (the number of the last row seen) and `?limit=`, and the next `after`."""
    start = _whole(ask.query.get("after", ""), 0, len(table.rows))
    limit = _whole(ask.query.get("limit", ""), MAX_ROWS, MAX_ROWS)
    rows = table.rows[start : start + limit]
    return rows, str(start + limit) if start + limit < len(table.rows) else ""


def _whole(text: str, otherwise: int, most: int) -> int:
    return min(int(text), most) if text.isdecimal() and len(text) < 10 and int(text) > 0 else otherwise


def _run_of(page: Page, ask: Ask) -> Any:
    """The run a page speaks from: its own, else the account's."""
    return page.context.get("run") or ask.run


def _labelled(page: Page, table: Table) -> tuple[Sequence[Column], str]:
    """The columns of a table with one of labels at the end, where the page has labels and the table does not say its own."""
    labels = "; ".join(page.labels)
    if not labels or any(c.key == "labels" for c in table.columns):
        return table.columns, ""
    return (*table.columns, LABELS), labels


def _chosen(page: Page, ask: Ask) -> Table:
    name = ask.query.get("table", "")
    table = page.table(name)
    if table is None:
        known = ", ".join(t.name for t in page.tables) or "-"
        raise UnknownName(f"this page has no table {name!r}; it has: {known}.", f"本页没有表 {name!r}；有：{known}。")
    return table


def as_json(page: Page, ask: Ask) -> bytes:
    """Every table with its columns, both names and units."""
    tables: list[dict[str, Any]] = []
    for table in [_chosen(page, ask)] if ask.query.get("table") else page.tables:
        rows, following = _window(table, ask)
        tables.append(
            {
                "name": table.name, "title_zh": table.zh, "title_en": table.en,
                "columns": [{"key": c.key, "zh": c.zh, "en": c.en, "unit": c.unit} for c in table.columns],
                "rows": [_record(table, row) for row in rows], "total": len(table.rows), "next_after": following or None,
            }
        )  # fmt: skip
    content = {
        "title": page.title, "page": ask.view.name, "lang": ask.lang, "zone": ask.zone.id, "zone_sha256": ask.zone.digest,
        "run": run.id if (run := _run_of(page, ask)) else None, "labels": list(page.labels), "sources": list(page.sources), "tables": tables,
    }  # fmt: skip
    if page.record is not None:
        content["record"] = page.record()
    return json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False).encode()


def _safe(value: Cell) -> Cell:
    """A text that a spreadsheet would take for a formula is written as text."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else _plain(value)


def as_csv(page: Page, ask: Ask) -> bytes:
    """One table (`?table=`, else the first), headers in the page's language, UTF-8 with a mark so that Excel reads it."""
    table = _chosen(page, ask)
    rows, _ = _window(table, ask)
    out = io.StringIO()
    pen = csv.writer(out, lineterminator="\r\n")
    columns, labels = _labelled(page, table)
    pen.writerow([_head(c.name(ask.lang), c.unit) for c in columns])
    pen.writerows([[_safe(labels if c is LABELS else row.get(c.key)) for c in columns] for row in rows])
    return out.getvalue().encode("utf-8-sig")


def _head(name: str, unit: str) -> str:
    return f"{name} ({unit})" if unit else name


def as_xlsx(page: Page, ask: Ask) -> bytes:
    """A sheet for each table and one with the page's title, address, sources and hashes. Raises `NotInstalled`."""
    try:
        import xlsxwriter  # noqa: PLC0415 - only when asked
    except ModuleNotFoundError:
        raise NotInstalled(
            "xlsxwriter is not installed on this server, so there is no .xlsx; .csv and .json hold the same tables.",
            "这台服务没有装 xlsxwriter，给不出 .xlsx；同样的表可取 .csv 或 .json。",
            fix="pip install 'qingshan[report]'",
        ) from None

    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}) as book:
        bold = book.add_format({"bold": True, "bottom": 1})
        t = ask.t
        about = book.add_worksheet(t("export.about")[:_SHEET_NAME_LIMIT])
        facts = [
            (t("export.title"), page.title), (t("export.zone"), f"{ask.zone.name_zh} {ask.zone.name_en}"),
            (t("export.zone_hash"), ask.zone.digest), (t("export.run"), run.id if (run := _run_of(page, ask)) else ""),
            (t("export.labels"), "; ".join(page.labels)), *((t("export.source"), s) for s in page.sources),
        ]  # fmt: skip
        about.set_column(0, 0, 18)
        about.set_column(1, 1, 90)
        for i, (name, value) in enumerate(facts):
            about.write_string(i, 0, name, bold if i == 0 else None)
            about.write_string(i, 1, value)
        used: set[str] = {about.get_name()}
        for table in page.tables:
            sheet = book.add_worksheet(_sheet_name(table.title(ask.lang), used))
            columns, labels = _labelled(page, table)
            for x, column in enumerate(columns):
                sheet.write_string(0, x, _head(column.name(ask.lang), column.unit), bold)
            for y, row in enumerate(table.rows[:MAX_ROWS], 1):
                for x, column in enumerate(columns):
                    _write(sheet, y, x, labels if column is LABELS else _plain(row.get(column.key)))
            sheet.freeze_panes(1, 0)
            sheet.autofilter(0, 0, max(1, len(table.rows)), max(0, len(columns) - 1))
    return out.getvalue()


def _sheet_name(title: str, used: set[str]) -> str:
    clean = "".join("_" if c in "[]:*?/\\'" else c for c in title)[: _SHEET_NAME_LIMIT - 3] or "_"
    name, n = clean, 2
    while name in used:
        name, n = f"{clean} {n}", n + 1
    used.add(name)
    return name


def _write(sheet: Any, y: int, x: int, value: Cell) -> None:
    if value is None:
        return
    if isinstance(value, bool):
        sheet.write_boolean(y, x, value)
    elif isinstance(value, int | float):
        sheet.write_number(y, x, value)
    else:
        sheet.write_string(y, x, value[:32_767])


def as_geojson(page: Page, ask: Ask) -> bytes:
    """The areas the page speaks of, with the rows of its table (`?table=`) by place as properties.

    A place with several rows carries them as `name@period -> value`. Raises `UnknownName` where the page has no places.
    """
    table = _chosen(page, ask) if ask.query.get("table") else next((t for t in page.tables if t.mapped), None)
    if table is not None and (table.point_columns or table.shapes):
        return _collection(_own_features(table), page, ask)
    if table is None or not table.place_column:
        raise UnknownName("this page has no table by place.", "本页没有按地点的表。", fix="ask for .json or .csv")
    by_place: dict[str, list[dict[str, Cell]]] = {}
    for row in table.rows:
        by_place.setdefault(str(row.get(table.place_column)), []).append(_record(table, row))
    codes = list(
        dict.fromkeys(
            [*(p for p in page.places if p in ask.zone.places), *(c for c in by_place if c in ask.zone.places)]
        )
    )
    features = []
    for level in dict.fromkeys(ask.zone.places[c].level for c in codes):
        for feature in ask.zone.geojson(level, 0.002)["features"]:
            code = feature["properties"]["code"]
            if code in codes:
                features.append(
                    feature
                    | {
                        "properties": feature["properties"]
                        | {"name": ask.name(code)}
                        | _properties(by_place.get(code, []))
                    }
                )
    return _collection(features, page, ask)


def _own_features(table: Table) -> list[dict[str, Any]]:
    """Rows that bear their own geometry: points, or shapes beside the rows."""
    shapes: list[Any] = list(table.shapes)
    if table.point_columns:
        lon, lat = table.point_columns
        shapes = [
            None if r.get(lon) is None else {"type": "Point", "coordinates": [r[lon], r[lat]]} for r in table.rows
        ]
    return [
        {"type": "Feature", "geometry": shape, "properties": _record(table, row)}
        for row, shape in zip(table.rows, shapes, strict=True)
        if shape is not None
    ]


def _collection(features: list[Any], page: Page, ask: Ask) -> bytes:
    content = {
        "type": "FeatureCollection", "features": features, "labels": list(page.labels),
        "source": ask.zone.boundary_source.get("title", ""), "licence": ask.zone.boundary_source.get("licence", ""),
    }  # fmt: skip
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def _properties(rows: list[dict[str, Cell]]) -> dict[str, Any]:
    if len(rows) == 1:
        return rows[0]
    return {f"{row.get('quantity')}@{row.get('period')}": row.get("value") for row in rows[:500]}


FORMATS: dict[str, tuple[str, Callable[[Page, Ask], bytes]]] = {
    "json": ("application/json; charset=utf-8", as_json),
    "csv": ("text/csv; charset=utf-8", as_csv),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", as_xlsx),
    "geojson": ("application/geo+json; charset=utf-8", as_geojson),
}
