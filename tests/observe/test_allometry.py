"""Single-tree equations: choice by rank, flags on every tree, refusals, import; forest.md FOR-14 and FOR-18."""

import csv
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qingshan.core.domain import load_domains
from qingshan.core.errors import DeclarationError, UnknownName
from qingshan.observe.allometry import FLAGS, Rule, evaluate, flag_words
from qingshan.observe.equation import COLUMNS, import_expressions, load_equations, own_equations, package_equations

PINE = "Pinus massoniana"
ANHUI = Rule(("anhui2016",), unit_assumed=True)
HEAD = dict.fromkeys(COLUMNS, "")


def one(taxon, d, h, rule, quantity="agb", equations=None):
    got = evaluate([taxon], np.array([d], dtype=float), np.array([h], dtype=float), rule, quantity, equations)
    return float(got.value[0]), set(flag_words(int(got.flags[0]))), got.equation_ids(0)


def table(path, *rows):
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows(HEAD | row for row in rows)
    return load_equations(path)


def row(**k):
    return {
        "id": "x.y", "set": "x", "taxon": "Abies fabri", "rank": "species", "quantity": "agb", "form": "power_d", "a": "0.1",
        "b": "2.5", "d_unit": "cm", "unit": "kg", "source_title": "a test", "status": "secondary",
    } | k  # fmt: skip


def test_components_are_summed_to_above_ground_biomass():
    # 20 cm, 15 m: D2H = 6000. 0.0337*6000^0.9551 + 0.036*6000^0.7948 + 0.0016*6000^1.1007, logarithms by hand:
    # ln 6000 = 8.699515; exp(8.308906) = 4059.86, exp(6.914374) = 1006.64, exp(9.575556) = 14408.8
    value, flags, ids = one(PINE, 20, 15, ANHUI)
    assert value == pytest.approx(0.0337 * 4059.86 + 0.036 * 1006.64 + 0.0016 * 14408.8, rel=1e-4)
    assert flags == {"unit_assumed"}
    assert [i.rpartition(".")[2] for i in ids] == ["stem", "branch", "leaf"]


def test_total_is_the_parts_with_the_root():
    above, _, _ = one(PINE, 20, 15, ANHUI)
    below, _, ids = one(PINE, 20, 15, ANHUI, "bgb")
    assert ids == ("anhui2016.pinus_massoniana.root",)
    assert one(PINE, 20, 15, ANHUI, "total")[0] == pytest.approx(above + below, rel=1e-12)


def test_a_chinese_name_is_a_name():
    assert one("马尾松", 20, 15, ANHUI)[0] == one(PINE, 20, 15, ANHUI)[0]


def test_ranks_are_tried_in_order():
    volume = Rule(("ly20877", "db35t18232019"), groups={"Quercus fabri": "broadleaf", "Castanea seguinii": "broadleaf"})
    assert one("Quercus fabri", 20, 15, volume, "volume")[1] == {"fallback_genus"}
    value, flags, ids = one("Castanea seguinii", 20, 15, volume, "volume")
    assert flags == {"fallback_group"} and ids == ("ly20877.broadleaf.volume",)
    assert value == pytest.approx(0.2273, abs=6e-5)


def test_a_default_only_where_the_rule_allows_it_and_by_diameter():
    puding = Rule(("puding2009",), default=True, unit_assumed=True)
    small, flags, ids = one("Ilex sp.", 3, 3, puding)
    assert small == pytest.approx((0.5834 * 9 * 300 - 8.151) / 1000)  # g with D, H in cm
    assert ids == ("puding2009.all_woody_1_5.agb",) and flags == {"fallback_default", "unit_assumed"}
    assert one("Ilex sp.", 6, 4, puding)[2] == ("puding2009.all_woody_5.agb",)
    value, flags, _ = one("Ilex sp.", 3, 3, Rule(("puding2009",)))
    assert math.isnan(value) and flags == {"no_equation"}


def test_out_of_range_is_flagged_and_kept():
    value, flags, _ = one(PINE, 60, 20, ANHUI)
    assert value > 0 and "out_of_range" in flags
    assert "out_of_range" not in one(PINE, 50.4, 20, ANHUI)[1]


def test_a_missing_height_refuses_the_tree_and_says_so():
    got = evaluate([PINE, PINE], np.array([20.0, 20.0]), np.array([15.0, np.nan]), ANHUI)
    assert got.refused.tolist() == [False, True] and math.isnan(got.value[1])
    assert [f.code for f in got.findings if f.level == "error"] == ["no_height"]


def test_a_negative_amount_is_refused(tmp_path):
    rows, _ = table(tmp_path / "t.csv", row(form="polynomial_d", a="-5", b="1", c="0"))
    value, flags, _ = one("Abies fabri", 4, 3, Rule(("x",)), equations=rows)
    assert math.isnan(value) and flags == {"negative"}


def test_an_unknown_set_or_quantity_is_an_error():
    with pytest.raises(UnknownName, match="nowhere"):
        one(PINE, 20, 15, Rule(("nowhere",)))
    with pytest.raises(UnknownName, match="bark"):
        one(PINE, 20, 15, ANHUI, "bark")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"unit": ""}, "gives no unit"),
        ({"d_unit": ""}, "gives no d_unit"),
        ({"form": "power_d2h"}, "gives no h_unit"),
        ({"unit": "kg/m3"}, "no mass or volume"),
        ({"b": ""}, "needs 2 coefficients"),
        ({"b": "-0.5"}, "not rising"),
        ({"form": "power_x"}, "no form"),
        ({"source_title": ""}, "no source"),
        ({"status": "sure"}, "unknown"),
    ],
)
def test_rows_that_cannot_be_trusted_are_refused(tmp_path, change, says):
    rows, findings = table(tmp_path / "t.csv", row(**change))
    assert rows == [] and [f.level for f in findings] == ["error"]
    assert says in findings[0].en and findings[0].row == 2 and findings[0].zh != findings[0].en


def test_an_id_twice_and_an_open_row(tmp_path):
    rows, findings = table(tmp_path / "t.csv", row(), row(), row(id="z", status="open", document="GB/T 0"))
    assert len(rows) == 1 and [f.code for f in findings] == ["equation_refused", "open_equation"]
    assert "GB/T 0" in findings[1].en


def test_a_table_without_units_is_no_table(tmp_path):
    (tmp_path / "t.csv").write_text("id,taxon,form\n1,x,power_d\n")
    with pytest.raises(DeclarationError, match="unit"):
        load_equations(tmp_path / "t.csv")


def test_log_correction_only_with_a_residual_error(tmp_path):
    rows, _ = table(
        tmp_path / "t.csv",
        row(id="1", taxon="a b", form="exp_ln_d", a="-2", b="2.4", log_fit="1", s="0.2"),
        row(id="2", taxon="c d", form="exp_ln_d", a="-2", b="2.4", log_fit="1", s="0.2", bias_corrected="1"),
        row(id="3", taxon="e f", form="exp_ln_d", a="-2", b="2.4", log_fit="1"),
    )
    rule = Rule(("x",))
    plain = math.exp(-2 + 2.4 * math.log(20))
    got = [one(t, 20, 10, rule, equations=rows)[0] for t in ("a b", "c d", "e f")]
    assert got == pytest.approx([plain * math.exp(0.02), plain, plain], rel=1e-12)


def test_shipped_rows_rise_with_the_diameter_and_one_is_refused():
    kept, findings = package_equations()
    assert len(kept) == 68
    assert [f.en.split()[0] for f in findings if f.level == "error"] == ["puding2009.pittosporum_brevicalyx.agb"]
    assert {f.code for f in findings} == {"equation_refused", "open_equation"}
    carriers = " ".join(e.source_where for e in kept)
    assert "GPL" not in carriers and "allodb" not in carriers


@settings(max_examples=60)
@given(
    i=st.integers(0, 67), h=st.floats(3, 30), low=st.floats(0, 1), step=st.floats(1e-3, 1),
)  # fmt: skip
def test_every_shipped_equation_rises_with_the_diameter(i, h, low, step):
    e = package_equations()[0][i]
    bottom, top = np.nan_to_num(e.d_min, nan=2), np.nan_to_num(e.d_max, nan=60)
    d = bottom + (top - bottom) * np.array([low * (1 - step), low * (1 - step) + step])
    to = "m3" if e.unit == "m3" else "kg"
    first, second = e.amount(np.minimum(d, top), np.array([h, h]), to)
    assert second >= first


def test_for_14_volume_at_20_cm_and_15_m(outside):
    rows = {e.id: e for e in package_equations()[0]}
    with outside("spec/tables/forest/tree_volume_equations.csv").open(encoding="utf-8-sig") as stream:
        wanted = list(csv.DictReader(stream))
    got = [e for e in rows.values() if e.quantity == "volume"]
    assert len(got) == len(wanted) == 15
    for equation, line in zip(got, wanted, strict=True):
        value = float(equation.amount(np.array([20.0]), np.array([15.0]), "m3")[0])
        assert value == pytest.approx(float(line["V_D20_H15_recomputed"]), abs=0.00006), equation.id
        if line["V_D20_H15_quoted"]:
            assert value == pytest.approx(float(line["V_D20_H15_quoted"]), abs=0.00015), equation.id


def test_for_18_nsvb_examples(outside):
    forms = {"1": "power_d_h", "2": "segmented", "4": "damped"}
    registry = load_domains().registry
    seen = {}
    with outside("data/forest/nsvb/examples.csv").open(encoding="utf-8-sig") as stream:
        for line in csv.DictReader(stream):
            expected = float(line["expected"])
            if line["model"] in forms:
                arguments = {k: (float(line[k]), "-") for k in ("a", "b", "b1", "c") if line[k]}
                if line["model"] == "2":
                    arguments["k"] = (9.0 if line["example"] == "A" else 11.0, "-")  # softwood, hardwood
                arguments |= {"d": (float(line["D_in"]), "-"), "h": (float(line["H_ft"]), "-")}
                value = float(registry[f"forest.tree@{forms[line['model']]}"].apply(arguments))
                seen[line["example"], line["quantity"]] = value
            else:
                density = {"A": 0.45, "B": 0.49}[line["example"]]
                sound = 1 - 3 / 100 * (1 - 0.54) if line["quantity"] == "Wtotibred" else 1
                cubic_foot = 62.4  # lb of water, as printed
                value = float(
                    registry["forest.biomass@wd_bef"](
                        seen[line["example"], "VtotibGross"] * sound * cubic_foot, density, 1.0
                    )
                )
            assert value == pytest.approx(expected, rel=1e-9), line["quantity"]


def test_a_table_of_printed_expressions_is_imported_where_the_user_holds_it(outside):
    rows, findings = import_expressions(outside("spec/tables/forest/allometry_china.csv"), set_name="allodb")
    by = {e.id: e for e in rows}
    # He et al. 2018, Acer mandshuricum at 20 cm: 0.0335*20^1.606 + 0.0026*20^3.323 + 0.1222*20^2.310
    terms = 0.0335 * 20**1.606 + 0.0026 * 20**3.323 + 0.1222 * 20**2.310
    assert float(by["14bf3d"].amount(np.array([20.0]), np.array([np.nan]), "kg")[0]) == pytest.approx(terms, rel=1e-12)
    assert {e.status for e in rows} == {"secondary"} and {e.set for e in rows} == {"allodb"}
    assert len(rows) + len(findings) == 232
    assert {f.code for f in findings} == {"equation_refused"}
    assert sum("no form" in f.en for f in findings) == 9  # of 7 basal-diameter rows, 1 hyperbola, 1 exponential
    grams = [e for e in rows if e.unit == "g"]
    assert grams and all(e.amount(np.array([10.0]), np.array([np.nan]), "kg")[0] < 500 for e in grams)


def test_flags_are_bits():
    assert sorted(FLAGS.values()) == [1 << k for k in range(len(FLAGS))]


def test_an_equation_without_printed_units_refuses_unless_a_draft_allows_it():
    """anhui2016 prints no units (its rows say `assumed`); the error names row and remedy."""
    got = evaluate([PINE, PINE], np.array([20.0, 22.0]), np.array([15.0, 15.0]), Rule(("anhui2016",)))
    assert got.refused.all() and np.isnan(got.value).all() and flag_words(int(got.flags[0])) == ["no_unit"]
    (why,) = [f for f in got.findings if f.level == "error"]
    assert why.code == "no_unit" and "anhui2016.pinus_massoniana.stem" in why.en and "2 trees" in why.en
    assert "unit_basis = printed" in why.fix and "--allow-unit-assumed" in why.fix
    assert evaluate([PINE], np.array([20.0]), np.array([15.0]), ANHUI).unit_assumed
    volume = evaluate([PINE], np.array([20.0]), np.array([15.0]), Rule(("ly20877", "db52t7032011")), "volume")
    assert not volume.unit_assumed and not volume.refused.any()


def test_a_row_of_ones_own_with_units_and_source_takes_the_place_of_one_without(tmp_path):
    table(tmp_path / "t.csv", row(taxon=PINE, set="mine"))
    rows = own_equations(tmp_path / "t.csv")
    got = evaluate([PINE], np.array([20.0]), None, Rule(("mine", "anhui2016")), equations=rows)
    assert got.value[0] == pytest.approx(0.1 * 20**2.5) and not got.unit_assumed
    table(tmp_path / "t.csv", row(unit=""))
    with pytest.raises(DeclarationError, match="no unit"):
        own_equations(tmp_path / "t.csv")
    assert own_equations(tmp_path / "none.csv") is None
