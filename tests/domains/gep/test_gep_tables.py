"""The typed tables: same numbers, sources and statuses as the specification; open slots; the service list."""

import re
from collections import Counter

import pytest

from qingshan.core.domain import load_domains
from qingshan.core.errors import MissingParameter
from qingshan.core.parameter import RELEASE_STATUSES
from qingshan.core.units import unit

OWNED = ("water", "climate", "air", "forest", "gep", "economy")
TABLES = ("parameters.csv", "runoff_coefficients.csv", "open_slots.csv")
NOT_NUMBERS = {"npp_casa/water_stress"}  # a formula, printed in forest.water_stress@casa
REOPENED = {"soil_retention_sediment/price"}  # its unit (元/t) cannot value a volume


def typed_rows(*domains):
    """Rows of the tables that carry the GEP parameters; a domain may hold other subjects' tables beside them."""
    rows = [row for name in domains or OWNED for row in load_domains().by_name[name].rows]
    return [row for row in rows if row.origin.rsplit("/", 1)[1] in TABLES]


def fingerprint(source, value, status):
    return source.strip(), float(value) if value not in (None, "") else None, status


def test_every_specified_parameter_is_typed_with_its_source_and_status(spec_table):
    wanted = Counter()
    for line in spec_table("parameters") + spec_table("runoff_coefficients"):
        name = f"{line['service']}/{line['parameter']}"
        if name in NOT_NUMBERS:
            continue
        status = "open" if name in REOPENED else line["status"]
        value = "" if status == "open" else line["value"]
        wanted[fingerprint(line["source_title"], value, status)] += 1
    typed = Counter(fingerprint(r.source_title, r.value, r.status) for r in typed_rows())
    assert wanted - typed == Counter()


def test_places_and_where_are_kept(spec_table):
    printed = {
        (r["source_title"], r["place"], r["source_where"])
        for r in spec_table("parameters") + spec_table("runoff_coefficients")
    }
    printed |= {(title, "", where) for title, place, where in printed if place == "not stated"}
    own = {"青山核算规则"}
    for row in typed_rows():
        if row.source_title and row.source_title not in own and row.cls != "K":
            assert (row.source_title, row.place, row.source_where) in printed, row.name()


def test_every_open_slot_of_the_specification_is_shipped_empty(spec_table):
    rows = load_domains().parameters()
    for slot in spec_table("open_slots"):
        with pytest.raises(MissingParameter) as refusal:
            rows.find(slot["slot"])
        assert re.search("[一-鿿]", refusal.value.document), slot["slot"]
        assert refusal.value.document in refusal.value.fix


def test_open_rows_name_what_to_obtain():
    for row in typed_rows():
        if row.status == "open":
            assert row.document and row.value is None, row.name()


def test_no_two_rows_claim_the_same_slot():
    seen = Counter((r.parameter, r.cls, r.set, r.place, r.year) for r in typed_rows())
    assert [slot for slot, count in seen.items() if count > 1] == []


def test_own_choices_are_not_fit_for_release():
    own = [r for r in typed_rows() if r.source_title == "青山核算规则"]
    assert {r.parameter for r in own} == {"water.fu_omega", "climate.water_density"}
    assert all(r.status == "project" and r.status not in RELEASE_STATUSES for r in own)
    omega = next(r for r in own if r.parameter == "water.fu_omega")
    assert (omega.low, omega.value, omega.high) == (2.3, 2.6, 2.9)


def test_the_twenty_services_and_the_asset():
    services = load_domains().by_name["gep"].declarations["services"]["service"]
    assert [s["id"] for s in services] == [f"G{i:02d}" for i in range(1, 21)] + ["A01"]
    assert Counter(s["category"] for s in services) == {"provisioning": 1, "regulating": 17, "cultural": 2, "asset": 1}
    assert len({s["code"] for s in services}) == 21
    for service in services:
        assert (
            re.fullmatch("[a-z][a-z0-9_]*", service["code"]) and service["zh"] and service["en"] and service["formula"]
        )
        unit(service["unit"])


def test_service_categories_and_units_as_specified(spec_table):
    services = {s["id"]: s for s in load_domains().by_name["gep"].declarations["services"]["service"]}
    for line in spec_table("services"):
        service = services[line["id"]]
        assert service["category"] == line["category"]
        if line["unit"] != "元":
            assert service["unit"] == line["unit"], line["id"]


@pytest.mark.parametrize("domain", OWNED)
def test_every_document_has_title_place_and_status(domain):
    documents = load_domains().by_name[domain].declarations["standards/clauses"]["document"]
    assert len({d["id"] for d in documents}) == len(documents)
    for document in documents:
        assert document["title"] and document["where"], document["id"]
        assert document["status"] in ("primary", "secondary", "ocr_doubt", "project", "open")


@pytest.mark.parametrize("domain", OWNED)
def test_every_parameter_set_is_a_document_of_its_domain(domain):
    declared = load_domains().by_name[domain]
    known = {d["id"] for d in declared.declarations["standards/clauses"]["document"]}
    for row in typed_rows(domain):
        if row.set:
            name = {"screening": "qingshan", "gong2017_A": "gong2017", "zhao2019_B": "zhao2019"}.get(row.set, row.set)
            assert name in known, row.name()


def test_every_method_of_these_domains_is_documented():
    modules = {f"qingshan.domains.{name}.methods" for name in OWNED}
    methods = [m for m in load_domains().registry.all() if m.function.__module__ in modules]
    assert len(methods) > 50
    for method in methods:
        assert "hape" in method.doc and method.formula and method.clause.document and method.zh and method.en, (
            method.ref
        )
