"""The reference is complete, and the built documentation asks no outside host for anything."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from qingshan.core.domain import load_domains

DOMAINS = load_domains()
METHODS = [m for m in DOMAINS.registry.all() if m.domain in DOMAINS.by_name]  # other tests declare methods of their own


@pytest.fixture(scope="module")
def hook(root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference_hook", root / "docs" / "hooks" / "reference.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pages(hook: ModuleType) -> dict[str, str]:
    made: dict[str, str] = hook.pages(load_domains())
    return made


def test_there_are_methods() -> None:
    assert len(METHODS) > 20


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.ref)
def test_every_method_is_declared_in_full(method: object) -> None:
    assert method.doc.strip() and method.formula.strip(), "docstring and formula"
    assert method.clause.document.strip(), "the document that prints the formula"
    assert re.search(r"[\u4e00-\u9fff]", method.zh) and re.search(r"[A-Za-z]", method.en), "both names"


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.ref)
def test_every_method_is_on_its_page(method: object, pages: dict[str, str], hook: ModuleType) -> None:
    address = f"{{ #{hook.anchor(method)} }}"
    page = pages[f"{method.domain}.md"]
    assert page.count(address) == 1
    section = page.split(address)[1].split("\n### ")[0]
    assert f"`{method.ref}`" in section
    assert method.formula in section and method.doc.splitlines()[0] in section
    assert all(f"`{name}`" in section for name in method.arguments)


def test_every_parameter_row_is_on_its_page(pages: dict[str, str]) -> None:
    domains = load_domains()
    for name, domain in domains.by_name.items():
        lines = [line for line in pages[f"{name}.md"].split("## Parameters")[-1].splitlines() if line.startswith("| ")]
        tables = len({row.parameter for row in domain.rows})
        assert len(lines) == len(domain.rows) + tables if domain.rows else True, name


@pytest.mark.long
def test_the_documentation_builds_and_is_self_contained(root: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    done = subprocess.run(
        command, cwd=root, capture_output=True, text=True, check=False, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    built = list(tmp_path.rglob("*.html"))
    assert {"index.html", "index.zh.html", "glossary.html"} <= {p.name for p in built}
    outside = re.compile(r"""(?:src|srcset)=["']https?:|<link[^>]+href=["']https?:|@import|url\(["']?https?:""")
    found = [
        p.relative_to(tmp_path)
        for p in [*built, *tmp_path.rglob("*.css")]
        if outside.search(p.read_text(encoding="utf-8"))
    ]
    assert found == []
