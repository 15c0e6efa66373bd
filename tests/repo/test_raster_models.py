"""The page on the models of raster accounts names methods, accounts and tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

from qingshan.accounts.raster.declaration import raster_accounts
from qingshan.core.domain import load_domains


def rows(root: Path) -> list[list[str]]:
    page = (root / "docs" / "raster-models.md").read_text(encoding="utf-8")
    lines = [line for line in page.splitlines() if line.startswith("| ")][1:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_every_method_is_declared_with_clause_and_unit(root: Path) -> None:
    registry = load_domains().registry
    named = [ref for row in rows(root) for ref in re.findall(r"`([\w.]+@[\w.-]+)`", row[1])]
    assert len(named) > 70
    for ref in named:
        assert registry[ref].clause.document and registry[ref].result.unit, ref


def test_every_command_names_an_account(root: Path) -> None:
    known = {"gep", *raster_accounts(load_domains())}
    for model, _, command, _ in rows(root):
        asked = re.findall(r"run (\w+)", command)
        assert asked and set(asked) <= known, model


def test_every_named_test_is_there(root: Path) -> None:
    for model, *_, tests in rows(root):
        named = re.findall(r"`(tests/[\w/.]+)`", tests)
        assert named and all((root / t).exists() for t in named), model
