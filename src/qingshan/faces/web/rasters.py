"""The raster layers a zone can show: what each is, for which periods it is on file, and how it is drawn.

`shelf(site)` reads the zone's catalogue once. A layer that lies in no file that can be tiled (interpolated stations, a
NetCDF or Zarr field, a scratch layer of a run) is written as a COG under qingshan's home at its first use.
"""

from __future__ import annotations

import bisect
import difflib
import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from threading import Lock
from typing import Any

from qingshan.accounts.home import home
from qingshan.core.canonical import digest
from qingshan.core.errors import QingshanError, UnknownName
from qingshan.zone.raster.catalogue import STATIC, RasterBook
from qingshan.zone.raster.content import content_digest
from qingshan.zone.raster.grid import Grid
from qingshan.zone.raster.layer import conversion, stored_of
from qingshan.zone.raster.source import Source
from qingshan.zone.raster.stored import Stored, valid_nodata

from .job import Job
from .names import bare, capital
from .ramps import Palette, Scale, palette_of, scale_of
from .site import Site
from .tiles import Drawn, Survey, survey
from .worked import Opened, accounts_of

__all__ = ["RESULT", "SERIES", "Held", "Shelf", "ShownLayer", "class_counts", "in_language", "shelf", "spread"]

RESULT, SERIES = "result", "series"
_BOTH = re.compile(r"(.*[\u4e00-\u9fff）])\s+([A-Za-z].*)")  # a title in Chinese, then in English
_MEMBER = re.compile(r"\.\d\d$")  # one month or half-month of a year's course
MOST_WRITTEN = 64_000_000
"""Cells of the largest layer that is written for the map alone."""
SCALE_SAMPLE = 20_000
_SHELVING = Lock()


@dataclass
class Held:
    """One layer of one period: how it is drawn, and what its catalogue entry says of it.

    `job` makes the drawing of a layer that is computed when it is first looked at; `drawn` is then None until that.
    """

    period: str
    drawn: Drawn | None
    entry: Mapping[str, Any]
    why: QingshanError | None = None
    job: Job[Drawn] | None = None

    def drawing(self) -> Drawn:
        """How it is drawn; waits for its computation. Raises `QingshanError` saying why it cannot be."""
        if self.drawn is None and self.why is None and self.job is not None:
            try:
                self.drawn = self.job.result
            except QingshanError as error:
                self.why = error
        if self.drawn is None:
            raise self.why or QingshanError("nothing to draw.", "没有可画的内容。")
        return self.drawn

    @property
    def labels(self) -> tuple[str, ...]:
        """Badges: synthetic, those of the account that computes it, and the status of the source where it is below primary."""
        status = str(self.entry.get("status", ""))
        synthetic = ("synthetic",) if self.entry.get("synthetic") else ()
        return (*synthetic, *self.entry.get("marks", ()), *((status,) if status else ()))


@dataclass
class ShownLayer:
    """One quantity as a map layer. `coded`: its values are class codes (`landcover`: of the account); `given` names them: code -> (Chinese, English)."""

    id: str
    zh: str
    en: str
    unit: str
    group: str
    hue: str
    held: dict[str, Held] = field(default_factory=dict)
    coded: bool = False
    landcover: bool = False
    given: Mapping[int, tuple[str, str]] = field(default_factory=dict)

    def name(self, lang: str) -> str:
        """The name at the head of a line."""
        return self.zh if lang == "zh" else capital(self.en)

    @property
    def classes(self) -> bool:
        return self.coded

    @cached_property
    def names(self) -> Mapping[int, tuple[str, str]]:
        """Names of the classes; a code that nobody named is called by its number."""
        if not self.coded:
            return {}
        seen = {code for period in self.periods for code in self.survey(period).counts}
        if self.given and (self.landcover or (seen and seen <= set(self.given))):
            return self.given
        return {code: (str(code), str(code)) for code in sorted(seen)}

    @property
    def periods(self) -> list[str]:
        """The newest first."""
        return sorted((p for p, h in self.held.items() if h.why is None), key=lambda p: (p == STATIC, p), reverse=True)

    def at(self, period: str) -> Held:
        """The layer of a period, else the undated one. Raises `UnknownName` listing the periods on file."""
        found = self.held.get(period) or self.held.get(STATIC)
        if found is None:
            known = ", ".join(self.held)
            raise UnknownName(
                f"{self.id} has no map for {period!r}; there are: {known}.",
                f"{self.zh}没有 {period!r} 的图；有：{known}。",
            )
        try:
            found.drawing()
        except QingshanError as error:
            raise UnknownName(f"{self.id} cannot be drawn: {error.en}", f"{self.zh}不能成图：{error.zh}") from None
        return found

    def waiting(self) -> float | None:
        """Seconds that the layer has been computed for, all its periods; None where it can be drawn. Starts the work."""
        jobs = [h.job for h in self.held.values() if h.job is not None and h.drawn is None and h.why is None]
        open_jobs = [j for j in jobs if not j.done()]
        return max(j.seconds for j in open_jobs) if open_jobs else None

    def mark(self, period: str) -> str:
        """A short hash of everything a picture of the layer depends on."""
        drawn, painter = self.at(period).drawing(), self.painter
        colours = (
            painter.colours
            if isinstance(painter, Scale)
            else {k: sorted(v.items()) for k, v in painter.colours.items()}
        )
        breaks = list(painter.breaks) if isinstance(painter, Scale) else []
        parts = [drawn.sha256 or drawn.path, drawn.band, drawn.scale, drawn.offset, [list(p) for p in drawn.recode]]
        return digest([parts, breaks, {look: list(c) for look, c in colours.items()}])[:16]

    def survey(self, period: str) -> Survey:
        return survey(self.at(period).drawing())

    @cached_property
    def painter(self) -> Scale | Palette:
        """One colour scale for all periods, so that they can be compared."""
        if self.classes:
            return palette_of(list(self.names))
        values: list[float] = []
        for period in self.periods:
            sample = self.survey(period).sample
            values += [float(v) for v in sample[:: max(1, len(sample) * len(self.periods) // SCALE_SAMPLE)]]
        return scale_of(values, self.hue)


@dataclass
class Shelf:
    """Every layer of a zone, in the order the page lists them. `why` says why there is none."""

    layers: dict[str, ShownLayer]
    book: RasterBook | None = None
    why: QingshanError | None = None

    def layer(self, id: str) -> ShownLayer:
        """Raises `UnknownName` listing the layers."""
        if id not in self.layers:
            known = ", ".join(difflib.get_close_matches(id, self.layers, 6, 0.3) or list(self.layers)[:6]) or "-"
            raise UnknownName(f"no map layer {id!r}; there are: {known}.", f"没有图层 {id!r}；有：{known}。")
        return self.layers[id]


def shelf(site: Site) -> Shelf:
    """The zone's layers, kept with the site."""
    with _SHELVING:
        if "shelf" not in site.kept:
            site.kept["shelf"] = _shelf(site)
    found: Shelf = site.kept["shelf"]
    return found


def _shelf(site: Site) -> Shelf:
    zone = site.zone
    if "grid" not in zone.config:
        return Shelf({})
    try:
        book = RasterBook.of(zone)
    except QingshanError as error:
        return Shelf({}, why=error)
    classed = str((zone.config.get("landcover") or {}).get("quantity", ""))
    names = _class_names(zone.config)
    made: dict[str, ShownLayer] = {}
    drawn_as_places = str((zone.config.get("places") or {}).get("raster", ""))
    for entry in book.entries:
        if str(entry["id"]) == drawn_as_places:
            continue
        quantity, period = str(entry["quantity"]), str(entry["period"])
        if quantity not in made:
            made[quantity] = _shown(site, entry, quantity == classed, names)
        made[quantity].held[period] = _held(site, book, entry, made[quantity], quantity == classed)
    order = list(site.shown("raster_groups"))
    made |= _results(site, book)
    return Shelf(dict(sorted(made.items(), key=lambda p: (_place(order, p[1].group), p[0] != classed, p[0]))), book)


def _results(site: Site, book: RasterBook) -> dict[str, ShownLayer]:
    """What raster accounts give, as layers that are computed when they are first looked at."""
    made: dict[str, ShownLayer] = {}
    for period in book.periods():
        try:
            opened = accounts_of(site, book, period)
        except QingshanError:  # a declaration that cannot be read; the pixel says which
            continue
        for account in opened:
            for step, (zh, en, unit) in account.results.items():
                id = f"result.{account.account.id}.{step}"
                hue = site.hue(
                    next((s.quantity for s in account.account.sums if s.of == step and s.quantity), id), unit
                )
                shown = made.setdefault(id, ShownLayer(id, zh, en, unit, RESULT, hue))
                entry = {
                    "source": account.account.zh,
                    "source_en": account.account.en,
                    "synthetic": site.zone.synthetic,
                    "marks": _marks(site, account.account.id),
                }
                shown.held[period] = Held(period, None, entry, job=Job(partial(_result, account, step, id, period)))
    return made


def _marks(site: Site, account: str) -> tuple[str, ...]:
    """The labels of the profiles on this site that count the account's sums; without one it is a draft."""
    found = {x for run in site.runs.values() if account in run.profile.rasters for x in run.profile.labels}
    return tuple(sorted(found)) or ("draft",)


def _result(opened: Opened, step: str, id: str, period: str) -> Drawn:
    held = opened.held
    if held is None or isinstance(held, QingshanError):
        raise held or QingshanError("no sum of it can be made.", "它的各项都算不出。")
    binding = opened.binding
    assert binding is not None
    return Drawn(id, period, str(held.raster(step)), sha256=digest([binding.key, step]))


def _place(order: list[str], group: str) -> int:
    return order.index(group) if group in order else len(order)


def _class_names(config: Mapping[str, Any]) -> dict[int, tuple[str, str]]:
    rows = (config.get("extent") or {}).get("class", [])
    return {int(r["code"]): (str(r.get("zh", "")), str(r.get("en", ""))) for r in rows if "code" in r}


def _labels(entry: Mapping[str, Any]) -> dict[int, tuple[str, str]]:
    """Names of the codes of a class layer, where its entry prints them."""
    return {i: (str(label), str(label)) for i, label in enumerate(entry.get("labels", ()))}


def _shown(site: Site, entry: Mapping[str, Any], classed: bool, names: Mapping[int, tuple[str, str]]) -> ShownLayer:
    quantity = str(entry["quantity"])
    zh, en = _named(site, quantity, entry)
    own = str(entry.get("unit", "1"))
    coded = classed or own == "class"
    return ShownLayer(
        quantity,
        zh,
        en,
        own,
        _group(site, quantity),
        site.hue(quantity, own),
        coded=coded,
        landcover=classed,
        given=_labels(entry) or names,
    )


def _named(site: Site, quantity: str, entry: Mapping[str, Any]) -> tuple[str, str]:
    """Both names: those of the quantity, those of its family with the member's number, else the entry's title in both languages."""
    declared = site.zone.quantities.get(quantity)
    if declared is not None and declared.id == quantity:
        return bare(declared.zh), declared.en
    title = str(entry.get("title", "")) or quantity
    halves = _BOTH.match(title)
    if declared is not None:
        member = quantity.removeprefix(declared.id.removesuffix("*"))
        if member.isdigit() or halves is None:
            return f"{bare(declared.zh)} {member}", f"{declared.en} {member}"
    zh, en = (halves[1], halves[2]) if halves else (title, title)
    zh, en = str(entry.get("title_zh", "")) or zh, str(entry.get("title_en", "")) or en
    year = str(entry["period"])
    return re.sub(rf"，{year}\s*年?$", "", bare(zh)), bare(en).removesuffix(f", {year}")


_EITHER = re.compile(r"([ -~]+?)\s+([^ -~].*)")  # a text in English, then in Chinese


def in_language(text: str, lang: str) -> str:
    """One half of a text that a catalogue entry gives in both languages, whichever stands first."""
    if halves := _EITHER.fullmatch(text):
        return halves[2] if lang == "zh" else halves[1]
    if halves := _BOTH.fullmatch(text):
        return halves[1] if lang == "zh" else halves[2]
    return text


def _group(site: Site, quantity: str) -> str:
    if _MEMBER.search(quantity):
        return SERIES
    subject = quantity.split(".", maxsplit=1)[0]
    return next((g for g, subjects in site.shown("raster_groups").items() if subject in subjects), "other")


def _held(site: Site, book: RasterBook, entry: Mapping[str, Any], layer: ShownLayer, classed: bool) -> Held:
    period = str(entry["period"])
    try:
        found = book.layer(layer.id, period)
        recode = _recode(book, layer, period) if classed else ()
        if not layer.coded:
            layer.unit = found.unit
        if entry.get("stations"):
            return Held(period, written(layer.id, period, found.source, book.grid, classes=layer.classes), entry)
        file = stored_of(entry, site.zone.path)
        if file.driver in ("Zarr", "netCDF") or not file.crs or entry.get("crs_override"):
            drawn = written(layer.id, period, found.source, book.grid, classes=layer.classes)
        else:
            drawn = _in_file(entry, file, layer, period, found.unit, recode)
        return Held(period, drawn, entry)
    except QingshanError as error:
        return Held(period, None, entry, error)


def _recode(book: RasterBook, layer: ShownLayer, period: str) -> tuple[tuple[int, int], ...]:
    mapping = book.mapping(period)
    return tuple(pair for pair in mapping.table if pair[1] in layer.given) if mapping else ()


def _in_file(entry: Mapping[str, Any], file: Stored, layer: ShownLayer, period: str, unit: str, recode: tuple[tuple[int, int], ...]) -> Drawn:  # fmt: skip
    own = str(entry.get("unit", "1"))
    scale, offset = (1.0, 0.0) if layer.classes else conversion(entry, file, own, unit)
    nodata = valid_nodata(file, entry.get("nodata"))
    local = not file.path.startswith("/vsi")
    sha = str(entry.get("sha256", "")) or (content_digest(Path(file.path)) if local else "")
    return Drawn(layer.id, period, file.path, file.band, nodata, scale, offset, recode, layer.classes, sha)


def written(id: str, period: str, source: Source, grid: Grid, *, classes: bool = False) -> Drawn:
    """A layer that lies in no file of its own, written once as a COG. Raises `QingshanError` for one too large for that."""
    from qingshan.accounts.block.cog import write_cog  # noqa: PLC0415 - the extra geo

    if grid.size > MOST_WRITTEN:
        raise QingshanError(
            f"{grid.size:,} cells are too many to be written for a map alone.",
            f"{grid.size:,} 个像元过多，不专为成图写出。",
            fix="write the layer as a COG and catalogue it / 先写成 COG 并登记",
        )
    sha = digest({"cells": dict(source.identity()), "grid": [grid.crs, list(grid.transform), list(grid.shape)]})
    path = home() / "maps" / f"{sha}.tif"
    if not path.is_file():
        write_cog(source, grid, path, nodata=source.nodata, title=id, nearest=classes)
    return Drawn(id, period, str(path), classes=classes, sha256=sha)


def spread(sample: Any, share: float) -> float:
    """The value below which a share of a sorted sample lies."""
    return float(sample[min(len(sample) - 1, int(share * len(sample)))])


def class_counts(sample: Any, breaks: tuple[float, ...]) -> list[int]:
    """How many values of a sorted sample fall into each class."""
    edges = [0, *(bisect.bisect_left(sample, b) for b in breaks), len(sample)]
    return [b - a for a, b in itertools.pairwise(edges)]
