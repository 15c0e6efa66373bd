"""Releases of forest carbon: what was released, who signed it, what a revision changed and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from qingshan.core.canonical import file_digest
from qingshan.faces.web.figures import FIGURE_COLUMNS, Figure, ordered, row_of
from qingshan.faces.web.page import Cell, Column, Page, Table, View
from qingshan.faces.web.released import holds, release_at, release_files, release_word, releases_of
from qingshan.faces.web.site import Ask
from qingshan.faces.web.woods import ERROR_COLUMNS, percent, tabs
from qingshan.publish import numbers

if TYPE_CHECKING:
    from qingshan.publish.forest_release import ForestRelease

KEYS = ("area", "volume", "carbon", "co2")
MAX_CHANGES = 40


def build(ask: Ask) -> Page:
    """All releases of the zone, the newest first."""
    known = releases_of(ask.zone)
    rows = [_line(ask, r) for r in known]
    labels = ordered({label for r in known for label in r.labels if label == "synthetic"})
    newest = next((r for r in known if r.signed), None)
    if not known:
        headline = ask.t("forest.releases.none")
    elif newest is None:
        headline = ask.t("forest.releases.drafts", n=len(known))
    else:
        headline = ask.t(
            "forest.releases.headline", n=sum(r.signed for r in known), year=newest.year, revision=newest.revision
        )
    context: dict[str, Any] = {
        "question": ask.t("forest.question.releases"), "headline": headline, "tabs": tabs(ask, "releases"), "rows": rows, "labels": labels,
    }  # fmt: skip
    columns = (
        Column("year", "年份", "year"),
        Column("revision", "修订", "revision"),
        Column("signed", "已签名", "signed"),
        Column("carbon", "林木碳储量", "tree carbon stock", "t C", mark="key"),
        Column("low", "区间下限", "interval low"),
        Column("high", "区间上限", "interval high"),
        Column("run", "核算", "run"),
        Column("why", "修订原因", "reason of the revision"),
        Column("labels", "标注", "labels"),
        Column("key", "来历键", "pedigree key"),
    )
    cells: list[dict[str, Cell]] = []
    for release in known:
        head = _whole(release, "carbon") or {}
        cells.append(
            {
                "year": release.year,
                "revision": release_word(release),
                "signed": release.signed,
                "carbon": head.get("value"),
                "low": head.get("low"),
                "high": head.get("high"),
                "run": release.run,
                "why": release.why,
                "labels": "; ".join(release.labels),
                "key": head.get("key", ""),
            }
        )
    return Page(
        "forest_releases.html",
        headline,
        context,
        [Table("releases", "发布", "Releases", columns, cells)],
        labels=labels,
    )


def _whole(release: ForestRelease, word: str) -> Mapping[str, Any] | None:
    """The figure of the whole place in the year of the release."""
    place = release.manifest["place"]
    asked = (f"inventory.{word}", place, "", "estimate", release.year)
    return next(
        (r for r in release.estimates if (r["quantity"], r["place"], r["cls"], r["role"], r["period"]) == asked), None
    )


def _figure(ask: Ask, row: Mapping[str, Any]) -> Figure:
    from qingshan.accounts.inventory.words import quantity_words  # noqa: PLC0415 - the extra geo

    zh, en = quantity_words(str(row["quantity"]))
    reach = (float(row["low"]), float(row["high"])) if row.get("low") is not None else None
    return Figure(
        str(row["quantity"]), zh, en, str(row["place"]), str(row["period"]), str(row["unit"]), row["value"], None, reach,
        ordered(row["labels"]), "", "", "", str(row["key"]), worked=True,
    )  # fmt: skip


def _line(ask: Ask, release: ForestRelease) -> dict[str, Any]:
    head = _whole(release, "carbon")
    return {
        "year": release.year,
        "revision": release.revision,
        "word": release_word(release),
        "signed": release.signed,
        "holds": holds(release),
        "why": release.why,
        "labels": release.labels,
        "href": ask.address(f"/forest/releases/{release.year}/{release_word(release)}", period=""),
        "figure": _figure(ask, head) if head else None,
        "error": percent(_error(head)),
        "run": release.run,
        "report": _address(release, f"report.{ask.lang}.pdf"),
    }


def _error(row: Mapping[str, Any] | None) -> float | None:
    if row is None or row.get("low") is None or not row["value"]:
        return None
    return float((row["high"] - row["low"]) / 2 / abs(row["value"]))


def _address(release: ForestRelease, name: str) -> str:
    from urllib.parse import quote  # noqa: PLC0415 - beside its only use

    return f"/files/releases/{release.year}/{release_word(release)}/{quote(name)}"


# ---- one release -----------------------------------------------------------------------------------------------------


def build_one(ask: Ask) -> Page:
    """One revision: its figures, its files with their hashes, its signature, and what it changed."""
    release = release_at(ask.zone, ask.params["year"], ask.params["revision"])
    beside = [r for r in releases_of(ask.zone) if r.year == release.year]
    rows = [_whole(release, word) for word in KEYS]
    keys = [
        {"figure": _figure(ask, r), "error": percent(_error(r)), "confidence": percent(r.get("confidence"))}
        for r in rows
        if r is not None
    ]
    held = holds(release)
    state = "draft" if held is None else "signed" if held else "broken"
    headline = ask.t(
        f"forest.release.headline.{state}",
        year=release.year,
        revision=release.revision,
        place=ask.short(str(release.manifest["place"])),
    )
    files = release_files(release)
    context: dict[str, Any] = {
        "question": ask.t("forest.question.releases"),
        "headline": headline,
        "state": state,
        "tabs": tabs(ask, "releases"),
        "keys": keys,
        "labels": ordered(release.labels),
        "release": release,
        "of_run": release.run,
        "signature": release.signature,
        "downloads": _downloads(ask, release, files),
        "file_count": len(files),
        "all_files": [(name, sha, _address(release, name)) for name, sha in sorted(files.items())],
        "beside": [_line(ask, r) for r in beside],
        "me": release_word(release),
        "changes": _changes(ask, release),
        "maps": [
            (kind, _address(release, f"map-{kind}.{ask.lang}.svg"))
            for kind in ("places", "plots")
            if f"map-{kind}.{ask.lang}.svg" in files
        ],
        "no_map": "" if f"map-places.{ask.lang}.svg" in files else _without_map(release),
        "command": f"qingshan verify $QINGSHAN_HOME/releases/{release.folder.parent.parent.name}/{release.folder.parent.name}/{release.folder.name}",
        "reasons": [ask.t.pick(str(r.get("zh", "")), str(r.get("en", ""))) for r in release.manifest["reasons"]],
    }
    tables = [_estimates_table(ask, release), *_changes_tables(ask, release)]
    return Page(
        "forest_release.html",
        headline,
        context,
        tables,
        [str(release.manifest["place"])],
        labels=ordered(release.labels),
    )


def _without_map(release: ForestRelease) -> str:
    """Why a release has no map by place: no boundaries, or no figures by place."""
    root = str(release.manifest["place"])
    by_place = any(
        r["quantity"] == "inventory.carbon_per_area" and not r["cls"] and r["place"] != root for r in release.estimates
    )
    return "no_boundaries" if by_place else "no_places"


GROUPS = (
    ("report", ("report.{lang}.pdf", "report.{other}.pdf")),
    ("tables", ("estimates.csv", "estimates.json", "uncertainty.json", "methods.json", "changes.json")),
    ("data", ("data/datapackage.json",)),
    ("proof", ("manifest.json", "signature.json")),
)


def _downloads(ask: Ask, release: ForestRelease, files: Mapping[str, str]) -> list[dict[str, Any]]:
    """The files a reader asks for, by what they are for."""
    words = {"lang": ask.lang, "other": "en" if ask.lang == "zh" else "zh"}
    made = []
    for group, names in GROUPS:
        found = [n for n in (name.format(**words) for name in names) if n in files]
        if found:
            listed = [
                {
                    "name": n,
                    "href": _address(release, n),
                    "sha": files[n],
                    "size": file_size((release.folder / n).stat().st_size),
                }
                for n in found
            ]
            made.append({"word": ask.t(f"forest.release.group.{group}"), "files": listed})
    return made


def file_size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{max(1, round(count / 1e3))} kB"


def _changes(ask: Ask, release: ForestRelease) -> dict[str, Any] | None:
    """What differs from the revision before: figures of whole places first, and what differs behind them."""
    found = release.changes
    if found is None:
        return None
    from qingshan.accounts.inventory.words import class_words, quantity_words  # noqa: PLC0415 - the extra geo

    rows = []
    order = {p: i for i, p in enumerate(ask.zone.places)}
    listed = sorted(
        found["figures"],
        key=lambda f: (
            bool(f["cls"]),
            order.get(f["place"], 1 << 30),
            f["quantity"] not in {f"inventory.{k}" for k in KEYS},
        ),
    )
    for f in listed[:MAX_CHANGES]:
        texts, unit = numbers.write_many([f["before"], f["after"], f["difference"]], f["unit"], ask.lang, "exact")
        share = f["relative"]
        rows.append(
            {
                "name": ask.t.pick(*quantity_words(f["quantity"])),
                "place": ask.short(f["place"]),
                "cls": ask.t.pick(*class_words(f["cls"])) if f["cls"] else "",
                "period": f["period"],
                "before": texts[0],
                "after": texts[1],
                "difference": texts[2] if f["difference"] is not None else "",
                "unit": unit,
                "relative": f"{'+' if share > 0 else ''}{numbers.digits(100 * share)} %" if share is not None else "",
            }
        )
    from qingshan.publish.signed import MANIFEST  # noqa: PLC0415 - the extra report

    against = (r for r in releases_of(ask.zone) if r.year == release.year)
    previous = release.manifest["previous"]
    before = next(
        (r.revision for r in against if file_digest(r.folder / MANIFEST) == previous), max(release.revision - 1, 0)
    )
    return {"rows": rows, "count": len(found["figures"]), "causes": found["causes"], "before": before}


def _estimates_table(ask: Ask, release: ForestRelease) -> Table:
    from qingshan.accounts.inventory.words import class_words  # noqa: PLC0415 - the extra geo

    rows: list[dict[str, Cell]] = []
    for r in release.estimates:
        more: dict[str, Cell] = {
            "cls": r["cls"], "cls_name": ask.t.pick(*class_words(r["cls"])) if r["cls"] else "", "se": r.get("se"), "relative_se": r.get("relative_se"),
            "df": r.get("df"), "plots": r.get("plots"), "confidence": r.get("confidence"), "estimator": r.get("estimator", ""), "role": r["role"],
        }  # fmt: skip
        rows.append(row_of(_figure(ask, r), ask.name(str(r["place"])), ask.t, **more))
    columns = (
        *FIGURE_COLUMNS[:5],
        Column("role", "类型", "kind"),
        *ERROR_COLUMNS[:2],
        *FIGURE_COLUMNS[5:6],
        *ERROR_COLUMNS[2:],
        *FIGURE_COLUMNS[8:],
    )
    return Table("estimates", "发布的估计值", "Released estimates", columns, rows, "place_code")


def _changes_tables(ask: Ask, release: ForestRelease) -> Sequence[Table]:
    found = release.changes
    if found is None:
        return ()
    figures = tuple(
        Column(k, zh, en)
        for k, zh, en in (
            ("role", "类型", "kind"),
            ("quantity", "指标代号", "quantity id"),
            ("place", "地点代码", "place code"),
            ("period", "时期", "period"),
            ("cls", "分组代号", "class id"),
            ("unit", "单位", "unit"),
            ("before", "修订前", "before"),
            ("after", "修订后", "after"),
            ("difference", "差", "difference"),
            ("relative", "相对差", "relative"),
        )
    )
    causes = tuple(
        Column(k, zh, en)
        for k, zh, en in (
            ("kind", "类别", "kind"),
            ("what", "何处", "what"),
            ("how", "如何", "how"),
            ("before", "修订前", "before"),
            ("after", "修订后", "after"),
        )
    )
    return (
        Table("changes", "修订的数", "Figures changed", figures, found["figures"]),
        Table("causes", "修订的起因", "Causes", causes, found["causes"]),
    )


VIEWS = (
    View("forest_releases", "/forest/releases", build, under="forest"),
    View("forest_release", "/forest/releases/{year}/{revision}", build_one, under="forest"),
)
