"""A network evaluated: its readings and sites to results, section by section or station by station.

Takes the frames of the store (`Observations.scan`, `.series`, `.sites`) or any with those columns. Rows come in any
order; what is bad by its flag is left out before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from fractions import Fraction
from typing import Any

import polars as pl

from ...core.errors import OutOfBounds, UnknownName
from ...core.observed import observed_properties
from ...core.reading import Reading
from .classes import Grader, classify
from .editions import RuleSet
from .verdict import ESTIMATED, INSUFFICIENT, WEAK, Note, Result, held_back, shown, unsaid
from .waters import Waters

BY = ("reading", "hour", "day", "month", "quarter", "year")
_SUSPECT = 3
_BAD = {False: (4, 9), True: (3, 4, 9)}


def usable_rows(rows: pl.LazyFrame, flags: pl.LazyFrame | None, *, provisional: bool = False) -> pl.LazyFrame:
    """Rows without those flagged 4 or 9; all, where there are no flags. Provisional statistics leave 3 out too, official ones keep it
    marked `unresolved`: what it belongs to has no verdict until a reviewer has decided."""
    if flags is None:
        return rows
    bad = flags.filter(pl.col("flag").is_in(_BAD[provisional])).select("series", "start")
    kept = rows.join(bad, on=["series", "start"], how="anti")
    if provisional:
        return kept
    waiting = flags.filter(pl.col("flag") == _SUSPECT).select("series", "start", unresolved=pl.lit(value=True))
    return kept.join(waiting, on=["series", "start"], how="left").with_columns(
        pl.col("unresolved").fill_null(value=False)
    )


@dataclass(frozen=True)
class Evaluation:
    """Results of a network with the rule set they stand on. `published` holds classes as carriers published them, by
    (site, start)."""

    network: str
    matter: str
    by: str
    rules: RuleSet
    results: Sequence[Result]
    times: Sequence[datetime]
    published: Mapping[tuple[str, datetime], str] = field(default_factory=dict)

    def reasons(self) -> Counter[Note]:
        """Why results have no verdict, or neither verdict nor grade, with how many."""
        return Counter(n for r in self.results if unsaid(r) for n in r.notes)

    def frame(self) -> pl.DataFrame:
        """One row per result: site, start, value, grade, verdict, item, n_valid, n_required, limit, clause, edition,
        status, notes, published."""
        made = [
            {
                **{k: v for k, v in r.record().items() if k not in ("parts", "rows", "notes", "reasons", "start", "end")},
                "start": at, "notes": "; ".join(n.code for n in r.notes), "rows": "; ".join(r.rows),
                "published": self.published.get((r.site, at)),
            }
            for r, at in zip(self.results, self.times, strict=True)
        ]  # fmt: skip
        return pl.DataFrame(made, infer_schema_length=None)


def labelled(frame: pl.DataFrame, labels: Sequence[str]) -> pl.DataFrame:
    """`frame` of an evaluation with the column `labels`: those of all its results, then the marks of each (`verdict.marks`), read from the
    columns `notes` and `status`, so that no result has to be worked out for them."""
    if not frame.width:
        return pl.DataFrame(schema={"labels": pl.String})
    own = pl.lit(ESTIMATED not in labels) & pl.col("notes").str.split("; ").list.contains(ESTIMATED)
    said = [
        pl.when(own).then(pl.lit(ESTIMATED)),
        pl.when(pl.col("status").is_in(WEAK)).then(pl.col("status")),
    ]
    before = [pl.lit("; ".join(labels))] if labels else []
    return frame.with_columns(labels=pl.concat_str([*before, *said], separator="; ", ignore_nulls=True))


def long_rows(rows: pl.LazyFrame, series: pl.DataFrame, properties: Iterable[str]) -> pl.DataFrame:
    """Readings of some properties with site, property, averaging and unit; the latest version, sorted."""
    kept = series.filter(pl.col("property").is_in(list(properties))).select(
        pl.col("id").alias("series"), "site", "property", "averaging", "unit", "state"
    )
    if "unresolved" not in rows.collect_schema().names():
        rows = rows.with_columns(unresolved=pl.lit(value=False))
    return (
        rows.filter(pl.col("series").is_in(kept["series"].to_list()))
        .select("series", "start", "value_text", "value", "detection_limit", "censored", "unresolved")
        .join(kept.lazy(), on="series")
        .sort("site", "start", "property", "series")
        .collect()
    )


def reading_of(row: Mapping[str, Any]) -> Reading:
    censored = bool(row["censored"])
    return Reading(row["value_text"] or "", row["value"], censored, row["detection_limit"] if censored else None)


# ---- water -----------------------------------------------------------------------------------------------------------


def evaluate_water(
    network: str,
    rows: pl.LazyFrame,
    series: pl.DataFrame,
    sites: pl.DataFrame,
    rules: RuleSet,
    *,
    by: str = "reading",
    targets: Mapping[str, str] | None = None,
) -> Evaluation:
    """Classes of sections by reading, or by the mean of each item over a day, month, quarter or year.

    The water body type is that of the site's row; a site without one is judged as both. The item set is
    `water.items` of the rule set (`automatic`, or symbols by commas; default: what is measured). Published classes
    (property `water.class`) go along for comparison.
    """
    if by not in BY or by == "hour":
        raise OutOfBounds(
            f"waters are not evaluated by {by!r}.",
            f"水质不按 {by!r} 评价。",
            fix="reading, day, month, quarter or year / 取 reading、day、month、quarter、year",
        )
    known = {p.id: p for p in observed_properties().values() if p.domain == "water"}
    long = long_rows(rows, series, known)
    bodies = {s["id"]: s["water_body_type"] or "" for s in sites.select("id", "water_body_type").iter_rows(named=True)}
    waters = Waters(rules, "surface_water", "water.class")
    as_published = by == "reading" and rules.choice("water.values") == "published"
    published: dict[tuple[str, datetime], str] = {}
    results, times = [], []
    for (site, at), group in groups(long, by):
        held: dict[str, list[tuple[Reading, str]]] = {}
        waiting: dict[str, int] = {}
        for row in group:
            if row["property"] == "water.class":
                if row["value_text"] and by == "reading":
                    published[(site, at)] = row["value_text"]
                continue
            symbol = known[row["property"]].symbol
            waiting[symbol] = waiting.get(symbol, 0) + row["unresolved"]
            held.setdefault(symbol, []).append((reading_of(row), row["unit"]))
        made = waters.judged(
            site, at.date(), held, lambda grader: _required(rules, grader), body=bodies.get(site, ""),
            target=(targets or {}).get(site, ""), published=as_published,
        )  # fmt: skip
        if made is None:
            continue
        undecided = sum(n for i, n in waiting.items() if i in waters.deciding(at.date()))
        results.append(held_back(_spanned(made, at, by, max((len(f) for f in held.values()), default=0)), undecided))
        times.append(at)
    return Evaluation(network, "water.class", by, rules, tuple(results), tuple(times), published)


def _required(rules: RuleSet, grader: Grader) -> tuple[str, ...]:
    chosen = rules.choice("water.items")
    if chosen == "automatic":
        return grader.scheme.automatic
    if chosen == "all":
        return tuple(i for i in grader.items if i not in grader.scheme.outside)
    items = tuple(i.strip() for i in chosen.split(",") if i.strip())
    if unknown := [i for i in items if i not in grader.items]:
        raise UnknownName(
            f"no items {unknown} in {grader.scheme.table}.", f"{grader.scheme.table} 没有项目 {unknown}。"
        )
    return items


def _spanned(result: Result, at: datetime, by: str, readings: int) -> Result:
    if by == "reading":
        return result
    why = Note(
        "period_mean", f"arithmetic means of up to {readings} readings an item; the rule for means of a period was not read.",
        f"各项目至多 {readings} 个读数的算术平均；时段均值的规则未读到。",
    )  # fmt: skip
    return replace(result, start=at.date(), end=_last(at, by), notes=(*result.notes, why))


def _last(at: datetime, by: str) -> date:
    months = {"month": 1, "quarter": 3, "year": 12}
    if by not in months:
        return at.date()
    month = at.month - 1 + months[by]
    return date.fromordinal(date(at.year + month // 12, month % 12 + 1, 1).toordinal() - 1)


_TRUNCATE: Mapping[str, Callable[[datetime], datetime]] = {
    "reading": lambda t: t,
    "hour": lambda t: t.replace(minute=0, second=0, microsecond=0),
    "day": lambda t: datetime(t.year, t.month, t.day),
    "month": lambda t: datetime(t.year, t.month, 1),
    "quarter": lambda t: datetime(t.year, (t.month - 1) // 3 * 3 + 1, 1),
    "year": lambda t: datetime(t.year, 1, 1),
}


def groups(long: pl.DataFrame, by: str) -> Iterator[tuple[tuple[str, datetime], list[dict[str, Any]]]]:
    """Rows by (site, time), in that order."""
    key, held = None, []
    for row in long.iter_rows(named=True):
        here = (row["site"], _TRUNCATE[by](row["start"]))
        if key is not None and here != key:
            yield key, held
            held = []
        key = here
        held.append(row)
    if key is not None:
        yield key, held


# ---- comparison with published classes -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A class that is not the published one, and why that may be."""

    site: str
    at: datetime
    ours: str
    published: str
    why: Note


@dataclass(frozen=True, slots=True)
class Agreement:
    """How many classes equal the published one among those that have both."""

    compared: int
    agree: int
    disagreements: tuple[Disagreement, ...]


def agreement(evaluation: Evaluation) -> Agreement:
    """Classes (or AQI) against the published ones, over rows that have both; waters with all required items only."""
    if evaluation.matter == "air.aqi":
        return _index_agreement(evaluation)
    compared, agree, found = 0, 0, []
    waters = Waters(evaluation.rules, "surface_water", "water.class")
    for result, at in zip(evaluation.results, evaluation.times, strict=True):
        said = evaluation.published.get((result.site, at), "")
        if not said.strip().strip("-*—") or result.verdict == INSUFFICIENT or not result.grades:
            continue  # nothing published, or no class at all: units that clash, say
        grader = waters.grader(at.date())
        compared += 1
        theirs = grader.scheme.word(grader.scheme.grade(said))
        if result.grades == (theirs,):
            agree += 1
            continue
        found.append(Disagreement(result.site, at, result.grade, theirs, _why(grader, result, theirs)))
    return Agreement(compared, agree, tuple(found))


def _index_agreement(evaluation: Evaluation) -> Agreement:
    """The AQI of the items present against the published one. Items whose own index lies above it are named: value and
    index of one record may be of different hours."""
    compared, agree, found = 0, 0, []
    for result, at in zip(evaluation.results, evaluation.times, strict=True):
        said = evaluation.published.get((result.site, at), "").strip()
        if not said.isdigit() or not result.parts:
            continue
        compared += 1
        ours = result.value_text
        if result.value == int(said):
            agree += 1
            continue
        above = [
            f"{p.item} {p.value_text or shown(p.value)}" for p in result.parts if p.value is None or p.value > int(said)
        ]
        if above:
            listed = ", ".join(above)
            why = Note(
                "item_above_published",
                f"{listed} above the published AQI: not of that hour.",
                f"{listed} 高于公布的 AQI：不是同一小时的值。",
            )
        else:
            why = Note(
                "missing_item", "the published AQI is of an item not given here.", "公布的 AQI 由此处没有的项目决定。"
            )
        found.append(Disagreement(result.site, at, ours, said, why))
    return Agreement(compared, agree, tuple(found))


def _why(grader: Grader, result: Result, theirs: str) -> Note:
    """A value on a limit, an unknown or other kind of water, or nothing that is seen."""
    s = grader.scheme
    if any(n.code == "unknown_water_body" for n in result.notes):
        return Note("unknown_water_body", "the kind of water is not listed.", "水体类型未列明。")
    aim, ours = s.grade(theirs), s.grade(result.grades[-1])
    on_limit = []
    for part in result.parts:
        if not part.grades or part.value is None or not aim > ours >= s.grade(part.grades[-1]):
            continue
        for body in s.bodies:
            rows = grader.rows(part.item, body)
            limits = [r for c in (rows.by_class if rows else ()) for r in c]
            hit = next(
                (
                    r
                    for r in limits
                    if r.value is not None and Fraction(r.value) == Fraction(part.value) and r.where in part.rows
                ),
                None,
            )
            if hit is not None:
                on_limit.append(
                    f"{part.item} {part.value_text} {hit.sign} ({s.words[s.codes.index(hit.scope[s.column])]})"
                )
    if on_limit:
        listed = "; ".join(dict.fromkeys(on_limit))
        return Note(
            "value_on_limit", f"the published value was rounded onto a limit ({listed}); the unrounded one may lie beyond it.",
            f"公布值修约后正好等于限值（{listed}），未修约值可能已超过。",
        )  # fmt: skip
    for body in s.bodies:
        again = classify(
            grader,
            "water.class",
            result.site,
            {p.item: (Reading(p.value_text, p.value), p.unit) for p in result.parts if p.value is not None},
            body=body,
        )
        if again.grades == (theirs,):
            return Note(
                "other_water_body", f"the published class is that of {body}.", f"公布类别与按 {body} 评价一致。"
            )
    return Note(
        "unexplained",
        "no value on a limit, and no other kind of water gives it.",
        "没有值在限值上，换水体类型也不一致。",
    )
