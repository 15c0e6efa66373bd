"""The estimator a project declares: the change by it, shares that sum to it, and what a methodology or the tables do not carry."""

import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from qingshan.accounts.claim.dossier import dossier_of
from qingshan.accounts.claim.project import read_project
from qingshan.accounts.claim.synthetic import write_demo_project
from qingshan.core.errors import DeclarationError, OutOfBounds, UnknownName
from qingshan.observe.allometry import Rule
from qingshan.observe.change import carbon_per_tree, stock_change
from qingshan.observe.estimator import ESTIMATORS
from qingshan.observe.inventory import Inventory

RULE = Rule(("anhui2016",), unit_assumed=True)
HALF = math.sqrt(0.75)
U, V = HALF * np.array([1, 1, -1, -1]), HALF * np.array([1, -1, 1, -1])


def inventory(values, auxiliary) -> Inventory:
    """Two strata, each FOR-7's four of sixteen plots, on 1 and 3 hm2; `values` equal trees stand for each plot."""
    names = [f"{s}{i}" for s in "ab" for i in range(4)]
    rest = [f"{s}{i}" for s in "ab" for i in range(4, 16)]
    fill = np.full(24, (16 * 30 - np.sum(auxiliary)) / 12)
    stratum = [n[0] for n in names]
    return Inventory.of({
        "plots": pl.DataFrame({"plot": names, "stratum": stratum, "grid_row": [n % 4 for n in range(8)], "grid_column": [n // 4 for n in range(8)]}),
        "trees": pl.DataFrame({"plot": names, "tree": ["1"] * 8, "taxon": ["马尾松"] * 8, "d_cm": [20.0] * 8, "h_m": [15.0] * 8,
                               "expansion": np.tile(values, 2)}),
        "strata": pl.DataFrame({"stratum": ["a", "b"], "area_hm2": [1.0, 3.0]}),
        "first_phase": pl.DataFrame({"plot": names + rest, "stratum": stratum + [n[0] for n in rest],
                                     "cover": np.concatenate([auxiliary, auxiliary, fill])}),
    }).used()  # fmt: skip


OPENING = 100 + 20 * (0.8 * U + 0.6 * V)
CLOSING = OPENING + 10 + 4 * (0.6 * U + 0.8 * V)


def test_double_sampling_of_a_project_by_hand():
    """Each stratum: 10 + .3*(30-28) trees/hm2 more, s2 16*(1 - .75*.36) = 11.68 of 4 plots (eq. 18-19 of the differences); areas 1 and 3."""
    opening, closing = (inventory(v, 28 + 8 * U) for v in (OPENING, CLOSING))
    got = stock_change(closing, opening, RULE, estimator="double_sampling", auxiliary="cover")
    each = float(carbon_per_tree(closing, RULE, "total", "ar_tool14")[0])
    assert got.kind == "paired_regression" and (got.estimator, got.auxiliary) == ("double_sampling", "cover")
    assert got.estimate.value == pytest.approx(4 * 10.6 * each, rel=1e-12) and got.estimate.df == 4
    assert got.estimate.variance == pytest.approx((1 + 9) * 11.68 / 4 * each**2, rel=1e-12)
    assert got.mean == pytest.approx([10.6 * each] * 2) and got.closing.value == pytest.approx(4 * 114.6 * each)
    bare = stock_change(closing, None, RULE, estimator="double_sampling", auxiliary="cover")
    assert bare.kind == "from_bare" and bare.mean == pytest.approx([114.6 * each] * 2)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_means_times_areas_are_the_change(name):
    opening, closing = inventory(OPENING, 28 + 8 * U), inventory(CLOSING * [1, 1.1, 0.9, 1.3], 28 + 8 * U + V)
    got = stock_change(closing, opening, RULE, estimator=name, auxiliary="cover" if name == "double_sampling" else "")
    assert float((got.mean * got.area).sum()) == pytest.approx(got.estimate.value, rel=1e-12)
    assert got.estimate.value == pytest.approx(got.closing.value - got.opening.value, rel=1e-9)
    assert got.kind in ("paired", "paired_regression")


def declared(folder: Path, lines: str, methodology: str = "bijie_ticket") -> Path:
    write_demo_project(folder, methodology=methodology)
    path = folder / "project.toml"
    path.write_text(
        path.read_text(encoding="utf-8").replace("[inventory]\n", f"[inventory]\n{lines}\n"), encoding="utf-8"
    )
    return folder


def test_a_dossier_takes_the_estimator_of_its_project(tmp_path):
    plain = dossier_of(declared(tmp_path / "plain", ""), None).record()["change"]
    got = dossier_of(declared(tmp_path / "simple", 'estimator = "simple"'), None)
    change = got.record()["change"]
    assert (plain["estimator"], change["estimator"]) == ("stratified", "simple") and plain["df"] + 1 == change["df"]
    tonnes = [got.of_parcel(p.id) / p.hm2 for p in got.project.parcels]  # no strata: every hm2 the same, to the kg
    assert max(tonnes) - min(tonnes) < 5 and got.kg == sum(got.of_parcel(p.id) for p in got.project.parcels) > 0


@pytest.mark.parametrize(
    ("old", "new", "en", "zh"),
    [
        ("[inventory]\n", "inventory = 3\n[unused]\n", "inventory is no table", "inventory 不是表"),
        ("[inventory]\n", 'inventory = "simple"\n[unused]\n', "inventory is no table", "inventory 不是表"),
        ("[inventory]\n", "[[inventory]]\n", "inventory is no table", "inventory 不是表"),
        ("[inventory]\n", "baseline = 0\n[inventory]\n", "baseline is no table", "baseline 不是表"),
        ("[facts]\n", "[[facts]]\n", "facts is no table", "facts 不是表"),
        ("[inventory]\n", "[inventory]\nestimator = 3\n", "estimator must be a text", "estimator 应为文字"),
        (
            "[inventory]\n",
            '[inventory]\nallow_default = "no"\n',
            "allow_default must be true or false",
            "allow_default 应为",
        ),
        ("sets = [", "groups = 3\nsets = [", "groups must be a table", "groups 应为由树种到组的表"),
        ("sets = [", "sets = 3 # [", "sets must be a list of texts", "sets 应为文字列表"),
        ("sets = [", 'sets = "anhui2016" # [', "sets must be a list of texts", "sets 应为文字列表"),
    ],
)
def test_what_is_no_table_or_of_another_kind_is_told(tmp_path, old, new, en, zh):
    write_demo_project(tmp_path / "p")
    path = tmp_path / "p" / "project.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(DeclarationError, match=en) as refused:
        read_project(tmp_path / "p")
    assert zh in refused.value.zh and refused.value.where.startswith("project.toml: ")


@pytest.mark.parametrize(
    ("lines", "methodology", "error", "says"),
    [
        ('estimator = "best"', "bijie_ticket", UnknownName, "no estimator 'best'"),
        ('estimator = "double_sampling"\nauxiliary = "cover"', "bijie_ticket", DeclarationError, "first_phase"),
        ('estimator = "systematic"', "bijie_ticket", UnknownName, "grid_row"),
        ('auxiliary = "cover"', "bijie_ticket", DeclarationError, "takes no auxiliary"),
        ('estimator = "systematic"', "ar_tool14", OutOfBounds, "does not estimate by systematic"),
        ('estimater = "simple"', "bijie_ticket", DeclarationError, "no key 'estimater'"),
    ],
)
def test_an_estimator_that_the_project_cannot_have_is_refused(tmp_path, lines, methodology, error, says):
    with pytest.raises(error, match=says) as refused:
        dossier_of(declared(tmp_path / "p", lines, methodology), None)
    assert refused.value.zh != refused.value.en
