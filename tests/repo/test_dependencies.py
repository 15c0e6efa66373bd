"""Every dependency has its reason in the decision record; the core imports none of them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def project(root: Path) -> dict[str, Any]:
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))


def names(requirements: list[Any]) -> set[str]:
    found = {re.split(r"[\s\[<>=!~;]", r)[0].lower() for r in requirements if isinstance(r, str)}
    return found - {"qingshan"}


def test_each_dependency_has_a_line_in_the_record(root: Path, project: dict[str, Any]) -> None:
    used = names(project["project"]["dependencies"])
    for group in [*project["project"]["optional-dependencies"].values(), *project["dependency-groups"].values()]:
        used |= names(group)
    record = (root / "docs" / "decisions" / "0007-dependencies.md").read_text(encoding="utf-8")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in record.splitlines() if line.startswith("| ")
    ]
    explained = {row[0].lower() for row in rows[1:] if all(row)}
    assert used - explained == set(), "add a row with the reason"
    assert explained - used == set(), "the record names what is no longer used"


def test_extras_build_on_each_other(project: dict[str, Any]) -> None:
    extras = project["project"]["optional-dependencies"]
    assert {"geo", "serve", "all"} <= set(extras)
    assert any(set(extras) - {"all"} <= set(re.findall(r"\w+", requirement)) for requirement in extras["all"])


def test_pip_gets_what_the_lock_says(root: Path) -> None:
    """`requirements.txt` serves who has no uv: the same packages in the same versions."""
    lock = tomllib.loads((root / "uv.lock").read_text(encoding="utf-8"))["package"]
    locked = {(p["name"], p["version"]) for p in lock if "registry" in p["source"]}
    text = (root / "requirements.txt").read_text(encoding="utf-8")
    given = set(re.findall(r"^([a-z0-9.-]+)(?:\[[^\]]*\])?==([^\s;]+)", text, flags=re.M))
    assert given == locked


START = {
    "import qingshan": "import qingshan",
    "--help": "import sys; sys.argv = ['qingshan', '--help']; from qingshan.faces.cli import main; main()",
    "--version": "import sys; sys.argv = ['qingshan', '--version']; from qingshan.faces.cli import main; main()",
}
REPORT = """
import json, sys
before = set(sys.modules)
try:
    exec({code!r})
except SystemExit as stop:
    assert stop.code in (0, None), stop.code
loaded = {{name.split(".")[0] for name in set(sys.modules) - before}}
print(json.dumps(sorted(loaded - sys.stdlib_module_names)), file=sys.stderr)
"""


@pytest.mark.parametrize("start", START)
def test_starting_imports_the_standard_library_only(start: str) -> None:
    said = subprocess.run(
        [sys.executable, "-c", REPORT.format(code=START[start])], capture_output=True, text=True, check=False
    )
    assert said.returncode == 0, said.stderr
    assert json.loads(said.stderr.splitlines()[-1]) == ["qingshan"]
