"""Carbon projects on forest land: where their parcels lie, what they reduced by vintage, and land that was claimed twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from qingshan.accounts.claim.words import claim_word
from qingshan.core.errors import UnknownName
from qingshan.faces.web.charts import Chart, Series
from qingshan.faces.web.figures import ordered
from qingshan.faces.web.outlines import rings_of
from qingshan.faces.web.page import Cell, Column, Page, Table, View
from qingshan.faces.web.released import REFUSED, dossier_runs, dossiers_of, project_files, projects_of, refusal_of
from qingshan.faces.web.site import Ask
from qingshan.faces.web.woods import NARROW, WIDE, ground, tabs
from qingshan.publish import numbers

if TYPE_CHECKING:
    from qingshan.accounts.claim.dossier import KeptDossier

MAX_PARCELS = 200
Feature = Mapping[str, Any]


def build(ask: Ask) -> Page:
    """All projects of the zone, those refused for double counting with them."""
    kept = {d.id: d for d in dossiers_of(ask.zone)}
    refused = {id: found for id in projects_of(ask.zone) if (found := refusal_of(ask.zone, id))}
    rows = [_line(ask, d) for d in kept.values()]
    turned_away = [
        {
            "id": id,
            "href": _address(ask, id),
            "n": len(f["features"]),
            "area": numbers.write(_shared(f), "hm2", ask.lang).text,
        }
        for id, f in refused.items()
    ]
    total = sum(int(d.record["kg_co2e"]) for d in kept.values())
    labels = ordered({"synthetic" for d in kept.values() if d.record["project"]["synthetic"]})
    if kept:
        headline = ask.t(
            "forest.projects.headline", n=len(kept), value=numbers.write(total / 1000, "t CO2", ask.lang).text
        )
    else:
        headline = ask.t("forest.projects.none")
    context: dict[str, Any] = {
        "question": ask.t("forest.question.projects"),
        "headline": headline,
        "tabs": tabs(ask, "projects"),
        "rows": rows,
        "refused": turned_away,
        "labels": labels,
    }
    return Page("forest_projects.html", headline, context, [_projects_table(ask, kept.values())], labels=labels)


def _line(ask: Ask, kept: KeptDossier) -> dict[str, Any]:
    project = kept.record["project"]
    return {
        "id": kept.id,
        "name": ask.t.pick(project["zh"], project["en"]),
        "href": _address(ask, kept.id),
        "version": kept.version,
        "scheme": claim_word(project["scheme"], ask.lang),
        "methodology": ask.t.pick(kept.record["methodology"]["zh"], kept.record["methodology"]["en"]),
        "holder": project["holder"],
        "place": ask.short(project["place"]),
        "years": f"{project['start'][:10]} – {project['end'][:10]}",
        "hm2": numbers.write(project["hm2"], "hm2", ask.lang).text,
        "value": numbers.write(kept.record["kg_co2e"] / 1000, "t CO2", ask.lang),
        "key": _pedigree(ask, kept).get(("project.reduction", "", ""), ""),
        "parcels": len(kept.record["parcels"]),
        "labels": _labels(kept),
        "barred": len(kept.record["refusals"]),
    }


def _labels(kept: KeptDossier) -> tuple[str, ...]:
    return ordered(kept.labels)


def _address(ask: Ask, id: str) -> str:
    return ask.address(f"/forest/projects/{quote(id, safe='')}", period="")


def _aspect_word(ask: Ask, aspect: str) -> str:
    key = f"forest.project.aspect.{aspect}"
    return ask.t(key) if ask.t.has(key) else aspect


def _shared(found: Mapping[str, Any]) -> float:
    """hm2 claimed twice."""
    return sum(float(f["properties"]["area_m2"] or 0) for f in found["features"]) / 1e4


def _projects_table(ask: Ask, known: Iterable[KeptDossier]) -> Table:
    columns = tuple(
        Column(k, zh, en, unit)
        for k, zh, en, unit in (
            ("id", "项目", "project", ""),
            ("name", "名称", "name", ""),
            ("version", "版", "version", ""),
            ("scheme", "机制", "scheme", ""),
            ("methodology", "方法学", "methodology", ""),
            ("holder", "持有人", "holder", ""),
            ("place_code", "地点代码", "place code", ""),
            ("start", "起", "start", ""),
            ("end", "止", "end", ""),
            ("hm2", "面积", "area", "hm2"),
            ("t_co2e", "减排量", "reductions", "t CO2"),
            ("label", "状态", "state", ""),
            ("labels", "标注", "labels", ""),
            ("evidence", "证据摘要", "digest of the evidence", ""),
        )
    )
    rows: list[dict[str, Cell]] = []
    for kept in known:
        project = kept.record["project"]
        rows.append(
            {
                "id": kept.id,
                "name": ask.t.pick(project["zh"], project["en"]),
                "version": kept.version,
                "scheme": project["scheme"],
                "methodology": kept.record["methodology"]["id"],
                "holder": project["holder"],
                "place_code": project["place"],
                "start": project["start"],
                "end": project["end"],
                "hm2": project["hm2"],
                "t_co2e": kept.record["kg_co2e"] / 1000,
                "label": kept.record["label"],
                "labels": "; ".join(_labels(kept)),
                "evidence": kept.record["evidence_digest"],
            }
        )
    return Table("projects", "项目", "Projects", columns, rows, "place_code")


# ---- one project -----------------------------------------------------------------------------------------------------


def build_one(ask: Ask) -> Page:
    """A project: its parcels on the map, reductions by parcel and vintage, evidence; or why its land was refused."""
    id = ask.params["project"]
    if id not in projects_of(ask.zone):
        known = ", ".join(projects_of(ask.zone)) or "-"
        raise UnknownName(f"no project {id[:60]!r}; there are: {known}.", f"没有项目 {id[:60]!r}；现有：{known}。")
    kept = next((d for d in dossiers_of(ask.zone) if d.id == id), None)
    refusal = refusal_of(ask.zone, id)
    if kept is None:
        return _turned_away(ask, id, refusal or {"features": []})
    record = kept.record
    project = record["project"]
    labels = _labels(kept)
    parcels = {f["properties"]["parcel"]: f for f in kept.parcels["features"]}
    pedigree = _pedigree(ask, kept)
    rows, years = _reductions(ask, kept, pedigree)
    overlaps = _against(ask, id)
    value = numbers.write(record["kg_co2e"] / 1000, "t CO2", ask.lang).text
    headline = ask.t(
        "forest.project.headline",
        name=ask.t.pick(project["zh"], project["en"]),
        value=value,
        first=years[0] if years else project["start"][:4],
        last=years[-1] if years else project["end"][:4],
    )
    folder, files = project_files(ask.zone, id, f"v{kept.version}")
    shapes: list[Feature | None] = [
        parcels[r["parcel"]]["geometry"] if r["parcel"] in parcels else None for r in record["parcels"]
    ]
    context: dict[str, Any] = {
        "question": ask.t("forest.question.projects"),
        "headline": headline,
        "tabs": tabs(ask, "projects"),
        "labels": labels,
        "project": project,
        "record": record,
        "version": kept.version,
        "of_run": kept.run.name if kept.run else "",
        "place": ask.name(project["place"]),
        "place_href": ask.address("/forest", place=project["place"], period=""),
        "methodology": ask.t.pick(record["methodology"]["zh"], record["methodology"]["en"]),
        "scheme": claim_word(project["scheme"], ask.lang),
        "pool": claim_word(project["pool"], ask.lang),
        "benefit": claim_word(project["benefit"], ask.lang),
        "keys": _keys(ask, kept, pedigree),
        "rows": rows[:MAX_PARCELS],
        "more": max(0, len(rows) - MAX_PARCELS),
        "years": years,
        "chart": _vintages(ask, kept, years),
        "maps": _maps(ask, list(parcels.values()), [f for found in overlaps for f in found["features"]], []),
        "overlaps": overlaps,
        "downloads": _files(id, f"v{kept.version}", files, folder),
        "findings": [(f["level"], ask.t.pick(f["zh"], f["en"])) for f in record["findings"]],
        "barred": [_half(ask, r) for r in record["refusals"]],
        "open": [_aspect(ask, a) for a in record["methodology"]["aspects"]],
        "here": project["place"],
    }
    tables = [_parcels_table(ask, kept, shapes), _lines_table(kept)]
    return Page("forest_project.html", headline, context, tables, [project["place"]], labels=labels)


def _half(ask: Ask, text: str) -> str:
    """`English / 中文` in the reader's language."""
    en, _, zh = text.partition(" / ")
    return ask.t.pick(zh, en)


def _aspect(ask: Ask, aspect: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": aspect["id"], "name": _aspect_word(ask, aspect["id"]), "says": ask.t.pick(aspect["zh"], aspect["en"]), "status": aspect["status"],
            "document": aspect["document"], "methods": aspect["methods"]}  # fmt: skip


def _pedigree(ask: Ask, kept: KeptDossier) -> dict[tuple[str, str, str], str]:
    """(quantity, class, period) -> key of every figure of the dossier; period '' is the whole time."""
    run = next((r for r in dossier_runs(ask.site) if r.path == kept.run), None)
    if run is None:
        return {}
    return {(f.quantity, f.cls, "" if "-" in f.period else f.period): f.key for f in run.facts}


def _keys(ask: Ask, kept: KeptDossier, pedigree: Mapping[tuple[str, str, str], str]) -> list[dict[str, Any]]:
    """Change of the stock with its interval, what deduction and leakage leave, area."""
    record, change = kept.record, kept.record["change"]
    low, high = (numbers.write(change[k], "t CO2", ask.lang).number for k in ("low", "high"))
    error = (change["high"] - change["low"]) / 2 / abs(change["value"]) if change["value"] else None
    share = 1 - record["deducted"] / change["value"] if change["value"] else 0.0
    return [
        {"key": pedigree.get(("project.change", "", ""), ""),
         "name": ask.t("forest.project.change"), "value": numbers.write(change["value"], "t CO2", ask.lang),
         "note": f"± {numbers.digits(100 * error)} %  {low}–{high} ({change['confidence']:.0%})" if error is not None else ""},
        {"key": pedigree.get(("project.deducted", "", ""), ""),
         "name": ask.t("forest.project.deducted"), "value": numbers.write(record["deducted"], "t CO2", ask.lang),
         "note": ask.t("forest.project.taken", share=f"{numbers.digits(100 * share)} %" if share else "0 %")},
        {"key": pedigree.get(("project.creditable", "", ""), ""),
         "name": ask.t("forest.project.creditable"), "value": numbers.write(record["creditable"], "t CO2", ask.lang),
         "note": ask.t("forest.project.less", baseline=numbers.digits(record["baseline"]["t_co2"]), leakage=numbers.digits(record["leakage"]["t_co2"]))},
        {"key": "", "name": ask.t("forest.of.area"), "value": numbers.write(record["project"]["hm2"], "hm2", ask.lang),
         "note": ask.t("forest.project.parcel_count", n=len(record["parcels"]))},
    ]  # fmt: skip


def _reductions(
    ask: Ask, kept: KeptDossier, pedigree: Mapping[tuple[str, str, str], str]
) -> tuple[list[dict[str, Any]], list[int]]:
    """A row per parcel with its tonnes in each vintage, each with its pedigree key."""
    by: dict[tuple[str, int], int] = {(x["parcel"], int(x["vintage"])): int(x["kg"]) for x in kept.record["lines"]}
    years = sorted({year for _, year in by})
    rows = []
    for p in kept.record["parcels"]:
        kg = [by.get((p["parcel"], y), 0) for y in years]
        cls = f"parcel:{p['parcel']}"
        keys = [pedigree.get(("project.reduction", cls, str(y)), "") for y in years]
        rows.append({
            **p, "t": list(zip([_tonnes(k) for k in kg], keys, strict=True)), "total": _tonnes(sum(kg)),
            "key": pedigree.get(("project.reduction", cls, ""), ""), "area": numbers.digits(p["hm2"], 3),
        })  # fmt: skip
    return rows, years


def _tonnes(kg: int) -> str:
    """Whole kg as tonnes, to the kg: issued units are exact."""
    return f"{kg / 1000:,.3f}"


def _vintages(ask: Ask, kept: KeptDossier, years: Sequence[int]) -> dict[str, Any] | None:
    if not years:
        return None
    sums = [sum(int(x["kg"]) for x in kept.record["lines"] if int(x["vintage"]) == y) / 1000 for y in years]
    table = Table(
        "vintages",
        "各年减排量",
        "Reductions by vintage",
        (Column("vintage", "年份", "vintage"), Column("t", "减排量", "reductions", "t CO2")),
        [{"vintage": y, "t": v} for y, v in zip(years, sums, strict=True)],
    )
    chart = Chart(
        "vintages",
        "bars",
        tuple(map(str, years)),
        (Series(ask.t("forest.project.reductions"), tuple(sums), "bar", "nature"),),
        "t CO2",
        ask.lang,
        table,
    )
    return {
        "chart": chart,
        "title": ask.t("forest.project.by_vintage"),
        "sub": ask.t("forest.project.by_vintage_sub", unit=chart.unit_word),
    }


def _against(ask: Ask, id: str) -> list[dict[str, Any]]:
    """Refusals of other projects that met this one's land."""
    made = []
    for other in projects_of(ask.zone):
        found = refusal_of(ask.zone, other)
        if found is None:
            continue
        mine = [
            f
            for f in found["features"]
            if id in (str(f["properties"]["first"]).partition("/")[0], str(f["properties"]["second"]).partition("/")[0])
        ]
        if mine:
            made.append(
                {
                    "id": other,
                    "href": _address(ask, other),
                    "features": mine,
                    "n": len(mine),
                    "area": numbers.write(_shared({"features": mine}), "hm2", ask.lang).text,
                }
            )
    return made


def _maps(
    ask: Ask, own: Sequence[Feature], overlaps: Sequence[Feature], others: Sequence[Feature]
) -> list[dict[str, Any]]:
    """Own parcels, those of others beneath, and shared ground hatched, in two widths."""
    points = [
        (float(p[0]), float(p[1]))
        for f in (*own, *overlaps, *others)
        if f.get("geometry")
        for ring in rings_of(f["geometry"])
        for p in ring
    ]
    made = []
    for size in (WIDE, NARROW) if points else ():
        land = ground(ask, points, size, close=True)
        if land is None:
            continue
        made.append(
            {
                "ground": land,
                "parcels": [_parcel(ask, land, f) for f in own],
                "others": [
                    {"path": land.frame.path(rings_of(f["geometry"])), "said": str(f["properties"].get("parcel", ""))}
                    for f in others
                    if f.get("geometry")
                ],
                "overlaps": [
                    {
                        "path": land.frame.path(rings_of(f["geometry"])),
                        "said": ask.t.pick(f["properties"]["zh"], f["properties"]["en"]),
                    }
                    for f in overlaps
                    if f.get("geometry")
                ],
            }
        )
    return made


def _parcel(ask: Ask, land: Any, feature: Feature) -> dict[str, Any]:
    about = feature["properties"]
    said = ask.t("forest.project.parcel_said", parcel=about["parcel"], species=about["species"], area=numbers.write(about["area_hm2"], "hm2", ask.lang).text,
                 value=numbers.write(about["kg_co2e"] / 1000, "t CO2", ask.lang).text)  # fmt: skip
    return {
        "path": land.frame.path(rings_of(feature["geometry"])),
        "said": said,
        "anchor": f"#parcel-{about['parcel']}",
    }


def _files(id: str, version: str, files: Mapping[str, str], folder: Any) -> list[dict[str, Any]]:
    from .forest_releases import file_size  # noqa: PLC0415 - beside its only use

    return [
        {
            "name": name,
            "href": f"/files/projects/{quote(id, safe='')}/{version}/{quote(name)}",
            "sha": sha,
            "size": file_size((folder / name).stat().st_size),
        }
        for name, sha in sorted(files.items(), key=lambda p: (not p[0].endswith(".pdf"), p[0]))
        if not name.startswith("data/")  # the sealed run: its evidence is listed by hash, its figures by their pedigree
    ]


def _parcels_table(ask: Ask, kept: KeptDossier, shapes: Sequence[Feature | None]) -> Table:
    columns = tuple(Column(k, zh, en, unit) for k, zh, en, unit in (
        ("parcel", "地块", "parcel", ""), ("title", "权证", "title", ""), ("species", "树种", "species", ""), ("planted", "造林年份", "planted", ""),
        ("stratum", "层", "stratum", ""), ("hm2", "面积", "area", "hm2"), ("kg_co2e", "减排量", "reductions", "kg"), ("labels", "标注", "labels", ""),
    ))  # fmt: skip
    labels = "; ".join(_labels(kept))
    rows: list[dict[str, Cell]] = [{**p, "labels": labels} for p in kept.record["parcels"]]
    return Table("parcels", "地块", "Parcels", columns, rows, shapes=shapes)


def _lines_table(kept: KeptDossier) -> Table:
    columns = (
        Column("parcel", "地块", "parcel"),
        Column("vintage", "年份", "vintage"),
        Column("kg", "减排量", "reductions", "kg"),
        Column("labels", "标注", "labels"),
    )
    labels = "; ".join(_labels(kept))
    return Table("reductions", "减排量", "Reductions", columns, [{**x, "labels": labels} for x in kept.record["lines"]])


def _turned_away(ask: Ask, id: str, refusal: Mapping[str, Any]) -> Page:
    """A project whose dossier was refused because land of it was claimed already."""
    features = refusal["features"]
    met = dict.fromkeys(str(f["properties"][side]).partition("/")[0] for f in features for side in ("first", "second"))
    others = [d for d in dossiers_of(ask.zone) if d.id in met and d.id != id]
    folder, files = project_files(ask.zone, id, REFUSED)
    headline = ask.t(
        "forest.project.refused", id=id, area=numbers.write(_shared(refusal), "hm2", ask.lang).text, n=len(features)
    )
    context: dict[str, Any] = {
        "question": ask.t("forest.question.projects"),
        "headline": headline,
        "tabs": tabs(ask, "projects"),
        "id": id,
        "maps": _maps(ask, [], features, [f for d in others for f in d.parcels["features"]]),
        "rows": [f["properties"] for f in features[:MAX_PARCELS]],
        "others": [
            (ask.t.pick(d.record["project"]["zh"], d.record["project"]["en"]), _address(ask, d.id)) for d in others
        ],
        "downloads": _files(id, REFUSED, files, folder),
    }
    columns = tuple(
        Column(k, zh, en, unit)
        for k, zh, en, unit in (
            ("first", "已有主张", "claim on file", ""),
            ("second", "新主张", "new claim", ""),
            ("area_m2", "重叠面积", "shared area", "m2"),
            ("zh", "说明", "said in Chinese", ""),
            ("en", "英文说明", "said", ""),
        )
    )
    table = Table(
        "overlaps",
        "重叠",
        "Overlaps",
        columns,
        [f["properties"] for f in features],
        shapes=[f["geometry"] for f in features],
    )
    return Page("forest_refused.html", headline, context, [table])


VIEWS = (
    View("forest_projects", "/forest/projects", build, under="forest"),
    View("forest_project", "/forest/projects/{project}", build_one, under="forest"),
)
