"""What the map page hands out besides pictures: every layer with its facts, and the numbers of the legends."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

from .legend import span_of
from .page import Cell, Column, Table
from .ramps import Scale
from .rasters import Shelf, ShownLayer, class_counts
from .site import Ask

__all__ = ["layers_table", "legend_table"]


class Later(Sequence[Mapping[str, Cell]]):
    """Rows that are made when they are first read: surveying every layer is for the exports."""

    def __init__(self, make: Callable[[], list[dict[str, Cell]]]) -> None:
        self._make = make

    @cached_property
    def _rows(self) -> list[dict[str, Cell]]:
        return self._make()

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, at: Any) -> Any:
        return self._rows[at]


_LAYER_COLUMNS = (
    Column("layer", "图层", "layer"),
    Column("name", "名称", "name"),
    Column("group", "类别", "group"),
    Column("period", "时期", "period"),
    Column("unit", "单位", "unit"),
    Column("cell_x", "像元宽", "cell width"),
    Column("cell_y", "像元高", "cell height"),
    Column("crs", "坐标系", "CRS"),
    Column("area_km2", "图幅面积", "area of the file", "km2"),
    Column("nodata_km2", "无数据面积", "area without data", "km2"),
    Column("looked_every", "抽样间隔", "sampled every n-th row and column"),
    Column("licence", "使用条件", "licence"),
    Column("source", "出处", "source"),
    Column("labels", "标注", "labels"),
    Column("sha256", "sha-256", "sha-256"),
)


def layers_table(ask: Ask, found: Shelf) -> Table:
    return Table("layers", "图层", "Layers", _LAYER_COLUMNS, Later(lambda: _layer_rows(ask, found)))


def _layer_rows(ask: Ask, found: Shelf) -> list[dict[str, Cell]]:
    rows: list[dict[str, Cell]] = []
    for layer in found.layers.values():
        for period in layer.periods:
            if layer.held[period].drawn is None:
                continue
            held, survey = layer.at(period), layer.survey(period)
            rows.append({
                "layer": layer.id, "name": layer.name(ask.lang), "group": ask.t(f"raster.group.{layer.group}"), "period": period,
                "unit": layer.unit, "cell_x": survey.resolution[0], "cell_y": survey.resolution[1], "crs": survey.crs,
                "area_km2": survey.whole_area / 1e6, "nodata_km2": survey.nodata_area / 1e6, "looked_every": survey.every,
                "licence": str(held.entry.get("licence", "")), "source": str(held.entry.get("source", "")),
                "labels": "; ".join(ask.t(f"badge.{x}.word") if ask.t.has(f"badge.{x}.word") else x for x in held.labels),
                "sha256": held.drawing().sha256,
            })  # fmt: skip
    return rows


def legend_table(ask: Ask, sides: Sequence[tuple[ShownLayer, str, dict[str, Any]]]) -> Table:
    """The numbers of the legends: limits of the classes with their shares, or the land classes with their areas."""
    columns = (
        Column("layer", "图层", "layer"), Column("period", "时期", "period"), Column("code", "代码", "code"), Column("class", "类别", "class"),
        Column("low", "下限", "from"), Column("high", "上限", "to"), Column("unit", "单位", "unit"), Column("share", "面积占比", "share of the area"),
        Column("area_km2", "面积", "area", "km2"),
    )  # fmt: skip
    rows: list[dict[str, Cell]] = []
    for layer, period, legend in sides:
        head: dict[str, Cell] = {"layer": layer.id, "period": period, "unit": layer.unit}
        if legend["rows"] is not None:
            rows += [
                head | {"code": r["code"], "class": r[ask.lang], "share": r["share"], "area_km2": r["area"] / 1e6}
                for r in legend["rows"]
            ]
        else:
            rows += [head | more for more in _class_rows(layer, period)]
    return Table("legend", "图例", "Legend", columns, rows)


def _class_rows(layer: ShownLayer, period: str) -> list[dict[str, Cell]]:

    survey, scale = layer.survey(period), layer.painter
    if not isinstance(scale, Scale) or not len(survey.sample):
        return []
    low, high = span_of(survey)
    counts = class_counts(survey.sample, scale.breaks)
    edges = [low, *scale.breaks, high]
    return [
        {"low": a, "high": b, "share": n / len(survey.sample)}
        for a, b, n in zip(edges, edges[1:], counts, strict=False)
    ]
