"""Map: what lies where? One raster layer with its legend, two side by side under a slider, and one pixel worked through."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from qingshan.faces.web.figures import shared
from qingshan.faces.web.layer_tables import layers_table, legend_table
from qingshan.faces.web.legend import legend_of, paired, share_word, span_of
from qingshan.faces.web.names import bare, capital
from qingshan.faces.web.outlines import Frame, box_of, outlines, rings_of
from qingshan.faces.web.page import Page, View
from qingshan.faces.web.periods import period_word
from qingshan.faces.web.pixel import Pixel, pixel_at, pixel_tables
from qingshan.faces.web.rasters import RESULT, SERIES, Held, Shelf, ShownLayer, in_language, shelf, spread
from qingshan.faces.web.scale import nice_step
from qingshan.faces.web.site import Ask, last_year
from qingshan.publish import numbers

WIDTH, HEIGHT = 900, 640
POINT = 0.0005  # a share below this is no change worth a headline
_NUMBER = re.compile(r"[-+−]?\d{1,3}(?:[.．]\d{1,12})?")


@dataclass(frozen=True)
class Side:
    """One layer of one period as the map shows it."""

    layer: ShownLayer
    period: str
    word: str
    held: Held
    legend: dict[str, Any]

    @property
    def id(self) -> str:
        return f"{self.layer.id}@{self.period}"


def build(ask: Ask) -> Page:
    """The page. `?layer=`, `?period=`, `?with=layer@period`, `?place=`, `?lon=&lat=` and `?at=lon,lat,zoom` hold its state."""
    found = shelf(ask.site)
    question = ask.t("raster.question")
    drawable = [x for x in found.layers.values() if x.periods]
    if not drawable:
        why = ask.t.pick(found.why.zh, found.why.en) if found.why else ""
        return Page(
            "raster_empty.html",
            ask.t("raster.empty"),
            {"question": question, "why": why, "failed": _failed(ask, found)},
        )
    layer = found.layer(ask.query["layer"]) if ask.query.get("layer") else drawable[0]
    if wait := _waiting(ask, found, layer):
        return wait
    main = _side(ask, layer, _period(ask, layer))
    other = _other(ask, found, main)
    first, second = _in_time(main, other)
    frame = _frame(ask, found, main)
    pixel, asked, fault = _pixel(ask, found, main, frame)
    context = {
        "question": question, "headline": _headline(ask, first, second), "lead": _lead(ask, first, second), "map_title": _title(ask, first, second),
        "main": first, "other": second, "with_id": other.id if other else "", "pair": _pair(ask, first, second), "changes": _changes(ask, first, second),
        "layers": _choices(ask, found), "withs": _comparisons(ask, found, main), "keep": _keep(ask),
        "periods": [(p, _word(ask, p)) for p in layer.periods], "period": main.period, "span": _span(main.period), "period_of": lambda p: _word(ask, p),
        "window": frame, "lines": _lines(ask, found, frame), "scale": _bar(ask, frame), "credit": _credit(ask, found),
        "still": {side.id: _still(side, frame) for side in (first, second) if side}, "map_json": _description(ask, first, second, frame),
        "account_href": lambda id: ask.address("/zone/raster", **(_keep(ask) | {"account": id})) + "#pixel",
        "pixel": pixel, "asked": asked, "fault": fault, "marker": frame.at(*asked) if asked and pixel else None,
        "groups": _groups(ask, found), "unmade": _unmade(ask, found), "failed": _failed(ask, found),
        "count": len(found.layers), "common": shared(h.labels for x in found.layers.values() if x.group != RESULT for h in x.held.values()),
    }  # fmt: skip
    tables = [layers_table(ask, found), legend_table(ask, [(s.layer, s.period, s.legend) for s in (main, other) if s])]
    if pixel:
        tables = [*pixel_tables(ask, pixel), *tables]
    sides = [s for s in (main, other) if s]
    sources = [in_language(str(s.held.entry.get("source") or s.layer.name(ask.lang)), ask.lang) for s in sides]
    labels = sorted({label for s in sides for label in s.held.labels})
    record = pixel.record if pixel else None
    headline = str(context["headline"])
    return Page(
        "raster.html",
        headline,
        context,
        tables,
        ask.zone.leaves(ask.zone.root),
        list(dict.fromkeys(sources)),
        labels,
        record,
    )


def _word(ask: Ask, period: str) -> str:
    return bare(period_word(period, ask.t, ask.zone))


# ---- what was asked for ----------------------------------------------------------------------------------------------


def _waiting(ask: Ask, found: Shelf, layer: ShownLayer) -> Page | None:
    """A page that asks again by itself while a result of the address is still being computed."""
    second = ask.query.get("with", "").partition("@")[0]
    for shown in (layer, *([found.layer(second)] if second else [])):
        seconds = shown.waiting()
        if seconds is not None:
            said = ask.t("raster.wait.title", name=shown.name(ask.lang))
            return Page("raster_wait.html", said, {"question": ask.t("raster.question"), "seconds": round(seconds)})
    return None


def _period(ask: Ask, layer: ShownLayer) -> str:
    """The asked period, else the one of its year, else the newest."""
    asked = ask.query.get("period", "")
    if asked in layer.periods:
        return asked
    same = [p for p in layer.periods if ask.span and last_year(p) == ask.span[1]]
    known = layer.periods or list(layer.held)  # one that cannot be drawn is refused by name
    return same[0] if same else known[0]


def _side(ask: Ask, layer: ShownLayer, period: str) -> Side:
    held = layer.at(period)
    return Side(layer, held.period, _word(ask, held.period), held, legend_of(layer, held.period, ask.lang))


def _other(ask: Ask, found: Shelf, main: Side) -> Side | None:
    """The layer of `?with=layer@period`. Raises `UnknownName` where there is no such map."""
    asked = ask.query.get("with", "")
    if not asked:
        return None
    id, _, period = asked.partition("@")
    layer = found.layer(id)
    side = _side(ask, layer, period or _period(ask, layer))
    return None if side.id == main.id else side


def _in_time(main: Side, other: Side | None) -> tuple[Side, Side | None]:
    """The earlier period of one layer lies left, as time runs."""
    if (
        other is not None
        and other.layer.id == main.layer.id
        and (last_year(other.period) or 0) < (last_year(main.period) or 0)
    ):
        return other, main
    return main, other


def _pair(ask: Ask, first: Side, second: Side | None) -> list[dict[str, Any]]:
    """One legend for both sides where they are two periods of the land classes."""
    if second is None or second.layer.id != first.layer.id or not first.layer.classes:
        return []
    return paired(first.legend["rows"], second.legend["rows"], ask.lang)


def _keep(ask: Ask) -> dict[str, str]:
    return {
        k: ask.query.get(k, "") for k in ("layer", "period", "with", "place", "profile", "lon", "lat", "at", "account")
    }


def _span(period: str) -> tuple[int, int] | None:
    year = last_year(period)
    return (year, year) if year else None


def _frame(ask: Ask, found: Shelf, main: Side) -> Frame:
    """The chosen place's box, else the whole of the layer's data."""
    chosen = ask.place.code if ask.query.get("place") else ask.zone.root
    box = None
    if chosen in ask.zone.places and chosen != ask.zone.root:
        inside = set(ask.zone.leaves(chosen))
        box = box_of(f for f in outlines(ask.site, found.book)["features"] if f["properties"]["code"] in inside)
    return Frame.around(box or main.layer.survey(main.period).bounds, WIDTH, HEIGHT)


def _number(text: str, low: float, high: float) -> float | None:
    plain = text.strip().replace("−", "-").replace("．", ".")
    if not _NUMBER.fullmatch(plain):
        return None
    return float(plain) if low <= float(plain) <= high else None


def _pixel(ask: Ask, found: Shelf, main: Side, frame: Frame) -> tuple[Pixel | None, tuple[float, float] | None, str]:
    """The pixel asked for by `?lon=&lat=`, or under the point of the still map that was clicked (`?hit.x=&hit.y=`)."""
    x, y = ask.query.get("hit.x", ""), ask.query.get("hit.y", "")
    if x.isdecimal() and y.isdecimal() and len(x) < 6 and len(y) < 6:
        lon, lat = (round(v, 6) for v in frame.under(float(x), float(y)))
    else:
        given = ask.query.get("lon", ""), ask.query.get("lat", "")
        if not any(given):
            return None, None, ""
        point = _number(given[0], -180, 180), _number(given[1], -90, 90)
        if point[0] is None or point[1] is None:
            return None, None, ask.t("raster.pixel.no_number")
        lon, lat = point[0], point[1]
    if found.book is None:
        return None, (lon, lat), ask.t("raster.pixel.outside")
    pixel = pixel_at(ask, found, _book_period(found, main.period), lon, lat, main.layer.id)
    return pixel, (lon, lat), "" if pixel else ask.t("raster.pixel.outside")


def _book_period(found: Shelf, period: str) -> str:
    """The period whose inputs are read at a pixel: the map's own, else the newest of the catalogue."""
    known = found.book.periods() if found.book else []
    return period if period in known or not known else known[-1]


# ---- what is said ----------------------------------------------------------------------------------------------------


def _headline(ask: Ask, side: Side, other: Side | None) -> str:
    """The layer in one sentence: its largest classes, or its reach and middle; of two periods, what changed most."""
    t, name = ask.t, capital(side.layer.name(ask.lang))
    if other is not None and other.layer.id == side.layer.id:
        return _changed(ask, side, other) or t("raster.headline.same", name=name, a=side.word, b=other.word)
    rows = [r for r in side.legend["rows"] or () if r["code"] is not None]
    if side.layer.classes:
        if not rows:
            return t("raster.headline.nothing", name=name)
        words = [{"name": r[ask.lang], "share": r["said"]} for r in rows[:2]]
        if len(words) == 1:
            return capital(t("raster.headline.one", **words[0]))
        (a, a_share), (b, b_share) = ((w["name"], w["share"]) for w in words)
        return capital(t("raster.headline.classes", a=a, a_share=a_share, b=b, b_share=b_share))
    survey = side.layer.survey(side.period)
    if not len(survey.sample):
        return t("raster.headline.nothing", name=name)
    low, high, middle = *span_of(survey), spread(survey.sample, 0.5)
    (a, b, m), unit = numbers.write_many([low, high, middle], side.layer.unit, ask.lang)
    gap = "\u00a0" if unit else ""
    return t("raster.headline.range", name=name, low=a, high=b, middle=m, unit=f"{gap}{unit}")


def _changed(ask: Ask, first: Side, second: Side) -> str:
    """The class that gained and the one that lost most between two periods; of numbers, the two middles."""
    t = ask.t
    if not first.layer.classes:
        before, after = (s.layer.survey(s.period).sample for s in (first, second))
        if not len(before) or not len(after):
            return ""
        (a, b), unit = numbers.write_many([spread(before, 0.5), spread(after, 0.5)], first.layer.unit, ask.lang)
        return t(
            "raster.headline.middles",
            name=capital(first.layer.name(ask.lang)),
            a=a,
            b=b,
            unit=f"\u00a0{unit}" if unit else "",
            first=first.word,
            second=second.word,
        )
    left, right = ({r["code"]: r["share"] for r in s.legend["rows"] if r["code"] is not None} for s in (first, second))
    moves = sorted((right.get(c, 0.0) - left.get(c, 0.0), c) for c in {*left, *right})
    if not moves or moves[-1][0] < POINT or moves[0][0] > -POINT:
        return ""
    (lost, loser), (won, winner) = moves[0], moves[-1]
    names = {c: ask.t.pick(*first.layer.names[c]) for c in (loser, winner)}
    return t(
        "raster.headline.moved",
        first=first.word,
        second=second.word,
        up=names[winner],
        up_by=_points(won),
        down=names[loser],
        down_by=_points(-lost),
    )


def _points(share: float) -> str:
    return numbers.digits(round(100 * share, 1))


def _lead(ask: Ask, main: Side, other: Side | None) -> str:
    if other is None:
        return ask.t("raster.lead.layer", name=main.layer.name(ask.lang), period=main.word)
    left, right = (f"{ask.t.pick(s.layer.zh, s.layer.en)} {s.word}" for s in (main, other))
    said = ask.t("raster.lead.compare", left=left, right=right)
    return capital(said)


def _title(ask: Ask, main: Side, other: Side | None) -> str:
    """What the picture shows."""
    one = ask.t("raster.map.title", name=main.layer.name(ask.lang), period=main.word)
    if other is None:
        return one
    second = (
        other.word
        if other.layer.id == main.layer.id
        else ask.t("raster.map.title", name=other.layer.name(ask.lang), period=other.word)
    )
    return ask.t("raster.map.versus", left=one, right=second)


def _changes(ask: Ask, main: Side, other: Side | None) -> str:
    """The change matrix, where two periods of the land classes stand side by side."""
    if other is None or other.layer.id != main.layer.id or not main.layer.classes or not ask.has("change"):
        return ""
    return ask.address("/account/change", period=other.period, place=ask.query.get("place", ""))


def _choices(ask: Ask, found: Shelf) -> list[tuple[str, list[tuple[str, str]]]]:
    """Layers by group, for the list."""
    listed = [x for x in found.layers.values() if x.periods]
    return [
        (ask.t(f"raster.group.{group}"), [(x.id, x.name(ask.lang)) for x in listed if x.group == group])
        for group in dict.fromkeys(x.group for x in listed)
    ]


def _comparisons(ask: Ask, found: Shelf, main: Side) -> list[tuple[str, str]]:
    """What may lie on the other side of the slider: other periods of the layer first, then other layers."""
    options = [("", ask.t("raster.with.none"))]
    options += [
        (f"{main.layer.id}@{p}", ask.t("raster.with.period", period=_word(ask, p)))
        for p in main.layer.periods
        if p != main.period
    ]
    for layer in found.layers.values():
        if layer.id != main.layer.id and layer.periods:
            period = main.period if main.period in layer.periods else layer.periods[0]
            options.append((f"{layer.id}@{period}", layer.name(ask.lang)))
    return options


def _failed(ask: Ask, found: Shelf) -> list[tuple[str, str]]:
    """Layers that are catalogued and cannot be drawn, with the reason."""
    return [
        (f"{x.name(ask.lang)} {_word(ask, h.period)}", ask.t.pick(h.why.zh, h.why.en))
        for x in found.layers.values()
        for h in x.held.values()
        if h.why is not None
    ]


# ---- the map ---------------------------------------------------------------------------------------------------------


def _lines(ask: Ask, found: Shelf, frame: Frame) -> dict[str, Any]:
    """Outlines and names on the still map; the chosen place heavier."""
    chosen = (
        set(ask.zone.leaves(ask.place.code)) if ask.query.get("place") and ask.place.code in ask.zone.places else set()
    )
    shapes = []
    for feature in outlines(ask.site, found.book)["features"]:
        code = feature["properties"]["code"]
        rings = rings_of(feature["geometry"])
        largest = max(rings, key=len)
        x = sum(p[0] for p in largest) / len(largest)
        y = sum(p[1] for p in largest) / len(largest)
        at = frame.at(x, y)
        inside = 40 < at[0] < frame.width - 40 and 20 < at[1] < frame.height - 20
        shapes.append(
            {
                "path": frame.path(rings),
                "name": ask.short(code) if inside else "",
                "x": at[0],
                "y": at[1],
                "chosen": code in chosen,
            }
        )
    return {"shapes": shapes, "named": len(shapes) <= 24}


def _bar(ask: Ask, frame: Frame) -> dict[str, Any]:
    """A scale bar of a round length, about a sixth of the map."""
    length = nice_step(frame.metres * frame.width / 6, 1)
    value, unit = (length / 1000, "km") if length >= 1000 else (length, "m")
    return {"width": round(length / frame.metres, 1), "word": numbers.write(value, unit, ask.lang).text}


def _still(side: Side, frame: Frame) -> dict[str, str]:
    box = ",".join(f"{v:.1f}" for v in frame.box)
    stem = f"/tiles/{side.layer.id}/{side.period}/still.png?box={box}&size={frame.width}x{frame.height}&v={side.layer.mark(side.period)}"
    return {look: f"{stem}&look={look}" for look in ("light", "dark")}


def _description(ask: Ask, main: Side, other: Side | None, frame: Frame) -> dict[str, Any]:
    """What the browser's map needs: tile addresses, zoom levels, the box to show, the words of its controls."""

    def side(s: Side) -> dict[str, Any]:
        survey = s.layer.survey(s.period)
        return {
            "tiles": f"/tiles/{s.layer.id}/{s.period}/{{z}}/{{x}}/{{y}}.png?v={s.layer.mark(s.period)}&look=", "zooms": list(survey.zooms),
            "bounds": [round(v + d, 6) for v, d in zip(survey.bounds, (1e-6, 1e-6, -1e-6, -1e-6), strict=True)], "name": f"{s.layer.name(ask.lang)} {s.word}",
        }  # fmt: skip

    at = [float(v) for v in ask.query.get("at", "").split(",") if _number(v, -180, 180) is not None]
    words = {k: ask.t(f"raster.map.{k}") for k in ("failed", "zoom_in", "zoom_out")}
    if other is not None:
        words["swipe"] = ask.t(
            "raster.map.swipe",
            left=f"{main.layer.name(ask.lang)} {main.word}",
            right=f"{other.layer.name(ask.lang)} {other.word}",
        )
    corners = (*frame.under(0, frame.height), *frame.under(frame.width, 0))
    return {
        "sides": [side(s) for s in (main, other) if s], "box": [round(v, 6) for v in corners], "at": at if len(at) == 3 else None,
        "places": "/tiles/places.geojson", "lang": ask.lang, "words": words,
    }  # fmt: skip


def _credit(ask: Ask, found: Shelf) -> str:
    if not outlines(ask.site, found.book)["features"]:
        return ""
    source = ask.zone.boundary_source
    told = ask.t.pick(str(source.get("title_zh", "")), str(source.get("title", ""))) or str(source.get("file", ""))
    return told or ask.t("raster.map.traced")


# ---- the list of layers ----------------------------------------------------------------------------------------------


def _groups(ask: Ask, found: Shelf) -> list[tuple[str, list[dict[str, Any]]]]:
    """One row per layer, its periods side by side."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for layer in found.layers.values():
        periods = [p for p in layer.periods if layer.held[p].drawn is not None]
        if periods and layer.group != SERIES:
            rows.setdefault(layer.group, []).append(_row(ask, layer, periods))
    return [(ask.t(f"raster.group.{group}"), listed) for group, listed in rows.items()]


def _unmade(ask: Ask, found: Shelf) -> list[tuple[str, list[tuple[str, str]]]]:
    """Layers that the table leaves out, as links: the courses of a year, and results not looked at yet."""
    listed: dict[str, list[tuple[str, str, str]]] = {}
    for layer in found.layers.values():
        fresh = [p for p in layer.periods if layer.held[p].drawn is None]
        if layer.group == SERIES or fresh:
            period = (fresh or layer.periods)[0]
            href = ask.address("/zone/raster", layer=layer.id, period=period, place=ask.query.get("place", ""))
            entry = layer.held[period].entry
            account = str(entry.get("source" if ask.lang == "zh" else "source_en", "")) if layer.group == RESULT else ""
            listed.setdefault(ask.t(f"raster.group.{layer.group}"), []).append((href, layer.name(ask.lang), account))
    return [(group, _told_apart(links, ask)) for group, links in listed.items()]


def _told_apart(links: Sequence[tuple[str, str, str]], ask: Ask) -> list[tuple[str, str]]:
    """Links of address and name; of names that several accounts give, each with its account."""
    names = [name for _, name, _ in links]
    return [
        (href, ask.t("raster.of_account", name=name, account=account) if account and names.count(name) > 1 else name)
        for href, name, account in links
    ]


def _row(ask: Ask, layer: ShownLayer, periods: Sequence[str]) -> dict[str, Any]:
    entry = layer.held[periods[0]].entry
    each = []
    for period in periods:
        survey = layer.survey(period)
        each.append({
            "period": period, "word": _word(ask, period), "sha256": layer.held[period].drawing().sha256, "sampled": survey.every > 1,
            "href": ask.address("/zone/raster", layer=layer.id, period=period, place=ask.query.get("place", "")),
            "nodata": numbers.write(survey.nodata_area / 1e6, "km2", ask.lang).text if survey.nodata_area else "0",
            "share": share_word(survey.nodata_area / (survey.whole_area or 1)) if survey.nodata_area else "",
        })  # fmt: skip
    source = str(entry.get("source", "")) or str(entry.get("title", ""))
    return {
        "id": layer.id, "name": layer.name(ask.lang), "each": each, "resolution": resolution_word(ask, layer, periods[0]),
        "unit": ask.t("raster.layers.class") if layer.classes else numbers.unit_word(layer.unit, ask.lang) or ask.t("seea.plain"),
        "licence": str(entry.get("licence", "")), "source": in_language(source, ask.lang), "labels": layer.held[periods[0]].labels,
    }  # fmt: skip


def resolution_word(ask: Ask, layer: ShownLayer, period: str) -> str:
    """The side of a cell: metres, or seconds of arc."""
    survey = layer.survey(period)
    x = survey.resolution[0]
    return numbers.write(x, "m", ask.lang).text if survey.metres else f"{numbers.digits(round(x * 3600, 3))}″"


VIEW = View("raster", "/zone/raster", build, home=lambda code: "/zone/raster", rail=lambda code: "/zone/raster")
