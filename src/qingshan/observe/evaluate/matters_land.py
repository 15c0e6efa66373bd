"""Matters of land and forest from rows of samples: soil, mulch film, forest pests, the ecological index."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from ...core.errors import OutOfBounds
from .ecology import SUB_INDICES, ecological_index, from_raw
from .editions import RuleSet
from .film import Stratum, allocate, draw, recovery_rate, residue, sites_needed
from .pests import Plot, disaster_rate
from .samples import Options, Rows, grouped, items_of, option
from .soil import agricultural_soil, construction_land
from .verdict import INSUFFICIENT, REFUSALS, UNJUDGED, Note, Result, note_of


def soil(rules: RuleSet, rows: Rows, options: Options) -> list[Result]:
    return [
        agricultural_soil(
            rules,
            site,
            found[0].day(),
            found[0].text("land"),
            _ph(found),
            items_of(found),
        )
        for (site, _), found in grouped(rows, "site", "date").items()
    ]


def _ph(found: Rows) -> Decimal | None:
    """pH of a sample, whichever of its rows says it. Raises `OutOfBounds` where they differ."""
    given = {r.number("ph"): r for r in found if r.text("ph")}
    if len(given) > 1:
        row = list(given.values())[1]
        raise OutOfBounds("the rows of one sample give more than one pH.", "同一样品各行的 pH 不同。", where=row.where)
    return next(iter(given), None)


def construction(rules: RuleSet, rows: Rows, options: Options) -> list[Result]:
    return [
        construction_land(rules, site, found[0].day(), found[0].text("land_class"), items_of(found))
        for (site, _), found in grouped(rows, "site", "date").items()
    ]


def film(rules: RuleSet, rows: Rows, options: Options) -> list[Result]:
    return [
        residue(rules, site, found[0].day(), [r.reading("mass_g") for r in found])
        for (site, _), found in grouped(rows, "site", "date").items()
    ]


def recovery(rules: RuleSet, rows: Rows, options: Options) -> list[Result]:
    used = {r.text("place"): r.number("used_t") for r in rows if r.text("used_t")}
    back = {r.text("place"): r.number("recovered_t") for r in rows if r.text("recovered_t")}
    return recovery_rate(used, back, option(options, "target") if options.get("target") else None)


def design(rules: RuleSet, rows: Rows, options: Options) -> list[Result]:
    """Stratified random sites: rows are fields of strata, or one row a stratum with a box."""
    strata = []
    for (id,), found in grouped(rows, "stratum").items():
        first = found[0]
        fields = tuple(
            (r.text("field"), float(r.number("field_area") if r.text("field_area") else 1))
            for r in found
            if r.text("field")
        )
        sides = [first.text(k) for k in ("west", "south", "east", "north")]
        box = tuple(float(first.number(k)) for k in ("west", "south", "east", "north")) if all(sides) else None
        strata.append(Stratum(id, float(first.number("area")), float(first.number("variation")), fields, box))  # type: ignore[arg-type]
    if options.get("total"):
        total = int(option(options, "total"))
    else:
        population = sum(len(s.fields) for s in strata) or 10**9
        whole = sum(s.area for s in strata)
        variation = sum(s.area * s.variation for s in strata) / whole if whole else 0
        total = sites_needed(
            variation,
            float(option(options, "error", "0.1")),
            float(option(options, "confidence", "0.95")),
            population,
        )
    points = draw(strata, allocate(strata, total), int(option(options, "seed", "0")))
    return [
        Result(
            "farm.film_site",
            f"{p.stratum}-{p.number}",
            p.stratum,
            value_text=p.field or f"{p.x:.1f} {p.y:.1f}",
            n_valid=None,
            n_required=total,
        )
        for p in points
    ]


def pests(rules: RuleSet, rows: Rows, options: Options) -> list[Result]:
    plots = [
        Plot(
            id,
            f[0].text("object"),
            f[0].text("group"),
            {r.text("criterion"): r.number("value") for r in f},
            f[0].number("area_hm2"),
        )
        for (id,), f in grouped(rows, "plot").items()
    ]
    year = int(option(options, "year"))
    return [
        disaster_rate(
            rules, options.get("place", ""), year, plots, option(options, "forest"), option(options, "young", "0")
        )
    ]


def ei(rules: RuleSet, rows: Rows, options: Options) -> list[Result]:
    """EI of a place and year from its five sub-indices; without them it refuses, as the way from raw inputs is open."""
    made = []
    for r in rows:
        place, year = r.text("place"), int(r.number("year"))
        given = {name: r.number(column) for column, name in SUB_COLUMNS.items() if r.text(column)}
        if not given:
            try:
                from_raw(rules, place, year)
            except REFUSALS as error:
                made.append(
                    Result(
                        "nature.ei",
                        place,
                        "EI",
                        verdict=UNJUDGED,
                        n_valid=0,
                        n_required=len(SUB_COLUMNS),
                        notes=(note_of(error),),
                    )
                )
            continue
        lacking = [c for c in SUB_COLUMNS if not r.text(c)]
        if lacking:
            why = Note(
                "missing_sub_index",
                f"missing: {', '.join(lacking)}.",
                f"缺 {'、'.join(SUB_COLUMNS[c] for c in lacking)}。",
            )
            made.append(
                Result(
                    "nature.ei",
                    place,
                    "EI",
                    verdict=INSUFFICIENT,
                    n_valid=len(given),
                    n_required=len(SUB_COLUMNS),
                    notes=(why,),
                )
            )
            continue
        code = int(r.number("code")) if r.text("code") else 1
        found = ecological_index(
            rules, place, year, given, ei_round=options.get("ei_round", "none"), code=code, evidence=r.text("evidence")
        )
        made.append(replace(found, n_valid=len(given), n_required=len(SUB_COLUMNS)))
    return made


SUB_COLUMNS = dict(zip(("bio", "veg", "water", "stress", "pollution"), SUB_INDICES, strict=True))
"""Column of a row -> the sub-index it holds."""
