"""The page on the tests of the forest part names tests that exist."""

from __future__ import annotations

import re


def test_every_named_test_exists(root):
    page = (root / "docs" / "forest-tests.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", page)
    assert len(named) > 100
    lacking = [
        f"{file}::{test}"
        for file, test in named
        if not (root / file).is_file() or (test and f"def {test}(" not in (root / file).read_text(encoding="utf-8"))
    ]
    assert not lacking


def test_every_worked_example_has_a_test_of_its_name(root):
    """FOR-1 to FOR-28 of the specification: each stands in the name of a test, and that test in the page."""
    page = (root / "docs" / "forest-tests.md").read_text(encoding="utf-8")
    names = {
        name
        for path in (root / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w*for_\d\w*)\(", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    by_number = {int(n): name for name in names for n in re.findall(r"(?<![a-z])for_(\d+)", name)}
    assert set(by_number) >= set(range(1, 29)), sorted(set(range(1, 29)) - set(by_number))
    assert [n for n in range(1, 29) if not re.search(rf"::\w*for_{n}(?!\d)", page)] == []
