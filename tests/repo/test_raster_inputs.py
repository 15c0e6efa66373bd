"""The page on raster sources runs as written, against a STAC API and a server of byte ranges that the test starts."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from test_tutorial import SECONDS, blocks, missing

rasterio = pytest.importorskip("rasterio", reason="the extra geo is not installed")
from rasterio.warp import transform_bounds  # noqa: E402

sys.path.append(str(Path(__file__).parents[1] / "zone" / "raster"))
from catalogue_server import Server, serving  # noqa: E402

UTM, WEST, NORTH, CELL = "EPSG:32648", 500_000.0, 3_000_000.0, 30.0
ROWS, COLS = 40, 50


def served(server: Server, name: str, values: np.ndarray, west: float, collection: str = "", nodata: float | None = None) -> None:  # fmt: skip
    """A COG on the lattice of the page's grid, and, where a collection is named, its item with a checksum."""
    height, width = values.shape
    with rasterio.open(
        server.folder / f"{name}.tif", "w", driver="COG", width=width, height=height, count=1, dtype=values.dtype, crs=UTM, nodata=nodata,
        transform=rasterio.Affine(CELL, 0, west, 0, -CELL, NORTH),
    ) as out:  # fmt: skip
        out.write(values, 1)
    if collection:
        box = transform_bounds(UTM, "EPSG:4326", west, NORTH - CELL * height, west + CELL * width, NORTH)
        year = "2023" if collection == "rain" else "2024"
        told = f"1220{'0' * 64}" if collection == "rain" else server.multihash(name)
        server.item(name, list(box), f"{year}-01-01T00:00:00Z", told, collection)


@pytest.mark.long
def test_the_page_on_raster_sources_runs_as_written(root: Path, tmp_path: Path, environment: dict[str, str]) -> None:
    env = environment | {"QINGSHAN_HOME": str(tmp_path / "home"), "COLUMNS": "160", "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}  # fmt: skip
    for name in ("here", "served"):
        (tmp_path / name).mkdir()
    steps = blocks((root / "docs" / "raster-inputs.md").read_text(encoding="utf-8"))
    with serving(tmp_path / "served") as server:
        served(server, "west", np.full((ROWS, COLS // 2), 10, "uint8"), WEST, "cover", 0)  # WorldCover 10: tree cover
        served(server, "east", np.full((ROWS, COLS // 2), 40, "uint8"), WEST + CELL * COLS / 2, "cover", 0)  # cropland
        served(server, "clay", np.full((ROWS, COLS), 25, "float32"), WEST, "clay")
        served(server, "rain", np.full((ROWS, COLS), 1000, "float32"), WEST, "rain")
        served(server, "sand", np.full((ROWS, COLS), 40, "float32"), WEST)
        server.failing |= {"/search": 2, "/files/west.tif": 1, "/files/sand.tif": 1}
        for step in steps:
            shell = ["bash", "-euo", "pipefail", "-c", step.code]
            done = subprocess.run(
                shell if step.language == "bash" else [sys.executable, "-c", step.code], cwd=tmp_path / "here",
                env=env | {"CATALOGUE": server.url}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                encoding="utf-8", timeout=SECONDS, check=False,
            )  # fmt: skip
            assert done.returncode == 0, f"{step.code}\nended with {done.returncode}:\n{done.stdout}"
            absent = missing(step.shown, done.stdout)
            assert absent == [], f"{step.code}\ndid not print {absent} but:\n{done.stdout}"
    # refused requests were asked again; a layer read by ranges never took its whole file in one piece
    assert server.asked["/files/sand.tif"] >= 2 and server.failing.total() == 0
    assert server.ranges["/files/clay.tif"] and all(r.startswith("bytes=") for r in server.ranges["/files/clay.tif"])
    zone = tomllib.loads((tmp_path / "here" / "mycounty" / "zone.toml").read_text(encoding="utf-8"))
    entries = {r["id"]: r for r in zone["raster"]}
    assert list(entries) == ["dem", "rain", "ndvi", "sand", "cover-2024", "clay-static", "warmth"]
    assert entries["cover-2024"]["items"] == ["east", "west"] and len(entries["cover-2024"]["assets_sha256"]) == 2
    with rasterio.open(tmp_path / "here" / "mycounty" / "rasters" / "cover-2024.tif") as cover:
        cells = cover.read(1)
    assert (cells[:, : COLS // 2] == 10).all() and (cells[:, COLS // 2 :] == 40).all()
