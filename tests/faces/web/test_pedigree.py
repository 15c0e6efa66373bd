"""Pedigree: from a figure to its raw rows, refusals with their documents, printed figures that no run uses."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.testclient import TestClient

from qingshan.accounts.run import Run
from qingshan.faces.web.lineage import class_name
from qingshan.faces.web.words import Words
from qingshan.zone.zone import Zone


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", re.sub(r"<script.*?</script>", " ", html, flags=re.S)))


def test_the_chain_of_a_countys_water_yield(client: TestClient, guizhou: tuple[Zone, Run]) -> None:
    """赤水: 458.07 mm × 1,840.4 km2 = 8.43 亿 m3, ω 2.6 (2.3–2.9), 12 + 12 monthly readings (shared picture 4)."""
    run = guizhou[1]
    html = client.get(f"/zh/pedigree/{run.fact('water.yield_volume', '520381').key}").text
    text = text_of(html)
    assert "1000 × 1,840.4 × 458.07 =" in text
    assert "8.43 亿 m³" in text
    assert "2.6" in text and "2.3–2.9" in text
    assert "water.yield_volume@balance" in text
    assert f"qingshan verify {run.id}" in text
    assert "遵义 产水量" in text and "贵州 产水量" in text  # who uses it
    assert html.count("<svg") > 2  # the year's course of rain and temperature
    sha = run.manifest["files"]["inputs/zone/facts/county_screening.csv"]
    assert sha in html and f"{sha[:12]}…{sha[-4:]}" in text


def test_links_lead_one_level_down_to_a_raw_row(client: TestClient, guizhou: tuple[Zone, Run]) -> None:
    run = guizhou[1]
    address = f"/zh/pedigree/{run.fact('water.yield_volume', '520000').key}"
    for _ in range(8):
        html = client.get(address).text
        inside = re.search(r'<ol class="chain">.*?</ol>', html, re.S)
        assert inside
        below = re.findall(r'href="(/zh/pedigree/[0-9a-f]{64})', inside[0])
        if not below:
            break
        address = below[0]
    assert "county_screening.csv:" in text_of(html)  # the file and the row


def test_a_province_page_stays_small_and_its_json_is_whole(client: TestClient, guizhou: tuple[Zone, Run]) -> None:
    run = guizhou[1]
    key = run.accounted("520000").key  # type: ignore[union-attr]
    page = client.get(f"/zh/pedigree/{key}")
    assert len(page.content) < 120_000  # thousands of nodes stand below
    tree = client.get(f"/zh/pedigree/{key}.json").json()["record"]
    assert tree == json.loads(json.dumps(run.explain(key)))
    short = client.get(f"/zh/pedigree/{key}.json?depth=1").json()["record"]
    assert all("children" not in child["tree"] for child in short["children"])


def test_a_refusal_shows_its_tree_and_documents(client: TestClient, guizhou: tuple[Zone, Run]) -> None:
    fact = guizhou[1].fact("gep.water_retention", "520102")
    assert fact.refused
    html = client.get(f"/zh/pedigree/{fact.key}").text
    text = text_of(html)
    assert re.search(r'<h1[^>]*class="refused"[^>]*>拒算', html)
    for leaf in fact.refusal.leaves()[:5]:  # type: ignore[union-attr]
        assert leaf.zh in text
        assert leaf.document in text


def test_a_printed_figure_has_a_pedigree_of_its_own(client: TestClient, guizhou: tuple[Zone, Run]) -> None:
    """The communiqué of 2022 prints 20,164.58 亿元; a later series prints 20,010.4. Both stand there."""
    fact = guizhou[0].facts.best("economy.gdp", "520000", "2022")
    assert fact is not None
    text = text_of(client.get(f"/zh/pedigree/{fact.key}").text)
    assert "20164.58" in text
    assert "20,010.4 亿元" in text
    assert f"{fact.file}:{fact.row}" in text


def test_merged_figures_name_their_rows(client: TestClient, guizhou: tuple[Zone, Run]) -> None:
    merged = next(f for f in guizhou[0].facts.all() if f.parts)
    text = text_of(client.get(f"/zh/pedigree/{merged.key}").text)
    assert f"由 {len(merged.parts)} 行原数合并" in text
    assert all(part.place_zh in text for part in merged.parts)


@pytest.mark.parametrize("key", ["0" * 64, "nope", "0" * 63 + "G"])
def test_an_unknown_key_is_not_found(client: TestClient, key: str) -> None:
    answer = client.get(f"/zh/pedigree/{key}", headers={"accept": "text/html"})
    assert answer.status_code == 404


def test_a_difference_names_what_is_taken_off(client: TestClient, guizhou: tuple[Zone, Run]) -> None:
    """`unallocated` is the place's area less every class on file."""
    run = guizhou[1]
    fact = next(f for f in run.extent("520000") if f.cls == "unallocated" and not f.refused)
    text = text_of(client.get(f"/zh/pedigree/{fact.key}").text)
    assert "总数减去各项" in text
    assert "− 乔木林地" in text


def test_every_published_cell_of_a_place_has_a_page(client: TestClient, guizhou: tuple[Zone, Run]) -> None:
    run = guizhou[1]
    for place in ("520000", "520381"):
        for fact in [f for f in run.facts if f.place == place][::3]:
            assert client.get(f"/en/pedigree/{fact.key}").status_code == 200


def test_a_class_of_inventories_is_not_split_at_its_sign() -> None:
    """`age_class:>60` is a value of a column; `woods>crops` without colons is a change from one class to the other."""
    extent = {"class": [{"id": "woods", "zh": "林地", "en": "woods"}, {"id": "crops", "zh": "耕地", "en": "crops"}]}
    ask: Any = SimpleNamespace(zone=SimpleNamespace(config={"extent": extent}), t=Words("en"))
    assert class_name(ask, "age_class:>60") == "age class >60"
    assert class_name(ask, "woods>crops") == "woods → crops"
    assert class_name(ask, "woods>unallocated").startswith("woods → ")
