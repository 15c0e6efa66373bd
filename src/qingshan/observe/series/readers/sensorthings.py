"""SensorThings JSON as a source: a batch request of Observations, or CreateObservations with data arrays.

Both name their Datastream by `@iot.id`, the number of a series that the network has already.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import polars as pl

from ..model import RECEIVED, Network
from ..report import LoadReporter
from .table import Chunk

if TYPE_CHECKING:
    from ..store import Observations

_DATASTREAM = re.compile(r"(?:.*/)?Datastreams\(([0-9]+)\)/Observations/?")
_OBSERVATIONS = re.compile(r"(?:.*/)?Observations/?")
_FIELDS = ("site", "property", "averaging", "procedure", "feature", "state")


def is_batch(content: Any) -> bool:
    """Whether JSON is a SensorThings batch or a list of data arrays."""
    if isinstance(content, Mapping):
        return isinstance(content.get("requests"), list)
    return isinstance(content, list) and bool(content) and isinstance(content[0], Mapping) and "dataArray" in content[0]


def read_batch(content: Any, report: LoadReporter, store: Observations, network: Network) -> Iterator[Chunk]:
    """The observations of a batch as one chunk; a request that is none is told by its number."""
    known = {row["no"]: row for row in store.series(network.id).iter_rows(named=True)}
    rows: list[dict[str, Any]] = []
    if isinstance(content, Mapping):
        for number, request in enumerate(content.get("requests") or [], 1):
            _request(request, number, known, rows, report)
    else:
        number = 0
        for block in content if isinstance(content, list) else []:
            number = _array(block, number, known, rows, report)
    yield Chunk(pl.DataFrame(rows, schema=RECEIVED))


def _wrong(report: LoadReporter, number: int, why: str) -> None:
    report.add("bad_record", row=number, why=why)


def _request(
    request: Any, number: int, known: Mapping[int, Mapping[str, Any]], rows: list[dict[str, Any]], report: LoadReporter
) -> None:
    body = request.get("body") if isinstance(request, Mapping) else None
    if not isinstance(request, Mapping) or not isinstance(body, Mapping):
        return _wrong(report, number, "a request needs a body")
    url = str(request.get("url", ""))
    if str(request.get("method", "")).lower() != "post":
        return _wrong(report, number, "only POST is taken")
    linked = _DATASTREAM.fullmatch(url)
    if linked:
        stream: Any = {"@iot.id": linked[1]}
    elif _OBSERVATIONS.fullmatch(url):
        stream = body.get("Datastream")
    else:
        return _wrong(report, number, f"{url!r} takes no observations")
    _observation(body, stream, number, known, rows, report)


def _array(
    block: Any, number: int, known: Mapping[int, Mapping[str, Any]], rows: list[dict[str, Any]], report: LoadReporter
) -> int:
    components = block.get("components") if isinstance(block, Mapping) else None
    values = block.get("dataArray") if isinstance(block, Mapping) else None
    if not isinstance(components, list) or not isinstance(values, list):
        _wrong(report, number + 1, "a block needs Datastream, components and dataArray")
        return number + 1
    for cells in values:
        number += 1
        if not isinstance(cells, list) or len(cells) != len(components):
            _wrong(report, number, "the row has another number of cells than components")
            continue
        _observation(
            dict(zip(map(str, components), cells, strict=True)), block.get("Datastream"), number, known, rows, report
        )
    return number


def _observation(
    body: Mapping[str, Any], stream: Any, number: int, known: Mapping[int, Mapping[str, Any]], rows: list[dict[str, Any]],
    report: LoadReporter,
) -> None:  # fmt: skip
    id = str(stream.get("@iot.id", "")) if isinstance(stream, Mapping) else ""
    series = known.get(int(id)) if id.isdecimal() and len(id) < 19 else None
    if series is None:
        return _wrong(report, number, f"no Datastream {id!r}")
    start, _, end = str(body.get("phenomenonTime") or "").partition("/")
    result = body.get("result")
    given = body.get("parameters")
    parameters: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
    if isinstance(result, dict | list | bool):
        return _wrong(report, number, "the result is neither a number nor a text")
    rows.append(
        {field: series[field] for field in _FIELDS} | {
            "unit": series["unit"], "start": start, "end": end or None,
            "value_text": None if result is None else str(result),
            "detection_limit": _text(parameters.get("detection_limit")), "status": _text(parameters.get("status")),
            "row": number,
        }
    )  # fmt: skip


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
