"""Messages to recipients as alerts come, within the limit of each."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from qingshan.core.errors import DeclarationError
from qingshan.observe.alert.outbox import Outbox, read_recipients
from qingshan.observe.alert.replay import Limit
from qingshan.observe.alert.watch import Watch
from qingshan.observe.series.store import Observations

from .test_watch import E21, Load, load, store

__all__ = ["load", "store"]

NOW = datetime(2026, 1, 1, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)


def event(hour: int, after: str = "active", before: str = "pending", *who: str, **more: Any) -> dict[str, Any]:
    at = datetime(2026, 1, 1) + hour * HOUR
    return {
        "time": at.isoformat(),
        "after": after,
        "before": before,
        "rule": "r",
        "site": "s",
        "recipients": list(who or ("duty",)),
        **more,
    }


def of(count: int, hours: int = 24) -> Callable[[str], Limit]:
    return lambda who: Limit(count, hours * HOUR)


def test_each_recipient_has_a_limit_and_what_waits_goes_with_the_next(tmp_path: Path) -> None:
    """Two a day: of five events in one look two are sent and three wait; a day later one message carries the three."""
    box = Outbox(tmp_path / "messages.jsonl")
    events = [event(h) for h in range(5)]
    assert box.tell(events, None, of(2), NOW) == 2
    assert [row["events"] for _, row in box.messages("duty")] == [[1], [2]] and box.waiting() == {"duty": [3, 4, 5]}
    assert box.tell(events, None, of(2), NOW + 23 * HOUR) == 0  # nothing is said twice, and nothing too soon
    assert box.tell(events, None, of(2), NOW + 24 * HOUR) == 1
    assert [row["events"] for _, row in box.messages("duty")] == [[1], [2], [3, 4, 5]] and box.waiting() == {}
    assert [row["events"] for _, row in Outbox(box.path).messages("duty", after=1)] == [[2], [3, 4, 5]]


def test_a_new_event_takes_along_what_waited(tmp_path: Path) -> None:
    box = Outbox(tmp_path / "messages.jsonl")
    events = [event(0), event(1)]
    box.tell(events, None, of(1, 2), NOW)
    assert box.tell([*events, event(3)], None, of(1, 2), NOW + HOUR) == 0 and box.waiting() == {"duty": [2, 3]}
    assert box.tell([*events, event(3), event(4)], None, of(1, 2), NOW + 2 * HOUR) == 1
    assert box.messages("duty")[-1][1]["events"] == [2, 3, 4] and box.waiting() == {}


def told(box: Outbox, who: str = "duty") -> list[list[int]]:
    return [row["events"] for _, row in box.messages(who)]


def test_only_begin_end_and_what_takes_them_back_are_told(tmp_path: Path) -> None:
    """Event 6 takes back the begin, 7 the end; 5 takes back what nobody was told."""
    box = Outbox(tmp_path / "messages.jsonl")
    events = [
        event(0, "pending", "normal"), event(1, "active", "pending", "duty", "bureau"), event(2, "cleared", "active"),
        event(3, "normal", "cleared"),
    ]  # fmt: skip
    box.tell(events, None, of(9), NOW)
    events += [
        event(0, "withdrawn", "pending", of=1),
        event(1, "withdrawn", "active", of=2),
        event(2, "withdrawn", "cleared", of=3),
    ]
    box.tell(events, None, of(9), NOW)
    assert told(box) == [[2], [3], [6], [7]] and told(box, "bureau") == [[2]]


def test_an_alert_that_stands_on_corrected_readings_is_told_with_the_withdrawal(tmp_path: Path) -> None:
    """Told at hour 29; corrected 71 hours later, begun at 29 as before (2), at 30 (4) or cleared at 40 (6): what stands comes last, in
    the message that withdraws."""
    box, later = Outbox(tmp_path / "messages.jsonl"), datetime(2026, 1, 1) + 100 * HOUR
    events = [event(29)]
    box.tell(events, datetime(2026, 1, 1) + 30 * HOUR, of(9), NOW)
    events += [event(29), event(29, "withdrawn", "active", of=1)]
    assert box.tell(events, later, of(9), NOW) == 1 and told(box) == [[1], [3, 2]]
    events += [event(30), event(29, "withdrawn", "active", of=2)]
    box.tell(events, later, of(9), NOW)
    assert told(box)[2:] == [[5, 4]]
    events += [event(31), event(40, "cleared", "active"), event(60), event(30, "withdrawn", "active", of=4)]
    box.tell(
        events, later, of(9), NOW
    )  # its end is told though it is old, as its begin was; the alert of hour 60 is history
    assert told(box)[3:] == [[9, 6], [7]]


def test_an_alert_that_comes_back_is_told_to_whom_it_was_withdrawn(tmp_path: Path) -> None:
    box, later = Outbox(tmp_path / "messages.jsonl"), datetime(2026, 1, 1) + 100 * HOUR
    events = [event(29)]
    box.tell(events, None, of(9), NOW)
    events += [event(29, "withdrawn", "active", of=1)]
    box.tell(events, later, of(9), NOW)
    events += [event(29), event(29, "active", "pending", "bureau")]
    box.tell(events, later, of(9), NOW)
    assert told(box) == [[1], [2], [3]] and told(box, "bureau") == []


def test_what_was_withdrawn_while_it_waited_is_never_told(tmp_path: Path) -> None:
    """One message a day: the alert of hour 1 waits and is withdrawn; the next day neither is sent. One that was corrected gives way to
    what stands."""
    box = Outbox(tmp_path / "messages.jsonl")
    events = [event(0), event(1, "active", "pending", site="t"), event(2, "active", "pending", site="u")]
    box.tell(events, None, of(1), NOW)
    assert told(box) == [[1]] and box.waiting() == {"duty": [2, 3]}
    events += [event(1, "withdrawn", "active", of=2, site="t")]
    events += [event(2, "active", "pending", site="u"), event(2, "withdrawn", "active", of=3, site="u")]
    box.tell(events, datetime(2026, 1, 1) + 99 * HOUR, of(1), NOW + HOUR)
    assert box.waiting() == {"duty": [5]} == Outbox(box.path).waiting()
    assert box.tell(events, None, of(1), NOW + 25 * HOUR) == 1 and told(box) == [[1], [5]] and box.waiting() == {}


def test_a_withdrawal_over_the_limit_waits_with_what_stands_instead(tmp_path: Path) -> None:
    box = Outbox(tmp_path / "messages.jsonl")
    events = [event(0)]
    box.tell(events, None, of(1), NOW)
    events += [event(0), event(0, "withdrawn", "active", of=1)]
    assert box.tell(events, None, of(1), NOW + HOUR) == 0 and box.waiting() == {"duty": [3, 2]}
    box.tell(events, None, of(1), NOW + 25 * HOUR)
    assert told(box) == [[1], [3, 2]]


def test_an_event_withdrawn_in_the_look_that_found_it_is_not_told(tmp_path: Path) -> None:
    """A look that was cut short is made up for by the next, which finds both."""
    box = Outbox(tmp_path / "messages.jsonl")
    box.tell([event(0), event(0, "withdrawn", "active", of=1)], None, of(9), NOW)
    assert told(box) == [] and box.waiting() == {}


def test_history_is_not_told_but_its_withdrawal_is_where_it_was(tmp_path: Path) -> None:
    """Newest reading at hour 30: an alert of hour 2 is more than a day old. One that was told when new is taken back even so."""
    box = Outbox(tmp_path / "messages.jsonl")
    newest = datetime(2026, 1, 1) + 30 * HOUR
    events = [event(2), event(29)]
    assert box.tell(events, newest, of(9), NOW) == 1 and box.messages()[0][1]["events"] == [2]
    later = newest + 100 * HOUR
    assert box.tell([*events, event(29, "withdrawn", "active", of=2)], later, of(9), NOW + HOUR) == 1
    assert (
        box.tell([*events, event(29, "withdrawn", "active", of=2), event(2, "withdrawn", "active", of=1)], later, of(9))
        == 0
    )


def test_a_watch_tells_as_readings_come(store: Observations, load: Load) -> None:
    """E21: active at 3, cleared at 5; one message a day to the duty room, so the end waits until the next day."""
    folder = store.network("air").folder
    assert folder is not None
    (folder / "recipients.csv").write_text("id,zh,en,most,hours\nduty,值班室,duty room,1,24\n", encoding="utf-8")
    watch = Watch(store, "air")
    load(datetime(2020, 3, 1, 1), E21[:4])
    watch.follow(NOW)
    assert [(n, row["recipient"], row["events"]) for n, row in watch.outbox.messages()] == [(1, "duty", [2])]
    load(datetime(2020, 3, 1, 5), E21[4:])
    watch.follow(NOW + HOUR)
    assert len(watch.outbox.messages()) == 1 and watch.outbox.waiting() == {"duty": [3]}
    assert Watch(store, "air").follow(NOW + 25 * HOUR) == 0  # no new reading: what waited goes out when it may
    assert [row["events"] for _, row in watch.outbox.messages()] == [[2], [3]] and watch.outbox.waiting() == {}


def test_a_look_cut_short_before_its_messages_is_made_up_for(store: Observations, load: Load, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    watch = Watch(store, "air")
    load(datetime(2020, 3, 1, 1), E21[:4])

    def stops(*_: object, **__: object) -> int:
        raise OSError("no space")

    with monkeypatch.context() as patch:
        patch.setattr(Outbox, "tell", stops)
        with pytest.raises(OSError, match="no space"):
            watch.follow(NOW)
    assert watch.last == 2 and watch.outbox.messages() == []
    watch.follow(NOW)
    assert watch.last == 2 and [row["events"] for _, row in watch.outbox.messages()] == [[2]]


def test_a_reading_corrected_days_later_leaves_the_duty_room_with_what_stands(store: Observations, load: Load) -> None:
    """E21 up to 155: active at 3 (event 2). Two days later the reading of 3 is corrected to 170: the alert stands on other readings. Then it
    is corrected to 120: of 160 and 120 one is above 150, nothing is active."""
    watch = Watch(store, "air")
    load(datetime(2020, 3, 1, 1), E21[:3])
    watch.follow(NOW)
    load(datetime(2020, 3, 4, 1), (10,))
    watch.follow(NOW)
    before = watch.last
    load(datetime(2020, 3, 1, 3), (170,))
    watch.follow(NOW)
    sent = [
        [(e["after"], e["time"][11:13]) for e in (watch.after(0)[n - 1][1] for n in row["events"])]
        for _, row in watch.outbox.messages()
    ]
    assert watch.last > before and sent[-1] == [("withdrawn", "03"), ("active", "03")]
    load(datetime(2020, 3, 1, 3), (120,))
    watch.follow(NOW)
    last = [watch.after(0)[n - 1][1] for _, row in watch.outbox.messages()[len(sent) :] for n in row["events"]]
    assert [(e["before"], e["after"]) for e in last if e["before"] == "active"] == [("active", "withdrawn")]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("duty,值班,duty,0,24", r"recipients\.csv:2 \[most\]"),
        ("duty,值班,duty,5,x", r"\[hours\]"),
        (",值班,duty,5,24", r"\[id\]"),
        ("duty,值班,duty,5,24\nduty,值班,duty,5,24", r"recipients\.csv:3 \[id\]"),
    ],
)
def test_recipients_are_refused_with_their_place(tmp_path: Path, row: str, words: str) -> None:
    path = tmp_path / "recipients.csv"
    path.write_text(f"id,zh,en,most,hours\n{row}\n", encoding="utf-8")
    with pytest.raises(DeclarationError, match=words):
        read_recipients(path)
    path.write_text("id,zh\nduty,值班\n", encoding="utf-8")
    with pytest.raises(DeclarationError, match="en, most, hours"):
        read_recipients(path)
