"""Standards: what does the rule say, in which row, and what is still to be obtained? Documents, their clauses and tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from qingshan.core.errors import QingshanError, UnknownName
from qingshan.core.limit import LimitTable, limit_tables
from qingshan.core.parameter import STATUSES, ParameterRow
from qingshan.faces.web.documents import Document, Wanted, library
from qingshan.faces.web.limits import compare, compared_table, groups, limit_sign, limits_table, table_of, users
from qingshan.faces.web.names import capital
from qingshan.faces.web.page import Cell, Column, Page, Table, View
from qingshan.faces.web.site import Ask
from qingshan.faces.web.stations import observations
from qingshan.faces.web.usage import usage
from qingshan.observe.alert.network import rules_of
from qingshan.publish import numbers

MAX_ROWS = 400


# ---- the list --------------------------------------------------------------------------------------------------------


def build_all(ask: Ask) -> Page:
    """Every document on file and every one to obtain. `?q=` keeps those whose words hold it, `?status=` one status."""
    shelf, t = library(ask), ask.t
    asked, status = ask.query.get("q", "").strip(), ask.query.get("status", "")
    if status and status not in STATUSES:
        listed = ", ".join(STATUSES)
        raise UnknownName(f"no status {status!r}; there are: {listed}.", f"没有状态 {status!r}；有：{listed}。")
    held = [d for d in shelf.documents.values() if _holds(d, asked) and (not status or status in d.statuses)]
    held.sort(key=lambda d: (-len(d.rows) - len(d.limits) - len(d.methods), d.title))
    waiting = _waiting(ask)
    wanted = [
        w
        for w in shelf.wanted.values()
        if not asked or asked.casefold() in f"{w.title} {' '.join(r.parameter for r in w.rows)}".casefold()
    ]
    wanted = [] if status not in ("", "open") else wanted
    wanted.sort(key=lambda w: (-len(waiting.get(w.title, ())), -len(w.profiles), w.title))
    counts = Counter(s for d in shelf.documents.values() for s in d.statuses)
    opened = sum(len(w.rows) for w in shelf.wanted.values()) + counts.pop("open", 0)
    limits = _limit_tables(ask, asked) if status in ("", "open") else []
    context = {
        "question": t("standards.question"),
        "headline": t("standards.headline", rows=f"{sum(counts.values()):,}", open=opened, wanted=len(shelf.wanted)),
        "lead": t("standards.lead"),
        "documents": [] if status == "open" else held,
        "q": asked,
        "status": status,
        "wanted": [
            {"document": w, "waiting": waiting.get(w.title, [])}
            for w in wanted
            if asked or w.profiles or waiting.get(w.title)
        ],
        "later": [{"document": w, "waiting": []} for w in wanted if not (asked or w.profiles or waiting.get(w.title))],
        "wanted_count": len(wanted),
        "counts": [(s, counts[s]) for s in STATUSES if counts[s]] + [("open", opened)],
        "files": shelf.tables,
        "methods": sum(len(d.methods) for d in held),
        "methods_total": len(usage(ask.site).domains.registry.all()),
        "commands": _commands(ask),
        "limits": limits,
    }
    tables = [
        _documents_table(held, list(shelf.wanted.values()), waiting),
        users_table([x["table"] for x in limits], ask),
        rows_table([*(r for d in held for r in d.rows), *(r for w in wanted for r in w.rows)]),
        limits_table([r for d in held for r in d.limits]),
    ]
    return Page("standards.html", t("standards.name"), context, tables)


def _holds(document: Document, asked: str) -> bool:
    words = " ".join(
        [
            document.title,
            document.issuer,
            document.where,
            *(r.parameter for r in document.rows),
            *dict.fromkeys(f"{r.edition} {r.item} {r.clause}" for r in document.limits),
            *(c[1] for c in document.clauses),
        ]
    )
    return all(part in words.casefold() for part in asked.casefold().split())


def _limit_tables(ask: Ask, asked: str) -> list[dict[str, Any]]:
    """Every table of limits and rules: editions, rows, open rows, the evaluations that stand on it."""
    made = []
    for table in limit_tables():
        words = f"{table.id} {table.zh} {table.en} {' '.join(table.editions)} {' '.join({r.item for r in table.rows})}".casefold()
        if not all(part in words for part in asked.casefold().split()):
            continue
        made.append(
            {
                "table": table, "name": capital(ask.t.pick(table.zh, table.en)), "rows": len(table.rows),
                "open": sum(r.status == "open" for r in table.rows), "compare": len([e for e in table.editions if e]) > 1,
                "users": users(ask, table.id), "domain": table.domain,
                "documents": _documents_of(ask, table),
            }
        )  # fmt: skip
    return made


def _documents_of(ask: Ask, table: LimitTable) -> list[dict[str, Any]]:
    """Edition by edition, the document its rows stand under and how many they are."""
    found = []
    for edition in table.editions:
        for d in library(ask).documents.values():
            if n := sum(r.table == table.id and r.edition == edition for r in d.limits):
                found.append({"id": d.id, "edition": edition, "rows": n})
    return found


def _waiting(ask: Ask) -> dict[str, list[str]]:
    """Document -> services of the chosen run that refuse for want of it, at the chosen place."""
    if ask.run is None:
        return {}
    found: dict[str, list[str]] = {}
    place = ask.place.code if ask.place.code in ask.run.zone.places else ask.run.zone.root
    for line in ask.run.services(place):
        refusal = line.refusal or next((f.refusal for f in line.value.values() if f.refusal), None)
        if line.included == "yes" and refusal:
            for leaf in refusal.leaves():
                if leaf.document:
                    names = found.setdefault(leaf.document, [])
                    if (name := ask.t.pick(line.service.zh, line.service.en)) not in names:
                        names.append(name)
    return found


def _commands(ask: Ask, profile: str = "") -> list[str]:
    name = profile or ask.profile
    return (
        [f"qingshan fill {name} --template > slots.csv", f'qingshan fill {name} slots.csv --by NAME --document "..."']
        if name
        else []
    )


# ---- one document ----------------------------------------------------------------------------------------------------


def build(ask: Ask) -> Page:
    """One document on file, or one to obtain. Raises `UnknownName` naming documents that are near."""
    shelf, asked = library(ask), ask.params["document"]
    if asked in shelf.documents:
        return _held(ask, shelf.documents[asked])
    if asked in shelf.wanted:
        return _to_obtain(ask, shelf.wanted[asked])
    near = ", ".join(d for d in [*shelf.documents, *shelf.wanted] if asked[:4] and asked[:4] in d)[:200]
    raise UnknownName(
        f"no document {asked!r}" + (f" (near: {near})." if near else "."),
        f"没有文件 {asked!r}" + (f"（相近：{near}）。" if near else "。"),
    )


def _held(ask: Ask, document: Document) -> Page:
    t = ask.t
    rows = len(document.rows) + len(document.limits)
    headline = t("standards.one", title=document.title, rows=rows, methods=len(document.methods))
    if not rows and not document.methods:
        headline = t("standards.one_empty", title=document.title)
    clauses = _clauses(document)
    open_here = [
        row
        for w in library(ask).wanted.values()
        for row in w.rows
        if document.title in w.title or (row.source_title and row.source_title == document.title)
    ]
    context = {
        "question": t("standards.one_question"),
        "headline": headline,
        "document": document,
        "clauses": clauses,
        "wanted": None,
        "groups": _groups(ask, document.rows),
        "uses": _uses(ask, document),
        "commands": [],
        "waiting": [],
        "open_here": _groups(ask, open_here),
        "limits": groups(ask, document.limits),
        "alerts": alert_rules(ask, document),
        "unit": lambda u: numbers.declared_word(u, ask.lang),
    }
    return Page(
        "standard.html",
        document.title,
        context,
        [rows_table(document.rows), _clauses_table(document), limits_table(document.limits)],
        sources=[document.title],
        labels=[document.worst],
    )


def alert_rules(ask: Ask, document: Document) -> list[dict[str, str]]:
    """Alert rules of the zone's networks that name an edition of the document."""
    editions = {r.edition for r in document.limits if r.edition}
    found = []
    for network in observations(ask.site).networks.values():
        try:
            rules = rules_of(network)
        except QingshanError:
            continue  # a network without rules, or with rules that are being edited
        found += [
            {"id": r.id, "name": ask.t.pick(r.zh, r.en), "network": network.id, "of": network.name(ask.lang), "clause": r.clause}
            for r in rules if any(e in r.clause for e in editions)
        ]  # fmt: skip
    return found


def _clauses(document: Document) -> list[dict[str, Any]]:
    """The clauses declared, and those that only rows name: each with its formulas and how many rows it gives."""
    named = dict(document.clauses)
    counted = Counter(r.clause for r in document.limits if r.clause)
    return [
        {"where": where, "zh": named.get(where, ""), "rows": counted[where],
         "methods": [m for m in document.methods if where and where in m.clause.where]}
        for where in dict.fromkeys([*named, *counted])
    ]  # fmt: skip


def _to_obtain(ask: Ask, wanted: Wanted) -> Page:
    t = ask.t
    context = {
        "question": t("standards.wanted_question"),
        "headline": t("standards.wanted_document", title=wanted.title, rows=len(wanted.rows)),
        "document": None,
        "wanted": wanted,
        "clauses": [],
        "groups": _groups(ask, wanted.rows),
        "uses": [],
        "waiting": _waiting(ask).get(wanted.title, []),
        "commands": _commands(ask, wanted.profiles[0] if wanted.profiles else ""),
        "open_here": [],
        "limits": [],
        "alerts": [],
        "profiles": [usage(ask.site).profiles[p] for p in wanted.profiles],
    }
    return Page("standard.html", wanted.title, context, [rows_table(wanted.rows)], labels=["open"])


def _groups(ask: Ask, rows: Sequence[ParameterRow]) -> list[dict[str, Any]]:
    """Rows by parameter, each row ready to print, with the recipes that use the parameter."""
    known = usage(ask.site)
    found: dict[str, list[ParameterRow]] = {}
    for row in rows[:MAX_ROWS]:
        found.setdefault(row.parameter, []).append(row)
    groups = []
    for parameter, members in found.items():
        uses = known.by_parameter.get(parameter, [])
        name = ""
        if uses:
            declared = known.domains.registry[uses[0].recipe.method].arguments[uses[0].argument]
            name = ask.t.pick(declared.zh, declared.en)
        shown = []
        for r in members:
            (value, low, high), unit = numbers.write_many([r.value, r.low, r.high], r.unit, ask.lang, "exact")
            shown.append(
                {
                    "row": r,
                    "value": value,
                    "unit": unit if r.value is not None else numbers.declared_word(r.unit, ask.lang),
                    "range": f"{low}–{high}" if r.low is not None and r.high is not None else "",
                    "file": f"{r.origin}:{r.line}",
                }
            )
        groups.append(
            {
                "parameter": parameter,
                "name": name,
                "rows": shown,
                "profiles": list(dict.fromkeys(ask.t.pick(u.profile.zh, u.profile.en) for u in uses)),
                "sets": len({r.set for r in members}) > 1 or any(r.set for r in members),
            }
        )
    return groups


def _uses(ask: Ask, document: Document) -> list[dict[str, Any]]:
    """Profiles that use a method or a parameter of the document."""
    known = usage(ask.site)
    uses = [u for m in document.methods for u in known.by_method.get(m.ref, [])]
    uses += [u for p in dict.fromkeys(r.parameter for r in document.rows) for u in known.by_parameter.get(p, [])]
    by_profile: dict[str, dict[str, Any]] = {}
    for u in uses:
        slot = by_profile.setdefault(u.profile.id, {"profile": u.profile, "names": [], "services": []})
        method = known.domains.registry[u.recipe.method]
        name = ask.t.pick(u.recipe.zh or method.zh, u.recipe.en or method.en)
        if name not in slot["names"]:
            slot["names"].append(name)
        slot["services"] += [s for s in u.services if s not in slot["services"]]
    return list(by_profile.values())


# ---- tables ----------------------------------------------------------------------------------------------------------

_ROW_COLUMNS = tuple(
    Column(key, zh, en)
    for key, zh, en in (
        ("parameter", "参数", "parameter"),
        ("class", "类型", "class"),
        ("value", "取值", "value"),
        ("low", "下限", "low"),
        ("high", "上限", "high"),
        ("unit", "单位", "unit"),
        ("set", "参数组", "set"),
        ("place", "地点", "place"),
        ("year", "年份", "year"),
        ("edition", "版次", "edition"),
        ("valid_from", "生效", "valid from"),
        ("valid_to", "失效", "valid to"),
        ("source_title", "出处", "source"),
        ("source_where", "条款", "clause"),
        ("status", "状态", "status"),
        ("document", "补它的文件", "document that fills it"),
        ("note", "说明", "note"),
        ("file", "文件与行", "file and row"),
    )
)


def rows_table(rows: Sequence[ParameterRow]) -> Table:
    """Parameter rows as they stand, open slots with the document that fills them."""
    made: list[dict[str, Cell]] = [
        {
            "parameter": r.parameter,
            "class": r.cls,
            "value": r.value,
            "low": r.low,
            "high": r.high,
            "unit": r.unit,
            "set": r.set,
            "place": r.place,
            "year": r.year,
            "edition": r.edition,
            "valid_from": r.valid_from,
            "valid_to": r.valid_to,
            "source_title": r.source_title,
            "source_where": r.source_where,
            "status": r.status,
            "document": r.document,
            "note": r.note,
            "file": f"{r.origin}:{r.line}",
        }
        for r in rows
    ]
    return Table("parameters", "参数", "Parameters", _ROW_COLUMNS, made)


def _documents_table(held: Sequence[Document], wanted: Sequence[Wanted], waiting: dict[str, list[str]]) -> Table:
    columns = (
        Column("id", "代号", "id"),
        Column("title", "文件", "document"),
        Column("issuer", "发布", "issuer"),
        Column("where", "刊载", "printed in"),
        Column("doi", "DOI", "DOI"),
        Column("methods", "公式", "methods"),
        Column("rows", "参数行", "rows"),
        Column("open", "待补行", "open rows"),
        Column("status", "状态", "status"),
        Column("waiting", "等它的服务", "services that wait"),
    )
    rows: list[dict[str, Cell]] = [
        {
            "id": d.id,
            "title": d.title,
            "issuer": d.issuer,
            "where": d.where,
            "doi": d.doi,
            "methods": len(d.methods),
            "rows": len(d.rows) + len(d.limits),
            "open": sum(r.status == "open" for r in d.limits),
            "status": d.worst,
        }
        for d in held
    ]
    rows += [
        {
            "id": w.id,
            "title": w.title,
            "methods": 0,
            "rows": 0,
            "open": len(w.rows),
            "status": "open",
            "waiting": "; ".join(waiting.get(w.title, [])),
        }
        for w in wanted
    ]
    return Table("documents", "文件", "Documents", columns, rows)


def _clauses_table(document: Document) -> Table:
    columns = (Column("where", "条款", "clause"), Column("zh", "内容", "subject"), Column("rows", "行", "rows"))
    rows: list[dict[str, Cell]] = [{"where": c["where"], "zh": c["zh"], "rows": c["rows"]} for c in _clauses(document)]
    return Table("clauses", "条款", "Clauses", columns, rows)


def users_table(found: Sequence[LimitTable], ask: Ask) -> Table:
    """Who uses each table of limits: a row for each evaluation."""
    columns = (
        Column("table", "表", "table"), Column("name", "名称", "name"), Column("domain", "领域", "domain"), Column("editions", "版本", "editions"),
        Column("rows", "行", "rows"), Column("open", "待补行", "open rows"), Column("evaluation", "评价", "evaluation"),
        Column("command", "命令", "command"), Column("methods", "公式", "methods"), Column("profiles", "口径", "profiles"),
        Column("networks", "监测网", "networks"),
    )  # fmt: skip
    rows: list[dict[str, Cell]] = []
    for table in found:
        about: dict[str, Cell] = {
            "table": table.id, "name": ask.t.pick(table.zh, table.en), "domain": table.domain, "rows": len(table.rows),
            "editions": "; ".join(e for e in table.editions if e), "open": sum(r.status == "open" for r in table.rows),
        }  # fmt: skip
        used: list[dict[str, Cell]] = [
            {"evaluation": u.name, "command": u.command, "methods": "; ".join(m.ref for m in u.methods), "profiles": "; ".join(u.profiles),
             "networks": "; ".join(n for n, _ in u.networks)}
            for u in users(ask, table.id)
        ]  # fmt: skip
        rows += [about | u for u in used] or [about]
    return Table("limit_tables", "限值与规则表", "Tables of limits and rules", columns, rows)


# ---- editions side by side -------------------------------------------------------------------------------------------


def build_compare(ask: Ask) -> Page:
    """Editions of one table side by side; `?all=1` shows the lines that did not change too."""
    table, t = table_of(ask.params["table"]), ask.t
    editions, lines = compare(table, ask.lang)
    changed = [c for c in lines if c.changed]
    everything = ask.query.get("all", "") == "1"
    name = capital(t.pick(table.zh, table.en))
    context = {
        "question": t("standards.compare_question"),
        "headline": t("standards.compare_headline", name=name, changed=len(changed), lines=len(lines)),
        "table": table,
        "editions": [
            (
                e,
                next(
                    (
                        d.id
                        for d in library(ask).documents.values()
                        if any(r.edition == e.edition and r.table == table.id for r in d.limits)
                    ),
                    "",
                ),
            )
            for e in editions
        ],
        "lines": lines if everything else changed,
        "everything": everything,
        "count": len(lines),
        "users": users(ask, table.id),
        "sign": limit_sign,
        "unit": lambda u: numbers.declared_word(u, ask.lang),
    }
    labels = sorted({r.status for r in table.rows if r.status != "open"})
    return Page(
        "standards_compare.html",
        name,
        context,
        [compared_table(editions, lines), limits_table(table.rows)],
        labels=labels,
    )


VIEW_ALL = View("standards", "/standards", build_all, home=lambda code: "/standards")
VIEW = View("standards_page", "/standards/{document}", build, under="standards")
VIEW_COMPARE = View("standards_compare", "/standards/compare/{table}", build_compare, under="standards")
VIEWS = (VIEW_ALL, VIEW, VIEW_COMPARE)
