"""From rows as received to rows of the store: names resolved, times and values read, each fault a finding of its row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

import polars as pl

from qingshan.core.errors import UnitError
from qingshan.core.observed import ObservedProperty, observed_properties, property_named
from qingshan.core.units import unit as parse_unit

from .model import DECIMAL, MOMENT, OBSERVATION, STEPS, Network, series_id
from .report import LoadReporter
from .text import PLAIN_NUMBER, offset, plain, read_time, read_value

WORDS = ("instant", "sample", "month", "quarter", "year")
"""Averagings that are no step."""

STAGED = {c: t for c, t in OBSERVATION.items() if c not in ("version", "reason", "author", "load")}
NAMED = ("site", "property", "averaging", "procedure", "feature", "unit", "state")


@dataclass(frozen=True, slots=True)
class Target:
    """Where rows of one description go: the series, its property, and the factor from the received unit."""

    series: str
    kind: ObservedProperty
    factor: Fraction
    unit: str | None
    text: bool
    minutes: int
    procedure: str
    regular: bool


@dataclass
class Context:
    """What a load knows: the network, its series and sites, and what this load adds to them."""

    network: Network
    report: LoadReporter
    sites: Mapping[str, Mapping[str, Any]]
    series: dict[str, dict[str, Any]]
    now: datetime
    fresh: dict[str, dict[str, Any]] = field(default_factory=dict)
    unit_told: set[str] = field(default_factory=set)
    converted: int = 0


def staged(chunk: pl.DataFrame, context: Context) -> pl.DataFrame:
    """The rows of a chunk that can be kept, columns `STAGED`, in the order of the file."""
    chunk = chunk.filter(pl.col("value_text").is_not_null() & (pl.col("value_text").str.strip_chars() != ""))
    lines = _named(chunk, context)
    if not chunk.height or not lines.height:
        return pl.DataFrame(schema=STAGED)
    varied = [c for c in NAMED if chunk[c].null_count() < chunk.height and chunk[c].n_unique() > 1] or ["site"]
    plain_keys = [c for c in varied if not chunk[c].null_count()]  # joins that need not care for nulls are faster
    named = chunk.join(
        lines.select(*varied, *(c for c in lines.columns if c not in NAMED)), on=varied, how="inner",
        nulls_equal=len(plain_keys) < len(varied), maintain_order="left",
    )  # fmt: skip
    timed = _values(_times(named, context), context)
    frame = timed.select(
        "series", "start", "end", "value_text", "value", "detection_limit", "censored", _text("published"), _text("status"),
        "row", pl.col("kept_unit").alias("unit"), _text("sample"),
    )  # fmt: skip
    return frame.select(pl.col(c).cast(t) for c, t in STAGED.items())


def _text(column: str) -> pl.Expr:
    stripped = pl.col(column).str.strip_chars()
    return pl.when(stripped != "").then(stripped).alias(column)


# --- what a row names


def _named(chunk: pl.DataFrame, context: Context) -> pl.DataFrame:
    """One line per description that occurs, with its target; faults are told for each of its rows."""
    lines: list[dict[str, Any]] = []
    wrong: dict[tuple[str | None, ...], tuple[Any, ...]] = {}
    for names in chunk.select(NAMED).unique(maintain_order=True).iter_rows():
        try:
            target = _target(names, context)
        except _Wrong as fault:
            wrong[names] = fault.args
            continue
        lines.append(dict(zip(NAMED, names, strict=True)) | {
            "series": target.series, "factor": f"{target.factor}", "kept_unit": target.unit, "text": target.text,
            "minutes": target.minutes, "regular": target.regular, "limit": _limit(target, context),
            "stored_unit": target.kind.unit,
        })  # fmt: skip
    if wrong:
        for row, *given in chunk.select("row", *NAMED).iter_rows():
            if told := wrong.get(tuple(given)):
                code, column, values = told
                context.report.add(code, row=row, field=column, **values)
    schema = dict.fromkeys(NAMED, pl.String) | {
        "series": pl.String, "factor": pl.String, "kept_unit": pl.String, "text": pl.Boolean, "minutes": pl.Int64,
        "regular": pl.Boolean, "limit": pl.String, "stored_unit": pl.String,
    }  # fmt: skip
    return pl.DataFrame(lines, schema=schema)


class _Wrong(Exception):
    """A description that cannot be used: code, column, values of the message."""


def _target(names: tuple[str | None, ...], context: Context) -> Target:
    given: dict[str, str] = {c: plain(n or "") for c, n in zip(NAMED, names, strict=True)}
    network = context.network
    if not given["site"]:
        raise _Wrong("no_site", "site", {})
    if given["site"] not in context.sites:
        raise _Wrong("unknown_site", "site", {"site": given["site"]})
    kind = observed_properties().get(given["property"]) or property_named(given["property"], network.domain)
    if kind is None:
        raise _Wrong("unknown_property", "property", {"name": given["property"], "domain": network.domain})
    averaging = given["averaging"] or network.averaging
    if averaging not in STEPS and averaging not in WORDS:
        raise _Wrong("unknown_averaging", "averaging", {"text": averaging})
    text = kind.unit == "class"
    factor = Fraction(1) if text else _factor(given["unit"], kind)
    state = (
        "" if kind.state == "" else given["state"] or (network.gas_state if kind.state == "reference" else "ambient")
    )
    id = series_id(given["site"], kind.id, averaging, given["procedure"], given["feature"])
    known = context.series.get(id) or context.fresh.get(id)
    received = given["unit"] or kind.unit
    if known is None:
        known = {
            "id": id, "site": given["site"], "property": kind.id, "averaging": averaging, "procedure": given["procedure"],
            "feature": given["feature"], "unit": kind.unit, "received_unit": received, "state": state,
        }  # fmt: skip
        context.fresh[id] = known
    elif known["state"] != state:
        raise _Wrong("state_differs", "state", {"series": id, "before": known["state"], "state": state})
    elif known["received_unit"] != received and id not in context.unit_told:
        context.unit_told.add(id)
        context.report.add(
            "unit_changed", field="unit", series=id, before=known["received_unit"], unit=received, wanted=kind.unit
        )
    kept = received if received != kind.unit else None
    regular = bool(network.step) and averaging == network.averaging
    return Target(id, kind, factor, kept, text, STEPS.get(averaging, 0), given["procedure"], regular)


def _factor(text: str, kind: ObservedProperty) -> Fraction:
    """The exact factor from a received unit to that of the property; scales with another zero are refused."""
    if not text:
        if kind.unit in ("1", "index"):
            return Fraction(1)
        raise _Wrong("no_unit", "unit", {"property": kind.id})
    if text == kind.unit:
        return Fraction(1)
    wanted = {"unit": text, "property": kind.id, "wanted": kind.unit}
    try:
        given, stored = parse_unit(text), parse_unit(kind.unit)
    except UnitError:
        raise _Wrong("unit_unknown", "unit", wanted) from None
    if given.dimensions != stored.dimensions or given.offset != stored.offset:
        raise _Wrong("unit_differs", "unit", wanted)
    return Fraction(given.scale) / Fraction(stored.scale)


def _limit(target: Target, context: Context) -> str:
    """The detection limit that the procedure declares, in the unit of the series; '' where it names none."""
    procedures = context.network.procedures
    procedure = procedures.get(target.procedure) or next(
        (p for p in procedures.values() if p.property == target.kind.id and not target.procedure), None
    )
    if procedure is None or not procedure.detection_limit:
        return ""
    value = read_value(procedure.detection_limit, _factor(procedure.unit or target.kind.unit, target.kind)).value
    return "" if value is None else str(value)


# --- times


def _times(rows: pl.DataFrame, context: Context) -> pl.DataFrame:
    """Start and end as wall times; a row whose time does not exist, lies ahead or before 1900 is told and left out."""
    network = context.network
    zone = offset(network.utc_offset)
    read: dict[str, tuple[datetime | None, bool]] = {}
    for column in ("start", "end"):
        for (text,) in rows.select(pl.col(column).drop_nulls().unique()).iter_rows():
            if text not in read:
                read[text] = read_time(text, zone)
    times = pl.DataFrame(
        {"start": list(read), "moment": [m for m, _ in read.values()], "elsewhere": [e for _, e in read.values()]},
        schema={"start": pl.String, "moment": MOMENT, "elsewhere": pl.Boolean},
    )
    rows = rows.join(times, on="start", how="left", maintain_order="left")
    if rows["end"].null_count() < rows.height:
        rows = rows.join(times.select(end="start", until="moment"), on="end", how="left", maintain_order="left")
    else:
        rows = rows.with_columns(until=pl.lit(None, MOMENT))
    ahead = context.now + timedelta(days=1)
    bad = (
        pl.when(pl.col("start").is_null() | (pl.col("start").str.strip_chars() == "")).then(pl.lit("no_time"))
        .when(pl.col("moment").is_null()).then(pl.lit("bad_time"))
        .when(pl.col("moment") > ahead).then(pl.lit("in_future"))
        .when(pl.col("moment").dt.year() < 1900).then(pl.lit("before_records"))
        .when(_given("end") & pl.col("until").is_null()).then(pl.lit("bad_end"))
        .when(pl.col("until") < pl.col("moment")).then(pl.lit("end_before_start"))
    )  # fmt: skip
    rows = rows.with_columns(fault=bad)
    for row, start, end, fault in (
        rows.filter(pl.col("fault").is_not_null()).select("row", "start", "end", "fault").iter_rows()
    ):
        ended = fault in ("bad_end", "end_before_start")
        code = "bad_time" if fault == "bad_end" else fault
        context.report.add(code, row=row, field="end" if ended else "start", text=end if ended else start)
    rows = rows.filter(pl.col("fault").is_null())
    span = pl.duration(minutes=pl.col("minutes"))
    labelled = pl.when(_given("end")).then(pl.lit("both")).otherwise(pl.lit(network.time_label))
    begun = pl.when(labelled == "end").then(pl.col("moment") - span).otherwise(pl.col("moment"))
    rows = rows.with_columns(begun=begun).with_columns(
        start_text="start",
        start=pl.col("begun").cast(MOMENT),
        end=pl.coalesce("until", pl.col("begun") + span).cast(MOMENT),
    )
    context.converted += int(rows["elsewhere"].sum() or 0)
    _told_off_step(rows, context)
    return rows


def _given(column: str) -> pl.Expr:
    return pl.col(column).is_not_null() & (pl.col(column).str.strip_chars() != "")


def _told_off_step(rows: pl.DataFrame, context: Context) -> None:
    step = STEPS.get(context.network.step)
    if not step:
        return
    minute = pl.col("start").dt.hour().cast(pl.Int32) * 60 + pl.col("start").dt.minute().cast(pl.Int32)
    off = rows.filter(pl.col("regular") & ((minute % step != 0) | (pl.col("start").dt.second() != 0)))
    for row, text in off.select("row", "start_text").unique(maintain_order=True).iter_rows():
        context.report.add("off_step", row=row, field="start", text=text, step=context.network.step)


# --- values


def _values(rows: pl.DataFrame, context: Context) -> pl.DataFrame:
    """Values as exact decimals. Plain numbers in the unit of the series are cast; every other form is read once each."""
    rows = rows.with_columns(pl.col("value_text").str.strip_chars())
    short = ~pl.col("value_text").str.contains(r"\.[0-9]{10,}$") & (pl.col("value_text").str.len_bytes() <= 19)
    easy = (pl.col("factor") == "1") & ~pl.col("text") & short & pl.col("value_text").str.contains(PLAIN_NUMBER)
    own = pl.col("detection_limit").is_not_null() & (pl.col("detection_limit").str.strip_chars() != "")
    easy = easy & ~own
    plain_value = pl.when(easy).then(pl.col("value_text")).cast(DECIMAL, strict=False)
    rows = rows.with_columns(easy=easy, value=plain_value)
    simple = rows.filter("easy").with_columns(detection_limit=pl.lit(None, DECIMAL), censored=pl.lit(False))
    others = rows.filter(~pl.col("easy"))
    if not others.height:
        return simple
    shape = ("value_text", "factor", "text", "limit", "detection_limit")
    hard = others.select(shape).unique(maintain_order=True)
    lines = [dict(zip(shape, line, strict=True)) | _read(*line) for line in hard.iter_rows()]
    schema: dict[str, Any] = dict(zip(shape, (pl.String, pl.String, pl.Boolean, pl.String, pl.String), strict=True)) | {
        "read_value": DECIMAL, "read_limit": DECIMAL, "read_censored": pl.Boolean, "problem": pl.String,
    }  # fmt: skip
    others = others.join(
        pl.DataFrame(lines, schema=schema), on=shape, how="left", nulls_equal=True, maintain_order="left"
    )
    faults = others.filter(pl.col("problem") != "")
    for row, text, unit, problem in faults.select("row", "value_text", "stored_unit", "problem").iter_rows():
        context.report.add(problem, row=row, field="value", text=text, unit=unit)
    others = others.filter(~pl.col("problem").is_in(("not_a_number", "too_large"))).with_columns(
        value="read_value", detection_limit="read_limit", censored="read_censored"
    )
    return pl.concat([simple, others.select(simple.columns)])


def _read(text: str, factor: str, words: bool, limit: str, own: str | None) -> dict[str, Any]:
    """One value text: its value, detection limit, whether censored, and the code of what is wrong."""
    if words:
        return {"read_value": None, "read_limit": None, "read_censored": False, "problem": ""}
    reading = read_value(plain(text), Fraction(factor))
    found = reading.detection_limit
    problem = reading.fault
    if own and plain(own):
        stated = read_value(plain(own), Fraction(factor))
        found, problem = (stated.value, problem) if stated.value is not None else (found, problem or stated.fault)
    if reading.censored and found is None and limit:
        found = read_value(limit).value
    if problem == "no_detection_limit" and found is not None:
        problem = ""
    return {"read_value": reading.value, "read_limit": found, "read_censored": reading.censored, "problem": problem}


__all__ = ["NAMED", "STAGED", "WORDS", "Context", "staged"]
