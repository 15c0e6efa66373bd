"""A specification profile: which services, by which method, with which parameter edition and price year. Data only.

A profile is a TOML file in `domains/<subject>/profiles/`. Its shape:

    id, zh, en, official, labels, note_zh, note_en      identity; `labels` stand beside every figure of the profile
    thematic = true                                     only the figures: no services, no extent account
    rasters = [account ...]                             raster accounts whose sums it binds: class_fact = "soil.retention"
    figures = [quantity ...]                            intermediate quantities published beside the services
    slots = [parameter ...]                             parameters that every service of the profile waits for
    confirm = parameter                                 each service also waits for the row [class = service, set = profile]:
                                                        1 its formula was compared with the document, 0 the document has no such service
    [policies]                                          rules the profile fixes, e.g. negative_retention; else those of the zone
    [documents]                                         input quantity -> document that gives it, where the zone names none
    [prices] bases, base_year, fixed_year               money bases: "current", "constant"; base_year = "zone" takes the zone's
                                                        currency_year; fixed_year for one price year
    [scenarios] range = [parameter ...], span = [map]   declared ranges and one-to-many class maps to carry through
    [items] name = [{ id, class }, ...]                 lists a quantity may run over (nutrients, pollutants, products)
    [[map]] id, scheme, source, status, [map.rows]      ecosystem class -> classes of a parameter table
    [[quantity]] id, method, by, level, rollup, [quantity.bind]
    [[service]] id, included, physical, value, needs

A zone may give its own `[policies]`, `[items]`, `[[map]]` and `[services.ID]` (included, reason_zh, reason_en); `settled`
puts both together. A raster account run by its own name is a profile too: its sums as figures, no service and no money.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from qingshan.core.canonical import digest
from qingshan.core.domain import Domains, load_domains
from qingshan.core.errors import DeclarationError, UnknownName
from qingshan.core.method import Choice, Method, Registry
from qingshan.core.parameter import Parameters
from qingshan.zone.quantity import catalogue
from qingshan.zone.zone import Zone

from .raster.declaration import RasterAccount, find_raster_account

BIND_KINDS = (
    "fact", "quantity", "quantities", "parameter", "class_area", "class_fact", "class_parameter", "item_fact", "item_parameter",
    "policy", "choice",
)  # fmt: skip
INCLUDED = ("yes", "no", "n/a")


@dataclass(frozen=True)
class Recipe:
    """How one quantity is obtained: a method and where each argument comes from."""

    id: str
    method: str
    bind: Mapping[str, Mapping[str, Any]]
    by: str = "place"  # place | class | item
    items: str = ""  # by = "item": the list it runs over
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
class Item:
    """One entry of a list that a quantity runs over: `<fact>.<id>` is its figure, `cls` its class in parameter tables."""

    id: str
    cls: str


@dataclass(frozen=True)
class ServiceUse:
    """One service inside a profile. `included`: yes, no (outside the standard), n/a (does not occur here).

    `physical` and `value` name quantities of the profile, `physical` also an input quantity. `needs` are parameters and
    input quantities that it waits for besides those its route binds.
    """

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
    confirm: str
    documents: Mapping[str, str]
    items: Mapping[str, tuple[Item, ...]]
    rasters: tuple[str, ...]
    content: Mapping[str, Any] = field(repr=False, compare=False)

    @property
    def draft(self) -> bool:
        return not self.official

    @property
    def thematic(self) -> bool:
        """True where only the figures count: no service, no sum of services, no extent account beside them."""
        return bool(self.content.get("thematic"))

    @property
    def key(self) -> str:
        return digest(dict(self.content))

    def formula(self, id: str, registry: Registry) -> Method:
        """The published method behind a quantity: past our own rules (what to count, how to treat a negative balance)."""
        method = registry[self.recipes[id].method]
        inner = [b["quantity"] for b in self.recipes[id].bind.values() if "quantity" in b]
        return self.formula(inner[0], registry) if method.status == "project" and inner else method

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
                raise DeclarationError(
                    f"profile {profile.id!r} is declared twice.", where=f"{name}/profiles/{stem}.toml"
                )
            found[profile.id] = profile
    return found


def find_profile(domains: Domains, id: str) -> Profile:
    """The profile of that id, else the raster account of that id on its own. Raises `UnknownName`."""
    known = profiles(domains)
    if id in known:
        return known[id]
    try:
        return alone(find_raster_account(domains, id))
    except UnknownName:
        raise UnknownName(
            f"no profile {id!r}; known: {', '.join(known)}.", f"没有口径 {id!r}；现有：{'、'.join(known)}。"
        ) from None


def alone(account: RasterAccount) -> Profile:
    """A raster account as a profile of its own: each sum, or each code of a sum by code, is a figure."""
    figures = tuple(
        f"{s.quantity}.{code}" if s.by else s.quantity
        for s in account.sums
        if s.quantity
        for code in range(s.codes if s.by else 1)
    )
    return Profile(
        account.id, account.zh, account.en, official=False, gep_title=False, labels=(), note_zh=account.note_zh, note_en=account.note_en,
        policies={}, prices={}, scenarios={}, maps={}, recipes={}, services=(), figures=figures, slots=(), confirm="", documents={},
        items={}, rasters=(account.id,), content={"thematic": True, "raster_account": account.key},
    )  # fmt: skip


def parse_profile(content: Mapping[str, Any], domains: Domains, where: str) -> Profile:
    """Check a profile against the registry. Raises `DeclarationError` naming the file and the entry."""
    try:
        made = Profile(
            id=content["id"], zh=content["zh"], en=content["en"], official=bool(content["official"]),
            gep_title=bool(content.get("gep_title", False)), labels=tuple(content.get("labels", ())),
            note_zh=content.get("note_zh", ""), note_en=content.get("note_en", ""),
            policies=content.get("policies", {}), prices=content.get("prices", {}),
            scenarios={k: tuple(v) for k, v in content.get("scenarios", {}).items()}, maps=_maps(content),
            recipes={q["id"]: _recipe(q) for q in content.get("quantity", ())},
            services=tuple(_use(s) for s in content.get("service", ())), figures=tuple(content.get("figures", ())),
            slots=tuple(content.get("slots", ())), confirm=content.get("confirm", ""), documents=content.get("documents", {}),
            items=_items(content), rasters=tuple(content.get("rasters", ())), content=content,
        )  # fmt: skip
    except KeyError as error:
        raise DeclarationError(f"the profile lacks {error}.", where=where) from None
    accounts = [find_raster_account(domains, id) for id in made.rasters]
    for recipe in made.recipes.values():
        _check_recipe(recipe, made, domains, where)
    for figure in made.figures:
        if figure not in made.recipes and not any(figure in account.quantities for account in accounts):
            raise DeclarationError(f"figures: {figure!r} has no [[quantity]].", where=where)
    for use in made.services:
        _check_use(use, made, accounts, domains, where)
    return made


def _check_use(use: ServiceUse, profile: Profile, accounts: list[RasterAccount], domains: Domains, where: str) -> None:
    known = {s["id"] for _, declared in domains.declared("services") for s in declared["service"]}
    if use.id not in known:
        raise DeclarationError(f"service {use.id!r} is not in any services.toml.", where=where)
    if use.included not in INCLUDED:
        raise DeclarationError(
            f"service {use.id}: included = {use.included!r}.", where=where, fix=f"one of {', '.join(INCLUDED)}"
        )
    if use.value and use.value not in profile.recipes:
        raise DeclarationError(f"service {use.id}: {use.value!r} has no [[quantity]].", where=where)
    summed = any(use.physical in account.quantities for account in accounts)
    if use.physical and use.physical not in profile.recipes and not summed and catalogue().get(use.physical) is None:
        raise DeclarationError(
            f"service {use.id}: {use.physical!r} is neither a [[quantity]] nor a declared input.", where=where
        )


def _maps(content: Mapping[str, Any]) -> dict[str, ClassMap]:
    return {
        m["id"]: ClassMap(
            m["id"], m.get("scheme", ""), {k: tuple(v) for k, v in m["rows"].items()}, m["source"], m["status"]
        )
        for m in content.get("map", ())
    }


def _items(content: Mapping[str, Any]) -> dict[str, tuple[Item, ...]]:
    return {
        name: tuple(Item(entry["id"], entry.get("class", entry["id"])) for entry in entries)
        for name, entries in content.get("items", {}).items()
    }


def _use(raw: Mapping[str, Any]) -> ServiceUse:
    return ServiceUse(
        raw["id"], raw.get("included", "yes"), raw.get("physical", ""), raw.get("value", ""), tuple(raw.get("needs", ())),
        raw.get("reason_zh", ""), raw.get("reason_en", ""),
    )  # fmt: skip


def _recipe(raw: Mapping[str, Any]) -> Recipe:
    extra = set(raw) - set(Recipe.__dataclass_fields__)
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
            raise DeclarationError(
                f"argument {name} must be bound by exactly one of {', '.join(BIND_KINDS)}.", where=at
            )
        if isinstance(declared[name], Choice) != (kinds[0] in ("policy", "choice")):
            raise DeclarationError(
                f"argument {name} is {'a' if isinstance(declared[name], Choice) else 'no'} choice.", where=at
            )
        for named in binding.get("quantities", [binding["quantity"]] if kinds[0] == "quantity" else []):
            if named not in profile.recipes:
                raise DeclarationError(f"argument {name}: no [[quantity]] {named!r}.", where=at)
        if kinds[0].partition("_")[0] in ("class", "item") and not kinds[0].startswith(recipe.by):
            raise DeclarationError(
                f"argument {name} is bound by {kinds[0]}, the quantity runs by {recipe.by}.", where=at
            )
        if kinds[0] == "class_parameter" and "map" in binding and binding["map"] not in profile.maps:
            raise DeclarationError(f"argument {name}: no [[map]] {binding['map']!r}.", where=at)


# ---- a profile in a zone --------------------------------------------------------------------------------------------


def settled(profile: Profile, zone: Zone, parameters: Parameters) -> Profile:
    """The profile as it holds in a zone: the zone's policies, items, maps and declared services, and what `confirm` rows say.

    Raises `DeclarationError` naming the entry of zone.toml that does not fit.
    """
    config = zone.config
    try:
        items, maps = _items(config), _maps(config)
    except (KeyError, TypeError, AttributeError) as error:
        raise DeclarationError(f"[items] or [[map]] cannot be read: {error!r}.", where="zone.toml") from None
    declared = config.get("services", {})
    unknown = set(declared) - {
        s["id"] for _, content in load_domains().declared("services") for s in content["service"]
    }
    if unknown:
        raise DeclarationError(
            f"[services] names {', '.join(sorted(unknown))}.", where="zone.toml", fix="ids of services, e.g. G05"
        )
    return replace(
        profile, policies={**config.get("policies", {}), **profile.policies}, items={**profile.items, **items},
        maps={**profile.maps, **maps}, prices=_prices(profile, zone),
        services=tuple(_settled_use(use, profile, declared.get(use.id), parameters) for use in profile.services),
    )  # fmt: skip


def _prices(profile: Profile, zone: Zone) -> Mapping[str, Any]:
    if profile.prices.get("base_year") != "zone":
        return profile.prices
    year = zone.config["zone"].get("currency_year")
    if year is None:
        raise DeclarationError(f"the profile {profile.id} takes the zone's price base.", f"口径 {profile.id} 用区域的价格基准年，区域没有声明。",
                               where="zone.toml [zone]", fix="declare currency_year")  # fmt: skip
    return {**profile.prices, "base_year": year}


def _settled_use(
    use: ServiceUse, profile: Profile, declared: Mapping[str, Any] | None, parameters: Parameters
) -> ServiceUse:
    if declared is not None:
        needed = ("included", "reason_zh", "reason_en")
        if (
            not isinstance(declared, Mapping)
            or any(not declared.get(k) for k in needed)
            or declared["included"] not in INCLUDED
        ):
            raise DeclarationError(
                f"[services.{use.id}] needs {', '.join(needed)}.",
                where="zone.toml",
                fix=f"included is one of {', '.join(INCLUDED)}",
            )
        return replace(use, **{k: declared[k] for k in needed}) if use.included != "no" else use
    if profile.confirm and use.included == "yes":
        rows = [r for r in parameters.rows(profile.confirm, cls=use.id, set=profile.id) if r.status != "open"]
        if rows and rows[-1].value == 0:
            said = f"{rows[-1].source_title} {rows[-1].source_where}".strip()
            return replace(use, included="no", reason_zh=f"经查对，{said} 不含此项（{rows[-1].filled_by}）。",
                           reason_en=f"compared by {rows[-1].filled_by}: {said} has no such service.")  # fmt: skip
    return use
