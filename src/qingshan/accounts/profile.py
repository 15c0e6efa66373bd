"""A specification profile: which services, by which method, with which parameter edition and price year. Data only.

A profile is a TOML file in `domains/<subject>/profiles/`. Its shape:

    id, zh, en, official, labels, note_zh, note_en      identity; `labels` stand beside every figure of the profile
    [policies]                                          rules the standards leave open, e.g. negative_retention
    [prices] bases, base_year, fixed_year               money bases: "current", "constant"; fixed_year for one price year
    [scenarios] range = [parameter ...], span = [map]   declared ranges and one-to-many class maps to carry through
    [[map]] id, scheme, source, status, [map.rows]      ecosystem class -> classes of a parameter table
    [[quantity]] id, method, by, level, rollup, [quantity.bind]
    [[service]] id, included, physical, value, needs
    figures = [quantity ...]                            intermediate quantities published beside the services
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from qingshan.core.canonical import digest
from qingshan.core.domain import Domains
from qingshan.core.errors import DeclarationError, UnknownName
from qingshan.core.method import Choice

BIND_KINDS = ("fact", "quantity", "parameter", "class_parameter", "class_area", "policy", "choice")


@dataclass(frozen=True)
class Recipe:
    """How one quantity is obtained: a method and where each argument comes from."""

    id: str
    method: str
    bind: Mapping[str, Mapping[str, Any]]
    by: str = "place"  # place | class
    level: str = "any"  # any | leaf: computed at leaves, rolled up above
    rollup: str = "none"  # sum | area_mean
    unmapped: str = "refuse"  # refuse | exclude: what a class without a value does to the total
    zh: str = ""
    en: str = ""
    display: str = ""  # unit to show


@dataclass(frozen=True)
class ClassMap:
    """Ecosystem class -> classes of a parameter table; several targets make a span."""

    id: str
    scheme: str
    rows: Mapping[str, tuple[str, ...]]
    source: str
    status: str


@dataclass(frozen=True)
class ServiceUse:
    """One service inside a profile. `included`: yes, no (outside the standard), n/a (does not occur here)."""

    id: str
    included: str
    physical: str
    value: str
    needs: tuple[str, ...]
    reason_zh: str
    reason_en: str


@dataclass(frozen=True)
class Profile:
    id: str
    zh: str
    en: str
    official: bool
    gep_title: bool
    labels: tuple[str, ...]
    note_zh: str
    note_en: str
    policies: Mapping[str, str]
    prices: Mapping[str, Any]
    scenarios: Mapping[str, tuple[str, ...]]
    maps: Mapping[str, ClassMap]
    recipes: Mapping[str, Recipe]
    services: tuple[ServiceUse, ...]
    figures: tuple[str, ...]
    slots: tuple[str, ...]
    content: Mapping[str, Any] = field(repr=False, compare=False)

    @property
    def draft(self) -> bool:
        return not self.official

    @property
    def key(self) -> str:
        return digest(dict(self.content))

    def bases(self) -> tuple[str, ...]:
        """Money bases of the account: `current` and/or `constant-YEAR`."""
        year = self.prices.get("base_year", self.prices.get("fixed_year"))
        return tuple("current" if b == "current" else f"constant-{year}" for b in self.prices.get("bases", ()))

    def price_year(self, basis: str, year: str) -> str:
        """The year of the price row for a money basis in an account year."""
        if "fixed_year" in self.prices:
            return str(self.prices["fixed_year"])
        return basis.removeprefix("constant-") if basis.startswith("constant-") else year


def profiles(domains: Domains) -> dict[str, Profile]:
    """Every profile that an installed domain declares."""
    found: dict[str, Profile] = {}
    for name in domains.by_name:
        for stem, content in domains.folder(name, "profiles"):
            profile = parse_profile(content, domains, f"{name}/profiles/{stem}.toml")
            if profile.id in found:
                raise DeclarationError(f"profile {profile.id!r} is declared twice.", where=f"{name}/profiles/{stem}.toml")
            found[profile.id] = profile
    return found


def find_profile(domains: Domains, id: str) -> Profile:
    known = profiles(domains)
    if id not in known:
        raise UnknownName(f"no profile {id!r}; known: {', '.join(known)}.", f"没有口径 {id!r}；现有：{'、'.join(known)}。")
    return known[id]


def parse_profile(content: Mapping[str, Any], domains: Domains, where: str) -> Profile:
    """Check a profile against the registry. Raises `DeclarationError` naming the file and the entry."""
    try:
        recipes = {q["id"]: _recipe(q) for q in content.get("quantity", ())}
        maps = {
            m["id"]: ClassMap(m["id"], m.get("scheme", ""), {k: tuple(v) for k, v in m["rows"].items()}, m["source"], m["status"])
            for m in content.get("map", ())
        }
        services = tuple(
            ServiceUse(
                s["id"], s.get("included", "yes"), s.get("physical", ""), s.get("value", ""), tuple(s.get("needs", ())),
                s.get("reason_zh", ""), s.get("reason_en", ""),
            )
            for s in content.get("service", ())
        )  # fmt: skip
        made = Profile(
            id=content["id"], zh=content["zh"], en=content["en"], official=bool(content["official"]),
            gep_title=bool(content.get("gep_title", False)), labels=tuple(content.get("labels", ())),
            note_zh=content.get("note_zh", ""), note_en=content.get("note_en", ""),
            policies=content.get("policies", {}), prices=content.get("prices", {}),
            scenarios={k: tuple(v) for k, v in content.get("scenarios", {}).items()}, maps=maps, recipes=recipes,
            services=services, figures=tuple(content.get("figures", ())), slots=tuple(content.get("slots", ())), content=content,
        )  # fmt: skip
    except KeyError as error:
        raise DeclarationError(f"the profile lacks {error}.", where=where) from None
    for recipe in recipes.values():
        _check_recipe(recipe, made, domains, where)
    known_services = {s["id"] for _, services_file in domains.declared("services") for s in services_file["service"]}
    for use in services:
        if use.id not in known_services:
            raise DeclarationError(f"service {use.id!r} is not in any services.toml.", where=where)
        for target in (use.physical, use.value):
            if target and target not in recipes:
                raise DeclarationError(f"service {use.id}: {target!r} has no [[quantity]].", where=where)
    return made


def _recipe(raw: Mapping[str, Any]) -> Recipe:
    known = {f for f in Recipe.__dataclass_fields__}
    extra = set(raw) - known
    if extra:
        raise DeclarationError(f"[[quantity]] {raw.get('id')}: unknown keys {sorted(extra)}.")
    return Recipe(**{**raw, "bind": dict(raw.get("bind", {}))})


def _check_recipe(recipe: Recipe, profile: Profile, domains: Domains, where: str) -> None:
    at = f"{where} [[quantity]] {recipe.id}"
    declared = domains.registry[recipe.method].arguments
    missing = set(declared) - set(recipe.bind) - set(domains.registry[recipe.method].defaults)
    if missing or set(recipe.bind) - set(declared):
        raise DeclarationError(f"{recipe.method} takes {sorted(declared)}, bound are {sorted(recipe.bind)}.", where=at)
    for name, binding in recipe.bind.items():
        kinds = [k for k in BIND_KINDS if k in binding]
        if len(kinds) != 1:
            raise DeclarationError(f"argument {name} must be bound by exactly one of {', '.join(BIND_KINDS)}.", where=at)
        if isinstance(declared[name], Choice) != (kinds[0] in ("policy", "choice")):
            raise DeclarationError(f"argument {name} is {'a' if isinstance(declared[name], Choice) else 'no'} choice.", where=at)
        if kinds[0] == "quantity" and binding["quantity"] not in profile.recipes:
            raise DeclarationError(f"argument {name}: no [[quantity]] {binding['quantity']!r}.", where=at)
        if kinds[0] == "class_parameter" and "map" in binding and binding["map"] not in profile.maps:
            raise DeclarationError(f"argument {name}: no [[map]] {binding['map']!r}.", where=at)
