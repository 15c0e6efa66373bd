"""Reading: where does one reading come from? The text received, its file and row, every version, and who changed what."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import polars as pl

from qingshan.core.errors import UnknownName
from qingshan.core.observed import observed_properties
from qingshan.faces.web.page import Cell, Column, Page, Table, View
from qingshan.faces.web.site import Ask
from qingshan.faces.web.stations import held, observations
from qingshan.observe.evaluate.verdict import shown
from qingshan.observe.quality.network import flagged_rows, layer
from qingshan.publish import numbers

from .review import decisions_of, tests_of


def build(ask: Ask) -> Page:
    """`?series=` and `?at=` (minutes) name the reading. Raises `UnknownName`."""
    h = held(ask.site, ask.params["network"])
    series = ask.query.get("series", "")
    at = _moment(ask.query.get("at", ""))
    store = observations(ask.site)
    rows = (
        store.versions(h.network.id, years=[at.year], series=[series])
        .filter((pl.col("series") == series) & (pl.col("start").dt.truncate("1m") == at))
        .sort("version").collect().to_dicts()
    )  # fmt: skip
    if not rows:
        raise UnknownName(f"no reading of {series!r} at {at}.", f"{series!r} 在 {at} 没有读数。")
    station = h.station(series.partition("|")[0])
    known = observed_properties().get(series.split("|")[1]) if "|" in series else None
    name = ask.t.pick(known.zh, known.en) if known else series
    loads = {item["source"]: item for item in store.loads(h.network.id)}
    latest = rows[-1]
    unit = numbers.unit_word(known.unit, ask.lang) if known else ""
    context: dict[str, Any] = {
        "name": name, "station": station, "network": h.network, "latest": latest, "unit": unit, "at": at, "series": series,
        "versions": [{**r, "from": loads.get(r["load"], {})} for r in rows],
        "value": shown(latest["value"].normalize()) if latest["value"] is not None else "",
        "station_href": ask.address(f"/network/{h.network.id}/{station.id}", period=f"{at:%Y-%m}"), "labels": h.network.labels,
        "flag": _flag(ask, h.network.id, series, at), "decisions": decisions_of(ask, h.network.id, series, at),
        "export": f"qingshan observe export --zone {ask.zone.id} {h.network.id} --sites {station.id} --versions --out OUT.csv",
    }  # fmt: skip
    columns = (
        Column("version", "版本", "version"), Column("text", "收到的文字", "text as received"), Column("value", "数值", "value"),
        Column("unit", "收到的单位", "unit received"),
        Column("file", "文件", "file"), Column("sha256", "sha-256", "sha-256"), Column("row", "行", "row"), Column("reason", "原因", "reason"),
        Column("author", "作者", "author"), Column("loaded", "载入时间", "loaded"),
    )  # fmt: skip
    made: list[dict[str, Cell]] = [
        {"version": r["version"], "text": r["value_text"], "value": shown(r["value"]) if r["value"] is not None else "", "unit": r["unit"],
         "file": loads.get(r["load"], {}).get("name", ""), "sha256": r["load"], "row": r["row"], "reason": r["reason"], "author": r["author"],
         "loaded": loads.get(r["load"], {}).get("at", "")}
        for r in rows
    ]  # fmt: skip
    title = f"{station.name(ask.lang)} {name} {at:%Y-%m-%d %H:%M}"
    return Page(
        "reading.html",
        title,
        context,
        [Table("versions", "版本", "Versions", columns, made)],
        sources=[h.network.source],
        labels=context["labels"],
    )


def _flag(ask: Ask, network: str, series: str, at: datetime) -> dict[str, Any] | None:
    """Flag, tests that found something and tests that could not run; None without a QC run."""
    store = observations(ask.site)
    if not layer(store, network).runs():
        return None
    frame = (
        flagged_rows(store, network, years=[at.year], series=[series])
        .filter(pl.col("start").dt.truncate("1m") == at)
        .collect()
    )
    if frame.is_empty():
        return None
    row = frame.to_dicts()[0]
    return {
        "flag": row["flag"],
        "run": row["run"],
        "tests": tests_of(row["tests"] or 0),
        "not_run": tests_of(row["not_run"] or 0),
    }


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).replace(second=0, microsecond=0, tzinfo=None)
    except ValueError:
        raise UnknownName(
            f"?at= is {text!r}: write 2021-04-01T04:00.", f"?at= 为 {text!r}：写 2021-04-01T04:00。"
        ) from None


VIEW = View("reading", "/reading/{network}", build, under="network")
