"""Where and when: places, periods, printed figures with their source, gaps, boundaries; reading, checking, hashing.

May import: core (domains only through `core.domain.load_domains`).
Start reading at `zone.py`; the rules a row must pass are in `rows.py`.
"""

from .boundaries import Boundaries
from .check import check_zone
from .fact import FACT_STATUSES, FactBook, InputFact, Missing
from .period import Period
from .place import Level, Place
from .quantity import Catalogue, Quantity, catalogue
from .template import init_zone
from .zone import Zone, builtin_zones, open_zone, zone_path

__all__ = [
    "FACT_STATUSES",
    "Boundaries",
    "Catalogue",
    "FactBook",
    "InputFact",
    "Level",
    "Missing",
    "Period",
    "Place",
    "Quantity",
    "Zone",
    "builtin_zones",
    "catalogue",
    "check_zone",
    "init_zone",
    "open_zone",
    "zone_path",
]
