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

from .site import Site

__all__ = ["Opened", "accounts_of"]


@dataclass
class Opened:
    """A raster account of a zone and period. `binding` None: it cannot be bound at all, `why` says it."""

    account: RasterAccount
    binding: Binding | None
    why: QingshanError | None = None

    @cached_property
    def held(self) -> HeldAccount | QingshanError | None:
        """The account open for reading cells; its stages are run here, once. An error says why that cannot be."""
        if self.binding is None:
            return self.why
        try:
            return open_held(self.binding)
        except QingshanError as error:
            return error
        except (OSError, ArithmeticError, ValueError) as error:  # a stage that fails leaves the rest of the page
            return QingshanError(
                f"the stages of {self.account.id} failed: {error}.", f"{self.account.zh}的前置计算失败：{error}。"
            )

    @property
    def refusals(self) -> Mapping[str, tuple[str, str]]:
        """Why a sum cannot be made, in both languages."""
        return {k: (r.zh, r.en) for k, r in self.binding.refusals.items()} if self.binding else {}

    @property
    def results(self) -> dict[str, tuple[str, str, str]]:
        """What there is to draw: step -> both names and the unit. A step that several sums add is called by its method."""
        if self.binding is None or self.binding.sheet is None:
            return {}
        sheet, found = self.binding.sheet, {}
        for step in sheet.steps:
            sums = [s for s in self.binding.sums if s.of == step.id]
            if sums:
                method = sheet.method(step)
                zh, en = (sums[0].zh, sums[0].en) if len(sums) == 1 and sums[0].zh else (method.zh, method.en)
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
