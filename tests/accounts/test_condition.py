"""SEEA-EA condition account: raster means, indicators, index and its changes by hand; refusals; the SEEALand example."""

import numpy as np
import pytest

from qingshan.accounts.condition import (
    Means,
    Missing,
    Reference,
    Variable,
    condition_account,
    condition_variables,
    references_of,
    weights_of,
)  # fmt: skip
from qingshan.core.domain import load_domains
from qingshan.core.errors import DeclarationError
from qingshan.core.parameter import Parameters, parse_row

COVER = Variable("vegetation.cover", "植被覆盖度", "vegetation cover", "B2", "fraction")
CARBON = Variable("soil.organic_carbon", "土壤有机碳", "soil organic carbon", "A2", "%")
LEAD = Variable("soil.lead", "土壤铅", "soil lead", "A2", "mg/kg")


def means(*values):
    value = np.array(values, float)
    return Means(value, np.full(value.shape, 10.0), np.full(value.shape, 10.0))


def account(opening, closing, references, weights, variables=(COVER, CARBON), classes=("forest",)):
    return condition_account(
        variables, {v.id: means([o]) if not isinstance(o, Means) else o for v, o in zip(variables, opening, strict=True)},
        {v.id: means([c]) if not isinstance(c, Means) else c for v, c in zip(variables, closing, strict=True)},
        references, weights, places=["520000"], classes=classes,
    )  # fmt: skip


REFERENCES = {
    ("vegetation.cover", "forest"): Reference(0.2, 1.0, "least disturbed"),
    ("soil.organic_carbon", "forest"): Reference(1.0, 5.0, "least disturbed"),
}
WEIGHTS = {("vegetation.cover", "forest"): 0.75, ("soil.organic_carbon", "forest"): 0.25}


def test_a_mean_over_a_small_share_of_the_class_is_told():
    """Known on 4 of 10 hm2 at the closing: 40 % is below half. At 10 of 10 nothing is said."""
    few = Means(np.array([[0.5]]), np.full((1, 1), 4.0), np.full((1, 1), 10.0))
    told = account([0.6], [few], REFERENCES, {("vegetation.cover", "forest"): 1.0}, variables=(COVER,))
    assert told.entries[0].share == pytest.approx(0.4)
    assert any(f.code == "condition_sparse" and "40%" in f.en for f in told.findings())
    assert not any(
        f.code == "condition_sparse" for f in account([0.6, 3.0], [0.5, 4.0], REFERENCES, WEIGHTS).findings()
    )


def test_an_account_by_hand():
    """Cover 0.6 -> 0.5 between 0.2 and 1: 0.5 -> 0.375. Carbon 3 -> 4 % between 1 and 5: 0.5 -> 0.75. Weights 3/4 and 1/4.

    Opening 0.5. Changes: B2 0.75 (-0.125) = -0.09375, A2 0.25 0.25 = 0.0625. Closing 0.46875.
    """
    found = account([0.6, 3.0], [0.5, 4.0], REFERENCES, WEIGHTS)
    cover, carbon = found.entries
    assert (cover.indicator_opening, cover.indicator_closing) == pytest.approx((0.5, 0.375))
    assert (carbon.indicator_opening, carbon.indicator_closing) == pytest.approx((0.5, 0.75))
    assert cover.change == pytest.approx(-0.1) and cover.clipped == (False, False)
    index = found.index("520000", "forest")
    assert index.opening == pytest.approx(0.5) and index.closing == pytest.approx(0.46875)
    assert index.changes == pytest.approx({"A2": 0.0625, "B2": -0.09375})
    assert index.opening + sum(index.changes.values()) == index.closing
    assert index.reference == "least disturbed" and found.findings() == []


def test_the_upper_level_may_be_the_smaller_number_and_what_lies_outside_is_clipped_and_told():
    """Lead: 100 mg/kg is the lower reference level, 20 the upper: 40 gives 0.75; 120 lies below the lower level: 0, clipped."""
    found = account(
        [40.0], [120.0], {("soil.lead", "forest"): Reference(100.0, 20.0, "r")}, {("soil.lead", "forest"): 1.0}, (LEAD,)
    )
    entry = found.entries[0]
    assert (entry.indicator_opening, entry.indicator_closing, entry.clipped) == (0.75, 0.0, (False, True))
    assert [f.code for f in found.findings()] == ["condition_clipped"]


@pytest.mark.parametrize(
    ("references", "weights", "closing", "said"),
    [
        (
            {**REFERENCES, ("soil.organic_carbon", "forest"): Missing("open.", "空缺。", "土壤普查")},
            WEIGHTS,
            [0.5, 4.0],
            "open",
        ),
        (
            {("vegetation.cover", "forest"): REFERENCES["vegetation.cover", "forest"]},
            WEIGHTS,
            [0.5, 4.0],
            "no reference",
        ),
        ({**REFERENCES, ("soil.organic_carbon", "forest"): Reference(2.0, 2.0, "r")}, WEIGHTS, [0.5, 4.0], "equal"),
        (REFERENCES, {("vegetation.cover", "forest"): 0.75}, [0.5, 4.0], "no weights"),
        (REFERENCES, {**WEIGHTS, ("soil.organic_carbon", "forest"): 0.5}, [0.5, 4.0], "sum to 1.25"),
        (REFERENCES, WEIGHTS, [0.5, np.nan], "no value at the closing"),
    ],
)
def test_what_is_missing_refuses_the_index_and_nothing_is_rescaled(references, weights, closing, said):
    found = account([0.6, 3.0], closing, references, weights)
    index = found.index("520000", "forest")
    assert said in index.missing.en and np.isnan(index.closing) and index.missing.zh
    assert found.entries[0].indicator_opening == pytest.approx(0.5)
    assert found.findings()


def test_indices_under_different_references_are_not_averaged():
    """Forest 0.5 over 30 hm2 and grass 0.25 over 10 hm2 give 0.4375 under one reference, and no number under two."""
    one, two = Reference(0.0, 1.0, "a"), Reference(0.0, 1.0, "b")
    weights = {("vegetation.cover", c): 1.0 for c in ("forest", "grass")}
    args = ([means([0.5, 0.25])], [means([0.5, 0.25])])
    extent = {"forest": 30.0, "grass": 10.0}
    same = account(
        *args, {("vegetation.cover", c): one for c in ("forest", "grass")}, weights, (COVER,), ("forest", "grass")
    )
    assert same.place_index("520000", extent) == pytest.approx(0.4375)
    mixed = account(
        *args,
        {("vegetation.cover", "forest"): one, ("vegetation.cover", "grass"): two},
        weights,
        (COVER,),
        ("forest", "grass"),
    )
    assert "different references" in mixed.place_index("520000", extent).en


def test_a_class_without_extent_has_no_entry_and_a_variable_without_means_is_named():
    nothing = Means(np.array([[np.nan]]), np.zeros((1, 1)), np.zeros((1, 1)))
    assert (
        condition_account(
            (COVER,), {COVER.id: nothing}, {COVER.id: nothing}, {}, {}, places=["p"], classes=["c"]
        ).entries
        == ()
    )
    with pytest.raises(DeclarationError, match=r"vegetation\.cover"):
        condition_account((COVER,), {}, {}, {}, {}, places=["p"], classes=["c"])


def test_rows_of_reference_levels_for_one_ecosystem_go_before_the_general_ones():
    """20 % is 0.2 of a fraction; the forest has rows of its own."""

    def row(parameter, cls, value, unit):
        return parse_row(
            {
                "parameter": parameter,
                "class": cls,
                "value": value,
                "unit": unit,
                "set": "s",
                "source_title": "t",
                "status": "project",
            },
            "test",
            1,
        )

    rows = [
        row("economy.condition_low", "vegetation.cover", "20", "%"),
        row("economy.condition_high", "vegetation.cover", "0.9", "fraction"),
        row("economy.condition_low", "vegetation.cover|forest", "0.4", "fraction"),
        row("economy.condition_high", "vegetation.cover|forest", "1", "fraction"),
        row("economy.condition_weight", "vegetation.cover", "1", "1"),
    ]
    found = references_of(Parameters(rows), [COVER], ["forest", "grass"], "s")
    assert (found["vegetation.cover", "forest"].low, found["vegetation.cover", "grass"].low) == pytest.approx(
        (0.4, 0.2)
    )
    assert weights_of(Parameters(rows), [COVER], ["grass"], "s") == {("vegetation.cover", "grass"): 1.0}


def test_the_shipped_rows_are_open_and_name_a_document():
    variables = condition_variables()
    assert {v.id for v in variables} >= {"vegetation.cover", "soil.organic_carbon"}
    found = references_of(load_domains().parameters(), variables, ["forest"])
    assert all(isinstance(m, Missing) and m.document for m in found.values())
    assert all(isinstance(w, Missing) for w in weights_of(load_domains().parameters(), variables, ["forest"]).values())


SEEALAND = [  # printed: opening, change abiotic, biotic, landscape, closing (SEEA EA, example SEEALand; GEP-6)
    ("Forest", 0.67, -0.01, -0.03, -0.03, 0.61), ("Lake", 0.63, 0.02, 0.03, 0.0, 0.67), ("Cropland", 0.47, 0.0, 0.01, 0.0, 0.47),
    ("Urban", 0.5, 0.01, -0.02, -0.01, 0.49), ("Wetland", 0.59, -0.02, 0.0, -0.01, 0.56), ("Seagrass", 0.45, -0.03, -0.03, -0.02, 0.37),
]  # fmt: skip


@pytest.mark.parametrize("row", SEEALAND)
def test_gep_6_seealand_through_the_account(row):
    """Three variables of weight 1/3 that start at the printed opening and move by three times the printed changes."""
    cls, opening, *changes, closing = row
    variables = [Variable(f"v.{e}", "变量", "variable", e, "1") for e in ("A1", "B2", "C1")]
    found = condition_account(
        variables, {v.id: means([opening]) for v in variables}, {v.id: means([opening + 3 * d]) for v, d in zip(variables, changes, strict=True)},
        {(v.id, cls): Reference(0.0, 1.0, "SEEALand") for v in variables}, {(v.id, cls): 1 / 3 for v in variables}, places=["SEEALand"], classes=[cls],
    )  # fmt: skip
    index = found.index("SEEALand", cls)
    assert index.opening == pytest.approx(opening) and list(index.changes.values()) == pytest.approx(changes)
    assert index.closing == pytest.approx(closing, abs=0.011)
