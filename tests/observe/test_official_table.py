"""A table of equations that a user holds: the status of each row stays with every tree that took it; factors by edition."""

import csv

import numpy as np
import pytest

from qingshan.core.domain import load_domains
from qingshan.observe.allometry import Rule, evaluate
from qingshan.observe.equation import COLUMNS, load_equations

ROW = dict.fromkeys(COLUMNS, "") | {
    "set": "mine", "rank": "species", "quantity": "agb", "form": "power_d", "b": "2.4", "d_unit": "cm", "unit": "kg",
    "source_title": "a standard 某标准", "edition": "2024",
}  # fmt: skip


def test_the_status_of_a_row_is_kept_from_the_table_to_the_tree(tmp_path):
    path = tmp_path / "equations.csv"
    given = {"A a": ("primary", "0.1"), "B b": ("secondary", "0.2"), "C c": ("ocr_doubt", "0.3"), "D d": ("open", "")}
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, extrasaction="ignore")
        writer.writeheader()
        for i, (taxon, (status, a)) in enumerate(given.items()):
            extra = {"document": "the standard"} if status == "open" else {}
            writer.writerow(ROW | {"id": f"mine.{i}", "taxon": taxon, "status": status, "a": a} | extra)
    rows, findings = load_equations(path)
    assert {e.taxon: e.status for e in rows} == {t: s for t, (s, _) in given.items() if s != "open"}
    assert [f.code for f in findings] == ["open_equation"] and "the standard" in findings[0].en
    got = evaluate(list(given), np.full(4, 10.0), np.full(4, 8.0), Rule(("mine",)), "agb", rows)
    assert got.value[:3] == pytest.approx([a * 10**2.4 for a in (0.1, 0.2, 0.3)]) and got.refused.tolist() == [
        0,
        0,
        0,
        1,
    ]
    taken = {e.id: e.status for chosen in got.choices for e in chosen}
    assert [[taken[i] for i in got.equation_ids(k)] for k in range(3)] == [["primary"], ["secondary"], ["ocr_doubt"]]


@pytest.mark.parametrize("word", ["stand_biomass", "bef", "bcef", "root_shoot", "carbon_fraction", "wood_density"])
def test_factors_are_rows_with_edition_unit_and_source(word):
    rows = [
        r
        for name in (f"forest.{word}", f"forest.{word}_a", f"forest.{word}_default")
        for r in load_domains().parameters().rows(name)
    ]
    assert rows and all(r.set and r.unit and r.status for r in rows)
    given = [r for r in rows if r.value is not None]
    assert given and all(r.source_title for r in given) and any(r.year or r.edition for r in given)
