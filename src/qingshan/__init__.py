"""qingshan 青山: the open ledger of an ecological-civilisation pioneer zone.

Start reading at `core.method` (how a formula is declared), then `accounts.engine` (how a figure gets its pedigree).
Importing this package costs the standard library only: everything else loads on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from .accounts.raster.run import run_raster
    from .accounts.run import Run, open_run, run_account
    from .zone.zone import Zone, open_zone

_LAZY = {
    "Run": "qingshan.accounts.run",
    "open_run": "qingshan.accounts.run",
    "run_account": "qingshan.accounts.run",
    "run_raster": "qingshan.accounts.raster.run",
    "Zone": "qingshan.zone.zone",
    "open_zone": "qingshan.zone.zone",
}

__all__ = ["Run", "Zone", "__version__", "open_run", "open_zone", "run_account", "run_raster"]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'qingshan' has no attribute {name!r}")
