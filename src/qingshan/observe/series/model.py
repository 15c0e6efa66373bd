"""The shapes of monitoring data: networks, sites, series, samples and observations (monitoring spec §1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl

from qingshan.core.domain import load_domains

DECIMAL = pl.Decimal(28, 9)
PLACES = 9
"""Decimal places of a stored value. What is finer is rounded half to even with a warning; the text stays as received."""

MOMENT = pl.Datetime("ms")

OBSERVATION: dict[str, Any] = {
    "series": pl.String,
    "start": MOMENT,
    "end": MOMENT,
    "value_text": pl.String,
    "value": DECIMAL,
    "detection_limit": DECIMAL,
    "censored": pl.Boolean,
    "published": pl.String,
    "status": pl.String,
    "version": pl.Int32,
    "reason": pl.String,
    "author": pl.String,
    "load": pl.String,
    "row": pl.Int64,
    "unit": pl.String,
    "sample": pl.String,
}
"""Columns of an observation. `start`, `end`: wall time at the network's offset (UTC+8), no zone. `value_text` is as
received, in `unit` where that differs from the series' unit (else null); `value` and `detection_limit` are exact decimals
in the unit of the series. A censored value (`0.05L`, `<0.05`, `ND(0.05)`) has `censored`, its `detection_limit` and no
`value`; a text series (published classes) has `value_text` alone. `load` is the sha-256 of the source, `row` the row in it."""

KEY = ("series", "start")

UNSTATED = ("duplicate key in one source", "supplied again with another value")
"""Reasons a load gives by itself to a further version; any other reason is a correction that somebody stated."""

RECEIVED: dict[str, Any] = {
    "site": pl.String,
    "property": pl.String,
    "averaging": pl.String,
    "procedure": pl.String,
    "feature": pl.String,
    "unit": pl.String,
    "state": pl.String,
    "start": pl.String,
    "end": pl.String,
    "value_text": pl.String,
    "detection_limit": pl.String,
    "published": pl.String,
    "status": pl.String,
    "sample": pl.String,
    "row": pl.Int64,
}
"""Columns a reader gives: everything as text, as it stands in the file, null where the file says nothing."""

SITE: dict[str, Any] = {
    "id": pl.String,
    "name_zh": pl.String,
    "name_en": pl.String,
    "kind": pl.String,
    "adcode": pl.String,
    "basin": pl.String,
    "river": pl.String,
    "river_km": pl.Float64,
    "downstream": pl.String,
    "lon": pl.Float64,
    "lat": pl.Float64,
    "altitude": pl.Float64,
    "water_body_type": pl.String,
    "air_zone": pl.String,
    "land_use": pl.String,
    "parent": pl.String,
    "valid_from": pl.String,
    "valid_to": pl.String,
    "source": pl.String,
    "status": pl.String,
    "note": pl.String,
}
"""Columns of a site. `river_km` is the distance to the mouth, `downstream` the next site on the river, `parent` the lake,
orchard or facility that the site belongs to. Coordinates are degrees."""

WATER_BODY_TYPES = ("river", "lake_reservoir")
AIR_ZONES = ("1", "2")

SAMPLE: dict[str, Any] = {
    "id": pl.String,
    "site": pl.String,
    "kind": pl.String,
    "taken": MOMENT,
    "depth_top_cm": pl.Float64,
    "depth_bottom_cm": pl.Float64,
    "land_use": pl.String,
    "ph": pl.String,
    "mass_g": pl.String,
    "area_m2": pl.String,
    "note": pl.String,
}
"""Columns of a sample (soil, film, fish, tissue, leachate, water). `ph`, `mass_g`, `area_m2` as received: they are compared
with bins and limits, so they stay exact."""

SERIES: dict[str, Any] = {
    "id": pl.String,
    "no": pl.Int64,
    "site": pl.String,
    "property": pl.String,
    "averaging": pl.String,
    "procedure": pl.String,
    "feature": pl.String,
    "unit": pl.String,
    "received_unit": pl.String,
    "state": pl.String,
    "rows": pl.Int64,
    "first": MOMENT,
    "last": MOMENT,
}
"""Columns of a series. `state`: `reference` (298.15 K, 1013.25 hPa), `ambient`, another state's name, `open` (not known),
or '' where the property has none. `rows` counts keys, not versions."""

STEPS = {
    "1min": 1,
    "5min": 5,
    "10min": 10,
    "15min": 15,
    "30min": 30,
    "1h": 60,
    "4h": 240,
    "8h": 480,
    "24h": 1440,
    "1d": 1440,
}
"""Minutes of the steps a network may declare; `sample` and `instant` have none."""


def series_id(site: str, property: str, averaging: str, procedure: str = "", feature: str = "") -> str:
    """`site|property|averaging`, with `|procedure` where several measure the same and `@feature` for a depth or a part."""
    tail = (f"|{procedure}" if procedure else "") + (f"@{feature}" if feature else "")
    return f"{site}|{property}|{averaging}{tail}"


@dataclass(frozen=True)
class Procedure:
    """How a property is measured: method standard, instrument, detection limit, calibration record."""

    id: str
    property: str = ""
    zh: str = ""
    en: str = ""
    standard: str = ""
    instrument: str = ""
    detection_limit: str = ""
    unit: str = ""
    calibration: str = ""


READING_LABELS = ("estimated", "screening")
"""What the readings of a network may be labelled: worked out by a model, or by portable and simple means that show an order of magnitude."""


@dataclass(frozen=True)
class Network:
    """One declared network (`networks/ID.toml` of a zone).

    `step` is the regular interval or '' where samples are taken by hand; `averaging` names what a value stands for; the
    time of a row is that of its `start` or `end` as `time_label` says. `gas_state` is the state gases are given at. `flow_speed_km_h`
    is how fast what one section sees reaches the next, 0 where nobody has said so. `labelled` says what else than measured by a method
    standard its readings are (`READING_LABELS`).
    """

    id: str
    domain: str
    zh: str
    en: str
    operator: str = ""
    step: str = ""
    averaging: str = "instant"
    time_label: str = "start"
    utc_offset: str = "+08:00"
    gas_state: str = "open"
    rules: str = ""
    report_rules: str = ""
    kind: str = ""
    feeds: tuple[str, ...] = ()
    open_sites: bool = False
    synthetic: bool = False
    labelled: tuple[str, ...] = ()
    source: str = ""
    note: str = ""
    note_zh: str = ""
    flow_speed_km_h: float = 0.0
    procedures: Mapping[str, Procedure] = field(default_factory=dict)
    path: Path | None = None
    generator: Mapping[str, Any] = field(default_factory=dict)

    @property
    def folder(self) -> Path | None:
        """The folder of the network's tables (`networks/ID/`), None where the network is not of a zone folder."""
        return self.path.with_suffix("") if self.path else None

    @property
    def labels(self) -> list[str]:
        """What everything that comes from this network is labelled with, wherever it is shown."""
        return [*(["synthetic"] if self.synthetic else []), *self.labelled]

    def name(self, lang: str = "zh") -> str:
        return self.zh if lang == "zh" else self.en


@dataclass(frozen=True)
class SiteKind:
    """A kind of site, declared by a domain (`sites.toml`). `needs` are columns that its evaluation cannot do without."""

    id: str
    zh: str
    en: str
    needs: tuple[str, ...] = ()


@lru_cache(maxsize=1)
def site_kinds() -> dict[str, SiteKind]:
    """Every declared kind of site by id."""
    return {
        raw["id"]: SiteKind(raw["id"], raw["zh"], raw["en"], tuple(raw.get("needs", ())))
        for _, content in load_domains().declared("sites")
        for raw in content["kind"]
    }
