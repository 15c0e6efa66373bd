"""Stand dynamics: the moss model of Bona et al. 2016 (FOR-19), hand arithmetic, balance, order, spin-up, events."""

import csv
import math
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qingshan.accounts.stand.model import Disturbance, Rates, disturbance_matrices, load_model, model_of, rates_of
from qingshan.accounts.stand.project import Cohorts, Curves, Event, project
from qingshan.accounts.stand.spinup import History, spin_up
from qingshan.core.errors import DeclarationError, MissingParameter, OutOfBounds, UnknownName

SHARED = Path(os.environ.get("QINGSHAN_SHARED", Path(__file__).parents[3] / "../shared"))
CBM = load_model("cbm26")
GROUP = (
    dict.fromkeys(CBM.needs, 0.1) | {n: 2.0 for n in CBM.needs if n.endswith("_q10")} | {"reference_temperature": 10.0}
)
LIVE = ("SoftwoodMerch", "SoftwoodFoliage", "SoftwoodOther", "SoftwoodCoarseRoots", "SoftwoodFineRoots")
FIRE = []
for wood in ("Softwood", "Hardwood"):
    FIRE += [
        ("fire", f"{wood}Merch", f"{wood}StemSnag", 1.0), ("fire", f"{wood}Foliage", "CO2", 1.0), ("fire", f"{wood}Other", "CO2", 0.5),
        ("fire", f"{wood}Other", "AboveGroundFastSoil", 0.5), ("fire", f"{wood}CoarseRoots", "BelowGroundFastSoil", 1.0),
        ("fire", f"{wood}FineRoots", "BelowGroundVeryFastSoil", 1.0),
    ]  # fmt: skip
CUT = [
    ("cut", "SoftwoodMerch", "Products", 0.9), ("cut", "SoftwoodMerch", "MediumSoil", 0.1),
    ("cut", "SoftwoodFoliage", "AboveGroundVeryFastSoil", 1.0), ("cut", "SoftwoodOther", "AboveGroundFastSoil", 1.0),
    ("cut", "SoftwoodCoarseRoots", "BelowGroundFastSoil", 1.0), ("cut", "SoftwoodFineRoots", "BelowGroundVeryFastSoil", 1.0),
    ("thin", "SoftwoodMerch", "Products", 0.3), ("thin", "SoftwoodMerch", "SoftwoodMerch", 0.7),
]  # fmt: skip


def curves(*tops, years=120):
    """Straight lines up to `years`, t C/hm2 at the top, in the five softwood pools."""
    carbon = np.zeros((len(tops), years + 1, len(CBM.growth)))
    for i, top in enumerate(tops):
        for k, share in enumerate((0.6, 0.05, 0.15, 0.15, 0.05)):
            carbon[i, :, k] = np.linspace(0, top * share, years + 1)
    volume = np.stack([np.linspace(0, 3 * top, years + 1) for top in tops])
    return Curves(tuple(f"c{i}" for i in range(len(tops))), carbon, volume)


def forest(n=6, area=10.0, pools=0.0, **k):
    made = {"age": np.arange(n) * 10, "curve": np.zeros(n, dtype=int), "group": np.zeros(n, dtype=int)} | k
    return Cohorts(
        np.array([f"s{i}" for i in range(n)]), np.full(n, area), pools=np.full((n, len(CBM.pools)), pools),
        classifiers={"species": np.array(["pine", "fir"] * n)[:n]}, **made,
    )  # fmt: skip


@pytest.fixture(scope="module")
def rates():
    return rates_of(CBM, {"g": GROUP}, {"g": 10.0})


@pytest.fixture(scope="module")
def types():
    return disturbance_matrices(CBM, FIRE + CUT, keep_age=["thin"])


def test_the_model_has_26_pools_and_open_parameters():
    assert len(CBM.pools) == 26 and len(set(CBM.pools)) == 26
    assert sum(len(v) for v in CBM.groups.values()) == 26
    with pytest.raises(MissingParameter, match="lacks"):
        rates_of(CBM, {"g": {}}, {"g": 15.0})
    with pytest.raises(UnknownName):
        load_model("none")


# --- moss_c, Bona et al. 2016


def rows(name):
    path = SHARED / "data/forest/moss_c" / f"{name}.csv"
    if not path.exists():
        pytest.skip("needs data/forest/moss_c (QINGSHAN_SHARED)")
    with path.open(encoding="utf-8-sig") as stream:
        return [
            {k: float(v) if v.replace(".", "").replace("-", "").replace("e", "").isdigit() else v for k, v in r.items()}
            for r in csv.DictReader(stream)
        ]


MOSS_POOLS = (
    "FeatherMossLive",
    "SphagnumMossLive",
    "FeatherMossFast",
    "FeatherMossSlow",
    "SphagnumMossFast",
    "SphagnumMossSlow",
    "CO2",
    "CH4",
    "CO",
)
MOSS_FLOWS = [  # every flow of a year reads the state before it; the whole of what lived turns over
    ("FeatherMossLive", "FeatherMossFast"), ("SphagnumMossLive", "SphagnumMossFast"),
    ("FeatherMossFast", "CO2"), ("FeatherMossFast", "FeatherMossSlow"), ("SphagnumMossFast", "CO2"), ("SphagnumMossFast", "SphagnumMossSlow"),
    ("FeatherMossSlow", "CO2"), ("SphagnumMossSlow", "CO2"),
]  # fmt: skip


def moss_model():
    return model_of({
        "id": "moss", "order": ["annual", "growth"], "pool": [{"id": p, "group": "all"} for p in MOSS_POOLS], "groups": {"all": {}},
        "flow": [{"process": "annual", "from": a, "to": b, "rate": [f"{a}{b}"], "flux": "all"} for a, b in MOSS_FLOWS],
        "flux": {"all": {}}, "growth": [{"pool": p, "falls_to": "CO2"} for p in MOSS_POOLS[:2]],
    })  # fmt: skip


def moss_growth(p, volumes, years):
    """NPP times cover of both mosses at each age, t C/hm2 a."""
    made = np.zeros((1, years + 1, 2))
    for age in range(years + 1):
        v = volumes[min(age, len(volumes) - 1)]
        o = 60.0 if v == 0 else 10 ** (p["a"] * math.log10(v) + p["b"])
        feather = 0.0 if age < 10 else 100.0 if o > 70 else p["c"] * o + p["d"]
        sphagnum = 0.0 if age < 10 else 100.0 if o > 70 else p["e"] * o + p["f"]
        npp_feather = 0.6 if o < 5 else p["g"] * o ** p["h"]
        npp_sphagnum = p["i"] * o**2 + p["j"] * o + p["l"]
        made[0, age] = npp_feather * feather / 100, npp_sphagnum * sphagnum / 100
    return made


def test_for_19_moss():
    p, decay = rows("moss_c_parameter")[0], rows("decay_parameter")[0]
    volumes = [r["volume"] for r in rows("merch_volume")]
    warm = math.exp(
        (rows("mean_annual_temperature")[0]["mean_annual_temp"] - decay["tref"]) * math.log(decay["q10"]) * 0.1
    )
    kss = p["m"] * math.log(max(volumes)) + p["n"]
    ff, sf, fs, ss = (k * warm for k in (decay["kff"], decay["ksf"], decay["kfs"], kss))
    shares = np.array([[1, 1, 0.85 * ff, 0.15 * ff, 0.85 * sf, 0.15 * sf, fs, ss]])
    expected = rows("expected_output")
    model, years = moss_model(), len(expected) - 1
    growth = moss_growth(p, volumes, years)
    made = Curves(("moss",), np.cumsum(growth, axis=1), np.zeros((1, years + 1)))
    stand = Cohorts(
        np.array(["1"]),
        np.ones(1),
        np.zeros(1, dtype=int),
        np.zeros(1, dtype=int),
        np.zeros(1, dtype=int),
        np.zeros((1, 9)),
    )
    got = project(model, Rates(("1",), shares), made, stand, {}, years)
    worst = 0.0
    for t, row in enumerate(expected):
        for k, name in enumerate(MOSS_POOLS[:6]):
            worst = max(worst, abs(got.pools[t, 0, k] - row[name]))
    assert len(expected) == 125 and worst < 1e-8


def test_moss_disturbance_matrix_of_libcbm():
    model = moss_model()
    cells = [("fire", r["source"], r["sink"], r["proportion"]) for r in rows("disturbance_matrix")]
    assert set(disturbance_matrices(model, cells)) == {"fire"}


# --- by hand


def test_one_year_by_hand(rates, types):
    start = forest(1, area=2.0)
    start.pools[0, CBM.pool("SoftwoodMerch")] = 10.0
    start.age[0] = 5
    got = project(CBM, rates, curves(120.0), start, types, 1)
    pools = dict(zip(CBM.pools, got.pools[1, 0] / 2, strict=True))
    # .3 of growth, a tenth of 10.3 is shed and regrown, .3 again; the snags then lose a tenth, a tenth of
    # that to the air and the rest to the slow pool, of which a tenth goes in the same year
    litter = 0.1 * (0.025 + 0.075 + 0.075 + 0.025)  # of the half year's growth of the other pools
    assert pools["SoftwoodMerch"] == pytest.approx(10.6)
    assert pools["SoftwoodStemSnag"] == pytest.approx(1.03 * 0.9)
    assert pools["CO2"] == pytest.approx((0.01 + 0.09 * 0.1) * (1.03 + litter))
    assert got.uptake[0, 0] == pytest.approx(2 * (1.0 + 1.03 + litter)) and start.age[0] == 5


def test_live_pools_follow_the_yield_curve_up_and_down(rates, types):
    made = curves(100.0)
    made.carbon[0, 60:] = made.carbon[0, 60][np.newaxis] * np.linspace(1, 0.2, 61)[:, np.newaxis]
    stand = forest(1, area=1.0)
    for years in (40, 50):
        got = project(CBM, rates, made, stand, types, years)
        stand = got.cohorts
        assert got.pools[-1, 0, CBM.growth] == pytest.approx(made.carbon[0, int(stand.age[0])], rel=1e-9, abs=1e-12)
    assert stand.age[0] == 90


def test_decay_follows_the_temperature():
    warm = rates_of(CBM, {"g": GROUP}, {"g": 20.0})
    cool = rates_of(CBM, {"g": GROUP}, {"g": 10.0})
    f = CBM.factors.index(("above_slow_decay",))
    assert warm.values[0, f] == pytest.approx(2 * cool.values[0, f])
    with pytest.raises(OutOfBounds, match="at most 1"):
        rates_of(CBM, {"g": GROUP}, {"g": 50.0})


def test_a_matrix_row_must_sum_to_one():
    with pytest.raises(OutOfBounds, match=r"sum to 0\.9"):
        disturbance_matrices(CBM, [("x", "SoftwoodMerch", "CO2", 0.9)])
    with pytest.raises(OutOfBounds, match="sum to"):
        disturbance_matrices(CBM, [("x", "SoftwoodMerch", "CO2", 1.1), ("x", "SoftwoodMerch", "CO", -0.2)])
    with pytest.raises(UnknownName, match="no pool"):
        disturbance_matrices(CBM, [("x", "Bark", "CO2", 1.0)])
    with pytest.raises(DeclarationError):
        model_of({"id": "x", "order": ["a"], "pool": [], "flow": [], "flux": {}, "groups": {}, "growth": []})


@settings(max_examples=15)
@given(seed=st.integers(0, 2**32 - 1))
def test_carbon_balances_and_the_order_of_records_does_not_matter(seed):
    rng = np.random.default_rng(seed)
    n = 30
    rates = rates_of(CBM, {"g": GROUP, "h": GROUP | {"softwood_stem_turnover": 0.02}}, {"g": 10.0, "h": 14.0})
    types = disturbance_matrices(CBM, FIRE + CUT, keep_age=["thin"])
    base = Cohorts(
        np.array([f"s{i}" for i in range(n)]), rng.uniform(1, 9, n), rng.integers(0, 90, n), rng.integers(0, 2, n), rng.integers(0, 2, n),
        rng.uniform(0, 20, (n, 26)), {"species": rng.choice(["pine", "fir"], n)},
    )  # fmt: skip
    mixed = rng.permutation(n)
    other = Cohorts(base.id[mixed], base.area[mixed], base.age[mixed], base.curve[mixed], base.group[mixed], base.pools[mixed],
                    {"species": base.classifiers["species"][mixed]})  # fmt: skip
    events = [
        Event(1, "fire", {"species": ["pine"]}, area=12.0), Event(2, "cut", carbon=40.0, sort="carbon", to={"species": "oak", "curve": "c1"}, delay=2),
        Event(3, "thin", area=20.0, sort="youngest", cost=100.0),
    ]  # fmt: skip
    runs = [project(CBM, rates, curves(90.0, 140.0), c, types, 6, events, by="species") for c in (base, other)]
    first, second = runs
    assert first.labels == second.labels
    assert second.pools == pytest.approx(first.pools, rel=1e-9, abs=1e-9) and second.cost == pytest.approx(first.cost)
    change = first.pools[-1].sum() - first.pools[0].sum()
    assert change == pytest.approx(first.uptake.sum(), rel=1e-9, abs=1e-6)
    assert first.area.sum(1) == pytest.approx(np.full(7, base.area.sum())) and first.disturbed.sum(1)[
        [0, 2]
    ] == pytest.approx([12, 20])


def test_a_target_splits_the_last_record(rates, types):
    start = forest(3, area=10.0, pools=1.0)
    got = project(CBM, rates, curves(100.0), start, types, 1, [Event(1, "cut", area=14.0, cost=50.0)])
    now = got.cohorts
    assert len(now.area) == 4 and now.area.sum() == pytest.approx(30)
    assert sorted(now.area.tolist()) == pytest.approx([4, 6, 10, 10])  # the oldest whole, 4 of the next
    assert sorted(now.age.tolist()) == [1, 1, 1, 11] and got.cost[0, 0] == pytest.approx(700)
    assert len(start.area) == 3


def test_a_target_that_cannot_be_met_is_said(rates, types):
    got = project(CBM, rates, curves(100.0), forest(2), types, 1, [Event(1, "cut", area=50.0)])
    assert [f.code for f in got.findings] == ["target_not_met"] and "30 hm2" in got.findings[0].en


def test_disturbance_before_or_after_the_year(rates, types):
    start = forest(1, area=1.0, pools=0.0)
    start.pools[0, CBM.pool("SoftwoodMerch")] = 100.0
    event = [Event(1, "cut")]
    before = project(CBM, rates, curves(120.0), start, types, 1, event)
    after = project(CBM, rates, curves(120.0), start, types, 1, event, disturb_first=False)
    at = CBM.pool("Products")
    assert before.pools[1, 0, at] == pytest.approx(90) and after.pools[1, 0, at] == pytest.approx(0.9 * 100.6)
    assert before.cohorts.age[0] == 1 and after.cohorts.age[0] == 0


def test_low_yield_conversion_pays_off_by_volume(rates, types):
    start = forest(4, area=25.0, pools=0.0, age=np.full(4, 20))
    none = project(CBM, rates, curves(40.0, 160.0), start, types, 60)
    converted = project(
        CBM, rates, curves(40.0, 160.0), start, types, 60, [Event(1, "cut", to={"curve": "c1"}, cost=3000.0)]
    )
    assert converted.volume[1, 0] < none.volume[1, 0] and converted.volume[-1, 0] > none.volume[-1, 0]
    assert converted.volume[-1, 0] == pytest.approx(
        100 * 3 * 160 * 60 / 120
    )  # 60 years after planting on the better curve
    assert converted.cost.sum() == pytest.approx(300_000) and none.cost.sum() == 0


def test_a_thinning_that_keeps_the_age_lowers_the_volume(rates):
    """By hand: curve 3 x 120 m3/hm2 over 120 years, 3 m3/hm2 a year; age 40 stands at 120, of which 30 % is taken: 84; a year later 87."""
    start = forest(1, area=10.0, pools=0.0, age=np.full(1, 40))
    stem, products = CBM.pool("SoftwoodMerch"), CBM.pool("Products")
    start.pools[0, stem] = 40.0
    thin = Disturbance("thin", np.array([stem]), np.array([products]), np.array([0.3]), resets=False)
    got = project(CBM, rates, curves(120.0), start, {"thin": thin}, 2, [Event(1, "thin")])
    assert got.volume[:, 0] == pytest.approx([1200, 870, 900]) and got.cohorts.age[0] == 42
    none = project(CBM, rates, curves(120.0), start, {"thin": thin}, 2)
    assert none.volume[:, 0] == pytest.approx([1200, 1230, 1260])


def test_wrong_events_are_refused_before_anything_runs(rates, types):
    for event, says in (
        (Event(1, "flood"), "no disturbance"), (Event(1, "cut", {"owner": ["x"]}), "no classifier"), (Event(1, "cut", sort="random"), "sorts by"),
        (Event(1, "cut", area=1.0, carbon=1.0), "two targets"), (Event(1, "cut", to={"curve": "c9"}), "no curve"),
    ):  # fmt: skip
        with pytest.raises((UnknownName, OutOfBounds), match=says):
            project(CBM, rates, curves(100.0), forest(2), types, 1, [event])
    with pytest.raises(OutOfBounds, match="no area"):
        forest(2, area=-1.0)


# --- spin-up


def history(n, **k):
    base = {"interval": 50, "historical": 0, "last": 0, "delay": 0} | k
    return History(**{name: np.broadcast_to(np.asarray(v), (n,)).astype(np.int64) for name, v in base.items()})


def spun(rates, types, age, h, curve=None):
    n = len(age)
    order = [types["fire"], types["cut"]]
    zero = np.zeros(n, dtype=np.int64)
    return spin_up(
        CBM, rates, curves(100.0, 150.0).inputs, zero if curve is None else curve, zero, np.asarray(age), h, order
    )


def test_spin_up_converges_and_is_shared(rates, types):
    n = 200
    got = spun(rates, types, np.arange(n) % 40, history(n))
    assert got.keys == 1 and 2 <= got.rotations[0] < CBM.max_rotations
    alone = spun(rates, types, np.array([17]), history(1))
    assert got.pools[17].tobytes() == alone.pools[0].tobytes() == got.pools[57].tobytes()


def test_spin_up_is_what_a_slow_run_gives(rates, types):
    # the oracle steps one stand through project(): rotations of 50 years, fire at the end of each, then 10 years
    got = spun(rates, types, np.array([10]), history(1))
    stand, made = forest(1, area=1.0, pools=0.0), curves(100.0, 150.0)
    for _ in range(int(got.rotations[0])):
        stand = project(CBM, rates, made, stand, types, 50, [Event(50, "fire")], disturb_first=False).cohorts
    stand = project(CBM, rates, made, stand, types, 10).cohorts
    assert got.pools[0] == pytest.approx(stand.pools[0], rel=1e-9)


def test_delay_is_years_without_growth(rates, types):
    got = spun(rates, types, np.array([0, 0]), history(2, delay=[0, 5]))
    live = CBM.groups["live"]
    assert (got.pools[:, live] == 0).all()  # the fire left nothing alive
    assert got.pools[1, CBM.pool("CO2")] > got.pools[0, CBM.pool("CO2")]


def test_a_stand_that_waits_sheds_and_does_not_regrow(rates, types):
    start = forest(1, area=1.0)
    start.pools[0, CBM.pool("SoftwoodMerch")] = 100.0
    start.idle[0] = 2
    got = project(CBM, rates, curves(120.0), start, types, 3)
    merch = got.pools[:, 0, CBM.pool("SoftwoodMerch")]
    assert merch == pytest.approx([100, 90, 81, 81.6]) and got.uptake[:2].sum() == 0 and got.cohorts.age[0] == 1


def test_keys_are_histories(rates, types):
    h = history(4, interval=[50, 50, 60, 50], last=[0, 0, 0, 1])
    assert spun(rates, types, np.array([1, 2, 3, 4]), h, np.array([0, 1, 0, 0])).keys == 4
    with pytest.raises(OutOfBounds, match="interval"):
        spun(rates, types, np.array([1]), history(1, interval=0))
