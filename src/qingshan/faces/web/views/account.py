"""Account: what did nature yield in a year, by service and ecosystem? What is worked out stands beside what refuses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from qingshan.accounts.run import Fact, Run
from qingshan.core.errors import QingshanError, UnknownName
from qingshan.core.units import same_dimension
from qingshan.faces.web.atlas import atlas
from qingshan.faces.web.charts import Chart, Series
from qingshan.faces.web.crumbs import crumbs
from qingshan.faces.web.figures import FIGURE_COLUMNS, Figure, figures_table, of_run, row_of, shared
from qingshan.faces.web.page import Cell, Column, Page, Table, View
from qingshan.faces.web.periods import period_word
from qingshan.faces.web.services import Line, axis, bars, basis_word, counts, documents, groups, is_gep, lacks, line_of
from qingshan.faces.web.site import Ask, last_year
from qingshan.faces.web.spread import Spread, candidates_of, places_chart, spread_of, spread_title, within
from qingshan.publish import numbers

CHANGE = "extent.change"
ENTRIES = (
    "extent.opening",
    "extent.addition_managed",
    "extent.addition_unmanaged",
    "extent.reduction_managed",
    "extent.reduction_unmanaged",
    "extent.net",
    "extent.closing",
)
SPLIT = ENTRIES[1:5]
MOVED = {"extent.class_gain": "extent.addition", "extent.class_loss": "extent.reduction"}
"""Additions and reductions of a class by the change matrix, and their words."""
INDEX = "economy.quantity_index@laspeyres"


def build(ask: Ask) -> Page:
    """The page. `?place=`, `?period=`, `?profile=`, `?basis=` choose the account, `?of=` the figure of the left chart."""
    if ask.place.code not in ask.zone.places:
        raise UnknownName(f"{ask.place.code} is outside the zone's tree.", f"{ask.place.name_zh}不在本区域之内。")
    run = ask.run
    if run is None:
        return Page("account_empty.html", ask.t("account.empty"), {"question": ask.t("account.question")})
    period, basis = _period(ask, run), _basis(ask, run)
    lines = [line_of(ask, run, x, basis) for x in run.services(ask.place.code, period)]
    asked = [x for x in lines if x.included == "yes"]
    total = run.accounted(ask.place.code, period, basis) if basis and _on_file(run, ask.place.code, period) else None
    whole = of_run(run, total) if total else None
    candidates = candidates_of(ask, run, asked, period)
    spread = spread_of(ask, run, candidates, period)
    main = spread.whole if spread and spread.whole.known else next((x.physical for x in asked if x.known), None)
    context: dict[str, Any] = {
        "run": run, "profile": run.profile, "question": ask.t("account.question"), "headline": _headline(ask, run, asked, main, whole),
        "main": main, "total": whole, "gep": is_gep(run, asked, whole), "published": _published(ask), "money": bool(basis),
        "note": ask.t.pick(run.profile.note_zh, run.profile.note_en), "crumbs": crumbs(ask, "/account"),
        "by_class": _by_class(ask, run, period, basis), "extent": _extent(ask, run, period), "years": _series(ask, run),
        **_services(ask, lines, asked, basis), **_asked(ask, run, period, basis), **_around(ask, run),
        "spread": spread, "places": places_chart(ask, spread), "spread_title": spread_title(ask, run, spread), "drill": _drill(ask, spread, period),
        "candidates": [(q, ask.t.pick(*run.names(q))) for q in candidates], "lacks": lacks(asked) if spread is None else [],
    }  # fmt: skip
    tables = _tables(ask, run, context, lines, basis)
    sources = _sources(ask, run, asked)
    labels = sorted({label for x in asked for label in x.labels} | ({"partial"} if context["refused"] else set()))
    places = [f.place for f in spread.figures] if spread else [ask.place.code]
    return Page("account.html", context["headline"], context, tables, places, sources, labels)


def _services(ask: Ask, lines: Sequence[Line], asked: Sequence[Line], basis: str) -> dict[str, Any]:
    """The services of the account, in and out, worked out and refused, as rows and as bars."""
    return {
        "asked": asked, "outside": [x for x in lines if x.included != "yes"], "groups": groups(asked), "said": counts(ask, asked),
        "known": [x for x in asked if x.known], "refused": [x for x in asked if not x.known],
        "bars": bars(asked, ask.lang, basis), "axis": axis(asked, ask.lang),
    }  # fmt: skip


def _asked(ask: Ask, run: Run, period: str, basis: str) -> dict[str, Any]:
    """Period, price basis and profile, with what else may be chosen."""
    return {
        "period": period, "period_label": period_word(period, ask.t, ask.zone), "span": _years(ask, period),
        "periods": [(p, period_word(p, ask.t, ask.zone)) for p in run.manifest["periods"]],
        "bases": [(b, basis_word(ask, b)) for b in run.profile.bases()], "basis": basis, "basis_word": basis_word(ask, basis) if basis else "",
        "profiles": [(id, ask.t.pick(r.profile.zh, r.profile.en)) for id, r in ask.site.runs.items()],
    }  # fmt: skip


def _around(ask: Ask, run: Run) -> dict[str, str]:
    """Addresses of the pages beside this one; '' where there is nothing on them."""
    there = {"seea": True, "topic": bool(ask.site.topics), "change": _changed(run)}
    place = ask.query.get("place", "")
    lead = {
        v: ask.address(f"/account/{v}", basis="", of="", place=place) if yes and ask.has(v) else ""
        for v, yes in there.items()
    }
    return {"seea": lead["seea"], "topics": lead["topic"], "changes": lead["change"]}


def _tables(ask: Ask, run: Run, context: dict[str, Any], lines: Sequence[Line], basis: str) -> list[Table]:
    """What leaves the house, in the order of the page."""
    names = {p.code: p.name(ask.lang) for p in ask.zone.places.values()}
    tables = [_services_table(ask, run, lines, context["total"], basis)]
    if spread := context["spread"]:
        tables.append(figures_table("places", spread.whole.zh, spread.whole.en, spread.figures, names, ask.t))
    more = (
        _class_table(ask, context["by_class"]),
        _extent_table(ask, context["extent"]),
        _years_table(ask, context["years"]),
    )
    return [*tables, *(x for x in more if x)]


# ---- what was asked for ----------------------------------------------------------------------------------------------


def _period(ask: Ask, run: Run) -> str:
    """The account period of the address; a year that is none of them leads to the run's last."""
    asked = ask.query.get("period", "")
    known = list(run.manifest["periods"])
    if asked in known:
        return asked
    same_year = [p for p in known if ask.span and last_year(p) == ask.span[1]]
    return same_year[0] if same_year else run.default_period


def _basis(ask: Ask, run: Run) -> str:
    """The money basis of the address. Raises `UnknownName` listing those of the profile."""
    known, asked = run.profile.bases(), ask.query.get("basis", "")
    if asked and asked not in known:
        listed = ", ".join(known) or "-"
        raise UnknownName(
            f"the profile has no money basis {asked!r}; it has: {listed}.",
            f"本口径没有价格口径 {asked!r}；有：{listed}。",
        )
    return asked or (known[0] if known else "")


def _years(ask: Ask, period: str) -> tuple[int, int] | None:
    year = ask.zone.period(period).year if _declared(ask, period) else last_year(period)
    return (year, year) if year else None


def _declared(ask: Ask, period: str) -> bool:
    return any(p.id == period for p in ask.zone.periods)


def _on_file(run: Run, place: str, period: str) -> bool:
    return any(f.place == place and f.period == period for f in run.facts)


def _headline(ask: Ask, run: Run, asked: Sequence[Line], main: Figure | None, total: Figure | None) -> str:
    """The answer: the main yield with its figure, and how many services can and cannot be worked out."""
    t, lang = ask.t, ask.lang
    known = sum(x.known for x in asked)
    words = {"place": ask.short(ask.place.code)} | counts(ask, asked)
    if is_gep(run, asked, total) and total:
        return t(
            "account.headline.gep", value=total.written(lang).text, basis=basis_word(ask, _basis(ask, run)), **words
        )
    if main is None:
        return t("account.headline.none", **words)
    value = main.written(lang).text
    said = {
        "name": within(main.name(lang)),
        "value": value,
        "about": t("account.about" if main.value is not None and main.range else "account.exactly"),
        **words,
    }
    if not asked:
        return t("account.headline.figure", **said)
    if known == len(asked):
        return t("account.headline.all", **said)
    return t("account.headline.some" if known else "account.headline.only", **said)


def _published(ask: Ask) -> list[Figure]:
    """Totals that others published for this place: quoted beside ours, never added to it."""
    facts = [
        f
        for f in ask.zone.facts.for_place(ask.place.code)
        if f.quantity.startswith("gep.") and same_dimension(f.unit, "元")
    ]
    return [ask.site.figure(f) for f in sorted(facts, key=lambda f: f.period, reverse=True)][:2]


# ---- down to the places below --------------------------------------------------------------------------------------


def _drill(ask: Ask, spread: Spread | None, period: str) -> dict[str, Any] | None:
    """The places below (or beside) as a map and rows that lead to their accounts; the address keeps the choices made."""
    if spread is None or len(spread.figures) < 2:
        return None
    kept = {k: ask.query.get(k, "") for k in ("basis", "of")}

    def lead(code: str) -> str:
        return ask.address("/account", **kept, place=code)

    texts, unit = numbers.write_many([f.middle for f in spread.figures], spread.whole.unit, ask.lang)
    rows = [{"figure": f, "said": said, "name": ask.short(f.place), "href": lead(f.place), "below": len(ask.zone.children(f.place)),
             "here": f.place == ask.place.code} for f, said in zip(spread.figures, texts, strict=True)]  # fmt: skip
    fields = ask.site.fields(ask.profile, ask.site.leaf_level).values()
    field = next((f for f in fields if f.quantity == spread.quantity and f.period == period), None)
    branch = ask.place.code if ask.zone.children(ask.place.code) else (ask.place.parent or ask.zone.root)
    step = {leaf: child for child in ask.zone.children(branch) for leaf in ask.zone.leaves(child)}
    drawn = None
    if field is not None and ask.site.drawing is not None:
        frame = [] if branch == ask.zone.root else ask.zone.leaves(branch)
        drawn = atlas(
            ask,
            field,
            frame=frame,
            chosen="" if branch == ask.place.code else ask.place.code,
            legends=(436, 358),
            lead=lambda code: lead(step.get(code, code)),
        )
    level = ask.level(ask.zone.level(spread.figures[0].place), len(rows))
    return {
        "rows": rows,
        "atlas": drawn,
        "level": level,
        "n": len(rows),
        "name": spread.whole.name(ask.lang),
        "beside": spread.beside,
        "common": shared(f.labels for f in spread.figures),
        "apart": len({f.labels for f in spread.figures}) > 1,
        "unit": unit,
    }


def _changed(run: Run) -> bool:
    return any(f.quantity == CHANGE for f in run.facts)


# ---- by class, extent, years -----------------------------------------------------------------------------------------


def _class_names(ask: Ask) -> dict[str, tuple[str, str]]:
    return {c["id"]: (str(c["zh"]), str(c["en"])) for c in ask.zone.config.get("extent", {}).get("class", ())}


def _by_class(ask: Ask, run: Run, period: str, basis: str) -> dict[str, Any] | None:
    """Services by ecosystem class: one column per figure that is worked out by class."""
    facts = [
        f
        for f in run.facts
        if f.place == ask.place.code
        and f.period == period
        and f.cls
        and f.role in ("physical", "value")
        and f.basis in ("", basis)
    ]
    if not facts:
        return None
    names = _class_names(ask)
    columns = list(dict.fromkeys((f.role, f.quantity) for f in facts))
    cells = {(f.cls, f.role, f.quantity): of_run(run, f) for f in facts}
    classes = [c for c in names if any(key[0] == c for key in cells)]
    areas = {f.cls: of_run(run, f) for f in run.extent(ask.place.code, period) if f.quantity == "extent.closing"}
    rows = [
        {
            "cls": c,
            "name": ask.t.pick(*names[c]),
            "area": areas.get(c),
            "cells": [cells.get((c, *column)) for column in columns],
        }
        for c in classes
    ]
    return {"columns": [ask.t.pick(*run.names(q)) for _, q in columns], "rows": rows, "quantities": columns}


def _extent(ask: Ask, run: Run, period: str) -> dict[str, Any] | None:
    """The extent account as a grid of classes and entries; refusals that a whole column shares are said once.

    Where no class has additions or reductions on file as managed or unmanaged, one sentence says so in place of four refused columns;
    with a change matrix the additions and reductions themselves stand there.
    """
    facts = run.extent(ask.place.code, period)
    if not facts:
        return None
    names = _class_names(ask) | {"unallocated": (ask.t("account.unallocated"), ask.t("account.unallocated"))}
    cells = {(f.cls, f.quantity): of_run(run, f) for f in facts}
    classes = list(dict.fromkeys(f.cls for f in facts))
    heads = [(e, ask.t(f"account.{e}")) for e in ENTRIES]
    told, unsplit = "", not any(cells[c, e].known for c in classes for e in SPLIT if (c, e) in cells)
    if unsplit:
        moved = _moved(ask, run, period, cells)
        heads = [(e, head) for e, head in heads if e not in SPLIT]
        heads[1:1] = [(e, ask.t(f"account.{word}")) for e, word in MOVED.items()] if moved else []
        told = ask.t("account.extent.unsplit" if moved else "account.extent.no_flows")
    shown = cells | moved if unsplit else cells
    rows = [
        {"cls": c, "name": ask.t.pick(*names.get(c, (c, c))), "cells": [shown.get((c, e)) for e, _ in heads]}
        for c in classes
    ]
    scheme = ask.zone.config.get("extent", {})
    return {
        "rows": rows,
        "reasons": _column_reasons(ask, heads, classes, cells),
        "told": told,
        "table": ask.address("/account/seea", of="4.1", place=ask.query.get("place", "")) if unsplit and moved else "",
        "scheme": ask.t.pick(str(scheme.get("zh", "")), str(scheme.get("en", ""))),
        "heads": [head for _, head in heads],
    }


def _moved(ask: Ask, run: Run, period: str, cells: dict[tuple[str, str], Figure]) -> dict[tuple[str, str], Figure]:
    """Additions and reductions of each class by the change matrix, where they lead from its opening to its closing; else none."""
    found = {
        (f.cls, f.quantity): of_run(run, f)
        for f in run.facts
        if f.quantity in MOVED and (f.place, f.period) == (ask.place.code, period)
    }
    for (cls, entry), closing in cells.items():
        if entry != "extent.closing" or cls == "unallocated":
            continue
        opening = cells.get((cls, "extent.opening"))
        gain, loss = (found.get((cls, q)) for q in MOVED)
        parts = [f.value if f else None for f in (closing, opening, gain, loss)]
        if None in parts:
            return {}
        end, start, more, less = (float(v) for v in parts if v is not None)
        if abs(start + more - less - end) > 1e-6 * max(abs(end), 1.0):
            return {}
    return found


def _column_reasons(
    ask: Ask, heads: Sequence[tuple[str, str]], classes: Sequence[str], cells: dict[tuple[str, str], Figure]
) -> list[dict[str, str]]:
    """Why a whole column refuses, once for each such column."""
    reasons = []
    for entry, head in heads:
        column = [cells[c, entry] for c in classes if (c, entry) in cells]
        refused = [f.refusal for f in column if f.refusal]
        if refused and len(refused) == len(column):
            one = {r.key for r in refused}
            said = (
                ask.t.pick(refused[0].zh, refused[0].en)
                if len(one) == 1
                else ask.t("account.extent_lack", n=len(refused))
            )
            document = "; ".join(dict.fromkeys(d for r in refused for d in documents(r)))
            reasons.append({"entry": head, "why": said, "document": document})
    return reasons


def _series(ask: Ask, run: Run) -> dict[str, Any] | None:
    """Several years of one profile: current and constant prices, and the quantity index where the years can be compared."""
    periods = list(run.manifest["periods"])
    if len(periods) < 2 or not run.profile.bases():
        return None
    place = ask.place.code
    by_basis = {b: [_total(run, place, p, b) for p in periods] for b in run.profile.bases()}
    constant = next((b for b in by_basis if b != "current"), "")
    missing = [
        {flag for flag in (f.flags if f else ()) if flag.startswith("missing:")}
        for f in by_basis[constant or next(iter(by_basis))]
    ]
    same = all(m == missing[0] for m in missing)
    index = _indices(run, by_basis[constant]) if constant and same else None
    reason = "" if index else ask.t("account.years.no_index" if same else "account.years.differ")
    figures = {b: [of_run(run, f) if f else None for f in column] for b, column in by_basis.items()}
    if not any(f and f.known for column in figures.values() for f in column):
        return None
    table = Table(
        "years",
        "逐年",
        "Years",
        (Column("period", "时期", "period"), *(Column(b, b, b, "元") for b in by_basis)),
        [
            {"period": p} | {b: f.middle if f else None for b, column in figures.items() for f in column[i : i + 1]}
            for i, p in enumerate(periods)
        ],
    )
    series = tuple(
        Series(
            basis_word(ask, b),
            tuple(f.middle if f else None for f in figures[b]),
            "line",
            "money" if b == "current" else "nature",
        )
        for b in by_basis
    )
    chart = Chart(
        "years", "columns", tuple(period_word(p, ask.t, ask.zone) for p in periods), series, "元", ask.lang, table
    )
    return {
        "chart": chart,
        "periods": [period_word(p, ask.t, ask.zone) for p in periods],
        "figures": figures,
        "index": index,
        "reason": reason,
        "words": {b: basis_word(ask, b) for b in by_basis},
        "ids": periods,
        "constant": constant,
    }


def _total(run: Run, place: str, period: str, basis: str) -> Fact | None:
    found = [
        f for f in run.facts if f.role == "accounted" and f.place == place and f.period == period and f.basis == basis
    ]
    return found[0] if found else None


def _indices(run: Run, totals: Sequence[Fact | None]) -> list[float] | None:
    """The declared quantity index of each year against the first; None where a year has no single figure."""
    values = [f.value for f in totals if f is not None]
    if len(values) != len(totals) or any(v is None for v in values) or INDEX not in run.domains.registry:
        return None
    method = run.domains.registry[INDEX]
    names = list(method.arguments)
    try:
        return [float(method.apply({names[0]: (v, "元"), names[1]: (values[0], "元")})) for v in values]
    except QingshanError:
        return None


# ---- what leaves the house -------------------------------------------------------------------------------------------

_SERVICE_COLUMNS = (
    Column("service", "服务代号", "service id"),
    Column("service_name", "服务", "service"),
    Column("category", "类别", "category"),
    Column("part", "实物量或价值", "physical or value"),
    Column("included", "是否纳入", "included"),
    Column("basis", "价格口径", "price basis"),
    Column("method", "方法", "method"),
    Column("clause", "条款", "clause"),
)


def _services_table(ask: Ask, run: Run, lines: Sequence[Line], total: Figure | None, basis: str) -> Table:
    """Every service twice, physical and in money, with its refusal; the sum last, under its own name."""
    t, rows = ask.t, []
    name = ask.name(ask.place.code)
    for x in lines:
        head: dict[str, Cell] = {
            "service": x.id,
            "service_name": x.name,
            "category": t(f"account.category.{x.category}"),
            "included": t(f"account.included.{x.included.replace('/', '')}"),
            "method": x.method,
            "clause": x.clause,
        }
        for part, figure in (("physical", x.physical), ("value", x.value)):
            more = head | {"part": t(f"account.part.{part}"), "basis": basis if part == "value" else ""}
            if figure is not None:
                rows.append(row_of(figure, name, t) | more)
        if x.physical is None:
            rows.append(head | {"place_code": ask.place.code, "place": name, "reason": x.reason})
    if total is not None:
        word = (
            t("account.gep")
            if is_gep(run, [x for x in lines if x.included == "yes"], total)
            else t("account.accounted")
        )
        rows.append(
            row_of(replace(total, zh=word, en=word), name, t)
            | {"service_name": word, "part": t("account.part.value"), "basis": basis}
        )
    columns = (*FIGURE_COLUMNS[:2], *_SERVICE_COLUMNS, *FIGURE_COLUMNS[2:])
    return Table("services", "服务", "Services", columns, rows, "place_code")


def _class_table(ask: Ask, by_class: dict[str, Any] | None) -> Table | None:
    if by_class is None:
        return None
    extra = (Column("cls", "地类代号", "class id"), Column("cls_name", "地类", "class"))
    rows = [
        row_of(f, ask.name(f.place), ask.t, cls=r["cls"], cls_name=r["name"])
        for r in by_class["rows"]
        for f in [r["area"], *r["cells"]]
        if f
    ]
    return Table("classes", "按地类", "By class", (*FIGURE_COLUMNS[:2], *extra, *FIGURE_COLUMNS[2:]), rows)


def _extent_table(ask: Ask, extent: dict[str, Any] | None) -> Table | None:
    if extent is None:
        return None
    extra = (
        Column("cls", "地类代号", "class id"),
        Column("cls_name", "地类", "class"),
        Column("entry", "栏目", "entry"),
    )
    heads: list[str] = extent["heads"]
    rows = [
        row_of(f, ask.name(f.place), ask.t, cls=r["cls"], cls_name=r["name"], entry=heads[i])
        for r in extent["rows"]
        for i, f in enumerate(r["cells"])
        if f
    ]
    return Table("extent", "面积账户", "Extent account", (*FIGURE_COLUMNS[:2], *extra, *FIGURE_COLUMNS[2:]), rows)


def _years_table(ask: Ask, years: dict[str, Any] | None) -> Table | None:
    if years is None:
        return None
    columns: dict[str, list[Figure | None]] = years["figures"]
    index: list[float] | None = years["index"]
    rows = [
        row_of(f, ask.name(f.place), ask.t, basis=b, index=index[i] if index and b == years["constant"] else None)
        for b, column in columns.items()
        for i, f in enumerate(column)
        if f
    ]
    extra = (Column("basis", "价格口径", "price basis"), Column("index", "实物量指数", "quantity index"))
    return Table("years", "逐年", "Years", (*FIGURE_COLUMNS[:5], *extra, *FIGURE_COLUMNS[5:]), rows)


def _sources(ask: Ask, run: Run, asked: Sequence[Line]) -> list[str]:
    clauses = [x.clause for x in asked if x.known and x.clause]
    return list(dict.fromkeys([ask.t.pick(run.profile.zh, run.profile.en), *clauses]))


VIEW = View("account", "/account", build, home=lambda code: "/account", rail=lambda code: "/account")
