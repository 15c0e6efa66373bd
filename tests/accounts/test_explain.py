"""The pedigree: from the figure to method and clause, parameter row, input row and the hash of its file."""

import pytest

from qingshan.accounts.explain import _names_of, as_text, explain
from qingshan.core.canonical import file_digest
from qingshan.core.errors import UnknownName

from .conftest import EAST, TINY


def lines(run, quantity, place, lang="en", **more):
    fact = run.fact(quantity, place, **more)
    return [line.strip() for line in as_text(explain(run, fact.key), lang, full=True).splitlines()]


def test_the_tree_of_a_value_down_to_its_rows(complete):
    """Reservoir storage of East 2021: 220 m3 x 0.5 x 2.5 元/m3, with the sources of all three."""
    got = lines(complete, "gep.flood_reservoir_value", EAST, period="2021", basis="current")
    sha = file_digest(TINY / "facts" / "services.csv")[:16]
    filled = complete.manifest["files"]["inputs/filled.csv"][:16]
    assert got == [
        "value of reservoir flood storage [gep.flood_reservoir_value] 990100 2021 current = 275 元",
        "gep.value_of_volume@1  V = Q P",
        "青山核算规则, V = sum Q P; current prices with P of the year, constant prices with P of the base (primary)",
        "volume: reservoir flood storage [gep.flood_reservoir] 990100 2021 = 110 m3",
        "water.reservoir_flood_storage@garze2017  C = share C_total",
        "生态学报 2017,37(19):6302-6312, G07 (primary)",
        "total capacity of the reservoir: total reservoir capacity [water.reservoir_capacity] 990100 2021 = 220 m3",
        f"facts/services.csv:{row_of('990100,东原县,2021,water.reservoir_capacity')}  sha256 {sha}  小国统计（虚构）, 小国统计局 (primary)",
        "share of the capacity for floods [water.reservoir_flood_share] = 0.5 fraction",
        f"inputs/filled.csv:{filled_row(complete, 'water.reservoir_flood_share')}  sha256 {filled}  "
        "GB/T 46869-2025（虚构文本）, 附录 A; gbt46869_2025; filled by 王芳 (primary)",
        "price per volume [water.reservoir_unit_cost] = 2.5 元/m3",
        f"inputs/filled.csv:{filled_row(complete, 'water.reservoir_unit_cost', '2021')}  sha256 {filled}  "
        "GB/T 46869-2025（虚构文本）, 附录 A; gbt46869_2025, 2021; filled by 王芳 (primary)",
    ]  # fmt: skip


def row_of(start):
    text = (TINY / "facts" / "services.csv").read_text(encoding="utf-8")
    return next(n for n, line in enumerate(text.splitlines(), 1) if line.startswith(start))


def filled_row(run, parameter, year=""):
    text = (run.path / "inputs" / "filled.csv").read_text(encoding="utf-8")
    return next(
        n for n, line in enumerate(text.splitlines(), 1) if line.startswith(f"{parameter},") and f",{year}," in line
    )


def test_places_and_classes_are_named_in_the_language_asked(complete):
    got = lines(complete, "gep.water_retention", "990000", lang="zh", period="2020")
    assert any(line.startswith("990100 东原县: 水源涵养量") for line in got)
    assert any(line.startswith("橡树林: 水源涵养量") for line in got)
    assert any(line.startswith("产流降雨量 [water.runoff_producing_rain]") for line in got)


def test_a_refusal_is_a_tree_whose_leaves_name_documents(before_fill):
    got = lines(before_fill, "gep.silt_avoided_value", EAST, period="2020", basis="current")
    assert got[0] == "value of less silting [gep.silt_avoided_value] 990100 2020 current = refused"
    assert got[1] == "refused: 3 things it stands on are missing."
    (silt,) = [line for line in got if line.startswith("refused: gep.silt_fraction[set gbt46869_2025] is open.")]
    assert silt.endswith(
        "  <- GB/T 46869-2025《生态系统评估 陆域生态产品总值核算技术指南》推荐取值或本地资料：泥沙淤积系数"
    )
    assert sum(line.startswith("refused: gep.confirmed[G03") for line in got) == 1


def test_a_node_met_twice_is_opened_once(complete):
    tree = explain(complete, complete.fact("gep.water_retention_value", "990000", "2020", basis="current").key)

    def walk(part):
        yield part
        for child in part.get("children", ()):
            yield from walk(child["tree"])

    seen = [part["key"] for part in walk(tree) if part.get("children")]
    assert len(seen) == len(set(seen))
    assert any(part.get("again") for part in walk(tree)) or len(seen) > 10


def test_depth_cuts_and_says_how_much_is_below(complete):
    tree = complete.explain(complete.fact("gep.flood_reservoir_value", EAST, "2021", basis="current").key, depth=1)
    assert [child["tree"]["more"] for child in tree["children"]] == [2, 0]


def test_every_published_figure_explains(screening, complete):
    for run in (screening, complete):
        for fact in run.facts[::7]:
            assert explain(run, fact.key, 2)["key"] == fact.key


def test_an_unknown_key_is_one_error(complete):
    with pytest.raises(UnknownName, match="no node"):
        explain(complete, "0" * 64)


def test_a_class_of_inventories_is_no_change_of_class(complete):
    """`age_class:>60` is one value of a column; a part without a colon on each side of `>` is a change."""
    named = _names_of(complete, EAST, "age_class:>60")
    assert (named["cls_zh"], named["cls_en"]) == ("age_class:>60", "age_class:>60")
    assert _names_of(complete, EAST, "a>b")["cls_zh"] == "a→b"
