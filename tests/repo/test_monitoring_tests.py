"""The pages on monitoring name tests that exist."""

from __future__ import annotations

import re

import pytest


@pytest.mark.parametrize("page", ["monitoring-tests.md", "monitoring-files.md", "monitoring-matters.md"])
def test_every_named_test_exists(root, page):
    text = (root / "docs" / page).read_text(encoding="utf-8")
    files = {p.relative_to(root).as_posix(): p.read_text(encoding="utf-8") for p in (root / "tests").rglob("test_*.py")}
    named = set(re.findall(r"`([\w/]*test_\w+\.py)`", text))
    assert named
    assert not [n for n in named if not any(f"/{f}".endswith(f"/{n}") for f in files)]
    tests = set(re.findall(r"`(test_\w+)`", text))
    assert not [t for t in tests if not any(f"def {t}(" in content for content in files.values())]
