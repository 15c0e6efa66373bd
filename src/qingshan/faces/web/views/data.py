"""Data: what is here, from whom, on what terms, what disagrees and what is missing? Files, sources, conflicts, gaps, coverage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from qingshan.core.errors import UnknownName
from qingshan.faces.web.figures import Figure
from qingshan.faces.web.page import Cell, Column, Page, Table, View
from qingshan.faces.web.periods import period_word
from qingshan.faces.web.site import Ask, first_year, last_year
from qingshan.publish import numbers
from qingshan.zone.fact import FACT_STATUSES, InputFact

SHOWN = 25
FOLD = 40
MATRIX_PERIODS = 40


@dataclass
class Source:
    """One title and issuer, with the files it stands in, its rows by status, and the years they speak of."""

    title: str
    issuer: str
    rows: int = 0
    files: list[str] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    first: int | None = None
    last: int | None = None
    terms: str = ""


@dataclass(frozen=True, slots=True)
class Coverage:
    """One quantity: how many figures, of how many places on each level, from when to when."""

    quantity: str
    name: str
    subject: str
    unit: str
    figures: int
    places: tuple[tuple[str, int, int], ...]
    first: int | None
    last: int | None
    statuses: tuple[tuple[str, int], ...]


def build(ask: Ask) -> Page:
    """The page. `?quantity=` opens one quantity by place and period, `?q=` narrows the catalogue."""
    kept = ask.site.kept
    name = f"data:{ask.lang}"
    if name not in kept:
        kept[name] = _collect(ask)
    shared = kept[name]
    asked, quantity = ask.query.get("q", "").strip(), ask.query.get("quantity", "")
    if quantity and quantity not in {c.quantity for c in shared["coverage"]}:
        raise UnknownName(f"no figure of {quantity!r} is on file.", f"没有收录指标 {quantity!r}。")
    coverage = [
        c for c in shared["coverage"] if all(p in f"{c.name} {c.quantity}".casefold() for p in asked.casefold().split())
    ]
    t, zone = ask.t, ask.zone
    facts = zone.facts.all()
    statuses = Counter(f.status for f in facts)
    words = {
        "n": f"{len(facts):,}",
        "sources": len(shared["sources"]),
        "gaps": len(zone.missing),
        "files": len(zone.files),
        "primary": statuses["primary"],
    }
    context = {
        "question": t("data.question"),
        "headline": t("data.headline", **words),
        "lead": t("data.lead", **words),
        **shared,
        "statuses": [(s, statuses[s]) for s in FACT_STATUSES if statuses[s]],
        "coverage": coverage,
        "q": asked,
        "quantity": quantity,
        "matrix": _matrix(ask, quantity) if quantity else None,
        "findings": zone.findings,
        "shown": SHOWN,
        "fold": len(coverage) if asked else FOLD,
        "digest": zone.digest,
        "boundary": _boundary(ask),
        "check": f"qingshan check {zone.id}",
    }
    tables = [*shared["tables"], _coverage_table(coverage)]
    if quantity:
        tables.insert(0, _facts_table("figures", [f for f in facts if f.quantity == quantity], ask))
    return Page("data.html", t("data.name"), context, tables)


def _collect(ask: Ask) -> dict[str, Any]:
    """Everything that does not depend on the address; made once for a language."""
    facts = ask.zone.facts.all()
    sources = _sources(ask, facts)
    files, conflicts, gaps = _files(ask, facts), _conflicts(ask), _gaps(ask)
    tables = [
        _facts_table("facts", facts, ask),
        _sources_table(sources),
        _files_table(files),
        _conflicts_table(ask),
        _gaps_table(ask),
        _findings_table(ask),
    ]
    return {
        "sources": sources,
        "files": files,
        "conflicts": conflicts,
        "gaps": gaps,
        "coverage": _coverage(ask, facts),
        "rasters": _rasters(ask),
        "tables": tables,
    }


# ---- sources and files -----------------------------------------------------------------------------------------------


def _sources(ask: Ask, facts: Sequence[InputFact]) -> list[Source]:
    found: dict[tuple[str, str], Source] = {}
    for fact in (p for f in facts for p in (f.parts or (f,))):
        slot = found.setdefault(
            (fact.source_title, fact.issuer),
            Source(fact.source_title, fact.issuer, terms=_terms(ask, fact.source_title)),
        )
        slot.rows += 1
        slot.statuses[fact.status] += 1
        if fact.file and fact.file not in slot.files:
            slot.files.append(fact.file)
        years = [y for y in (first_year(fact.period), last_year(fact.period)) if y]
        if years:
            slot.first = min([*years, slot.first or years[0]])
            slot.last = max([*years, slot.last or years[-1]])
    return sorted(found.values(), key=lambda s: (-s.rows, s.title))


def _terms(ask: Ask, title: str) -> str:
    """Terms of a source where the zone declares them: a raster or a boundary of the same title, or a [[terms]] entry."""
    declared = [
        *ask.zone.config.get("raster", ()),
        *ask.zone.config.get("series", ()),
        *ask.zone.config.get("terms", ()),
        ask.zone.boundary_source,
    ]
    for entry in declared:
        name = str(entry.get("title", ""))
        if name and (title.startswith(name) or name.startswith(title)):
            return str(entry.get("licence", ""))
    return ""


def _files(ask: Ask, facts: Sequence[InputFact]) -> list[dict[str, Any]]:
    rows = Counter(p.file for f in [*facts, *ask.zone.targets] for p in (f.parts or (f,)))
    sources: dict[str, set[str]] = {}
    for fact in facts:
        sources.setdefault(fact.file, set()).add(fact.source_title)
    return [
        {"file": file, "sha256": sha, "rows": rows.get(file, 0), "sources": len(sources.get(file, ()))}
        for file, sha in ask.zone.files.items()
    ]


def _boundary(ask: Ask) -> dict[str, Any] | None:
    source = ask.zone.boundary_source
    if not source:
        return None
    return {
        "title": ask.t.pick(str(source.get("title_zh", "")), str(source.get("title", ""))),
        "note": ask.t.pick(str(source.get("note_zh", "")), str(source.get("note", ""))),
        "licence": str(source.get("licence", "")),
        "installed": bool(source.get("installed", True)),
        "carrier": f"{source.get('package', source.get('file', ''))} {source.get('version', '')}".strip(),
        "files": dict(source.get("sha256", {})),
        "places": len(ask.zone.boundaries.shapes),
    }


def _rasters(ask: Ask) -> list[dict[str, str]]:
    """Grids and series the zone refers to: title, carrier, resolution, terms, hash."""
    listed = []
    for entry in [*ask.zone.config.get("raster", ()), *ask.zone.config.get("series", ())]:
        listed.append(
            {
                "title": ask.t.pick(str(entry.get("title_zh", "")), str(entry.get("title", ""))),
                "quantity": str(entry.get("quantity", "")),
                "carrier": f"{entry.get('package', entry.get('url', entry.get('path', '')))} {entry.get('version', '')}".strip(),
                "resolution": str(entry.get("resolution", "")),
                "crs": str(entry.get("crs", "")),
                "licence": str(entry.get("licence", "")),
                "sha256": str(entry.get("sha256", "")) if isinstance(entry.get("sha256", ""), str) else "",
            }
        )
    return listed


# ---- conflicts and gaps ----------------------------------------------------------------------------------------------


def _conflicts(ask: Ask) -> list[dict[str, Any]]:
    """Prints that cannot be the same figure, side by side, the one in use first."""
    listed = []
    for group in ask.zone.facts.conflicts():
        first = group[0]
        zh, en = ask.site.names(first.quantity, first.name_zh)
        figures: list[tuple[Figure, InputFact]] = [(ask.site.figure(f), f) for f in group]
        listed.append(
            {
                "name": ask.t.pick(zh, en),
                "place": ask.name(first.place),
                "period": period_word(first.period, ask.t),
                "prints": figures,
                "declared": first.preferred,
            }
        )
    return listed


def _gaps(ask: Ask) -> list[dict[str, Any]]:
    """What is missing by the document that fills it, the document that fills most first."""
    found: dict[str, dict[str, Any]] = {}
    for gap in ask.zone.missing:
        slot = found.setdefault(gap.document, {"document": gap.document, "names": [], "places": [], "needed": []})
        for name, value in (
            ("names", ask.t.pick(gap.name_zh, gap.name_en)),
            ("places", _gap_place(ask, gap.place)),
            ("needed", ask.t.pick(gap.needed_by_zh, gap.needed_by)),
        ):
            if value and value not in slot[name]:
                slot[name].append(value)
    return sorted(found.values(), key=lambda g: -len(g["names"]))


def _gap_place(ask: Ask, place: str) -> str:
    parts = []
    for part in place.split(";"):
        level = part.removeprefix("level:")
        parts.append(ask.t("data.every", level=ask.level(level, 1)) if level != part else ask.name(part))
    return "、".join(parts) if ask.lang == "zh" else ", ".join(parts)


# ---- coverage --------------------------------------------------------------------------------------------------------


def _coverage(ask: Ask, facts: Sequence[InputFact]) -> list[Coverage]:
    by_quantity: dict[str, list[InputFact]] = {}
    for fact in facts:
        by_quantity.setdefault(fact.quantity, []).append(fact)
    counts = {level.id: len(ask.zone.at_level(level.id)) for level in ask.zone.levels}
    listed = []
    for quantity, members in sorted(by_quantity.items()):
        zh, en = ask.site.names(quantity, members[0].name_zh)
        places = {f.place for f in members if f.place in ask.zone.places}
        per_level = tuple(
            (ask.level(level, n), n, counts[level])
            for level in counts
            if (n := sum(ask.zone.places[p].level == level for p in places))
        )
        years = [y for f in members for y in (first_year(f.period), last_year(f.period)) if y]
        statuses = Counter(f.status for f in members)
        listed.append(
            Coverage(
                quantity,
                ask.t.pick(zh, en),
                quantity.split(".")[0],
                numbers.declared_word(members[0].unit, ask.lang),
                len(members),
                per_level,
                min(years, default=None),
                max(years, default=None),
                tuple((s, statuses[s]) for s in FACT_STATUSES if statuses[s]),
            )
        )
    return listed


def _matrix(ask: Ask, quantity: str) -> dict[str, Any]:
    """One quantity as a grid of places and periods; a printed figure is a link to its pedigree, a gap stays empty.

    One unit and one scale for all where every row has the same unit; else each number carries its own.
    """
    facts = [f for f in ask.zone.facts.all() if f.quantity == quantity]
    periods = sorted({f.period for f in facts})
    shown = periods[-MATRIX_PERIODS:]
    order = {code: i for i, code in enumerate(ask.zone.places)}
    places = sorted({f.place for f in facts}, key=lambda p: (order.get(p, len(order)), p))
    best: Mapping[tuple[str, str], InputFact] = {
        (p, period): fact
        for p in places
        for period in shown
        if (fact := ask.zone.facts.best(quantity, p, period)) is not None
    }
    zh, en = ask.site.names(quantity, facts[0].name_zh)
    units = {fact.unit for fact in best.values()}
    texts, unit = numbers.write_many([f.value for f in best.values()], facts[0].unit, ask.lang, "exact")
    if len(units) > 1:
        texts, unit = [numbers.write(f.value, f.unit, ask.lang, "exact").text for f in best.values()], ""
    printed = {at: (text, ask.site.figure(fact)) for (at, fact), text in zip(best.items(), texts, strict=True)}
    rows = [
        {
            "place": ask.name(p),
            "depth": len(ask.zone.ancestors(p)) if p in order else 0,
            "cells": [printed.get((p, x)) for x in shown],
        }
        for p in places
    ]
    return {
        "name": ask.t.pick(zh, en),
        "quantity": quantity,
        "periods": [period_word(p, ask.t) for p in shown],
        "rows": rows,
        "left": len(periods) - len(shown),
        "unit": unit,
    }


# ---- tables ----------------------------------------------------------------------------------------------------------


def _facts_table(name: str, facts: Sequence[InputFact], ask: Ask) -> Table:
    columns = (
        Column("place_code", "地点代码", "place code"),
        Column("place", "地点", "place"),
        Column("period", "时期", "period"),
        Column("quantity", "指标代号", "quantity id"),
        Column("name", "指标", "quantity"),
        Column("value", "数值", "value"),
        Column("printed", "原文印作", "printed"),
        Column("unit", "单位", "unit"),
        Column("status", "来源级别", "status"),
        Column("source", "出处", "source"),
        Column("issuer", "发布", "issuer"),
        Column("preferred", "取用", "preferred"),
        Column("note", "说明", "note"),
        Column("file", "文件", "file"),
        Column("row", "行", "row"),
        Column("key", "来历键", "pedigree key"),
    )
    rows: list[dict[str, Cell]] = [
        {
            "place_code": f.place,
            "place": ask.name(f.place),
            "period": f.period,
            "quantity": f.quantity,
            "name": ask.t.pick(*ask.site.names(f.quantity, f.name_zh)),
            "value": f.value,
            "printed": f.printed,
            "unit": f.unit,
            "status": f.status,
            "source": f.source_title,
            "issuer": f.issuer,
            "preferred": f.preferred,
            "note": f.note,
            "file": f.file,
            "row": f.row,
            "key": f.key,
        }
        for f in facts
    ]
    return Table(name, "收录的数字", "Figures on file", columns, rows, "place_code")


def _sources_table(sources: Sequence[Source]) -> Table:
    columns = (
        Column("title", "出处", "source"),
        Column("issuer", "发布", "issuer"),
        Column("rows", "行", "rows"),
        Column("files", "文件", "files"),
        *(Column(s, s, s) for s in FACT_STATUSES),
        Column("first", "起", "from"),
        Column("last", "止", "to"),
        Column("terms", "条款", "terms"),
    )
    rows: list[dict[str, Cell]] = [
        {
            "title": s.title,
            "issuer": s.issuer,
            "rows": s.rows,
            "files": "; ".join(s.files),
            **{x: s.statuses[x] for x in FACT_STATUSES},
            "first": s.first,
            "last": s.last,
            "terms": s.terms,
        }
        for s in sources
    ]
    return Table("sources", "出处", "Sources", columns, rows)


def _files_table(files: Sequence[Mapping[str, Any]]) -> Table:
    columns = (
        Column("file", "文件", "file"),
        Column("rows", "行", "rows"),
        Column("sources", "出处", "sources"),
        Column("sha256", "sha-256", "sha-256"),
    )
    return Table("files", "文件", "Files", columns, list(files))


def _conflicts_table(ask: Ask) -> Table:
    facts = [f for group in ask.zone.facts.conflicts() for f in group]
    table = _facts_table("conflicts", facts, ask)
    return Table("conflicts", "对不上的数", "Figures that disagree", table.columns, table.rows)


def _gaps_table(ask: Ask) -> Table:
    columns = (
        Column("quantity", "指标代号", "quantity id"),
        Column("name_zh", "指标", "name in Chinese"),
        Column("name_en", "英文名", "name in English"),
        Column("place", "地点", "place"),
        Column("period", "时期", "period"),
        Column("needed_by", "谁在等它", "needed by"),
        Column("document", "补它的文件", "document that fills it"),
        Column("note", "说明", "note"),
    )
    rows: list[dict[str, Cell]] = [
        {
            "quantity": g.quantity,
            "name_zh": g.name_zh,
            "name_en": g.name_en,
            "place": g.place,
            "period": g.period,
            "needed_by": ask.t.pick(g.needed_by_zh, g.needed_by),
            "document": g.document,
            "note": g.note,
        }
        for g in ask.zone.missing
    ]
    return Table("missing", "缺的数", "Missing figures", columns, rows)


def _findings_table(ask: Ask) -> Table:
    columns = (
        Column("level", "级别", "level"),
        Column("code", "代号", "code"),
        Column("zh", "中文", "in Chinese"),
        Column("en", "英文", "in English"),
        Column("file", "文件", "file"),
        Column("row", "行", "row"),
        Column("field", "栏", "field"),
        Column("limit", "限值", "limit"),
        Column("fix", "处理", "fix"),
    )
    return Table("findings", "检查结果", "Findings", columns, [f.record() for f in ask.zone.findings])  # type: ignore[misc]


def _coverage_table(coverage: Sequence[Coverage]) -> Table:
    columns = (
        Column("quantity", "指标代号", "quantity id"),
        Column("name", "指标", "quantity"),
        Column("unit", "单位", "unit"),
        Column("figures", "个数", "figures"),
        Column("places", "地点", "places"),
        Column("first", "起", "from"),
        Column("last", "止", "to"),
    )
    rows: list[dict[str, Cell]] = [
        {
            "quantity": c.quantity,
            "name": c.name,
            "unit": c.unit,
            "figures": c.figures,
            "places": "; ".join(f"{n}/{of} {level}" for level, n, of in c.places),
            "first": c.first,
            "last": c.last,
        }
        for c in coverage
    ]
    return Table("coverage", "指标", "Quantities", columns, rows)


VIEW = View("data", "/data", build, home=lambda code: "/data")
