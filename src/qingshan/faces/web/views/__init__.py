"""The pages. Each module builds one kind of page and declares it as a `View`; `VIEWS` is the order of the top bar.

To add a page: a module with `build(ask) -> Page` and `VIEW = View(...)`, a template, its words in both catalogues under
`nav.<name>`, and its name here. The address, the exports, the rail and the language switch follow from the declaration.
"""

from qingshan.faces.web.page import View

from . import (
    account,
    change,
    data,
    exchange,
    exchange_act,
    exchange_own,
    exchange_public,
    exchange_staff,
    method,
    overview,
    pedigree,
    place,
    raster,
    seea,
    standards,
    target,
)

VIEWS: tuple[View, ...] = (
    overview.VIEW,
    place.VIEW,
    account.VIEW,
    raster.VIEW,
    change.VIEW,
    seea.VIEW,
    *standards.VIEWS,
    *method.VIEWS,
    data.VIEW,
    pedigree.VIEW,
    target.VIEW,
)

EXCHANGE_VIEWS: tuple[View, ...] = (
    exchange.VIEW,
    exchange_public.VIEW,
    *exchange_staff.VIEWS,
    *exchange_own.VIEWS,
    exchange_act.VIEW,
)
"""The pages of an exchange, where one is served."""
