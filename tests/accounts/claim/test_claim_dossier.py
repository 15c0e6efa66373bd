"""Dossiers: reductions by parcel and vintage to the kg, refusals with a map, and a table of claims whose past stays."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
import shapely

from qingshan.accounts.claim.dossier import dossier_of, vintages
from qingshan.accounts.claim.index import Claim, DoubleCounted
from qingshan.accounts.claim.project import claims_of, evidence_of, read_project
from qingshan.accounts.claim.synthetic import write_demo_project
from qingshan.accounts.claim.table import BrokenTable, open_table
from qingshan.core.errors import DeclarationError, OutOfBounds, QingshanError, UnknownName
from qingshan.observe.allometry import Rule
from qingshan.observe.change import carbon_per_plot, stock_change
from qingshan.observe.inventory import FaultyInventory, Inventory, read_inventory

CRS = "EPSG:32648"


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("project") / "demo"
    write_demo_project(folder)
    return folder


def copied(demo: Path, to: Path) -> Path:
    for path in demo.rglob("*"):
        if path.is_file():
            (to / path.relative_to(demo)).parent.mkdir(parents=True, exist_ok=True)
            (to / path.relative_to(demo)).write_bytes(path.read_bytes())
    return to


def changed(demo: Path, to: Path, name: str, old: str, new: str) -> Path:
    folder = copied(demo, to)
    text = (folder / name).read_text(encoding="utf-8")
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8")
    return folder


def table(folder: Path):
    return open_table(folder, CRS, 1.0)


# --- the change


def inventory(d: list[float], plots="abcd") -> Inventory:
    """Two strata of two plots of 1 000 m2 (10 per hm2), one tree each; strata of 60 and 40 hm2."""
    return Inventory.of({
        "plots": pl.DataFrame({"plot": list(plots), "stratum": ["1", "1", "2", "2"], "area_m2": [1000.0] * 4}),
        "trees": pl.DataFrame({"plot": list(plots), "tree": ["1"] * 4, "taxon": ["马尾松"] * 4, "d_cm": d, "h_m": [12.0] * 4}),
        "strata": pl.DataFrame({"stratum": ["1", "2"], "area_hm2": [60.0, 40.0]}),
    })  # fmt: skip


def test_paired_plots_are_a_sample_of_differences():
    rule = Rule(("anhui2016",), unit_assumed=True)
    begin, end = inventory([10.0, 12, 14, 16]), inventory([14.0, 15, 19, 20])
    got = stock_change(end, begin, rule)
    a, b = (carbon_per_plot(i, rule, "total", "ar_tool14")[0] for i in (begin, end))
    # FOR-3 and FOR-5 by hand: sum of W mean, and W2 s2 / n with s2 of two = (x - y)^2 / 2
    d = b - a
    assert got.kind == "paired" and got.estimate.df == 2 and got.estimate.plots == 4
    assert got.estimate.value == pytest.approx(60 * (d[0] + d[1]) / 2 + 40 * (d[2] + d[3]) / 2)
    assert got.estimate.variance == pytest.approx((60**2 * (d[0] - d[1]) ** 2 + 40**2 * (d[2] - d[3]) ** 2) / 4)
    assert got.estimate.value == pytest.approx(got.closing.value - got.opening.value)


def test_other_plots_are_two_samples_whose_variances_add():
    rule = Rule(("anhui2016",), unit_assumed=True)
    got = stock_change(inventory([14.0, 15, 19, 20], "efgh"), inventory([10.0, 12, 14, 16]), rule)
    assert got.kind == "independent" and got.estimate.variance == pytest.approx(
        got.closing.variance + got.opening.variance
    )
    bare = stock_change(inventory([14.0, 15, 19, 20]), None, rule)
    assert bare.kind == "from_bare" and bare.estimate.value == bare.closing.value


def test_what_does_not_compare_is_refused():
    rule = Rule(("anhui2016",), unit_assumed=True)
    other = Inventory.of({
        "plots": pl.DataFrame({"plot": list("abcd"), "stratum": ["1", "1", "2", "2"], "area_m2": [1000.0] * 4}),
        "trees": inventory([10.0] * 4).trees.table, "strata": pl.DataFrame({"stratum": ["1", "2"], "area_hm2": [50.0, 50.0]}),
    })  # fmt: skip
    with pytest.raises(OutOfBounds, match="strata"):
        stock_change(inventory([10.0] * 4), other, rule)
    with pytest.raises(OutOfBounds, match="no biomass"):
        carbon_per_plot(inventory([10.0] * 4), Rule(("puding2009",)), "volume", "ar_tool14")
    unknown = inventory([10.0] * 4)
    unknown = replace(
        unknown, trees=replace(unknown.trees, table=unknown.trees.table.with_columns(taxon=pl.lit("Nemo")))
    )
    with pytest.raises(FaultyInventory, match="no amount"):
        stock_change(unknown, None, rule)


# --- the dossier


def test_every_kg_has_a_parcel_and_a_vintage_and_they_sum(demo, tmp_path):
    got = dossier_of(demo, table(tmp_path))
    record = got.record()
    assert got.kg == sum(x.kg for x in got.lines) == int(got.reduction.creditable * 1000) > 0
    assert len(got.lines) == 12 * 5 and {x.vintage for x in got.lines} == {2015, 2016, 2017, 2018, 2019}
    assert sum(p["kg_co2e"] for p in record["parcels"]) == record["kg_co2e"]
    # by hand: a parcel's share is its area times the mean of its stratum; years by days, within 1 kg a line
    mean = dict(zip(got.change.strata, got.change.mean, strict=True))
    whole = sum(p.hm2 * mean[p.stratum] for p in got.project.parcels)
    for p in got.project.parcels:
        assert abs(got.of_parcel(p.id) - got.kg * p.hm2 * mean[p.stratum] / whole) <= 5
    assert abs(sum(x.kg for x in got.lines if x.vintage == 2016) - got.kg * 366 / 1826) <= 12
    assert record["change"]["kind"] == "paired" and record["label"] == "draft"
    assert json.loads(json.dumps(record))["evidence"] == evidence_of(demo)


def test_the_request_says_why_no_unit_may_be_issued(demo, tmp_path):
    asked = dossier_of(demo, table(tmp_path)).verification_request()
    assert asked["may_issue"] is False
    said = " ".join(asked["refusals"])
    assert "bijie_ticket_method" in said and "synthetic" in said
    assert len(asked["evidence"]) == 8 and len(asked["evidence_digest"]) == 64


def test_a_day_of_the_year_counts():
    assert vintages("2019-12-31", "2021-01-02") == {2019: 1, 2020: 366, 2021: 1}
    assert vintages("2020-01-01", "2021-01-01") == {2020: 366}


def test_the_same_folder_gives_the_same_dossier(demo, tmp_path):
    again = copied(demo, tmp_path / "again")
    assert dossier_of(again, table(tmp_path / "t")).record() == dossier_of(demo, table(tmp_path / "t")).record()


def test_baseline_and_leakage_are_taken_off_and_named(demo, tmp_path):
    folder = copied(demo, tmp_path / "p")
    with (folder / "project.toml").open("a", encoding="utf-8") as stream:
        stream.write('\n[baseline]\nt_co2 = 10\nsource = "survey"\n\n[leakage]\nt_co2 = 5\nsource = "survey"\n')
    plain, got = dossier_of(demo, table(tmp_path / "t")), dossier_of(folder, table(tmp_path / "t"))
    assert plain.kg - got.kg == pytest.approx(15_000, abs=1)
    assert got.record()["leakage"] == {"t_co2": 5.0, "source": "survey"}


def test_an_implausible_rate_is_flagged_with_its_parcel(demo, tmp_path):
    folder = copied(demo, tmp_path / "p")
    (folder / "bands.csv").write_text(
        "species,site,age_min,age_max,low,high,unit,source\n杉木,,0,50,0.1,0.2,t CO2/hm2/a,test\n", encoding="utf-8"
    )
    found = dossier_of(folder, table(tmp_path / "t")).findings
    assert sum(f.code == "implausible" for f in found) == 6 and sum(f.code == "no_band" for f in found) == 6


@pytest.mark.parametrize(
    ("name", "old", "new", "error", "says"),
    [
        ("project.toml", 'start = "2015-01-01"', 'start = "2021-01-01"', DeclarationError, "period"),
        ("project.toml", 'holder = "青溪村集体（合成）"', "", DeclarationError, "lacks holder"),
        ("project.toml", 'scheme = "carbon_ticket"', 'scheme = "ccer"', OutOfBounds, "belongs to the scheme"),
        ("project.toml", 'methodology = "bijie_ticket"', 'methodology = "none"', UnknownName, "no methodology"),
        ("project.toml", 'benefit = "removal"', 'benefit = "karst_sink"', OutOfBounds, "separate account"),
        ("project.toml", 'pool = "tree"', 'pool = "sky"', OutOfBounds, "not declared"),
        ("project.toml", "id =", "id", DeclarationError, "TOML"),
        ("parcels.geojson", '"title": "合成林证第001号", ', "", DeclarationError, "lacks title"),
        ("parcels.geojson", '"stratum": "cf"', '"stratum": "zz"', OutOfBounds, "stratum zz"),
        ("parcels.geojson", '"type": "Polygon"', '"type": "Blob"', DeclarationError, "GeoJSON"),
        ("closing/strata.csv", "cf,", "cf,1", OutOfBounds, "strata of the two"),
        ("closing/plots.csv", "cf01,cf,", "cf01,xx,", FaultyInventory, "stratum"),
        ("closing/trees.csv", "杉木", "不知名树", FaultyInventory, "no amount"),
        ("closing/trees.csv", "cf01,2,", "cf01,1,", FaultyInventory, "twice"),
    ],
)
def test_a_project_with_a_fault_is_refused(demo, tmp_path, name, old, new, error, says):
    folder = changed(demo, tmp_path / "p", name, old, new)
    with pytest.raises(error, match=says) as refused:
        dossier_of(folder, table(tmp_path / "t"))
    assert refused.value.zh != refused.value.en
    assert not list((tmp_path / "t").glob("0*.csv"))


def test_an_area_of_a_stratum_is_that_of_its_parcels(demo, tmp_path):
    folder = copied(demo, tmp_path / "p")
    for when in ("opening", "closing"):
        path = folder / when / "strata.csv"
        path.write_text(path.read_text().replace("cf,", "cf,1"), encoding="utf-8")
    with pytest.raises(OutOfBounds, match="its parcels"):
        dossier_of(folder, table(tmp_path / "t"))


def reshaped(demo: Path, to: Path, ring) -> Path:
    folder = copied(demo, to)
    made = json.loads((folder / "parcels.geojson").read_text(encoding="utf-8"))
    made["features"][0]["geometry"]["coordinates"] = [ring(made["features"][0]["geometry"]["coordinates"][0])]
    (folder / "parcels.geojson").write_text(json.dumps(made), encoding="utf-8")
    return folder


def test_outlines_that_cross_themselves_or_are_metres_are_refused(demo, tmp_path):
    bow = reshaped(demo, tmp_path / "bow", lambda r: [r[0], r[2], r[1], r[3], r[0]])
    with pytest.raises(OutOfBounds, match="Self-intersection") as crossed:
        read_project(bow)
    assert "自相交（" in crossed.value.zh and "intersection" not in crossed.value.zh
    flat = reshaped(demo, tmp_path / "flat", lambda r: [r[0], r[1], r[0], r[0]])
    with pytest.raises(OutOfBounds, match="not valid"):
        read_project(flat)
    metres = reshaped(demo, tmp_path / "metres", lambda r: [[x * 5000, y * 1e5] for x, y in r])
    with pytest.raises(OutOfBounds, match="degrees"):
        read_project(metres)


def test_parcels_that_lie_on_each_other_are_refused_with_a_map(demo, tmp_path):
    fat = reshaped(demo, tmp_path / "fat", lambda r: [r[0], [r[1][0] + 3e-4, r[1][1]], r[2], r[3], r[4]])
    with pytest.raises(DoubleCounted, match="share") as refused:
        dossier_of(fat, table(tmp_path / "t"))
    assert refused.value.map["features"][0]["properties"]["area_m2"] > 1


# --- the table of claims


def test_land_of_another_project_is_refused_and_nothing_is_entered(demo, tmp_path):
    first = read_project(demo)
    kept = table(tmp_path / "t").enter(claims_of(first), first.crs, why="project 1", by="clerk")
    moved = tmp_path / "moved"
    write_demo_project(moved, id="other", shift=90.0)
    with pytest.raises(DoubleCounted) as refused:
        dossier_of(moved, kept)
    assert len(refused.value.overlaps) >= 6 and all(o.geometry.area > 1 for o in refused.value.overlaps)
    assert open_table(tmp_path / "t").version == 1
    assert dossier_of(demo, kept).kg > 0  # its own claims are no quarrel
    freed = kept.turn([c.id for c in kept.claims()], "cancelled", why="withdrawn", by="clerk")
    assert dossier_of(moved, freed).kg > 0


def test_the_past_of_the_table_stays(demo, tmp_path):
    project = read_project(demo)
    kept = table(tmp_path).enter(claims_of(project), project.crs, why="project 1", by="clerk")
    before = (tmp_path / "0001.csv").read_bytes()
    kept = kept.turn(["demo-ticket/demo-ticket-01"], "rejected", why="title lapsed", by="clerk")
    assert (tmp_path / "0001.csv").read_bytes() == before and kept.version == 2
    states = {c.id: c.state for c in open_table(tmp_path).claims()}
    assert states["demo-ticket/demo-ticket-01"] == "rejected" and states["demo-ticket/demo-ticket-02"] == "declared"
    (tmp_path / "0001.csv").write_bytes(before.replace(b"2015-01-01", b"2016-01-01", 1))
    with pytest.raises(BrokenTable):
        open_table(tmp_path).claims()


def test_tonnes_of_trees_are_not_claimed_under_another_pool(demo, tmp_path):
    """The same land and trees under `soil` would count the tonnes twice."""
    other = tmp_path / "other"
    shutil.copytree(demo, other)
    text = (other / "project.toml").read_text(encoding="utf-8")
    assert 'pool = "tree"' in text
    (other / "project.toml").write_text(text.replace('pool = "tree"', 'pool = "soil"'), encoding="utf-8")
    with pytest.raises(OutOfBounds, match="computed from trees"):
        dossier_of(other, table(tmp_path / "t"))


def test_states_follow_each_other_and_none_leads_to_issue(demo, tmp_path):
    """forest.md section 7: steps back only by rejection before issue; retired and cancelled are final."""
    project, one = read_project(demo), ["demo-ticket/demo-ticket-01"]
    kept = table(tmp_path).enter(claims_of(project), project.crs, why="project 1", by="clerk")
    for state in ("issued", "retired", "approved", "registered"):
        with pytest.raises(OutOfBounds, match="cannot become"):
            kept.turn(one, state, why="w", by="b")
    for state in ("computed", "reviewed", "approved"):
        kept = kept.turn(one, state, why="w", by="b")
    with pytest.raises(OutOfBounds, match="ledger"):
        kept.turn(one, "issued", why="w", by="b")
    kept = (
        kept.turn(one, "rejected", why="w", by="b")
        .turn(one, "declared", why="again", by="b")
        .turn(one, "cancelled", why="w", by="b")
    )
    with pytest.raises(OutOfBounds, match="final"):
        kept.turn(one, "declared", why="w", by="b")
    assert open_table(tmp_path).version == kept.version == 7


def test_outlines_of_another_projection_meet_all_the_same(tmp_path):
    box = shapely.box(503_000, 2_990_000, 503_100, 2_990_100)
    one = Claim("a", "ccer", "p", "2020-01-01", "2021-01-01", "tree", "removal", box)
    kept = open_table(tmp_path, "EPSG:4545", 1.0).enter([one], CRS, why="w", by="b")
    (same,) = kept.claims()
    assert same.geometry.area == pytest.approx(box.area, rel=5e-3) and not same.geometry.equals(box)
    with pytest.raises(DoubleCounted):
        kept.enter(
            [replace(one, id="b", parcel="q", geometry=shapely.box(503_090, 2_990_000, 503_200, 2_990_100))],
            CRS,
            why="w",
            by="b",
        )


def test_a_table_without_its_rules_is_refused(tmp_path):
    with pytest.raises(OutOfBounds, match="tolerance"):
        open_table(tmp_path / "new")
    kept = open_table(tmp_path / "new", CRS, 1.0)
    with pytest.raises(OutOfBounds, match="tolerance is 1"):
        open_table(tmp_path / "new", CRS, 2.0)
    with pytest.raises(UnknownName):
        kept.turn(["x"], "cancelled", why="w", by="b")
    with pytest.raises(OutOfBounds, match="why"):
        kept.enter([], CRS, why="", by="b")
    with pytest.raises(QingshanError, match="exists"):
        write_demo_project(tmp_path)


def test_read_inventory_of_the_demo_has_no_errors(demo):
    assert not [f for f in read_inventory(demo / "closing").findings if f.level == "error"]
