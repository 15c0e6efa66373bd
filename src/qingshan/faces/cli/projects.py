"""Verbs of forest projects: demo, dossier, overlaps, claims."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from qingshan.accounts.claim.dossier import KeptDossier
from qingshan.accounts.claim.index import Claim, DoubleCounted, overlaps
from qingshan.accounts.claim.synthetic import write_demo_project
from qingshan.accounts.claim.words import claim_word
from qingshan.core.errors import DeclarationError
from qingshan.publish.dossier import claims_table, overlap_geojson, publish_dossier, refused_map
from qingshan.publish.words import gravest_first
from qingshan.zone.zone import open_zone

from .forest import confidence_of, equations_of, groups
from .problem import WrongCall
from .show import columns, counted, emit, said_labels

if TYPE_CHECKING:
    from qingshan.observe.calibrate import MapCalibration

SHOWN = 20
LABELS = {"draft": ("草案", "draft"), "final": ("定稿", "final")}
KINDS = {
    "paired": ("同一批样地", "same plots"),
    "paired_regression": ("两重样本同一批样地", "same plots of both phases"),
    "independent": ("两批样地", "two samples"),
    "from_bare": ("原为无林地", "from bare land"),
}
STATES = {
    "declared": "已申报", "computed": "已计算", "reviewed": "已审核", "approved": "已批准", "issued": "已签发", "registered": "已登记",
    "traded": "已交易", "pledged": "已质押", "retired": "已注销", "cancelled": "已撤销", "rejected": "已驳回",
}  # fmt: skip
LEVELS = {"error": ("错误：", "error: "), "warning": ("警告：", "warning: "), "note": ("说明：", "note: ")}


def dossier(arguments: argparse.Namespace) -> int:
    """Compute and keep the dossier of a project folder; land claimed before refuses with a map."""
    if arguments.enter and not arguments.by:
        raise WrongCall("--enter needs --by.", "--enter 须同时给出 --by。", fix="--by NAME / 写明经手人")
    kept = publish_dossier(
        open_zone(arguments.zone), Path(arguments.folder), crs=arguments.crs, tolerance_m2=tolerance(arguments.tolerance),
        enter=arguments.enter, by=arguments.by, out=Path(arguments.out) if arguments.out else None,
    )  # fmt: skip
    if arguments.json:
        emit({"folder": str(kept.folder), "version": kept.version, "labels": gravest_first(kept.labels), **kept.record})
    else:
        _print(kept, arguments.lang == "zh")
    return 0


def _print(kept: KeptDossier, zh: bool) -> None:
    r = kept.record
    change = r["change"]
    at = 0 if zh else 1
    lang = "zh" if zh else "en"
    print(
        f"{kept.folder}  v{kept.version}  {LABELS[r['label']][at]}  [{said_labels(gravest_first(kept.labels), lang)}]"
    )
    print(
        f"  {'碳储量变化' if zh else 'change of stock'} {change['value']:,.1f} t CO2 "
        f"({change['low']:,.1f} .. {change['high']:,.1f}, {change['confidence']:.0%}, {KINDS[change['kind']][at]})"
    )
    print(
        f"  {'可计入' if zh else 'creditable'} {r['kg_co2e'] / 1000:,.3f} t CO2e, {len(r['parcels'])} {'个地块' if zh else 'parcels'}"
    )
    for reason in r["refusals"][:SHOWN]:
        en, _, text = reason.partition(" / ")
        print(f"  {'不能签发：' if zh else 'no issue: '}{text if zh and text else en}")
    for f in r["findings"][:SHOWN]:
        print(f"  {LEVELS.get(f['level'], (f['level'],) * 2)[at]}{f['zh' if zh else 'en']}")


def tolerance(text: str) -> float | None:
    """m2 of shared ground that is let pass; None where not given."""
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not value >= 0:
        raise WrongCall(
            f"--tolerance is {text!r}.", f"--tolerance 为 {text!r}。", fix="m2, 0 or more / 不小于 0 的平方米数"
        )
    return value


def claims(arguments: argparse.Namespace) -> int:
    """List the zone's claims, or put some into another state."""
    table = claims_table(open_zone(arguments.zone))
    if arguments.turn:
        if not (arguments.ids and arguments.why and arguments.by):
            raise WrongCall(
                "--turn needs ids, --why and --by.",
                "--turn 须给出编号、--why 和 --by。",
                fix="qingshan forest claims ID … --turn cancelled --why … --by …",
            )
        table = table.turn(arguments.ids, arguments.turn, why=arguments.why, by=arguments.by)
    known = [c for c in table.claims() if not arguments.ids or c.id in arguments.ids]
    if arguments.json:
        emit(
            {
                "version": table.version,
                "crs": table.crs,
                "tolerance_m2": table.tolerance_m2,
                "claims": [_plain(c) for c in known],
            }
        )
    else:
        zh = arguments.lang == "zh"
        rows = [_told(c, arguments.lang) for c in known]
        widths = [max(columns(cell) for cell in column) for column in zip(*rows, strict=True)]
        for row in rows:
            print("  ".join(cell + " " * (w - columns(cell)) for cell, w in zip(row, widths, strict=True)).rstrip())
        print(
            f"权利主张 {len(known)} 条，第 {table.version} 版"
            if zh
            else f"{counted(len(known), 'claim')}, version {table.version}"
        )
    return 0


def _told(c: Claim, lang: str) -> list[str]:
    """A claim in words; its state with the word that --turn takes."""
    zh = lang == "zh"
    hm2 = "-" if c.geometry is None else f"{c.geometry.area / 1e4:,.2f} hm2"
    scheme, pool, benefit = (claim_word(x, lang) for x in (c.scheme, c.pool, c.benefit))
    return [
        c.id,
        scheme,
        pool,
        benefit,
        f"{c.start}{' 至 ' if zh else ' to '}{c.end}",
        hm2,
        f"{STATES[c.state]}（{c.state}）" if zh else c.state,
    ]


def _plain(c: Claim) -> dict[str, object]:
    return {"id": c.id, "scheme": c.scheme, "parcel": c.parcel, "start": c.start, "end": c.end, "pool": c.pool, "benefit": c.benefit, "state": c.state,
            "hm2": None if c.geometry is None else round(float(c.geometry.area) / 1e4, 4)}  # fmt: skip


def overlapping(arguments: argparse.Namespace) -> int:
    """Check a GeoJSON of claims, in metres of a projection, for land that is counted twice; exit 1 where there is any."""
    wanted = tolerance(arguments.tolerance)
    if wanted is None:
        raise WrongCall("the tolerance has no default.", "容差没有缺省值。", fix="--tolerance M2")
    found = overlaps(_claims(Path(arguments.file)), wanted)
    if arguments.out and found:
        refused_map(Path(arguments.out), found, arguments.crs)
    if arguments.json:
        emit(overlap_geojson(found, arguments.crs))
        return 1 if found else 0
    if found:
        raise DoubleCounted(found)
    print("没有重叠" if arguments.lang == "zh" else "no overlap")
    return 0


def _claims(path: Path) -> list[Claim]:
    from shapely.geometry import shape  # noqa: PLC0415 - the extra geo

    try:
        return [
            Claim(geometry=shape(f["geometry"]) if f["geometry"] else None, **{k: str(f["properties"][k]) for k in (
                "id", "scheme", "parcel", "start", "end", "pool", "benefit")}) for f in json.loads(path.read_bytes())["features"]
        ]  # fmt: skip
    except (ValueError, KeyError, TypeError) as error:
        raise DeclarationError(
            f"no claims can be read: {error}.", f"读不出权利主张：{error}。", where=path.name,
            fix="give every feature id, scheme, parcel, start, end, pool, benefit / 每个要素写明 id、scheme、parcel、start、end、pool、benefit",
        ) from None  # fmt: skip


def demo(arguments: argparse.Namespace) -> int:
    """Write a synthetic project into a new folder."""
    write_demo_project(Path(arguments.folder), seed=arguments.seed, id=arguments.id, methodology=arguments.methodology)
    if arguments.json:
        emit({"folder": arguments.folder, "id": arguments.id, "synthetic": True})
    elif arguments.lang == "zh":
        print(f"合成项目写入 {arguments.folder}")
        print(f"下一步：`qingshan forest dossier {arguments.folder} --zone demo30m --crs EPSG:32648 --tolerance 1`")
    else:
        print(f"a synthetic project was written into {arguments.folder}")
        print(f"next: `qingshan forest dossier {arguments.folder} --zone demo30m --crs EPSG:32648 --tolerance 1`")
    return 0


def calibrate(arguments: argparse.Namespace) -> int:
    """Calibrate raster layers of a zone by the plots of a folder; write the map and print the total it supports."""
    from qingshan.accounts.block.cog import write_cog  # noqa: PLC0415 - the extra geo
    from qingshan.observe.allometry import Rule  # noqa: PLC0415
    from qingshan.observe.calibrate import calibrate as fitted  # noqa: PLC0415
    from qingshan.observe.change import biomass_of  # noqa: PLC0415
    from qingshan.observe.inventory import read_inventory  # noqa: PLC0415
    from qingshan.observe.joining import floats  # noqa: PLC0415
    from qingshan.zone.raster.catalogue import RasterBook  # noqa: PLC0415

    confidence = confidence_of(arguments.confidence)
    zone = open_zone(arguments.zone)
    book = RasterBook.of(zone)
    wanted = [w for w in arguments.layers.split(",") if w]
    known = {str(e["id"]): e for e in book.entries}
    lost = [w for w in wanted if w not in known]
    if lost or not wanted:
        raise WrongCall(
            f"no raster {', '.join(lost)!r}." if wanted else "--layers names no raster.",
            f"没有栅格 {', '.join(lost)!r}。" if wanted else "--layers 没有写出栅格。",
            fix=f"one of {', '.join(list(known)[:SHOWN])}{' …' if len(known) > SHOWN else ''}",
        )
    inventory = read_inventory(Path(arguments.folder)).used()
    table = inventory.plots.table
    if not {"x", "y"} <= set(table.columns):
        raise DeclarationError(
            "plots have no x and y.",
            "样地表没有 x、y。",
            where="plots.csv",
            fix="in the CRS of the zone's grid / 用区域格网的坐标系",
        )
    rule = Rule(
        tuple(s for s in arguments.sets.split(",") if s), groups(arguments.groups), default=arguments.allow_default,
        unit_assumed=arguments.allow_unit_assumed,
    )  # fmt: skip
    own = equations_of(arguments.equations, Path(arguments.folder))
    biomass = biomass_of(inventory, rule, arguments.quantity, own)
    labels = gravest_first({*biomass.labels, *(["synthetic"] if zone.synthetic else [])})
    layers = [book.layer_of(known[w]).source for w in wanted]
    at = floats(table, "x"), floats(table, "y")
    made = fitted(biomass.per_plot, layers, book.grid, *at, confidence=confidence, unit="t dm")
    if arguments.out:
        write_cog(
            made.map,
            book.grid,
            Path(arguments.out),
            nodata=made.map.nodata,
            unit="t dm/hm2",
            title=f"tree biomass, calibrated by plots [{said_labels(labels, 'en')}]",
        )
    told = {"estimate": made.estimate.record(), "plain": made.plain.record(), "map_total": made.map_total, "area_hm2": made.area, "r2": made.r2,
            "efficiency": made.efficiency, "negative_share": made.negative, "coefficients": dict(zip(("", *wanted), made.map.coefficients, strict=True)),
            "out": arguments.out, "labels": labels}  # fmt: skip
    if arguments.json:
        emit(told)
        return 0
    _print_calibration(made, labels, arguments.lang, arguments.out)
    return 0


def _print_calibration(made: MapCalibration, labels: Sequence[str], lang: str, out: str) -> None:
    zh = lang == "zh"
    print(f"[{said_labels(labels, lang)}]")
    for name, e in (
        ("地图辅助" if zh else "with the map", made.estimate),
        ("仅样地" if zh else "plots alone", made.plain),
    ):
        low, high = e.interval
        said = f"{'标准误' if zh else 'se'} {e.se:,.0f}{'，' if zh else ', '}{e.confidence:.0%} {'区间' if zh else 'interval'} {low:,.0f} .. {high:,.0f}"
        print(f"{name}{'：' if zh else ': '}{e.value:,.0f} t dm{'，' if zh else ', '}{said}, df {e.df}")
    about = (("R2", f"{made.r2:.3f}"), ("相对效率" if zh else "relative efficiency", f"{made.efficiency:.2f}"),
             ("图中小于 0 的面积" if zh else "area of the map below 0", f"{made.negative:.1%}"))  # fmt: skip
    print(("，" if zh else ", ").join(f"{name} {value}" for name, value in about))
    if out:
        print(f"{'生物量图写入' if zh else 'biomass map:'} {out}")
