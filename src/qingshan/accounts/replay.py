"""`python -m qingshan.accounts.replay RUN PROFILE OUT`: recompute a sealed run from its own inputs into OUT."""

from __future__ import annotations

import sys
from pathlib import Path

from qingshan.core.domain import load_domains
from qingshan.zone.zone import open_zone

from .profile import find_profile
from .run import compute, sealed_fills, write_results
from .store import Store


def replay(folder: Path, profile: str, out: Path) -> None:
    """Write the result files as the run should have them."""
    zone = open_zone(folder / "inputs" / "zone")
    domains = load_domains()
    parameters = domains.parameters()
    parameters.add(zone.parameters)
    parameters.add(sealed_fills(folder))
    resolver, cells = compute(zone, find_profile(domains, profile), domains, parameters, Store(None))
    write_results(out, resolver, cells)


if __name__ == "__main__":
    replay(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
