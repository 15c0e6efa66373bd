"""Runs of a tiny invented county under profiles made for these tests: two towns, two years, hand-checkable figures."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from qingshan.accounts.run import Run, open_run, run_account
from qingshan.core.domain import load_domains

HERE = Path(__file__).parent


Content = dict[str, Any]


def _without_prices(content: Content) -> None:
    """Biophysical and official, never titled GEP: the shape of hj1173_2021."""
    content.update(prices={}, gep_title=False, service=[{"id": "G07", "physical": "gep.flood_reservoir"}])
    content["quantity"] = [q for q in content["quantity"] if not q["id"].endswith("_value")]


def _without_text(content: Content) -> None:
    """A standard whose text nobody has, so that every service waits: the shape of fgw481_2022."""
    content["slots"] = ["gep.profile.fgw481"]


def _with_open_service(content: Content) -> None:
    """One service more, which waits for its parameters."""
    content["service"].append({"id": "G17", "needs": ["gep.species_conservation"]})


def _project_map(content: Content) -> None:
    content["map"][0]["status"] = "project"


def _other_set(content: Content) -> None:
    for quantity in content["quantity"]:
        for binding in quantity["bind"].values():
            if binding.get("class_parameter"):
                binding["set"] = "other"


def _doubtful_row(content: Content) -> None:
    content["quantity"].append({
        "id": "gep.flood_marsh", "method": "water.marsh_flood_storage@garze2017",
        "bind": {"area": {"fact": "place.area"}, "depth": {"parameter": "water.marsh_storage_depth", "set": "doubt"}},
    })  # fmt: skip
    content["figures"] = ["gep.flood_marsh"]


def _one_service(content: Content) -> None:
    content["service"] = [s for s in content["service"] if s["id"] == "G07"]


def _draft(content: Content) -> None:
    content["official"] = False


VARIANTS: dict[str, Callable[[Content], None]] = {
    "mini_official": lambda content: None,
    "mini_physical": _without_prices,
    "mini_unread": _without_text,
    "mini_open": _with_open_service,
    "mini_project": _project_map,
    "mini_other": _other_set,
    "mini_doubt": _doubtful_row,
    "mini_reservoir": _one_service,
    "mini_draft": _draft,
}


@pytest.fixture(scope="package")
def variants() -> dict[str, Content]:
    """The profiles of these tests, by the name of their declaration."""
    official = tomllib.loads((HERE / "profiles/mini_official.toml").read_text(encoding="utf-8"))
    made = {f"profiles/{id}": copy.deepcopy(official) | {"id": id} for id in VARIANTS}
    for id, change in VARIANTS.items():
        change(made[f"profiles/{id}"])
    return made


@pytest.fixture(autouse=True)
def declared(variants: dict[str, Content], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test finds them declared, also after another package of tests has had the domains read anew."""
    declarations = load_domains().by_name["gep"].declarations
    for name, content in variants.items():
        monkeypatch.setitem(declarations, name, content)


@pytest.fixture(scope="package")
def account_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Run]]:
    """`account_of("mini_open")`: the sealed run of the county under a profile, computed once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QINGSHAN_HOME", str(tmp_path_factory.mktemp("home")))
        made: dict[str, Run] = {}

        def account(profile: str) -> Run:
            if profile not in made:
                made[profile] = open_run(run_account(HERE / "zone", profile).path)
            return made[profile]

        yield account


@pytest.fixture(scope="package")
def guizhou(account_of: Callable[[str], Run]) -> Run:
    """The built-in zone under its default profile (in the same throw-away home)."""
    return open_run(run_account("guizhou").path)
