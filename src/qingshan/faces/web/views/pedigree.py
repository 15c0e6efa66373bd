"""Pedigree: why is this number what it is? Figure, method with the numbers put in, parameters, readings, files, replay, users.

A page shows one level; every part leads on to its own page. What stands further down is counted, never printed by the thousand.
The `.json` of the page holds the whole tree.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from qingshan.accounts.figure import Node
from qingshan.accounts.run import ACCOUNTED, Refusal, Run, figure_of
from qingshan.core.errors import UnitError, UnknownName
from qingshan.core.method import Choice, Method
from qingshan.core.units import convert
from qingshan.faces.web import formula, numbers
from qingshan.faces.web.documents import library, slug
from qingshan.faces.web.figures import READ_LABELS, Figure, ordered
from qingshan.faces.web.page import Cell, Column, Page, Table, View
from qingshan.faces.web.periods import period_word
from qingshan.faces.web.site import Ask
from qingshan.zone.fact import InputFact

HUES = {"water": "water", "land": "nature", "money": "money", "grey": "ink"}
MAX_PARTS = 60
MAX_USERS = 12
MAX_ROWS = 30
_KEY = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Part:
    """One thing a figure is made of: its role in words, the figure, and its share of the whole where parts add up."""

    role: str
    symbol: Markup | str
    figure: Figure
    share: float | None = None


@dataclass
class Reading:
    """The readings of one quantity below a figure: one figure, a year's course of twelve, or a count."""

    quantity: str
    zh: str
    en: str
    unit: str
    figures: list[Figure] = field(default_factory=list)
    bars: list[tuple[float, float, float, float]] = field(default_factory=list)
    hue: str = "ink"

    @property
    def places(self) -> int:
        return len({f.place for f in self.figures})


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
    runs = [r for r in (ask.run, *ask.site.runs.values()) if r is not None]
    return next((r for r in runs if key in r.nodes), None)


def _printed(ask: Ask) -> Mapping[str, InputFact]:
    """Every printed figure of the zone by its key, targets and merged parts included."""
    kept = ask.site.kept
    if "printed" not in kept:
        facts = [*ask.zone.facts.all(), *ask.zone.targets]
        kept["printed"] = {f.key: f for fact in facts for f in (fact, *fact.parts)}
    return kept["printed"]  # type: ignore[no-any-return]


# ---- a step of a run -------------------------------------------------------------------------------------------------


def _of_node(ask: Ask, run: Run, node: Node) -> Page:
    figure = _figure(ask, run, node)
    below = list(_below(run, node))
    method = run.domains.registry[node.method] if node.method else None
    parts = _parts(ask, run, node, method, figure)
    rows = [n for n in below if n.kind == "parameter" and n.row]
    readings = _readings(ask, run, [n for n in below if n.kind == "input" and n.row], node)
    users = [f for f in run.users(node.key) if f.key != node.key]
    place = ask.name(node.place) if node.place else ""
    crumbs = [
        x
        for x in (
            place,
            figure.name(ask.lang),
            _class_name(ask, node.cls),
            _said_period(ask, node),
            _basis(ask, node.basis),
        )
        if x
    ]
    files = _files(ask, run, below)
    context = {
        "question": ask.t("pedigree.question"), "figure": figure, "crumbs": crumbs, "crumb_place": node.place, "node": node, "run": run,
        "headline": _headline(ask, figure), "labels": figure.labels, "kind": ask.t(f"pedigree.kind.{node.kind}"),
        "method": method, "lines": [formula.typeset(x) for x in formula.lines(method.formula)] if method else [],
        "put_in": _put_in(ask, node, method, parts, figure), "choices": _choices(ask, method, node), "parts_list": parts[:MAX_PARTS],
        "more_parts": max(0, len(parts) - MAX_PARTS), "left_out": _left_out(ask, run, node), "rule": _rule(ask, node, len(parts)),
        "row": _row(ask, run, node), "parameters": _parameters(ask, run, rows)[:MAX_ROWS], "parameter_count": len(rows), "readings": readings,
        "reading_count": sum(len(r.figures) for r in readings), "files": files, "refusal": node.refusal,
        "documents": _documents(ask, node.refusal), "users": _users(ask, run, users), "user_count": len(users),
        "commands": _commands(ask, run, node), "also": _also(ask, node), "depth": len(below), "here": node.place, "cite": _cite(ask, run, figure, node),
        "own": node.kind in ("input", "parameter"),
    }  # fmt: skip
    tables = [_parts_table(ask, parts), _rows_table(ask, below)]
    sources = list(
        dict.fromkeys(str(n.row.get("source_title", "")) for n in below if n.row and n.row.get("source_title"))
    )[:6]
    title = " ".join([*crumbs[:2], context["headline"]])
    return Page(
        "pedigree.html",
        title,
        context,
        tables,
        [node.place] if node.place else [],
        sources,
        figure.labels,
        record=lambda: run.explain(node.key, _depth(ask)),
    )


def _depth(ask: Ask) -> int | None:
    """`?depth=3` cuts the tree of the `.json`; the whole tree without it."""
    asked = ask.query.get("depth", "")
    return int(asked) if asked.isdecimal() and len(asked) < 3 else None


def _figure(ask: Ask, run: Run, node: Node) -> Figure:
    zh, en = run.names(node.quantity)
    if node.quantity == ACCOUNTED:
        zh = en = ask.t("account.accounted")
    if node.kind == "parameter" and zh == node.quantity:
        zh = en = _argument_name(ask, run, node) or node.quantity
    value, span, reach = (None, None, None) if _nested(node) else figure_of(node, run.scenarios)
    row = node.row or {}
    labels = {*node.labels, *(x for x in (row.get("status"),) if x == "primary")} | set(
        run.profile.labels if node.kind not in ("input", "parameter") else ()
    )
    source = "，".join(dict.fromkeys(str(row[k]) for k in ("source_title", "issuer", "source_where") if row.get(k)))
    return Figure(
        node.quantity, zh, en, node.place, node.period, node.unit, value, span, reach, ordered(labels if not node.refusal else ()),
        str(row.get("status", "")), source, str(row.get("note", "")), node.key, node.kind in ("input", "parameter"), node.kind not in ("input", "parameter"),
        node.refusal,
    )  # fmt: skip


def _nested(node: Node) -> bool:
    return bool(node.value) and isinstance(node.value[0], list)


def _argument_name(ask: Ask, run: Run, node: Node) -> str:
    """What a method calls this parameter: the name of the argument it is bound to."""
    for recipe in run.profile.recipes.values():
        for name, binding in recipe.bind.items():
            if node.quantity in (
                binding.get("parameter"),
                binding.get("class_parameter"),
                binding.get("item_parameter"),
            ):
                declared = run.domains.registry[recipe.method].arguments[name]
                return ask.t.pick(declared.zh, declared.en)
    return ""


def _headline(ask: Ask, figure: Figure) -> str:
    return figure.written(ask.lang).text if figure.known else ask.t("refused")


def _said_period(ask: Ask, node: Node) -> str:
    return period_word(node.period, ask.t, None if node.kind == "input" else ask.zone) if node.period else ""


def _class_name(ask: Ask, cls: str) -> str:
    for declared in ask.zone.config.get("extent", {}).get("class", ()):
        if declared["id"] == cls:
            return ask.t.pick(str(declared["zh"]), str(declared["en"]))
    return ask.t("account.unallocated") if cls == "unallocated" else cls


def _basis(ask: Ask, basis: str) -> str:
    if not basis:
        return ""
    return (
        ask.t("account.current")
        if basis == "current"
        else ask.t("account.constant", year=basis.removeprefix("constant-"))
    )


def _below(run: Run, node: Node) -> Iterable[Node]:
    """Every node the figure stands on, once, itself included; each node is visited once, however many paths lead to it."""
    seen, queue = {node.key}, [node.key]
    while queue:
        here = run.nodes[queue.pop()]
        yield here
        for _, key in here.args:
            if key not in seen and key in run.nodes:
                seen.add(key)
                queue.append(key)


# ---- what it is made of ----------------------------------------------------------------------------------------------


def _parts(ask: Ask, run: Run, node: Node, method: Method | None, whole: Figure) -> list[Part]:
    """The arguments one level down; a series of months is one part for each, folded by the template."""
    parts = []
    symbols = _symbols(method) if method else {}
    adds = node.kind in ("rollup", "sum") and node.notes.get("rule") == "sum" and bool(whole.middle)
    for role, key in node.args:
        child = run.nodes.get(key)
        if child is None:
            continue
        figure = _figure(ask, run, child)
        declared = method.arguments.get(role) if method else None
        share = None
        if adds and figure.middle is not None and whole.middle:
            share = max(0.0, min(1.0, figure.middle / whole.middle)) if figure.unit == whole.unit else None
        symbol = (
            formula.typeset(declared.symbol)
            if declared is not None and not isinstance(declared, Choice) and declared.symbol
            else ""
        )
        parts.append(Part(_role(ask, role, child, declared, node), symbol, figure, share))
    if adds:
        parts.sort(key=lambda p: -(p.share or 0.0))
    return parts


def _role(ask: Ask, role: str, child: Node, declared: Any, node: Node) -> str:
    if declared is not None:
        months = sum(r == role for r, _ in node.args) > 1
        name = ask.t.pick(declared.zh, declared.en)
        return f"{name} {period_word(child.period, ask.t)}" if months else name
    if role.startswith("less:"):
        return f"− {_class_name(ask, role.removeprefix('less:'))}"
    if role.startswith("area:"):
        return f"{ask.t('pedigree.weight')} {ask.short(role.removeprefix('area:'))}"
    if role == "whole":
        return ask.t("pedigree.whole")
    if role in ask.zone.places:
        return ask.short(role)
    named = _class_name(ask, role)
    return named if named != role else _figure_name(ask, child, role)


def _figure_name(ask: Ask, child: Node, role: str) -> str:
    zh, en = ask.site.any_names(child.quantity)
    return ask.t.pick(zh, en) if zh != child.quantity else (child.cls or role)


def _put_in(ask: Ask, node: Node, method: Method | None, parts: Sequence[Part], whole: Figure) -> Markup | None:
    """The formula with the numbers in their declared units; None where it runs over a series or states a rule."""
    if method is None or not whole.known or any(p.figure.value is None and p.figure.span is None for p in parts):
        return None
    roles = [role for role, _ in node.args]
    symbols = _symbols(method)
    given: dict[str, str] = {}
    for role, part in zip(roles, parts, strict=False):
        declared = method.arguments.get(role)
        if declared is None or isinstance(declared, Choice) or role not in symbols or roles.count(role) > 1:
            return None
        try:
            ends = [float(convert(v, part.figure.unit, declared.unit)) for v in (part.figure.span or (part.figure.value or 0.0,))]
        except UnitError:
            return None
        one = len(ends) == 1
        given[symbols[role]] = numbers.digits(ends[0], 5) if one else f"({numbers.digits(ends[0], 4)}–{numbers.digits(ends[1], 4)})"
    for name, default in method.defaults.items():
        if name not in roles and name in symbols and isinstance(default, int | float):
            given[symbols[name]] = numbers.digits(float(default), 5)
    return formula.filled(method.formula, given)


def _symbols(method: Method) -> dict[str, str]:
    """Argument -> symbol in the formula. The one argument without a symbol is the one symbol that nobody declared."""
    quantities = {name: a for name, a in method.arguments.items() if not isinstance(a, Choice)}
    known = {name: a.symbol for name, a in quantities.items() if a.symbol}
    nameless = [name for name in quantities if name not in known]
    unclaimed = [s for s in formula.names(method.formula) if s not in known.values()]
    return known | ({nameless[0]: unclaimed[0]} if len(nameless) == len(unclaimed) == 1 else {})


def _choices(ask: Ask, method: Method | None, node: Node) -> list[tuple[str, str]]:
    return (
        [(ask.t.pick(method.arguments[name].zh, method.arguments[name].en), word) for name, word in node.choices]
        if method
        else []
    )


def _left_out(ask: Ask, run: Run, node: Node) -> list[tuple[str, str]]:
    """Parts of a sum that refused, with the reason: they are not zero."""
    found = []
    for entry in node.notes.get("left_out", ()):
        name = _class_name(ask, entry["cls"]) if entry["cls"] else ask.t.pick(*run.names(entry["quantity"]))
        facts = run.select(entry["quantity"], entry["place"] or node.place, entry["cls"], None, None)
        refusal = next((f.refusal for f in facts if f.refusal), None)
        found.append((name, ask.t.pick(refusal.zh, refusal.en) if refusal else ""))
    return found


def _rule(ask: Ask, node: Node, count: int) -> str:
    rule = str(node.notes.get("rule", ""))
    if node.kind == "span":
        return ask.t("pedigree.rule.span", n=count)
    if not rule:
        return ""
    places = sum(role in ask.zone.places for role, _ in node.args)
    word = f"pedigree.rule.{rule}"
    return ask.t(f"{word}_places" if places and rule == "sum" else word, n=places or count) if ask.t.has(word) else rule


def _also(ask: Ask, node: Node) -> list[str]:
    """Other prints of the same figure, as they stand beside it in the zone."""
    return [
        f"{numbers.write(p['value'], p['unit'], ask.lang, 'exact').text}（{p['source_title']}）"
        for p in node.notes.get("also_printed", ())
    ]


# ---- parameters, readings, files -------------------------------------------------------------------------------------


def _parameters(ask: Ask, run: Run, nodes: Sequence[Node]) -> list[dict[str, Any]]:
    """Rows by parameter; a source is written once and not under itself."""
    shelf = library(ask)
    listed: list[dict[str, Any]] = []
    said = ("", "")
    for node in sorted(nodes, key=lambda n: (n.quantity, n.cls)):
        row = node.row or {}
        low, high = row.get("low"), row.get("high")
        reach = f"{numbers.digits(low)}–{numbers.digits(high)}" if low is not None and high is not None else ""
        written = numbers.write(row.get("value"), str(row.get("unit", "")), ask.lang, "exact")
        source = f"{row.get('source_title', '')} {row.get('source_where', '')}".strip()
        inside = "，".join(str(row[k]) for k in ("cls", "set", "year", "place") if row.get(k))
        name = _argument_name(ask, run, node)
        again = said == (node.quantity, source)
        listed.append({"id": node.quantity, "name": "" if said[0] == node.quantity else name, "inside": inside, "number": written.number, "unit": written.unit,
                       "range": reach, "status": row.get("status", ""), "source": "" if again else source, "again": again,
                       "document": shelf.of_row.get(str(row.get("key", "")), "")})  # fmt: skip
        said = (node.quantity, source)
    return listed


def _readings(ask: Ask, run: Run, inputs: Sequence[Node], node: Node) -> list[Reading]:
    """Inputs by quantity, those of the figure's own place first; twelve months of one place become small bars."""
    found: dict[str, Reading] = {}
    for child in inputs:
        if child.key == node.key:
            continue
        figure = _figure(ask, run, child)
        slot = found.setdefault(
            child.quantity,
            Reading(
                child.quantity, figure.zh, figure.en, child.unit, hue=HUES[ask.site.hue(child.quantity, child.unit)]
            ),
        )
        slot.figures.append(figure)
    for slot in found.values():
        slot.figures.sort(key=lambda f: (f.place, f.period))
        if slot.places == 1 and 2 < len(slot.figures) <= 24:
            slot.bars = _mini([f.middle or 0.0 for f in slot.figures])
    return sorted(found.values(), key=lambda r: (not r.bars, len(r.figures), r.quantity))


def _mini(values: Sequence[float]) -> list[tuple[float, float, float, float]]:
    """Bars of a small chart, 100 wide and 40 high, from zero."""
    low, high = min(0.0, *values), max(0.0, *values)
    reach = (high - low) or 1.0
    step = 100 / len(values)
    zero = 40 * high / reach
    return [(round(i * step + step * 0.1, 2), round(min(zero, zero - 40 * v / reach), 2), round(step * 0.8, 2), round(abs(40 * v / reach), 2))
            for i, v in enumerate(values)]  # fmt: skip


def _files(ask: Ask, run: Run, below: Iterable[Node]) -> list[dict[str, Any]]:
    """The raw files with their sha-256 and how many rows of each are used."""
    hashes = {f.removeprefix("inputs/zone/"): h for f, h in run.manifest["files"].items()} | run.manifest["domains"]
    counts: dict[str, list[str]] = {}
    for node in below:
        if node.row:
            file = str(node.row.get("file") or node.row.get("origin") or "")
            counts.setdefault(file, []).append(str(node.row.get("source_title", "")))
    listed = [
        {"file": f, "rows": len(sources), "sha256": hashes.get(f, ""), "source": next((s for s in sources if s), "")}
        for f, sources in counts.items()
    ]
    return sorted(listed, key=lambda f: -f["rows"])  # type: ignore[operator]


def _row(ask: Ask, run: Run, node: Node) -> list[tuple[str, str]]:
    """The printed row itself, for a reading or a parameter."""
    if not node.row:
        return []
    return _row_lines(ask, node.row)


def _row_lines(ask: Ask, row: Mapping[str, Any]) -> list[tuple[str, str]]:
    where = f"{row.get('file') or row.get('origin') or ''}:{row.get('row') or row.get('line') or ''}".strip(":")
    names = {"printed": "printed", "source_title": "source", "issuer": "issuer", "source_where": "where", "status": "status", "note": "note",
             "set": "set", "year": "year", "edition": "edition", "place_zh": "place_printed", "filled_by": "filled_by"}  # fmt: skip
    lines = [(ask.t("pedigree.row.file"), where)] if where else []
    for column, word in names.items():
        if row.get(column):
            value = str(row[column])
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
    listed = []
    for f in ordered_users[:MAX_USERS]:
        name = ask.t("account.accounted") if f.quantity == ACCOUNTED else ask.t.pick(*run.names(f.quantity))
        words = [ask.short(f.place), name, _class_name(ask, f.cls) if f.cls else "", _basis(ask, f.basis)]
        listed.append((" ".join(w for w in words if w), ask.pedigree(f.key)))
    return listed


def _commands(ask: Ask, run: Run, node: Node) -> list[str]:
    explain = ["qingshan", "explain", node.quantity, "--zone", ask.zone.id, "--profile", run.profile.id]
    if node.place:
        explain += ["--place", node.place]
    if node.period:
        explain += ["--period", node.period]
    if node.cls:
        explain += ["--cls", node.cls]
    if node.basis:
        explain += ["--basis", node.basis]
    published = any(f.key == node.key for f in run.facts)
    return [f"qingshan verify {run.id}", *([" ".join(explain)] if published else [])]


def _cite(ask: Ask, run: Run, figure: Figure, node: Node) -> str:
    """One line that names the figure, its run and its key, for a report or an e-mail."""
    what = " ".join(x for x in (ask.name(node.place) if node.place else "", figure.name(ask.lang), _class_name(ask, node.cls) if node.cls else "",
                                _said_period(ask, node)) if x)  # fmt: skip
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


def _of_fact(ask: Ask, fact: InputFact) -> Page:
    figure = ask.site.figure(fact)
    record = fact.record()
    others = [f for f in ask.zone.facts.find(fact.quantity, fact.place, fact.period) if f.key != fact.key]
    file = {"file": fact.file, "rows": 1, "sha256": ask.zone.files.get(fact.file, ""), "source": fact.source_title}
    crumbs = [x for x in (ask.name(fact.place), figure.name(ask.lang), period_word(fact.period, ask.t)) if x]
    label = {READ_LABELS[fact.status]} if fact.status in READ_LABELS else set()
    context = {
        "question": ask.t("pedigree.question"), "figure": figure, "crumbs": crumbs, "crumb_place": fact.place, "node": None, "run": None,
        "headline": _headline(ask, figure), "labels": ordered({*figure.labels, *label}), "kind": ask.t("pedigree.kind.input"), "method": None, "lines": [],
        "put_in": None, "choices": [], "left_out": [], "rule": ask.t("pedigree.rule.merged", n=len(fact.parts)) if fact.parts else "",
        "parts_list": [Part(p.place_zh or ask.name(p.place), "", ask.site.figure(p)) for p in fact.parts], "more_parts": 0,
        "row": _row_lines(ask, record), "parameters": [], "parameter_count": 0, "readings": [], "reading_count": 0,
        "files": [file] if fact.file else [], "refusal": None, "documents": [], "users": [], "user_count": 0,
        "commands": [f"qingshan check {ask.zone.id}"], "depth": 1, "here": fact.place, "cite": "", "own": True,
        "also": [f"{ask.site.figure(f).written(ask.lang).text}（{f.source_title}）" for f in others],
    }  # fmt: skip
    tables = [Table("rows", "原始行", "Source rows", _ROW_COLUMNS, [_row_record(record)])]
    return Page("pedigree.html", " ".join([*crumbs[:2], context["headline"]]), context, tables, [fact.place], [fact.source_title], context["labels"],
                record=lambda: {"key": fact.key, "kind": "input", "row": record})  # fmt: skip


# ---- tables ----------------------------------------------------------------------------------------------------------

_ROW_COLUMNS = (
    Column("kind", "类型", "kind"), Column("quantity", "代号", "id"), Column("place", "地点代码", "place code"), Column("cls", "类", "class"),
    Column("period", "时期", "period"), Column("value", "取值", "value"), Column("unit", "单位", "unit"), Column("status", "来源级别", "status"),
    Column("source", "出处", "source"), Column("where", "条款或发布单位", "clause or issuer"), Column("file", "文件", "file"),
    Column("line", "行", "row"), Column("key", "来历键", "pedigree key"),
)  # fmt: skip


def _row_record(row: Mapping[str, Any]) -> dict[str, Cell]:
    return {
        "kind": "parameter" if "parameter" in row else "input", "quantity": row.get("quantity") or row.get("parameter"), "place": row.get("place"),
        "cls": row.get("cls"), "period": row.get("period") or row.get("year"), "value": row.get("value"), "unit": row.get("unit"), "status": row.get("status"),
        "source": row.get("source_title"), "where": row.get("source_where") or row.get("issuer"), "file": row.get("file") or row.get("origin"),
        "line": row.get("row") or row.get("line"), "key": row.get("key"),
    }  # fmt: skip


def _rows_table(ask: Ask, below: Iterable[Node]) -> Table:
    return Table("rows", "用到的原始行", "Source rows used", _ROW_COLUMNS, [_row_record(n.row) for n in below if n.row])


def _parts_table(ask: Ask, parts: Sequence[Part]) -> Table:
    columns = (Column("role", "角色", "role"), Column("value", "数值", "value"), Column("low", "区间下限", "interval low"),
               Column("high", "区间上限", "interval high"), Column("unit", "单位", "unit"), Column("reason", "拒算原因", "reason refused"),
               Column("key", "来历键", "pedigree key"))  # fmt: skip
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
