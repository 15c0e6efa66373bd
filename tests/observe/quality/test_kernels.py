"""Each test of the quality control by recorded arrays (monitoring.md section 2), and what must hold whatever the values."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qingshan.observe.quality.plan import TESTS, Plan
from qingshan.observe.quality.run import flag_blocks

from .conftest import BEGIN, HOUR, SERIES, plan, row, rows, table

BIT = {test: i for i, test in enumerate(TESTS)}
E20 = plan(
    rows("gross_range", fail_min="0", fail_max="100", suspect_min="none", suspect_max="none"),
    rows("spike", suspect="20", fail="40"),
    rows("rate_of_change", limit="30"),
    rows("flat_line", n_suspect="4", n_fail="6", eps="0"),
)


def flagged(
    source: pl.LazyFrame, limits: Plan, series: list[str] | None = None, **more: Any
) -> dict[str, dict[str, list[int]]]:
    """series -> flag, tests, not_run of all cells."""
    names = series or sorted(source.collect()["series"].unique())
    starts = source.collect()["start"]
    step = more.pop("step", HOUR)
    first, last = more.pop("first", starts.min()), more.pop("last", starts.max() + (step or HOUR))
    found: dict[str, dict[str, list[int]]] = {}
    for block, flags, picked in flag_blocks(source, names, limits, first, last, step, **more):
        for i, name in enumerate(block.series):
            entry = found.setdefault(name, {"flag": [], "tests": [], "not_run": []})
            for key, array in (("flag", flags.flag), ("tests", flags.tests), ("not_run", flags.not_run)):
                entry[key] += array[i][picked[i]].tolist()
    return found


def one(values: list[Any], limits: Plan, **more: Any) -> dict[str, list[int]]:
    return flagged(table({SERIES: values}), limits, **more)[SERIES]


def has(masks: list[int], test: str) -> list[int]:
    return [i for i, m in enumerate(masks) if m >> BIT[test] & 1]


def test_the_worked_example_e20() -> None:
    found = one([10, 12, 11, 60, 12, None, 11, 11, 11, 11, -1], E20)
    assert found["flag"] == [1, 1, 3, 4, 3, 9, 1, 1, 1, 3, 4]
    assert has(found["tests"], "spike") == [2, 3]  # s3 = 25, s4 = 48.5
    assert has(found["tests"], "rate_of_change") == [3, 4]  # 49 and 48 per hour
    assert has(found["tests"], "gross_range") == [10] and has(found["tests"], "flat_line") == [9]
    assert has(found["not_run"], "spike") == [0, 4, 5, 6, 10]  # ends, the gap and its neighbours
    assert has(found["not_run"], "rate_of_change") == [0, 5, 6]


def test_an_end_or_a_gap_is_not_evaluated_where_the_test_is_always_required() -> None:
    strict = Plan([*E20.rows, row("spike", "required", "yes")])
    assert one([10, 12, 11, 12, None, 11], strict)["flag"] == [2, 1, 1, 2, 9, 2]
    forgiving = Plan([*E20.rows, row("spike", "required", "except_gaps")])
    assert one([10, 12, 11, 12, None, 11], forgiving)["flag"] == [1, 1, 1, 1, 9, 1]


def test_a_test_without_its_limits_never_passes_silently() -> None:
    found = one([10, 12], plan())
    for test in ("gross_range", "spike", "rate_of_change", "flat_line", "physical_relation", "buddy", "status_word"):
        assert has(found["not_run"], test) == [0, 1]
    assert found["flag"] == [1, 1]  # the plan requires none of them
    for required in ("yes", "except_gaps"):
        assert one([10, 12], plan(rows("gross_range", required=required)))["flag"] == [2, 2]
    partly = plan(rows("gross_range", fail_min="0", fail_max="5", required="yes"))  # suspect bounds are not given
    assert one([10, 12], partly)["flag"] == [2, 2]


def test_gross_range_is_strict_and_exact() -> None:
    limits = plan(rows("gross_range", fail_min="0", fail_max="0.3", suspect_min="0.1", suspect_max="0.2"))
    assert one(["0", "-0.000000001", "0.3", "0.300000001", "0.1", "0.2", "0.099999999"], limits)["flag"] == [
        3,
        4,
        3,
        4,
        1,
        1,
        3,
    ]


def test_spike_at_the_threshold_is_none() -> None:
    limits = plan(rows("spike", suspect="2", fail="4"))
    assert one([0, 2, 0], limits)["flag"][1] == 1  # |2 - 0| = 2 is not above 2
    assert one(["0", "2.1", "0"], limits)["flag"][1] == 3
    assert one([0, -5, 0], limits)["flag"][1] == 4


def test_the_rate_is_per_hour_of_the_step() -> None:
    limits = plan(rows("rate_of_change", limit="1"))
    found = flagged(table({SERIES: [0, 4, 9]}, step=timedelta(hours=4)), limits, step=timedelta(hours=4))[SERIES]
    assert found["flag"] == [1, 1, 3]  # 4 in 4 h is 1 per hour, 5 is 1.25


def test_flat_line_counts_within_eps_of_each_other() -> None:
    limits = plan(rows("flat_line", n_suspect="3", n_fail="4", eps="0.5"))
    # the last three of 1.0 1.3 1.5 lie within 0.5; 1.0 1.3 1.5 1.6 do not, but 1.3 1.5 1.6 do
    assert one(["1.0", "1.3", "1.5", "1.6", "1.5", "9"], limits)["flag"] == [1, 1, 3, 3, 4, 1]


def test_a_flat_line_needs_one_of_its_counts_only() -> None:
    limits = plan(rows("flat_line", n_suspect="3", n_fail="none", eps="0"))
    assert one([5, 5, 5, 5, 5, 6], limits)["flag"] == [1, 1, 3, 3, 3, 1]


def test_physical_relation_looks_at_the_other_item_of_the_site() -> None:
    limits = plan(rows("physical_relation", not_above="air.pm10", tolerance="1"))
    source = table({SERIES: [10, 10, 10, None], "S1|air.pm10|1h": [10, 9, 8, 1]})
    found = flagged(source, limits)
    assert found[SERIES]["flag"] == [1, 1, 3, 9]
    alone = flagged(table({SERIES: [10, 10], "S2|air.pm10|1h": [1, 1]}), limits)
    assert has(alone[SERIES]["not_run"], "physical_relation") == [0, 1] and alone[SERIES]["flag"] == [1, 1]
    half = flagged(table({SERIES: [10, 10], "S1|air.pm10|1h": [None, 1]}), limits)
    assert has(half[SERIES]["not_run"], "physical_relation") == [0] and half[SERIES]["flag"] == [1, 3]


def test_buddies_within_the_radius() -> None:
    limits = plan(rows("buddy", radius="20", neighbours_min="3", k="3", mad_min="0"))
    values = {f"S{i}|air.pm25|1h": [v] for i, v in enumerate((30, 10, 12, 14, 10))}
    # neighbours of S0: 10 12 14, median 12, MAD 2: |30 - 12| > 6; of S1: 12 14 30, median 14, MAD 2: 4 <= 6
    places = {
        "S0": (106.0, 26.0),
        "S1": (106.05, 26.0),
        "S2": (106.0, 26.05),
        "S3": (106.05, 26.05),
        "S4": (108.0, 26.0),
    }
    found = flagged(table(values), limits, positions=places)
    assert [found[s]["flag"][0] for s in sorted(values)] == [3, 1, 1, 1, 1]
    assert has(found["S4|air.pm25|1h"]["not_run"], "buddy") == [0]  # alone
    floor = plan(rows("buddy", radius="20", neighbours_min="3", k="3", mad_min="6"))
    assert flagged(table(values), floor, positions=places)["S0|air.pm25|1h"]["flag"] == [1]  # 18 <= 3 x 6
    nowhere = flagged(table(values), limits)
    assert has(nowhere["S0|air.pm25|1h"]["not_run"], "buddy") == [0]


def test_status_words_by_the_plan() -> None:
    limits = plan(rows("status_word", 维护="9", calibration="3", ok="none"))
    source = table({SERIES: [1, 2, 3, 4, 5]}, status=["维护", "calibration", "ok", "offline", None])
    found = flagged(source, limits)[SERIES]
    assert found["flag"] == [9, 3, 1, 1, 1] and has(found["not_run"], "status_word") == [3]
    strict = Plan([*limits.rows, row("status_word", "required", "yes")])
    assert flagged(source, strict)[SERIES]["flag"] == [9, 3, 1, 2, 1]


def test_a_censored_value_has_its_bit_and_no_flag() -> None:
    found = flagged(table({SERIES: [1, 2]}, censored=[True, False]), plan())[SERIES]
    assert found["flag"] == [1, 1] and has(found["tests"], "detection_limit") == [0]


def test_a_censored_row_without_a_number_is_not_missing() -> None:
    """The store keeps `0.05L` as censored with its detection limit and without a value."""
    source = table({SERIES: [1, None, None, 2]}, censored=[False, True, False, False])
    found = flagged(source, E20)[SERIES]
    assert found["flag"] == [1, 1, 9, 1] and has(found["tests"], "missing") == [2]
    assert has(found["not_run"], "gross_range") == [1, 2]
    strict = Plan([*E20.rows, row("gross_range", "required", "yes")])
    assert flagged(source, strict)[SERIES]["flag"] == [1, 2, 9, 1]


def test_a_key_given_twice_with_other_values_is_suspect_and_a_stated_correction_is_not() -> None:
    twice = pl.concat([table({SERIES: [1, 2, 3]}), table({SERIES: [1, 5, 6]})])
    reasons = pl.Series([None, None, None, None, None, "sensor drift"])
    source = twice.with_columns(reason=reasons).sort("series", "start", maintain_order=True)
    found = flagged(source, plan())[SERIES]
    assert found["flag"] == [1, 3, 1] and has(found["tests"], "duplicate_key") == [1]


def test_a_missing_row_is_as_missing_as_a_row_without_a_value() -> None:
    source = table({SERIES: [1, 2, None, 4]}).filter(pl.col("start") != BEGIN + HOUR)
    found = flagged(source, plan())[SERIES]
    assert found["flag"] == [1, 9, 9, 1] and has(found["tests"], "missing") == [1, 2]


def test_rows_off_the_lattice_are_judged_without_their_neighbours() -> None:
    late = table({SERIES: [500]}, begin=BEGIN + timedelta(minutes=90))
    source = pl.concat([table({SERIES: [1, 2, 3]}), late]).sort("series", "start")
    found = flagged(source, E20, last=BEGIN + 3 * HOUR)[SERIES]
    assert found["flag"] == [1, 1, 1, 4] and has(found["not_run"], "spike") == [0, 2, 3]


def test_samples_without_a_step_run_what_needs_none() -> None:
    found = flagged(table({SERIES: [1, 500, 1]}), E20, step=None)[SERIES]
    assert found["flag"] == [1, 4, 1]
    assert has(found["not_run"], "spike") == has(found["not_run"], "flat_line") == [0, 1, 2]


def test_limits_change_on_their_day() -> None:
    old = [row("gross_range", p, v, last="2026-05-01") for p, v in (("fail_max", "10"),)]
    new = [row("gross_range", "fail_max", "20", first="2026-05-02")]
    rest = rows("gross_range", fail_min="none", suspect_min="none", suspect_max="none")
    found = one([15] * 48, plan(old, new, rest))
    assert found["flag"] == [4] * 24 + [1] * 24


def test_a_series_has_its_own_limit_before_that_of_its_property() -> None:
    own = plan(rows("rate_of_change", limit="1"), [row("rate_of_change", "limit", "9", scope=SERIES)])
    found = flagged(table({SERIES: [0, 5], "S2|air.pm25|1h": [0, 5]}), own)
    assert found[SERIES]["flag"] == [1, 1] and found["S2|air.pm25|1h"]["flag"] == [1, 3]


# --- properties

CELLS = st.lists(st.one_of(st.none(), st.integers(-5, 105)), min_size=30, max_size=60)
ALL = Plan(
    [*E20.rows, *rows("status_word", off="9"), *rows("physical_relation", not_above="air.pm10", tolerance="0"),
     *rows("buddy", radius="50", neighbours_min="1", k="2", mad_min="1"),
     *rows("spike", "air.pm10", suspect="10", fail="none"), *rows("flat_line", "air.pm10", n_suspect="2", n_fail="3", eps="2")],
    {},
)  # fmt: skip
PLACES = {"S1": (106.0, 26.0), "S2": (106.1, 26.0)}


def network(values: list[int | None]) -> pl.LazyFrame:
    third = len(values) // 3
    names = (SERIES, "S1|air.pm10|1h", "S2|air.pm25|1h")
    return table({n: values[i * third : (i + 1) * third] for i, n in enumerate(names)})


@settings(max_examples=40, deadline=None)
@given(CELLS, st.randoms(use_true_random=False))
def test_no_order_of_rows_matters(values: list[int | None], lot: Any) -> None:
    source = network(values)
    order = list(range(len(source.collect())))
    lot.shuffle(order)
    mixed = source.collect()[order].lazy()
    assert flagged(source, ALL, positions=PLACES) == flagged(mixed, ALL, positions=PLACES)


@settings(max_examples=40, deadline=None)
@given(CELLS, st.integers(1, 9))
def test_no_cut_in_time_or_sites_matters(values: list[int | None], cut: int) -> None:
    source = network(values)
    whole = flagged(source, ALL, positions=PLACES)
    names = sorted(whole)
    middle, end = BEGIN + cut * HOUR, BEGIN + (len(values) // 3) * HOUR
    parts = [
        flagged(source, ALL, names, first=a, last=b, positions=PLACES, size=1)
        for a, b in ((BEGIN, middle), (middle, end))
    ]
    joined = {n: {k: parts[0][n][k] + parts[1][n][k] for k in whole[n]} for n in names}
    assert joined == whole


@settings(max_examples=30, deadline=None)
@given(CELLS)
def test_a_flag_is_what_its_bits_say(values: list[int | None]) -> None:
    for entry in flagged(network(values), ALL, positions=PLACES).values():
        for flag, tests in zip(entry["flag"], entry["tests"], strict=True):
            raised = tests & 0x3FF & ~(1 << BIT["detection_limit"])
            expected = 9 if tests & 1 else 4 if tests >> 16 else 3 if raised else 1
            assert flag == expected and (tests >> 16) & ~tests == 0


def test_a_day_apart_from_midnight_starts_where_asked() -> None:
    found = one([1, 2, 3, 4], E20, first=datetime(2026, 5, 1, 1), last=datetime(2026, 5, 1, 3))
    assert found["flag"] == [1, 1] and has(found["not_run"], "spike") == []


def test_values_a_block_cannot_hold_are_refused() -> None:
    with pytest.raises(Exception, match=r"S1\|air.pm25\|1h.*larger than 4e\+09"):
        one([5_000_000_000], E20)


def test_memory_of_a_block_is_its_cells() -> None:
    block, flags, _ = next(flag_blocks(table({SERIES: [1, 2]}), [SERIES], E20, BEGIN, BEGIN + 2 * HOUR, HOUR))
    assert block.values.dtype == np.int64 and flags.flag.nbytes == 2 and flags.tests.nbytes == flags.not_run.nbytes == 8
