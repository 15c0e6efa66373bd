"""`python -m qingshan.accounts.replay RUN PROFILE OUT [RASTERS]`: recompute a sealed run from its own inputs into OUT.

RASTERS is the folder of the live zone, where its rasters lie: a run refers to them by hash and does not hold them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from qingshan.core.domain import load_domains
from qingshan.zone.zone import open_zone

from .montecarlo import uncertainty
from .profile import find_profile
from .raster.plan import plan_rasters
from .raster.run import How
from .run import UNCERTAINTY, compute, sealed_fills, write_lines, write_results
from .store import Store


def replay(folder: Path, profile: str, out: Path, rasters: Path | None = None) -> None:
    """Write the result files as the run should have them."""
    manifest = json.loads((folder / "manifest.json").read_bytes())
    if manifest.get("kind") == "inventory":
        from .inventory.figures import results  # noqa: PLC0415 - needs the extra geo
        from .inventory.sealed import inventories_of, write_figures  # noqa: PLC0415

        write_figures(out, results(open_zone(folder / "inputs" / "zone"), inventories_of(folder)))
        return
    zone = open_zone(folder / "inputs" / "zone")
    domains = load_domains()
    parameters = domains.parameters()
    parameters.add(zone.parameters)
    parameters.add(sealed_fills(folder))
    chosen = find_profile(domains, profile)
    periods = tuple(manifest["periods"])
    plan = plan_rasters(zone, chosen, domains, parameters, periods, folder=rasters)
    figures = plan.figures(How()) if plan else None
    resolver, cells = compute(zone, chosen, domains, parameters, Store(None), rasters=figures, periods=periods,
                              places=manifest.get("places", ()))  # fmt: skip
    write_results(out, resolver, cells, plan)
    if draws := int(manifest.get("draws", 0)):
        write_lines(out / UNCERTAINTY, uncertainty(resolver, cells, plan, draws, int(manifest.get("seed", 0)), How()))


if __name__ == "__main__":
    replay(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]) if len(sys.argv) > 4 else None)
