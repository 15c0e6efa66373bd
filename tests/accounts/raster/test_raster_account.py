"""The invented zone of 5 x 6 cells of 1 hm2, every figure by hand.

Cells by place and class (2020): west forest 8, grass 6, one cell without a class; east grass 5, arable 8, forest 2.
The rain of one arable cell of the east is missing.
"""

import pytest

from qingshan.accounts.raster.run import run_raster
from qingshan.accounts.run import run_account


@pytest.fixture(scope="module")
def done(cells):
    return run_raster(cells, "tinyland", "2020")


def test_water_by_hand(done):
    """(P - P alpha/100 - ET)/1000 x 10,000 m2 a cell: west forest 8 x (1000 - 40 - 600) = 8 x 3600 m3."""
    found = {(f.place, f.cls): f.value for f in done.facts if f.quantity == "tiny.retention"}
    assert found["11", "forest"] == pytest.approx(28_800, rel=1e-12)
    assert found["11", "grass"] == pytest.approx(6 * 4200, rel=1e-12)
    assert found["12", "forest"] == pytest.approx(2 * (1200 - 48 - 600) * 10, rel=1e-12)


def test_an_account(cells):
    run = run_account(cells)
    for f in run.findings: print(f.sentence())
    print(run.table)
