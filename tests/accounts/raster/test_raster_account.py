"""The invented zone of 5 x 6 cells of 1 hm2, every figure by hand.

Cells by place and class (2020): west forest 8, grass 6, one cell without a class; east grass 5, arable 8, forest 2.
The rain of one arable cell of the east is missing. In 2021 four cells have changed, all named in `conftest.py`.
"""

import json

import pytest

from qingshan.accounts.raster.run import run_raster
from qingshan.accounts.run import run_account


@pytest.fixture(scope="module")
def done(cells):
    return run_raster(cells, "tinyland", "2020")


@pytest.fixture(scope="module")
def account(cells):
    return run_account(cells)


def test_x(account):
    from qingshan.accounts.explain import as_text
    f = account.fact("gep.water_retention_value", "1", "2020", basis="constant-2020")
    print(as_text(account.explain(f.key), "en"))
    print(f)
    for z in account.findings: print(z.sentence('zh'))
    from qingshan.accounts.verify import verify
    print(verify(account.id))
