"""The pages. Each module builds one kind of page and declares it as a `View`; `VIEWS` is the order of the top bar.

To add a page: a module with `build(ask) -> Page` and `VIEW = View(...)`, a template, its words in both catalogues under
`nav.<name>`, and its name here. The address, the exports, the rail and the language switch follow from the declaration.
"""

from qingshan.faces.web.page import View

from . import (
    account,
    alerts,
    change,
    change_sum,
    data,
    evaluation,
    exchange,
    exchange_act,
    exchange_obligations,
    exchange_own,
    exchange_pool,
    exchange_public,
    exchange_staff,
    exchange_watch,
    forest,
    forest_plot,
    forest_plots,
    forest_projects,
    forest_releases,
    method,
    network,
    overview,
    pedigree,
    place,
    raster,
    reading,
    register_forms,
    registers,
    report,
    review,
    seea,
    seea_cell,
    standards,
    station,
    target,
    topic,
)

VIEWS: tuple[View, ...] = (
    overview.VIEW,
    place.VIEW,
    account.VIEW,
    raster.VIEW,
    change.VIEW,
    change_sum.VIEW,
    seea.VIEW,
    seea_cell.VIEW,
    topic.VIEW,
    *network.VIEWS,
    reading.VIEW,
    review.VIEW,
    alerts.VIEW,
    report.VIEW,
    evaluation.VIEW,
    station.VIEW,
    forest.VIEW,
    forest_plots.VIEW,
    forest_plot.VIEW,
    *forest_projects.VIEWS,
    *forest_releases.VIEWS,
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
    exchange_pool.VIEW,
    exchange_watch.VIEW,
    exchange_act.VIEW,
    exchange_obligations.VIEW,
    *register_forms.VIEWS,
    *registers.VIEWS,
)
"""The pages of an exchange, where one is served."""
