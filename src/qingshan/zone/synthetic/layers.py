"""The layers of a synthetic zone: what is declared of each, and the cells of a window.

Relations are plain and invented: rain grows and warmth falls with height, soils are shallow on steep and rocky ground,
plants are dense where their class is. They give data of the right size and kind, and say nothing about any real place.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .cover import FIELD, HOMES, WORKS, Rock, cover_of
from .ground import Ground, ground_of, karst_noise
from .places import Seats, places_of
from .relief import Relief

__all__ = ["START", "SyntheticLayer", "View", "declared_layers", "views", "window_layers"]

START = 2015  # the first year a land cover is made for
Cells = NDArray[np.float64]


@dataclass(frozen=True)
class SyntheticLayer:
    """One declared layer: see `layers.toml`. With `gaps` some cells have no data."""

    id: str
    quantity: str
    unit: str
    type: str
    low: float
    high: float
    step: float
    zh: str
    en: str
    years: bool = False
    gaps: bool = False


@dataclass(frozen=True)
class View:
    """Another quantity that the cells of a layer give: cell * scale + offset."""

    id: str
    of: str
    quantity: str
    unit: str
    zh: str
    en: str
    scale: float = 1.0
    offset: float = 0.0
    parts: tuple[float, ...] = ()
    earlier: bool = False


@lru_cache(maxsize=1)
def _declaration() -> dict[str, Any]:
    return tomllib.loads((files(__package__) / "layers.toml").read_text(encoding="utf-8"))


@lru_cache(maxsize=1)
def declared_layers() -> dict[str, SyntheticLayer]:
    """Every layer by id, in the order of the declaration."""
    return {raw["id"]: SyntheticLayer(**raw) for raw in _declaration()["layer"]}


@lru_cache(maxsize=1)
def views() -> tuple[View, ...]:
    """The declared views, one per part of the year where a view has parts."""
    made = []
    for raw in _declaration()["view"]:
        view = View(**{**raw, "parts": tuple(raw.get("parts", ()))})
        made += [
            View(
                f"{view.id}_{n:02d}",
                view.of,
                f"{view.quantity}.{n:02d}",
                view.unit,
                f"{view.zh}（{n}）",
                f"{view.en} ({n})",
                scale=share,
            )
            for n, share in enumerate(view.parts, 1)
        ] or [view]
    return tuple(made)


def window_layers(
    relief: Relief, seats: Seats, top: int, left: int, rows: int, cols: int, years: Iterable[int]
) -> dict[tuple[str, int], NDArray[Any]]:
    """The cells of a window by (layer id, year); year 0 for a layer that does not change. Rounded, within its limits."""
    ground = ground_of(relief, top, left, rows, cols)
    seed = relief.seed
    rock = _rock(seed, ground)
    made: dict[tuple[str, int], NDArray[Any]] = {
        ("elevation", 0): ground.height,
        ("sinks", 0): ground.sink,
        ("karst", 0): rock.karst,
        ("lithology", 0): _lithology(seed, ground, rock),
        ("slope_length", 0): 20.0 + 0.6 * ground.above / (ground.slope + 0.05),
        ("bedrock", 0): rock.bare,
        ("solar", 0): 3900.0 + 260.0 * ground.south * np.minimum(ground.slope, 0.6)
        + 0.10 * (ground.height - 1000.0) + ground.noise(seed, "solar", (700, 120.0)),
        ("storm", 0): 105.0 + 0.012 * (ground.height - 1000.0) + ground.noise(seed, "storm", (900, 18.0), (250, 8.0)),
        ("places", 0): places_of(seats, seed, top, left, rows, cols),
    }  # fmt: skip
    made |= {(name, 0): values for name, values in _soil(seed, ground, rock).items()}
    for year in years:
        made |= {(name, year): values for name, values in _year(seed, ground, rock, year).items()}
    return {(name, year): _kept(declared_layers()[name], values) for (name, year), values in made.items()}


def _kept(layer: SyntheticLayer, values: NDArray[Any]) -> NDArray[Any]:
    if layer.type != "float32":
        return values.astype(layer.type, copy=False)
    rounded = np.floor(np.clip(values, layer.low, layer.high) / layer.step + 0.5) * layer.step
    return rounded.astype(np.float32)


def _rock(seed: int, ground: Ground) -> Rock:
    karst = karst_noise(seed, ground.top, ground.left, ground.height.shape) > 0
    bare = ground.noise(seed, "bare", (40, 34.0), (8, 20.0)) + 22.0 + 40.0 * ground.slope
    dry = np.minimum(ground.above / 25.0, 1.0)  # valley floors are covered
    return Rock(karst.astype(np.uint8), np.clip(np.where(karst, bare * dry, 0.12 * bare * dry), 0.0, 96.0))


def _lithology(seed: int, ground: Ground, rock: Rock) -> NDArray[np.uint8]:
    """The five classes of HJ 1174-2021 on carbonate rock, 255 elsewhere."""
    pure = 2.4 + ground.noise(seed, "pure", (180, 2.2), (40, 1.0))
    return np.where(rock.karst > 0, np.clip(np.floor(pure), 0.0, 4.0), 255.0).astype(np.uint8)


def _soil(seed: int, ground: Ground, rock: Rock) -> dict[str, NDArray[Any]]:
    karst = rock.karst.astype(np.float64)
    sand = 34.0 - 10.0 * karst + 9.0 * ground.slope + ground.noise(seed, "sand", (160, 12.0), (40, 6.0), (10, 3.0))
    clay = 26.0 + 9.0 * karst + ground.noise(seed, "clay", (160, 10.0), (40, 5.0), (10, 3.0))
    sand, clay = _stepped(np.clip(sand, 5.0, 75.0)), _stepped(np.clip(clay, 6.0, 60.0))
    silt = 100.0 - sand - clay
    short = np.maximum(4.0 - silt, 0.0)  # at least 4 % silt, taken from the sand
    depth = 1150.0 - 1050.0 * np.minimum(ground.slope, 0.75) - 6.5 * rock.bare
    depth += 350.0 * np.maximum(1.0 - ground.above / 15.0, 0.0) + ground.noise(seed, "depth", (60, 220.0), (12, 90.0))
    carbon = 1.7 + 0.0009 * (ground.height - 1000.0) + 0.3 * karst
    carbon += ground.noise(seed, "carbon", (90, 0.6), (15, 0.35))
    water = 0.115 + 0.0010 * silt - 0.0006 * sand + ground.noise(seed, "pawc", (80, 0.012))
    drained = sand - 0.9 * clay - 0.010 * np.maximum(500.0 - depth, 0.0)
    group = 1 + (drained < 12.0).astype(np.uint8) + (drained < 0.0) + (drained < -14.0)
    return {
        "sand": sand - short, "silt": silt + short, "clay": clay, "organic_carbon": carbon,
        "soil_depth": depth, "pawc": np.clip(water, 0.03, 0.28), "soil_group": group,
        "erodibility": 0.012 + 0.00062 * silt - 0.0018 * np.clip(carbon, 0.0, 4.0),
    }  # fmt: skip


def _stepped(values: Cells) -> Cells:
    step = declared_layers()["sand"].step
    made: Cells = np.floor(values / step + 0.5) * step
    return made


def _year(seed: int, ground: Ground, rock: Rock, year: int) -> dict[str, NDArray[Any]]:
    cover = cover_of(seed, ground, rock, year - START)
    rain = 1180.0 + 0.11 * (ground.height - 1000.0)
    rain += ground.noise(seed, "rain", (1200, 120.0), (300, 50.0)) + ground.noise(seed, f"rain/{year}", (2500, 110.0))
    warm = 15.6 - 0.0056 * (ground.height - 1000.0) + 0.5 * ground.south * np.minimum(ground.slope, 0.5)
    warm += ground.noise(seed, f"warm/{year}", (2500, 0.5)) + 0.03 * (year - START)
    potential = 890.0 + 26.0 * (warm - 15.6) + 60.0 * ground.south * np.minimum(ground.slope, 0.5)
    potential += ground.noise(seed, "et0", (800, 25.0))
    wetter = rain / 1180.0
    erosivity = 4300.0 * wetter * wetter + ground.noise(seed, "erosivity", (600, 350.0))
    ndvi = _ndvi_of_class()[cover] + ground.noise(seed, "ndvi", (24, 0.05), (3, 0.05)) - 0.0012 * rock.bare
    ndvi += ground.noise(seed, f"ndvi/{year}", (400, 0.02)) + 0.0015 * (year - START)
    # linear mixture between bare ground (0.05) and full cover (0.80)
    vegetation = np.clip((ndvi - 0.05) / 0.75, 0.0, 1.0)
    return {
        "cover": cover, "rain": rain, "temperature": warm, "et0": potential, "erosivity": erosivity, "ndvi": ndvi,
        "vegetation": vegetation, "threat_field": cover == FIELD, "threat_town": cover == HOMES, "threat_road": cover == WORKS,
    }  # fmt: skip


@lru_cache(maxsize=1)
def _ndvi_of_class() -> Cells:
    table = np.zeros(256)
    for code, mean in _declaration()["ndvi"].items():
        table[int(code)] = mean
    return table
