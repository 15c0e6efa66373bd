"""The published client frost-sta-client reads the service unmodified; what it does not reach is asked for plainly."""

from __future__ import annotations

from typing import Any

import frost_sta_client as fsc
import httpx
import pytest

from .conftest import HOURS

pytestmark = pytest.mark.filterwarnings("ignore:furl.pathstr:DeprecationWarning")


@pytest.fixture(scope="module")
def service(server: str) -> Any:
    return fsc.SensorThingsService(f"{server}/sta/air/v1.1")


def get(server: str, path: str, status: int = 200) -> Any:
    answer = httpx.get(f"{server}/sta/air/v1.1/{path}", timeout=20)
    assert answer.status_code == status, answer.text
    return answer.json()


# --- the client, as the spec of the project asks (monitoring.md, 1)


def test_things_are_filtered(service: Any) -> None:
    found = list(service.things().query().filter("name eq '马鞍山'").list())
    assert [(t.id, t.name, t.properties["id"]) for t in found] == [(1, "马鞍山", "A1")]


def test_a_datastream_is_found_by_its_number(service: Any) -> None:
    stream = service.datastreams().find(1)
    assert stream.unit_of_measurement.symbol == "ug/m3"
    assert stream.properties["series"] == "A1|air.pm25|1h" and stream.properties["rows"] == HOURS


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_observations_come_in_pages_by_key(service: Any, order: str) -> None:
    listed = service.datastreams().find(2).get_observations().query().top(3).orderby("phenomenonTime", order).list()
    assert len(listed.entities) == 3 and "$skiptoken" in listed.next_link
    results = [o.result for o in listed]
    wanted = [n / 2 for n in range(HOURS)]
    assert results == (wanted if order == "asc" else wanted[::-1])
    assert len({o.id for o in listed.entities}) == HOURS


def test_censored_and_missing_values_are_no_numbers(service: Any) -> None:
    listed = list(service.datastreams().find(1).get_observations().query().top(10).list())
    below, missing = listed[7], listed[9]
    assert below.result is None and below.parameters["censored"] and below.parameters["detection_limit"] == 2
    assert missing.result is None and missing.parameters["value_text"] == "*" and not missing.parameters["censored"]


def test_a_filter_on_time_and_result_with_the_count(service: Any) -> None:
    asked = "phenomenonTime ge 2020-03-01T20:00:00+08:00 and result gt 11.5"
    listed = service.datastreams().find(2).get_observations().query().filter(asked).count().list()
    # hours 20 to 29 have results 10 to 14.5; above 11.5 are hours 24 to 29
    assert listed.count == 6 and [o.result for o in listed] == [12, 12.5, 13, 13.5, 14, 14.5]


def test_links_lead_from_entity_to_entity(service: Any) -> None:
    thing = service.things().find(1)
    assert [d.name for d in thing.get_datastreams().query().list()] == ["马鞍山 细颗粒物"]
    assert [place.location["coordinates"] for place in thing.get_locations().query().list()] == [[106.7, 26.6]]
    assert service.observed_properties().find("air.so2").description == "sulphur dioxide"
    assert service.sensors().find("beta").metadata == "HJ 653"
    assert [h.time for h in service.historical_locations().query().list()] == ["2019-05-01T00:00:00+08:00"]
    assert [f.id for f in service.features_of_interest().query().list()] == [1, 2, 3]


def test_expand_and_select_are_nested(service: Any) -> None:
    inner = "Datastreams($select=name;$expand=Observations($top=1;$orderby=phenomenonTime desc))"
    thing = next(iter(service.things().query().expand(inner).list()))
    stream = thing.datastreams.entities[0]
    assert stream.name == "马鞍山 细颗粒物" and [o.result for o in stream.observations] == [29]


def test_an_observation_is_found_again(service: Any) -> None:
    first = service.observations().query().top(1).list().entities[0]
    assert service.observations().find(first.id).result == first.result


# --- plainly


def test_the_root_lists_the_entities(server: str) -> None:
    names = {entry["name"] for entry in get(server, "")["value"]}
    assert {"Things", "Datastreams", "Observations", "FeaturesOfInterest"} <= names


def test_a_plus_is_a_space_also_before_the_offset(server: str) -> None:
    answer = get(server, "Datastreams(2)/Observations?$filter=phenomenonTime+ge+2020-03-02T05:00:00+08:00&$count=true")
    assert answer["@iot.count"] == 1 and answer["value"][0]["result"] == 14.5


def test_all_series_page_by_key_without_loss(server: str) -> None:
    seen: list[int] = []
    address = f"{server}/sta/air/v1.1/Observations?$top=7"
    while address:
        answer = httpx.get(address, timeout=20).json()
        seen += [o["@iot.id"] for o in answer["value"]]
        address = answer.get("@iot.nextLink", "")
    assert len(seen) == len(set(seen)) == 3 * HOURS


def test_the_newest_of_all_series(server: str) -> None:
    newest = get(server, "Observations?$orderby=phenomenonTime desc&$top=3&$select=phenomenonTime")["value"]
    assert {o["phenomenonTime"] for o in newest} == {"2020-03-02T05:00:00+08:00/2020-03-02T06:00:00+08:00"}
    assert all(set(o) == {"phenomenonTime"} for o in newest)


@pytest.mark.parametrize(
    "path",
    ["Datastreams?$filter=Thing/id eq 2 and startswith(ObservedProperty/name, '二氧化')",
     "Datastreams?$filter=(unitOfMeasurement/symbol eq 'ug/m3') and not (name eq '马鞍山 细颗粒物')",
     "Things(2)/Datastreams", "ObservedProperties('air.so2')/Datastreams"],
)  # fmt: skip
def test_filters_reach_over_links(server: str, path: str) -> None:
    assert [d["@iot.id"] for d in get(server, path)["value"]] == [2]


def test_one_property_and_its_bare_value(server: str) -> None:
    assert get(server, "Datastreams(1)/Thing/name") == {"name": "马鞍山"}
    assert get(server, "Datastreams(1)/Thing/name/$value") == "马鞍山"


@pytest.mark.parametrize(
    ("path", "status"),
    [("Things(99)", 404), ("Nothing", 404), ("Things(1)/Sensors", 404), ("Things?$filter=name eq", 400),
     ("Things?$top=many", 400), ("Things?$filter=" + "(" * 60 + "true" + ")" * 60, 400), ("Things?$expand=Wheels", 400),
     ("Datastreams(1)/Observations?$filter=colour eq 1", 400), ("Things?$odd=1", 400), ("Observations?$skiptoken=kxx", 400)],
)  # fmt: skip
def test_what_cannot_be_answered_says_so(server: str, path: str, status: int) -> None:
    assert get(server, path, status)["message"]


def test_a_network_that_is_not_there(server: str) -> None:
    assert httpx.get(f"{server}/sta/sea/v1.1/Things").status_code == 404
