"""From a table to long rows: one reading per row (`long`), or one column per item as a domain's feed declares it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from qingshan.core.domain import load_domains
from qingshan.core.errors import UnknownName

from ..model import SAMPLE, SITE, Network
from ..report import LoadReporter
from .table import ROW, Chunk, Opened, Table, UnreadableSource

LONG = "long"
ALIASES = {
    "site": ("site", "site_id", "station", "站点", "站点编号", "断面", "断面编号", "测点", "点位"),
    "property": ("property", "item", "项目", "监测项目", "指标", "污染物"),
    "averaging": ("averaging", "时段", "平均时段"),
    "procedure": ("procedure", "method", "监测方法", "分析方法"),
    "feature": ("feature", "部位", "层位"),
    "unit": ("unit", "单位"),
    "state": ("state", "参考状态"),
    "start": ("start", "time", "datetime", "时间", "监测时间", "采样时间", "开始时间"),
    "end": ("end", "结束时间"),
    "value_text": ("value_text", "value", "result", "监测值", "数值", "结果", "浓度"),
    "detection_limit": ("detection_limit", "检出限"),
    "published": ("published", "公布值"),
    "status": ("status", "状态", "标记"),
    "sample": ("sample", "sample_id", "样品", "样品编号"),
}
"""Names a long table may give its columns. `value_text` wins over `value` where a table has both."""

OF_SAMPLE = {"sample_kind": "kind", "depth_top_cm": "depth_top_cm", "depth_bottom_cm": "depth_bottom_cm", "land_use": "land_use",
             "sample_ph": "ph", "mass_g": "mass_g", "area_m2": "area_m2", "sample_note": "note"}  # fmt: skip
"""Columns of a long table that describe the sample of the row."""
OF_SITE = {f"site_{c}": c for c in SITE if c != "id"} | {"lon": "lon", "lat": "lat"}


@dataclass(frozen=True)
class Feed:
    """A declared wide table (`feeds/NAME.toml` of a domain): which columns name the site and time, which hold values."""

    name: str
    domain: str
    match: tuple[str, ...]
    site: dict[str, str]
    fixed: dict[str, str]
    time: tuple[str, ...]
    values: tuple[dict[str, Any], ...]
    averaging: str = ""
    status: str = ""


def feeds() -> dict[str, Feed]:
    """Every declared feed by name."""
    found = {}
    domains = load_domains()
    for domain in domains.by_name:
        for name, raw in domains.folder(domain, "feeds"):
            found[name] = Feed(
                name, domain, tuple(raw["match"]), raw["site"], raw.get("fixed", {}), tuple(raw["time"]), tuple(raw["value"]),
                raw.get("averaging", ""), raw.get("status", ""),
            )  # fmt: skip
    return found


def shaped(table: Table, network: Network, reader: str, report: LoadReporter) -> Opened:
    """Choose the shape of a table and read it. Raises `UnknownName` for a reader there is none of, `UnreadableSource`
    where no shape fits the header."""
    known = feeds()
    if reader and reader != LONG and reader not in known:
        names = ", ".join((LONG, "sensorthings", *known))
        raise UnknownName(f"no reader {reader!r}; there are: {names}.", f"没有读取方式 {reader!r}；有：{names}。")
    own = [known[f] for f in network.feeds if f in known]
    for feed in [known[reader]] if reader in known else [*own, *(f for f in known.values() if f not in own)]:
        if reader == LONG:
            break
        if set(feed.match) <= set(table.header) and (reader or feed.domain == network.domain):
            return Opened(feed.name, _wide(table, feed))
    columns = _long_columns(table.header)
    if not reader or reader == LONG:
        if {"site", "property", "start", "value_text"} <= set(columns):
            return Opened(LONG, _long(table, columns, network))
        lacking = ", ".join(
            c for c in ("site", "property", "start", "value") if c.replace("value", "value_text") not in columns
        )
    else:
        lacking = ", ".join(c for c in known[reader].match if c not in table.header)
    raise UnreadableSource(
        f"the header fits no known shape; columns lacking: {lacking}.", f"表头不符合任何已知格式，缺少列：{lacking}。",
        where=report.file, fix="one reading per row with site, property, unit, start, value, or a declared feed"
        " / 每行一个读数（site、property、unit、start、value），或使用已声明的来源格式",
    )  # fmt: skip


# --- long


def _long_columns(header: tuple[str, ...]) -> dict[str, str]:
    """Column of `RECEIVED` -> column of the table."""
    by_name = {h.strip().casefold(): h for h in reversed(header)}
    found = {}
    for column, names in ALIASES.items():
        if name := next((n for n in names if n in by_name), None):
            found[column] = by_name[name]
    return found


def _long(table: Table, columns: dict[str, str], network: Network) -> Iterator[Chunk]:
    for frame in table.frames:
        rows = frame.select(pl.col(ROW).alias("row"), *(pl.col(h).alias(c) for c, h in columns.items()))
        yield Chunk(rows, _sites(frame, columns, network), _samples(frame, columns))


def _sites(frame: pl.DataFrame, columns: dict[str, str], network: Network) -> list[tuple[int | None, dict[str, Any]]]:
    """Sites described by columns beside the readings, where the network takes sites from its files."""
    given = {h: c for h, c in OF_SITE.items() if h in frame.columns}
    if not network.open_sites:
        return []
    first = frame.select(ROW, pl.col(columns["site"]).str.strip_chars().alias("id"), *given).unique("id", keep="first")
    first = first.filter(pl.col("id").is_not_null() & (pl.col("id") != "")).sort(ROW)
    return [
        (
            row[ROW],
            {"id": row["id"], "name_zh": row["id"], "kind": network.kind}
            | {c: row[h] for h, c in given.items() if row[h]},
        )
        for row in first.iter_rows(named=True)
    ]


def _samples(frame: pl.DataFrame, columns: dict[str, str]) -> list[tuple[int | None, dict[str, Any]]]:
    if "sample" not in columns:
        return []
    given = {h: c for h, c in OF_SAMPLE.items() if h in frame.columns and c in SAMPLE}
    named = {"sample": "id", "site": "site", "start": "taken"}
    chosen = frame.select(ROW, *(pl.col(columns[c]).str.strip_chars().alias(n) for c, n in named.items()), *given)
    chosen = chosen.filter(pl.col("id").is_not_null() & (pl.col("id") != "")).unique("id", keep="first").sort(ROW)
    return [
        (row[ROW], {n: row[n] for n in named.values()} | {c: row[h] for h, c in given.items() if row[h]})
        for row in chosen.iter_rows(named=True)
    ]


# --- wide


def _wide(table: Table, feed: Feed) -> Iterator[Chunk]:
    values = [v for v in feed.values if v["column"] in table.header]
    about = pl.DataFrame(
        {
            "column": [v["column"] for v in values], "property": [v["property"] for v in values],
            "unit": [v.get("unit", "") for v in values],
            "averaging": [v.get("averaging", feed.averaging) or None for v in values],
        },
        schema=dict.fromkeys(("column", "property", "unit", "averaging"), pl.String),
    )  # fmt: skip
    for frame in table.frames:
        index = frame.select(
            pl.col(ROW).alias("row"), pl.col(feed.site["id"]).str.strip_chars().alias("site"), _time(feed).alias("start"),
            (pl.col(feed.status) if feed.status in table.header else pl.lit(None, pl.String)).alias("status"),
            *(v["column"] for v in values),
        )  # fmt: skip
        rows = index.unpivot(
            on=[v["column"] for v in values], index=["row", "site", "start", "status"], variable_name="column",
            value_name="value_text",
        )  # fmt: skip
        rows = rows.join(about, on="column", how="left", maintain_order="left").select(
            "row", "site", "property", "unit", "averaging", "start", "value_text", "status"
        )
        yield Chunk(rows, _feed_sites(frame, feed))


def _time(feed: Feed) -> pl.Expr:
    """The time as one text: a column, or year, month, day and hour side by side."""
    if len(feed.time) == 1:
        return pl.col(feed.time[0])
    year, month, day, *hour = (pl.col(c).str.strip_chars() for c in feed.time)
    date = pl.concat_str([year, month, day], separator="-")
    return pl.concat_str([date, *hour], separator=" ") + (":00" if hour else "")


def _feed_sites(frame: pl.DataFrame, feed: Feed) -> list[tuple[int | None, dict[str, Any]]]:
    columns = {c: h for c, h in feed.site.items() if h in frame.columns}
    first = frame.select(ROW, **{c: pl.col(h).str.strip_chars() for c, h in columns.items()}).unique("id", keep="first")
    first = first.filter(pl.col("id").is_not_null() & (pl.col("id") != "")).sort(ROW)
    return [(row[ROW], feed.fixed | {c: row[c] for c in columns if row[c]}) for row in first.iter_rows(named=True)]


__all__ = ["LONG", "Feed", "feeds", "shaped"]
