"""The raster side of a run: which raster accounts a profile needs for which periods, bound before, computed after.

`plan` reads no cell; its key goes into the identity of the run. `RasterPlan.figures` computes what is not in home.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from qingshan.core.canonical import digest
from qingshan.core.domain import Domains
from qingshan.core.errors import UnknownName
from qingshan.core.finding import Finding
from qingshan.core.parameter import Parameters
from qingshan.zone.zone import Zone

from ..figure import Node
from ..home import zone_folder
from ..profile import Profile
from .binding import LANDCOVER, Binding, bind, places_entry
from .changes import Changes, changes_between
from .declaration import RasterAccount, find_raster_account
from .facts import RasterFigures
from .layers import Rasters, folder_of
from .pedigree import places_node
from .run import How, RasterRun, book_of, compute, found_before, place_areas

if TYPE_CHECKING:
    from ..run import Run

__all__ = ["BARE", "RasterPlan", "live_zone", "plan_rasters"]

BARE = RasterAccount("extent", "地类面积", "class areas", {}, {}, {}, {}, {}, (), {}, content={"id": "extent"})
"""What an earlier period is read for: the areas of its classes."""


@dataclass
class RasterPlan:
    """Bindings of one zone under one profile."""

    zone: Zone
    rasters: Rasters
    bindings: list[Binding]
    alone: bool = False
    """No areas of places and no change of classes beside the sums."""
    runs: list[RasterRun] = field(default_factory=list)

    @property
    def key(self) -> str:
        return digest([b.key for b in self.bindings])

    @property
    def keys(self) -> dict[str, str]:
        """Key of each binding by account and period: what a manifest keeps."""
        return {f"{b.account.id}/{b.period}": b.key for b in self.bindings}

    @property
    def computed(self) -> int:
        return sum(r.computed for r in self.runs)

    def findings(self) -> list[Finding]:
        """What the bindings and runs found, each once."""
        found = (
            found_before(self.rasters)
            + [f for b in self.bindings for f in b.findings]
            + [f for r in self.runs for f in r.findings]
        )
        return list(dict.fromkeys(found))

    def figures(self, how: How) -> RasterFigures:
        """Compute what is not in home."""
        self.runs = [compute(binding, how) for binding in self.bindings]
        classes = {str(c["fact"]): str(c["id"]) for c in self.zone.config.get("extent", {}).get("class", ())}
        if self.alone:
            return RasterFigures(self.runs, class_facts=classes)
        areas, pedigree = _areas(self.zone, self.rasters, self.bindings, how)
        return RasterFigures(self.runs, areas, classes, pedigree, self._changes(how))

    def _changes(self, how: How) -> dict[str, Changes]:
        """The change matrix of each asked period that has classes before it."""
        found: dict[str, Changes] = {}
        order = [p.id for p in self.zone.periods]
        cover = str(self.zone.config.get("landcover", {}).get("quantity", LANDCOVER))
        for period in dict.fromkeys(b.period for b in self.bindings if b.account is not BARE and b.sheet is not None):
            before = order[order.index(period) - 1] if order.index(period) else ""
            if before and self.rasters.has(cover, before):
                entries = (
                    self.rasters.entry(cover, before),
                    self.rasters.entry(cover, period),
                    places_entry(self.zone),
                )
                found[period] = changes_between(self.rasters, before, period, entries, how)
        return found


def plan_rasters(zone: Zone, profile: Profile, domains: Domains, parameters: Parameters, periods: Sequence[str],
                 override: Mapping[str, float] | None = None, folder: Path | None = None) -> RasterPlan | None:  # fmt: skip
    """Bind what the profile needs; None where it needs no rasters or the zone has no grid.

    `folder` is where the zone's rasters lie, where that is not the zone's own folder. Raises what `bind` raises.
    """
    if not profile.rasters or "grid" not in zone.config:
        return None
    rasters = book_of(replace(zone, path=folder) if folder else zone)
    accounts = [find_raster_account(domains, id) for id in profile.rasters]
    order = [p.id for p in zone.periods]
    bindings = [
        bind(zone, account, period, parameters, rasters, override) for period in periods for account in accounts
    ]
    if profile.thematic:
        return RasterPlan(zone, rasters, bindings, alone=True)
    before = {order[order.index(p) - 1] for p in periods if order.index(p)} - set(periods)
    bindings += [bind(zone, BARE, period, parameters, rasters) for period in order if period in before]
    return RasterPlan(zone, rasters, bindings)


def _areas(zone: Zone, rasters: Rasters, bindings: Sequence[Binding], how: How) -> tuple[dict[str, float], Node | None]:
    """Areas of the leaf places, unless the zone has printed ones."""
    whole = next((b for b in bindings if b.sheet is not None), None)
    if whole is None:
        return {}, None
    return place_areas(rasters, how), places_node(rasters.places(), places_entry(zone), folder_of(rasters))


def live_zone(run: Run) -> Zone:
    """The zone of a run with its declarations as sealed and its folder as it lies on this machine, where the rasters are.

    Raises `UnknownName` where the folder is not known here.
    """
    folder = zone_folder(run.id, str(run.manifest["zone"]))
    if folder is None:
        raise UnknownName(f"the folder of the zone of {run.id} is not known here.", f"这里找不到 {run.id} 的区域目录。")
    return replace(run.zone, path=folder)
