"""Pedigree: why is this number what it is? Figure, method with the numbers put in, parameters, readings, files, replay, users.

A page shows one level; every part leads on to its own page. What stands further down is counted, never printed by the thousand.
The `.json` of the page holds the whole tree.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from qingshan.accounts.figure import Node
from qingshan.accounts.run import ACCOUNTED, Refusal, Run
from qingshan.core.errors import UnknownName
from qingshan.faces.web import formula
from qingshan.faces.web.documents import library, slug
from qingshan.faces.web.figures import READ_LABELS, Figure, ordered
from qingshan.faces.web.lineage import (
    Part,
    also_printed,
    below_of,
    choices,
    class_name,
    files_of,
    left_out,
    node_figure,
    parameters_of,
    parts_of,
    put_in,
    readings_of,
    rule_of,
    said_period,
)
from qingshan.faces.web.page import Cell, Column, Page, Table, View
from qingshan.faces.web.periods import period_word
from qingshan.faces.web.released import dossier_runs, released_runs
from qingshan.faces.web.services import basis_word
from qingshan.faces.web.site import Ask
from qingshan.faces.web.woods import forest_of
from qingshan.publish import numbers
from qingshan.publish.written import equation_words
from qingshan.zone.fact import InputFact

MAX_PARTS = 60
MAX_USERS = 12
MAX_ROWS = 30
_KEY = re.compile(r"[0-9a-f]{64}")


def build(ask: Ask) -> Page:
    """The page of a node of any run of this zone, or of a printed figure. `?profile=` prefers one run, `?depth=` cuts the tree of its `.json`."""
    key = ask.params["key"]
    if not _KEY.fullmatch(key):
        raise UnknownName(f"{key[:80]!r} is no pedigree key.", f"{key[:80]!r} 不是来历键。")
    run = _run_with(ask, key)
    if run is not None:
        return _of_node(ask, run, run.nodes[key])
    fact = _printed(ask).get(key)
    if fact is not None:
        return _of_fact(ask, fact)
    raise UnknownName(
        f"no figure has the key {key[:12]}….",
        f"没有来历键为 {key[:12]}… 的数。",
        fix="the figure may belong to an older run: qingshan explain",
    )


def _run_with(ask: Ask, key: str) -> Run | None:
    runs = [
        r for r in (ask.run, *ask.site.runs.values(), *ask.site.topics.values(), forest_of(ask.site)) if r is not None
    ]
    found = next((r for r in runs if key in r.nodes), None)
    return found or next((r for r in (*released_runs(ask.site), *dossier_runs(ask.site)) if key in r.nodes), None)


def _printed(ask: Ask) -> Mapping[str, InputFact]:
    """Every printed figure of the zone by its key, targets and merged parts included."""
    kept = ask.site.kept
    if "printed" not in kept:
        facts = [*ask.zone.facts.all(), *ask.zone.targets]
        kept["printed"] = {f.key: f for fact in facts for f in (fact, *fact.parts)}
    return kept["printed"]


# ---- a step of a run -------------------------------------------------------------------------------------------------


def _of_node(ask: Ask, run: Run, node: Node) -> Page:
    figure = node_figure(ask, run, node)
    below = list(below_of(run, node))
    method = run.domains.registry[node.method] if node.method else None
    parts = parts_of(ask, run, node, method, figure)
    crumbs = _crumbs(ask, node, figure)
    context: dict[str, Any] = {
        "question": ask.t("pedigree.question"), "figure": figure, "crumbs": crumbs, "crumb_place": node.place, "node": node, "run": run,
        "headline": _headline(ask, figure), "labels": figure.labels, "kind": ask.t(f"pedigree.kind.{node.kind}"), "method": method,
        "lines": [formula.typeset(x) for x in formula.lines(method.formula)] if method else [],
        "put_in": put_in(ask, node, method, parts, figure), "choices": choices(ask, method, node), "parts_list": parts[:MAX_PARTS],
        "more_parts": max(0, len(parts) - MAX_PARTS), "left_out": left_out(ask, run, node), "rule": rule_of(ask, node, len(parts)),
        "row": _row(ask, run, node), "refusal": node.refusal, "documents": _documents(ask, node.refusal), "also": also_printed(ask, node),
        "depth": len(below), "here": node.place, "cite": _cite(ask, run, figure, node), "own": node.kind in ("input", "parameter"),
        **_ground(ask, run, node, below), **_use(ask, run, node),
    }  # fmt: skip
    titles = (str(n.row.get("source_title", "")) for n in below if n.row and n.row.get("source_title"))
    return Page(
        "pedigree.html",
        " ".join([*crumbs[:2], context["headline"]]),
        context,
        [_parts_table(ask, parts), _rows_table(ask, below)],
        [node.place] if node.place else [],
        list(dict.fromkeys(titles))[:6],
        figure.labels,
        record=lambda: run.explain(node.key, _depth(ask)),
    )


def _crumbs(ask: Ask, node: Node, figure: Figure) -> list[str]:
    place, basis = ask.name(node.place) if node.place else "", basis_word(ask, node.basis) if node.basis else ""
    words = (place, figure.name(ask.lang), class_name(ask, node.cls), said_period(ask, node), basis)
    return [x for x in words if x]


def _ground(ask: Ask, run: Run, node: Node, below: Sequence[Node]) -> dict[str, Any]:
    """What the figure stands on: rows, readings and files, and for an estimate from plots how sure it is."""
    rows = [n for n in below if n.kind == "parameter" and n.row]
    readings = readings_of(ask, run, [n for n in below if n.kind == "input" and n.row], node)
    return {
        "parameters": parameters_of(ask, run, rows)[:MAX_ROWS], "parameter_count": len(rows), "readings": readings,
        "reading_count": sum(len(r.figures) for r in readings), "files": files_of(ask, run, below), "error": _error(ask, node),
        "error_title": ask.t("pedigree.error.title" if "se" in node.notes else "pedigree.error.detail"), "plot_href": _plot_address(ask, node),
    }  # fmt: skip


def _use(ask: Ask, run: Run, node: Node) -> dict[str, Any]:
    """Who stands on the figure, and the commands that explain and replay it."""
    users = [f for f in run.users(node.key) if f.key != node.key]
    return {"users": _users(ask, run, users), "user_count": len(users), "commands": _commands(ask, run, node)}


def _depth(ask: Ask) -> int | None:
    """`?depth=3` cuts the tree of the `.json`; the whole tree without it."""
    asked = ask.query.get("depth", "")
    return int(asked) if asked.isdecimal() and len(asked) < 3 else None


def _headline(ask: Ask, figure: Figure) -> str:
    return figure.written(ask.lang).text if figure.known else ask.t("refused")


def _plot_address(ask: Ask, node: Node) -> str:
    """The page of a plot of an inventory, where its trees are listed."""
    if node.kind != "plot" or node.notes["inventory"] in ("opening", "closing") or not ask.has("forest_plot"):
        return ""
    return ask.address(
        f"/forest/plots/{quote(str(node.notes['inventory']), safe='')}/{quote(str(node.notes['plot']), safe='')}",
        period="",
    )


def _error(ask: Ask, node: Node) -> list[tuple[str, str]]:
    """How sure an estimate from plots is, and what plots and strata say of themselves."""
    note = node.notes
    if not {"se", "plots", "trees"} & set(note):
        return []
    lines = []
    if "se" in note:
        texts, unit = numbers.write_many([note["se"], note["low"], note["high"]], node.unit, ask.lang)
        lines = [(ask.t("pedigree.error.se"), f"{texts[0]} {unit}"),
                 (ask.t("pedigree.error.interval", confidence=f"{note['confidence']:.0%}"), f"{texts[1]} – {texts[2]} {unit}")]  # fmt: skip
        if note.get("relative_se") is not None:
            lines.insert(1, (ask.t("pedigree.error.relative"), f"{numbers.digits(100 * note['relative_se'])} %"))
    for word in ("df", "plots", "trees", "stratum", "plot", "inventory", "estimator"):
        if word in note:
            said = ask.t(f"pedigree.estimator.{note[word]}") if word == "estimator" else str(note[word])
            lines.append((ask.t(f"pedigree.error.{word}"), said))
    if "weight" in note and "variance" in note:
        lines.append(
            (ask.t("pedigree.error.variance"), numbers.digits(note["variance"], 4) if note["variance"] else "0")
        )
    if "auxiliary" in note:
        lines.append((ask.t("pedigree.error.auxiliary"), str(note["auxiliary"])))
    for word in ("plain_mean", "slope", "correlation", "auxiliary_sub"):
        if word in note:
            lines.append((ask.t(f"pedigree.error.{word}"), numbers.digits(note[word], 4) if note[word] else "0"))
    for word, n in note.get("flags", {}).items():
        lines.append((ask.t(f"forest.flag.{word}.word"), f"{n:,}"))
    for word, value in note.get("per_hm2", {}).items():
        lines.append((ask.t(f"pedigree.error.per_{word}"), numbers.digits(value) if value else "0"))
    return lines


def _row(ask: Ask, run: Run, node: Node) -> list[tuple[str, str]]:
    """The printed row itself, for a reading or a parameter."""
    if not node.row:
        return []
    return _row_lines(ask, node.row)


def _row_lines(ask: Ask, row: Mapping[str, Any]) -> list[tuple[str, str]]:
    where = f"{row.get('file') or row.get('origin') or ''}:{row.get('row') or row.get('line') or ''}".strip(":")
    names = {
        "printed": "printed",
        "source_title": "source",
        "issuer": "issuer",
        "source_where": "where",
        "status": "status",
        "note": "note",
        "set": "set",
        "year": "year",
        "edition": "edition",
        "place_zh": "place_printed",
        "filled_by": "filled_by",
    }
    lines = [(ask.t("pedigree.row.file"), where)] if where else []
    for column, word in names.items():
        if row.get(column):
            value = str(row[column])
            if column == "printed":
                value = "; ".join(x for x in equation_words(value) if x)
            shown = ask.t(f"badge.{value}.word") if column == "status" and ask.t.has(f"badge.{value}.word") else value
            lines.append((ask.t(f"pedigree.row.{word}"), shown))
    return lines


def _documents(ask: Ask, refusal: Refusal | None) -> list[tuple[str, str]]:
    """Documents that fill a refusal, with the address of their page where the library has one."""
    if refusal is None:
        return []
    wanted = library(ask).wanted
    titles = dict.fromkeys(x.document for x in refusal.leaves() if x.document)
    return [
        (title, ask.address(f"/standards/{slug(title)}", period="") if slug(title) in wanted else "")
        for title in titles
    ]


def _users(ask: Ask, run: Run, users: Sequence[Any]) -> list[tuple[str, str]]:
    """Published cells that stand on this figure, the highest places first, each by name."""
    depth = {code: len(ask.zone.ancestors(code)) for code in ask.zone.places}
    ordered_users = sorted(users, key=lambda f: (depth.get(f.place, 9), bool(f.cls), f.place))
    listed: list[tuple[str, str]] = []
    when: list[str] = []
    for f in ordered_users[:MAX_USERS]:
        name = ask.t("account.accounted") if f.quantity == ACCOUNTED else ask.t.pick(*run.names(f.quantity))
        words = [
            ask.short(f.place),
            name,
            class_name(ask, f.cls) if f.cls else "",
            (basis_word(ask, f.basis) if f.basis else ""),
        ]
        listed.append((" ".join(w for w in words if w), ask.pedigree(f.key)))
        when.append(f.period)
    said = Counter(name for name, _ in listed)
    return [
        (f"{name} {period}" if said[name] > 1 and period else name, to)
        for (name, to), period in zip(listed, when, strict=True)
    ]


def _commands(ask: Ask, run: Run, node: Node) -> list[str]:
    dossier = run.manifest.get("kind") == "dossier"
    of = ["--dossier", run.id.rpartition("-")[0]] if dossier else ["--profile", run.profile.id]
    explain = ["qingshan", "explain", node.quantity, "--zone", ask.zone.id, *of]
    if node.place:
        explain += ["--place", node.place]
    if node.period:
        explain += ["--period", node.period]
    if node.cls:
        explain += ["--cls", node.cls]
    if node.basis:
        explain += ["--basis", node.basis]
    published = any(f.key == node.key for f in run.facts)
    check = f"qingshan verify {ask.zone.id}/{of[1]}" if dossier else f"qingshan verify {run.id}"
    return [check, *([" ".join(explain)] if published else [])]


def _cite(ask: Ask, run: Run, figure: Figure, node: Node) -> str:
    """One line that names the figure, its run and its key, for a report or an e-mail."""
    what = " ".join(
        x
        for x in (
            ask.name(node.place) if node.place else "",
            figure.name(ask.lang),
            class_name(ask, node.cls) if node.cls else "",
            said_period(ask, node),
        )
        if x
    )
    labels = "、".join(ask.t(f"badge.{x}.word") for x in figure.labels if ask.t.has(f"badge.{x}.word"))
    return ask.t(
        "pedigree.cite",
        what=what,
        value=_headline(ask, figure),
        labels=f"[{labels}] " if labels else "",
        run=run.id,
        key=node.key[:16],
    )


# ---- a printed figure that no run uses -------------------------------------------------------------------------------


_WITHOUT_STEP: dict[str, Any] = {
    "node": None, "run": None, "method": None, "lines": [], "put_in": None, "choices": [], "left_out": [], "more_parts": 0,
    "parameters": [], "parameter_count": 0, "readings": [], "reading_count": 0, "refusal": None, "documents": [], "users": [],
    "user_count": 0, "depth": 1, "cite": "", "own": True, "error": [], "error_title": "", "plot_href": "",
}  # fmt: skip
"""What the page says of a step of a run, for a figure that has none."""


def _of_fact(ask: Ask, fact: InputFact) -> Page:
    figure = ask.site.figure(fact)
    record = fact.record()
    crumbs = [x for x in (ask.name(fact.place), figure.name(ask.lang), period_word(fact.period, ask.t)) if x]
    label = {READ_LABELS[fact.status]} if fact.status in READ_LABELS else set()
    context: dict[str, Any] = {
        **_WITHOUT_STEP, "question": ask.t("pedigree.question"), "figure": figure, "crumbs": crumbs, "crumb_place": fact.place,
        "headline": _headline(ask, figure), "labels": ordered({*figure.labels, *label}), "kind": ask.t("pedigree.kind.input"),
        "rule": ask.t("pedigree.rule.merged", n=len(fact.parts)) if fact.parts else "",
        "parts_list": [Part(p.place_zh or ask.name(p.place), "", ask.site.figure(p)) for p in fact.parts],
        "row": _row_lines(ask, record), "files": _file_of(ask, fact), "commands": [f"qingshan check {ask.zone.id}"],
        "here": fact.place, "also": _also_of(ask, fact),
    }  # fmt: skip
    tables = [Table("rows", "原始行", "Source rows", _ROW_COLUMNS, [_row_record(record)])]
    return Page(
        "pedigree.html",
        " ".join([*crumbs[:2], context["headline"]]),
        context,
        tables,
        [fact.place],
        [fact.source_title],
        context["labels"],
        record=lambda: {"key": fact.key, "kind": "input", "row": record},
    )


def _file_of(ask: Ask, fact: InputFact) -> list[dict[str, Any]]:
    if not fact.file:
        return []
    return [{"file": fact.file, "rows": 1, "sha256": ask.zone.files.get(fact.file, ""), "source": fact.source_title}]


def _also_of(ask: Ask, fact: InputFact) -> list[str]:
    """The same figure as other sources print it."""
    others = [f for f in ask.zone.facts.find(fact.quantity, fact.place, fact.period) if f.key != fact.key]
    return [f"{ask.site.figure(f).written(ask.lang).text}（{f.source_title}）" for f in others]


# ---- tables ----------------------------------------------------------------------------------------------------------

_ROW_COLUMNS = (
    Column("kind", "类型", "kind"),
    Column("quantity", "代号", "id"),
    Column("place", "地点代码", "place code"),
    Column("cls", "类", "class"),
    Column("period", "时期", "period"),
    Column("value", "取值", "value"),
    Column("unit", "单位", "unit"),
    Column("status", "来源级别", "status"),
    Column("source", "出处", "source"),
    Column("where", "条款或发布单位", "clause or issuer"),
    Column("file", "文件", "file"),
    Column("line", "行", "row"),
    Column("key", "来历键", "pedigree key"),
)


def _row_record(row: Mapping[str, Any]) -> dict[str, Cell]:
    return {
        "kind": "parameter" if "parameter" in row else "input",
        "quantity": row.get("quantity") or row.get("parameter"),
        "place": row.get("place"),
        "cls": row.get("cls"),
        "period": row.get("period") or row.get("year"),
        "value": row.get("value"),
        "unit": row.get("unit"),
        "status": row.get("status"),
        "source": row.get("source_title"),
        "where": row.get("source_where") or row.get("issuer"),
        "file": row.get("file") or row.get("origin"),
        "line": row.get("row") or row.get("line"),
        "key": row.get("key"),
    }


def _rows_table(ask: Ask, below: Iterable[Node]) -> Table:
    return Table("rows", "用到的原始行", "Source rows used", _ROW_COLUMNS, [_row_record(n.row) for n in below if n.row])


def _parts_table(ask: Ask, parts: Sequence[Part]) -> Table:
    columns = (
        Column("role", "角色", "role"),
        Column("value", "数值", "value"),
        Column("low", "区间下限", "interval low"),
        Column("high", "区间上限", "interval high"),
        Column("unit", "单位", "unit"),
        Column("reason", "拒算原因", "reason refused"),
        Column("key", "来历键", "pedigree key"),
    )
    rows: list[dict[str, Cell]] = []
    for p in parts:
        low, high = p.figure.span or (None, None)
        reason = ask.t.pick(p.figure.refusal.zh, p.figure.refusal.en) if p.figure.refusal else ""
        rows.append(
            {
                "role": p.role,
                "value": p.figure.value,
                "low": low,
                "high": high,
                "unit": p.figure.unit,
                "reason": reason,
                "key": p.figure.key,
            }
        )
    return Table("parts", "由什么得来", "Made of", columns, rows)


VIEW = View("pedigree", "/pedigree/{key}", build)
