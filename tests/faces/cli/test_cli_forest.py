"""`qingshan forest estimate`: figures with errors, what is refused, one JSON document."""

from pathlib import Path

import pytest

from qingshan.faces.cli.show import figure, unit_said

PLOTS = "plot,stratum,area_m2,county\na,1,500,甲县\nb,1,500,乙县\nc,2,500,甲县\nd,2,500,乙县\n"
TREES = "plot,tree,taxon,d_cm,h_m\na,1,马尾松,20,15\nb,1,马尾松,20,15\nc,1,马尾松,20,15\n"
STRATA = "stratum,area_hm2\n1,60\n2,40\n"

ANHUI = ("--sets", "anhui2016", "--allow-unit-assumed")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "inventory"
    made.mkdir()
    for name, text in (("plots", PLOTS), ("trees", TREES), ("strata", STRATA)):
        (made / f"{name}.csv").write_text(text, encoding="utf-8")
    return made


def test_figures_with_their_errors(call, folder):
    said = call("forest", "estimate", folder, *ANHUI, "--by", "county", "--json")
    assert said.code == 0
    figures = {(f["variable"], f["domain"]): f for f in said.json["figures"]}
    trees = figures["trees", ""]
    # 20 trees per hm2 on three plots, none on the fourth: 60 * 20 + 40 * 10; post-stratified variance with s2 0 and 200,
    # n 4, W .6 .4: 100^2/4 [.4*2*100 + .6*(2/4)*100] = 275 000
    assert trees["value"] == pytest.approx(1600) and trees["se"] == pytest.approx(275_000**0.5) and trees["df"] == 2
    one = 0.0337 * 6000**0.9551 + 0.036 * 6000**0.7948 + 0.0016 * 6000**1.1007  # kg, D2H 6000
    assert figures["biomass", ""]["value"] == pytest.approx(1.6 * one)
    assert figures["co2", ""]["value"] == pytest.approx(1.6 * one * 0.47 * 44 / 12)
    assert figures["area", "甲县"]["value"] + figures["area", "乙县"]["value"] == pytest.approx(100)
    assert figures["trees", "甲县"]["value"] + figures["trees", "乙县"]["value"] == pytest.approx(1600)
    assert [e["trees"] for e in said.json["equations"]] == [3, 3, 3] and said.json["carbon_fraction"][
        "status"
    ] == "secondary"


def test_draws_and_a_deduction(call, folder):
    options = (*ANHUI, "--deduction", "ar_tool14", "--draws", "300", "--equation-error", "0.1", "--json")
    first, second = (call("forest", "estimate", folder, *options).json for _ in range(2))
    assert first == second and first["simulation"]["draws"] == 300
    assert sum(first["simulation"]["shares"].values()) == pytest.approx(1)
    assert first["deduction"]["share"] == pytest.approx(
        2.9199856 * 275_000**0.5 / 1600, rel=1e-6
    )  # t(0.90, 2); all of it


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_table_for_people(call, folder, lang):
    said = call("forest", "estimate", folder, *ANHUI, "--draws", "50", "--lang", lang)
    words = {
        "zh": ("地上生物量", "活立木株数", "抽样", "警告"),
        "en": ("above-ground biomass", "live trees", "sampling", "warning"),
    }[lang]
    assert said.code == 0 and all(w in said.out for w in words)


def test_what_is_wrong_is_refused_by_row(call, folder):
    (folder / "trees.csv").write_text(TREES.replace("c,1,马尾松,20", "c,1,马尾松,-20"), encoding="utf-8")
    said = call("forest", "estimate", folder, *ANHUI, "--json")
    assert (
        said.code == 1
        and said.json["error"]["code"] == "faulty_inventory"
        and "trees.csv:4" in said.json["error"]["where"]
    )


def test_an_unknown_species_is_refused_until_it_is_mapped(call, folder):
    (folder / "trees.csv").write_text(TREES.replace("c,1,马尾松", "c,1,刺槐"), encoding="utf-8")
    said = call("forest", "estimate", folder, *ANHUI)
    assert said.code == 1 and "刺槐" in said.err
    groups = folder / "groups.csv"
    groups.write_text("taxon,group\n刺槐,阔叶混\n", encoding="utf-8")
    assert call("forest", "estimate", folder, *ANHUI, "--groups", groups).code == 0


def test_calls_that_make_no_sense(call, folder):
    assert call("forest", "estimate", folder, "--sets", "nowhere").code in (1, 2)
    assert call("forest", "estimate", folder, *ANHUI, "--confidence", "2").code == 2
    assert call("forest", "estimate", folder, *ANHUI, "--by", "colour").code in (1, 2)
    assert call("forest", "estimate", folder / "none", *ANHUI).code == 1
    said = call("forest", "estimate", folder, *ANHUI, "--deduction", "ccer_14_001")
    assert said.code == 1 and "CCER-14-001" in said.err


def test_units_that_no_source_prints_are_asked_for(call, folder):
    said = call("forest", "estimate", folder, "--sets", "anhui2016")
    assert said.code == 1 and "anhui2016.pinus_massoniana.branch" in said.err and "--allow-unit-assumed" in said.err
    allowed = call("forest", "estimate", folder, *ANHUI)
    assert allowed.code == 0 and "[unit assumed, screening, estimated, secondary]" in allowed.out
    assert set(call("forest", "estimate", folder, *ANHUI, "--json").json["labels"]) == {
        "unit_assumed", "screening", "estimated", "secondary",
    }  # fmt: skip


@pytest.mark.parametrize(("written", "head"), [("0.95", "95%"), ("95", "95%"), ("95%", "95%"), ("0.9", "90%")])
def test_a_confidence_is_a_share_or_per_cent(call, folder, written, head):
    assert f"{head} interval" in call("forest", "estimate", folder, *ANHUI, "--confidence", written).out


def test_one_default_of_all_intervals(call, folder):
    from qingshan.accounts.inventory import InventorySettings  # noqa: PLC0415
    from qingshan.faces.cli.forest_verbs import CONFIDENCE as OPTION  # noqa: PLC0415
    from qingshan.observe.estimate import CONFIDENCE  # noqa: PLC0415

    assert float(OPTION.default) == InventorySettings("a", "2020").confidence == CONFIDENCE == 0.90
    said = call("forest", "estimate", folder, *ANHUI, "--confidence", "2", "--json")
    assert said.code == 2 and "0.95" in said.out + said.err


def test_double_sampling_of_the_command_line_is_for_7(call, tmp_path):
    """FOR-7: mean 100, s2 400, auxiliary 28 here and 30 everywhere, s_x 8, rho 0.8, 4 of 16 plots: 104, variance 208/4."""
    half = 0.75**0.5
    cover = [28 + 8 * half * u for u in (1, 1, -1, -1)]
    trees = [100 + 20 * half * (0.8 * u + 0.6 * v) for u, v in ((1, 1), (1, -1), (-1, 1), (-1, -1))]
    made = tmp_path / "two_phases"
    made.mkdir()
    for name, head, rows in (
        ("strata", "stratum,area_hm2", ["s,1"]),
        ("plots", "plot,stratum", [f"{i},s" for i in range(4)]),
        ("trees", "plot,tree,taxon,d_cm,h_m,expansion", [f"{i},1,马尾松,20,15,{n!r}" for i, n in enumerate(trees)]),
        (
            "first_phase",
            "plot,stratum,cover",
            [f"{i},s,{x!r}" for i, x in enumerate([*cover, *[(480 - 112) / 12] * 12])],
        ),
    ):
        (made / f"{name}.csv").write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    asked = ("forest", "estimate", made, *ANHUI, "--estimator", "double_sampling", "--auxiliary", "cover")
    said = call(*asked, "--json").json
    trees = next(f for f in said["figures"] if (f["variable"], f["domain"]) == ("trees", ""))
    assert said["estimator"] == "double_sampling"
    assert (trees["value"], trees["se"]) == (pytest.approx(104), pytest.approx(52**0.5))
    assert (
        "double sampling with regression" in call(*asked, "--lang", "en").out
        and "双重抽样回归" in call(*asked, "--lang", "zh").out
    )
    refused = call("forest", "estimate", made, *ANHUI, "--estimator", "double_sampling")
    assert refused.code == 2 and "needs an auxiliary" in refused.err and "cover" in refused.err


@pytest.mark.parametrize("name", ["stratified", "simple", "post_stratified"])
def test_estimators_by_name(call, folder, name):
    """20, 20 | 20, 0 trees per hm2 on 60 and 40 hm2. Stratified: 40^2*200/2; simple: mean 15, s2 100, 100^2*100/4."""
    said = call("forest", "estimate", folder, *ANHUI, "--estimator", name, "--json").json
    trees = next(f for f in said["figures"] if f["variable"] == "trees")
    value, variance = {"stratified": (1600, 160_000), "simple": (1500, 250_000), "post_stratified": (1600, 275_000)}[
        name
    ]
    assert (trees["value"], trees["se"]) == (pytest.approx(value), pytest.approx(variance**0.5))


def test_the_catalogue_of_options_is_that_of_the_estimators():
    from qingshan.faces.cli.forest import ESTIMATORS as WORDS  # noqa: PLC0415
    from qingshan.faces.cli.forest_verbs import ESTIMATOR  # noqa: PLC0415
    from qingshan.observe.estimator import ESTIMATORS  # noqa: PLC0415

    assert set(ESTIMATOR.choices) == set(WORDS) == set(ESTIMATORS)


def test_numbers_have_separators_and_no_exponent_and_english_has_no_chinese_unit():
    assert [figure(v) for v in (2497251.3, 38.13340, 0.0, -14321.98)] == ["2,497,251", "38.1334", "0", "-14,322"]
    assert figure(147.5812, 4) == "147.6"
    assert [unit_said(u, "en") for u in ("株", "元/hm2", "t CO2")] == ["trees", "yuan/hm2", "t CO2"]
    assert unit_said("元/hm2", "zh") == "元/hm2"
