"""Reading cells of a file: what lies beside the file changes none, and a thread needs no CRS for them."""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.errors import NotGeoreferencedWarning

from qingshan.zone.raster import stored
from qingshan.zone.raster.grid import Window
from qingshan.zone.raster.stored import look

CELLS = np.arange(1, 601, dtype="int16").reshape(20, 30)
WINDOW = Window(3, 5, 11, 7)


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    """A file with a mask, a world file and a note of NoData, scale and CRS beside it."""
    path = tmp_path / "a.tif"
    about = {"driver": "GTiff", "height": 20, "width": 30, "count": 1, "dtype": "int16", "crs": "EPSG:32647"}
    with rasterio.open(path, "w", transform=rasterio.transform.from_origin(5e5, 3e6, 30, 30), **about) as out:
        out.write(CELLS, 1)
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=False), rasterio.open(path, "r+") as more:
        more.write_mask(CELLS % 2 == 0)
    (tmp_path / "a.tfw").write_text("10\n0\n0\n-10\n5\n5\n")
    (tmp_path / "a.tif.aux.xml").write_text(
        '<PAMDataset><SRS>EPSG:4490</SRS><PAMRasterBand band="1"><NoDataValue>7</NoDataValue><Scale>0.5</Scale></PAMRasterBand></PAMDataset>'
    )
    assert {p.name for p in tmp_path.iterdir()} >= {"a.tif", "a.tif.msk", "a.tfw", "a.tif.aux.xml"}
    return path


def test_what_lies_beside_a_file_is_looked_at_but_changes_no_cell(beside):
    found = look(str(beside))
    assert (found.nodata, found.scale, found.masked) == (7, 0.5, True)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(found.read, WINDOW).result().tolist() == CELLS[WINDOW.slices].tolist()


def test_a_thread_reads_cells_without_a_crs_and_without_a_warning(beside):
    """The CRS would cost each new thread a PROJ context: more than to decode a million cells."""
    found = look(str(beside))

    def opened():
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always", NotGeoreferencedWarning)
            dataset = stored._dataset(found)
        return dataset.crs, told

    with ThreadPoolExecutor(1) as pool:
        crs, told = pool.submit(opened).result()
    assert crs is None and not told
    assert found.crs and found.placed
