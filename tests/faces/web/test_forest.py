"""Forest pages on the synthetic county: figures with their errors, plots, trees, data behind them, a zone without inventory."""

from __future__ import annotations

import csv
import io
import re
import warnings
from pathlib import Path

import pytest

from qingshan.accounts.inventory import ForestRun, seal_inventories
from qingshan.faces.api.app import create_app
from qingshan.zone.zone import open_zone

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the client's own notice about its transport
    from starlette.testclient import TestClient

ROOT = "990101"


@pytest.fixture(scope="module")
def woods(home: Path) -> tuple[TestClient, ForestRun]:
    zone = open_zone("demo30m")
    run = seal_inventories(zone)
    return TestClient(create_app(zone, {}), follow_redirects=False), run


def told(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text)).replace("\xa0", " ")


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_page_says_the_figure_its_error_and_its_labels(woods: tuple[TestClient, ForestRun], lang: str) -> None:
    client, run = woods
    answer = client.get(f"/{lang}/forest")
    assert answer.status_code == 200
    fact = run.fact("inventory.carbon", ROOT, "2020")
    assert fact.range is not None and fact.value is not None
    error = 100 * (fact.range[1] - fact.range[0]) / 2 / fact.value
    assert f"±{error:.3g} %" in told(answer.text)
    assert f"/{lang}/pedigree/{fact.key}" in answer.text
    for label in {"zh": ("示意", "估算", "转引"), "en": ("synthetic", "estimated", "secondary")}[lang]:
        assert label in told(answer.text)
    assert told(answer.text).count("inputs/inventory") == 0  # paths are for the pedigree


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_species_by_age_class_with_both_sums(woods: tuple[TestClient, ForestRun], lang: str) -> None:
    """Cells of carbon and volume, each with its pedigree; cells of a species add up to the species."""
    client, run = woods
    page = client.get(f"/{lang}/forest").text
    section = page[page.index('aria-labelledby="crossed"') : page.index('aria-labelledby="change"')]
    for word in ("carbon", "volume"):
        mine = {f.cls.partition(":")[2]: f for f in run.facts if f.cls.startswith("dominant*age_class:") and f.role == "estimate"
                and (f.quantity, f.place, f.period) == (f"inventory.{word}", ROOT, "2020")}  # fmt: skip
        assert len(mine) > 20 and all(f"/{lang}/pedigree/{f.key}" in section for f in mine.values())
        for species in {cls.partition("*")[0] for cls in mine}:
            whole = run.fact(f"inventory.{word}", ROOT, "2020", f"dominant:{species}")
            assert sum(f.value or 0 for c, f in mine.items() if c.startswith(species + "*")) == pytest.approx(
                whole.value
            )
            assert whole.key in section
    for label in {"zh": ("粗算", "转引"), "en": ("screening", "secondary")}[lang]:
        assert label in told(section)
    place = client.get(f"/{lang}/forest?place=990101003").text
    assert run.fact("inventory.carbon", "990101003", "2020", "").key in place and 'aria-labelledby="crossed"' in place


def test_every_printed_figure_leads_to_a_pedigree(woods: tuple[TestClient, ForestRun]) -> None:
    client, run = woods
    keys = set(re.findall(r"/zh/pedigree/([0-9a-f]{64})", client.get("/zh/forest").text))
    assert len(keys) > 30 and keys <= set(run.nodes)
    for key in sorted(keys)[::12]:
        assert client.get(f"/zh/pedigree/{key}").status_code == 200


def test_a_pedigree_shows_the_error_the_strata_the_equations_and_the_tables(
    woods: tuple[TestClient, ForestRun],
) -> None:
    client, run = woods
    key = run.fact("inventory.biomass", ROOT, "2020").key
    page = told(client.get(f"/en/pedigree/{key}").text)
    for word in ("Standard error", "Degrees of freedom", "post-stratified", "stratum broadleaf", "forest.post_stratified_total@gtr80",
                 "inputs/inventory/plots2020/plots.csv", "inputs/inventory/plots2020/equations.csv", f"qingshan verify {run.id}"):  # fmt: skip
        assert word in page, word
    tree = client.get(f"/en/pedigree/{key}.json").json()["record"]
    assert tree["key"] == key and tree["children"]


def test_the_tables_hold_every_figure_with_its_error(woods: tuple[TestClient, ForestRun]) -> None:
    client, run = woods
    rows = list(csv.DictReader(io.StringIO(client.get("/en/forest.csv").text.lstrip("\ufeff"))))
    here = [f for f in run.facts if f.place == ROOT and f.period == "2020" and f.role == "estimate"]
    assert len(rows) == len(here)
    row = next(r for r in rows if r["quantity id"] == "inventory.carbon" and not r["class id"])
    note = run.nodes[run.fact("inventory.carbon", ROOT, "2020").key].notes
    assert float(row["standard error"]) == pytest.approx(note["se"]) and int(row["degrees of freedom"]) == note["df"]
    assert "synthetic" in row["labels"] and row["pedigree key"] in run.nodes
    answer = client.get("/zh/forest.json").json()
    assert answer["run"] == run.id and {t["name"] for t in answer["tables"]} == {"figures", "change", "places"}
    assert client.get("/zh/forest.xlsx").status_code == 200


def test_period_and_measure_travel_in_the_address(woods: tuple[TestClient, ForestRun]) -> None:
    client, run = woods
    earlier = run.fact("inventory.volume", ROOT, "2015")
    page = client.get("/zh/forest?period=2015&of=volume").text
    assert earlier.key in page and run.fact("inventory.volume", ROOT, "2020").key not in page
    assert client.get("/zh/forest?of=moon").status_code == 404


def test_a_place_shows_its_own_figures(woods: tuple[TestClient, ForestRun]) -> None:
    client, run = woods
    page = client.get("/zh/forest?place=990101003").text
    assert run.fact("inventory.carbon", "990101003", "2020").key in page and "石坝镇" in told(page)


def test_plots_are_listed_mapped_and_filtered(woods: tuple[TestClient, ForestRun]) -> None:
    client, run = woods
    plots = [n for n in run.nodes.values() if n.kind == "plot" and n.notes["inventory"] == "plots2020"]
    answer = client.get("/zh/forest/plots")
    assert answer.text.count("<circle") >= 2 * len(plots)
    shapes = client.get("/zh/forest/plots.geojson").json()["features"]
    assert len(shapes) == len(plots) and {f["geometry"]["type"] for f in shapes} == {"Point"}
    pines = client.get("/zh/forest/plots.csv?dominant=Pinus%20massoniana").text.strip().splitlines()[1:]
    assert len(pines) == sum(n.notes["columns"].get("dominant") == "Pinus massoniana" for n in plots)
    within = client.get("/zh/forest/plots.csv?place=990101001").text.strip().splitlines()[1:]
    assert len(within) == sum(n.notes["columns"]["place"] == "990101001" for n in plots)


def test_a_plot_shows_each_tree_with_its_equation_and_flags(woods: tuple[TestClient, ForestRun]) -> None:
    client, run = woods
    node = next(
        n
        for n in run.nodes.values()
        if n.kind == "plot"
        and n.notes["inventory"] == "plots2020"
        and n.notes["columns"].get("dominant") == "Liquidambar formosana"
    )
    plot = node.notes["plot"]
    page = told(client.get(f"/zh/forest/plots/plots2020/{plot}").text)
    assert "枫香树" in page and "用树种组方程" in page and "synthetic.broadleaved_mixed" in page
    rows = list(csv.DictReader(io.StringIO(client.get(f"/en/forest/plots/plots2020/{plot}.csv").text.lstrip("\ufeff"))))
    assert len(rows) == node.notes["trees"]
    summed = sum(
        float(r["biomass (kg)"]) * float(r["trees per hectare (株/hm2)"]) / 1000 for r in rows if r["counts"] == "True"
    )
    assert summed == pytest.approx(node.notes["per_hm2"]["biomass"])
    fallback = [r for r in rows if r["species"] == "Liquidambar formosana"]
    assert all("fallback_group" in r["biomass flags"] for r in fallback)


@pytest.mark.parametrize(
    "path", ["/zh/forest/plots/plots2020/none", "/zh/forest/plots/moon/0001", "/zh/forest?place=nowhere"]
)
def test_what_is_not_there_is_told(woods: tuple[TestClient, ForestRun], path: str) -> None:
    assert woods[0].get(path).status_code == 404


def test_a_zone_without_inventory_says_how_to_load_one(tiny_client: TestClient) -> None:
    for path in ("/zh/forest", "/zh/forest/plots"):
        answer = tiny_client.get(path)
        assert (
            answer.status_code == 200 and "qingshan forest load" in answer.text and "qingshan forest run" in answer.text
        )


def test_search_finds_a_plot_after_places(woods: tuple[TestClient, ForestRun]) -> None:
    client, _ = woods
    assert client.get("/en/find?q=0006").headers["location"] == "/en/forest/plots/plots2020/0006"
    assert "/place/990101003" in client.get("/zh/find?q=石坝镇").headers["location"]
    assert client.get("/zh/find?q=nothing-of-the-kind").status_code == 404


def test_the_pedigree_of_a_plot_is_labelled_and_leads_to_its_trees(woods: tuple[TestClient, ForestRun]) -> None:
    client, run = woods
    node = next(n for n in run.nodes.values() if n.kind == "plot" and n.notes["trees"] > 5)
    page = client.get(f"/zh/pedigree/{node.key}").text
    assert f"/zh/forest/plots/{node.notes['inventory']}/{node.notes['plot']}" in page and "示意" in told(page)
    equation = next(n for n in run.nodes.values() if n.quantity == "forest.tree_equation")
    page = told(client.get(f"/zh/pedigree/{equation.key}").text)
    form, _, rest = equation.row["printed"].partition(": ")  # type: ignore[index]
    first = rest.split(", ")[0]
    assert f"forest.tree@{form}" in page and "拒算" not in page
    assert "W = a " in page.replace("V = a ", "W = a ") and f"a = {first}, b" in page and f"{form}: {first}" not in page


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_plots_and_trees_have_the_labels_of_the_equations_they_take(
    woods: tuple[TestClient, ForestRun], lang: str
) -> None:
    """Amounts of a plot rest on the same equations as the totals, and say so, on the page and in every row that is taken away."""
    client, run = woods
    plot = next(
        n.notes["plot"]
        for n in run.nodes.values()
        if n.kind == "plot" and n.notes["inventory"] == "plots2020" and n.notes["trees"]
    )
    said = {"zh": ("示意", "粗算", "估算", "转引"), "en": ("synthetic", "screening", "estimated", "secondary")}[lang]
    for address in ("forest/plots", f"forest/plots/plots2020/{plot}"):
        page = client.get(f"/{lang}/{address}").text
        assert all(f">{word}</" in page for word in said), address
        rows = list(csv.DictReader(io.StringIO(client.get(f"/{lang}/{address}.csv").text.lstrip("\ufeff"))))
        assert rows and all(
            {"synthetic", "screening", "estimated", "secondary"}
            <= set(r[{"zh": "标注", "en": "labels"}[lang]].split("; "))
            for r in rows
        )
