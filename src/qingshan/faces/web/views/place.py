"""Place: what is known about my county? Key figures, where it lies, its year, its position, what is missing, every figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qingshan.accounts.run import ServiceLine
from qingshan.faces.web.atlas import atlas
from qingshan.faces.web.charts import Chart, Series
from qingshan.faces.web.figures import Figure, figures_table, of_run, row_of
from qingshan.faces.web.geometry import neighbours
from qingshan.faces.web.known import (
    Known,
    Lack,
    band,
    documents,
    facts_at,
    fields_now,
    known_at,
    lacks,
    latest,
    strips_fields,
    worked_at,
)
from qingshan.faces.web.months import months_of
from qingshan.faces.web.names import bare, uncapital
from qingshan.faces.web.page import Column, Page, Table, View
from qingshan.faces.web.periods import figure_period, period_word
from qingshan.faces.web.scale import ranks
from qingshan.faces.web.services import basis_word
from qingshan.faces.web.site import Ask, first_year, last_year
from qingshan.publish import numbers
from qingshan.zone.fact import InputFact
from qingshan.zone.place import Place

KEYS = 4
SHOWN_FACTS = 16
SHOWN_LACKS = 7
SHOWN_SERVICES = 6
_LEVEL_FLAT = 0.03
_LEGENDS = (524, 358)


def build(ask: Ask) -> Page:
    """The page of one place; any level of the tree, the root included."""
    place, t = ask.place, ask.t
    run = ask.run
    lines = run.services(place.code) if run and run.profile.services else []
    known = known_at(ask, place.code)
    facts = facts_at(ask, place.code)
    worked = worked_at(run, place.code, ask.span)
    made = [f for f in worked if f.known]
    wanting = lacks(ask, place.code, lines)
    strips = _strips(ask, place)
    months = months_of(ask, place)
    children = _children(ask, place)
    series = _series(ask, place)
    extent = _extent(ask, place)
    basis = next(iter(run.profile.bases()), "") if run else ""
    services = _services(lines, basis)
    shown = max(SHOWN_SERVICES, sum(not s["refused"] for s in services))
    context: dict[str, Any] = {
        "place": place, "name": place.name(ask.lang), "question": t("place.question", name=place.name(ask.lang)),
        "headline": _headline(ask, place, strips, len(facts), _accounts(made, lines)), "lead": _lead(ask, facts, wanting), "where": _where(ask, place),
        "keys": _keys(ask, place), "map": _map(ask, place), "months": months, "children": children, "series": series, "extent": extent,
        "strips": strips, "strips_title": _strips_title(ask, place), "lacks": wanting[:SHOWN_LACKS], "more_lacks": max(0, len(wanting) - SHOWN_LACKS),
        "lacks_title": _lacks_title(ask, wanting), "known": known[:SHOWN_FACTS], "known_rest": known[SHOWN_FACTS:],
        "worked": made, "facts_title": _facts_title(ask, facts, known, made), "facts_note": _facts_note(ask, facts),
        "services": services[:shown], "more_services": services[shown:], "accounted": _accounted(ask, place),
        "basis_word": basis_word(ask, basis) if basis else "",
        "left_out": sum(1 for x in lines if x.included == "yes" and _refused(x)),
        "periods": None, "period": ask.query.get("period", ""),
    }  # fmt: skip
    tables = _tables(ask, place, facts, worked, wanting, lines, [c["chart"] for c in (months, children, extent) if c])
    around = [place.code, *ask.zone.children(place.code)]
    sources = list(dict.fromkeys(f.source_title for f in facts if f.source_title))[:6]
    return Page(
        "place.html",
        context["headline"],
        context,
        tables,
        around,
        sources,
        sorted({x for k in known for x in k.figure.labels}),
    )


# ---- words ------------------------------------------------------------------------------------------------------------


def _where(ask: Ask, place: Place) -> str:
    above = [ask.name(c) for c in reversed(ask.zone.ancestors(place.code))]
    inside = ask.zone.children(place.code)
    words = [" · ".join(above)] if above else []
    if inside:
        level = ask.zone.level(inside[0])
        words.append(ask.t("place.inside", n=len(inside), level=ask.level(level, len(inside))))
    return "\u3000".join([place.code, *words])


def _accounts(made: Sequence[Figure], lines: Sequence[ServiceLine]) -> bool:
    """True where the account gives some figure of the place."""
    return bool(made) or any(x.included == "yes" and not _refused(x) for x in lines)


def _headline(ask: Ask, place: Place, strips: Sequence[dict[str, Any]], count: int, accounts: bool) -> str:
    """Where the place stands among its equals, the farthest from the middle first; without equals, what is on file or worked out."""
    t, name = ask.t, place.name(ask.lang)
    if not strips and count:
        return _counted(ask, "known", count, name=name)
    if not strips:
        return t("place.only_worked" if accounts else "place.none", name=name)
    bands: dict[str, list[str]] = {}
    for strip in strips[:4]:
        bands.setdefault(strip["band"], []).append(strip["name"])
    order: list[str] = [b for b in ("top", "bottom", "high", "low") if b in bands] or ["middle"]
    parts = [
        t("bands.lead", names=numbers.joined([uncapital(x) for x in bands[b]], ask.lang), band=t(f"bands.{b}"))
        for b in order[:3]
    ]
    text = t("bands.join").join(parts)
    joint = " " if ask.lang == "zh" and text[:1].isascii() else ""
    return t("place.bands", name=name + joint, text=text)


def _lead(ask: Ask, facts: Sequence[InputFact], wanting: Sequence[Lack]) -> str:
    t = ask.t
    primary = sum(f.status == "primary" for f in facts)
    status = ""
    if facts:
        status = (
            t("place.grades_primary", n=f"{len(facts):,}", primary=primary)
            if primary
            else t("place.grades_none_primary")
        )
    if not wanting:
        return status
    n = numbers.counted(len(wanting), ask.lang, capital=True)
    return t("place.lead_one" if len(wanting) == 1 else "place.lead", status=status, n=n).strip()


def _lacks_title(ask: Ask, wanting: Sequence[Lack]) -> str:
    if not wanting:
        return ask.t("place.missing_none")
    n = numbers.counted(len(wanting), ask.lang, capital=True)
    return ask.t("place.missing_one" if len(wanting) == 1 else "place.missing", n=n)


def _facts_title(ask: Ask, facts: Sequence[InputFact], known: Sequence[Known], made: Sequence[Figure]) -> str:
    """How many figures stand below: those on file, or where there are none those worked out (`made`)."""
    if not facts and made:
        return _counted(ask, "facts_worked", len(made))
    if ask.span:
        return _counted(ask, "facts_period", sum(1 + len(k.earlier) for k in known), period=ask.asked_years)
    return _counted(ask, "facts", len(facts)) if facts else ask.t("place.facts_nothing")


def _facts_note(ask: Ask, facts: Sequence[InputFact]) -> str:
    """What stands instead of an empty table. Without a period in question, facts that fill no row are those of single months."""
    if ask.span:
        return ask.t("place.facts_none")
    return ask.t("place.facts_monthly" if facts else "place.facts_none_ever")


def _counted(ask: Ask, key: str, n: int, **words: str) -> str:
    """The text of a count; one thing has a text of its own."""
    return ask.t(f"place.{key}_one" if n == 1 else f"place.{key}", n=f"{n:,}", **words)


# ---- key figures ------------------------------------------------------------------------------------------------------


def _keys(ask: Ask, place: Place) -> list[dict[str, Any]]:
    """Up to four figures worth seeing first, each with its period and one comparison."""
    found: list[dict[str, Any]] = []
    wanted = [*ask.site.shown("keys"), *(f.quantity for f in ask.site.fields(ask.profile, place.level).values())]
    subjects: set[str] = set()
    for quantity in dict.fromkeys(wanted):
        subject = quantity.split(".")[0]
        pair = latest(ask, place.code, quantity) if subject not in subjects else None
        if pair is None or not pair[0].known or pair[0].unit == "rank":
            continue
        subjects.add(subject)
        note, beside = _key_note(ask, place, *pair)
        found.append({"figure": pair[0], "note": note, "beside": beside})
        if len(found) == KEYS:
            break
    return found


def _key_note(ask: Ask, place: Place, figure: Figure, before: Figure | None) -> tuple[str, Figure | None]:
    """The line below a key figure, and the figure it compares with."""
    t = ask.t
    period = figure_period(figure, t, ask.zone)
    if before is not None:
        earlier = figure_period(before, t, ask.zone)
        return t("place.key_before", period=period, earlier=earlier, value=before.written(ask.lang).text), before
    if figure.range:
        return f"{figure.written_range(ask.lang)}{t('semicolon')}{period}", None
    whole = latest(ask, ask.zone.root, figure.quantity) if place.code != ask.zone.root else None
    if whole and whole[0].known and figure.unit not in ("人", "m3", "km2"):
        compared = t("place.compare", period=period, zone=_whole_word(ask), value=whole[0].written(ask.lang).text)
        return compared, whole[0]
    return period, None


def _whole_word(ask: Ask) -> str:
    root = ask.zone.places[ask.zone.root]
    return ask.level(root.level, 1) if ask.lang == "zh" else root.name("en")


# ---- pictures ---------------------------------------------------------------------------------------------------------


def _map(ask: Ask, place: Place) -> dict[str, Any] | None:
    """The place in its parent (a leaf), or its own leaves (a branch), coloured by the zone's first figure."""
    site = ask.site
    field = next(iter(fields_now(ask, site.leaf_level).values()), None)
    if field is None or site.drawing is None:
        return None
    t, name = ask.t, place.name(ask.lang)
    leaves = ask.zone.leaves(place.code)
    level = ask.level(site.leaf_level, len(leaves))
    if place.code == ask.zone.root:
        drawn = atlas(ask, field, legends=_LEGENDS)
        title = _counted(ask, "map_whole", len(leaves), name=name, level=level)
    elif ask.zone.children(place.code):
        drawn = atlas(ask, field, frame=leaves, chosen=place.code, legends=_LEGENDS)
        title = _counted(ask, "map_whole", len(leaves), name=name, level=level)
    elif place.code in site.drawing.areas:
        beside = neighbours(site.drawing).get(place.code, set())
        siblings = ask.zone.leaves(place.parent) if place.parent else []
        near = set(siblings) | beside | {place.code}
        frame = [p.code for p in ask.zone.at_level(site.leaf_level) if p.code in near]
        drawn = atlas(ask, field, frame=frame, chosen=place.code, legends=_LEGENDS)
        title = t("place.map", name=name, parent=ask.name(place.parent) if place.parent else ask.name(ask.zone.root))
    else:
        return None
    drawn["card"] = None
    unit = f"{t('comma')}{drawn['unit']}" if drawn["unit"] else ""
    return {
        "atlas": drawn,
        "title": title,
        "sub": t(
            "place.map_sub" if drawn["outline"] else "place.map_plain",
            field=field.sample.name(ask.lang) + unit,
            name=name,
        ),
        "labels": field.sample.labels,
    }


def _children(ask: Ask, place: Place) -> dict[str, Any] | None:
    """Lying bars of the places inside a branch, for the first figure that adds up."""
    inside = ask.zone.children(place.code)
    if not inside:
        return None
    fields = fields_now(ask, ask.zone.level(inside[0]))
    adding = {q: f for q, f in fields.items() if _adds_up(ask, q) and any(c in f.figures for c in inside)}
    field = next((adding[q] for q in [*ask.site.shown("inside"), *adding] if q in adding), None)
    if field is None:
        return None
    figures = sorted(
        (field.figures[c] for c in inside if c in field.figures), key=lambda f: f.middle or 0.0, reverse=True
    )
    names = {p.code: p.name(ask.lang) for p in ask.zone.places.values()}
    table = figures_table(
        "inside", f"下辖各地：{field.sample.zh}", f"Places inside: {field.sample.en}", figures, names, ask.t
    )
    chart = Chart("inside", "bars", tuple(ask.short(f.place) for f in figures),
                  (Series(field.sample.name(ask.lang), tuple(f.middle for f in figures), "bar", _hue(ask, field.quantity),
                          tuple(f.range for f in figures), absent=ask.t("refused")),), field.sample.unit, ask.lang, table)  # fmt: skip
    first = [f for f in figures if f.middle is not None][:3]
    title = ask.t(
        "place.inside_title",
        names=numbers.joined([ask.short(f.place) for f in first], ask.lang),
        name=uncapital(field.sample.name(ask.lang)),
    )
    sub = ask.t(
        "place.inside_sub" if any(f.range for f in figures) else "place.inside_plain",
        name=field.sample.name(ask.lang),
        unit=chart.unit_word,
        period=figure_period(field.sample, ask.t, ask.zone),
    )
    return {"chart": chart, "title": title, "sub": sub, "labels": field.sample.labels}


def _adds_up(ask: Ask, quantity: str) -> bool:
    recipe = ask.run.profile.recipes.get(quantity) if ask.run else None
    if recipe is not None:
        return recipe.rollup == "sum"
    declared = ask.zone.quantities.get(quantity)
    return declared is not None and declared.rollup == "sum" and not quantity.startswith("place.")


def _hue(ask: Ask, quantity: str) -> str:
    return {"land": "nature", "water": "water", "money": "money"}.get(ask.site.hue(quantity), "grey")


def _series(ask: Ask, place: Place) -> dict[str, Any] | None:
    """The first long series of the place as a line over its years, gaps left open."""
    for quantity in ask.site.shown("series"):
        prints = {
            y: f
            for f in reversed(ask.zone.facts.series(quantity, place.code))
            if (y := last_year(f.period)) and y == first_year(f.period)
        }
        if len(prints) < 4 or len({f.unit for f in prints.values()}) > 1:
            continue
        years = range(min(prints), max(prints) + 1)
        figures = [ask.site.figure(prints[y]) for y in years if y in prints]
        names = {place.code: place.name(ask.lang)}
        name = figures[0].name(ask.lang)
        table = figures_table("series", figures[0].zh, figures[0].en, figures, names, ask.t)
        chart = Chart("series", "columns", tuple(str(y) for y in years),
                      (Series(name, tuple(prints[y].value if y in prints else None for y in years), "line", _hue(ask, quantity)),),
                      figures[0].unit, ask.lang, table)  # fmt: skip
        first, last = min(prints), max(prints)
        change = prints[last].value / prints[first].value - 1 if prints[first].value else 0.0
        kind = "flat" if abs(change) < _LEVEL_FLAT else "up" if change > 0 else "down"
        title = ask.t(
            f"place.series_{kind}",
            name=name,
            first=first,
            last=last,
            share=f"{numbers.digits(abs(change) * 100, 2)}\u00a0%",
        )
        return {
            "chart": chart,
            "title": title,
            "sub": ask.t("place.series_sub", unit=chart.unit_word, first=first, last=last),
            "labels": figures[-1].labels,
        }
    return None


def _extent(ask: Ask, place: Place) -> dict[str, Any] | None:
    """Areas of the ecosystem classes as lying bars, refused ones hatched."""
    run = ask.run
    if run is None:
        return None
    cells = [f for f in run.extent(place.code) if f.quantity == "extent.closing"]
    if not any(f.value is not None or f.span for f in cells):
        return None
    declared = {c["id"]: c for c in ask.zone.config.get("extent", {}).get("class", [])}
    figures = [of_run(run, f) for f in cells]
    names = [
        ask.t.pick(declared[f.cls]["zh"], declared[f.cls]["en"])
        if f.cls in declared
        else ask.t("place.extent_unallocated")
        for f in cells
    ]
    extra = (Column("class", "地类", "class"),)
    rows = [
        row_of(figure, place.name(ask.lang), ask.t, **{"class": name})
        for figure, name in zip(figures, names, strict=True)
    ]
    base = figures_table("extent", "地类面积", "Extent by class", [], {}, ask.t, extra)
    # the largest first, refused ones after them, what is not allocated last
    drawn = [
        (f.cls not in declared, -(g.middle if g.middle is not None else -1.0), i)
        for i, (f, g) in enumerate(zip(cells, figures, strict=True))
    ]
    order = [i for *_, i in sorted(drawn)]
    unit = next(f.unit for f in figures if f.unit)
    chart = Chart("extent", "bars", tuple(names[i] for i in order),
                  (Series(ask.t("place.extent"), tuple(figures[i].middle for i in order), "bar", "nature", absent=ask.t("refused")),), unit, ask.lang,
                  Table(base.name, base.zh, base.en, base.columns, rows, "place_code"))  # fmt: skip
    scheme = ask.zone.config.get("extent", {})
    sub = ask.t(
        "place.extent_sub",
        scheme=ask.t.pick(scheme.get("zh", ""), scheme.get("en", "")),
        period=period_word(run.default_period, ask.t),
        unit=chart.unit_word,
    )
    return {"chart": chart, "title": ask.t("place.extent"), "sub": sub, "labels": next((f.labels for f in figures if f.known), ()),
            "documents": documents(f.refusal for f in cells)}  # fmt: skip


# ---- among its equals -------------------------------------------------------------------------------------------------


def _strips(ask: Ask, place: Place) -> list[dict[str, Any]]:
    if len(ask.zone.at_level(place.level)) < 3:
        return []
    strips = []
    for field in strips_fields(ask, place.level, place.code):
        pairs = [(code, f.middle) for code, f in field.figures.items()]
        values = {code: v for code, v in pairs if v is not None}
        low, high = min(values.values()), max(values.values())
        reach = high - low or 1.0
        at = {code: round((v - low) / reach * 996 + 2, 1) for code, v in values.items()}
        rank, count = ranks(list(values.items()))[place.code], len(values)
        name = bare(field.sample.name(ask.lang))
        strips.append(
            {"name": name, "figure": field.figures[place.code], "marks": [x for code, x in at.items() if code != place.code],
             "me": at[place.code], "rank": ask.t("place.strip_rank", rank=rank), "alt": ask.t("place.strip_alt", name=name, rank=rank, n=count),
             "band": band(rank, count)}
        )  # fmt: skip
    return strips


def _strips_title(ask: Ask, place: Place) -> str:
    n = len(ask.zone.at_level(place.level))
    return ask.t("place.strips", n=n, level=ask.level(place.level, n))


# ---- services and tables ----------------------------------------------------------------------------------------------


def _refused(line: ServiceLine) -> bool:
    return line.physical is None or line.physical.refusal is not None


def _services(lines: Sequence[ServiceLine], basis: str) -> list[dict[str, Any]]:
    """Services inside the profile, those with a figure first; money in the prices of `basis`, as their sum is."""
    rows = [
        {"service": line.service, "physical": line.physical, "values": [f for b, f in line.value.items() if b == basis],
         "documents": documents([line.refusal, *(f.refusal for f in line.value.values())]), "refused": _refused(line),
         "reason": next((leaf for r in (line.refusal, *(f.refusal for f in line.value.values())) if r for leaf in r.leaves()), None)}
        for line in lines
        if line.included == "yes"
    ]  # fmt: skip
    return sorted(rows, key=lambda r: r["refused"])


def _accounted(ask: Ask, place: Place) -> Figure | None:
    run = ask.run
    if run is None or not run.profile.services:
        return None
    fact = run.accounted(place.code)
    return of_run(run, fact) if fact is not None else None


def _tables(ask: Ask, place: Place, facts: Sequence[InputFact], worked: Sequence[Figure], wanting: Sequence[Lack], lines: Sequence[ServiceLine],
            charts: Sequence[Chart]) -> list[Table]:  # fmt: skip
    names = {p.code: p.name(ask.lang) for p in ask.zone.places.values()}
    run = ask.run
    read = [
        ask.site.figure(f)
        for f in facts
        if ask.span is None or (last_year(f.period) or 0) in range(ask.span[0], ask.span[1] + 1)
    ]
    tables = [figures_table("facts", "收录的数字", "Figures on file", [*worked, *read], names, ask.t)]
    if run and lines:
        cells = [of_run(run, f) for line in lines for f in (line.physical, *line.value.values()) if f]
        tables.append(figures_table("services", "生态系统服务", "Ecosystem services", cells, names, ask.t))
    tables.append(
        Table("missing", "缺的数字", "Missing figures",
              (Column("document", "补它的文件", "document that fills it"), Column("names", "数字", "figures"), Column("needs", "指标代号", "quantity ids"),
               Column("waiting", "谁在等它", "who waits")),
              [{"document": x.document, "names": "; ".join(x.names), "needs": "; ".join(x.needs), "waiting": "; ".join(x.waiting)} for x in wanting])
    )  # fmt: skip
    return [*tables, *(c.table for c in charts if c.table.name not in ("series",))]


VIEW = View("place", "/place/{code}", build, home=lambda code: f"/place/{code}", rail=lambda code: f"/place/{code}")
