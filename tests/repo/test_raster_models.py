"""The page on the models of raster accounts names methods that its commands use, and tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

from qingshan.accounts.extent import CLASS_CHANGES
from qingshan.accounts.groups import GROUP_CHANGES, group_measures
from qingshan.accounts.profile import find_profile
from qingshan.accounts.raster.declaration import raster_accounts
from qingshan.accounts.raster.facts import TRANSITION
from qingshan.core.domain import load_domains
from qingshan.zone.zone import open_zone


def rows(root: Path) -> list[list[str]]:
    page = (root / "docs" / "raster-models.md").read_text(encoding="utf-8")
    lines = [line for line in page.splitlines() if line.startswith("| ")][1:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


METHOD = re.compile(r"`([\w.]+@[\w.-]+)`")


def used_by(command: str) -> set[str]:
    """The methods that `qingshan run COMMAND --zone demo30m` uses, read from its declarations."""
    accounts = raster_accounts(load_domains())
    if command in accounts:
        return set(accounts[command].methods)
    profile = find_profile(load_domains(), "spatial" if command == "gep" else command)
    routes = {recipe.method for recipe in profile.recipes.values()}
    cells = {ref for id in profile.rasters for ref in accounts[id].methods}
    if not profile.rasters:
        return routes | cells
    groups = open_zone("demo30m").config["extent"]["group"]
    read = {m["method"] for g in groups for m in group_measures(load_domains(), g["id"])}
    return routes | cells | {TRANSITION, *CLASS_CHANGES.values(), *GROUP_CHANGES.values()} | read


def test_every_method_is_declared_with_clause_and_unit(root: Path) -> None:
    registry = load_domains().registry
    named = [ref for row in rows(root) for ref in METHOD.findall(row[1])]
    assert len(named) > 70
    for ref in named:
        assert registry[ref].clause.document and registry[ref].result.unit, ref


def test_the_commands_of_a_model_use_its_methods(root: Path) -> None:
    for model, methods, command, _ in rows(root):
        asked = re.findall(r"run (\w+)", command)
        used = set().union(*(used_by(c) for c in asked))
        mine = METHOD.findall(methods.partition("also ")[0])
        assert asked and mine and set(mine) <= used, (model, set(mine) - used)
        # a command that uses none of them is no command of this model
        assert all(used_by(c) & set(mine) for c in asked), model


def test_a_method_named_as_spare_is_used_by_no_shipped_account(root: Path) -> None:
    shipped = set().union(*(used_by(c) for c in ("gep", *raster_accounts(load_domains()))))
    spare = {ref for row in rows(root) for ref in METHOD.findall(row[1].partition("also ")[2])}
    assert spare and not spare & shipped


def test_gep_is_the_profile_that_the_zone_declares(root: Path) -> None:
    assert open_zone("demo30m").config["zone"]["default_profile"] == "spatial"


def test_every_named_test_is_there(root: Path) -> None:
    for model, *_, tests in rows(root):
        named = re.findall(r"`(tests/[\w/.]+)`", tests)
        assert named and all((root / t).exists() for t in named), model
