"""Reports of a period as the pages show them: gathered once per period and rule set, kept until readings, flags or decisions change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from qingshan.core.errors import UnknownName
from qingshan.observe.evaluate.editions import RuleSet, declared_rule_sets
from qingshan.observe.quality.network import effective_flags, layer, review
from qingshan.observe.series.model import Network
from qingshan.publish.monitoring import MonitoringReport, gather_monitoring, span_of

from .site import Ask, Site
from .stations import Held, observations

REPORTED = ("water", "air")
KEPT = 16


def rule_sets_of(network: Network) -> dict[str, RuleSet]:
    """Rule sets of the network's domain, that of its reports first. Restated limits may stand on pages, and are labelled."""
    first = network.report_rules or network.rules
    declared = declared_rule_sets()
    known = {"air": ("ambient_air",), "water": ("surface_water",)}.get(network.domain, ())
    found = [i for i in declared if i in known or i.startswith(f"{network.domain}.")]
    found.sort(key=lambda i: (i != first, i))
    return {i: replace(declared[i], allow_secondary=True) for i in found}


def rules_asked(ask: Ask, network: Network) -> RuleSet:
    """`?rules=`, else the network's own. Raises `UnknownName`."""
    sets = rule_sets_of(network)
    asked = ask.query.get("rules", "")
    return chosen_rules(sets, asked)


def chosen_rules(sets: dict[str, RuleSet], asked: str) -> RuleSet:
    """One of the sets by id, the first for ''. Raises `UnknownName`."""
    if asked and asked not in sets:
        listed = ", ".join(sets)
        raise UnknownName(f"no rule set {asked!r} here; there are: {listed}.", f"没有规则集 {asked!r}；有：{listed}。")
    return sets[asked] if asked else next(iter(sets.values()), RuleSet())


def gathered(site: Site, network: str, period: str, rules: RuleSet) -> MonitoringReport:
    """The report of a period. Raises `UnknownName` where there is nothing, `OutOfBounds` for what is no period."""
    store = observations(site)
    span = span_of(period)
    mark: tuple[Any, ...] = (
        store.version(network), len(layer(store, network).runs()), len(review(store, network).all()), network, period, rules.digest,
    )  # fmt: skip
    kept: dict[tuple[Any, ...], MonitoringReport] = site.kept.setdefault("reports", {})
    if mark not in kept:
        flags = effective_flags(store, network, years=[span.first.year - 1, span.first.year])
        made = gather_monitoring(store, network, period, rules, flags=flags)
        while len(kept) >= KEPT:
            kept.pop(next(iter(kept)))
        kept[mark] = made
    return kept[mark]


def periods(h: Held) -> list[str]:
    """Years, quarters and months from the first to the last reading, newest first, each year before its parts."""
    moments = [(s.series["first"].min(), s.last) for s in h.read]
    if not moments:
        return []
    first, last = min(f for f, _ in moments), max(at for _, at in moments if at)  # type: ignore[type-var]
    found: list[str] = []
    for year in range(last.year, first.year - 1, -1):  # type: ignore[union-attr]
        months = [m for m in range(12, 0, -1) if (first.year, first.month) <= (year, m) <= (last.year, last.month)]  # type: ignore[union-attr]
        quarters = sorted({(m + 2) // 3 for m in months}, reverse=True)
        found += [f"{year}", *(f"{year}Q{q}" for q in quarters), *(f"{year}-{m:02d}" for m in months)]
    return found


def around(period: str, offered: Sequence[str]) -> list[str]:
    """Month, quarter and year of one period, those that are offered: the same span seen narrower and wider."""
    span = span_of(period)
    year, month = span.first.year, (span.after.month - 2) % 12 + 1
    wanted = [f"{year}-{month:02d}", f"{year}Q{(month + 2) // 3}", f"{year}"]
    return [w for w in wanted if w in offered]


def newest_month(offered: Sequence[str]) -> str:
    return next((p for p in offered if "-" in p), "")
