"""The kernels beside the same tests and daily sums in polars: every flag of a seeded network."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from benchmarks import monitoring_network as network
from benchmarks import monitoring_oracle as oracle

from qingshan.observe.quality.run import flag_blocks
from qingshan.observe.statistics.kernels import day_sums


def test_flags_and_daily_sums_equal_polars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QINGSHAN_HOME", str(tmp_path))
    store, names = network.make(tmp_path, 2), network.series_of(2)
    source = store.spans("bench")
    frame = store.scan("bench").select("series", "start", "value").collect()
    expected = frame.with_columns(oracle.flags_in_polars(frame)["flag"])
    days = oracle.days_in_polars(expected)
    lattice_start, after = frame["start"].min(), frame["start"].max() + network.HOUR
    ours = []
    for block, flags, picked in flag_blocks(source, names, network.plan(), lattice_start, after, network.HOUR):
        ours.append(block.long({"flag": flags.flag}, picked))
        sums, counts = day_sums(block.values, flags.flag <= 2, 365)
        assert (
            sums.reshape(-1).tolist() == days["sum"].to_list()
            and counts.reshape(-1).tolist() == days["count"].to_list()
        )
    assert pl.concat(ours).equals(expected.select("series", "start", "flag"))
    assert set(expected["flag"]) == {1, 3, 4, 9}
