"""The profiles as data: what the specification lists, what is declared wrongly, what a zone may declare; and no code knows a zone."""

import ast
import csv
import os
import re
from pathlib import Path

import pytest

from qingshan.accounts.fill import open_slots
from qingshan.accounts.profile import find_profile, parse_profile, profiles
from qingshan.accounts.run import run_account, services_catalogue
from qingshan.core.domain import load_domains
from qingshan.core.errors import DeclarationError, UnknownName
from qingshan.core.units import unit

from .conftest import EAST, TINY, filled_run, make_zone

ROOT_FOLDER = Path(__file__).resolve().parents[2]
PAPERS = ("garze2017", "gaotianyan2017", "bo2017_asset")
OFFICIAL = ("gbt46869_2025", "hj1173_2021", "fgw481_2022", "guide2020")


@pytest.fixture(scope="module")
def known():
    return profiles(load_domains())


def test_every_profile_of_the_specification_is_there(known):
    assert {id for id, p in known.items() if not p.thematic} == {"screening", "spatial", *PAPERS, *OFFICIAL}
    assert {id for id, p in known.items() if p.thematic} == {"karst_survey"}


def test_only_the_documents_of_authorities_are_official(known):
    assert {id for id, p in known.items() if p.official} == set(OFFICIAL)
    assert {id for id, p in known.items() if p.gep_title} == set(OFFICIAL) - {"hj1173_2021"}
    assert all("draft" in known[id].labels for id in PAPERS) and known["screening"].labels == ("screening",)


def test_services_of_the_papers_and_of_hj1173_are_those_of_the_specification(known):
    folder = Path(os.environ.get("QINGSHAN_SHARED", ROOT_FOLDER / "../shared")) / "spec/tables/gep/profiles.csv"
    if not folder.exists():
        pytest.skip("the specification table profiles.csv is not here (set QINGSHAN_SHARED)")
    with folder.open(encoding="utf-8-sig", newline="") as stream:
        listed = [
            (r["profile"], r["service_id"], r["included"]) for r in csv.DictReader(stream) if r["service_id"] != "*"
        ]
    declared = {(p.id, u.id, u.included) for p in known.values() for u in p.services}
    assert len(listed) == 84 and set(listed) <= declared


def test_every_profile_speaks_of_every_service(known):
    catalogue = set(services_catalogue(load_domains()))
    for profile in (p for p in known.values() if not p.thematic):
        listed = [use.id for use in profile.services]
        assert len(listed) == len(set(listed))
        assert set(listed) | ({"A01"} if profile.id in ("fgw481_2022", "guide2020") else set()) == catalogue
        assert all(use.reason_zh and use.reason_en for use in profile.services if use.included != "yes")


def test_nothing_official_stands_on_a_price_or_coefficient_of_a_paper(known):
    """What GB/T 46869 computes with comes from its own slots; HJ 1173 has no price at all."""
    for binding in (b for r in known["gbt46869_2025"].recipes.values() for b in r.bind.values()):
        assert binding.get("set", "gbt46869_2025") == "gbt46869_2025"
    assert not known["hj1173_2021"].prices and not any(u.value for u in known["hj1173_2021"].services)


def test_every_open_slot_names_its_document_and_a_unit(known):
    parameters = load_domains().parameters()
    for profile in known.values():
        for row in open_slots(profile, parameters):
            assert row.document and unit(row.unit) is not None, row.name()
    assert {r.parameter for r in open_slots(known["fgw481_2022"], parameters)} == {"gep.profile.fgw481"}


def test_an_unknown_profile_names_those_that_are_there():
    with pytest.raises(UnknownName, match="screening"):
        find_profile(load_domains(), "invest")


BASE = {"id": "p", "zh": "口径", "en": "p", "official": False}
RAIN = {
    "id": "rain",
    "method": "climate.annual_sum@1",
    "bind": {"monthly_precipitation": {"fact": "climate.rain_month", "axis": "month"}},
}


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"quantity": [RAIN | {"bind": {}}]}, "takes"),
        ({"quantity": [RAIN | {"bind": {"monthly_precipitation": {"quantity": "snow"}}}]}, "snow"),
        ({"quantity": [RAIN | {"bind": {"monthly_precipitation": {"quantities": ["rain", "snow"]}}}]}, "snow"),
        ({"quantity": [RAIN | {"bind": {"monthly_precipitation": {"fact": "a", "parameter": "b"}}}]}, "exactly one"),
        ({"quantity": [RAIN | {"bind": {"monthly_precipitation": {"policy": "x"}}}]}, "no choice"),
        ({"quantity": [RAIN | {"bind": {"monthly_precipitation": {"class_fact": "x"}}}]}, "runs by place"),
        ({"quantity": [RAIN | {"spelling": 1}]}, "unknown keys"),
        ({"figures": ["rain"]}, "'rain' has no"),
        ({"service": [{"id": "G99"}]}, "G99"),
        ({"service": [{"id": "G02", "included": "perhaps"}]}, "perhaps"),
        ({"service": [{"id": "G02", "physical": "no.such"}]}, "no.such"),
        ({"service": [{"id": "G02", "value": "climate.rain_month"}]}, "climate.rain_month"),
    ],
)
def test_a_wrong_declaration_is_named(more, says):
    with pytest.raises(DeclarationError, match=re.escape(says)):
        parse_profile(BASE | more, load_domains(), "p.toml")


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ('[services.G99]\nincluded = "n/a"\nreason_zh = "无"\nreason_en = "none"\n', "G99"),
        ('[services.G05]\nincluded = "n/a"\n', "[services.G05] needs"),
        ('[services.G05]\nincluded = "never"\nreason_zh = "无"\nreason_en = "none"\n', "[services.G05] needs"),
        ("[items]\nproduct = [1, 2]\n", "[items]"),
    ],
)
def test_what_a_zone_declares_wrongly_is_one_error(tmp_path, home, more, says):
    with pytest.raises(DeclarationError, match=re.escape(says)):
        run_account(make_zone(tmp_path / "z", [("1", "static", "place.area", 1.0, "km2")], more=more), "screening")


def test_a_profile_at_the_zones_price_base_needs_one(tmp_path, home):
    folder = make_zone(tmp_path / "z", [("1", "static", "place.area", 1.0, "km2")])
    text = (folder / "zone.toml").read_text(encoding="utf-8")
    (folder / "zone.toml").write_text(text.replace("currency_year = 2020\n", ""), encoding="utf-8")
    with pytest.raises(DeclarationError, match="price base"):
        run_account(folder, "gbt46869_2025")


def test_two_types_without_a_declared_span_are_refused_not_guessed(tiny, edit):
    """The heat map of the zone gives heath two types; GB/T 46869 declares no span over it."""
    edit(tiny / "zone.toml", 'heath = ["草地"]\nfen = ["湿地"]', 'heath = ["草地", "湿地"]\nfen = ["湿地"]')
    fact = run_account(tiny, "gbt46869_2025").fact("gep.transpiration_cooling", EAST)
    assert "open_parameter" in {leaf.code for leaf in fact.refusal.leaves()}
    fact = filled_run(tiny).fact("gep.transpiration_cooling", EAST)
    assert {(leaf.code, leaf.needs) for leaf in fact.refusal.leaves()} == {("policy", "heat:heath")}


def code_lines(path: Path) -> list[str]:
    """Lines of a module that are neither docstring nor comment."""
    text = path.read_text(encoding="utf-8")
    lines = [line.split("  # ")[0] for line in text.splitlines()]
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None:
            first = node.body[0]
            lines[first.lineno - 1 : first.end_lineno] = [""] * (first.end_lineno - first.lineno + 1)
    return lines


def test_no_code_knows_the_built_in_zone():
    """No engine or face names the province, but for the name of the default zone and the examples that `--help` prints.

    A domain may cite documents of the province in a clause and name an edition after them; it never knows its code.
    """
    package = ROOT_FOLDER / "src" / "qingshan"
    found: dict[str, list[str]] = {}
    for path in sorted(package.rglob("*.py")):
        inside = path.relative_to(package)
        pattern = "520000" if inside.parts[0] == "domains" else "贵州|guizhou|520000"
        if inside.parts[0] != "zones" and (
            lines := [x.strip() for x in code_lines(path) if re.search(pattern, x, re.IGNORECASE)]
        ):
            found[inside.as_posix()] = lines
    assert set(found) == {"zone/zone.py", "faces/cli/verb.py", "faces/cli/verbs.py"}
    assert found["zone/zone.py"] == ['DEFAULT_ZONE = "guizhou"']
    assert all(
        re.search(r'--zone|"qingshan ', line) for name in ("verb", "verbs") for line in found[f"faces/cli/{name}.py"]
    )


def test_the_tiny_zone_shares_no_code_with_it():
    text = "".join(p.read_text(encoding="utf-8") for p in TINY.rglob("*") if p.is_file())
    assert not re.search("贵州|guizhou|520000", text, re.IGNORECASE)


def test_the_formula_behind_a_quantity_is_the_published_one():
    domains = load_domains()
    screening = find_profile(domains, "screening")
    assert screening.formula("gep.water_retention", domains.registry).ref == "water.retention@garze2017"
    assert screening.formula("water.yield_depth", domains.registry).ref == "water.yield_depth@balance"
