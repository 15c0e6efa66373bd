"""Cross-check with libcbm of the group dev: the same stand, the same rates."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from qingshan.accounts.stand.model import load_model, rates_of
from qingshan.accounts.stand.project import Cohorts, Curves, project

PEER = Path(__file__).parents[3] / "benchmarks/peers/libcbm"
AGE, YEARS = 40, 40


@pytest.mark.long
def test_pools_of_libcbm():
    """Live pools are libcbm's own, given as the yield curve; everything dead must come out as libcbm says."""
    if find_spec("libcbm") is None:
        pytest.skip("libcbm is not installed (uv sync --group dev)")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "stand.py", str(AGE), str(YEARS)],
        cwd=PEER,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    said = json.loads(done.stdout.splitlines()[-1])
    model = load_model("cbm26")
    theirs = np.array([[row[name] for name in model.pools] for row in said["pools"]])
    carbon = np.zeros((1, AGE + YEARS + 1, len(model.growth)))
    carbon[0, AGE:] = theirs[:, model.growth]
    curves = Curves(("libcbm",), carbon, np.zeros((1, AGE + YEARS + 1)))
    rates = rates_of(model, {"unit": said["parameters"]}, {"unit": said["temperature"]})
    zero = np.zeros(1, dtype=np.int64)
    stand = Cohorts(np.array(["1"]), np.ones(1), zero + AGE, zero, zero, theirs[:1].copy())
    ours = project(model, rates, curves, stand, {}, YEARS).pools[:, 0]
    change = np.abs(theirs[-1] - theirs[0]).max()
    assert change > 10 and np.abs(ours - theirs).max() < 1e-9
