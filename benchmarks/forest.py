"""Forest carbon: stands beside libcbm, spin-up, a million trees to plots, Monte Carlo over a million trees.

CPU seconds of this process, median of some runs; the peer runs in its own environment. All inputs are made from a seed: the
rates of the stand model are round numbers for the benchmark, not a forest.
"""

from __future__ import annotations

import json
import resource
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import polars as pl
import shapely

from qingshan.accounts.claim.index import Claim, overlaps
from qingshan.accounts.stand.model import disturbance_matrices, load_model, rates_of
from qingshan.accounts.stand.project import Cohorts, Curves, project
from qingshan.accounts.stand.spinup import History, spin_up
from qingshan.observe.allometry import Amounts, Rule, evaluate
from qingshan.observe.estimate import post_stratified
from qingshan.observe.inventory import Inventory
from qingshan.observe.montecarlo import EquationError, Factor, Sources, simulate

from .harness import Peer, Row, peer_python, report

STANDS, YEARS, KEYS = 10_000, 50, 500
TREES, PLOTS, STRATA, DRAWS = 1_000_000, 40_000, 200, 1000
RUNS = 3


def main() -> None:
    peer = libcbm()
    stands = stand_rows(peer)
    trees = tree_rows()
    report("forest", [*stands, *trees, *claim_rows()])


def cpu(call: Callable[[], object], runs: int = RUNS) -> float:
    """Median CPU seconds of a call, after one that compiles and warms."""
    call()
    seconds = []
    for _ in range(runs):
        begun = time.process_time()
        call()
        seconds.append(time.process_time() - begun)
    return median(seconds)


# --- stands


def libcbm() -> dict[str, float] | str:
    """CPU seconds of the peer on as many stands and years, or why there are none."""
    python = peer_python("libcbm")
    if isinstance(python, str):
        return python
    command = [str(python), str(Path(__file__).parent / "peers" / "libcbm" / "run.py"), str(STANDS), str(YEARS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else done.stderr.strip().splitlines()[-1]


def stand_rows(peer: dict[str, float] | str) -> list[Row]:
    model = load_model("cbm26")
    fixed = {n: 0.5 if n.endswith(("split", "to_air")) else 0.004 if "slow" in n else 0.05 for n in model.needs}
    fixed |= {n: 2.0 for n in model.needs if n.endswith("_q10")} | {"reference_temperature": 10.0}
    rates = rates_of(model, {"cool": fixed, "warm": fixed}, {"cool": 10.0, "warm": 15.0})
    carbon = np.zeros((2, 201, len(model.growth)))
    for i, top in enumerate((80.0, 120.0)):
        for k, share in enumerate((0.6, 0.05, 0.15, 0.15, 0.05)):
            carbon[i, :, k] = top * share * (1 - np.exp(-0.03 * np.arange(201)))
    curves = Curves(("a", "b"), carbon, carbon.sum(-1) * 3)
    burnt = [
        ("fire", model.pools[p], "CO2", 0.5) for p in model.growth
    ]  # stand-replacing: half to the air, half to dead wood
    burnt += [("fire", model.pools[p], "MediumSoil", 0.5) for p in model.growth]
    fire = disturbance_matrices(model, burnt)
    lot = np.random.default_rng(1)
    age, curve, group = lot.integers(0, 150, STANDS), lot.integers(0, 2, STANDS), lot.integers(0, 2, STANDS)
    key = lot.integers(0, KEYS // 4, STANDS)
    none = np.zeros(STANDS, dtype=np.int64)
    history = History(75 + key, none, none, none)
    order = [fire["fire"]]
    spun = spin_up(model, rates, curves.inputs, curve, group, age, history, order)
    assert spun.keys <= KEYS
    cohorts = Cohorts(np.arange(STANDS).astype(str), np.ones(STANDS), age, curve, group, spun.pools)
    stepping = cpu(lambda: project(model, rates, curves, cohorts, fire, YEARS))
    spinning = cpu(lambda: spin_up(model, rates, curves.inputs, curve, group, age, history, order))
    missing = peer if isinstance(peer, str) else ""
    version = "" if isinstance(peer, str) else str(peer["version"])
    per_second = None if isinstance(peer, str) else STANDS * YEARS / peer["steps"]
    per_stand = None if isinstance(peer, str) else peer["spin_up"] / STANDS * 1000
    ours = STANDS * YEARS / stepping
    rows = [
        Row("stand-steps", "stand_years_per_cpu_s", ours, "1/s", Peer("libcbm", version, per_second, missing)),
        Row("spin-up", "ms_per_stand", spinning / STANDS * 1000, "ms", Peer("libcbm", version, per_stand, missing)),
    ]
    if per_second:
        rows.insert(0, Row("stand-steps", "ratio", ours / per_second, "x"))
    return rows


# --- trees


def tables() -> dict[str, pl.DataFrame]:
    """A million trees of five species on 40,000 plots in 200 strata."""
    lot = np.random.default_rng(2)
    species = [
        "Pinus massoniana",
        "Cunninghamia lanceolata",
        "Quercus acutissima",
        "Castanopsis eyrei",
        "Populus nigra",
    ]
    plot = np.sort(lot.integers(0, PLOTS, TREES))
    d = lot.gamma(4, 4, TREES) + 2
    return {
        "plots": pl.DataFrame({"plot": np.arange(PLOTS), "stratum": np.arange(PLOTS) % STRATA, "area_m2": np.full(PLOTS, 500.0)}),
        "trees": pl.DataFrame({
            "plot": plot, "tree": np.arange(TREES) - np.searchsorted(plot, plot),
            "taxon": pl.Series(np.array(species)[lot.integers(0, 5, TREES)], dtype=pl.Enum(species)), "d_cm": d,
            "h_m": np.minimum(1.3 + 0.7 * d, 30),
        }),
        "strata": pl.DataFrame({"stratum": np.arange(STRATA), "area_hm2": np.full(STRATA, 10_000.0)}),
    }  # fmt: skip


def tree_rows() -> list[Row]:
    given = tables()
    basal = np.pi / 4 * (given["trees"]["d_cm"].to_numpy() / 100) ** 2
    joining = cpu(lambda: Inventory.of(given).used().per_plot(basal))
    inventory = Inventory.of(given).used()
    sums = inventory.per_plot(basal)
    estimating = cpu(lambda: post_stratified(sums, inventory.plots.stratum, inventory.design), 7)

    def biomass() -> Amounts:
        return evaluate(
            inventory.trees.taxon,
            inventory.trees.d_cm,
            inventory.trees.h_m,
            Rule(("puding2009",), default=True, unit_assumed=True),
        )

    allometry = cpu(biomass)
    amounts = biomass()
    errors = {e.id: EquationError(relative=0.1) for chosen in amounts.choices for e in chosen}
    sources = Sources(errors, d=0.01, h=0.05, factors={"carbon_fraction": Factor(0.47, 0.01)})
    simulate(inventory, amounts, sources, draws=2)
    begun = time.process_time()
    simulate(inventory, amounts, sources, draws=DRAWS, seed=1)
    drawing = time.process_time() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return [
        Row("trees-to-plots", "cpu_s", joining, "s"),
        Row("trees to biomass", "cpu_s", allometry, "s"),
        Row("estimate of 40,000 plots in 200 strata", "cpu_s", estimating, "s"),
        Row("monte-carlo", "cpu_s", drawing, "s"),
        Row("monte-carlo", "peak_gb", peak, "GiB"),
    ]


# --- parcels


def claim_rows() -> list[Row]:
    """100,489 parcels that tile a square, with 200 intruders: the whole index checked at once, and one project against it."""
    side = 317
    y, x = np.divmod(np.arange(side * side), side)
    shapes = shapely.box(5e5 + x * 60, 29e5 + y * 60, 5e5 + x * 60 + 60, 29e5 + y * 60 + 60)
    claims = [
        Claim(f"c{i}", "ccer", f"p{i}", "2021-01-01", "2041-01-01", "tree", "removal", g) for i, g in enumerate(shapes)
    ]
    lot = np.random.default_rng(6)
    at = np.array([5e5, 29e5]) + lot.uniform(0, 60 * (side - 1), (200, 2))
    new = [
        Claim(
            f"n{i}",
            "carbon_ticket",
            f"q{i}",
            "2030-01-01",
            "2035-01-01",
            "tree",
            "removal",
            shapely.box(a, b, a + 40, b + 40),
        )
        for i, (a, b) in enumerate(at)
    ]
    whole = [*claims, *new]
    found = overlaps(whole, 1.0)
    assert len({o.second.id for o in found if o.second.id.startswith("n")}) == 200
    among = np.zeros(len(whole), dtype=bool)
    among[len(claims) :] = True
    return [
        Row("claims of 100,489 parcels", "cpu_s", cpu(lambda: overlaps(whole, 1.0)), "s"),
        Row("200 new claims against them", "cpu_s", cpu(lambda: overlaps(whole, 1.0, among)), "s"),
    ]


if __name__ == "__main__":
    main()
