"""What lies in the repository, and what must not."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

LONGEST = 600
MACHINE_PATH = re.compile(r"(^|[^A-Za-z0-9_./-])/((work|root)/|(tmp|home|Users)/[A-Za-z])")
REGISTRY_HOST = re.compile(r"(pythonhosted|npmjs)\.(org|com)")
LOCKS = {"uv.lock", "web/package-lock.json"}


def texts(root: Path, tracked: list[Path]) -> list[tuple[str, str]]:
    found = []
    for name in tracked:
        data = (root / name).read_bytes()
        if b"\0" not in data[:4096] and name.as_posix() not in LOCKS:
            found.append((name.as_posix(), data.decode("utf-8")))
    return found


def test_no_machine_paths(root: Path, tracked: list[Path]) -> None:
    seen = [
        f"{name}:{number}: {line.strip()[:120]}"
        for name, text in texts(root, tracked)
        for number, line in enumerate(text.splitlines(), 1)
        if MACHINE_PATH.search(line)
    ]
    assert seen == []


def test_no_registry_hosts_outside_the_lock(root: Path, tracked: list[Path]) -> None:
    assert [name for name, text in texts(root, tracked) if REGISTRY_HOST.search(text)] == []
    assert not REGISTRY_HOST.search((root / "web" / "package-lock.json").read_text(encoding="utf-8"))


def test_no_source_file_outgrows_one_idea(root: Path) -> None:
    lengths = {
        p.relative_to(root).as_posix(): len(p.read_text(encoding="utf-8").splitlines())
        for p in (root / "src").rglob("*.py")
    }
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST} == {}


def test_every_package_says_what_lives_there(root: Path) -> None:
    empty = [
        p.parent.name for p in (root / "src").rglob("__init__.py") if len(p.read_text(encoding="utf-8").strip()) < 40
    ]
    assert empty == []


def test_generated_things_are_not_tracked(tracked: list[Path]) -> None:
    generated = ("src/qingshan/faces/web/static/dist/", "benchmarks/out/", "site/", ".qingshan/", ".venv/")
    assert [name for name in tracked if name.as_posix().startswith(generated)] == []
    assert [name for name in tracked if {"node_modules", "__pycache__"} & set(name.parts)] == []


def test_no_file_is_larger_than_a_megabyte(root: Path, tracked: list[Path]) -> None:
    assert [name for name in tracked if (root / name).stat().st_size > 2**20] == []


def test_every_package_has_a_place_in_the_layers(root: Path) -> None:
    """A new engine must be named in each contract, or its imports are not checked."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    by_name = {contract["name"]: contract for contract in project["tool"]["importlinter"]["contracts"]}
    packages = {p.parent.name for p in (root / "src" / "qingshan").glob("*/__init__.py")}
    engines = {f"qingshan.{name}" for name in packages - {"core", "domains", "zones"}}
    assert engines <= set(by_name["a domain imports core and no engine"]["forbidden_modules"])
    assert engines <= set(by_name["engines reach domains through the registry only"]["source_modules"])
