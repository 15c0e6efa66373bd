"""Account: what did nature yield in a year, by service and ecosystem? What is worked out stands beside what refuses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from qingshan.accounts.run import Fact, Refusal, Run, ServiceLine
from qingshan.core.errors import QingshanError, UnknownName
from qingshan.core.units import same_dimension
from qingshan.faces.web import numbers
from qingshan.faces.web.charts import Chart, Series
from qingshan.faces.web.figures import FIGURE_COLUMNS, Figure, figures_table, of_run, ordered, row_of
from qingshan.faces.web.page import Cell, Column, Page, Table, View
from qingshan.faces.web.scale import ticks
from qingshan.faces.web.site import Ask, last_year

HUES = {"water": "water", "land": "nature", "money": "money", "grey": "ink"}
BOUGHT = ("provisioning", "cultural")
MAX_PLACES = 24
MAX_LACKS = 8
HALF = 0.55  # a share up to here is said as a half
ENTRIES = (
    "extent.opening", "extent.addition_managed", "extent.addition_unmanaged", "extent.reduction_managed",
    "extent.reduction_unmanaged", "extent.net", "extent.closing",
)  # fmt: skip
INDEX = "economy.quantity_index@laspeyres"


@dataclass(frozen=True, slots=True)
class Line:
    """One service as the page prints it. Both figures are None where the profile leaves it out, `physical` where it has none."""

    id: str
    name: str
    category: str
    formula: str
    hue: str
    included: str
    physical: Figure | None
    value: Figure | None
    method: str
    clause: str
    reason: str
    documents: tuple[str, ...]
    labels: tuple[str, ...]

    @property
    def known(self) -> bool:
        """Worked out: its physical figure, or its value where the service has no single physical figure."""
        return self.physical.known if self.physical else self.priced

    @property
    def priced(self) -> bool:
        return bool(self.value and self.value.known)


@dataclass(frozen=True, slots=True)
class Bar:
    """A service in the second chart: a bar from zero, an interval drawn from its low to its high end, or a reason."""

    line: Line
    start: float
    length: float
    sure: float
    written: str


@dataclass(frozen=True, slots=True)
class Spread:
    """One figure over the places below (or beside) the chosen one."""

    quantity: str
    whole: Figure
    figures: tuple[Figure, ...]
    beside: bool


def build(ask: Ask) -> Page:
    """The page. `?place=`, `?period=`, `?profile=`, `?basis=` choose the account, `?of=` the figure of the left chart."""
    if ask.place.code not in ask.zone.places:
        raise UnknownName(f"{ask.place.code} is outside the zone's tree.", f"{ask.place.name_zh}不在本区域之内。")
    run = ask.run
    if run is None:
        return Page("account_empty.html", ask.t("account.empty"), {"question": ask.t("account.question")})
    period, basis = _period(ask, run), _basis(ask, run)
    lines = [_line(ask, run, x, basis) for x in run.services(ask.place.code, period)]
    asked = [x for x in lines if x.included == "yes"]
    total = run.accounted(ask.place.code, period, basis) if basis and _on_file(run, ask.place.code, period) else None
    whole = of_run(run, total) if total else None
    candidates = _candidates(ask, run, asked, period)
    spread = _spread(ask, run, candidates, period)
    main = spread.whole if spread and spread.whole.known else next((x.physical for x in asked if x.known), None)
    context = {
        "run": run, "profile": run.profile, "asked": asked, "outside": [x for x in lines if x.included != "yes"],
        "groups": _groups(asked), "known": [x for x in asked if x.known], "refused": [x for x in asked if not x.known],
        "lacks": _lacks(asked) if spread is None else [],
        "question": ask.t("account.question"), "headline": _headline(ask, run, asked, main, whole), "main": main, "total": whole,
        "gep": _is_gep(run, asked, whole), "published": _published(ask), "period": period, "period_label": _period_label(ask, period), "span": _years(ask, period),
        "periods": [(p, _period_label(ask, p)) for p in run.manifest["periods"]],
        "bases": [(b, basis_word(ask, b)) for b in run.profile.bases()], "basis": basis, "basis_word": basis_word(ask, basis) if basis else "",
        "profiles": [(id, ask.t.pick(r.profile.zh, r.profile.en)) for id, r in ask.site.runs.items()],
        "note": ask.t.pick(run.profile.note_zh, run.profile.note_en),
        "spread": spread, "places": _places_chart(ask, spread), "spread_title": _spread_title(ask, run, spread),
        "candidates": [(q, ask.t.pick(*run.names(q))) for q in candidates], "bars": bars(asked, ask.lang, basis), "axis": _axis(asked, ask.lang),
        "by_class": _by_class(ask, run, period, basis), "extent": _extent(ask, run, period), "years": _series(ask, run),
        "money": bool(basis), "said": _counts(ask, asked),
    }  # fmt: skip
    names = {p.code: p.name(ask.lang) for p in ask.zone.places.values()}
    tables = [_services_table(ask, run, lines, whole, basis)]
    if spread:
        tables.append(figures_table("places", spread.whole.zh, spread.whole.en, spread.figures, names, ask.t))
    tables += [
        x
        for x in (
            _class_table(ask, context["by_class"]),
            _extent_table(ask, context["extent"]),
            _years_table(ask, context["years"]),
        )
        if x
    ]
    sources = _sources(ask, run, asked)
    labels = sorted({label for x in asked for label in x.labels} | ({"partial"} if context["refused"] else set()))
    places = [f.place for f in spread.figures] if spread else [ask.place.code]
    return Page("account.html", context["headline"], context, tables, places, sources, labels)


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


def basis_word(ask: Ask, basis: str) -> str:
    """现价, or 2010 年价."""
    return (
        ask.t("account.current")
        if basis == "current"
        else ask.t("account.constant", year=basis.removeprefix("constant-"))
    )


# ---- services --------------------------------------------------------------------------------------------------------


def _line(ask: Ask, run: Run, line: ServiceLine, basis: str) -> Line:
    service, t = line.service, ask.t
    use = next((u for u in run.profile.services if u.id == service.id), None)
    recipe = run.profile.recipes.get(use.physical or use.value) if use else None
    method = run.domains.registry[recipe.method] if recipe else None
    physical = of_run(run, line.physical) if line.physical else None
    value = of_run(run, line.value[basis]) if basis in line.value else None
    refusal = line.refusal or (value.refusal if value else None)
    if (
        physical and physical.quantity == f"gep.service.{service.id}"
    ):  # refused without a route: called by the service's own name
        physical = replace(physical, zh=service.zh, en=service.en)
        value = replace(value, zh=service.zh, en=service.en) if value else None
    hue = (
        "money"
        if service.category in BOUGHT
        else HUES[ask.site.hue(recipe.method if recipe else service.code.replace("_", "."), "")]
    )
    labels = ordered([*(physical.labels if physical else ()), *(value.labels if value else ())])
    return Line(
        service.id, t.pick(service.zh, service.en), service.category, service.formula, hue, line.included, physical, value,
        method.ref if method else "", f"{method.clause.document} {method.clause.where}".strip() if method else service.clause,
        t.pick(refusal.zh, refusal.en) if refusal else "", documents(refusal), labels,
    )  # fmt: skip


def documents(refusal: Refusal | None) -> tuple[str, ...]:
    """The documents that would fill a refusal, each once."""
    return tuple(dict.fromkeys(x.document for x in refusal.leaves() if x.document)) if refusal else ()


def _groups(asked: Sequence[Line]) -> list[tuple[str, list[Line]]]:
    """Services by category, in the order of the catalogue."""
    return [
        (category, [x for x in asked if x.category == category])
        for category in dict.fromkeys(x.category for x in asked)
    ]


def _is_gep(run: Run, asked: Sequence[Line], total: Figure | None) -> bool:
    """Whether the sum may be called gross ecosystem product: official, so titled, and nothing missing."""
    complete = all(x.known and x.priced for x in asked) and bool(asked)
    return (
        complete
        and run.profile.official
        and run.profile.gep_title
        and bool(total and total.known)
        and "partial" not in (total.labels if total else ())
    )


def _lacks(asked: Sequence[Line]) -> list[tuple[str, list[str]]]:
    """Documents and the services that wait for each, the one that most wait for first."""
    waiting: dict[str, list[str]] = {}
    for line in asked:
        for document in line.documents:
            waiting.setdefault(document, []).append(line.name)
    return sorted(waiting.items(), key=lambda d: -len(d[1]))[:MAX_LACKS]


def _counts(ask: Ask, asked: Sequence[Line]) -> dict[str, str]:
    """Counts as words: services asked for, worked out, refused, priced and without a value."""
    known, priced = sum(x.known for x in asked), sum(x.priced for x in asked)
    found = {
        "n": len(asked),
        "known": known,
        "refused": len(asked) - known,
        "priced": priced,
        "unpriced": len(asked) - priced,
    }
    return {name: numbers.counted(count, ask.lang) for name, count in found.items()}


def _headline(ask: Ask, run: Run, asked: Sequence[Line], main: Figure | None, total: Figure | None) -> str:
    """The answer: the main yield with its figure, and how many services can and cannot be worked out."""
    t, lang = ask.t, ask.lang
    known = sum(x.known for x in asked)
    words = {"place": ask.short(ask.place.code)} | _counts(ask, asked)
    if _is_gep(run, asked, total) and total:
        return t("account.headline.gep", value=total.written(lang).text, basis=basis_word(ask, _basis(ask, run)), **words)
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


def within(name: str) -> str:
    """A name inside a sentence: Water yield -> water yield; abbreviations stay."""
    return name if name[1:2].isupper() else name[:1].lower() + name[1:]


def _published(ask: Ask) -> list[Figure]:
    """Totals that others published for this place: quoted beside ours, never added to it."""
    facts = [
        f
        for f in ask.zone.facts.for_place(ask.place.code)
        if f.quantity.startswith("gep.") and same_dimension(f.unit, "元")
    ]
    return [ask.site.figure(f) for f in sorted(facts, key=lambda f: f.period, reverse=True)][:2]


def bars(asked: Sequence[Line], lang: str, basis: str) -> list[Bar]:
    """The second chart: money where there is a basis, largest first, then the refused with their reason."""
    priced = sorted(
        (x for x in asked if basis and x.priced and x.value), key=lambda x: -(x.value.middle or 0.0) if x.value else 0.0
    )
    top = _top(asked)
    made = []
    for x in priced:
        figure = x.value
        if figure is None:
            continue
        low, high = figure.span or (figure.value or 0.0, figure.value or 0.0)
        made.append(
            Bar(
                x,
                0.0,
                round(100 * max(high, 0.0) / top, 2),
                round(100 * max(low, 0.0) / top, 2),
                figure.written(lang).text,
            )
        )
    return made + [Bar(x, 0.0, 12.0, 0.0, "") for x in asked if x not in priced]


def _top(asked: Sequence[Line]) -> float:
    highest = [max(x.value.span or (x.value.value or 0.0,)) for x in asked if x.value and x.value.known]
    return ticks(0.0, max(highest, default=1.0) or 1.0, 4)[-1]


def _axis(asked: Sequence[Line], lang: str) -> dict[str, object]:
    top = _top(asked)
    scale, unit = numbers.axis_scale([top], "元", lang)
    marks = ticks(0.0, top, 4)
    return {"unit": unit, "marks": [(round(100 * m / top, 2), numbers.digits(scale(m))) for m in marks]}


# ---- one figure over places ------------------------------------------------------------------------------------------


def _candidates(ask: Ask, run: Run, asked: Sequence[Line], period: str) -> list[str]:
    """Figures that add up over places and are known here: services first, then what is published beside them."""
    recipes = run.profile.recipes
    services = [x.physical.quantity for x in asked if x.physical and x.known]
    figures = [q for q in run.profile.figures if recipes[q].rollup == "sum"]
    around = _around(ask)
    coverage = {
        q: sum(bool(f) and not f[0].refused for c in around for f in [run.select(q, c, "", period, "")])
        for q in [*services, *figures]
    }
    whole = [q for q in dict.fromkeys([*services, *figures]) if coverage[q]]
    whole.sort(key=lambda q: -coverage[q])
    return whole


def _around(ask: Ask) -> list[str]:
    """The places below, or for a leaf the places beside it, itself among them."""
    below = ask.zone.children(ask.place.code)
    return below or (ask.zone.children(ask.place.parent) if ask.place.parent else [ask.place.code])


def _spread(ask: Ask, run: Run, candidates: Sequence[str], period: str) -> Spread | None:
    asked = ask.query.get("of", "")
    if asked and asked not in candidates:
        listed = ", ".join(candidates) or "-"
        raise UnknownName(
            f"no figure {asked!r} to compare places by; there are: {listed}.",
            f"没有可比较的指标 {asked!r}；有：{listed}。",
        )
    if not candidates:
        return None
    quantity = asked or candidates[0]
    own = run.select(quantity, ask.place.code, "", period, "")
    facts = [f[0] for c in _around(ask) for f in [run.select(quantity, c, "", period, "")] if f]
    if not own:
        return None
    figures = sorted(
        (of_run(run, f) for f in facts), key=lambda f: -(f.middle if f.middle is not None else float("-inf"))
    )
    return Spread(quantity, of_run(run, own[0]), tuple(figures[:MAX_PLACES]), not ask.zone.children(ask.place.code))


def _places_chart(ask: Ask, spread: Spread | None) -> Chart | None:
    if spread is None or len(spread.figures) < 2:
        return None
    names = {p.code: p.name(ask.lang) for p in ask.zone.places.values()}
    table = figures_table("places", spread.whole.zh, spread.whole.en, spread.figures, names, ask.t)
    series = Series(
        spread.whole.name(ask.lang), tuple(f.middle for f in spread.figures), "bar", HUES[ask.site.hue(spread.quantity, spread.whole.unit)],
        tuple(f.range or f.span for f in spread.figures),
    )  # fmt: skip
    return Chart(
        "places",
        "bars",
        tuple(ask.short(f.place) for f in spread.figures),
        (series,),
        spread.whole.unit,
        ask.lang,
        table,
    )


def _spread_title(ask: Ask, run: Run, spread: Spread | None) -> tuple[str, str]:
    """The finding over places, and what is measured."""
    if spread is None:
        return "", ""
    t, lang = ask.t, ask.lang
    known = [(f.place, f.middle) for f in spread.figures if f.middle is not None]
    level = ask.level(ask.zone.level(spread.figures[0].place), len(spread.figures))
    name = within(spread.whole.name(lang))
    ranged = run.profile.scenarios.get("range", ()) if any(f.range for f in spread.figures) else ()
    whisker = (
        t("account.whisker", names=numbers.joined([t.pick(*_parameter_name(run, p)) for p in ranged], lang))
        if ranged
        else ""
    )
    measure = t("account.measure", name=name, period=_period_label(ask, spread.whole.period), whisker=whisker)
    if spread.beside:
        rank = [code for code, _ in known].index(ask.place.code) + 1 if ask.place.code in dict(known) else 0
        place = ask.short(ask.place.code)
        return (
            t("account.rank", place=place, name=name, n=len(known), level=level, rank=rank) if rank else name
        ), measure
    whole = sum(v for _, v in known if v and v > 0)
    running, head = 0.0, []
    for code, value in known:
        head.append(ask.short(code))
        running += value or 0.0
        if running * 2 >= whole:
            break
    if 0 < len(head) <= max(1, len(known) // 2):
        share = running / whole
        return t(
            "account.half" if share < HALF else "account.share",
            share=numbers.write(round(100 * share), "%", lang).text,
            names=numbers.joined(head, lang),
            n=numbers.counted(len(head), lang),
            name=name,
            place=ask.short(ask.place.code),
        ), measure
    return t(
        "account.ends", high=ask.short(known[0][0]), low=ask.short(known[-1][0]), name=name
    ) if known else name, measure


def _parameter_name(run: Run, parameter: str) -> tuple[str, str]:
    """What a parameter is called where a method takes it: ω of 傅抱璞's curve rather than `water.fu_omega`."""
    for recipe in run.profile.recipes.values():
        for name, binding in recipe.bind.items():
            if binding.get("parameter") == parameter:
                declared = run.domains.registry[recipe.method].arguments[name]
                return declared.zh, declared.en
    return parameter, parameter


# ---- by class, extent, years -----------------------------------------------------------------------------------------


def _class_names(ask: Ask) -> dict[str, tuple[str, str]]:
    return {c["id"]: (str(c["zh"]), str(c["en"])) for c in ask.zone.config.get("extent", {}).get("class", ())}


def _by_class(ask: Ask, run: Run, period: str, basis: str) -> dict[str, object] | None:
    """Services by ecosystem class: one column per figure that is worked out by class."""
    facts = [f for f in run.facts if f.place == ask.place.code and f.period == period and f.cls and f.role in ("physical", "value")
             and f.basis in ("", basis)]  # fmt: skip
    if not facts:
        return None
    names = _class_names(ask)
    columns = list(dict.fromkeys((f.role, f.quantity) for f in facts))
    cells = {(f.cls, f.role, f.quantity): of_run(run, f) for f in facts}
    classes = [c for c in names if any(key[0] == c for key in cells)]
    areas = {f.cls: of_run(run, f) for f in run.extent(ask.place.code, period) if f.quantity == "extent.closing"}
    rows = [
        {"cls": c, "name": ask.t.pick(*names[c]), "area": areas.get(c), "cells": [cells.get((c, *column)) for column in columns]} for c in classes
    ]  # fmt: skip
    return {"columns": [ask.t.pick(*run.names(q)) for _, q in columns], "rows": rows, "quantities": columns}


def _extent(ask: Ask, run: Run, period: str) -> dict[str, object] | None:
    """The extent account as a grid of classes and entries; refusals that a whole column shares are said once."""
    facts = run.extent(ask.place.code, period)
    if not facts:
        return None
    names = _class_names(ask) | {"unallocated": (ask.t("account.unallocated"), ask.t("account.unallocated"))}
    cells = {(f.cls, f.quantity): of_run(run, f) for f in facts}
    classes = list(dict.fromkeys(f.cls for f in facts))
    rows = [
        {"cls": c, "name": ask.t.pick(*names.get(c, (c, c))), "cells": [cells.get((c, e)) for e in ENTRIES]}
        for c in classes
    ]
    reasons = []
    for entry in ENTRIES:
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
            reasons.append({"entry": ask.t(f"account.{entry}"), "why": said, "document": document})
    scheme = ask.zone.config.get("extent", {})
    return {"rows": rows, "reasons": reasons, "scheme": ask.t.pick(str(scheme.get("zh", "")), str(scheme.get("en", ""))),
            "heads": [ask.t(f"account.{e}") for e in ENTRIES]}  # fmt: skip


def _series(ask: Ask, run: Run) -> dict[str, object] | None:
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
    table = Table("years", "逐年", "Years", (Column("period", "时期", "period"), *(Column(b, b, b, "元") for b in by_basis)), [
        {"period": p} | {b: (figures[b][i].middle if figures[b][i] else None) for b in by_basis} for i, p in enumerate(periods)])  # fmt: skip
    series = tuple(
        Series(
            basis_word(ask, b),
            tuple(f.middle if f else None for f in figures[b]),
            "line",
            "money" if b == "current" else "nature",
        )
        for b in by_basis
    )
    chart = Chart("years", "columns", tuple(_period_label(ask, p) for p in periods), series, "元", ask.lang, table)
    return {"chart": chart, "periods": [_period_label(ask, p) for p in periods], "figures": figures, "index": index, "reason": reason,
            "words": {b: basis_word(ask, b) for b in by_basis}, "ids": periods, "constant": constant}  # fmt: skip


def _period_label(ask: Ask, period: str) -> str:
    return ask.zone.period(period).label(ask.lang) if _declared(ask, period) else period


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
        head: dict[str, Cell] = {"service": x.id, "service_name": x.name, "category": t(f"account.category.{x.category}"),
                                 "included": t(f"account.included.{x.included.replace('/', '')}"), "method": x.method, "clause": x.clause}  # fmt: skip
        for part, figure in (("physical", x.physical), ("value", x.value)):
            more = head | {"part": t(f"account.part.{part}"), "basis": basis if part == "value" else ""}
            if figure is not None:
                rows.append(row_of(figure, name, t) | more)
        if x.physical is None:
            rows.append(head | {"place_code": ask.place.code, "place": name, "reason": x.reason})
    if total is not None:
        word = (
            t("account.gep")
            if _is_gep(run, [x for x in lines if x.included == "yes"], total)
            else t("account.accounted")
        )
        rows.append(
            row_of(replace(total, zh=word, en=word), name, t)
            | {"service_name": word, "part": t("account.part.value"), "basis": basis}
        )
    columns = (*FIGURE_COLUMNS[:2], *_SERVICE_COLUMNS, *FIGURE_COLUMNS[2:])
    return Table("services", "服务", "Services", columns, rows, "place_code")


def _class_table(ask: Ask, by_class: dict[str, object] | None) -> Table | None:
    if by_class is None:
        return None
    extra = (Column("cls", "地类代号", "class id"), Column("cls_name", "地类", "class"))
    rows = [
        row_of(f, ask.name(f.place), ask.t, cls=r["cls"], cls_name=r["name"])
        for r in by_class["rows"]
        for f in [r["area"], *r["cells"]]
        if f
    ]  # type: ignore[attr-defined, index]
    return Table("classes", "按地类", "By class", (*FIGURE_COLUMNS[:2], *extra, *FIGURE_COLUMNS[2:]), rows)


def _extent_table(ask: Ask, extent: dict[str, object] | None) -> Table | None:
    if extent is None:
        return None
    extra = (
        Column("cls", "地类代号", "class id"),
        Column("cls_name", "地类", "class"),
        Column("entry", "栏目", "entry"),
    )
    heads: list[str] = extent["heads"]  # type: ignore[assignment]
    rows = [row_of(f, ask.name(f.place), ask.t, cls=r["cls"], cls_name=r["name"], entry=heads[i])
            for r in extent["rows"] for i, f in enumerate(r["cells"]) if f]  # type: ignore[attr-defined, index]  # fmt: skip
    return Table("extent", "面积账户", "Extent account", (*FIGURE_COLUMNS[:2], *extra, *FIGURE_COLUMNS[2:]), rows)


def _years_table(ask: Ask, years: dict[str, object] | None) -> Table | None:
    if years is None:
        return None
    columns: dict[str, list[Figure | None]] = years["figures"]  # type: ignore[assignment]
    index: list[float] | None = years["index"]  # type: ignore[assignment]
    rows = [row_of(f, ask.name(f.place), ask.t, basis=b, index=index[i] if index and b == years["constant"] else None)
            for b, column in columns.items() for i, f in enumerate(column) if f]  # fmt: skip
    extra = (Column("basis", "价格口径", "price basis"), Column("index", "实物量指数", "quantity index"))
    return Table("years", "逐年", "Years", (*FIGURE_COLUMNS[:5], *extra, *FIGURE_COLUMNS[5:]), rows)


def _sources(ask: Ask, run: Run, asked: Sequence[Line]) -> list[str]:
    clauses = [x.clause for x in asked if x.known and x.clause]
    return list(dict.fromkeys([ask.t.pick(run.profile.zh, run.profile.en), *clauses]))


VIEW = View("account", "/account", build, home=lambda code: "/account", rail=lambda code: "/account")
