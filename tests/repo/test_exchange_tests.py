"""The page on the tests of the exchange names tests that exist."""

from __future__ import annotations

import re


def test_every_named_test_exists(root):
    page = (root / "docs" / "exchange-tests.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", page)
    assert len(named) > 200
    lacking = [
        f"{file}::{test}"
        for file, test in named
        if not (root / file).is_file() or (test and f"def {test}(" not in (root / file).read_text(encoding="utf-8"))
    ]
    assert not lacking
