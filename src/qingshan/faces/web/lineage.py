"""What a figure is made of: its parts one level down, the formula with numbers put in, and all that stands below it, counted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from qingshan.accounts.figure import Node
from qingshan.accounts.run import ACCOUNTED, Run, figure_of
from qingshan.core.errors import UnitError
from qingshan.core.method import Choice, Method
from qingshan.core.units import convert
from qingshan.publish import numbers
from qingshan.publish.written import equation_words

from . import formula
from .documents import library
from .figures import Figure, ordered
from .periods import period_word
from .services import HUES
from .site import Ask


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


def node_figure(ask: Ask, run: Run, node: Node) -> Figure:
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
        node.quantity,
        zh,
        en,
        node.place,
        node.period,
        node.unit,
        value,
        span,
        reach,
        ordered(labels if not node.refusal else ()),
        str(row.get("status", "")),
        source,
        str(row.get("note", "")),
        node.key,
        node.kind in ("input", "parameter"),
        node.kind not in ("input", "parameter"),
        node.refusal,
    )


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


def said_period(ask: Ask, node: Node) -> str:
    return period_word(node.period, ask.t, None if node.kind == "input" else ask.zone) if node.period else ""


def class_name(ask: Ask, cls: str) -> str:
    """The name of a class, of a group of classes, or of a change from one class to another (`crops>woods`; `age_class:>60` is none)."""
    extent = ask.zone.config.get("extent", {})
    for declared in (*extent.get("class", ()), *extent.get("group", ())):
        if declared["id"] == cls:
            return ask.t.pick(str(declared["zh"]), str(declared["en"]))
    if ":" in cls:  # a class of inventories: column:value
        from qingshan.accounts.inventory.words import class_words  # noqa: PLC0415 - the extra geo

        return ask.t.pick(*class_words(cls))
    if ">" in cls:
        return " → ".join(class_name(ask, part) for part in cls.split(">"))
    return ask.t("account.unallocated") if cls == "unallocated" else cls


def below_of(run: Run, node: Node) -> Iterable[Node]:
    """Every node the figure stands on, once, itself included; each node is visited once, however many paths lead to it."""
    seen, queue = {node.key}, [node.key]
    while queue:
        here = run.nodes[queue.pop()]
        yield here
        for _, key in here.args:
            if key not in seen and key in run.nodes:
                seen.add(key)
                queue.append(key)


def parts_of(ask: Ask, run: Run, node: Node, method: Method | None, whole: Figure) -> list[Part]:
    """What stands one level down, a month of a series each by itself; parts that add up from the largest share on."""
    parts = []
    symbols = _symbols(method) if method else {}
    adds = node.kind in ("rollup", "sum") and node.notes.get("rule") == "sum" and bool(whole.middle)
    for role, key in node.args:
        child = run.nodes.get(key)
        if child is None:
            continue
        figure = node_figure(ask, run, child)
        declared = method.arguments.get(role) if method else None
        share = None
        if adds and figure.middle is not None and whole.middle:
            share = max(0.0, min(1.0, figure.middle / whole.middle)) if figure.unit == whole.unit else None
        symbol = formula.typeset(symbols[role]) if role in symbols else ""
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
        return f"− {class_name(ask, role.removeprefix('less:'))}"
    if role.startswith("area:"):
        return f"{ask.t('pedigree.weight')} {ask.short(role.removeprefix('area:'))}"
    if role in ask.zone.places:
        return ask.short(role)
    if ask.t.has(f"pedigree.role.{role.partition(':')[0]}"):
        return ask.t(f"pedigree.role.{role.partition(':')[0]}", name=role.partition(":")[2])
    named = class_name(ask, role)
    return named if named != role else _figure_name(ask, child, role)


def _figure_name(ask: Ask, child: Node, role: str) -> str:
    zh, en = ask.site.any_names(child.quantity)
    return ask.t.pick(zh, en) if zh != child.quantity else (child.cls or role)


def put_in(ask: Ask, node: Node, method: Method | None, parts: Sequence[Part], whole: Figure) -> Markup | None:
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
            ends = [
                float(convert(v, part.figure.unit, declared.unit))
                for v in (part.figure.span or (part.figure.value or 0.0,))
            ]
        except UnitError:
            return None
        one = len(ends) == 1
        given[symbols[role]] = (
            numbers.digits(ends[0], 5) if one else f"({numbers.digits(ends[0], 4)}–{numbers.digits(ends[1], 4)})"
        )
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


def choices(ask: Ask, method: Method | None, node: Node) -> list[tuple[str, str]]:
    return (
        [(ask.t.pick(method.arguments[name].zh, method.arguments[name].en), word) for name, word in node.choices]
        if method
        else []
    )


def left_out(ask: Ask, run: Run, node: Node) -> list[tuple[str, str]]:
    """Parts of a sum that refused, with the reason: they are not zero."""
    found = []
    for entry in node.notes.get("left_out", ()):
        name = class_name(ask, entry["cls"]) if entry["cls"] else ask.t.pick(*run.names(entry["quantity"]))
        facts = run.select(entry["quantity"], entry["place"] or node.place, entry["cls"], None, None)
        refusal = next((f.refusal for f in facts if f.refusal), None)
        found.append((name, ask.t.pick(refusal.zh, refusal.en) if refusal else ""))
    return found


def rule_of(ask: Ask, node: Node, count: int) -> str:
    rule = str(node.notes.get("rule", ""))
    if node.kind == "span":
        return ask.t("pedigree.rule.span", n=count)
    if not rule:
        return ""
    places = sum(role in ask.zone.places for role, _ in node.args)
    word = "pedigree.rule.no_deduction" if rule == "-" and node.kind == "deduction" else f"pedigree.rule.{rule}"
    return ask.t(f"{word}_places" if places and rule == "sum" else word, n=places or count) if ask.t.has(word) else rule


def also_printed(ask: Ask, node: Node) -> list[str]:
    """Other prints of the same figure, as they stand beside it in the zone."""
    return [
        f"{numbers.write(p['value'], p['unit'], ask.lang, 'exact').text}（{p['source_title']}）"
        for p in node.notes.get("also_printed", ())
    ]


def parameters_of(ask: Ask, run: Run, nodes: Sequence[Node]) -> list[dict[str, Any]]:
    """Rows by parameter; a source is written once and not under itself."""
    shelf = library(ask)
    listed: list[dict[str, Any]] = []
    said = ("", "")
    for node in sorted(nodes, key=lambda n: (n.quantity, n.cls)):
        row = node.row or {}
        low, high = row.get("low"), row.get("high")
        (value, least, most), unit = numbers.write_many([row.get("value"), low, high], node.unit, ask.lang, "exact")
        if row.get("value") is None and row.get("printed"):  # an equation: what it prints stands for its number
            value, unit = "", "; ".join(x for x in equation_words(str(row["printed"])) if x)
        source = f"{row.get('source_title', '')} {row.get('source_where', '')}".strip()
        inside = ask.t("comma").join(str(row[k]) for k in ("cls", "set", "year", "place") if row.get(k))
        name = _argument_name(ask, run, node)
        again = said == (node.quantity, source)
        listed.append(
            {
                "id": node.quantity,
                "name": "" if said[0] == node.quantity else name,
                "inside": inside,
                "number": value,
                "unit": unit,
                "range": f"{least}–{most}" if low is not None and high is not None else "",
                "status": row.get("status", ""),
                "source": "" if again else source,
                "again": again,
                "document": shelf.of_row.get(str(row.get("key", "")), ""),
            }
        )
        said = (node.quantity, source)
    return listed


def readings_of(ask: Ask, run: Run, inputs: Sequence[Node], node: Node) -> list[Reading]:
    """Inputs by quantity, those of the figure's own place first; twelve months of one place become small bars."""
    found: dict[str, Reading] = {}
    for child in inputs:
        if child.key == node.key:
            continue
        figure = node_figure(ask, run, child)
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
    return [
        (
            round(i * step + step * 0.1, 2),
            round(min(zero, zero - 40 * v / reach), 2),
            round(step * 0.8, 2),
            round(abs(40 * v / reach), 2),
        )
        for i, v in enumerate(values)
    ]


def files_of(ask: Ask, run: Run, below: Iterable[Node]) -> list[dict[str, Any]]:
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
    return sorted(listed, key=lambda f: -f["rows"])
