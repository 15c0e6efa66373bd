"""Plots: which plots do the figures come from? Their map and table, and one plot with its trees and their equations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from qingshan.accounts.figure import Node
from qingshan.core.errors import UnknownName
from qingshan.faces.web.crumbs import crumbs
from qingshan.faces.web.page import Cell, Column, Page, Table, View
from qingshan.faces.web.site import Ask
from qingshan.faces.web.woods import NARROW, WIDE, degrees_of, forest_of, ground, inventory_for, plot_labels, tabs
from qingshan.publish import numbers

from .forest import empty

if TYPE_CHECKING:
    from qingshan.accounts.inventory import ForestRun, InventorySettings

SHOWN = 40
SHADES = 6
FILTERED = ("dominant", "stratum", "age_class")


def build(ask: Ask) -> Page:
    """All plots of an inventory. `?place=` keeps those of a place, `?dominant=`, `?stratum=` and `?age_class=` those of a kind."""
    if ask.place.code not in ask.zone.places:
        raise UnknownName(f"{ask.place.code} is outside the zone's tree.", f"{ask.place.name_zh}不在本区域之内。")
    run = forest_of(ask.site)
    if run is None:
        return empty(ask, "plots")
    chosen = inventory_for(ask, run)
    every = plots_of(run, chosen)
    here = _here(ask, chosen, every)
    kept = [n for n in here if all(_label(n, c) == ask.query[c] for c in FILTERED if ask.query.get(c))]
    kept.sort(key=lambda n: (not _wooded(n), in_order(n)))  # plots with forest first
    labels = plot_labels(ask, run, chosen)
    start = _start(ask, len(kept))
    value = _value(every)
    context: dict[str, Any] = {
        "run": run,
        "question": ask.t("forest.question.plots"),
        "tabs": tabs(ask, "plots"),
        "crumbs": crumbs(ask, "/forest/plots"),
        "inventory": chosen,
        "headline": _headline(ask, chosen, kept, every),
        "labels": labels,
        "filters": _filters(ask, run, here),
        "rows": [_row(ask, run, n) for n in kept[start : start + SHOWN]],
        "start": start,
        "total": len(kept),
        "shown": SHOWN,
        "period": chosen.period,
        "periods": [(s.period, s.period) for s in reversed(run.inventories)],
        "maps": [m for m in (_map(ask, run, chosen, every, kept, size) for size in (WIDE, NARROW)) if m],
        "value": value,
        "key": _key(ask, every),
        "unit": numbers.unit_word(_unit(every), ask.lang),
        "kept_query": {c: ask.query.get(c, "") for c in ("place", *FILTERED) if ask.query.get(c)},
    }
    table = _table(ask, chosen, kept, labels)
    return Page("forest_plots.html", context["headline"], context, [table], [ask.place.code], [chosen.source], labels)


def plots_of(run: ForestRun, chosen: InventorySettings) -> list[Node]:
    """The plots of an inventory."""
    return [n for n in run.nodes.values() if n.kind == "plot" and n.notes.get("inventory") == chosen.id]


def in_order(node: Node) -> tuple[int, str]:
    name = str(node.notes["plot"])
    return (int(name), "") if name.isdecimal() else (1 << 60, name)


def _wooded(node: Node) -> bool:
    return float(node.notes["per_hm2"]["area"]) > 0


def _label(node: Node, column: str) -> str:
    return str(node.notes["columns"].get(column, ""))


def _here(ask: Ask, chosen: InventorySettings, every: Sequence[Node]) -> list[Node]:
    column, place = chosen.place_column, ask.place.code
    if not column or place == (chosen.place or ask.zone.root):
        return list(every)
    inside = {place, *ask.zone.leaves(place)}
    return [n for n in every if _label(n, column) in inside]


def _start(ask: Ask, count: int) -> int:
    after = ask.query.get("after", "")
    start = int(after) if after.isdecimal() and len(after) < 9 else 0
    return start if start < count else 0


def _value(every: Sequence[Node]) -> str:
    """What plots are coloured by: the head amount of their nodes."""
    return every[0].quantity.removeprefix("inventory.") if every else ""


def _unit(every: Sequence[Node]) -> str:
    return every[0].unit if every else ""


def _amount(node: Node) -> float:
    return float(node.value[0]) if node.value else 0.0


def _headline(ask: Ask, chosen: InventorySettings, kept: Sequence[Node], every: Sequence[Node]) -> str:
    trees = sum(int(n.notes["trees"]) for n in kept)
    wooded = sum(map(_wooded, kept))
    return ask.t(
        "forest.plots.headline", n=f"{len(kept):,}", wooded=f"{wooded:,}", trees=f"{trees:,}", period=chosen.period
    )


def _filters(ask: Ask, run: ForestRun, here: Sequence[Node]) -> list[dict[str, Any]]:
    """A choice per label that plots bear, with counts."""
    made = []
    for column in FILTERED:
        counts: dict[str, int] = {}
        for n in here:
            if word := _label(n, column):
                counts[word] = counts.get(word, 0) + 1
        if 1 < len(counts) <= 40:
            keep = {
                k: v for k, v in ask.query.items() if k in ("place", "inventory", "period", *FILTERED) and k != column
            }
            options = [("", ask.t("forest.plots.all", name=column_name(ask, column)))]
            options += [
                (v, f"{class_name(ask, column, v)} ({n})")
                for v, n in sorted(counts.items(), key=lambda p: ((p[0].isdecimal() and p[0]) or "", -p[1]))
            ]
            made.append(
                {
                    "name": column,
                    "options": options,
                    "chosen": ask.query.get(column, ""),
                    "label": column_name(ask, column),
                    "keep": keep,
                }
            )
    return made


def column_name(ask: Ask, column: str) -> str:
    return ask.t(f"forest.column.{column}") if ask.t.has(f"forest.column.{column}") else column


def class_name(ask: Ask, column: str, value: str) -> str:
    from qingshan.accounts.inventory.words import class_words  # noqa: PLC0415 - the extra geo

    words = class_words(f"{column}:{value}")
    picked = ask.t.pick(*words)
    return picked if not picked.endswith(f" {value}") else value


def plot_address(ask: Ask, chosen: str, plot: str) -> str:
    from urllib.parse import quote  # noqa: PLC0415 - beside its only use

    return ask.address(f"/forest/plots/{quote(chosen, safe='')}/{quote(plot, safe='')}", period="")


def _row(ask: Ask, run: ForestRun, node: Node) -> dict[str, Any]:
    columns, sums = node.notes["columns"], node.notes["per_hm2"]
    place = str(columns.get("place", ""))
    return {
        "plot": node.notes["plot"], "href": plot_address(ask, str(node.notes["inventory"]), str(node.notes["plot"])), "key": node.key,
        "stratum": columns.get("stratum", ""), "place": ask.short(place) if place in ask.zone.places else place,
        "dominant": class_name(ask, "dominant", str(columns["dominant"])) if columns.get("dominant") else "",
        "age": class_name(ask, "age_class", str(columns["age_class"])) if columns.get("age_class") not in (None, "") else "",
        "trees": node.notes["trees"], "forest": _wooded(node), "biomass": sums.get("biomass"), "volume": sums.get("volume"), "density": sums.get("trees"),
    }  # fmt: skip


def _limits(every: Sequence[Node]) -> list[float]:
    """Limits of the shades: equal parts of the plots that hold anything."""
    values = sorted(_amount(n) for n in every if _amount(n) > 0)
    return [values[int(len(values) * i / SHADES)] for i in range(1, SHADES)] if len(values) >= SHADES else []


def _shade(value: float, between: Sequence[float]) -> int:
    return 0 if value <= 0 else 1 + sum(value >= limit for limit in between)


def _key(ask: Ask, every: Sequence[Node]) -> list[tuple[int, str]]:
    between = _limits(every)
    if not between:
        return []
    words = [numbers.digits(v, 2) for v in between]
    return [
        (0, ask.t("forest.plots.none")),
        (1, f"< {words[0]}"),
        *((i + 2, f"≥ {word}") for i, word in enumerate(words)),
    ]


def _map(
    ask: Ask,
    run: ForestRun,
    chosen: InventorySettings,
    every: Sequence[Node],
    kept: Sequence[Node],
    size: tuple[int, int],
) -> dict[str, Any] | None:
    """The plots that are listed, on the zone's places; None where no plot has coordinates."""
    rows = [n.notes["columns"] for n in kept]
    points = degrees_of(ask, rows) if rows else []
    known = [(n, p) for n, p in zip(kept, points, strict=True) if p is not None]
    if not known:
        return None
    made = ground(ask, [p for _, p in known], size)
    if made is None:
        return None
    between = _limits(every)
    dots = []
    for node, point in known:
        x, y = made.frame.at(*point)
        written = numbers.write(_amount(node), node.unit, ask.lang).text
        dots.append({"x": x, "y": y, "shade": _shade(_amount(node), between), "href": plot_address(ask, chosen.id, str(node.notes["plot"])),
                     "said": ask.t("forest.plots.dot", plot=node.notes["plot"], value=written)})  # fmt: skip
    inside = {ask.place.code, *ask.zone.leaves(ask.place.code)}
    return {
        "ground": made,
        "dots": dots,
        "here": inside if ask.place.code != ask.zone.root else set(),
        "radius": 3.4 if len(dots) < 800 else 2.2,
    }


_COLUMNS = (
    Column("plot", "样地", "plot", mark="key"),
    Column("inventory", "调查", "inventory"),
    Column("place_code", "地点代码", "place code"),
    Column("stratum", "层", "stratum"),
    Column("dominant", "优势树种", "dominant species"),
    Column("age_class", "龄组", "age class"),
    Column("lon", "经度", "longitude", "degree"),
    Column("lat", "纬度", "latitude", "degree"),
    Column("trees", "样木株数", "trees measured"),
    Column("forest_share", "林地占比", "share of forest"),
    Column("density", "株数", "trees per hectare", "株/hm2"),
    Column("biomass", "生物量", "biomass", "t dm/hm2"),
    Column("volume", "蓄积", "growing stock", "m3/hm2"),
    Column("file", "文件", "file"),
    Column("line", "行", "row"),
    Column("labels", "标注", "labels"),
    Column("key", "来历键", "pedigree key"),
)


def _table(ask: Ask, chosen: InventorySettings, kept: Sequence[Node], labels: Sequence[str]) -> Table:
    points = degrees_of(ask, [n.notes["columns"] for n in kept]) if kept else []
    rows: list[dict[str, Cell]] = []
    for n, point in zip(kept, points, strict=True):
        columns, sums = n.notes["columns"], n.notes["per_hm2"]
        row = n.row or {}
        rows.append(
            {
                "plot": n.notes["plot"],
                "inventory": chosen.id,
                "place_code": columns.get(chosen.place_column or "place", ""),
                "stratum": columns.get("stratum", ""),
                "dominant": columns.get("dominant", ""),
                "age_class": columns.get("age_class", ""),
                "lon": point[0] if point else None,
                "lat": point[1] if point else None,
                "trees": n.notes["trees"],
                "forest_share": sums["area"],
                "density": sums.get("trees"),
                "biomass": sums.get("biomass"),
                "volume": sums.get("volume"),
                "file": row.get("file"),
                "line": row.get("row"),
                "labels": "; ".join(labels),
                "key": n.key,
            }
        )
    return Table("plots", "样地", "Plots", _COLUMNS, rows, point_columns=("lon", "lat"))


VIEW = View("forest_plots", "/forest/plots", build, rail=lambda code: "/forest/plots", under="forest")
