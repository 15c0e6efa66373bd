"""Observed properties: what a series measures. Domains declare them in `properties.toml`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from .domain import load_domains
from .errors import DeclarationError, UnknownName
from .units import unit as parse_unit

_KEYS = {"id", "symbol", "zh", "en", "unit", "state", "aliases"}
STATES = ("", "reference", "ambient")


@dataclass(frozen=True, slots=True)
class ObservedProperty:
    """One property. `symbol` is the item code of the standards' tables (`NH3-N`), `unit` the unit it is stored in,
    `state` the state a gas volume is given at (`reference`, `ambient`, '' where it has none), `aliases` further names
    that tables and carriers use."""

    id: str
    symbol: str
    zh: str
    en: str
    unit: str
    state: str = ""
    aliases: tuple[str, ...] = ()

    @property
    def domain(self) -> str:
        return self.id.partition(".")[0]


@lru_cache(maxsize=1)
def observed_properties() -> dict[str, ObservedProperty]:
    """Every declared property by id. Raises `DeclarationError` naming a repeated id or an unknown key."""
    found: dict[str, ObservedProperty] = {}
    for domain, content in load_domains().declared("properties"):
        for raw in content["property"]:
            where = f"{domain}/properties.toml: {raw.get('id')}"
            if set(raw) - _KEYS or raw.get("state", "") not in STATES:
                raise DeclarationError(f"unknown key or state in {raw}.", f"{raw} 有不认识的键或状态。", where=where)
            if raw["id"] in found or not raw["id"].startswith(f"{domain}."):
                raise DeclarationError(
                    "the id is taken, or does not begin with its domain.", "编号重复，或不以所属领域开头。", where=where
                )
            parse_unit(raw["unit"])
            found[raw["id"]] = ObservedProperty(**(raw | {"aliases": tuple(raw.get("aliases", ()))}))
    return found


def observed_property(id: str) -> ObservedProperty:
    """One property. Raises `UnknownName` listing those of the same domain."""
    known = observed_properties()
    if id not in known:
        domain = id.partition(".")[0]
        near = ", ".join(p for p in known if p.startswith(f"{domain}.")) or ", ".join(
            sorted({p.partition(".")[0] for p in known})
        )
        raise UnknownName(f"no observed property {id!r}; there are: {near}.", f"没有监测项目 {id!r}；有：{near}。")
    return known[id]


def property_named(name: str, domain: str) -> ObservedProperty | None:
    """The property of `domain` whose id, symbol, name or alias is `name`, whatever the case; None where there is none."""
    wanted = name.strip().casefold()
    for p in observed_properties().values():
        names = (p.id, p.id.partition(".")[2], p.symbol, p.zh, p.en, *p.aliases)
        if p.domain == domain and any(wanted == n.casefold() for n in names):
            return p
    return None
