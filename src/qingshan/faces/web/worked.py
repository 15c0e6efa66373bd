"""The raster accounts of a zone, bound once per period and kept: what the map draws as results and works through at a pixel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from qingshan.accounts.raster.binding import Binding, bind
from qingshan.accounts.raster.declaration import RasterAccount, raster_accounts
from qingshan.accounts.raster.held import HeldAccount, open_held
from qingshan.core.domain import load_domains
from qingshan.core.errors import QingshanError
from qingshan.zone.raster.catalogue import RasterBook

from .job import Job
from .site import Site

__all__ = ["Opened", "accounts_of"]


@dataclass
class Opened:
    """A raster account of a zone and period. `binding` None: it cannot be bound at all, `why` says it."""

    account: RasterAccount
    binding: Binding | None
    why: QingshanError | None = None

    @cached_property
    def job(self) -> Job[HeldAccount | None]:
        """Opening the account for reading cells: its stages are run, once."""
        return Job(lambda: open_held(self.binding) if self.binding else None)

    @property
    def held(self) -> HeldAccount | QingshanError | None:
        """The open account; an error says why that cannot be. Waits for the stages."""
        if self.binding is None:
            return self.why
        try:
            return self.job.result
        except QingshanError as error:
            return error

    @property
    def refusals(self) -> Mapping[str, tuple[str, str]]:
        """Why a sum cannot be made, in both languages."""
        return {k: (r.zh, r.en) for k, r in self.binding.refusals.items()} if self.binding else {}

    @property
    def results(self) -> dict[str, tuple[str, str, str]]:
        """What there is to draw: step -> both names and the unit. The name is the method's; where two steps share one, that of
        the first sum of the step, and where it has none, the step's id beside the method's."""
        if self.binding is None or self.binding.sheet is None:
            return {}
        sheet = self.binding.sheet
        summed = {s.of: s for s in reversed(self.binding.sums)}
        steps = [s for s in sheet.steps if s.id in summed]
        names = {s.id: (sheet.method(s).zh, sheet.method(s).en) for s in steps}
        several = {n for n in names.values() if list(names.values()).count(n) > 1}
        found = {}
        for step in steps:
            zh, en = names[step.id]
            if (zh, en) in several:
                told = summed[step.id]
                zh, en = (told.zh, told.en) if told.zh and told.en else (f"{zh} {step.id}", f"{en} {step.id}")
            found[step.id] = (zh, en, sheet.units[step.id])
        return found


def accounts_of(site: Site, book: RasterBook, period: str) -> list[Opened]:
    """Every raster account of which the zone has at least one sum for the period.

    Raises `QingshanError` where a declaration of an installed domain cannot be read.
    """
    kept: dict[str, list[Opened]] = site.kept.setdefault("raster_accounts", {})
    if period not in kept:
        domains = load_domains()
        parameters = domains.parameters()
        parameters.add(site.zone.parameters)
        found = (_opened(site, book, account, period, parameters) for account in raster_accounts(domains).values())
        kept[period] = [x for x in found if x]
    return kept[period]


def _opened(site: Site, book: RasterBook, account: RasterAccount, period: str, parameters: Any) -> Opened | None:
    try:
        binding = bind(site.zone, account, period, parameters, book)
    except QingshanError as error:
        return Opened(account, None, error)
    return Opened(account, binding) if binding.sums else None
