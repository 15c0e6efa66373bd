"""The wheel carries everything that runs: tables, zones, pages, built assets."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

DATA = (".csv", ".toml", ".html", ".typ", ".json", ".css", ".js", ".md")


@pytest.mark.long
def test_the_wheel_contains_every_data_file(root: Path, tracked: list[Path], tmp_path: Path) -> None:
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir"]
    build = [uv, "build", "--quiet", "--wheel", "--out-dir"] if uv else pip
    subprocess.run([*build, str(tmp_path), str(root)], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    wanted = {p.relative_to("src").as_posix() for p in tracked if p.parts[0] == "src" and p.suffix in DATA}
    wanted |= {p.relative_to("src").as_posix() for p in tracked if p.name == "py.typed"}
    built = root / "src" / "qingshan" / "faces" / "web" / "static" / "dist"
    wanted |= {p.relative_to(root / "src").as_posix() for p in built.rglob("*") if p.is_file()}
    assert {"qingshan/py.typed", "qingshan/zones/guizhou/zone.toml"} <= wanted
    assert wanted - inside == set()
    assert any("licenses/LICENSE" in name for name in inside)
