"""Matters of waters from rows of samples: rivers, lakes, wells, drinking-water sources, outlets, trends."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from fractions import Fraction

from ...core.rounding import Exact
from .classes import Grader, classify
from .editions import RuleSet
from .lakes import Round, odorous_body, odorous_point, trophic_level
from .samples import Options, Rows, grouped, items_of, option
from .trends import trend
from .verdict import Note, Result
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
    """Trend of each item of a site on monthly means. What was not detected counts as half its detection limit, and their number is told:
    the test is of ranks, which this leaves as they are where the limits lie below what was found."""
    made = []
    for (site, item), found in grouped(rows, "site", "item").items():
        months: dict[tuple[int, int], list[Exact]] = {}
        halved = 0
        for r in found:
            given = r.reading()
            value = given.value
            if value is None and given.detection_limit is not None:
                halved, value = halved + 1, given.detection_limit / 2
            if value is not None:
                months.setdefault((r.day().year, r.day().month), []).append(value)
        means = {m: sum((Fraction(x) for x in v), Fraction()) / len(v) for m, v in months.items()}
        years, alpha = int(option(options, "years")), float(option(options, "alpha", "0.05"))
        result = trend(site, item, means, found[0].text("unit"), least_years=years, alpha=alpha)
        if halved:
            why = Note(
                "halved", f"not detected: {halved} of {len(found)}, counted as half the detection limit.",
                f"未检出 {halved} 个（共 {len(found)} 个），按检出限的一半计。",
            )  # fmt: skip
            result = replace(result, notes=(*result.notes, why))
        made.append(result)
    return made
