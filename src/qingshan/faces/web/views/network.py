"""Network: what do the stations say now? All networks of the zone, and one with its map and its sites."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from qingshan.faces.web.evaluated import REPORTED
from qingshan.faces.web.page import Cell, Column, Page, Table, View
from qingshan.faces.web.site import Ask
from qingshan.faces.web.stations import Held, Station, held, networks_of, state_of, tones
from qingshan.observe.series.model import Network
from qingshan.publish import numbers

from .alerts import watched

DRAWN = 1000
"""Sites that get a circle on the drawn map, those in the worst state first; what is beyond is in the table and the exports."""
ROOMY, TIGHT = 24, 12
"""Radius of a circle that holds its state's word, and of one that cannot."""


def build_all(ask: Ask) -> Page:
    """Every declared network, with how many of its sites stand in which state."""
    found, stuck = networks_of(ask)
    with_readings = [h for h in found if h.read]
    t = ask.t
    headline = (
        t("network.all.headline", networks=len(with_readings), sites=sum(len(h.read) for h in with_readings),
          n=numbers.counted(sum(h.readings for h in with_readings), ask.lang))
        if with_readings
        else t("network.all.empty") if found or stuck else t("network.all.none")
    )  # fmt: skip
    cards = [_card(ask, h) for h in found]
    refused = [
        {"network": network, "name": network.name(ask.lang), "said": t.pick(error.zh, error.en), "fix": error.fix}
        for network, error in stuck
    ]
    context = {
        "question": t("network.all.question"),
        "headline": headline,
        "cards": cards,
        "refused": refused,
        "empty": not with_readings,
    }
    return Page(
        "networks.html",
        t("network.all.name"),
        context,
        [_networks_table(ask, found)] if found else [],
        sources=_sources(found),
    )


def _card(ask: Ask, h: Held) -> dict[str, Any]:
    network = h.network
    counts = Counter(s.tone for s in (state_of(network, x.result, ask.t, ask.lang) for x in h.read))
    whole = sum(counts.values()) or 1
    scale = [
        {"word": s.word, "tone": s.tone, "n": counts[s.tone], "share": round(100 * counts[s.tone] / whole, 2)}
        for s in tones(network, ask.t)
    ]
    at = 0.0
    for part in scale:
        part["x"], at = round(at, 2), at + float(part["share"])  # type: ignore[arg-type]
    unsaid = counts[-1]
    return {
        "network": network, "name": network.name(ask.lang), "href": ask.address(f"/network/{network.id}"), "sites": len(h.stations),
        "read": len(h.read), "newest": h.newest, "scale": [p for p in scale if p["n"]], "unsaid": unsaid,
        "unsaid_x": round(at, 2), "unsaid_share": round(100 * unsaid / whole, 2),
        "note": ask.t.pick(network.note_zh, network.note), "labels": network.labels,
        "command": f"qingshan observe load --zone {ask.zone.id} {network.id} FILE",
    }  # fmt: skip


def _sources(found: Sequence[Held]) -> list[str]:
    return list(
        dict.fromkeys(h.network.source or h.network.operator for h in found if h.network.source or h.network.operator)
    )


def _networks_table(ask: Ask, found: Sequence[Held]) -> Table:
    columns = (
        Column("id", "代号", "id"), Column("name", "监测网", "network"), Column("operator", "运行单位", "operator"), Column("sites", "站点", "sites"),
        Column("read", "有读数的站点", "sites with readings"), Column("readings", "读数", "readings"), Column("newest", "最近读数", "newest reading"),
        Column("labels", "标注", "labels"),
    )  # fmt: skip
    rows: list[dict[str, Cell]] = [
        {"id": h.network.id, "name": h.network.name(ask.lang), "operator": h.network.operator, "sites": len(h.stations), "read": len(h.read),
         "readings": h.readings, "newest": h.newest.isoformat(" ", "minutes") if h.newest else "",
         "labels": "; ".join(h.network.labels)}
        for h in found
    ]  # fmt: skip
    return Table("networks", "监测网", "Networks", columns, rows)


# ---- one network -----------------------------------------------------------------------------------------------------


def build(ask: Ask) -> Page:
    """One network. `?state=` keeps the sites of one state, `?q=` those whose name holds it."""
    h = held(ask.site, ask.params["network"])
    network, t = h.network, ask.t
    rows = [_row(ask, s) for s in h.stations]
    rows.sort(key=lambda r: (not r["read"], -r["state"].tone if r["state"].tone >= 0 else 1, r["name"]))
    asked = ask.query.get("q", "").strip()
    shown = [r for r in rows if (not asked or asked.casefold() in f"{r['name']} {r['id']} {r['basin']}".casefold())]
    context: dict[str, Any] = {
        "network": network, "name": network.name(ask.lang), "question": t("network.question"), "headline": _headline(ask, h),
        "lead": _lead(ask, h), "rows": shown, "whole": len(rows), "q": asked, "card": _card(ask, h), "map": _map(ask, rows), "legend": tones(network, t),
        "unplaced": sum(r["point"] is None for r in rows), "labels": network.labels,
        "columns": {c: any(r[c] for r in shown) for c in ("basin", "deciding", "kind")},
        "time_action": f"/{ask.lang}/network/{network.id}", "alerts": _alerts(ask, h),
        "report_href": ask.address(f"/network/{network.id}/report", period="") if h.read and network.domain in REPORTED else "",
    }  # fmt: skip
    return Page(
        "network.html",
        network.name(ask.lang),
        context,
        [_sites_table(network, rows)],
        sources=_sources([h]),
        labels=context["labels"],
    )


def _alerts(ask: Ask, h: Held) -> dict[str, Any] | None:
    """How many alerts are open, for the badge; None where the network has no rules."""
    found = watched(ask.site, h.network.id)
    return None if found is None else {
        "n": sum(a.state == "active" for a in found.open), "href": ask.address(f"/network/{h.network.id}/alerts", period=""),
        "stream": f"/network/{h.network.id}/alerts/stream",
    }  # fmt: skip


def _row(ask: Ask, s: Station) -> dict[str, Any]:
    state = state_of(s.network, s.result, ask.t, ask.lang)
    lon, lat = s.body.get("lon"), s.body.get("lat")
    drawing = ask.site.drawing
    point = drawing.at(lon, lat) if drawing and lon is not None and lat is not None else None
    deciding = s.result.item if s.result else ""
    return {
        "id": s.id, "name": s.name(ask.lang), "href": ask.address(f"/network/{s.network.id}/{s.id}", period=""), "read": s.read, "state": state,
        "basin": s.body.get("river") or s.body.get("basin") or "", "deciding": deciding.replace(",", ask.t("list")), "kind": s.body.get("kind") or "",
        "at": s.at, "last": s.last, "point": point, "lon": lon, "lat": lat,
        "rows": int(s.series["rows"].sum()), "status": s.result.status if s.result else "",
    }  # fmt: skip


def _headline(ask: Ask, h: Held) -> str:
    t, network = ask.t, h.network
    if not h.read:
        return t("network.headline.empty", name=network.name(ask.lang), n=len(h.stations))
    states = [state_of(network, s.result, t, ask.lang) for s in h.read]
    known = [s for s in states if s.tone >= 0]
    if not known:
        return t("network.headline.unsaid", n=len(h.read))
    scale = tones(network, t)
    good = 2  # Ⅲ and better, 良 and better
    k = sum(s.tone <= good for s in known)
    word = next(s.word for s in scale if s.tone == good)
    return t("network.headline.good", k=k, n=len(known), word=word)


def _lead(ask: Ask, h: Held) -> str:
    if not h.newest:
        return ""
    return ask.t("network.lead", at=h.newest.isoformat(" ", "minutes"), operator=h.network.operator or "—")


def _map(ask: Ask, rows: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """Circles over the outline of the zone; None where no site has coordinates or the zone is not drawn."""
    drawing = ask.site.drawing
    placed = [r for r in rows if r["point"] is not None]
    if drawing is None or not placed:
        return None
    box = drawing.view_box(margin=14)
    clusters = _clusters(placed)
    alone = all(len(c["rows"]) == 1 for c in clusters)  # else a number would be read as a count
    roomy = all(math.dist(a["at"], b["at"]) > 2 * ROOMY for a, b in itertools.combinations(clusters, 2))
    return {
        "view_box": " ".join(f"{v:g}" for v in box), "meshes": ask.site.mesh(ask.zone.root), "areas": [a.path for a in drawing.areas.values()],
        "credit": ask.zone.boundaries.source, "clusters": [_drawn(ask, c, roomy, alone) for c in clusters],
        "together": not alone,
    }  # fmt: skip


def _clusters(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sites whose circles would touch stand as one: the nearest are joined first, at the middle of what they hold; the worst is drawn last."""
    groups: list[dict[str, Any]] = [{"at": r["point"], "rows": [r]} for r in rows[:DRAWN]]
    gaps = Gaps([g["at"] for g in groups], [_radius(g) for g in groups])
    while (pair := gaps.nearest()) is not None:
        i, j = pair
        held = groups[i]["rows"] + groups[j]["rows"]
        groups[i] = {"at": tuple(sum(r["point"][k] for r in held) / len(held) for k in (0, 1)), "rows": held}
        gaps.join(i, j, groups[i]["at"], _radius(groups[i]))
    groups = [g for g, there in zip(groups, gaps.there, strict=True) if there]
    for g in groups:
        g["rows"].sort(key=lambda r: -r["state"].tone)
    return sorted(groups, key=lambda g: g["rows"][0]["state"].tone)


class Gaps:
    """Distances between the circles that touch, the least of each row at hand: to join two looks at one row, not at all pairs."""

    def __init__(self, points: Sequence[tuple[float, float]], radii: Sequence[float]) -> None:
        self.points = np.array(points, float).reshape(-1, 2)
        self.radii = np.array(radii, float)
        self.there = np.ones(len(radii), bool)
        self.rows = np.full((len(radii), len(radii)), np.inf)
        for i in range(len(radii)):
            self.rows[i, i + 1 :] = self._to(i)[i + 1 :]
        self.least = self.rows.min(axis=1, initial=np.inf)

    def _to(self, i: int) -> np.ndarray:
        """From one circle to every other; infinite where they do not touch or one is gone."""
        apart = np.hypot(*(self.points - self.points[i]).T)
        return np.where((apart < self.radii + self.radii[i]) & self.there, apart, np.inf)

    def nearest(self) -> tuple[int, int] | None:
        """The pair that lies nearest, the first of equals; None where no two touch."""
        i = int(self.least.argmin()) if self.least.size else 0
        return None if not self.least.size or self.least[i] == np.inf else (i, int(self.rows[i].argmin()))

    def join(self, i: int, j: int, at: tuple[float, float], radius: float) -> None:
        """Put the two into the place of the first."""
        beside = np.minimum(self.rows[:, i], self.rows[:, j]) < np.inf
        self.points[i], self.radii[i], self.there[j] = at, radius, False
        self.rows[j], self.rows[:, j] = np.inf, np.inf
        found = self._to(i)
        self.rows[i, i + 1 :], self.rows[:i, i] = found[i + 1 :], found[:i]
        beside[[i, j]] = True
        beside[:i] |= found[:i] < np.inf
        self.least[beside] = self.rows[beside].min(axis=1)


def _radius(group: dict[str, Any]) -> float:
    """Of the circle of a group: it grows with the number it shows."""
    n = len(group["rows"])
    return ROOMY if n == 1 else ROOMY + min(2.5 * math.sqrt(n), 12)


def _drawn(ask: Ask, group: dict[str, Any], roomy: bool, alone: bool) -> dict[str, Any]:
    """A circle with the state of its worst site, the number where there are several, and where it leads."""
    rows, worst = group["rows"], group["rows"][0]
    one = len(rows) == 1 and roomy and (alone or not worst["state"].short.isdigit())
    said = [f"{r['name']} {r['state'].word if r['read'] else ask.t('network.no_reading')}" for r in rows]
    return {
        "x": round(group["at"][0], 1), "y": round(group["at"][1], 1), "r": round(_radius(group) if len(rows) > 1 or roomy else TIGHT, 1),
        "tone": worst["state"].tone, "n": len(rows), "short": worst["state"].short if one else "",
        "href": worst["href"] if len(rows) == 1 else "#sites", "said": ask.t("semicolon").join(said[:12]) + ("…" if len(said) > 12 else ""),
    }  # fmt: skip


def _sites_table(network: Network, rows: Sequence[dict[str, Any]]) -> Table:
    labels = "; ".join(network.labels)
    columns = (
        Column("id", "站点代号", "site id"), Column("name", "站点", "site"), Column("kind", "类型", "kind"), Column("basin", "河流或流域", "river or basin"),
        Column("state", "最近状态", "newest state"), Column("deciding", "定类项目", "deciding items"), Column("at", "评价时刻", "judged at"),
        Column("last", "最近读数", "newest reading"), Column("rows", "读数", "readings"), Column("lon", "经度", "longitude", "deg"),
        Column("lat", "纬度", "latitude", "deg"), Column("labels", "标注", "labels"), Column("status", "限值来源级别", "status of the limits"),
        Column("why", "说明", "why"),
    )  # fmt: skip
    made: list[dict[str, Cell]] = [
        {**{k: r[k] for k in ("id", "name", "kind", "basin", "deciding", "rows", "lon", "lat", "status")}, "state": r["state"].word if r["read"] else "",
         "at": r["at"].isoformat(" ", "minutes") if r["at"] else "", "last": r["last"].isoformat(" ", "minutes") if r["last"] else "",
         "why": r["state"].why, "labels": labels}
        for r in rows
    ]  # fmt: skip
    return Table("sites", "站点", "Sites", columns, made, point_columns=("lon", "lat"))


VIEWS = (
    View("network", "/network", build_all, home=lambda code: "/network"),
    View("network_one", "/network/{network}", build, under="network"),
)
