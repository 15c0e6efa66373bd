"""Forest of a place: how much, of what, how sure, and what changed between two inventories."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from qingshan.accounts.run import Fact
from qingshan.core.errors import UnknownName
from qingshan.faces.web.atlas import atlas
from qingshan.faces.web.charts import Chart, Series
from qingshan.faces.web.crumbs import crumbs
from qingshan.faces.web.figures import of_run, ordered
from qingshan.faces.web.names import bare, uncapital
from qingshan.faces.web.page import Page, View
from qingshan.faces.web.site import Ask, Field
from qingshan.faces.web.woods import Estimated, estimated, forest_of, inventory_for, percent, tabs, woods_table
from qingshan.publish import numbers

if TYPE_CHECKING:
    from qingshan.accounts.inventory import ForestRun, InventorySettings

MEASURES = ("carbon", "volume", "area")
KEYS = ("area", "volume", "carbon", "carbon_per_area")
CHANGED = ("area", "volume", "carbon")


def build(ask: Ask) -> Page:
    """The page. `?place=`, `?period=` or `?inventory=` choose the figures, `?of=` the measure of the charts."""
    if ask.place.code not in ask.zone.places:
        raise UnknownName(f"{ask.place.code} is outside the zone's tree.", f"{ask.place.name_zh}不在本区域之内。")
    run = forest_of(ask.site)
    if run is None:
        return empty(ask, "forest")
    of = ask.query.get("of", MEASURES[0])
    if of not in MEASURES:
        raise UnknownName(f"?of= is one of {', '.join(MEASURES)}.", f"?of= 可取 {'、'.join(MEASURES)}。")
    chosen = inventory_for(ask, run)
    facts = [f for f in run.facts if f.place == ask.place.code and f.period == chosen.period and _of(run, f, chosen.id)]
    if not facts:
        return _unmeasured(ask, run, chosen)
    return _page(ask, run, chosen, facts, of)


def _of(run: ForestRun, fact: Fact, inventory: str) -> bool:
    node = run.nodes[fact.key]
    return node.notes.get("inventory", inventory) == inventory


def empty(ask: Ask, here: str) -> Page:
    """No inventory yet: what would fill the page, and how."""
    context = {
        "question": ask.t(f"forest.question.{here}"),
        "tabs": tabs(ask, here),
        "here_tab": here,
        "has_inventory": False,
        "run": None,
    }
    return Page("forest_empty.html", ask.t("forest.empty"), context)


def _unmeasured(ask: Ask, run: ForestRun, chosen: InventorySettings) -> Page:
    place = ask.name(chosen.place or ask.zone.root)
    title = ask.t("forest.unmeasured", place=ask.name(ask.place.code), whole=place)
    context = {
        "question": ask.t("forest.question.forest"), "tabs": tabs(ask, "forest"), "here_tab": "forest", "has_inventory": True,
        "whole": ask.address("/forest"), "whole_name": place, "run": run,
    }  # fmt: skip
    return Page("forest_empty.html", title, context)


def _page(ask: Ask, run: ForestRun, chosen: InventorySettings, facts: Sequence[Fact], of: str) -> Page:
    found = [estimated(ask, run, f) for f in facts if f.role == "estimate"]
    whole = {e.figure.quantity.removeprefix("inventory."): e for e in found if not e.cls}
    changes = _changes(ask, run, chosen)
    labels = ordered({label for e in whole.values() for label in e.figure.labels})
    head = next((whole[k] for k in ("carbon", "volume", "area") if k in whole and whole[k].figure.known), None)
    more = [estimated(ask, run, f) for f in facts if f.role in ("deduction", "simulation")]
    context: dict[str, Any] = {
        "run": run,
        "question": ask.t("forest.question.forest"),
        "headline": _headline(ask, chosen, head),
        "href": ask.pedigree(head.figure.key) if head else "",
        "lead": _lead(ask, run, chosen, whole),
        "labels": labels,
        "tabs": tabs(ask, "forest"),
        "crumbs": crumbs(ask, "/forest"),
        "keys": [whole[k] for k in KEYS if k in whole],
        "percent": percent,
        "of": of,
        "measures": [
            (m, ask.t(f"forest.of.{m}")) for m in MEASURES if any(e.figure.quantity == f"inventory.{m}" for e in found)
        ],
        "charts": [
            c for c in (_chart(ask, column, found, whole, of, chosen) for column in chosen.by if "*" not in column) if c
        ],
        "crossed": _crossed(ask, found, chosen),
        "changes": changes,
        "change_labels": ordered({label for c in changes for label in c["change"].figure.labels}),
        "map": _map(ask, run, chosen),
        "places": (places := _places(ask, run, chosen)),
        "place_labels": ordered({label for row in places for e in row["all"] for label in e.figure.labels}),
        "inventory": chosen,
        "basis": _basis(ask, run, chosen),
        "period": chosen.period,
        "periods": [(s.period, s.period) for s in reversed(run.inventories)],
        "more": more,
        "notes": {e.figure.key: run.nodes[e.figure.key].notes for e in more},
    }
    tables = [woods_table(ask, "figures", "估计值", "Estimates", found)]
    if changes:
        tables.append(woods_table(ask, "change", "变化", "Change", [c["change"] for c in changes]))
    below = [e for row in places for e in row["all"]]
    if below:
        tables.append(woods_table(ask, "places", "各地", "Places", below))
    title = context["headline"]
    return Page(
        "forest.html", title, context, tables, [ask.place.code], [chosen.source, *context["basis"]["sources"]], labels
    )


# ---- what is said ----------------------------------------------------------------------------------------------------


def _headline(ask: Ask, chosen: InventorySettings, head: Estimated | None) -> str:
    if head is None:
        return ask.t("forest.headline.refused", place=bare(ask.short(ask.place.code)), period=chosen.period)
    return ask.t(
        "forest.headline.known", place=bare(ask.short(ask.place.code)), period=chosen.period, name=uncapital(head.figure.name(ask.lang)),
        value=head.figure.written(ask.lang).text, error=percent(head.error), confidence=percent(head.confidence),
    )  # fmt: skip


def _lead(ask: Ask, run: ForestRun, chosen: InventorySettings, whole: dict[str, Estimated]) -> str:
    area = whole.get("area")
    plots = area.plots if area else 0
    return ask.t(
        "forest.lead",
        plots=f"{plots:,}",
        source=ask.t.pick(chosen.zh, chosen.en) or chosen.id,
        df=area.df if area else 0,
    )


def _chart(
    ask: Ask, column: str, found: Sequence[Estimated], whole: dict[str, Estimated], of: str, chosen: InventorySettings
) -> dict[str, Any] | None:
    """A lying bar per class with the interval as a whisker; species by size, age classes in their order."""
    rows = [e for e in found if e.cls.partition(":")[0] == column and e.figure.quantity == f"inventory.{of}"]
    if not rows:
        return None
    if not all(e.cls.partition(":")[2].isdecimal() for e in rows):
        rows.sort(key=lambda e: -(e.figure.middle or 0.0))
    table = woods_table(ask, f"by_{column}", "分组", "By class", rows)
    series = Series(
        ask.t(f"forest.of.{of}"),
        tuple(e.figure.middle for e in rows),
        "bar",
        "nature",
        tuple(e.figure.range for e in rows),
        absent=ask.t("refused"),
    )
    chart = Chart(f"by_{column}", "bars", tuple(e.name for e in rows), (series,), rows[0].figure.unit, ask.lang, table)
    top, total = max(rows, key=lambda e: e.figure.middle or 0.0), whole.get(of)
    share = (top.figure.middle or 0.0) / total.figure.value if total and total.figure.value else None
    word = ask.t(f"forest.column.{column}") if ask.t.has(f"forest.column.{column}") else column
    sub = ask.t(
        "forest.chart_sub",
        measure=ask.t(f"forest.of.{of}"),
        unit=chart.unit_word,
        period=chosen.period,
        confidence=percent(rows[0].confidence or 0.95),
    )
    return {
        "chart": chart, "title": ask.t("forest.chart_title", name=top.name, share=percent(share), column=word), "sub": sub,
        "labels": top.figure.labels, "rows": rows,
    }  # fmt: skip


def _crossed(ask: Ask, found: Sequence[Estimated], chosen: InventorySettings) -> list[dict[str, Any]]:
    """Tables of two columns at once (species by age class), carbon and volume each: cells, and the sums of both sides."""
    at = {(e.figure.quantity, e.cls): e for e in found}
    made: list[dict[str, Any]] = []
    for crossing in chosen.by:
        pair = crossing.split("*")
        if len(pair) != 2 or not set(pair) <= set(chosen.by):
            continue
        sides = [{e.cls.partition(":")[2]: e.name for e in found if e.cls.partition(":")[0] == c} for c in pair]
        for measure in ("carbon", "volume"):
            quantity = f"inventory.{measure}"
            whole = at.get((quantity, ""))
            if whole is None or not any(q == quantity and c.startswith(f"{crossing}:") for q, c in at):
                continue
            cells = {(r, c): at.get((quantity, f"{crossing}:{r}*{c}")) for r in sides[0] for c in sides[1]}
            known = [e for e in cells.values() if e is not None]
            top = max((e.figure.middle or 0.0 for e in known), default=0.0)
            lines: list[dict[str, Any]] = [
                {
                    "name": name,
                    "cells": [cells[r, c] for c in sides[1]],
                    "sum": at.get((quantity, f"{pair[0]}:{r}")),
                }
                for r, name in sides[0].items()
                if any(cells[r, c] for c in sides[1])
            ]
            lines.sort(key=lambda line: -(line["sum"].figure.middle or 0.0) if line["sum"] else 0.0)
            sums = [at.get((quantity, f"{pair[1]}:{c}")) for c in sides[1]]
            shown = [e for e in (*known, *(line["sum"] for line in lines), *sums, whole) if e and e.figure.known]
            texts, unit = numbers.column([e.figure.value for e in shown], whole.figure.unit, ask.lang)
            most = next(e for e in known if (e.figure.middle or 0.0) == top)
            made.append({
                "measure": measure, "word": ask.t(f"forest.of.{measure}"), "heads": list(sides[1].values()), "lines": lines,
                "sums": sums, "whole": whole, "most": most,
                "labels": ordered({label for e in known for label in e.figure.labels}),
                "unit": unit, "written": dict(zip((e.figure.key for e in shown), texts, strict=True)),
                "row": ask.t(f"forest.column.{pair[0]}") if ask.t.has(f"forest.column.{pair[0]}") else pair[0],
            })  # fmt: skip
    return made


def _changes(ask: Ask, run: ForestRun, chosen: InventorySettings) -> list[dict[str, Any]]:
    """Opening, closing and change of the whole place, with the change as a share of the opening for the drawing."""
    rows: list[dict[str, Any]] = []
    for word in CHANGED:
        for fact in run.select(f"inventory.{word}", ask.place.code, "", None, None):
            if fact.role != "change" or fact.period.partition("-")[2] != chosen.period:
                continue
            roles = dict(run.nodes[fact.key].args)
            opening, closing = (_by_key(run, roles[r]) for r in ("opening", "closing"))
            if opening is None or closing is None or not opening.value or fact.range is None:
                continue
            e = estimated(ask, run, fact)
            share = tuple(100 * v / opening.value for v in (fact.value or 0.0, *fact.range))
            rows.append({"word": word, "opening": estimated(ask, run, opening), "closing": estimated(ask, run, closing), "change": e, "share": share,
                         "sure": fact.range[0] > 0 or fact.range[1] < 0, "same": fact.range[0] == fact.range[1] == 0})  # fmt: skip
    if rows:
        reach = max(1e-9, *(abs(v) for r in rows for v in r["share"]))
        low = min(0.0, *(v for r in rows for v in r["share"]))
        whole = max(reach, *(v for r in rows for v in r["share"])) - low
        for r in rows:
            r["at"] = [round(100 * (v - low) / whole, 2) for v in (0.0, *r["share"])]
            r["percent"] = f"{'+' if r['share'][0] > 0 else ''}{numbers.digits(r['share'][0])}\u00a0%"
    return rows


def _by_key(run: ForestRun, key: str) -> Fact | None:
    return next((f for f in run.facts if f.key == key), None)


# ---- places ----------------------------------------------------------------------------------------------------------


def _places(ask: Ask, run: ForestRun, chosen: InventorySettings) -> list[dict[str, Any]]:
    """The places below with area, volume and carbon, most carbon first; bars of carbon with their intervals."""
    rows: list[dict[str, Any]] = []
    for code in ask.zone.children(ask.place.code):
        cells = {
            word: estimated(ask, run, f)
            for word in (*MEASURES, "carbon_per_area")
            for f in run.select(f"inventory.{word}", code, "", chosen.period, None)
            if f.role == "estimate" and _of(run, f, chosen.id)
        }
        if cells:
            rows.append(
                {
                    "code": code,
                    "name": ask.short(code),
                    "href": ask.address("/forest", place=code),
                    "cells": cells,
                    "all": list(cells.values()),
                }
            )
    top = (
        max(
            (
                r["cells"]["carbon"].figure.range[1]
                for r in rows
                if "carbon" in r["cells"] and r["cells"]["carbon"].figure.range
            ),
            default=0.0,
        )
        or 1.0
    )
    for r in rows:
        carbon = r["cells"].get("carbon")
        if carbon and carbon.figure.value is not None and carbon.figure.range:
            r["bar"] = [round(max(0.0, 100 * v / top), 1) for v in (carbon.figure.value, *carbon.figure.range)]
    return sorted(rows, key=lambda r: -(r["cells"]["carbon"].figure.middle or 0.0) if "carbon" in r["cells"] else 0.0)


def _map(ask: Ask, run: ForestRun, chosen: InventorySettings) -> dict[str, Any] | None:
    """Carbon per hectare of the leaves, where at least two have it and the place has leaves below."""
    leaves = [p.code for p in ask.zone.at_level(ask.site.leaf_level)]
    figures = {
        code: of_run(run, f)
        for code in leaves
        for f in run.select("inventory.carbon_per_area", code, "", chosen.period, None)
        if f.role == "estimate" and _of(run, f, chosen.id)
    }
    below = ask.zone.leaves(ask.place.code)
    if len(figures) < 2 or not set(figures) & set(below) or ask.site.drawing is None:
        return None
    field = Field("forest", "inventory.carbon_per_area", chosen.period, figures)
    me = ask.place.code if ask.place.code != ask.zone.root else ""
    drawn = atlas(ask, field, chosen=me, lead=lambda code: ask.address("/forest", place=code)) | {"hue": "land"}
    known = sorted((f.middle, c) for c, f in figures.items() if f.middle is not None)
    title = ask.t("forest.map_title", high=ask.short(known[-1][1]), low=ask.short(known[0][1]))
    labels = ordered({label for f in figures.values() for label in f.labels})
    sub = ask.t("forest.map_sub", period=chosen.period, unit=drawn["unit"])
    return {"atlas": drawn, "title": title, "sub": sub, "labels": labels}


# ---- what it rests on ------------------------------------------------------------------------------------------------


def _basis(ask: Ask, run: ForestRun, chosen: InventorySettings) -> dict[str, Any]:
    """The equations in use with their trees, and what was flagged, of the chosen inventory."""
    equations: list[dict[str, Any]] = []
    flags: dict[str, int] = {}
    trees = 0
    for node in run.nodes.values():
        if node.kind != "amounts" or node.notes.get("inventory") != chosen.id:
            continue
        trees = int(node.notes["trees"])
        for word, n in node.notes["flags"].items():
            flags[word] = max(flags.get(word, 0), int(n))
        for id, key in node.args:
            row = run.nodes[key].row or {}
            equations.append({"id": id, "kind": node.notes["gives"], "trees": run.nodes[key].notes["trees"], "status": row.get("status", ""), "key": key,
                              "source": f"{row.get('source_title', '')} {row.get('source_where', '')}".strip(), "printed": row.get("printed", ""),
                              "method": run.nodes[key].method})  # fmt: skip
    sources = list(dict.fromkeys(str(e["source"]) for e in equations))
    return {
        "equations": equations,
        "flags": flags,
        "trees": trees,
        "sources": sources[:6],
        "files": _files(run, chosen.id),
    }


def _files(run: ForestRun, inventory: str) -> list[tuple[str, str]]:
    head = f"inputs/inventory/{inventory}/"
    return [
        (name.removeprefix(head), sha) for name, sha in sorted(run.manifest["files"].items()) if name.startswith(head)
    ]


VIEW = View("forest", "/forest", build, home=lambda code: "/forest", rail=lambda code: "/forest")
