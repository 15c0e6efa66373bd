"""Review: which readings are in doubt, and what was decided? A list to accept or reject from, with a reason and a name."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import polars as pl

from qingshan.core.errors import UnknownName
from qingshan.core.observed import observed_properties
from qingshan.faces.web.page import Cell, Column, Page, Table, View
from qingshan.faces.web.site import Ask
from qingshan.faces.web.stations import Held, held, observations
from qingshan.observe.quality.network import flagged_rows, layer, review
from qingshan.observe.quality.plan import TESTS
from qingshan.publish import numbers

SHOWN = 50
KEPT = ("open", "decided", "failed")


def build(ask: Ask) -> Page:
    """`?of=` open (suspect, undecided), decided, failed; `?site=` one site; `?after=` pages on by series and time."""
    h = held(ask.site, ask.params["network"])
    of = ask.query.get("of", KEPT[0])
    if of not in KEPT:
        raise UnknownName(f"?of= is one of {', '.join(KEPT)}.", f"?of= 可取 {'、'.join(KEPT)}。")
    store, t = observations(ask.site), ask.t
    runs = layer(store, h.network.id).runs()
    rows = _chosen(ask, h, of).collect() if runs or of == "decided" else pl.DataFrame()
    more = rows.height > SHOWN
    shown = [_row(ask, h, r) for r in rows.head(SHOWN).to_dicts()]
    counts = _counts(ask, h) if runs else {}
    tail = rows.row(SHOWN - 1, named=True) if more else None
    context: dict[str, Any] = {
        "network": h.network, "name": h.network.name(ask.lang), "question": t("review.question"), "headline": _headline(ask, h, bool(runs), counts),
        "rows": shown, "of": of, "tabs": [(k, t(f"review.of.{k}"), counts.get(k)) for k in KEPT], "ran": bool(runs), "said": ask.query.get("said", ""),
        "next": _next(ask, h, of, tail),
        "command": f"qingshan observe qc --zone {ask.zone.id} {h.network.id}", "back": ask.address(f"/network/{h.network.id}", period=""),
        "action": f"/api/networks/{h.network.id}/decisions", "labels": h.network.labels, "runs": runs[-3:],
        "here_of": ask.address(f"/network/{h.network.id}/review", of=of, period=""),
    }  # fmt: skip
    return Page(
        "review.html",
        t("review.name"),
        context,
        [_table(ask, shown)],
        sources=[h.network.source],
        labels=context["labels"],
    )


def _next(ask: Ask, h: Held, of: str, tail: dict[str, Any] | None) -> str:
    """Address of the page after the one that ends with `tail`."""
    if tail is None:
        return ""
    after = f"{tail['series']}~{tail['start'].isoformat()}"
    return ask.address(f"/network/{h.network.id}/review", of=of, site=ask.query.get("site", ""), after=after)


def _chosen(ask: Ask, h: Held, of: str) -> pl.LazyFrame:
    """Rows of the asked kind in order of series and time, one more than a page."""
    frame = flagged_rows(observations(ask.site), h.network.id)
    kind = {
        "open": pl.col("unresolved"),
        "decided": pl.col("decision").is_not_null(),
        "failed": (pl.col("flag") == 4) & pl.col("decision").is_null(),
    }[of]
    frame = frame.filter(kind)
    if site := ask.query.get("site", ""):
        frame = frame.filter(pl.col("series").str.starts_with(f"{site}|"))
    if after := ask.query.get("after", ""):
        series, _, at = after.rpartition("~")
        moment = _moment(at)
        frame = frame.filter((pl.col("series") > series) | ((pl.col("series") == series) & (pl.col("start") > moment)))
    return frame.sort("series", "start").head(SHOWN + 1)


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        raise UnknownName("?after= is made by the page itself.", "?after= 由本页给出。") from None


def _counts(ask: Ask, h: Held) -> dict[str, int]:
    frame = flagged_rows(observations(ask.site), h.network.id)
    undecided = pl.col("decision").is_null()
    found = frame.select(
        open=pl.col("unresolved").sum(), decided=(~undecided).sum(), failed=((pl.col("flag") == 4) & undecided).sum()
    ).collect()  # fmt: skip
    return {k: int(v) for k, v in found.row(0, named=True).items()}


def _headline(ask: Ask, h: Held, ran: bool, counts: dict[str, int]) -> str:
    if not ran:
        return ask.t("review.headline.not_run")
    return (
        ask.t("review.headline.open", n=f"{counts['open']:,}", decided=f"{counts['decided']:,}")
        if counts["open"]
        else ask.t("review.headline.none", decided=counts["decided"])
    )


def tests_of(mask: int) -> list[str]:
    """Names of the tests in a mask."""
    return [name for bit, name in enumerate(TESTS) if mask >> bit & 1]


def _row(ask: Ask, h: Held, r: dict[str, Any]) -> dict[str, Any]:
    site, item, *_ = str(r["series"]).split("|")
    known = observed_properties().get(item)
    station = next((s for s in h.stations if s.id == site), None)
    return {
        "series": r["series"], "at": r["start"], "site": station.name(ask.lang) if station else site,
        "item": ask.t.pick(known.zh, known.en) if known else item,
        "unit": numbers.unit_word(known.unit, ask.lang) if known else "", "text": r["value_text"], "flag": r["flag"], "tests": tests_of(r["tests"] or 0),
        "decision": r["decision"], "reason": r["decision_reason"], "reviewer": r["reviewer"], "version": r["version"],
        "href": ask.address(f"/reading/{h.network.id}", series=r["series"], at=r["start"].isoformat(timespec="minutes"), period=""),
        "station_href": ask.address(f"/network/{h.network.id}/{site}", period=f"{r['start']:%Y-%m}", item=item),
    }  # fmt: skip


def _table(ask: Ask, rows: list[dict[str, Any]]) -> Table:
    columns = (
        Column("series", "序列", "series"), Column("at", "时间", "time"), Column("text", "收到的文字", "text as received"), Column("flag", "标记", "flag"),
        Column("tests", "检出", "tests"), Column("decision", "结论", "decision"), Column("reason", "理由", "reason"),
        Column("reviewer", "复核人", "reviewer"),
        Column("version", "版本", "version"),
    )  # fmt: skip
    made: list[dict[str, Cell]] = [
        {**{k: r[k] for k in ("series", "text", "flag", "decision", "reason", "reviewer", "version")}, "at": r["at"].isoformat(" ", "minutes"),
         "tests": " ".join(r["tests"])}
        for r in rows
    ]  # fmt: skip
    return Table("review", "复核", "Review", columns, made)


def decisions_of(ask: Ask, network: str, series: str, at: datetime) -> list[dict[str, Any]]:
    """Every decision on one reading, oldest first."""
    return [
        d.record()
        for d in review(observations(ask.site), network).all()
        if d.series == series and d.start.replace(second=0, microsecond=0) == at
    ]


VIEW = View("review", "/network/{network}/review", build, under="network")
