"""The rule sets that come with the package: an edition, once shipped, stays as it is."""

from __future__ import annotations

import re
from datetime import date
from importlib.resources import files
from pathlib import Path

import pytest

from qingshan.core.errors import DeclarationError, MissingParameter
from qingshan.ledger.book import Refused
from qingshan.rights.demo import demo_rules, keep_rules
from qingshan.rights.exchange import found_exchange, open_exchange
from qingshan.rights.rulesets import RuleSets, read_rule_sets, venue_rule_sets

TEMPLATE = files("qingshan.rights").joinpath("rules/national_like.toml").read_text(encoding="utf-8")

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


def own(
    folder: Path, name: str, id: str = "province", day: str = "2026-01-01", change: tuple[str, str] = ("", "")
) -> Path:
    """A rule set of the venue's own, after the template."""
    text = TEMPLATE.replace('id = "national_like"', f'id = "{id}"').replace(
        "valid_from = 2021-06-22", f"valid_from = {day}"
    )
    (folder / "rules").mkdir(parents=True, exist_ok=True)
    path = folder / "rules" / name
    path.write_text(text.replace(*change) if change[0] else text, encoding="utf-8")
    return path


def test_two_editions_of_one_day_are_refused_by_both_files(tmp_path: Path) -> None:
    one, other = own(tmp_path, "a.toml"), own(tmp_path, "b.toml")
    with pytest.raises(DeclarationError) as told:
        found_exchange(tmp_path, "v")
    for sentence in (told.value.en, told.value.zh):
        assert all(part in sentence for part in ("province", "2026-01-01", str(one), str(other)))
    assert told.value.zh != told.value.en and "valid_from" in told.value.fix
    assert sorted(p.name for p in tmp_path.iterdir()) == ["rules"]  # nothing half-written
    own(tmp_path, "b.toml", day="2026-01-02")
    assert [str(venue_rule_sets(tmp_path).on("province", date(2026, 1, d)).valid_from) for d in (1, 2)] == [
        "2026-01-01",
        "2026-01-02",
    ]


def test_an_edition_that_would_take_the_place_of_a_template_is_refused(tmp_path: Path) -> None:
    mine = own(tmp_path, "mine.toml", "national_like", "2021-06-22")
    with pytest.raises(DeclarationError, match=f"national_like.toml and {re.escape(str(mine))}"):
        venue_rule_sets(tmp_path)
    with pytest.raises(DeclarationError, match="two editions"):
        RuleSets([*demo_rules().every(), *demo_rules().every()])


def test_a_venue_has_rules_of_its_own(tmp_path: Path) -> None:
    """They are in force from their day, beside the templates, whenever the venue is opened."""
    own(tmp_path, "province.toml", change=("value = 10\n", "value = 7\n"))
    found_exchange(tmp_path, "v").close()
    open_exchange(tmp_path).close()
    rules = venue_rule_sets(tmp_path)
    assert (
        rules.on("province", date(2026, 1, 1))["listed_band"],
        rules.on("national_like", date(2026, 1, 1))["listed_band"],
    ) == (7, 10)
    with pytest.raises(Refused):
        rules.on("province", date(2025, 12, 31))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("valid_from = 2026-01-01", 'valid_from = "2026-01-01"'), "no day"),
        (('id = "lot"', 'id = "tick"'), "tick stands there twice"),
        (('id = "lot"', 'id = "lots"'), "rules lot are absent"),
        (('id = "policy"\nvalue = "listed_pick"', 'id = "policy"\nvalue = "by_hand"'), "'by_hand' is not one of"),
        (("[[rule]]", "[[rule"), "no TOML"),
        (('zh = "', 'name = "'), "cannot be read"),
    ],
)
def test_a_bad_file_of_rules_is_one_clear_error(tmp_path: Path, change: tuple[str, str], told: str) -> None:
    path = own(tmp_path, "bad.toml", change=change)
    with pytest.raises(DeclarationError, match=told) as error:
        read_rule_sets(tmp_path / "rules")
    assert error.value.where == str(path) and not error.value.zh.isascii()


def test_a_file_of_rules_in_another_encoding_is_one_clear_error(tmp_path: Path) -> None:
    path = own(tmp_path, "bad.toml")
    path.write_bytes(path.read_text(encoding="utf-8").encode("gb18030"))
    with pytest.raises(DeclarationError, match="no TOML in UTF-8"):
        venue_rule_sets(tmp_path)


def test_a_file_of_rules_that_cannot_be_read_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "rules" / "x.toml").mkdir(parents=True)
    with pytest.raises(DeclarationError, match="cannot be read: Is a directory"):
        venue_rule_sets(tmp_path)


def test_the_synthetic_venue_has_its_rules_beside_it(tmp_path: Path) -> None:
    """So every face finds them; an edition of one's own stays, and a venue of an earlier version gets what it lacks."""
    keep_rules(tmp_path)
    assert {s.mark["id"]: s.mark["hash"] for s in venue_rule_sets(tmp_path).every()} == SHIPPED
    first, *_ = sorted((tmp_path / "rules").iterdir())
    first.write_text("changed", encoding="utf-8")
    keep_rules(tmp_path)
    assert first.read_text(encoding="utf-8") == "changed"
