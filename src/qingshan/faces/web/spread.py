"""One figure of a run over the places below a place, or beside it: which figure, the chart, and the finding in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qingshan.accounts.run import Run
from qingshan.core.errors import UnknownName
from qingshan.publish import numbers

from .charts import Chart, Series
from .figures import Figure, figures_table, intervals, of_run
from .periods import period_word
from .services import HUES, Line
from .site import Ask

MAX_PLACES = 24


HALF = 0.55  # a share up to here is said as a half


@dataclass(frozen=True, slots=True)
class Spread:
    """One figure over the places below (or beside) the chosen one."""

    quantity: str
    whole: Figure
    figures: tuple[Figure, ...]
    beside: bool


def within(name: str) -> str:
    """A name inside a sentence: Water yield -> water yield; abbreviations stay."""
    return name if name[1:2].isupper() else name[:1].lower() + name[1:]


def candidates_of(ask: Ask, run: Run, asked: Sequence[Line], period: str) -> list[str]:
    """Figures that add up over places and are known here: services first, then what is published beside them."""
    recipes = run.profile.recipes
    services = [x.physical.quantity for x in asked if x.physical and x.known]
    figures = [q for q in run.profile.figures if (recipes[q].rollup if q in recipes else _rollup(ask, q)) == "sum"]
    around = _around(ask)
    coverage = {
        q: sum(bool(f) and not f[0].refused for c in around for f in [run.select(q, c, "", period, "")])
        for q in [*services, *figures]
    }
    whole = [q for q in dict.fromkeys([*services, *figures]) if coverage[q]]
    whole.sort(key=lambda q: -coverage[q])
    return whole


def _rollup(ask: Ask, quantity: str) -> str:
    """How a figure that comes from rasters makes the whole of its parts."""
    declared = ask.zone.quantities.get(quantity)
    return declared.rollup if declared else "none"


def _around(ask: Ask) -> list[str]:
    """The places below, or for a leaf the places beside it, itself among them."""
    below = ask.zone.children(ask.place.code)
    return below or (ask.zone.children(ask.place.parent) if ask.place.parent else [ask.place.code])


def spread_of(ask: Ask, run: Run, candidates: Sequence[str], period: str) -> Spread | None:
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


def places_chart(ask: Ask, spread: Spread | None) -> Chart | None:
    if spread is None or len(spread.figures) < 2:
        return None
    names = {p.code: p.name(ask.lang) for p in ask.zone.places.values()}
    table = figures_table("places", spread.whole.zh, spread.whole.en, spread.figures, names, ask.t)
    series = Series(
        spread.whole.name(ask.lang),
        tuple(f.middle for f in spread.figures),
        "bar",
        HUES[ask.site.hue(spread.quantity, spread.whole.unit)],
        tuple(f.range or f.span for f in spread.figures),
    )
    return Chart(
        "places",
        "bars",
        tuple(ask.short(f.place) for f in spread.figures),
        (series,),
        spread.whole.unit,
        ask.lang,
        table,
    )


def spread_title(ask: Ask, run: Run, spread: Spread | None) -> tuple[str, str]:
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
    if not ranged and intervals(run):
        whisker = t("account.drawn", n=run.uncertainty[0]["draws"])
    elif not any(f.range or f.span for f in spread.figures):
        whisker = t("account.unassessed")
    measure = t("account.measure", name=name, period=period_word(spread.whole.period, t, ask.zone), whisker=whisker)
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
