"""The entities of SensorThings made from a network: what links to what, how each looks, how lists are cut."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from qingshan.core.errors import UnknownName
from qingshan.core.observed import observed_properties
from qingshan.observe.series.model import Network, Procedure
from qingshan.observe.series.store import Observations

from .odata import MOST, Options, judge, resolve, wrong
from .sta_observations import Rows, observations, one_observation

ENTITIES = ("Things", "Locations", "HistoricalLocations", "Datastreams", "Sensors", "ObservedProperties", "Observations",
            "FeaturesOfInterest")  # fmt: skip

LINKS: dict[str, dict[str, tuple[bool, str]]] = {
    "Things": {
        "Locations": (False, "Locations"), "HistoricalLocations": (False, "HistoricalLocations"),
        "Datastreams": (False, "Datastreams"),
    },
    "Locations": {"Things": (False, "Things"), "HistoricalLocations": (False, "HistoricalLocations")},
    "HistoricalLocations": {"Thing": (True, "Things"), "Locations": (False, "Locations")},
    "Datastreams": {
        "Thing": (True, "Things"), "Sensor": (True, "Sensors"), "ObservedProperty": (True, "ObservedProperties"),
        "Observations": (False, "Observations"),
    },
    "Sensors": {"Datastreams": (False, "Datastreams")},
    "ObservedProperties": {"Datastreams": (False, "Datastreams")},
    "Observations": {"Datastream": (True, "Datastreams"), "FeatureOfInterest": (True, "FeaturesOfInterest")},
    "FeaturesOfInterest": {"Observations": (False, "Observations")},
}  # fmt: skip
"""Entity -> link -> (whether to one entity, the entity it leads to)."""

MEASUREMENT = "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_Measurement"
CATEGORY = "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_CategoryObservation"
GEOJSON = "application/geo+json"
TOP = 100


@dataclass
class Found:
    """A list: its entities, how many there are in all where that was asked, and the query of the next page."""

    entities: list[dict[str, Any]]
    count: int | None = None
    next: dict[str, str] = field(default_factory=dict)


class Shelf:
    """The read entities of each network, made again when the network changed."""

    def __init__(self, store: Observations) -> None:
        self.store = store
        self._held: dict[str, tuple[int, Holdings]] = {}
        self._lock = threading.Lock()

    def service(self, network: str, base: str) -> Service:
        declared = self.store.network(network)
        version = self.store.version(network)
        with self._lock:
            held = self._held.get(network)
            if held is None or held[0] != version:
                held = (version, Holdings(self.store, declared))
                self._held[network] = held
        return Service(self.store, declared, held[1], base)


class Holdings:
    """Sites, series, procedures and properties of a network at one version."""

    def __init__(self, store: Observations, network: Network) -> None:
        self.network = network
        self.sites = dict(store.site_records(network.id))
        self.site_no = {body["id"]: no for no, body in self.sites.items()}
        rows = [r for r in store.series(network.id).iter_rows(named=True) if r["site"] in self.site_no]
        self.series: dict[int, dict[str, Any]] = {r["no"]: r for r in rows}
        self.series_no = {r["id"]: r["no"] for r in rows}
        self.texts = frozenset(r["id"] for r in rows if r["unit"] == "class")
        self.properties = list(dict.fromkeys(r["property"] for r in rows))
        self.sensors = {s: self._procedure(s) for s in dict.fromkeys(self.sensor_of(r) for r in rows)}

    def sensor_of(self, row: Mapping[str, Any]) -> str:
        """The procedure of a series: its own, else the one declared for the property, else that none is named."""
        if row["procedure"]:
            return str(row["procedure"])
        declared = (p.id for p in self.network.procedures.values() if p.property == row["property"])
        return next(declared, f"unnamed:{row['property']}")

    def _procedure(self, id: str) -> Procedure:
        return self.network.procedures.get(id) or Procedure(id, property=id.removeprefix("unnamed:"))


class Service:
    """One network as SensorThings under an address."""

    def __init__(self, store: Observations, network: Network, held: Holdings, base: str) -> None:
        self.store, self.network, self.held, self.base = store, network, held, base
        self.rows = Rows(store, network, held.series_no, held.texts)
        self._make: dict[str, Callable[[Any], dict[str, Any]]] = {
            "Things": self._thing, "Locations": self._location, "HistoricalLocations": self._historical,
            "Datastreams": self._datastream, "Sensors": self._sensor, "ObservedProperties": self._property,
            "FeaturesOfInterest": self._feature,
        }  # fmt: skip

    def links(self, kind: str) -> dict[str, tuple[bool, str]]:
        return LINKS.get(kind, {})

    # --- what entities look like

    def _linked(self, kind: str, id: int | str, body: dict[str, Any]) -> dict[str, Any]:
        shown = f"'{id}'" if isinstance(id, str) else id
        link = f"{self.base}/{kind}({shown})"
        links = {f"{name}@iot.navigationLink": f"{link}/{name}" for name in LINKS[kind]}
        return {"@iot.id": id, "@iot.selfLink": link} | body | links

    def _site(self, no: int) -> dict[str, Any]:
        if no not in self.held.sites:
            raise _no(self.network, "Thing", no)
        return self.held.sites[no]

    def _thing(self, no: int) -> dict[str, Any]:
        body = self._site(no)
        about = {k: v for k, v in body.items() if k not in ("name_zh",)} | {"network": self.network.id}
        about |= dict.fromkeys(self.network.labels, True)
        name = str(body.get("name_zh") or body["id"])
        return self._linked(
            "Things", no, {"name": name, "description": str(body.get("name_en") or name), "properties": about}
        )

    def _point(self, no: int) -> dict[str, Any]:
        body = self._site(no)
        if body.get("lon") is None or body.get("lat") is None:
            raise _no(self.network, "Location", no)
        return {"type": "Point", "coordinates": [body["lon"], body["lat"]]}

    def _location(self, no: int) -> dict[str, Any]:
        name = str(self._site(no).get("name_zh") or self._site(no)["id"])
        body = {"name": name, "description": name, "encodingType": GEOJSON, "location": self._point(no)}
        return self._linked("Locations", no, body)

    def _historical(self, no: int) -> dict[str, Any]:
        self._point(no)
        since = str(self._site(no).get("valid_from") or "")
        if not since:
            raise _no(self.network, "HistoricalLocation", no)
        year, month, day = (*since.split("-"), "01", "01")[:3]
        return self._linked(
            "HistoricalLocations", no, {"time": f"{year}-{month}-{day}T00:00:00{self.network.utc_offset}"}
        )

    def _datastream(self, no: int) -> dict[str, Any]:
        row = self.held.series.get(no)
        if row is None:
            raise _no(self.network, "Datastream", no)
        kind = observed_properties()[row["property"]]
        site = self._site(self.held.site_no[row["site"]])
        name = f"{site.get('name_zh') or site['id']} {kind.zh}"
        about = {"series": row["id"], "averaging": row["averaging"], "state": row["state"], "rows": row["rows"],
                 "received_unit": row["received_unit"], "network": self.network.id}  # fmt: skip
        about |= dict.fromkeys(self.network.labels, True)
        body: dict[str, Any] = {
            "name": name, "description": f"{kind.en}, {row['averaging']}",
            "observationType": CATEGORY if row["unit"] == "class" else MEASUREMENT,
            "unitOfMeasurement": {"name": row["unit"], "symbol": row["unit"], "definition": f"ucum:{row['unit']}"},
            "properties": about,
        }  # fmt: skip
        if row["first"] is not None:
            body["phenomenonTime"] = f"{self.rows.moment(row['first'])}/{self.rows.moment(row['last'])}"
        return self._linked("Datastreams", no, body)

    def _sensor(self, id: str) -> dict[str, Any]:
        procedure = self.held.sensors.get(str(id))
        if procedure is None:
            raise _no(self.network, "Sensor", id)
        named = procedure.standard or procedure.instrument or "not named by the network 监测网未写明"
        about = {
            k: v
            for k in ("standard", "instrument", "detection_limit", "unit", "calibration")
            if (v := getattr(procedure, k))
        }
        name = procedure.zh or (named if procedure.id.startswith("unnamed:") else procedure.id)
        body = {"name": name, "description": procedure.en or named, "encodingType": "text/plain", "metadata": named,
                "properties": about}  # fmt: skip
        return self._linked("Sensors", str(id), body)

    def _property(self, id: str) -> dict[str, Any]:
        if id not in self.held.properties:
            raise _no(self.network, "ObservedProperty", id)
        kind = observed_properties()[id]
        body = {
            "name": kind.zh,
            "description": kind.en,
            "definition": f"qingshan:{id}",
            "properties": {"symbol": kind.symbol, "unit": kind.unit},
        }
        return self._linked("ObservedProperties", id, body)

    def _feature(self, no: int) -> dict[str, Any]:
        site = self._site(no)
        name = str(site.get("name_zh") or site["id"])
        try:
            feature: dict[str, Any] = self._point(no)
        except UnknownName:
            feature = {"type": "Point", "coordinates": []}
        about = {"site": site["id"], "kind": site.get("kind")}
        body = {"name": name, "description": name, "encodingType": GEOJSON, "feature": feature, "properties": about}
        return self._linked("FeaturesOfInterest", no, body)

    # --- lists

    def _ids(self, kind: str, parent: tuple[str, Any] | None) -> list[Any]:
        held = self.held
        placed = [no for no, body in held.sites.items() if body.get("lon") is not None]
        dated = [no for no in placed if held.sites[no].get("valid_from")]
        every: dict[str, list[Any]] = {
            "Things": list(held.sites), "Locations": placed, "HistoricalLocations": dated, "Datastreams": list(held.series),
            "Sensors": list(held.sensors), "ObservedProperties": held.properties, "FeaturesOfInterest": list(held.sites),
        }  # fmt: skip
        if parent is None:
            return every[kind]
        above, id = parent
        if kind == "Datastreams":
            keys: dict[str, Callable[[Mapping[str, Any]], Any]] = {
                "Things": lambda r: held.site_no[r["site"]], "Sensors": held.sensor_of, "ObservedProperties": lambda r: r["property"],
            }  # fmt: skip
            return [no for no, row in held.series.items() if keys[above](row) == id]
        return [id] if id in every[kind] else []

    def collection(self, kind: str, parent: tuple[str, Any] | None, options: Options) -> Found:
        """A page of a list. Raises `BadQuery` for options that do not fit it."""
        if kind == "Observations":
            return self._observations(parent, options)
        ids = self._ids(kind, parent)
        entities: list[dict[str, Any]] = []
        if options.filter is not None or options.orderby:
            made = [self._whole(kind, id) for id in ids]
            if options.filter is not None:
                made = [e for e in made if judge(options.filter, e)]
            for path, descending in reversed(options.orderby):
                made.sort(key=lambda e: _sortable(resolve(path, e)), reverse=descending)
            ids = [e["@iot.id"] for e in made]
        count = len(ids)
        top = TOP if options.top is None else options.top
        entities = [
            self._expanded(kind, self._make[kind](id), options) for id in ids[options.skip : options.skip + top]
        ]
        following = {"$skip": str(options.skip + top)} if top > 0 and options.skip + top < count else {}
        return Found(entities, count if options.count else None, following)

    def _whole(self, kind: str, id: Any) -> dict[str, Any]:
        """An entity for a filter or an order: its single links and, of Things, Locations can be reached too."""
        entity = self._make[kind](id)
        for name, (single, target) in LINKS[kind].items():
            if single:
                entity[name] = lambda name=name: self.linked(kind, entity, name, None)
            elif target in ("Locations", "Things") and kind != "ObservedProperties":
                entity[name] = lambda target=target: next(iter(self._made(target, (kind, id))), None)
        return entity

    def _made(self, kind: str, parent: tuple[str, Any]) -> list[dict[str, Any]]:
        return [self._make[kind](id) for id in self._ids(kind, parent)]

    def _observations(self, parent: tuple[str, Any] | None, options: Options) -> Found:
        series: str | None = None
        sites: list[str] | None = None
        if parent is not None and parent[0] == "Datastreams":
            series = str(self.held.series[parent[1]]["id"])
        elif parent is not None:
            sites = [str(self._site(parent[1])["id"])]
        top = TOP if options.top is None else options.top
        result = observations(self.rows, series, sites, options, min(top, MOST))
        entities = [self._expanded("Observations", self._observation(o), options) for o in result.entities]
        return Found(entities, result.count, result.next)

    def _observation(self, body: dict[str, Any]) -> dict[str, Any]:
        link = f"{self.base}/Observations({body['@iot.id']})"
        return {
            "@iot.id": body.pop("@iot.id"), "@iot.selfLink": link, **body,
            "Datastream@iot.navigationLink": f"{link}/Datastream",
            "FeatureOfInterest@iot.navigationLink": f"{link}/FeatureOfInterest",
        }  # fmt: skip

    # --- single entities

    def entity(
        self, kind: str, id: int | str, options: Options | None = None, parent: tuple[str, Any] | None = None
    ) -> dict[str, Any]:
        """One entity by its id, which must be in the list of `parent`. Raises `UnknownName`."""
        if kind == "Observations":
            body = one_observation(self.rows, id)
            if body is None or (parent and parent[0] == "Datastreams" and body["@iot.id"] >> 33 != parent[1]):
                raise _no(self.network, "Observation", id)
            made = self._observation(body)
        else:
            if parent is not None and id not in self._ids(kind, parent):
                raise _no(self.network, kind, id)
            known = self._ids(kind, None)
            if id not in known:
                raise _no(self.network, kind, id)
            made = self._make[kind](id)
        return self._expanded(kind, made, options) if options else made

    def linked(self, kind: str, entity: Mapping[str, Any], name: str, options: Options | None) -> dict[str, Any]:
        """The one entity that a single link leads to."""
        id = entity["@iot.id"]
        target: Any = id
        if kind == "Observations":
            target = id >> 33
            if name == "FeatureOfInterest":
                target = self.held.site_no[self.held.series[target]["site"]]
        elif kind == "Datastreams":
            row = self.held.series[id]
            target = {
                "Thing": self.held.site_no[row["site"]],
                "Sensor": self.held.sensor_of(row),
                "ObservedProperty": row["property"],
            }[name]
        return self.entity(LINKS[kind][name][1], target, options)

    def _expanded(self, kind: str, entity: dict[str, Any], options: Options | None) -> dict[str, Any]:
        for name, inner in (options.expand if options else {}).items():
            if name not in LINKS[kind]:
                raise wrong(f"{kind} have no link {name!r}", f"{kind} 没有链接 {name!r}")
            single, target = LINKS[kind][name]
            if single:
                entity[name] = self.selected(self.linked(kind, entity, name, inner), inner)
                continue
            found = self.collection(target, (kind, entity["@iot.id"]), inner)
            entity[name] = [self.selected(e, inner) for e in found.entities]
            if inner.count:
                entity[f"{name}@iot.count"] = found.count
            if found.next:
                shown = "&".join(f"{k}={v}" for k, v in found.next.items())
                top = f"$top={inner.top}&" if inner.top is not None else ""
                entity[f"{name}@iot.nextLink"] = f"{entity['@iot.selfLink']}/{name}?{top}{shown}"
        return entity

    def selected(self, entity: dict[str, Any], options: Options) -> dict[str, Any]:
        """Only the properties of $select; what was expanded stays."""
        if not options.select:
            return entity
        wanted = {"@iot.id" if s in ("id", "@iot.id") else s for s in options.select} | set(options.expand)
        return {
            k: v
            for k, v in entity.items()
            if k in wanted or (k.partition("@iot.")[0] in wanted - {"@iot.id"} and k.partition("@iot.")[0])
        }


def _no(network: Network, kind: str, id: Any) -> UnknownName:
    return UnknownName(f"the network {network.id} has no {kind} {id!r}.", f"监测网 {network.id} 没有 {kind} {id!r}。")


def _sortable(value: Any) -> tuple[int, Any]:
    if value is None:
        return (0, "")
    return (1, value) if isinstance(value, int | float) else (2, str(value))


__all__ = ["ENTITIES", "Found", "Service", "Shelf"]
