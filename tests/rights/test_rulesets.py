"""The rule sets that come with the package: an edition, once shipped, stays as it is."""

from __future__ import annotations

from datetime import date

import pytest

from qingshan.core.errors import MissingParameter
from qingshan.rights.demo import demo_rules

SHIPPED = {
    "demo_price_time@2021-01-01": "4c0e1efb573afdc7443b512f6ed6c9cd0da963450e3a9c1c6a9525d02732b3b5",
    "demo_price_time@2026-11-29": "e86e7684c931d3c28d97d0cfd1faaf987c5722ae2724d529b9a2cf8a1063d255",
    "national_like@2021-06-22": "dc497f0860b1d367f1d4b5553b9850593f9e1de899d9a84c0f73d666d1bb2eb4",
    "national_like@2027-01-01": "2045290736fb561a9152373b2f2b06e5dd441cca6634318d99ac5ab8dbede5ce",
}


def test_the_marks_of_shipped_editions_stay() -> None:
    """Decisions keep these marks, and a journal is decided again with them: change a rule only in a new edition with a day of its own."""
    assert {s.mark["id"]: s.mark["hash"] for s in demo_rules().every()} == SHIPPED


@pytest.mark.parametrize(
    ("id", "last", "first"),
    [
        ("national_like", date(2026, 12, 31), date(2027, 1, 1)),
        ("demo_price_time", date(2026, 11, 28), date(2026, 11, 29)),
    ],
)
def test_the_second_edition_adds_carry_over_and_leaves_the_rest(id: str, last: date, first: date) -> None:
    old, new = demo_rules().on(id, last), demo_rules().on(id, first)
    assert set(new.rules) - set(old.rules) == {"carry_over_multiple", "carry_over_window"}
    changed = {name for name, row in old.rules.items() if row != new.rules[name]}
    assert changed == ({"net_sales_floor"} if id == "demo_price_time" else set())


def test_carry_over_of_the_second_editions() -> None:
    made_up, national = (demo_rules().on(id, date(2027, 1, 1)) for id in ("demo_price_time", "national_like"))
    wanted = (150, "2021-01-01/2030-12-31", "none")
    assert tuple(made_up[r] for r in ("carry_over_multiple", "carry_over_window", "net_sales_floor")) == wanted
    for rule in ("carry_over_multiple", "carry_over_window"):
        with pytest.raises(MissingParameter) as told:
            national[rule]
        assert told.value.document == "国环规气候〔2024〕1号"
