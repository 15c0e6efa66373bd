"""Hourly readings of an air network as blocks with what may be counted: from the store with its flags, or from any rows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from ..dense import MISSING, Block, Lattice, block_between, cells
from ..quality.kernels import FAIL, GOOD, NO_VALUE, NOT_EVALUATED, SUSPECT
from ..quality.network import effective_flags, layer, review
from ..quality.review import Decision, Usable
from ..series.store import Observations
from .network import usable_rows

__all__ = ["HourSource", "of_rows", "of_store"]


@dataclass(frozen=True)
class HourSource:
    """`block(series, lattice)` gives some series with what counts: `use` without what is bad, `unresolved` where a suspect value waits.
    `rows` gives the same as rows, with the column `unresolved`."""

    years: tuple[int, ...]
    block: Callable[[tuple[str, ...], Lattice], tuple[Block, Usable]]
    rows: Callable[[Sequence[str]], pl.LazyFrame]


def of_rows(rows: pl.LazyFrame) -> HourSource:
    """Of rows without what is bad (`usable_rows`); a column `unresolved` marks what waits for a reviewer."""
    marked = "unresolved" in rows.collect_schema().names()
    held = rows if marked else rows.with_columns(unresolved=pl.lit(value=False))
    ends = held.select(low=pl.col("start").min().dt.year(), high=pl.col("start").max().dt.year()).collect().row(0)

    def block(series: tuple[str, ...], lattice: Lattice) -> tuple[Block, Usable]:
        made = block_between(held, series, lattice)
        waiting = np.zeros(made.shape, dtype=bool)
        if marked:
            some = held.filter(pl.col("series").is_in(series) & pl.col("unresolved")).select(
                "series", pl.col("start").cast(pl.Datetime("ms")).to_physical(), "unresolved"
            )
            waiting = cells(some.collect(), series, lattice, "unresolved", waiting)
        return made, Usable(made.present & ~waiting, waiting)

    years = () if ends[0] is None else tuple(range(ends[0], ends[1] + 1))
    return HourSource(years, block, lambda series: held.filter(pl.col("series").is_in(list(series))))


def of_store(
    store: Observations, network: str, years: Collection[int] | None = None, *, provisional: bool = False
) -> HourSource:
    """Of a stored network with its newest flags and its reviewers' decisions. `provisional` leaves suspect values out; otherwise they
    wait. Memory is that of one block."""
    kept = store.years(network)
    chosen = tuple(y for y in kept if years is None or y in years)
    near = {y + d for y in chosen for d in (-1, 0, 1)}
    spans = store.spans(network, [y for y in kept if y in near])
    flagged = bool(layer(store, network).runs() or review(store, network).all())
    flags = layer(store, network).spans(min(near, default=0), max(near, default=0))
    decisions = _decided(store, network)

    def block(series: tuple[str, ...], lattice: Lattice) -> tuple[Block, Usable]:
        made = block_between(spans, series, lattice)
        if not flagged:
            return made, Usable(made.present, np.zeros(made.shape, dtype=bool))
        level = np.where((made.values == MISSING) & ~made.censored, NO_VALUE, NOT_EVALUATED).astype(np.uint8)
        found = flags(series[0], series[-1]).select("series", pl.col("start").to_physical(), "flag", "tests").collect()
        level = cells(found, series, lattice, "flag", level)
        empty = found.filter(pl.col("tests") & 1 == 1).with_columns(empty=pl.lit(value=True))
        late = cells(empty, series, lattice, "empty", np.zeros(made.shape, dtype=bool)) & (made.values != MISSING)
        level[late] = NOT_EVALUATED  # the run found the cell empty: the value came later (as in `flagged_rows`)
        _apply(decisions, series, lattice, level)
        bad = (level == FAIL) | (level == NO_VALUE) | ~made.present
        waiting = (level == SUSPECT) & ~bad
        use = ~bad & ~waiting
        return made, Usable(use, np.zeros_like(waiting) if provisional else waiting)

    def rows(series: Sequence[str]) -> pl.LazyFrame:
        given = effective_flags(store, network, years=chosen, series=series)
        return usable_rows(store.scan(network, chosen, series), given, provisional=provisional)

    return HourSource(chosen, block, rows)


def _decided(store: Observations, network: str) -> dict[str, list[Decision]]:
    """Decisions by series that are on the present version of their value."""
    held = list(review(store, network).latest().values())
    if not held:
        return {}
    keys = pl.DataFrame({"series": [d.series for d in held], "start": [d.start for d in held]}).with_columns(
        pl.col("start").cast(pl.Datetime("ms"))
    )
    years = sorted({d.start.year for d in held})
    rows = store.scan(network, years, sorted({d.series for d in held})).join(
        keys.lazy(), on=["series", "start"], how="semi"
    )
    present = {(s, t): v for s, t, v in rows.select("series", "start", "version").collect().iter_rows()}
    made: dict[str, list[Decision]] = {}
    for one in held:
        if present.get((one.series, one.start)) == one.version:
            made.setdefault(one.series, []).append(one)
    return made


def _apply(decisions: dict[str, list[Decision]], series: tuple[str, ...], lattice: Lattice, level: np.ndarray) -> None:
    for i, name in enumerate(series):
        for one in decisions.get(name, ()):
            t = lattice.slot(one.start)
            if t < lattice.count and lattice.start + t * lattice.step == one.start:
                if one.decision == "invalid":
                    level[i, t] = FAIL
                elif level[i, t] != NO_VALUE:
                    level[i, t] = GOOD
