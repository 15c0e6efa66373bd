"""Quality control of a stored network: its plan from the zone folder, its flags beside the observations, rows with their flags.

networks/ID/quality.csv        the plan (`plan.py`)
flags/ZONE/ID/                 runs of flags and `decisions.jsonl`, under the home folder
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl

from qingshan.core.errors import UnknownName
from qingshan.core.observed import observed_properties
from qingshan.zone.home import home, zone_key

from ..series.model import STEPS, Network
from ..series.store import Observations
from .flags import FlagLayer
from .kernels import FAIL, GOOD, NO_VALUE, NOT_EVALUATED, SUSPECT
from .plan import Plan, read_plan, unused_scopes
from .review import Decision, Review
from .run import QualityRun, quality_run

__all__ = [
    "check_network",
    "decide",
    "effective_flags",
    "flagged_rows",
    "layer",
    "network_series",
    "plan_of",
    "quality_folder",
    "review",
    "step_of",
]

NOT_MEASURED = ("class", "text", "index")
"""Units of what carriers publish of their own making; the tests are for measurements."""


def quality_folder(store: Observations, network: str) -> Path:
    return home() / "flags" / zone_key(store.zone) / store.network(network).id


def layer(store: Observations, network: str) -> FlagLayer:
    return FlagLayer(quality_folder(store, network))


def review(store: Observations, network: str) -> Review:
    return Review(quality_folder(store, network))


def step_of(network: Network) -> timedelta | None:
    """The regular interval, None for samples."""
    return timedelta(minutes=STEPS[network.step]) if network.step else None


def plan_of(network: Network, path: Path | None = None) -> Plan:
    """The plan of a network, or that of a file. Raises `UnknownName` where the network has none: there are no built-in limits."""
    file = path or (network.folder / "quality.csv" if network.folder else None)
    if file is None or not file.is_file():
        raise UnknownName(
            f"the network {network.id} has no quality-control plan.", f"监测网 {network.id} 没有质控方案。",
            fix=f"write networks/{network.id}/quality.csv in the zone, or give --plan / 在区域中写 networks/{network.id}/quality.csv，或用 --plan 指定",
        )  # fmt: skip
    return read_plan(file, {id: p.unit for id, p in observed_properties().items()})


def network_series(store: Observations, network: str) -> list[str]:
    """Series of measurements, sorted."""
    frame = store.series(network).filter(~pl.col("unit").is_in(NOT_MEASURED))
    return sorted(frame["id"])


def check_network(
    store: Observations, network: str, *, years: Collection[int] | None = None, plan: Path | None = None,
    told: Callable[[int, int], None] | None = None,
) -> list[QualityRun]:  # fmt: skip
    """Run the plan over whole years (default: all that have data), one run a year; each is in the layer of flags when it ends.

    A year is checked from the first to the last day on which the network has anything: what is not there yet is not missing. Raises `UnknownName`
    without a plan and for a year without data.
    """
    declared = store.network(network)
    used = plan_of(declared, plan)
    kept = store.years(network)
    wanted = sorted(set(kept if years is None else years))
    if not wanted or not set(wanted) <= set(kept):
        known = ", ".join(map(str, kept)) or "-"
        raise UnknownName(
            f"{network} has no data of {wanted or 'any year'} (there is: {known}).", f"{network} 没有 {wanted or '任何年份'} 的数据（有：{known}）。",
            fix="load readings with `qingshan observe load` / 用 `qingshan observe load` 载入监测值",
        )  # fmt: skip
    series = network_series(store, network)
    sites = store.sites(network).filter(pl.col("lon").is_not_null() & pl.col("lat").is_not_null())
    positions = {r["id"]: (r["lon"], r["lat"]) for r in sites.iter_rows(named=True)}
    begun, ended = _days_of(store, network)
    runs = []
    for year in wanted:
        source = store.spans(network, [y for y in kept if abs(y - year) <= 1])
        made = quality_run(
            source, series, used, max(datetime(year, 1, 1), begun), min(datetime(year + 1, 1, 1), ended), step_of(declared), layer=layer(store, network),
            positions=positions or None, told=told,
        )  # fmt: skip
        made.findings += unused_scopes(used, {s.split("|")[1] for s in series}, series)
        runs.append(made)
    return runs


def _days_of(store: Observations, network: str) -> tuple[datetime, datetime]:
    """Midnight before the first and after the last observation of a network."""
    times = store.series(network).select(first=pl.col("first").min(), last=pl.col("last").max()).row(0)
    first, last = (datetime(t.year, t.month, t.day) for t in times)
    return first, last + timedelta(days=1)


def decide(
    store: Observations, network: str, series: str, start: datetime, decision: str, *, reason: str, author: str
) -> Decision:
    """A reviewer's decision on the present version of a value. Raises `UnknownName` where there is no such value."""
    rows = store.scan(network, [start.year], [series]).filter(pl.col("start") == start).select("version").collect()
    versions = rows["version"].to_list()
    if not versions:
        raise UnknownName(
            f"{network} has no value of {series} at {start}.", f"{network} 没有 {series} 在 {start} 的值。"
        )
    return review(store, network).decide(series, start, decision, reason=reason, author=author, version=max(versions))


def flagged_rows(
    store: Observations, network: str, *, years: Collection[int] | None = None, series: Collection[str] | None = None
) -> pl.LazyFrame:
    """The latest observations with flag, tests, not_run, run, decision, use and unresolved.

    Without a QC run a value is `not evaluated` (2); so is one that came after a run had found its cell
    empty. `use`: good or not evaluated and not called invalid, or 3 and 4 called valid.
    `unresolved`: suspect, and no reviewer has decided. A decision on an older version does not count.
    """
    rows = store.scan(network, years, series)
    flags = layer(store, network).scan()
    said = review(store, network).frame().lazy().select(
        "series", "start", pl.col("version").cast(pl.Int32), "decision", pl.col("reason").alias("decision_reason"),
        pl.col("author").alias("reviewer"),
    )  # fmt: skip
    late = (pl.col("tests").fill_null(0) & 1).cast(pl.Boolean) & pl.col(
        "value"
    ).is_not_null()  # the run found the cell empty: it came later
    level, word = pl.col("flag"), pl.col("decision")
    doubtful = level.is_in([SUSPECT, FAIL])
    return (
        rows.join(flags, on=["series", "start"], how="left").join(said, on=["series", "start", "version"], how="left")
        .with_columns(flag=pl.when(late).then(None).otherwise(level), tests=pl.when(late).then(None).otherwise(pl.col("tests")))
        .with_columns(
            flag=level.fill_null(pl.when(pl.col("value").is_null() & ~pl.col("censored")).then(NO_VALUE).otherwise(NOT_EVALUATED).cast(pl.UInt8)),
        )
        .with_columns(
            use=pl.when(doubtful).then(word.eq_missing("valid")).otherwise((level <= NOT_EVALUATED) & word.ne_missing("invalid")),
            unresolved=(level == SUSPECT) & word.is_null(),
        )
    )  # fmt: skip


def effective_flags(
    store: Observations, network: str, *, years: Collection[int] | None = None, series: Collection[str] | None = None
) -> pl.LazyFrame | None:
    """(series, start, flag) of the latest observations as reviewers left them: called valid 1, called invalid 4; 3 is a suspect value
    that nobody has decided on. None where there was neither a QC run nor a decision."""
    if not layer(store, network).runs() and not review(store, network).all():
        return None
    level = (
        pl.when(pl.col("use") & (pl.col("decision") == "valid")).then(GOOD)
        .when(pl.col("decision") == "invalid").then(FAIL)
        .otherwise(pl.col("flag"))
    )  # fmt: skip
    return flagged_rows(store, network, years=years, series=series).select("series", "start", flag=level.cast(pl.UInt8))
