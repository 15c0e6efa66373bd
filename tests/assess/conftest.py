"""Small zones written row by row, the declared rule sets, and the shared tables where they are at hand."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from qingshan.core.domain import load_domains
from qingshan.core.parameter import Parameters, parse_row
from qingshan.zone.zone import Zone, open_zone

ROOT = Path(__file__).resolve().parents[2]
FACT_HEADER = "place_code,period,quantity,name_zh,kind,op,value,unit,source_title,issuer,status,note"
ZONE = """
[zone]
id = "tiny"
name_zh = "小县"
name_en = "Tiny"
root = "1"
default_profile = "none"
profiles = []
[[level]]
id = "county"
zh = "县"
en = "county"
[[period]]
id = "2024"
year = 2024
zh = "2024"
en = "2024"
[[quantity]]
id = "tiny.planted"
zh = "植树面积"
en = "area planted"
unit = "hm2"
rollup = "sum"
[[quantity]]
id = "tiny.share"
zh = "好水占比"
en = "share of good water"
unit = "%"
rollup = "none"
[[quantity]]
id = "tiny.denominator"
zh = "分母"
en = "denominator"
unit = "km2"
rollup = "sum"
"""

ZoneMaker = Callable[..., Zone]


@pytest.fixture
def make_zone(tmp_path: Path) -> ZoneMaker:
    """`make_zone(rows, links="", missing=())`: rows are (period, quantity, kind, op, value, unit[, status[, source]])."""

    def make(rows: Iterable[tuple[str, ...]], links: str = "", missing: Iterable[str] = ()) -> Zone:
        (tmp_path / "facts").mkdir(exist_ok=True)
        (tmp_path / "zone.toml").write_text(ZONE, encoding="utf-8")
        (tmp_path / "places.csv").write_text(
            "code,name_zh,name_en,level,parent\n1,小县,Tiny,county,\n", encoding="utf-8"
        )
        lines = [FACT_HEADER]
        for period, quantity, kind, op, value, unit, *more in rows:
            status, source = (*more, "primary", "公报")[:2] if len(more) < 2 else more[:2]
            lines.append(f"1,{period},{quantity},,{kind},{op},{value},{unit},{source},,{status},")
        (tmp_path / "facts" / "rows.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        head = "quantity,name_zh,place_code,period,document\n"
        (tmp_path / "missing.csv").write_text(head + "".join(f"{line}\n" for line in missing), encoding="utf-8")
        (tmp_path / "targets.toml").write_text(links, encoding="utf-8")
        zone = open_zone(tmp_path)
        assert [f.sentence() for f in zone.findings if f.level == "error"] == []
        return zone

    return make


@pytest.fixture
def parameters() -> Parameters:
    """The package's rows: every weight slot open."""
    return load_domains().parameters()


WeightRows = Callable[[Parameters, str, dict[str, float]], Parameters]
SharedTable = Callable[[str], list[dict[str, str]]]


@pytest.fixture
def weight_rows() -> WeightRows:
    """`weight_rows(parameters, slot, weights)`: the rows with a weight table imported into the slot, in per cent."""
    return _weight_rows


def _weight_rows(parameters: Parameters, slot: str, weights: dict[str, float]) -> Parameters:
    raw = [
        {
            "parameter": slot, "class": name, "value": str(value), "unit": "%", "source_title": "某县双考核办法", "edition": "2024",
            "source_where": "附表1", "status": "primary",
        }
        for name, value in weights.items()
    ]  # fmt: skip
    parameters.add(parse_row(row, "filled.csv", i, "accountant") for i, row in enumerate(raw, 2))
    return parameters


@pytest.fixture
def shared_table() -> SharedTable:
    """`shared_table(name)`: rows of a table of the shared specification; skips where it is not at hand."""
    return _shared_table


def _shared_table(name: str) -> list[dict[str, str]]:
    folder = Path(os.environ.get("QINGSHAN_SHARED") or ROOT.parent / "shared")
    path = folder / "spec" / "tables" / name
    if not path.is_file():
        pytest.skip(f"the shared specification is not here: {name}")
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))
