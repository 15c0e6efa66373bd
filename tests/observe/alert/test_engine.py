"""States, events and replay by hand: the worked example E21 and what must hold for missing and doubtful values."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qingshan.core.errors import DeclarationError
from qingshan.observe.alert.engine import EPOCH, STATES, AlertEvent, Reading, Track, evaluated, events_of, linked
from qingshan.observe.alert.replay import Episode, Limit, messages, score
from qingshan.observe.alert.rule import COLUMNS, AlertRule, expression, read_alert_rules

HOUR = timedelta(hours=1)
BEGIN = datetime(2026, 1, 1)
E21 = AlertRule(
    "pm25_high", "air.pm25", "ug/m3", "1h", 1, ">", 150.0, 2, 3, 115.0, "warning", ("duty", "bureau"), date(2026, 1, 1), None, "", "centre"
)  # fmt: skip


def track(values: list[float | None], rule: AlertRule = E21, flags: list[int] | None = None, site: str = "S") -> Track:
    array = np.array([np.nan if v is None else v for v in values])
    times = round((BEGIN - EPOCH).total_seconds() * 1000) + np.arange(len(values)) * 3_600_000
    given = np.array(flags or [9 if v is None else 1 for v in values], dtype=np.uint8)
    return evaluated(rule, site, times, {"air.pm25": Reading(array, given)}, HOUR)


def states(values: list[float | None], **more: object) -> list[str]:
    return [STATES[s] for s in track(values, **more).state]  # type: ignore[arg-type]


def changed(rule: AlertRule, **fields: object) -> AlertRule:
    return AlertRule(**{**{name: getattr(rule, name) for name in AlertRule.__slots__}, **fields})  # type: ignore[arg-type]


def test_the_worked_example_e21() -> None:
    assert states([100, 160, 155, 120, 110, 160]) == ["normal", "pending", "active", "active", "cleared", "pending"]
    found = [(e.time, e.before, e.after) for e in events_of(track([100, 160, 155, 120, 110, 160]))]
    assert found == [
        (BEGIN + HOUR, "normal", "pending"), (BEGIN + 2 * HOUR, "pending", "active"), (BEGIN + 4 * HOUR, "active", "cleared"),
        (BEGIN + 5 * HOUR, "cleared", "pending"),
    ]  # fmt: skip


def test_missing_and_failed_values_change_nothing() -> None:
    assert states([160, 155, None, None, 114]) == ["pending", "active", "active", "active", "cleared"]
    assert states([160, 155, 10, 114], flags=[1, 1, 4, 1]) == ["pending", "active", "active", "cleared"]
    assert states([160, 155], flags=[4, 9]) == ["normal", "normal"]


def test_a_suspect_value_raises_no_more_than_pending_and_clears_nothing() -> None:
    assert states([160, 160, 160, 160], flags=[3, 3, 3, 3]) == ["pending"] * 4
    assert states([160, 160, 160], flags=[1, 3, 1]) == ["pending", "pending", "active"]
    assert states([160, 155, 10, 10], flags=[1, 1, 3, 1]) == ["pending", "active", "active", "cleared"]


def test_exceedances_before_clearing_count_no_more() -> None:
    wide = changed(E21, m=2, n=6)
    assert states([160, 155, 110, 160, 100, 160], rule=wide) == [
        "pending",
        "active",
        "cleared",
        "pending",
        "pending",
        "active",
    ]


def test_cleared_and_pending_return_to_normal() -> None:
    assert states([160, 155, 110, 100, 160, 100, 100, 100])[3:] == ["normal", "pending", "pending", "pending", "normal"]


def test_averaging_needs_its_values_and_the_limit_may_be_a_least() -> None:
    eight = changed(E21, averaging="8h", least=6, limit=100.0, clear=90.0, m=1, n=1)
    values: list[float | None] = [None, None, 120, 120, 120, 120, 120, 120]  # six of eight at the last hour: 120
    assert states(values, rule=eight) == ["normal"] * 7 + ["active"]
    low = changed(E21, operator="<", limit=2.0, clear=5.0, m=1, n=1)
    assert states([3, 1, 4, 6], rule=low) == ["normal", "active", "active", "cleared"]


def test_a_rule_holds_in_its_dates() -> None:
    ends = changed(E21, m=1, n=1, valid_to=date(2026, 1, 1))
    assert states([200.0] * 25, rule=ends)[23:] == ["active", "normal"]


def test_an_expression_over_two_items_takes_the_worst_flag() -> None:
    both = changed(E21, expression="(air.no2 + air.no) * 2", limit=100.0, clear=50.0, m=1, n=1)
    times = np.arange(3) * 3_600_000 + round((BEGIN - EPOCH).total_seconds() * 1000)
    no2 = Reading(np.array([40.0, 40.0, 40.0]), np.array([1, 1, 1], dtype=np.uint8))
    no = Reading(np.array([20.0, 20.0, 20.0]), np.array([3, 4, 1], dtype=np.uint8))
    made = evaluated(both, "S", times, {"air.no2": no2, "air.no": no}, HOUR)
    assert [STATES[s] for s in made.state] == ["pending", "pending", "active"] and np.isnan(made.value[1])
    alone = evaluated(both, "S", times, {"air.no2": no2}, HOUR)
    assert np.isnan(alone.value).all()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "150",
        "air.pm25 > 3",
        "__import__('os')",
        "air.pm25 ** 2",
        "air.pm25.x",
        "[air.pm25]",
        "air.pm25 if 1 else 2",
    ],
)
def test_an_expression_is_arithmetic_and_nothing_else(text: str) -> None:
    with pytest.raises(DeclarationError):
        expression(text)


def test_the_same_history_gives_the_same_hashes_and_another_value_another() -> None:
    a = [e.inputs for e in events_of(track([100, 160, 155, 120, 110, 160]))]
    assert a == [e.inputs for e in events_of(track([100, 160, 155, 120, 110, 160]))] and len(set(a)) == 4
    b = [e.inputs for e in events_of(track([100, 160, 156, 120, 110, 160]))]
    assert b[0] == a[0] and b[1] != a[1]
    other = changed(E21, limit=149.0)
    assert next(iter(events_of(track([100, 160], rule=other)))).inputs != a[0]


VALUES = st.lists(st.one_of(st.none(), st.sampled_from([100.0, 120.0, 160.0])), min_size=1, max_size=40)


@settings(max_examples=100, deadline=None)
@given(VALUES, st.data())
def test_missing_values_between_never_end_an_alert(values: list[float | None], data: st.DataObject) -> None:
    """Taking out the hours without a value leaves the same states at the hours with one."""
    there = [i for i, v in enumerate(values) if v is not None]
    kept = states([values[i] for i in there]) if there else []
    assert [states(values)[i] for i in there] == kept
    all_states = states(values)
    for i, v in enumerate(values):
        if v is None:
            assert all_states[i] == (all_states[i - 1] if i else "normal")


# --- replay


def event(
    hour: int, after: str, before: str = "pending", site: str = "S", who: tuple[str, ...] = ("duty",)
) -> AlertEvent:
    return AlertEvent("r", site, BEGIN + hour * HOUR, before, after, 1.0, "warning", who, "x")


def test_hits_misses_false_alarms_and_lead() -> None:
    """Alerts at hours 10 to 20, 50 to 55 and 90 to the end; episodes at 14 to 30 (lead 4 h), 60 to 70 (none within 3 h), 89 to 95 (lead -1 h)."""
    events = [
        event(10, "active"),
        event(20, "cleared", "active"),
        event(50, "active"),
        event(55, "cleared", "active"),
        event(90, "active"),
    ]
    episodes = [Episode("S", BEGIN + a * HOUR, BEGIN + b * HOUR) for a, b in ((14, 30), (60, 70), (89, 95))]
    last = BEGIN + timedelta(days=365.25)
    found = score(events, episodes, BEGIN, last, 2, 3 * HOUR)
    assert (found.hits, found.misses, found.false_alarms, found.leads) == (2, 1, 1, (4.0, -1.0))
    assert (
        found.site_years == 2
        and found.false_alarms_per_year == 0.5
        and found.median_lead == 1.5
        and found.hit_rate == 2 / 3
    )
    elsewhere = score(events, [Episode("T", BEGIN, last)], BEGIN, last, 2, 3 * HOUR)
    assert (elsewhere.hits, elsewhere.misses, elsewhere.false_alarms) == (0, 1, 3)


def test_recipients_have_a_limit_and_lose_nothing() -> None:
    events = [event(h, "active", who=("duty", "bureau") if h == 0 else ("duty",)) for h in range(5)] + [
        event(30, "active")
    ]
    sent = messages(events, Limit(2, timedelta(hours=24)))
    duty = [(m.sent, m.held) for m in sent if m.recipient == "duty"]
    assert duty == [(True, 0), (True, 0), (False, 0), (False, 0), (False, 0), (True, 3)]
    assert [m.recipient for m in sent if m.event.time == BEGIN] == ["duty", "bureau"]
    assert messages([event(0, "pending", "normal")], Limit(2, HOUR)) == []


def test_an_alert_downstream_names_what_was_active_upstream() -> None:
    graph = {"C": [("B", 5.0)], "B": [("A", 10.0)], "A": [("C", 1.0)]}  # a loop is walked once
    events = [event(0, "active", site="A"), event(12, "active", site="C"), event(40, "active", site="C")]
    found = {(e.site, e.time): e.linked for e in linked(events, graph, 2 * HOUR)}
    # A is 15 h above C: at 12 h within 15 + 2, at 40 h no more
    assert found == {("A", BEGIN): (), ("C", BEGIN + 12 * HOUR): ("A",), ("C", BEGIN + 40 * HOUR): ()}


def test_rules_are_read_and_refused_with_their_place(tmp_path: Path) -> None:
    cells = [
        "r",
        "air.pm25",
        "mg/m3",
        "1h",
        "1",
        ">",
        "0.15",
        "2",
        "3",
        "0.115",
        "warning",
        "duty; bureau",
        "2026-01-01",
        "",
        "",
        "centre",
        "高",
        "high",
    ]
    path = tmp_path / "alerts.csv"

    def written(**other: str) -> Path:
        row = {**dict(zip(COLUMNS, cells, strict=True)), **other}
        path.write_text(",".join(COLUMNS) + "\n" + ",".join(row[c] for c in COLUMNS) + "\n", encoding="utf-8")
        return path

    rule = read_alert_rules(written())[0]
    assert rule.recipients == ("duty", "bureau") and rule.in_unit("ug/m3").limit == pytest.approx(150)
    for column, value, words in (
        ("m", "4", r"alerts\.csv:2 \[m\].*more than n = 3"), ("clear", "0.2", "wrong side"), ("operator", "=", "one of"), ("averaging", "7h", "one of"),
        ("owner", "", "clause or an owner"), ("raise", "nan", "number"), ("valid_from", "2026", "write a day"), ("expression", "x", "no expression"),
    ):  # fmt: skip
        with pytest.raises(DeclarationError, match=words):
            read_alert_rules(written(**{column: value}))
