"""What the forest pages share: the sealed estimates of the zone, one figure with its error, plots on a drawing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from qingshan.accounts.run import Fact
from qingshan.publish import numbers

from .figures import FIGURE_COLUMNS, Figure, of_run, ordered, row_of
from .outlines import Box, Frame, box_of, outlines, rings_of
from .page import Cell, Column, Table
from .site import Ask, Site, last_year

if TYPE_CHECKING:
    from qingshan.accounts.inventory import ForestRun, InventorySettings

__all__ = [
    "ERROR_COLUMNS",
    "TABS",
    "Estimated",
    "Ground",
    "estimated",
    "forest_of",
    "found_in_woods",
    "ground",
    "inventory_for",
    "plot_labels",
    "tabs",
    "woods_table",
]

TABS = ("forest", "plots", "projects", "releases")
ADDRESSES = {
    "forest": "/forest",
    "plots": "/forest/plots",
    "projects": "/forest/projects",
    "releases": "/forest/releases",
}
WIDE, NARROW = (560, 520), (358, 340)


def forest_of(site: Site) -> ForestRun | None:
    """The newest sealed estimates of the zone's inventories; None where there are none or the extra is not installed."""
    try:
        from qingshan.accounts.inventory import forest_run  # noqa: PLC0415 - the extra geo
    except ModuleNotFoundError:
        return None
    found = forest_run(site.zone)
    kept: ForestRun | None = site.kept.get("forest")
    if found is None or (kept is not None and kept.path == found.path):
        return kept if found is not None else None
    site.kept["forest"] = found
    return found


def plot_labels(ask: Ask, run: ForestRun, chosen: InventorySettings) -> tuple[str, ...]:
    """What qualifies the amounts of plots and trees: their equations, as in the totals. That plots were not measured qualifies totals only."""
    said = {"synthetic"} if chosen.synthetic or ask.zone.synthetic else set()
    for word in ("biomass", "volume"):
        for f in run.select(f"inventory.{word}", chosen.place or ask.zone.root, "", chosen.period, None):
            if f.role == "estimate" and run.nodes[f.key].notes.get("inventory") == chosen.id:
                said |= set(f.labels)
    return ordered(said - {"partial"})


@dataclass(frozen=True, slots=True)
class Estimated:
    """A figure with the error of its estimate: `se`, `df`, `confidence`, and `error`, the half-width as a share of the figure."""

    figure: Figure
    se: float | None
    df: int
    plots: int
    confidence: float
    estimator: str
    cls: str
    name: str

    @property
    def error(self) -> float | None:
        reach, value = self.figure.range, self.figure.value
        return (reach[1] - reach[0]) / 2 / abs(value) if reach and value else None


def estimated(ask: Ask, run: ForestRun, fact: Fact) -> Estimated:
    note = run.nodes[fact.key].notes
    words = run.classes.get(fact.cls)
    name = ask.t.pick(str(words["zh"]), str(words["en"])) if words else ""
    se = note.get("se")
    return Estimated(
        of_run(run, fact), float(se) if se is not None else None, int(note.get("df", 0)), int(note.get("plots", 0)),
        float(note.get("confidence", 0)), str(note.get("estimator", "")), fact.cls, name,
    )  # fmt: skip


def inventory_for(ask: Ask, run: ForestRun) -> InventorySettings:
    """The inventory that is shown: `?inventory=`, else the newest up to the asked period, else the first after."""
    asked = ask.query.get("inventory", "")
    named = [s for s in run.inventories if s.id == asked]
    if named:
        return named[0]
    if ask.span is None:
        return run.inventories[-1]
    until = [s for s in run.inventories if (last_year(s.period) or 0) <= ask.span[1]]
    return until[-1] if until else run.inventories[0]


def tabs(ask: Ask, here: str) -> list[dict[str, Any]]:
    """The pages of this section, for the row under the headline."""
    place = ask.query.get("place", "")
    kept = {"plots": place, "forest": place}
    return [
        {
            "name": ask.t(f"forest.tab.{tab}"),
            "href": ask.address(ADDRESSES[tab], place=kept.get(tab, "")),
            "here": tab == here,
        }
        for tab in TABS
        if ask.has(f"forest_{tab}" if tab != "forest" else "forest")
    ]


def found_in_woods(ask: Ask, word: str) -> str:
    """Address of the forest project (id or name) or of the plot of the newest inventory that a reader typed, else ''."""
    plain = word.strip().casefold()
    if not plain or not ask.has("forest"):
        return ""
    from .released import dossiers_of, projects_of  # noqa: PLC0415 - it reads this module's site

    named = {d.id: d.record["project"] for d in dossiers_of(ask.zone)}
    for id in projects_of(ask.zone):
        if plain in {id.casefold(), *(str(named.get(id, {}).get(k, "")).casefold() for k in ("zh", "en"))}:
            return ask.address(f"/forest/projects/{quote(id, safe='')}", period="")
    run = forest_of(ask.site)
    newest = run.inventories[-1].id if run else ""
    if run and any(
        n.kind == "plot" and n.notes["inventory"] == newest and str(n.notes["plot"]).casefold() == plain
        for n in run.nodes.values()
    ):
        return ask.address(f"/forest/plots/{quote(newest, safe='')}/{quote(word.strip(), safe='')}", period="")
    return ""


ERROR_COLUMNS = (
    Column("cls", "分组代号", "class id"), Column("cls_name", "分组", "class"), Column("se", "标准误", "standard error"),
    Column("relative_se", "相对标准误", "relative standard error"), Column("df", "自由度", "degrees of freedom"),
    Column("plots", "样地数", "plots"), Column("confidence", "置信度", "confidence"), Column("estimator", "估计量", "estimator"),
)  # fmt: skip


def woods_table(ask: Ask, name: str, zh: str, en: str, found: Sequence[Estimated]) -> Table:
    """Figures with their errors, labels and keys, as every export prints them."""
    rows: list[dict[str, Cell]] = []
    for e in found:
        value = e.figure.value
        relative = e.se / abs(value) if e.se is not None and value else None
        more: dict[str, Cell] = {
            "cls": e.cls, "cls_name": e.name, "se": e.se, "relative_se": relative, "df": e.df or None, "plots": e.plots or None,
            "confidence": e.confidence or None, "estimator": e.estimator,
        }  # fmt: skip
        rows.append(row_of(e.figure, ask.name(e.figure.place), ask.t, **more))
    return Table(
        name,
        zh,
        en,
        (*FIGURE_COLUMNS[:5], *ERROR_COLUMNS[:2], *FIGURE_COLUMNS[5:6], *ERROR_COLUMNS[2:], *FIGURE_COLUMNS[8:]),
        rows,
        "place_code",
    )


# ---- ground under plots and parcels ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ground:
    """Places as paths on a drawing, in two widths; `frame` puts points in degrees on it."""

    frame: Frame
    areas: tuple[tuple[str, str, str], ...]
    """(code, name, path)"""

    @property
    def bar(self) -> tuple[float, str]:
        """A scale bar: its length in drawing units, and what it stands for."""
        for metres in (50_000, 20_000, 10_000, 5_000, 2_000, 1_000, 500, 200, 100, 50):
            if metres / self.frame.metres < self.frame.width * 0.3:
                return round(metres / self.frame.metres, 1), f"{metres // 1000} km" if metres >= 1000 else f"{metres} m"
        return 0.0, ""


def ground(
    ask: Ask, points: Sequence[tuple[float, float]], size: tuple[int, int] = WIDE, close: bool = False
) -> Ground | None:
    """The zone's places, or the box around some points in degrees where `close` or no line is known."""
    features: Sequence[Mapping[str, Any]] = lines_of(ask)["features"]
    box: Box | None = None if close else box_of(features)
    if box is None and points:
        lon, lat = [p[0] for p in points], [p[1] for p in points]
        pad = max(max(lon) - min(lon), max(lat) - min(lat), 0.002) * 0.1
        box = min(lon) - pad, min(lat) - pad, max(lon) + pad, max(lat) + pad
    if box is None:
        return None
    frame = Frame.around(box, *size)
    areas = tuple(
        (str(f["properties"]["code"]), ask.short(str(f["properties"]["code"])), frame.path(rings_of(f["geometry"])))
        for f in features
    )
    return Ground(frame, areas)


def lines_of(ask: Ask) -> dict[str, Any]:
    """Outlines of the leaf places, in degrees."""
    if "grid" not in ask.zone.config:
        return outlines(ask.site, None)
    from .rasters import shelf  # noqa: PLC0415 - reads rasters

    return outlines(ask.site, shelf(ask.site).book)


def degrees_of(ask: Ask, rows: Sequence[Mapping[str, Any]]) -> list[tuple[float, float] | None]:
    """Where plots lie, in degrees: from `lon` and `lat`, else from `x` and `y` in the coordinates of the zone's grid."""
    if all(_number(r.get("lon")) is not None for r in rows):
        return [(float(r["lon"]), float(r["lat"])) if _number(r.get("lat")) is not None else None for r in rows]
    crs = str(ask.zone.config.get("grid", {}).get("crs", ""))
    if not crs or any(_number(r.get("x")) is None or _number(r.get("y")) is None for r in rows):
        return [None] * len(rows)
    from pyproj import Transformer  # noqa: PLC0415 - the extra geo

    turn = Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    lon, lat = turn.transform([float(r["x"]) for r in rows], [float(r["y"]) for r in rows])
    return [(round(a, 6), round(b, 6)) for a, b in zip(lon, lat, strict=True)]


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def percent(value: float | None) -> str:
    return f"{numbers.digits(value * 100)}\u00a0%" if value is not None else ""
