"""SensorThings API 1.1, reading: `/sta/NETWORK/v1.1`. One service per network of the zone; sites are Things, series Datastreams.

A published client (frost-sta-client) uses it unmodified. Lists are cut at 1,000 entities; the link to the next page carries
the key of the last row, not an offset.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool

from qingshan.core.errors import QingshanError, UnknownName
from qingshan.observe.series.store import Observations

from .odata import BadQuery, read_options
from .sta_model import ENTITIES, Service, Shelf

CONFORMANCE = (
    "http://www.opengis.net/spec/iot_sensing/1.1/req/datamodel",
    "http://www.opengis.net/spec/iot_sensing/1.1/req/resource-path/resource-path-to-entities",
    "http://www.opengis.net/spec/iot_sensing/1.1/req/request-data",
)
PATH = "/sta/{network}/v1.1"
_STEP = re.compile(r"(?P<name>[A-Za-z]+)(?:\((?P<id>'(?:[^']|'')*'|[0-9]+)\))?")


def add_sensorthings(app: FastAPI, store: Observations) -> None:
    """Routes of the service, one root per network."""
    shelf = Shelf(store)

    async def root(request: Request, network: str) -> Response:
        base = _base(request, network)
        store.network(network)
        value = [{"name": name, "url": f"{base}/{name}"} for name in ENTITIES]
        settings = {"conformance": list(CONFORMANCE)}
        return _json({"value": value, "serverSettings": settings})

    async def resource(request: Request, network: str, path: str) -> Response:
        return await run_in_threadpool(_answer, shelf, request, network, path)

    async def networks(request: Request) -> Response:
        """The services there are."""
        value = [
            {
                "name": n.id,
                "zh": n.zh,
                "en": n.en,
                "synthetic": n.synthetic,
                **dict.fromkeys(n.labels, True),
                "url": _base(request, n.id),
            }
            for n in store.networks.values()
        ]
        return _json({"value": value})

    app.add_api_route("/sta", networks, methods=["GET", "HEAD"])
    app.add_api_route(PATH, root, methods=["GET", "HEAD"])
    app.add_api_route(PATH + "/", root, methods=["GET", "HEAD"])
    app.add_api_route(PATH + "/{path:path}", resource, methods=["GET", "HEAD"])


def _base(request: Request, network: str) -> str:
    return f"{str(request.base_url).rstrip('/')}/sta/{quote(network)}/v1.1"


def _json(content: Any, status: int = HTTPStatus.OK) -> Response:
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Response(text, status, media_type="application/json", headers={"Cache-Control": "no-cache"})


def _answer(shelf: Shelf, request: Request, network: str, path: str) -> Response:
    """A collection, an entity, or a property of one. Errors are JSON with a message, as clients of the standard read it."""
    try:
        service = shelf.service(network, _base(request, network))
        return _json(_resource(service, path, dict(request.query_params)))
    except BadQuery as error:
        return _problem(HTTPStatus.BAD_REQUEST, error)
    except UnknownName as error:
        return _problem(HTTPStatus.NOT_FOUND, error)


def _problem(status: HTTPStatus, error: QingshanError) -> Response:
    return _json({"code": int(status), "type": "error", "message": error.en, "message_zh": error.zh}, status)


def _resource(service: Service, path: str, query: Mapping[str, str]) -> Any:
    """Follow the steps of a resource path: `Things(1)/Datastreams(3)/Observations`, `Datastreams(1)/name/$value`."""
    options = read_options(query)
    entity: dict[str, Any] | None = None
    kind = ""
    steps = [s for s in path.split("/") if s]
    if not steps or len(steps) > 12:
        raise _nothing(path)
    for at, step in enumerate(steps):
        last = at == len(steps) - 1
        match = _STEP.fullmatch(step)
        if entity is not None and (match is None or match["name"] not in service.links(kind)):
            return _property(entity, steps[at:], path)
        if match is None or (entity is None and match["name"] not in ENTITIES):
            raise _nothing(path)
        name = match["name"]
        single, target = (False, name) if entity is None else service.links(kind)[name]
        if match["id"] is not None:
            parent = (kind, entity["@iot.id"]) if entity is not None else None
            entity = service.entity(target, _id(match["id"]), options if last else None, parent)
        elif single and entity is not None:
            entity = service.linked(kind, entity, name, options if last else None)
        elif last:
            parent = (kind, entity["@iot.id"]) if entity is not None else None
            return _collection(service, target, parent, options, path, query)
        elif steps[at + 1] == "$ref" and at == len(steps) - 2:
            parent = (kind, entity["@iot.id"]) if entity is not None else None
            found = service.collection(target, parent, options)
            return {"value": [{"@iot.selfLink": e["@iot.selfLink"]} for e in found.entities]}
        else:
            raise _nothing(path)
        kind = target
    if entity is None:
        raise _nothing(path)
    return service.selected(entity, options)


def _collection(
    service: Service, kind: str, parent: tuple[str, Any] | None, options: Any, path: str, query: Mapping[str, str]
) -> dict[str, Any]:
    found = service.collection(kind, parent, options)
    answer: dict[str, Any] = {}
    if options.count:
        answer["@iot.count"] = found.count
    if found.next:
        following = {k: v for k, v in query.items() if k not in ("$skip", "$skiptoken")} | found.next
        answer["@iot.nextLink"] = f"{service.base}/{path}?{urlencode(following, quote_via=quote, safe='$,()/:')}"
    return answer | {"value": [service.selected(e, options) for e in found.entities]}


def _property(entity: dict[str, Any], names: list[str], path: str) -> Any:
    """One property as `{name: value}`, or bare with `/$value`."""
    name = names[0]
    if name not in entity or len(names) > 2 or (len(names) == 2 and names[1] != "$value"):
        raise _nothing(path)
    return entity[name] if len(names) == 2 else {name: entity[name]}


def _id(text: str) -> int | str:
    return text[1:-1].replace("''", "'") if text.startswith("'") else int(text)


def _nothing(path: str) -> UnknownName:
    return UnknownName(f"there is no resource {path!r}.", f"没有资源 {path!r}。")
