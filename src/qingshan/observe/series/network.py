"""Reading the networks that a zone declares: `networks/ID.toml`, and `networks/ID/sites.csv` beside it."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from qingshan.core.errors import DeclarationError, UnknownZone
from qingshan.core.finding import Finding
from qingshan.zone.report import Report
from qingshan.zone.table import read_table
from qingshan.zone.zone import zone_path

from .model import AIR_ZONES, READING_LABELS, SITE, STEPS, WATER_BODY_TYPES, Network, Procedure, site_kinds
from .report import LoadReporter

_NUMBERS = ("river_km", "lon", "lat", "altitude")
_NEEDED = ("id", "name_zh", "kind")
_OPTIONAL = tuple(c for c in SITE if c not in _NEEDED)


def read_networks(zone: Path) -> tuple[dict[str, Network], list[Finding]]:
    """The networks of a zone folder by id, with what is wrong with the others. An absent folder is no network."""
    found: dict[str, Network] = {}
    findings: list[Finding] = []
    for path in sorted((zone / "networks").glob("*.toml")):
        name = f"networks/{path.name}"
        try:
            found[path.stem] = read_network(path)
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            findings.append(
                Finding("error", "bad_network", f"cannot be read: {error}.", f"读不出来：{error}。", file=name)
            )
        except DeclarationError as error:
            findings.append(Finding("error", "bad_network", error.en, error.zh, file=name, fix=error.fix))
    return found, findings


def check_networks(zone: str | Path) -> list[Finding]:
    """Everything that is wrong with the networks of a zone: declarations, sites, columns that evaluation needs."""
    try:
        folder = zone_path(zone)
    except UnknownZone:
        return []  # told by the check of the zone
    networks, findings = read_networks(folder)
    for network in networks.values():
        sites, told = declared_sites(network)
        findings += told
        report = LoadReporter(f"networks/{network.id}/sites.csv")
        for id, body in sites.items():
            for column in site_kinds()[body["kind"]].needs:
                if not body.get(column):
                    report.add("needed_column", field=column, site=id, column=column)
            if body.get("downstream") and body["downstream"] not in sites:
                report.add("unknown_site", field="downstream", site=body["downstream"])
        findings += report.findings()
    return findings


def read_network(path: Path) -> Network:
    """One declaration. Raises `DeclarationError` naming the key that is wrong, or what the file system or TOML says."""
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    head: dict[str, Any] = dict(content.get("network", {}))
    if head.get("id") != path.stem:
        raise _wrong("network.id", f"must be {path.stem!r}, as the file is called", f"应与文件名一致：{path.stem!r}")
    known = set(Network.__dataclass_fields__) - {"procedures", "path", "generator"}
    if unknown := sorted(set(head) - known):
        raise _wrong(f"network.{unknown[0]}", "is no key of a network", "不是监测网的键")
    if missing := [k for k in ("domain", "zh", "en") if not head.get(k)]:
        raise _wrong(f"network.{missing[0]}", "is missing", "没有填写")
    if head.get("step") and head["step"] not in STEPS:
        raise _wrong(
            "network.step", f"must be one of {', '.join(STEPS)}, or left out", f"应为 {', '.join(STEPS)} 之一，或不写"
        )
    if head.get("time_label", "start") not in ("start", "end"):
        raise _wrong("network.time_label", "must be start or end", "应为 start 或 end")
    speed = head.get("flow_speed_km_h", 0)
    if isinstance(speed, bool) or not isinstance(speed, int | float) or not 0 <= speed <= 100:
        raise _wrong("network.flow_speed_km_h", "must be a number of km/h, 0 to 100", "应为 0 至 100 之间的数（km/h）")
    labels = head.get("labelled", [])
    if not isinstance(labels, list) or any(x not in READING_LABELS for x in labels) or len(set(labels)) != len(labels):
        listed = ", ".join(READING_LABELS)
        raise _wrong("network.labelled", f"must be a list of {listed}", f"应为 {listed} 的列表")
    procedures = {}
    for raw in content.get("procedure", []):
        if not raw.get("id") or set(raw) - set(Procedure.__dataclass_fields__):
            raise _wrong("procedure", f"cannot be read: {raw}", f"读不懂：{raw}")
        procedures[raw["id"]] = Procedure(**raw)
    head["labelled"] = tuple(labels)
    head["feeds"] = tuple(head.get("feeds", ()))
    return Network(**head, procedures=procedures, path=path, generator=content.get("generator", {}))


def _wrong(key: str, en: str, zh: str) -> DeclarationError:
    return DeclarationError(f"{key} {en}.", f"{key} {zh}。", fix="see docs/monitoring.md / 见 docs/monitoring.md")


def declared_sites(network: Network) -> tuple[dict[str, dict[str, Any]], list[Finding]]:
    """The sites of `networks/ID/sites.csv` by id; a faulty row is left out with a finding."""
    path = network.folder / "sites.csv" if network.folder else None
    if path is None or not path.is_file():
        return {}, []
    name = f"networks/{network.id}/sites.csv"
    tables = Report()
    table = read_table(path, name, tables, required=_NEEDED, known=_OPTIONAL)
    report = LoadReporter(name)
    sites: dict[str, dict[str, Any]] = {}
    for line, row in table.rows if table else []:
        body = {k: v for k, v in row.items() if k in SITE and v != ""}
        if read := site_body(body, line, report):
            if read["id"] in sites:
                report.add("bad_site", row=line, field="id", site=read["id"], why="is listed twice", why_zh="重复登记")
            else:
                sites[read["id"]] = read
    return sites, [*tables.findings(), *report.findings()]


def site_body(row: dict[str, Any], line: int | None, report: LoadReporter) -> dict[str, Any] | None:
    """A site's fields from text, numbers as numbers; None with a finding where a field is wrong."""
    body = dict(row)
    for column in _NUMBERS:
        try:
            body |= {column: float(body[column])} if column in body else {}
        except ValueError:
            body[column] = float("nan")
    if fault := _site_fault(body):
        field, why, why_zh = fault
        report.add("bad_site", row=line, field=field, site=str(body.get("id", "")), why=why, why_zh=why_zh)
        return None
    return body


def _site_fault(body: dict[str, Any]) -> tuple[str, str, str] | None:
    """Field, what is wrong with it, and the same in Chinese; None where nothing is."""
    id = str(body.get("id", ""))
    kinds, types = ", ".join(site_kinds()), " / ".join(WATER_BODY_TYPES)
    pair = body.get("lon", 0.0), body.get("lat", 0.0)
    faults = (
        (not id or "|" in id or "@" in id or len(id) > 120, "id", "needs an id of up to 120 characters without | and @",
         "编号不能为空，不超过 120 字，不含 | 和 @"),
        (any(body.get(c) != body.get(c) for c in _NUMBERS), ", ".join(_NUMBERS), "a number cannot be read", "有数字读不出来"),
        (abs(pair[0]) > 180 or abs(pair[1]) > 90 or ("lon" in body) != ("lat" in body), "lon, lat",
         "no pair of degrees", "经纬度不成对或超出范围"),
        (body.get("kind") not in site_kinds(), "kind", f"must be one of {kinds}", f"应为 {kinds} 之一"),
        (body.get("water_body_type", "river") not in WATER_BODY_TYPES, "water_body_type", f"must be {types}", f"应为 {types}"),
        (str(body.get("air_zone", "1")) not in AIR_ZONES, "air_zone", "must be 1 or 2", "应为 1 或 2"),
    )  # fmt: skip
    return next(((field, why, why_zh) for wrong, field, why, why_zh in faults if wrong), None)
