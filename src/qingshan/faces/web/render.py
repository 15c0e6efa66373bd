"""Prints a `Page` with the frame around it: top bar, rail of places and time, foot with exports."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from qingshan.accounts.run import Fact
from qingshan.core.errors import UnknownName
from qingshan.publish import numbers
from qingshan.zone.place import near

from .documents import clause_said
from .figures import Figure, of_run
from .page import Column, Page, Table, View
from .periods import figure_period
from .site import Ask, Site, first_year, last_year
from .words import LANG_TAGS, LANGUAGES, Words

_TEMPLATES = Path(__file__).parent / "templates"
_DARK_GROUND, _LIGHT_GROUND = "#131a18", "#fbfaf7"  # tokens.css --paper, for the browser's own bar


@dataclass(frozen=True, slots=True)
class Branch:
    """One line of the place rail."""

    code: str
    name: str
    depth: int
    count: int
    href: str
    here: bool


class Printer:
    """Jinja with the words, numbers and addresses that all templates use."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.env = Environment(
            loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        )  # fmt: skip
        self.env.globals |= {
            "written": _written,
            "figure_range": _figure_range,
            "plain_number": _plain,
            "static": self._static,
            "run_figure": _run_figure,
            "unit_word": _unit_word,
            "clause_said": clause_said,
            "shown_columns": _shown_columns,
        }
        self.env.filters |= {"period": _period, "json_block": _json_block}

    def _static(self, name: str) -> str:
        file = self.site.assets.get(name)
        return f"/static/{file}" if file else ""

    # ---- pages

    def page(self, ask: Ask, page: Page) -> str:
        return self.env.get_template(page.template).render(
            **page.context, page=page, ask=ask, t=ask.t, frame=self.frame(ask, page), lang=ask.lang
        )

    def problem(self, ask: Ask, status: int, sentence: str, near_codes: list[str]) -> str:
        page = Page("problem.html", ask.t("problem.title" if status == HTTPStatus.NOT_FOUND else "problem.name"), {})
        first = sentence.partition(" ")[0]
        if first.isalpha() and first.islower():  # a word, no name or number
            sentence = sentence[0].upper() + sentence[1:]
        places = [(ask.name(c), ask.place_address(c) or ask.address("/", place=c)) for c in near_codes]
        return self.env.get_template("problem.html").render(
            page=page,
            ask=ask,
            t=ask.t,
            lang=ask.lang,
            frame=self.frame(ask, page, lost=True),
            status=status,
            sentence=sentence,
            places=places,
        )

    # ---- finding places

    def find(self, word: str) -> str:
        """Code of the place a reader typed: code, full name or short name. Raises `UnknownName`."""
        plain = word.strip().casefold()
        for lang in LANGUAGES:
            fits = [c for c in self.site.zone.places if self.site.short(c, lang).casefold() == plain]
            if len(fits) == 1:
                return fits[0]
        return self.site.zone.place(word).code

    def near(self, word: str) -> list[str]:
        return [text.split(" ")[0] for text in near(word, self.site.zone.places, 6)] if word.strip() else []

    def near_lost(self, word: str) -> list[str]:
        """Places like a word that names none; empty for a word that names one: then something else was not found."""
        try:
            self.find(word)
        except UnknownName:
            return self.near(word)
        return []

    def no_place(self, word: str) -> tuple[str, str]:
        """The sentence in both languages, without the places that are offered beside it."""
        root = self.site.zone.places[self.site.zone.root]
        zh, en = (Words(lang)("problem.no_place", zone=root.name(lang), word=word) for lang in ("zh", "en"))
        return zh, en

    # ---- the frame

    def frame(self, ask: Ask, page: Page, *, lost: bool = False) -> dict[str, Any]:
        try:
            code = str(page.context.get("here", ""))
            code = code if code in ask.zone.places or code in ask.zone.comparison else ask.place.code
        except UnknownName:
            code = ask.zone.root
        return {
            "nav": [
                {"name": ask.t(f"nav.{v.name}"), "href": ask.address(v.home(code), place=self._carried(v, code)),
                 "here": v.name in (ask.view.name, ask.view.under) and not (lost and ask.view is self.site.views[0])}
                for v in self.site.views
                if v.home is not None
            ],
            "langs": [
                {"tag": LANG_TAGS[lang], "name": Words(lang)("lang.name"), "short": Words(lang)("lang.short"),
                 "href": f"/{lang}/" if lost else self._same(ask, lang), "here": lang == ask.lang}
                for lang in sorted(LANGUAGES, key=lambda lang: lang != ask.lang)
            ],
            "place": self._place_rail(ask, code, lost), "time": self._time_rail(ask, code, page, lost),
            "exports": [] if lost else self._exports(ask, page),
            "lang_tag": LANG_TAGS[ask.lang], "themes": (_LIGHT_GROUND, _DARK_GROUND),
            "edition": str(page.context.get("of_run") or self._edition(ask, page)).rsplit("-", 1)[-1],
        }  # fmt: skip

    @staticmethod
    def _edition(ask: Ask, page: Page) -> str:
        """The run that the page shows, else the newest of the zone, else the zone's files."""
        run = page.context.get("run") or ask.run
        return run.id if run else ask.zone.digest[:12]

    def _carried(self, view: View, code: str) -> str:
        """The place as a query, for pages that take it there; '' where it is the whole zone or stands in the path."""
        return code if view.rail and "{" not in view.path and code != self.site.zone.root else ""

    def _path(self, ask: Ask) -> str:
        path = ask.view.path
        for key, value in ask.params.items():
            path = path.replace(f"{{{key}}}", value).replace(f"{{{key}:path}}", value)
        return path or "/"

    def _same(self, ask: Ask, lang: str) -> str:
        tail = urlencode({k: v for k, v in ask.query.items() if v})
        return f"/{lang}{self._path(ask)}" + (f"?{tail}" if tail else "")

    def _exports(self, ask: Ask, page: Page) -> list[dict[str, str]]:
        tail = urlencode({k: v for k, v in ask.query.items() if v})
        stem = f"/{ask.lang}{self._path(ask).rstrip('/')}"
        endings = ["csv", "xlsx"] if page.tables else []
        if any(table.mapped and (not table.place_column or self.site.zone.boundaries.shapes) for table in page.tables):
            endings.append("geojson")
        return [
            {"name": e, "href": f"{stem}.{e}" + (f"?{tail}" if tail else "")}
            for e in [*endings, *(["json"] if page.tables else [])]
        ]

    def _place_rail(self, ask: Ask, code: str, lost: bool) -> dict[str, Any]:
        zone = self.site.zone
        leads: Callable[[str], str] | None = None if lost else ask.view.rail
        kept = {k: v for k, v in ask.query.items() if k not in ("place", "after")}

        def href(target: str) -> str:
            if leads is None:
                return ask.place_address(target) or ask.address("/", place=target)
            return ask.address(
                leads(target),
                **kept | ({"place": "" if target == zone.root else target} if "{" not in ask.view.path else {}),
            )

        line = [*reversed(zone.ancestors(code)), code] if code in zone.places else [zone.root]
        open_at = set(line)
        branches: list[Branch] = []

        def walk(at: str, depth: int) -> None:
            children = zone.children(at)
            name = zone.places[at].name(ask.lang) if depth == 0 else self.site.short(at, ask.lang)
            branches.append(
                Branch(at, name, depth, len(zone.leaves(at)) if children else 0, href(at), at == code and not lost)
            )
            if depth == 0 or at in open_at:
                for child in children:
                    walk(child, depth + 1)

        walk(zone.root, 0)
        here = " · ".join(self.site.short(c, ask.lang) for c in line[1:]) or zone.places[zone.root].name(ask.lang)
        return {"branches": branches, "here": here, "find": f"/{ask.lang}/find",
                "all": [(zone.places[c].name(ask.lang), c) for c in zone.places]}  # fmt: skip

    def _time_rail(self, ask: Ask, code: str, page: Page, lost: bool) -> dict[str, Any] | None:
        """Bars of figures on file per year and the choice of a period; None where no figure has a year."""
        whole = code == self.site.zone.root or "{code}" not in ask.view.path
        counts = self.site.years_on_file.get("" if whole else code, {})
        years = sorted(y for y in self.site.years_on_file[""])
        if not years or lost:
            return None
        shown = list(range(max(years[-1] - 20, years[0]), years[-1] + 1))
        options = page.context.get("periods") or [
            ("", ask.t("time.all")),
            *((str(y), str(y)) for y in sorted(counts, reverse=True)),
        ]
        chosen = page.context.get("period", ask.query.get("period", ""))
        if chosen and ask.span and chosen not in (value for value, _ in options):
            options = [*options, (chosen, ask.asked_years)]  # what was asked for stays to be seen and changed
        span = page.context.get("span", ask.span)
        top = max((counts.get(y, 0) for y in shown), default=0) or 1
        wide, high = 128, 40
        step = wide / len(shown)
        kept = {k: v for k, v in ask.query.items() if k not in ("period", "after") and v}
        action = str(page.context.get("time_action") or f"/{ask.lang}{self._path(ask)}")
        bars = [
            {"year": y, "count": counts.get(y, 0), "href": _asks(action, kept, _option_of(y, options)),
             "x": round(i * step, 2), "w": round(max(step - 1.2, 1), 2), "h": round((counts.get(y, 0) / top) ** 0.5 * (high - 4), 1),
             "in": span is None or span[0] <= y <= span[1]}
            for i, y in enumerate(shown)
        ]  # fmt: skip
        word = next((name for value, name in options if value == chosen), chosen or options[0][1])
        return {"bars": bars, "options": options, "chosen": chosen, "word": word, "first": shown[0], "last": shown[-1],
                "kept": kept, "action": action, "step": round(step, 2), "w": wide, "h": high,
                "total": sum(counts.values())}  # fmt: skip


def _option_of(year: int, options: Sequence[tuple[str, str]]) -> str:
    """The choice of the time control that holds a year: the year itself, else a span around it, else ''."""
    values = [value for value, _ in options if value]
    if str(year) in values:
        return str(year)
    spans = [(value, first_year(value), last_year(value)) for value in values if "-" in value]
    return next((value for value, low, high in spans if low and high and low <= year <= high), "")


def _asks(action: str, kept: Mapping[str, str], period: str) -> str:
    return f"{action}?{urlencode({**kept, 'period': period})}" if period else ""


# ---- what templates may call -----------------------------------------------------------------------------------------


@pass_context
def _written(context: Context, figure: Figure, style: str = "") -> numbers.Written:
    return figure.written(context["lang"], style)


@pass_context
def _figure_range(context: Context, figure: Figure) -> str:
    return figure.written_range(context["lang"])


@pass_context
def _plain(context: Context, value: float | None, unit: str = "", style: str = "plain") -> str:
    return numbers.write(value, unit, context["lang"], style).text


@pass_context
def _unit_word(context: Context, unit: str) -> str:
    return numbers.unit_word(unit, context["lang"])


def _shown_columns(table: Table, hidden: Sequence[str]) -> list[Column]:
    """Columns worth printing on a page: those in which something stands, without codes and keys."""
    codes = {*hidden, "place_code", "quantity", "key"}
    return [
        c for c in table.columns if c.key not in codes and any(row.get(c.key) not in (None, "") for row in table.rows)
    ]


@pass_context
def _run_figure(context: Context, fact: Fact) -> Figure:
    return of_run(context["ask"].run, fact)


@pass_context
def _period(context: Context, figure: Figure) -> str:
    return figure_period(figure, context["t"], context["ask"].zone)


def _json_block(value: Mapping[str, Any]) -> Markup:
    """Data for a script inside the page: JSON that cannot end its own element."""
    import json  # noqa: PLC0415 - beside its only use

    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))  # noqa: S704 - escaped here
