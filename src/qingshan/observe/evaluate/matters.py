"""What is evaluated sample by sample, each from plain rows of text: soil, film, sewage, wastes, pests, new pollutants, lakes, trends.

    evaluate_rows("soil", rows, rules, {}) -> results

A row is a mapping of column to text, as a file or a network gives it; `where` of an error names the row. `MATTERS` says which columns and
options each needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from ...core.errors import MissingParameter, OutOfBounds, UnknownName
from ...core.limit import LimitRow
from ...core.reading import Reading, reading
from ...core.rounding import exact
from ..loads.load import Flow, annual_load, monthly_loads
from .classes import Grader, classify
from .cocontrol import correlations, regimes
from .editions import RuleSet
from .film import Stratum, allocate, draw, recovery_rate, residue, sites_needed
from .lakes import Round, odorous_body, odorous_point, trophic_level
from .pests import Plot, disaster_rate
from .pollutants import occurrence, ranking, risk
from .soil import agricultural_soil, construction_land
from .trends import trend
from .verdict import REFUSALS, UNJUDGED, Note, Result, note_of, shown
from .wastes import Mass, material_account, orphans, rounds_covered, stack
from .water import drinking_source, sewage_plant, source_rates, standard_index

__all__ = ["MATTERS", "Matter", "Row", "evaluate_rows"]

PNEC = "new_pollutant_pnec"


@dataclass(frozen=True)
class Row(Mapping[str, str]):
    """One row of text. `where` names it in errors."""

    cells: Mapping[str, str]
    where: str = ""

    def __getitem__(self, key: str) -> str:
        return self.cells[key]

    def __iter__(self):
        return iter(self.cells)

    def __len__(self) -> int:
        return len(self.cells)

    def text(self, key: str) -> str:
        return (self.cells.get(key) or "").strip()

    def number(self, key: str) -> Decimal:
        """Raises `OutOfBounds` naming row and column."""
        try:
            return exact(self.text(key))
        except OutOfBounds as error:
            raise self._wrong(key, error.en, error.zh) from None

    def reading(self, key: str = "value") -> Reading:
        try:
            return reading(self.text(key))
        except OutOfBounds as error:
            raise self._wrong(key, error.en, error.zh) from None

    def day(self, key: str = "date") -> date:
        try:
            return datetime.fromisoformat(self.text(key)).date()
        except ValueError:
            raise self._wrong(key, "write a day as 2026-03-01", "日期写作 2026-03-01") from None

    def _wrong(self, key: str, en: str, zh: str) -> OutOfBounds:
        return OutOfBounds(
            f"{key} is {self.text(key)!r}: {en}", f"{key} 为 {self.text(key)!r}：{zh}", where=f"{self.where} [{key}]"
        )


Rows = Sequence[Row]
Options = Mapping[str, str]
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
                need, f"{id} needs the option {need}: --set {need}=...", f"{id} 须给出选项：--set {need}=..."
            )
    if not rows:
        raise OutOfBounds("there are no rows.", "没有数据行。")
    if absent := [c for c in matter.columns if c not in rows[0]]:
        raise OutOfBounds(
            f"columns are missing: {', '.join(absent)}.", f"缺少列：{'、'.join(absent)}。", where=rows[0].where.partition(":")[0],
            fix=f"{id}: {', '.join(matter.columns)}" + (f" [{', '.join(matter.optional)}]" if matter.optional else ""),
        )  # fmt: skip
    return matter.run(rules, rows, options)


def _grouped(rows: Rows, *keys: str) -> dict[tuple[str, ...], list[Row]]:
    found: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        found.setdefault(tuple(row.text(k) for k in keys), []).append(row)
    return found


def _items(rows: Rows) -> dict[str, tuple[Reading, str]]:
    """Item -> (reading, unit). Raises `OutOfBounds` for an item that stands twice in one sample."""
    found: dict[str, tuple[Reading, str]] = {}
    for row in rows:
        item = row.text("item")
        if item in found:
            raise OutOfBounds(f"{item} stands twice in one sample.", f"{item} 在同一样品中出现两次。", where=row.where)
        found[item] = (row.reading(), row.text("unit"))
    return found


def _option(options: Options, key: str, default: str = "") -> Decimal:
    try:
        return exact(options.get(key) or default)
    except OutOfBounds as error:
        raise OutOfBounds(f"{key}: {error.en}", f"{key}：{error.zh}", where=f"--set {key}") from None


def _day_option(options: Options, key: str) -> date:
    try:
        return date.fromisoformat(options[key])
    except ValueError:
        raise OutOfBounds(
            f"{key} is {options[key]!r}: write 2026-03-01.",
            f"{key} 为 {options[key]!r}：写作 2026-03-01。",
            where=f"--set {key}",
        ) from None


# ---- land ------------------------------------------------------------------------------------------------------------


def _soil(rules: RuleSet, rows: Rows, options: Options) -> list[Result]:
    return [
        agricultural_soil(
            rules,
            site,
            found[0].day(),
            found[0].text("land"),
            found[0].number("ph") if found[0].text("ph") else None,
            _items(found),
        )
        for (site, _), found in _grouped(rows, "site", "date").items()
    ]


def _construction(rules: RuleSet, rows: Rows, options: Options) -> list[Result]:
    return [
        construction_land(rules, site, found[0].day(), found[0].text("land_class"), _items(found))
        for (site, _), found in _grouped(rows, "site", "date").items()
    ]


def _film(rules: RuleSet, rows: Rows, options: Options) -> list[Result]:
    return [
        residue(rules, site, found[0].day(), [r.reading("mass_g") for r in found])
        for (site, _), found in _grouped(rows, "site", "date").items()
    ]


def _recovery(rules: RuleSet, rows: Rows, options: Options) -> list[Result]:
    used = {r.text("place"): r.number("used_t") for r in rows if r.text("used_t")}
    back = {r.text("place"): r.number("recovered_t") for r in rows if r.text("recovered_t")}
    return recovery_rate(used, back, _option(options, "target") if options.get("target") else None)


def _design(rules: RuleSet, rows: Rows, options: Options) -> list[Result]:
    """Stratified random sites: rows are fields of strata, or one row a stratum with a box."""
    strata = []
    for (id,), found in _grouped(rows, "stratum").items():
        first = found[0]
        fields = tuple(
            (r.text("field"), float(r.number("field_area") if r.text("field_area") else 1))
            for r in found
            if r.text("field")
        )
        sides = [first.text(k) for k in ("west", "south", "east", "north")]
        box = tuple(float(first.number(k)) for k in ("west", "south", "east", "north")) if all(sides) else None
        strata.append(Stratum(id, float(first.number("area")), float(first.number("variation")), fields, box))  # type: ignore[arg-type]
    if options.get("total"):
        total = int(_option(options, "total"))
    else:
        population = sum(len(s.fields) for s in strata) or 10**9
        whole = sum(s.area for s in strata)
        variation = sum(s.area * s.variation for s in strata) / whole if whole else 0
        total = sites_needed(
            variation,
            float(_option(options, "error", "0.1")),
            float(_option(options, "confidence", "0.95")),
            population,
        )
    points = draw(strata, allocate(strata, total), int(_option(options, "seed", "0")))
    return [
        Result(
            "farm.film_site",
            f"{p.stratum}-{p.number}",
            p.stratum,
            value_text=p.field or f"{p.x:.1f} {p.y:.1f}",
            n_valid=None,
            n_required=total,
        )
        for p in points
    ]


# ---- waters ----------------------------------------------------------------------------------------------------------


def _sewage(rules: RuleSet, rows: Rows, options: Options) -> list[Result]:
    return [
        sewage_plant(
            rules, r.text("site"), r.day(), r.text("item"), r.reading(), r.text("unit"), r.text("grade"),
            temperature=r.number("temperature") if r.text("temperature") else None, built=r.day("built") if r.text("built") else None,
            influent=r.number("influent") if r.text("influent") else None,
        )
        for r in rows
    ]  # fmt: skip


def _lake(rules: RuleSet, rows: Rows, options: Options) -> list[Result]:
    return [
        trophic_level(rules, found[0].day(), site, _items(found))
        for (site, _), found in _grouped(rows, "site", "date").items()
    ]


def _odorous(rules: RuleSet, rows: Rows, options: Options) -> list[Result]:
    """Points of a body in the order of the file, then the body."""
    made: list[Result] = []
    for (body,), of_body in _grouped(rows, "body").items():
        points = []
        for (point,), of_point in _grouped(of_body, "point").items():
            rounds = [
                Round(
                    {r.text("item"): r.number("value") for r in found},
                    next((r.number("depth_cm") for r in found if r.text("depth_cm")), None),
                )
                for found in _grouped(of_point, "date").values()
            ]
            points.append(odorous_point(rules, max(r.day() for r in of_point), point, rounds))
        made += points
        if all(not p.verdict or p.grades for p in points):
            levels = {"重度黑臭": "heavy", "轻度黑臭": "light"}
            made.append(
                odorous_body(rules, max(r.day() for r in of_body), body, [levels.get(p.grade, "") for p in points])
            )
    return made


def _source(rules: RuleSet, rows: Rows, options: Options) -> list[Result]:
    required = tuple(i.strip() for i in options["items"].replace("，", ";").replace(",", ";").split(";") if i.strip())
    results, intake = [], {}
    for (site, _), found in _grouped(rows, "site", "date").items():
        grader = Grader(rules, "surface_water", found[0].day())
        results.append(
            drinking_source(
                rules,
                grader,
                site,
                _items(found),
                target=options.get("target", "III"),
                body=found[0].text("body"),
                required=required,
            )
        )
        if found[0].text("intake"):
            intake[site] = found[0].number("intake")
    named = replace(rules, choices={**rules.choices, "water.source_items": options["items"]})
    return [*results, *source_rates(named, results, intake)]


def _index(rules: RuleSet, rows: Rows, options: Options) -> list[Result]:
    graders: dict[date, Grader] = {}
    made = []
    for r in rows:
        grader = graders.setdefault(r.day(), Grader(rules, "surface_water", r.day()))
        made.append(
            standard_index(
                rules, grader, r.text("site"), r.text("item"), r.reading(), r.text("unit"), r.text("target") or options.get("target", "III"),
                body=r.text("body"), temperature=r.number("temperature") if r.text("temperature") else None,
            )
        )  # fmt: skip
    return made


def _ground(rules: RuleSet, rows: Rows, options: Options) -> list[Result]:
    return [
        classify(Grader(rules, "groundwater", found[0].day()), "water.groundwater", site, _items(found))
        for (site, _), found in _grouped(rows, "site", "date").items()
    ]


def _trend(rules: RuleSet, rows: Rows, options: Options) -> list[Result]:
    made = []
    for (site, item), found in _grouped(rows, "site", "item").items():
        months: dict[tuple[int, int], list[Decimal]] = {}
        for r in found:
            if r.text("value"):
                months.setdefault((r.day().year, r.day().month), []).append(r.number("value"))
        means = {m: sum(v, Decimal()) / len(v) for m, v in months.items()}
        made.append(
            trend(
                site,
                item,
                means,
                found[0].text("unit"),
                least_years=int(_option(options, "years")),
                alpha=float(_option(options, "alpha", "0.05")),
            )
        )
    return made


def _load(rules: RuleSet, rows: Rows, options: Options) -> list[Result]:
    """Monthly loads C x Q and the year's; `flow` in m3/s, the mean of a month's flows named by `flow_method`."""
    made = []
    for (site, item), found in _grouped(rows, "site", "item").items():
        flows: dict[tuple[int, int], list[Decimal]] = {}
        method: dict[tuple[int, int], str] = {}
        for r in found:
            if r.text("flow"):
                month = (r.day().year, r.day().month)
                flows.setdefault(month, []).append(r.number("flow"))
                method[month] = r.text("flow_method") or options.get("flow_method", "")
        readings = [(datetime.combine(r.day(), datetime.min.time()), r.reading(), r.text("unit")) for r in found]
        months = monthly_loads(
            readings,
            [Flow(y, m, sum(q, Decimal()) / len(q), method[y, m], len(q)) for (y, m), q in sorted(flows.items())],
        )
        for m in months:
            notes = (Note("no_load", m.reason, m.reason),) if m.reason else ()
            made.append(
                Result("water.load_month", site, item, date(m.year, m.month, 1), value=m.tonnes, value_text=shown(m.tonnes, 6), unit="t",
                       limit=m.method, n_valid=m.readings, verdict="" if m.tonnes is not None else "insufficient_data", notes=notes)
            )  # fmt: skip
        made += [annual_load(site, item, months, year) for year in sorted({m.year for m in months})]
    return made


# ---- air -------------------------------------------------------------------------------------------------------------


def _cocontrol(rules: RuleSet, rows: Rows, options: Options) -> list[Result]:
    """Daily PM2.5 and MDA8 ozone: correlation by season, days by regime."""
    made = []
    for (site,), found in _grouped(rows, "site").items():
        pm25 = {r.day(): r.number("pm25") for r in found if r.text("pm25")}
        o3 = {r.day(): r.number("o3_mda8") for r in found if r.text("o3_mda8")}
        made += [
            Result("air.pm25_o3_correlation", site, s.season, value_text="" if s.spearman is None else f"r {s.pearson:.3f}, rho {s.spearman:.3f}",
                   n_valid=s.days, verdict="" if s.spearman is not None else "insufficient_data")
            for s in correlations(pm25, o3)
        ]  # fmt: skip
        try:
            told = regimes(rules, pm25, o3, options.get("grade", "2"))
        except REFUSALS as error:
            made.append(Result("air.pm25_o3_regime", site, verdict=UNJUDGED, notes=(note_of(error),)))
            continue
        made += [Result("air.pm25_o3_regime", site, name, value_text=str(n), unit="d") for name, n in told.days.items()]
    return made


# ---- forests, pollutants, wastes -------------------------------------------------------------------------------------


def _pests(rules: RuleSet, rows: Rows, options: Options) -> list[Result]:
    plots = [
        Plot(
            id,
            f[0].text("object"),
            f[0].text("group"),
            {r.text("criterion"): r.number("value") for r in f},
            f[0].number("area_hm2"),
        )
        for (id,), f in _grouped(rows, "plot").items()
    ]
    year = int(_option(options, "year"))
    return [
        disaster_rate(
            rules, options.get("place", ""), year, plots, _option(options, "forest"), _option(options, "young", "0")
        )
    ]


def _pollutants(rules: RuleSet, rows: Rows, options: Options) -> list[Result]:
    """Occurrence, detection frequency and risk quotient by substance and medium. PNEC: the rows that name one, the user's."""
    limits: dict[tuple[str, str], LimitRow] = {}
    for r in rows:
        if r.text("pnec"):
            key = (r.text("substance"), r.text("medium"))
            limits[key] = LimitRow(
                PNEC, key[0], {"medium": key[1]}, "<=", r.number("pnec"), r.text("pnec"), r.text("pnec_unit") or r.text("unit"), "user",
                "1900-01-01", "", "", r.text("pnec_source") or "user's row", "project", "", r.where.partition(":")[0], 0,
            )  # fmt: skip
    held = replace(rules, rows={**rules.rows, PNEC: tuple(limits.values())}) if limits else rules
    seen, made = {}, []
    for (substance, medium), found in _grouped(rows, "substance", "medium").items():
        unit = found[0].text("unit")
        here = occurrence(substance, medium, unit, [(r.reading(), r.text("unit")) for r in found])
        seen[substance] = here
        share = "—" if here.frequency is None else f"{float(here.frequency):.1f} %"
        told = Note(
            "occurrence", f"{medium}: found in {here.detects} of {here.analyses} ({share}).",
            f"{medium}：{here.analyses} 次分析检出 {here.detects} 次（{share}）。",
        )  # fmt: skip
        result = risk(held, max(r.day() for r in found), here)
        made.append(replace(result, site=medium, notes=(told, *result.notes)))
    return ranking(made, seen)


def _stack(rules: RuleSet, rows: Rows, options: Options) -> list[Result]:
    def says(r: Row, key: str) -> bool:
        return r.text(key).casefold() in ("yes", "true", "1", "是")

    return [
        stack(
            rules, r.text("site"), r.day(), r.text("item"), r.text("averaging"), r.reading(), r.text("unit"),
            at_reference_oxygen=says(r, "at_reference_oxygen"), existing=says(r, "existing"),
        )
        for r in rows
    ]  # fmt: skip


def _rounds(rules: RuleSet, rows: Rows, options: Options) -> list[Result]:
    first, last = _day_option(options, "first"), _day_option(options, "last")
    return [
        rounds_covered(rules, site, rule, first, last, [r.day() for r in found])
        for (site, rule), found in _grouped(rows, "site", "rule").items()
    ]


def _account(rules: RuleSet, rows: Rows, options: Options) -> list[Result]:
    """Accounts by facility, material and period, then the manifests whose two sides do not match."""
    lines = [
        Mass(
            r.text("facility"), r.text("material"), r.text("period"), r.text("kind"), r.number("tonnes"), r.text("method"),
            r.number("uncertainty") if r.text("uncertainty") else 0, r.text("document"), r.text("manifest"),
        )
        for r in rows
    ]  # fmt: skip
    accounts: dict[tuple[str, str, str], list[Mass]] = {}
    for m in lines:
        accounts.setdefault((m.facility, m.material, m.period), []).append(m)
    made = [material_account(found, _option(options, "k")) for found in accounts.values()]
    for o in orphans(lines):
        sides = f"{shown(o.shipped) or '-'} / {shown(o.received) or '-'} t"
        made.append(
            Result("materials.manifest", o.manifest, value_text=sides, verdict="insufficient_data" if None in (o.shipped, o.received) else "exceeds",
                   notes=(Note("orphan", "shipped and received do not match.", "转出与接收不符。"),))
        )  # fmt: skip
    return made


def _declared(matters: Iterable[Matter]) -> dict[str, Matter]:
    return {m.id: m for m in matters}


SAMPLE = ("site", "date", "item", "value", "unit")
MATTERS: Mapping[str, Matter] = _declared((
    Matter("soil", "农用地土壤", "agricultural soil, GB 15618", _soil, ("site", "date", "land", "item", "value", "unit"), ("ph",)),
    Matter("construction-land", "建设用地土壤", "construction land, GB 36600", _construction, ("site", "date", "land_class", "item", "value", "unit")),
    Matter("film", "地膜残留", "mulch-film residue, five plots of 1 m2", _film, ("site", "date", "mass_g")),
    Matter("film-recovery", "地膜回收率", "mulch-film recovery rate", _recovery, ("place", "used_t", "recovered_t"), (), ("target",)),
    Matter("film-design", "地膜调查布点", "sampling design: stratified random points", _design, ("stratum", "area", "variation"),
           ("field", "field_area", "west", "south", "east", "north"), ("total", "error", "confidence", "seed")),
    Matter("sewage", "污水处理厂", "sewage plants, GB 18918", _sewage, (*SAMPLE, "grade"), ("temperature", "built", "influent")),
    Matter("lake", "湖库营养状态", "trophic level index of lakes", _lake, SAMPLE),
    Matter("black-odorous", "黑臭水体", "black-odorous water", _odorous, ("body", "point", "date", "item", "value"), ("depth_cm",)),
    Matter("drinking-source", "饮用水水源", "drinking-water sources", _source, SAMPLE, ("body", "intake"), ("items!", "target")),
    Matter("standard-index", "标准指数", "standard index, HJ 2.3", _index, SAMPLE, ("body", "target", "temperature"), ("target",)),
    Matter("groundwater", "地下水类别", "groundwater class, GB/T 14848", _ground, SAMPLE),
    Matter("trend", "趋势（季节性 Kendall）", "trend by the seasonal Kendall test", _trend, SAMPLE, (), ("years!", "alpha")),
    Matter("load", "断面通量", "section loads C x Q by month", _load, (*SAMPLE, "flow"), ("flow_method",), ("flow_method",)),
    Matter("co-control", "PM2.5 与臭氧协同", "PM2.5 and ozone together", _cocontrol, ("site", "date", "pm25", "o3_mda8"), (), ("grade",)),
    Matter("pests", "林业有害生物", "forest pests: disaster rate", _pests, ("plot", "object", "group", "criterion", "value", "area_hm2"), (),
           ("year!", "forest!", "young", "place")),
    Matter("pollutants", "新污染物", "new pollutants: occurrence and risk quotient", _pollutants, ("substance", "medium", "date", "value", "unit"),
           ("pnec", "pnec_unit", "pnec_source")),
    Matter("incinerator", "危险废物焚烧", "hazardous-waste incineration, GB 18484", _stack, (*SAMPLE, "averaging", "at_reference_oxygen"), ("existing",)),
    Matter("waste-rounds", "固废监测频次", "monitoring rounds of waste sites, GB 18599", _rounds, ("site", "rule", "date"), (), ("first!", "last!")),
    Matter("waste-account", "固废物料台账", "material account with residual and manifests", _account,
           ("facility", "material", "period", "kind", "tonnes", "method"), ("uncertainty", "document", "manifest"), ("k!",)),
))  # fmt: skip
