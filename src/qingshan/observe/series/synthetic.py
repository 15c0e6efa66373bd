"""Invented readings for networks that declare a `[generator]`: seeded, labelled synthetic, made when first asked for.

A reading is a level times a yearly and a daily wave times autocorrelated noise, with the faults that quality control looks
for: gaps, spikes, flat lines, maintenance, values below the detection limit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from qingshan.core.errors import DeclarationError

from .model import RECEIVED, STEPS, Network

if TYPE_CHECKING:
    from .load import LoadReport
    from .store import Observations

SOURCE = "invented from a seed 由种子虚构"
DAY = 24 * 60
YEAR = 365.25 * DAY


def fill(store: Observations) -> list[LoadReport]:
    """Make the readings of every network of the zone that declares a generator and has none yet. Made twice, the store is
    the same."""
    return [
        generate(store, id)
        for id, network in store.networks.items()
        if network.generator and not store.catalogue(id).ask("SELECT 1 FROM load LIMIT 1")
    ]


def generate(store: Observations, network: str) -> LoadReport:
    """Make and load the readings of one network. Raises `DeclarationError` where it declares no generator."""
    declared = store.network(network)
    if not declared.generator or not declared.synthetic or declared.step not in STEPS:
        raise DeclarationError(
            f"the network {network} declares no generator, or is not synthetic with a step.",
            f"监测网 {network} 没有声明生成器，或未标明为合成、没有步长。",
        )
    last = max(declared.generator["years"])
    frame = readings(declared, store.sites(network))
    return store.load(
        network, frame, author="qingshan", name=f"{SOURCE}, seed {declared.generator['seed']}",
        now=max(datetime(last + 1, 1, 2, tzinfo=UTC), datetime.now(UTC)),
    )  # fmt: skip


def readings(network: Network, sites: pl.DataFrame) -> pl.DataFrame:
    """Rows of `model.RECEIVED` for every site and declared item."""
    spec = network.generator
    start = datetime(min(spec["years"]), 1, 1)
    step = STEPS[network.step]
    count = (datetime(max(spec["years"]) + 1, 1, 1) - start) // timedelta(minutes=step)
    minutes = np.arange(count, dtype=np.int64) * step
    frames = []
    for site in sites.iter_rows(named=True):
        shared = _rng(spec["seed"], site["id"], "weather")
        weather = _noise(count, float(spec.get("weather_memory", 0.97)), shared)
        away = _runs(count, spec.get("maintenance_per_year", 2.0), step, 24 * 60 // step, shared)
        for item in spec["item"]:
            only = item.get("kinds")
            if only and site["kind"] not in only:
                continue
            level = float(item["level"]) * float(spec.get("level", {}).get(site["id"], {}).get(item["property"], 1.0))
            rng = _rng(spec["seed"], site["id"], item["property"])
            texts, status = _texts(item, level, minutes, weather, away, step, rng)
            frames.append(_frame(site["id"], item, start, minutes, texts, status))
    return pl.concat(frames).with_columns(pl.int_range(1, pl.len() + 1).alias("row")).select(list(RECEIVED))


def _rng(seed: int, *names: str) -> np.random.Generator:
    """Random numbers of one site and item, whatever the order in which they are made."""
    mark = hashlib.sha256("|".join((str(seed), *names)).encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(mark[:16], "big")))


def _noise(count: int, memory: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Standard normal noise, each value `memory` times the one before plus what is new."""
    fresh = rng.standard_normal(count) * np.sqrt(1 - memory**2)
    fresh[0] /= np.sqrt(1 - memory**2)
    out = np.empty(count)
    held = 0.0
    for i, f in enumerate(fresh.tolist()):
        held = memory * held + f
        out[i] = held
    return out


def _runs(count: int, per_year: float, step: int, length: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Marks of whole runs of `length` steps, so many a year on average."""
    marks = np.zeros(count, dtype=bool)
    for start in np.flatnonzero(rng.random(count) < per_year * step / YEAR).tolist():
        marks[start : start + length] = True
    return marks


def _texts(
    item: Mapping[str, Any], level: float, minutes: NDArray[np.int64], weather: NDArray[np.float64],
    away: NDArray[np.bool_], step: int, rng: np.random.Generator,
) -> tuple[list[str | None], list[str | None]]:  # fmt: skip
    """Value texts with the faults in them, and the status words."""
    count = len(minutes)
    yearly = np.cos(2 * np.pi * (minutes / YEAR - float(item.get("peak_day", 0)) / 365.25))
    daily = np.cos(2 * np.pi * (minutes % DAY / DAY - float(item.get("peak_hour", 0)) / 24))
    waves = (1 + float(item.get("yearly", 0)) * yearly) * (1 + float(item.get("daily", 0)) * daily)
    noise = float(item.get("weather", 0)) * weather + float(item.get("noise", 0)) * _noise(count, 0.6, rng)
    additive = bool(item.get("additive", False))
    values = level * waves + noise if additive else level * waves * np.exp(noise)
    spiked = rng.random(count) < float(item.get("spikes_per_year", 2)) * step / YEAR
    values = np.where(spiked, values * 6, values)
    for start in np.flatnonzero(_first(_runs(count, float(item.get("flats_per_year", 1)), step, 1, rng))).tolist():
        values[start : start + 12] = values[start]
    values = np.maximum(values, float(item.get("low", 0)))
    missing = (rng.random(count) < float(item.get("missing", 0.01))) | away
    places, limit = int(item["places"]), float(item.get("detection_limit", 0))
    texts: list[str | None] = [f"{v:.{places}f}" for v in values.tolist()]
    if limit:
        mark = f"{item['detection_limit']}L"
        texts = [mark if v < limit else t for v, t in zip(values.tolist(), texts, strict=True)]
    texts = [
        "*" if m and a else None if m else t for t, m, a in zip(texts, missing.tolist(), away.tolist(), strict=True)
    ]
    return texts, ["维护" if a else "正常" for a in away.tolist()]


def _first(marks: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return marks & ~np.concatenate(([False], marks[:-1]))


def _frame(
    site: str, item: Mapping[str, Any], start: datetime, minutes: NDArray[np.int64], texts: list[str | None],
    status: list[str | None],
) -> pl.DataFrame:  # fmt: skip
    begun = pl.lit(start).dt.cast_time_unit("ms") + pl.duration(minutes=pl.col("minutes"))
    frame = pl.DataFrame(
        {"minutes": minutes, "value_text": texts, "status": status}, schema_overrides={"value_text": pl.String}
    )
    frame = frame.select(
        "value_text", "status", begun.dt.strftime("%Y-%m-%dT%H:%M").alias("start"), pl.lit(site).alias("site"),
        pl.lit(item["property"]).alias("property"), pl.lit(item["unit"]).alias("unit"),
    )  # fmt: skip
    absent = [pl.lit(None, t).alias(c) for c, t in RECEIVED.items() if c not in frame.columns and c != "row"]
    return frame.with_columns(absent).select(c for c in RECEIVED if c != "row")
