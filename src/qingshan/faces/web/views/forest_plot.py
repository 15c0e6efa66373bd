"""One plot of an inventory: which trees stand on it, which equation each took, and what they sum to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from qingshan.accounts.figure import Node
from qingshan.core.errors import UnknownName
from qingshan.faces.web.charts import Chart, Series
from qingshan.faces.web.figures import Figure
from qingshan.faces.web.lineage import node_figure
from qingshan.faces.web.names import capital, uncapital
from qingshan.faces.web.page import Cell, Column, Page, Table, View
from qingshan.faces.web.site import Ask
from qingshan.faces.web.woods import degrees_of, forest_of, ground, plot_labels, tabs

from .forest import empty
from .forest_plots import class_name, column_name, in_order, plot_address, plots_of

if TYPE_CHECKING:
    from qingshan.accounts.inventory import ForestRun, InventorySettings, PlotTrees

STEP_CM = 4


def build(ask: Ask) -> Page:
    """One plot of one inventory: its sums, its trees, and the equation each tree took."""
    from qingshan.accounts.inventory import plot_trees  # noqa: PLC0415 - the extra geo

    run = forest_of(ask.site)
    if run is None:
        return empty(ask, "plots")
    id, plot = ask.params["inventory"], ask.params["plot"]
    chosen = next((s for s in run.inventories if s.id == id), None)
    if chosen is None:
        known = ", ".join(s.id for s in run.inventories)
        raise UnknownName(f"no inventory {id[:80]!r}; on file: {known}.", f"没有调查 {id[:80]!r}；现有：{known}。")
    trees = plot_trees(run, id, plot)
    node = next(n for n in plots_of(run, chosen) if n.notes["plot"] == plot)
    order = sorted(plots_of(run, chosen), key=in_order)
    at = next(i for i, n in enumerate(order) if n.key == node.key)
    labels = plot_labels(ask, run, chosen)
    place = str(node.notes["columns"].get(chosen.place_column, "")) if chosen.place_column else ""
    figure = node_figure(ask, run, node)
    rows = [_tree(ask, run, r) for r in trees.rows]
    headline = (
        ask.t(
            "forest.plot.headline",
            plot=plot,
            trees=len(trees.rows),
            value=figure.written(ask.lang).text,
            name=uncapital(figure.name(ask.lang)),
        )
        if figure.value
        else ask.t("forest.plot.bare", plot=plot)
    )
    context: dict[str, Any] = {
        "run": run,
        "question": ask.t("forest.plot.question"),
        "headline": headline,
        "href": ask.pedigree(node.key),
        "tabs": tabs(ask, "plots"),
        "labels": labels,
        "inventory": chosen,
        "figure": figure,
        "sums": _sums(ask, trees, node),
        "facts": _facts(ask, run, chosen, trees, node),
        "rows": rows,
        "kinds": [k for k in ("biomass", "volume") if any(k in r for r in trees.rows)],
        "chart": _diameters(ask, trees, rows),
        "node": node,
        "back": plot_address(ask, id, str(order[at - 1].notes["plot"])) if at else "",
        "on": plot_address(ask, id, str(order[at + 1].notes["plot"])) if at + 1 < len(order) else "",
        "list": ask.address("/forest/plots", place=place, inventory=id, period=""),
        "others": _others(ask, run, chosen, plot),
        "maps": _here_map(ask, run, chosen, node),
        "place": place,
        "place_name": ask.name(place) if place in ask.zone.places else "",
        "here": place,
        "period": chosen.period,
    }
    table = Table("trees", "样木", "Trees", _TREE_COLUMNS, [_tree_row(chosen, plot, labels, r) for r in trees.rows])
    return Page(
        "forest_plot.html",
        headline,
        context,
        [table],
        [place] if place in ask.zone.places else [],
        [chosen.source],
        labels,
    )


def _sums(ask: Ask, trees: PlotTrees, node: Node) -> list[Figure]:
    units = {"trees": "株/hm2", "biomass": "t dm/hm2", "volume": "m3/hm2"}
    made = []
    for word, unit in units.items():
        if word in trees.sums:
            name = ask.t(f"forest.plot.sum.{word}")
            made.append(
                Figure(
                    f"inventory.{word}", name, name, "", node.period, unit, trees.sums[word], key=node.key, worked=True
                )
            )
    return made


def _facts(ask: Ask, run: ForestRun, chosen: InventorySettings, trees: PlotTrees, node: Node) -> list[tuple[str, str]]:
    """The columns of the plot, in words where the catalogue has them."""
    made = []
    for column, value in trees.columns.items():
        if value in (None, "") or column == "plot":
            continue
        name = (
            ask.t(f"forest.plot.column.{column}")
            if ask.t.has(f"forest.plot.column.{column}")
            else column_name(ask, column)
        )
        text = ask.name(str(value)) if column == chosen.place_column else class_name(ask, column, str(value))
        made.append((capital(name), text))
    row = node.row or {}
    made.append((ask.t("pedigree.row.file"), f"{row.get('file')}:{row.get('row')}"))
    return made


def _tree(ask: Ask, run: ForestRun, row: Mapping[str, Any]) -> dict[str, Any]:
    made = dict(row) | {"name": class_name(ask, "taxon", row["taxon"]), "tree": row["columns"].get("tree", "")}
    for kind in ("biomass", "volume"):
        ids = row.get(f"{kind}_equations", ())
        made[f"{kind}_set"] = _shared_id(ids)
        made[f"{kind}_keys"] = [(i, _equation_key(run, i)) for i in ids]
    return made


def _shared_id(ids: Sequence[str]) -> str:
    """One name for the equations of one tree: `anhui2016.pinus_massoniana` for stem, branch, leaf and root."""
    heads = list(dict.fromkeys(i.rpartition(".")[0] for i in ids))
    return f"{heads[0]} ({len(ids)})" if len(heads) == 1 and len(ids) > 1 else ", ".join(heads)


def _equation_key(run: ForestRun, id: str) -> str:
    kept = run.__dict__.setdefault(
        "_equation_keys", {n.cls: n.key for n in run.nodes.values() if n.quantity == "forest.tree_equation"}
    )
    return str(kept.get(id, ""))


def _diameters(ask: Ask, trees: PlotTrees, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Live trees by diameter class, per hectare."""
    live = [(r["d_cm"], r["expansion"]) for r in trees.rows if r["counts"]]
    if len(live) < 5:
        return None
    low, high = int(min(d for d, _ in live) // STEP_CM), int(max(d for d, _ in live) // STEP_CM)
    counts = dict.fromkeys(range(low, high + 1), 0.0)
    for d, e in live:
        counts[int(d // STEP_CM)] += e
    names = tuple(f"{i * STEP_CM}–{(i + 1) * STEP_CM}" for i in counts)
    table = Table("diameters", "径级分布", "Diameter classes", (Column("cls", "径级", "diameter class", "cm"), Column("trees", "株数", "trees", "株/hm2")),
                  [{"cls": n, "trees": v} for n, v in zip(names, counts.values(), strict=True)])  # fmt: skip
    chart = Chart(
        "diameters",
        "columns",
        names,
        (Series(ask.t("forest.plot.sum.trees"), tuple(counts.values()), "bar", "nature"),),
        "株/hm2",
        ask.lang,
        table,
    )
    top = max(counts, key=lambda i: counts[i])
    return {
        "chart": chart,
        "title": ask.t("forest.plot.diameters", low=top * STEP_CM, high=(top + 1) * STEP_CM),
        "sub": ask.t("forest.plot.diameters_sub", unit=chart.unit_word),
    }


def _others(ask: Ask, run: ForestRun, chosen: InventorySettings, plot: str) -> list[tuple[str, str]]:
    """The same plot in other inventories."""
    return [
        (s.period, plot_address(ask, s.id, plot))
        for s in run.inventories
        if s.id != chosen.id and any(n.notes["plot"] == plot for n in plots_of(run, s))
    ]


def _here_map(ask: Ask, run: ForestRun, chosen: InventorySettings, node: Node) -> list[dict[str, Any]]:
    points = degrees_of(ask, [node.notes["columns"]])
    if points[0] is None:
        return []
    made = ground(ask, [points[0]], (360, 300))
    if made is None:
        return []
    x, y = made.frame.at(*points[0])
    return [{"ground": made, "x": x, "y": y, "lon": points[0][0], "lat": points[0][1]}]


_TREE_COLUMNS = (
    Column("inventory", "调查", "inventory"),
    Column("plot", "样地", "plot"),
    Column("tree", "树号", "tree"),
    Column("taxon", "树种", "species"),
    Column("d_cm", "胸径", "diameter", "cm"),
    Column("h_m", "树高", "height", "m"),
    Column("counts", "计入", "counts"),
    Column("expansion", "每公顷代表株数", "trees per hectare", "株/hm2"),
    Column("biomass", "生物量", "biomass", "kg"),
    Column("biomass_equations", "生物量方程", "biomass equations"),
    Column("biomass_flags", "生物量标记", "biomass flags"),
    Column("volume", "材积", "volume", "m3"),
    Column("volume_equations", "材积方程", "volume equations"),
    Column("volume_flags", "材积标记", "volume flags"),
    Column("labels", "标注", "labels"),
)


def _tree_row(chosen: InventorySettings, plot: str, labels: Sequence[str], row: Mapping[str, Any]) -> dict[str, Cell]:
    made: dict[str, Cell] = {
        "inventory": chosen.id, "plot": plot, "tree": str(row["columns"].get("tree", "")), "taxon": row["taxon"], "d_cm": row["d_cm"], "h_m": row["h_m"],
        "counts": row["counts"], "expansion": row["expansion"], "labels": "; ".join(labels),
    }  # fmt: skip
    for kind in ("biomass", "volume"):
        if kind in row:
            made |= {
                kind: row[kind],
                f"{kind}_equations": " ".join(row[f"{kind}_equations"]),
                f"{kind}_flags": " ".join(row[f"{kind}_flags"]),
            }
    return made


VIEW = View("forest_plot", "/forest/plots/{inventory}/{plot}", build, under="forest")
