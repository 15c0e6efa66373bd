"""The published cells of an account: services, figures beside them, their sum and the extent, for every place and period."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from qingshan.core.domain import Domains
from qingshan.core.parameter import Parameters
from qingshan.zone.zone import Zone

from .conditioned import conditioned
from .extent import change_cells, extent_cells
from .figure import Node, Refusal
from .groups import group_cells
from .measured import measured
from .profile import Profile, ServiceUse, settled
from .raster.facts import RasterFigures
from .resolver import Resolver
from .rounds import round_nodes
from .sources import Scenarios
from .store import Store

ACCOUNTED = "gep.accounted_services"
STOCK = "asset"  # category of services.toml that is a stock: never added to the flows of a year
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Fact:
    """One published cell. `span`: the figure itself is an interval; `range`: over the declared parameter ranges."""

    key: str
    role: str  # figure | physical | value | accounted | extent | change
    quantity: str
    place: str
    period: str
    cls: str = ""
    basis: str = ""
    service: str = ""
    unit: str = ""
    value: float | None = None
    span: tuple[float, float] | None = None
    range: tuple[float, float] | None = None
    labels: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    refusal: Refusal | None = None

    @property
    def refused(self) -> bool:
        return self.refusal is not None

    @property
    def low(self) -> float | None:
        return self.span[0] if self.span else self.value

    @property
    def high(self) -> float | None:
        return self.span[1] if self.span else self.value

    def record(self) -> dict[str, Any]:
        """Plain data with the whole refusal tree."""
        return self.line() | ({"refusal": self.refusal.record()} if self.refusal else {})

    def line(self) -> dict[str, Any]:
        """One line of `facts.jsonl`: a refusal stands by its key."""
        full = self.__dict__ | {"refusal": self.refusal.key if self.refusal else None}
        return {k: list(v) if isinstance(v, tuple) else v for k, v in full.items() if v not in (None, "", ())}

    @classmethod
    def of(cls, record: dict[str, Any], refusals: Mapping[str, Refusal]) -> Fact:
        get = dict(record)
        for name in ("span", "range", "labels", "flags"):
            if name in get:
                get[name] = tuple(get[name])
        get["refusal"] = refusals[get["refusal"]] if "refusal" in get else None
        return cls(**get)


@dataclass(frozen=True)
class Service:
    """A service as `services.toml` declares it."""

    id: str
    code: str
    category: str
    zh: str
    en: str
    formula: str
    unit: str
    clause: str = ""


@dataclass(frozen=True)
class ServiceLine:
    """A service in an account of one place and period."""

    service: Service
    included: str
    physical: Fact | None
    value: dict[str, Fact] = field(default_factory=dict)
    refusal: Refusal | None = None


def services_catalogue(domains: Domains) -> dict[str, Service]:
    return {
        s["id"]: Service(**{k: s.get(k, "") for k in Service.__dataclass_fields__})
        for _, declared in domains.declared("services")
        for s in declared["service"]
    }


# ---- computing ------------------------------------------------------------------------------------------------------


def compute(zone: Zone, profile: Profile, domains: Domains, parameters: Parameters, store: Store,
            progress: Progress | None = None, *, rasters: RasterFigures | None = None, periods: Sequence[str] = (),
            places: Sequence[str] = ()) -> tuple[Resolver, list[Fact]]:  # fmt: skip
    """Resolve every published cell of the account. Order: period, place, then figures, services, sum, extent.

    `rasters` are the figures of the profile's raster accounts; `periods` and `places` limit what is published.
    Raises `DeclarationError` where zone.toml declares something for the profile that does not fit.
    """
    resolver = Resolver(zone, settled(profile, zone, parameters), domains, parameters, store)
    resolver.rasters = rasters
    catalogue = services_catalogue(domains)
    cells: list[Fact] = []
    jobs = [
        (period.id, place)
        for period in zone.periods
        for place in zone.places
        if (not periods or period.id in periods) and (not places or place in places)
    ]
    for done, (period, place) in enumerate(jobs):
        cells += _place_cells(resolver, catalogue, place, period)
        if progress:
            progress(done + 1, len(jobs))
    shown = [n for n in round_nodes(resolver) if not places or n.place in places or n.place in zone.comparison]
    rounds = [replace(_cell(resolver, n, "figure"), period=n.period) for n in {n.key: n for n in shown}.values()]
    return resolver, cells + rounds


def _place_cells(resolver: Resolver, catalogue: Mapping[str, Service], place: str, period: str) -> list[Fact]:
    profile = resolver.profile
    cells = [_cell(resolver, resolver.quantity(q, place, period), "figure") for q in profile.figures]
    if profile.thematic:
        return cells + _beside(resolver, place, period)
    values: dict[str, list[tuple[str, Node]]] = {basis: [] for basis in profile.bases()}
    for use in profile.services:
        if use.included != "yes":
            continue
        waits = _waits(resolver, use, place, period)
        if use.physical or not use.value:
            cells += _service_cells(resolver, use, use.physical, waits, place, period, "", "physical")
        for basis in profile.bases():
            of_basis = _service_cells(resolver, use, use.value, waits, place, period, basis, "value")
            cells += of_basis
            if catalogue[use.id].category != STOCK:
                values[basis].append((use.id, resolver.nodes[of_basis[0].key]))
    if profile.services:
        cells += [_accounted(resolver, of_basis, place, period, basis) for basis, of_basis in values.items()]
    cells += [_cell(resolver, node, "extent") for node in extent_cells(resolver, place, period)]
    changes = change_cells(resolver, place, period)
    return cells + [_cell(resolver, node, "change") for node in (*changes, *group_cells(resolver, changes))]


def _beside(resolver: Resolver, place: str, period: str) -> list[Fact]:
    """Beside the sums of a raster account: each one's figure by class, the measures read from areas by code, the condition."""
    classes = resolver.classes_at(place, period)
    nodes = [
        resolver.class_figure(q, cls, place, period, "")
        for q in resolver.profile.figures
        if resolver.runs_by_class(q)
        for cls in classes
    ]
    more = (
        *measured(resolver, place, period),
        *conditioned(resolver, place, period),
        *_patches(resolver, place, period),
    )
    return [_cell(resolver, n, "figure") for n in (*nodes, *more)]


def _patches(resolver: Resolver, place: str, period: str) -> list[Node]:
    """Patches lie across places: those of the whole grid stand with the root."""
    if resolver.rasters is None or place != resolver.zone.root:
        return []
    found = resolver.rasters.patches(period, place)
    for node in found:
        resolver.nodes |= {node.key: node} | resolver.rasters.below(node)
    return found


def _service_cells(resolver: Resolver, use: ServiceUse, quantity: str, waits: list[Refusal], place: str, period: str, basis: str,
                   role: str) -> list[Fact]:  # fmt: skip
    """The cell of the whole place, then one per ecosystem class where the quantity runs by class.

    A service that waits for a slot, or has no route here, refuses and names everything it lacks.
    """
    node = resolver.quantity(quantity, place, period, basis=basis) if quantity else None
    if node is None or waits:
        causes = [*waits, *([node.refusal] if node and node.refusal else [])]
        if node is not None:
            zh, en = f"缺 {len(causes)} 项依据。", f"{len(causes)} things it stands on are missing."
        elif causes and use.reason_zh:
            zh, en = use.reason_zh, use.reason_en
        else:
            zh, en = "本口径没有给出算法。", "the profile gives no route for this service."
        refusal = (
            causes[0]
            if len(causes) == 1
            else Refusal("no_method" if node is None else "dependency", zh, en, needs=use.id, causes=tuple(causes))
        )
        where = {"place": place, "period": period, "basis": basis}
        return [_cell(resolver, resolver.refuse(quantity or f"gep.service.{use.id}", where, refusal), role, use.id)]
    classes = resolver.classes_at(place, period) if resolver.runs_by_class(quantity) else []
    parts = [resolver.class_figure(quantity, cls, place, period, basis) for cls in classes]
    return [_cell(resolver, n, role, use.id) for n in (node, *parts)]


def _waits(resolver: Resolver, use: ServiceUse, place: str, period: str) -> list[Refusal]:
    """What a service waits for besides its route: slots of the profile, its own needs, the confirmation of its formula."""
    profile = resolver.profile
    found: list[Refusal | None] = [resolver.slot(slot) for slot in profile.slots]
    for need in use.needs:
        if resolver.parameters.rows(need):
            found.append(resolver.slot(need))
        elif resolver.fact(need, place, period).refusal:
            found.append(resolver.missing(need, place))
    if profile.confirm:
        found.append(resolver.slot(profile.confirm, cls=use.id, set=profile.id))
    return [refusal for refusal in found if refusal]


def _accounted(resolver: Resolver, services: list[tuple[str, Node]], place: str, period: str, basis: str) -> Fact:
    """The sum of what could be valued. It is partial while any service of the profile is missing."""
    given, left_out = [n for _, n in services if not n.refusal], [id for id, n in services if n.refusal]
    if not given:
        zh, en = "没有一项服务能计价。", "no service could be valued."
        where = {"place": place, "period": period, "basis": basis}
        return _cell(
            resolver, resolver.refuse(ACCOUNTED, where, Refusal("dependency", zh, en, needs=ACCOUNTED)), "accounted"
        )
    cell = _cell(resolver, resolver.total(ACCOUNTED, given, place, period, basis, unit="元"), "accounted")
    labels = {*cell.labels, "partial"} if left_out else set(cell.labels)
    return replace(cell, labels=tuple(sorted(labels)), flags=(*cell.flags, *(f"missing:{s}" for s in left_out)))


def _cell(resolver: Resolver, node: Node, role: str, service: str = "") -> Fact:
    labels = set(node.labels) | set(resolver.profile.labels) | ({"synthetic"} if resolver.zone.synthetic else set())
    if node.refusal:
        labels = {"synthetic"} & labels
    value, span, reach = figure_of(node, resolver.scenarios)
    return Fact(node.key, role, node.quantity, node.place, _account_period(resolver, node), node.cls, node.basis, service, node.unit,
                value, span, reach, tuple(sorted(labels)), node.flags, node.refusal)  # fmt: skip


def _account_period(resolver: Resolver, node: Node) -> str:
    """An input printed for `static` or `normal-01` counts for the account period that asked."""
    return node.period if any(node.period == p.id for p in resolver.zone.periods) else resolver.zone.periods[0].id


def figure_of(
    node: Node, scenarios: Scenarios
) -> tuple[float | None, tuple[float, float] | None, tuple[float, float] | None]:
    """Figure, span and range from the scenario axis."""
    if node.value is None:
        return None, None, None
    values = node.value
    if len(values) == 1:
        return values[0], None, None
    central = [values[i] for i in scenarios.central]
    whole = (min(values), max(values))
    inner = (min(central), max(central))
    value, span = (central[0], None) if inner[0] == inner[1] else (None, inner)
    return value, span, whole if whole != inner else None
