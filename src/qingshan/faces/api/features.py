"""OGC API Features, Part 1 Core with GeoJSON: `/ogc`. Each network is two collections, its sites and their latest readings.

QGIS and GDAL's OAPIF driver open it unmodified. The next page is asked for by the key of the last feature.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

import polars as pl
from fastapi import FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool

from qingshan.core.errors import QingshanError, UnknownName
from qingshan.core.observed import observed_properties
from qingshan.observe.series.model import SITE, Network
from qingshan.observe.series.store import Observations
from qingshan.observe.series.text import offset

from .odata import BadQuery, read_moment

CONFORMANCE = (
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
)
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
LATEST = "-latest"
MOST, USUAL = 10_000, 100
WHOLE = (-180.0, -90.0, 180.0, 90.0)
_SITE_COLUMNS = tuple(c for c in SITE if c not in ("lon", "lat"))
_LATEST_COLUMNS = ("series", "site", "property", "name_zh", "name_en", "averaging", "unit", "start", "end", "value",
                   "value_text", "censored", "detection_limit", "status", "version")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """The query of a list of items."""

    limit: int
    after: int
    bbox: tuple[float, float, float, float] | None
    since: datetime | None
    until: datetime | None
    equal: dict[str, str]


def add_features(app: FastAPI, store: Observations) -> None:
    """Routes of the service."""

    def base(request: Request) -> str:
        return f"{str(request.base_url).rstrip('/')}/ogc"

    async def landing(request: Request) -> Response:
        return _json(_landing(base(request), store))

    async def conformance() -> Response:
        return _json({"conformsTo": list(CONFORMANCE)})

    async def api(request: Request) -> Response:
        return _json(_api(base(request)), "application/vnd.oai.openapi+json;version=3.0")

    async def collections(request: Request) -> Response:
        listed = [_collection(base(request), store, id) for id in _ids(store)]
        return _json({"collections": listed, "links": [_link(f"{base(request)}/collections", "self")]})

    async def collection(request: Request, id: str) -> Response:
        return _tried(lambda: _json(_collection(base(request), store, id)))

    async def items(request: Request, id: str) -> Response:
        return await run_in_threadpool(_tried, lambda: _items(base(request), store, id, request))

    async def item(request: Request, id: str, number: str) -> Response:
        return await run_in_threadpool(_tried, lambda: _item(base(request), store, id, number))

    routes: dict[str, Callable[..., Any]] = {
        "/ogc": landing, "/ogc/": landing, "/ogc/conformance": conformance, "/ogc/api": api, "/ogc/collections": collections,
        "/ogc/collections/{id}": collection, "/ogc/collections/{id}/items": items,
        "/ogc/collections/{id}/items/{number}": item,
    }  # fmt: skip
    for path, endpoint in routes.items():
        app.add_api_route(path, endpoint, methods=["GET", "HEAD"])


def _tried(make: Any) -> Response:
    try:
        answer: Response = make()
        return answer
    except BadQuery as error:
        return _problem(HTTPStatus.BAD_REQUEST, error)
    except UnknownName as error:
        return _problem(HTTPStatus.NOT_FOUND, error)


def _json(content: Any, media: str = "application/json") -> Response:
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Response(text, media_type=media, headers={"Cache-Control": "no-cache"})


def _problem(status: HTTPStatus, error: QingshanError) -> Response:
    content = {
        "type": "about:blank",
        "title": status.phrase,
        "status": int(status),
        "detail": error.en,
        "detail_zh": error.zh,
    }
    return Response(json.dumps(content, ensure_ascii=False), status, media_type="application/problem+json")


def _link(href: str, rel: str, type: str = "application/json", title: str = "") -> dict[str, str]:
    return {"href": href, "rel": rel, "type": type} | ({"title": title} if title else {})


# --- what there is


def _landing(base: str, store: Observations) -> dict[str, Any]:
    zone = store.zone
    return {
        "title": f"青山 qingshan: {zone.name_zh} {zone.name_en}",
        "description": f"监测网的站点和最新读数 Sites of monitoring networks and their latest readings, {zone.name_en}",
        "links": [
            _link(base, "self"), _link(f"{base}/api", "service-desc", "application/vnd.oai.openapi+json;version=3.0"),
            _link(f"{base}/conformance", "conformance"), _link(f"{base}/collections", "data"),
        ],
    }  # fmt: skip


def _api(base: str) -> dict[str, Any]:
    """The description of the service, as short as the standard allows."""
    paths = ("/", "/conformance", "/collections", "/collections/{collectionId}", "/collections/{collectionId}/items",
             "/collections/{collectionId}/items/{featureId}")  # fmt: skip
    answers = {"200": {"description": "OK"}}
    return {
        "openapi": "3.0.3", "info": {"title": "qingshan OGC API Features", "version": "1.0"}, "servers": [{"url": base}],
        "paths": {path: {"get": {"responses": answers}} for path in paths},
    }  # fmt: skip


def _ids(store: Observations) -> list[str]:
    return [id for network in store.networks for id in (network, network + LATEST)]


def _network(store: Observations, id: str) -> tuple[Network, bool]:
    """The network of a collection, and whether it is that of the latest readings."""
    if id not in _ids(store):
        raise UnknownName(f"there is no collection {id!r}.", f"没有数据集 {id!r}。")
    return store.network(id.removesuffix(LATEST)), id.endswith(LATEST)


def _collection(base: str, store: Observations, id: str) -> dict[str, Any]:
    network, is_latest = _network(store, id)
    sites = store.sites(network.id).drop_nulls(["lon", "lat"])
    box = (
        [sites["lon"].min(), sites["lat"].min(), sites["lon"].max(), sites["lat"].max()]
        if sites.height
        else list(WHOLE)
    )
    known = store.catalogue(network.id).ask("SELECT MIN(first), MAX(last) FROM part_series")
    span = [_stamp(network, ms) if ms is not None else None for ms in known[0]] if known else [None, None]
    address = f"{base}/collections/{quote(id)}"
    zh, en = ("最新读数", "latest readings") if is_latest else ("站点", "sites")
    note = "（合成 synthetic）" if network.synthetic and "合成" not in network.zh else ""
    return {
        "id": id, "title": f"{network.zh}：{zh}{note} {network.en}: {en}", "description": network.source or network.en,
        "extent": {"spatial": {"bbox": [box], "crs": CRS84}, "temporal": {"interval": [span]}}, "itemType": "feature",
        "crs": [CRS84], "synthetic": network.synthetic, **dict.fromkeys(network.labels, True),
        "links": [_link(address, "self"), _link(f"{address}/items", "items", "application/geo+json")],
    }  # fmt: skip


def _stamp(network: Network, ms: int) -> str:
    wall = datetime.fromtimestamp(ms / 1000, UTC).replace(tzinfo=None)
    return f"{wall.isoformat(timespec='seconds')}{network.utc_offset}"


# --- items


def _items(base: str, store: Observations, id: str, request: Request) -> Response:
    network, is_latest = _network(store, id)
    asked = _asked(request, network, _LATEST_COLUMNS if is_latest else _SITE_COLUMNS)
    rows = _latest(store, network, asked) if is_latest else _sites(store, network, asked)
    rows = [r for r in rows if _fits(r, asked)]
    shown = [r for r in rows if r["no"] > asked.after][: asked.limit + 1]
    more, shown = len(shown) > asked.limit, shown[: asked.limit]
    address = f"{base}/collections/{quote(id)}/items"
    query = {k: v for k, v in request.query_params.items() if k != "after"}
    here = f"{address}?{request.url.query}" if request.url.query else address
    links = [_link(here, "self", "application/geo+json")]
    if more:
        links.append(
            _link(f"{address}?{urlencode(query | {'after': shown[-1]['no']})}", "next", "application/geo+json")
        )
    content = {
        "type": "FeatureCollection", "features": [_feature(network, r) for r in shown], "links": links,
        "timeStamp": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "numberMatched": len(rows), "numberReturned": len(shown),
    }  # fmt: skip
    return _json(content, "application/geo+json")


def _item(base: str, store: Observations, id: str, number: str) -> Response:
    network, is_latest = _network(store, id)
    asked = Asked(1, 0, None, None, None, {})
    rows = _latest(store, network, asked) if is_latest else _sites(store, network, asked)
    found = next((r for r in rows if str(r["no"]) == number), None)
    if found is None:
        raise UnknownName(f"the collection {id} has no feature {number!r}.", f"数据集 {id} 没有要素 {number!r}。")
    address = f"{base}/collections/{quote(id)}"
    links = [_link(f"{address}/items/{number}", "self", "application/geo+json"), _link(address, "collection")]
    return _json(_feature(network, found) | {"links": links}, "application/geo+json")


def _asked(request: Request, network: Network, columns: tuple[str, ...]) -> Asked:
    query: Mapping[str, str] = dict(request.query_params)
    equal = {k: v for k, v in query.items() if k not in ("limit", "after", "bbox", "datetime", "f", "bbox-crs")}
    if unknown := [k for k in equal if k not in columns]:
        raise BadQuery(
            f"there is no parameter {unknown[0]!r}.", f"没有参数 {unknown[0]!r}。", fix=f"one of {', '.join(columns)}"
        )
    limit = _whole(query.get("limit", str(USUAL)), "limit")
    if limit < 1:
        raise BadQuery("limit is at least 1.", "limit 至少为 1。")
    since, until = _interval(query.get("datetime", ""), network)
    return Asked(
        min(limit, MOST), _whole(query.get("after", "0"), "after"), _box(query.get("bbox", "")), since, until, equal
    )


def _whole(text: str, name: str) -> int:
    if not text.isdecimal() or len(text) > 15:
        raise BadQuery(f"{name} is a whole number, not {text!r}.", f"{name} 应为整数，不是 {text!r}。")
    return int(text)


def _box(text: str) -> tuple[float, float, float, float] | None:
    if not text:
        return None
    try:
        numbers = [float(n) for n in text.split(",")]
    except ValueError:
        numbers = []
    flat = numbers if len(numbers) == 4 else [*numbers[:2], *numbers[3:5]] if len(numbers) == 6 else []
    if len(flat) != 4 or not all(map(math.isfinite, flat)) or flat[1] > flat[3]:
        raise BadQuery(
            f"bbox is no box: {text!r}.", f"bbox 不是范围：{text!r}。", fix="west,south,east,north / 西,南,东,北"
        )
    return flat[0], flat[1], flat[2], flat[3]


def _interval(text: str, network: Network) -> tuple[datetime | None, datetime | None]:
    """A moment, or two with a slash; `..` or nothing is open. As wall times of the network."""
    if not text:
        return None, None
    ends = text.split("/")
    if len(ends) > 2:
        raise BadQuery(f"datetime is no time or interval: {text!r}.", f"datetime 不是时间或时段：{text!r}。")
    zone = offset(network.utc_offset)
    moments = [None if e in ("", "..") else read_moment(e).astimezone(zone).replace(tzinfo=None) for e in ends]
    return moments[0], moments[-1]


def _fits(row: Mapping[str, Any], asked: Asked) -> bool:
    if asked.bbox is not None:
        west, south, east, north = asked.bbox
        lon, lat = row.get("lon"), row.get("lat")
        if lon is None or lat is None or not south <= lat <= north:
            return False
        if not (west <= lon <= east if west <= east else lon >= west or lon <= east):
            return False
    return all(str(row.get(k)) == v for k, v in asked.equal.items())


def _sites(store: Observations, network: Network, asked: Asked) -> list[dict[str, Any]]:
    """Sites that were valid in the asked time."""
    rows = store.sites(network.id).sort("no").to_dicts()
    since, until = (m.date().isoformat() if m else "" for m in (asked.since, asked.until))
    return [
        r for r in rows
        if (not until or not r["valid_from"] or r["valid_from"] <= until) and (not since or not r["valid_to"] or r["valid_to"] >= since)
    ]  # fmt: skip


def _latest(store: Observations, network: Network, asked: Asked) -> list[dict[str, Any]]:
    """The last reading of each series, or the last within the asked time."""
    series = store.series(network.id)
    if not series.height:
        return []
    years = store.years(network.id)
    if asked.since:
        years = [y for y in years if y >= asked.since.year]
    if asked.until:
        years = [y for y in years if y <= asked.until.year]
    found: dict[str, dict[str, Any]] = {}
    wanted = set(series["id"])
    for year in reversed(years):
        rows = store.scan(network.id, [year], wanted - set(found)).filter(
            pl.col("value").is_not_null() | pl.col("censored")
        )
        if asked.since:
            rows = rows.filter(pl.col("start") >= asked.since)
        if asked.until:
            rows = rows.filter(pl.col("start") <= asked.until)
        last = rows.group_by("series").agg(pl.col("start").max())
        kept = rows.join(last, on=["series", "start"], how="semi").collect(engine="streaming")
        found |= {r["series"]: r for r in kept.iter_rows(named=True)}
        if len(found) == len(wanted):
            break
    sites = {r["id"]: r for r in store.sites(network.id).iter_rows(named=True)}
    kinds = observed_properties()
    made = []
    for about in series.sort("no").iter_rows(named=True):
        row, site, kind = found.get(about["id"]), sites.get(about["site"]), kinds[about["property"]]
        if row is None or site is None:
            continue
        made.append({
            **{c: row.get(c) for c in ("series", "start", "end", "value_text", "value", "censored", "detection_limit", "status", "version")},
            **{c: about[c] for c in ("no", "site", "property", "averaging", "unit")},
            "name_zh": f"{site['name_zh']} {kind.zh}", "name_en": f"{site['name_en'] or site['name_zh']} {kind.en}",
            "lon": site["lon"], "lat": site["lat"],
        })  # fmt: skip
    return made


def _feature(network: Network, row: Mapping[str, Any]) -> dict[str, Any]:
    columns = _LATEST_COLUMNS if "series" in row else _SITE_COLUMNS
    about: dict[str, Any] = {c: _plain(network, row.get(c)) for c in columns} | {"network": network.id}
    about |= dict.fromkeys(network.labels, True)
    lon, lat = row.get("lon"), row.get("lat")
    point = {"type": "Point", "coordinates": [lon, lat]} if lon is not None and lat is not None else None
    return {"type": "Feature", "id": row["no"], "geometry": point, "properties": about}


def _plain(network: Network, value: Any) -> Any:
    if isinstance(value, datetime):
        return f"{value.isoformat(timespec='seconds')}{network.utc_offset}"
    return value if value is None or isinstance(value, str | int | float | bool) else float(value)
