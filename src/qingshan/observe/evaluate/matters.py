"""What is evaluated sample by sample, each from plain rows of text: soil, film, sewage, wastes, pests, new pollutants, lakes, trends.

    evaluate_rows("soil", rows, rules, {}) -> results

A row is a mapping of column to text, as a file or a network gives it; `where` of an error names the row. `MATTERS` says which columns and
options each needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from ...core.errors import MissingParameter, OutOfBounds, UnknownName
from ...core.reading import MISSING
from . import matters_land as land
from . import matters_load as load
from . import matters_waste as waste
from . import matters_water as water
from .editions import RuleSet
from .samples import Options, Row, Rows
from .verdict import INSUFFICIENT, Result

__all__ = ["MATTERS", "Matter", "Row", "evaluate_rows"]

Run = Callable[[RuleSet, Rows, Options], list[Result]]


@dataclass(frozen=True)
class Matter:
    """One kind of evaluation: the columns its rows must have, those they may have, and options (those ending in ! are needed)."""

    id: str
    zh: str
    en: str
    run: Run
    columns: tuple[str, ...]
    optional: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


def evaluate_rows(id: str, rows: Rows, rules: RuleSet, options: Options) -> list[Result]:
    """Raises `UnknownName` for a matter or option that is none, `MissingParameter` for an option that lacks, `OutOfBounds` for bad rows."""
    if id not in MATTERS:
        raise UnknownName(
            f"no matter {id!r}; there are: {', '.join(MATTERS)}.", f"没有评价事项 {id!r}；有：{'、'.join(MATTERS)}。"
        )
    matter = MATTERS[id]
    known = {o.rstrip("!") for o in matter.options}
    if unknown := sorted(set(options) - known):
        listed = ", ".join(sorted(known)) or "-"
        raise UnknownName(
            f"{id} takes no option {unknown[0]!r}; it takes: {listed}.",
            f"{id} 没有选项 {unknown[0]!r}；可用：{listed}。",
        )
    for need in (o.rstrip("!") for o in matter.options if o.endswith("!")):
        if not options.get(need):
            raise MissingParameter(
                need,
                f"{id} needs the option {need}.",
                f"{id} 须给出选项 {need}。",
                fix=f"--set {need}=... / --set {need}=... 给出",
            )
    if not rows:
        raise OutOfBounds("there are no rows.", "没有数据行。")
    if absent := [c for c in matter.columns if c not in rows[0]]:
        raise OutOfBounds(
            f"columns are missing: {', '.join(absent)}.", f"缺少列：{'、'.join(absent)}。", where=rows[0].where.partition(":")[0],
            fix=f"{id}: {', '.join(matter.columns)}" + (f" [{', '.join(matter.optional)}]" if matter.optional else ""),
        )  # fmt: skip
    return [counted(r, rows) for r in matter.run(rules, rows, options)]


VALUES = ("value", "pm25", "o3_mda8")
"""Columns of readings of matters whose results may have no counts of their own."""


def counted(result: Result, rows: Rows = ()) -> Result:
    """`result` with its counts: one that stands on a single reading says whether there is one (1 of 1, or 0 of 1); one without a value
    counts the rows of its site, days and item that hold a reading."""
    if result.n_valid is not None or result.n_required is not None or not result.verdict:
        return result
    if result.verdict == INSUFFICIENT or result.value is not None or result.value_text:
        return replace(result, n_valid=int(result.verdict != INSUFFICIENT), n_required=1)
    here = [r for r in rows if "site" in r and r.text("site") == result.site]
    if result.start and result.end:
        here = [r for r in here if result.start <= r.day() <= result.end]
    here = [r for r in here if r.text("item") == result.item] or here
    held = [all(r.text(c).casefold() not in MISSING for c in VALUES if c in r) for r in here]
    return replace(result, n_valid=sum(held), n_required=max(len(here), 1))


def _declared(matters: Iterable[Matter]) -> dict[str, Matter]:
    return {m.id: m for m in matters}


SAMPLE = ("site", "date", "item", "value", "unit")
MATTERS: Mapping[str, Matter] = _declared((
    Matter("soil", "农用地土壤", "agricultural soil, GB 15618", land.soil, ("site", "date", "land", "item", "value", "unit"), ("ph",)),
    Matter("construction-land", "建设用地土壤", "construction land, GB 36600", land.construction, ("site", "date", "land_class", "item", "value", "unit")),
    Matter("film", "地膜残留", "mulch-film residue, five plots of 1 m2", land.film, ("site", "date", "mass_g")),
    Matter("film-recovery", "地膜回收率", "mulch-film recovery rate", land.recovery, ("place", "used_t", "recovered_t"), (), ("target",)),
    Matter("film-design", "地膜调查布点", "sampling design: stratified random points", land.design, ("stratum", "area", "variation"),
           ("field", "field_area", "west", "south", "east", "north"), ("total", "error", "confidence", "seed")),
    Matter("sewage", "污水处理厂", "sewage plants, GB 18918", water.sewage, (*SAMPLE, "grade"), ("temperature", "built", "influent")),
    Matter("river", "河流与流域", "state of a river or basin", water.river, ("river", "site", "date"), ("class", "item", "value", "unit")),
    Matter("lake", "湖库营养状态", "trophic level index of lakes", water.lake, SAMPLE),
    Matter("black-odorous", "黑臭水体", "black-odorous water", water.odorous, ("body", "point", "date", "item", "value"), ("depth_cm",)),
    Matter("drinking-source", "饮用水水源", "drinking-water sources", water.source, SAMPLE, ("body", "intake"), ("items!", "target")),
    Matter("standard-index", "标准指数", "standard index, HJ 2.3", water.index, SAMPLE, ("body", "target", "temperature"), ("target",)),
    Matter("groundwater", "地下水类别", "groundwater class, GB/T 14848", water.ground, SAMPLE),
    Matter("trend", "趋势（季节性 Kendall）", "trend by the seasonal Kendall test", water.trends, SAMPLE, (), ("years!", "alpha")),
    Matter("load", "断面通量", "section loads C x Q by month", load.loads, SAMPLE, ("flow", "flow_method"), ("flow_method",)),
    Matter("source-share", "断面污染来源占比", "whose load a section carries, residual shown", load.shares, ("section", "source", "kind", "tonnes", "method"),
           ("downstream", "status", "item", "area_hm2", "source_type", "delivery")),
    Matter("co-control", "PM2.5 与臭氧协同", "PM2.5 and ozone together", load.together, ("site", "date", "pm25", "o3_mda8"), (), ("grade",)),
    Matter("ofp", "臭氧生成潜势", "ozone formation potential of VOC species", load.potential, ("site", "date", "species", "value", "unit"),
           ("mir", "mir_source"), ("share",)),
    Matter("pests", "林业有害生物", "forest pests: disaster rate", land.pests, ("plot", "object", "group", "criterion", "value", "area_hm2"), (),
           ("year!", "forest!", "young", "place")),
    Matter("ei", "生态环境状况指数", "ecological index EI, HJ 192", land.ei, ("place", "year"),
           ("bio", "veg", "water", "stress", "pollution", "code", "evidence"), ("ei_round",)),
    Matter("pollutants", "新污染物", "new pollutants: occurrence and risk quotient", waste.pollutants, ("substance", "medium", "date", "value", "unit"),
           ("pnec", "pnec_unit", "pnec_source"), ("least",)),
    Matter("incinerator", "危险废物焚烧", "hazardous-waste incineration, GB 18484", waste.stacks, (*SAMPLE, "averaging", "at_reference_oxygen"), ("existing",)),
    Matter("waste-rounds", "固废监测频次", "monitoring rounds of waste sites, GB 18599", waste.rounds, ("site", "rule", "date"), (), ("first!", "last!")),
    Matter("waste-account", "固废物料台账", "material account with residual and manifests", waste.account,
           ("facility", "material", "period", "kind", "tonnes", "method"), ("uncertainty", "document", "manifest"), ("k!",)),
))  # fmt: skip
