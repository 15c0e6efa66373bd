"""Matters of waters from rows of samples: rivers, lakes, wells, drinking-water sources, outlets, trends."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from fractions import Fraction

from ...core.reading import Reading
from ...core.rounding import Exact
from .classes import Grader, classify
from .editions import RuleSet
from .lakes import Round, odorous_body, odorous_point, trophic_level
from .samples import Options, Rows, grouped, items_of, option
from .trends import trend
from .verdict import UNJUDGED, Note, Result, shown
from .water import (
    MANY,
    SectionClass,
    drinking_source,
    river_of_few,
    river_state,
    sewage_plant,
    source_rates,
    standard_index,
)


def sewage(rules: RuleSet, rows: Rows, options: Options) -> list[Result]:
    return [
        sewage_plant(
            rules, r.text("site"), r.day(), r.text("item"), r.reading(), r.text("unit"), r.text("grade"),
            temperature=r.number("temperature") if r.text("temperature") else None, built=r.day("built") if r.text("built") else None,
            influent=r.number("influent") if r.text("influent") else None,
        )
        for r in rows
    ]  # fmt: skip


def river(rules: RuleSet, rows: Rows, options: Options) -> list[Result]:
    """State of each river or basin on a day: by the classes of its sections, given (`class`) or worked out from their items; below
    five sections with items, by the mean of each item."""
    made = []
    for (name, _), found in grouped(rows, "river", "date").items():
        day, sections = found[0].day(), grouped(found, "site")
        grader = Grader(rules, "surface_water", day)
        given = {site: r[0].text("class") for (site,), r in sections.items()}
        if all(given.values()):
            classes = [SectionClass(site, grader.scheme.grade(word)) for site, word in given.items()]
            made.append(river_state(rules, day, name, classes))
            continue
        items = {site: items_of(r) for (site,), r in sections.items()}
        needed = tuple(dict.fromkeys(i for held in items.values() for i in held if i in grader.items))
        if len(items) < MANY:
            made.append(river_of_few(grader, name, items, required=needed))
            continue
        judged = {
            s: classify(grader, "water.class", s, held, body="river", required=needed) for s, held in items.items()
        }
        classes = [
            SectionClass(s, grader.scheme.grade(r.grades[0]) if len(r.grades) == 1 else None) for s, r in judged.items()
        ]
        made.append(replace(river_state(rules, day, name, classes), parts=tuple(judged.values())))
    return made


def lake(rules: RuleSet, rows: Rows, options: Options) -> list[Result]:
    return [
        trophic_level(rules, found[0].day(), site, items_of(found))
        for (site, _), found in grouped(rows, "site", "date").items()
    ]


def odorous(rules: RuleSet, rows: Rows, options: Options) -> list[Result]:
    """Points of a body in the order of the file, then the body."""
    made: list[Result] = []
    for (body,), of_body in grouped(rows, "body").items():
        points = []
        for (point,), of_point in grouped(of_body, "point").items():
            rounds = [
                Round(
                    {r.text("item"): r.number("value") for r in found},
                    next((r.number("depth_cm") for r in found if r.text("depth_cm")), None),
                )
                for found in grouped(of_point, "date").values()
            ]
            points.append(odorous_point(rules, max(r.day() for r in of_point), point, rounds))
        made += points
        if all(not p.verdict or p.grades for p in points):
            levels = {"重度黑臭": "heavy", "轻度黑臭": "light"}
            made.append(
                odorous_body(rules, max(r.day() for r in of_body), body, [levels.get(p.grade, "") for p in points])
            )
    return made


def source(rules: RuleSet, rows: Rows, options: Options) -> list[Result]:
    required = tuple(i.strip() for i in options["items"].replace("，", ";").replace(",", ";").split(";") if i.strip())
    results, intake = [], {}
    for (site, _), found in grouped(rows, "site", "date").items():
        grader = Grader(rules, "surface_water", found[0].day())
        results.append(
            drinking_source(
                rules,
                grader,
                site,
                items_of(found),
                target=options.get("target", "III"),
                body=found[0].text("body"),
                required=required,
            )
        )
        if found[0].text("intake"):
            intake[site] = found[0].number("intake")
    named = replace(rules, choices={**rules.choices, "water.source_items": options["items"]})
    return [*results, *source_rates(named, results, intake)]


def index(rules: RuleSet, rows: Rows, options: Options) -> list[Result]:
    graders: dict[date, Grader] = {}
    made = []
    for r in rows:
        grader = graders.setdefault(r.day(), Grader(rules, "surface_water", r.day()))
        made.append(
            standard_index(
                rules, grader, r.text("site"), r.text("item"), r.reading(), r.text("unit"), r.text("target") or options.get("target", "III"),
                body=r.text("body"), temperature=r.number("temperature") if r.text("temperature") else None,
            )
        )  # fmt: skip
    return made


def ground(rules: RuleSet, rows: Rows, options: Options) -> list[Result]:
    return [_well(rules, site, found) for (site, _), found in grouped(rows, "site", "date").items()]


def _well(rules: RuleSet, site: str, found: Rows) -> Result:
    """The class of one sample; items that the table does not know are named, not passed over."""
    grader = Grader(rules, "groundwater", found[0].day())
    items = items_of(found)
    made = classify(grader, "water.groundwater", site, items)
    known = {*grader.items, *grader.scheme.instead.values(), *grader.scheme.outside}
    if not (unknown := [i for i in items if i not in known]):
        return made
    listed = ", ".join(unknown)
    why = Note(
        "unknown_item", f"not an item of {grader.scheme.table}, left out: {listed}.", f"{grader.scheme.table} 没有这些项目，未参加评价：{listed}。"
    )  # fmt: skip
    return replace(made, notes=(why, *made.notes))


def trends(rules: RuleSet, rows: Rows, options: Options) -> list[Result]:
    """Trend of each item of a site on monthly means, in the unit of its first value. What was not detected, and every value below the largest
    detection limit of the series, counts as half that limit: limits that change make no trend. Raises `UnitError` naming the row."""
    years, alpha = int(option(options, "years")), float(option(options, "alpha", "0.05"))
    made = []
    for (site, item), found in grouped(rows, "site", "item").items():
        held = [(r, r.reading()) for r in found]
        unit = next((r.text("unit") for r, given in held if not given.missing), found[0].text("unit"))
        read = [(r.day(), None if g.value is None else r.in_unit(g.value, unit)) for r, g in held if _placed(g)]
        limits = [r.in_unit(g.detection_limit, unit) for r, g in held if g.detection_limit is not None]
        below = Fraction(max(limits)) if limits else None
        months: dict[tuple[int, int], list[Fraction]] = {}
        tied = 0
        for day, value in read:
            exact_value = Fraction(value) if value is not None else Fraction()
            if below is not None and (value is None or exact_value < below):
                tied, exact_value = tied + 1, below / 2
            months.setdefault((day.year, day.month), []).append(exact_value)
        means: dict[tuple[int, int], Exact] = {m: sum(v, Fraction()) / len(v) for m, v in months.items()}
        result = trend(site, item, means, unit, least_years=years, alpha=alpha)
        censored = sum(g.censored for _, g in held)
        if censored:
            told = _not_detected(unit, len(found), censored, censored - len(limits), tied, below)
            result = replace(result, notes=(*result.notes, told))
            if tied == len(read):
                why = Note(
                    "all_censored", "nothing lies at or above the largest detection limit: a trend cannot be told.",
                    "没有达到最大检出限的值，无法判断趋势。",
                )  # fmt: skip
                result = replace(result, value=None, value_text="", grades=(), verdict=UNJUDGED, notes=(why, told))
        made.append(result)
    return made


def _placed(given: Reading) -> bool:
    """Whether a reading has a value or a known detection limit."""
    return given.value is not None or given.detection_limit is not None


def _not_detected(unit: str, n: int, censored: int, unknown: int, tied: int, below: Fraction | None) -> Note:
    """What was not detected: how many of `n`, how many of them at an `unknown` limit and left out, how many values `tied`."""
    en, zh = [f"not detected: {censored} of {n}"], [f"未检出 {censored} 个（共 {n} 个）"]
    if unknown:
        en.append(f"at an unknown detection limit and left out: {unknown}")
        zh.append(f"其中检出限不明而未计入 {unknown} 个")
    if below is not None:
        limit = f"{shown(below)} {unit}".strip()
        en.append(f"below the largest detection limit, {limit}, and tied at half of it: {tied}")
        zh.append(f"低于最大检出限 {limit} 的 {tied} 个按其一半同值计")
    return Note("not_detected", "; ".join(en) + ".", "；".join(zh) + "。")
