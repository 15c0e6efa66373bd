"""Where methods and parameters are used: every recipe of every known profile, and the services that stand on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from qingshan.accounts.profile import Profile, Recipe, profiles
from qingshan.accounts.run import Service, services_catalogue
from qingshan.core.domain import Domains, load_domains
from qingshan.core.parameter import ParameterRow, Parameters

from .site import Site

PARAMETER_KINDS = ("parameter", "class_parameter", "item_parameter")


@dataclass(frozen=True, slots=True)
class Use:
    """One recipe that uses a method or a parameter; `argument` is '' where the whole method is meant."""

    profile: Profile
    recipe: Recipe
    argument: str
    services: tuple[str, ...]


@dataclass
class Usage:
    """All known profiles and the way back from methods and parameters to them."""

    domains: Domains
    profiles: Mapping[str, Profile]

    @cached_property
    def services(self) -> dict[str, Service]:
        return services_catalogue(self.domains)

    @cached_property
    def by_method(self) -> dict[str, list[Use]]:
        found: dict[str, list[Use]] = {}
        for profile in self.profiles.values():
            for recipe in profile.recipes.values():
                use = Use(profile, recipe, "", self._served(profile).get(recipe.id, ()))
                found.setdefault(self.domains.registry[recipe.method].ref, []).append(use)
        return found

    @cached_property
    def by_parameter(self) -> dict[str, list[Use]]:
        found: dict[str, list[Use]] = {}
        for profile in self.profiles.values():
            for recipe in profile.recipes.values():
                for name, binding in recipe.bind.items():
                    if parameter := next((binding[k] for k in PARAMETER_KINDS if k in binding), ""):
                        use = Use(profile, recipe, name, self._served(profile).get(recipe.id, ()))
                        found.setdefault(parameter, []).append(use)
        return found

    def _served(self, profile: Profile) -> dict[str, tuple[str, ...]]:
        """Recipe -> services that stand on it, directly or through other recipes."""
        reached: dict[str, list[str]] = {}
        for use in profile.services:
            queue = [q for q in (use.physical, use.value) if q]
            seen: set[str] = set()
            while queue:
                id = queue.pop()
                if id in seen or id not in profile.recipes:
                    continue
                seen.add(id)
                queue += [
                    q
                    for b in profile.recipes[id].bind.values()
                    for q in (b.get("quantities") or [b.get("quantity", "")])
                    if q
                ]
            for id in seen:
                reached.setdefault(id, []).append(use.id)
        return {id: tuple(services) for id, services in reached.items()}


def usage(site: Site) -> Usage:
    """Worked out once for a site."""
    if "usage" not in site.kept:
        domains = load_domains()
        site.kept["usage"] = Usage(domains, profiles(domains))
    return site.kept["usage"]


def bound_rows(profile: Profile, binding: Mapping[str, Any], parameters: Parameters) -> list[ParameterRow]:
    """The rows a binding may read: those of its set and year, of a class map only the classes it leads to."""
    kind = next((k for k in PARAMETER_KINDS if k in binding), "")
    if not kind:
        return []
    rows = parameters.rows(
        binding[kind], cls=binding.get("class") if kind == "parameter" else None, set=binding.get("set")
    )
    mapping = profile.maps.get(binding.get("map", ""))
    wanted = {c for targets in mapping.rows.values() for c in targets} if mapping else None
    return [r for r in rows if (wanted is None or r.cls in wanted) and binding.get("year") in (None, "price", r.year)]
