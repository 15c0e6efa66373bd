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
    return {"time": at.isoformat(), "after": after, "before": before, "recipients": list(who or ("duty",)), **more}


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


def test_only_begin_end_and_withdrawal_of_an_active_alert_are_told(tmp_path: Path) -> None:
    box = Outbox(tmp_path / "messages.jsonl")
    events = [
        event(0, "pending", "normal"), event(1, "active", "pending", "duty", "bureau"), event(2, "cleared", "active"),
        event(3, "normal", "cleared"), event(1, "withdrawn", "pending", of=1), event(1, "withdrawn", "active", of=2),
    ]  # fmt: skip
    box.tell(events, None, of(9), NOW)
    assert [row["events"] for _, row in box.messages("duty")] == [[2], [3], [6]]
    assert [row["events"] for _, row in box.messages("bureau")] == [[2]]


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
