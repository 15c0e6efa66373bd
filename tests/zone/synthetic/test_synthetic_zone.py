"""A synthetic country: the same from any window, seed by seed, drained, varied, within its declared limits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from qingshan.core.errors import OutOfBounds, ZoneError
from qingshan.core.finding import worst
from qingshan.faces.cli import main
from qingshan.zone.check import check_zone
from qingshan.zone.raster.catalogue import RasterBook
from qingshan.zone.synthetic import builtin, stack
from qingshan.zone.synthetic.builtin import GENERATORS, builtin_texts, cells_digest, folder_of, generated
from qingshan.zone.synthetic.drainage import drain
from qingshan.zone.synthetic.folder import class_rows
from qingshan.zone.synthetic.layers import declared_layers, window_layers
from qingshan.zone.synthetic.made import make_zone
from qingshan.zone.synthetic.places import make_seats
from qingshan.zone.synthetic.relief import Relief, make_relief
from qingshan.zone.synthetic.stack import fresh_folder, sides_of, write_stack
from qingshan.zone.zone import open_zone, zone_path

SIDE, SEED = 480, 20261
Cells = dict[tuple[str, int], np.ndarray]


@pytest.fixture(scope="module", autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QINGSHAN_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="module")
def relief() -> Relief:
    return make_relief(SEED, SIDE, SIDE)


@pytest.fixture(scope="module")
def country(relief: Relief) -> Cells:
    return window_layers(relief, make_seats(SEED, SIDE, SIDE), 0, 0, SIDE, SIDE, stack.YEARS)


# --- the same cells


def test_a_window_shows_what_the_whole_shows(relief: Relief, country: Cells) -> None:
    seats = make_seats(SEED, SIDE, SIDE)
    for top, left, rows, cols in ((0, 0, 50, 70), (129, 33, 64, 200), (431, 451, 49, 29), (200, 300, 1, 1)):
        part = window_layers(relief, seats, top, left, rows, cols, stack.YEARS)
        for key, cells in part.items():
            assert np.array_equal(cells, country[key][top : top + rows, left : left + cols]), key


def test_a_skeleton_coarser_than_the_grid_is_windowed_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qingshan.zone.synthetic.relief.MOST_SKELETON_CELLS", 60 * 70)
    relief, seats = make_relief(5, 250, 210), make_seats(5, 250, 210)
    assert relief.factor == 4 and relief.height.shape == (63, 53)
    whole = window_layers(relief, seats, 0, 0, 250, 210, (2015,))
    part = window_layers(relief, seats, 101, 7, 90, 133, (2015,))
    assert all(np.array_equal(part[key], whole[key][101:191, 7:140]) for key in part)


def test_files_hold_the_same_cells_for_any_window_and_number_of_threads(tmp_path: Path) -> None:
    def written(name: str, **how: int) -> list[str]:
        folder = tmp_path / name
        folder.mkdir()
        return [cells_digest(w.path) for w in write_stack(folder, 9, 560, 150, **how).written]

    first = written("one", workers=1, window=150)
    assert written("two", workers=3, window=40) == first
    assert len(set(first)) == len(first)


def test_another_seed_is_another_country() -> None:
    other = window_layers(make_relief(1, 200, 200), make_seats(1, 200, 200), 0, 0, 200, 200, (2015,))
    again = window_layers(make_relief(2, 200, 200), make_seats(2, 200, 200), 0, 0, 200, 200, (2015,))
    assert np.corrcoef(other["elevation", 0].ravel(), again["elevation", 0].ravel())[0, 1] < 0.9
    assert (other["cover", 2015] == again["cover", 2015]).mean() < 0.6


# --- what a country is like


def test_every_layer_keeps_its_declared_limits_and_varies(country: Cells) -> None:
    for (name, _), cells in country.items():
        layer = declared_layers()[name]
        known = cells[cells != 255] if layer.gaps else cells
        assert cells.dtype == layer.type and layer.low <= known.min() and known.max() <= layer.high, name
        assert known.min() < known.max(), name
    assert {name for name, _ in country} == set(declared_layers())


def test_soil_fractions_add_up_to_100(country: Cells) -> None:
    total = sum(country[name, 0].astype(float) for name in ("sand", "silt", "clay"))
    assert np.array_equal(total, np.full((SIDE, SIDE), 100.0))


def test_the_ground_drains(country: Cells) -> None:
    """Few cells are pits; filled, none needs more than a hollow's depth, and every inner cell runs to the rim."""
    height = country["elevation", 0].copy()
    order, receiver = np.empty(height.size, np.int32), np.empty(height.size, np.int32)
    drain(height, order, receiver)
    raised = height - country["elevation", 0]
    assert (raised > 0.01).mean() < 0.08
    assert raised.max() < 16.0
    reached = np.zeros(height.size, bool)
    for cell in order:
        reached[cell] = receiver[cell] < 0 or reached[receiver[cell]]
    assert reached.mean() > 0.99


def test_rivers_run_down_to_the_rim(country: Cells) -> None:
    """Nearly every river cell has a lower or equal river cell beside it, or lies on the rim."""
    river = country["cover", 2015] == 43
    height = country["elevation", 0]
    rows, cols = np.nonzero(river)
    downhill = 0
    for r, c in zip(rows, cols, strict=True):
        near = np.s_[max(r - 1, 0) : r + 2, max(c - 1, 0) : c + 2]
        lower = (height[near] <= height[r, c]) & river[near]
        downhill += lower.sum() > 1 or r in (0, SIDE - 1) or c in (0, SIDE - 1)
    assert len(rows) > 200 and downhill / len(rows) > 0.98


def test_slopes_and_heights_are_those_of_hills(country: Cells) -> None:
    height = country["elevation", 0].astype(float)
    down, along = np.gradient(height, 30.0)
    slope = np.degrees(np.arctan(np.hypot(down, along)))
    q = np.percentile(slope, [5, 25, 50, 75, 95])
    assert (np.diff(q) > 1.5).all() and 4 < q[2] < 25 and slope.max() < 60
    integral = (height.mean() - height.min()) / (height.max() - height.min())
    assert (
        0.2 < integral < 0.65 and np.ptp(height) > 250
    )  # hypsometric integral (Strahler 1952): 0.35 to 0.6 is mature relief


def test_classes_lie_where_people_and_plants_put_them(country: Cells) -> None:
    cover, height = country["cover", 2015], country["elevation", 0].astype(float)
    down, along = np.gradient(height, 30.0)
    slope = np.degrees(np.arctan(np.hypot(down, along)))
    share = {int(code): n / cover.size for code, n in zip(*np.unique(cover, return_counts=True), strict=True)}
    assert set(share) <= {int(row["code"]) for row in class_rows()}
    assert 0.15 < sum(s for c, s in share.items() if c < 20) < 0.7  # forest
    assert 0.08 < share[51] < 0.45 and 0.002 < share[61] < 0.05 and 0.0005 < share[43] < 0.02
    assert slope[cover == 51].mean() < slope[cover == 11].mean() - 3
    assert np.median(slope[cover == 61]) < 10
    assert country["bedrock", 0][cover == 82].mean() > country["bedrock", 0].mean()


def test_change_in_five_years_is_small_and_goes_the_likely_way(country: Cells) -> None:
    before, after = country["cover", 2015], country["cover", 2020]
    assert 0.005 < (before != after).mean() < 0.15
    assert (after == 61).sum() > (before == 61).sum()
    assert (after == 51).sum() < (before == 51).sum()
    assert ((after < 20).sum()) > ((before < 20).sum())
    assert np.array_equal(before == 43, after == 43)


def test_warmth_falls_and_rain_grows_with_height(country: Cells) -> None:
    height = country["elevation", 0].ravel().astype(float)
    assert np.corrcoef(height, country["temperature", 2015].ravel())[0, 1] < -0.6
    assert np.corrcoef(height, country["rain", 2015].ravel())[0, 1] > 0.05


def test_the_zone_lies_inside_its_grid(country: Cells) -> None:
    places = country["places", 0]
    assert 0.7 < (places > 0).mean() < 0.95
    assert not places[0].any() and not places[-1].any() and not places[:, 0].any() and not places[:, -1].any()
    counts = np.bincount(places.ravel())
    assert len(counts) == make_seats(SEED, SIDE, SIDE).count + 1 and counts.min() > 2000


# --- the built-in zone


def test_the_zone_in_the_package_is_what_its_generator_says() -> None:
    """zone.toml and facts are written by the generator; the hashes in it are those of the cells it makes here."""
    for name, text in builtin_texts(GENERATORS["demo30m"]).items():
        assert (zone_path("demo30m") / name).read_text(encoding="utf-8") == text, name


def test_demo30m_opens_and_has_no_error() -> None:
    findings = check_zone("demo30m")
    assert worst(findings) not in ("error", "warning"), [f.sentence() for f in findings]
    zone = open_zone("demo30m")
    assert zone.synthetic and all(entry["synthetic"] for entry in zone.config["raster"])
    book = RasterBook.of(zone)
    assert book.periods() == ["2015", "2020"]
    rain = book.layer("climate.rain_annual", "2020").source.read(book.grid.whole)
    june = book.layer("climate.rain_month.06", "2020").source.read(book.grid.whole)
    assert np.allclose(june, rain * np.float32(0.188), rtol=1e-6)
    opening = book.layer("land.cover.opening", "2020").source.read(book.grid.whole)
    assert np.array_equal(opening, book.layer("land.cover", "2015").source.read(book.grid.whole))
    assert set(np.unique(book.classes("2020").source.read(book.grid.whole))) <= set(book.classes("2020").codes)


def test_a_changed_file_is_noticed_and_made_again() -> None:
    path = generated({"id": "karst", "generator": "demo30m"})
    right = path.read_bytes()
    path.write_bytes(right[:-10] + bytes(10))
    assert generated({"id": "karst", "generator": "demo30m"}).read_bytes()[-10:] == right[-10:]


def test_other_cells_than_catalogued_are_refused() -> None:
    with pytest.raises(ZoneError, match="no figure may stand on them"):
        generated({"id": "karst", "generator": "demo30m", "cells_sha256": "0" * 64})
    with pytest.raises(ZoneError, match="no layer 'snow'"):
        generated({"id": "snow", "generator": "demo30m"})
    with pytest.raises(ZoneError, match="known: demo30m"):
        generated({"id": "karst", "generator": "moon"})


def test_every_file_says_that_it_is_synthetic() -> None:
    import rasterio  # noqa: PLC0415

    generated({"id": "karst", "generator": "demo30m"})
    files = sorted(folder_of(GENERATORS["demo30m"]).glob("*.tif"))
    assert len(files) > 20
    for path in files:
        with rasterio.open(path) as file:
            assert file.tags()["synthetic"] == "true" and "合成" in file.tags()["label"], path.name


# --- a zone of one's own


def test_a_zone_is_made_whole_and_passes_the_check(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    made = make_zone(tmp_path / "shire", 90_000, 4, told=lambda *what: told.append(what))
    assert (made.seats.rows, made.seats.cols) == (300, 300) and made.cells.sum() == 90_000
    assert told[0][0].startswith("terrain") and told[-1] == ("layers", 90_000, 90_000)
    findings = check_zone(tmp_path / "shire")
    assert worst(findings) not in ("error", "warning"), [f.sentence() for f in findings]
    zone = open_zone(tmp_path / "shire")
    assert zone.synthetic and RasterBook.of(zone).grid.shape == (300, 300)
    assert [p.name for p in tmp_path.iterdir()] == ["shire"]


def test_nothing_is_left_of_an_interrupted_zone(tmp_path: Path) -> None:
    def interrupt(what: str, done: int, _all: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_zone(tmp_path / "shire", 90_000, 4, told=interrupt)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("pixels", [0, 100, 4e9, float("inf")])
def test_absurd_sizes_are_refused(pixels: float) -> None:
    with pytest.raises(OutOfBounds, match="limits are 4096 and 2e"):
        sides_of(pixels)


def test_a_province_is_14000_cells_a_side() -> None:
    assert sides_of(196e6) == (14_000, 14_000)


def test_a_folder_with_something_in_it_and_a_full_disk_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kept.txt").write_text("mine")
    with pytest.raises(ZoneError, match="not empty"), fresh_folder(tmp_path):
        pass
    with pytest.raises(ZoneError, match="folder above"), fresh_folder(tmp_path / "no" / "such"):
        pass
    monkeypatch.setattr(stack.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1000}))
    with pytest.raises(ZoneError, match="GB free"):
        make_zone(tmp_path / "shire", 1e6, 1)
    assert [p.name for p in tmp_path.iterdir()] == ["kept.txt"]


def test_what_a_province_takes_is_known_before_it_is_made(tmp_path: Path) -> None:
    """196 million cells of 30 bytes and 2 MB of tables: 5.9 GB; the nearest folder that exists tells what is free."""
    need = stack.needed(tmp_path / "not" / "yet", *sides_of(196e6))
    assert (need.rows, need.cols, need.bytes) == (14_000, 14_000, 5_882_000_000)
    assert need.free > 0 and need.files > 30


def test_a_cache_that_cannot_be_kept_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(builtin, "generate", lambda _stack, folder: folder.mkdir())
    monkeypatch.setenv("QINGSHAN_HOME", str(tmp_path))
    with pytest.raises(ZoneError, match="cannot be kept"):
        generated({"id": "karst", "generator": "demo30m"})


# --- the verb


def test_the_verb_makes_a_zone_and_says_that_it_is_synthetic(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "shire")
    assert main(["synth", "--pixels", "1e4", "--out", out, "--seed", "5", "--lang", "zh"]) == 0
    told = capsys.readouterr()
    assert "合成数据，100 × 100 个像元" in told.out
    files = [p for p in Path(out).rglob("*") if p.is_file()]
    rasters = sum(p.suffix == ".tif" for p in files)
    # cells, files and bytes are said before: at most 2 MB + 30 bytes a cell, and the folder keeps to it
    assert f"100 × 100 = 10,000 个像元，栅格 {rasters} 幅，至多约 2 MB（磁盘剩余" in told.err
    assert sum(p.stat().st_size for p in files) <= 2.3e6
    assert open_zone(out).id == "synthetic-5"
    assert main(["synth", "--pixels", "1e4", "--out", out]) == 1
    assert "not empty" in capsys.readouterr().err


def test_without_a_folder_the_verb_names_one_by_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["synth", "--pixels", "1e4", "--lang", "en"]) == 0
    assert open_zone(str(tmp_path / "synthetic-10000")).synthetic
    assert "next: `qingshan run --zone synthetic-10000`" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("option", "word"), [("--pixels", "many"), ("--pixels", "1e12"), ("--seed", "1.5"), ("--workers", "-2")]
)
def test_the_verb_refuses_what_is_no_size(
    tmp_path: Path, option: str, word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["synth", "--out", str(tmp_path / "shire"), option, word]) != 0
    assert option in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
