"""The application: every view becomes a page in each language, and that page's address with an ending is its data.

    create_app(zone, runs) -> FastAPI

Reading only (GET and HEAD), but for the exchange and for readings sent with a token.
Addresses are bounded, answers carry a strict policy, errors are sentences in both languages.
"""

from __future__ import annotations

import json
import mimetypes
import re
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.convertors import Convertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

import qingshan
from qingshan.accounts.run import Run
from qingshan.core.errors import QingshanError, UnknownName
from qingshan.faces.access.desk import Desk
from qingshan.faces.web.page import View
from qingshan.faces.web.render import Printer
from qingshan.faces.web.site import Ask, Site
from qingshan.faces.web.views import EXCHANGE_VIEWS, VIEWS
from qingshan.faces.web.woods import found_in_woods
from qingshan.faces.web.words import LANG_TAGS, LANGUAGES
from qingshan.observe.series.store import Observations
from qingshan.zone.zone import Zone

from .acts import add_acts
from .alert_stream import add_alert_stream
from .decisions import add_decisions
from .downloads import add_downloads
from .exchange import create_exchange_api
from .exchange.problems import BY_CODE
from .exchange.visiting import COOKIE
from .exports import FORMATS, NotInstalled
from .features import add_features
from .filings import add_filings
from .maps import add_maps
from .observations import add_observations
from .registers import create_registers_api
from .reports import add_reports
from .sensorthings import add_sensorthings

STATIC = Path(__file__).parents[1] / "web" / "static"
MAX_ADDRESS = 2_000
MAX_VALUE = 200
WRITES = re.compile(r"/api/exchange/|/api/registers/|/(zh|en)/exchange/act/|/(zh|en)/registers/")
READINGS = re.compile(r"/api/networks/[^/]+/(observations|decisions)")
"""Addresses that take a POST of readings; each asks for a token."""

POLICY = "; ".join(
    (
        "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data: blob:", "font-src 'self'",
        "connect-src 'self'", "worker-src 'self'", "manifest-src 'self'", "base-uri 'none'", "form-action 'self'",
        "frame-ancestors 'none'",
    )
)  # fmt: skip
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def assets(folder: Path = STATIC / "dist") -> dict[str, str]:
    """Built browser files by name; empty where they were not built (pages then stand without style and script)."""
    manifest = folder / "manifest.json"
    return json.loads(manifest.read_text(encoding="utf-8")) if manifest.exists() else {}


def create_app(
    zone: Zone, runs: Mapping[str, Run] | None = None, *, views: tuple[View, ...] = VIEWS, desk: Desk | None = None
) -> FastAPI:
    """The service for one zone and the runs to show (profile id -> run); with a desk, an exchange of rights beside them."""
    app = FastAPI(title="qingshan", version=qingshan.__version__, docs_url=None, redoc_url=None, openapi_url=None)
    views = views if desk is None else (*views, *EXCHANGE_VIEWS)
    site = Site(zone, dict(runs or {}), views, assets(), desk)
    printer = Printer(site)
    app.state.site, app.state.desk = site, desk
    app.add_middleware(GZipMiddleware, minimum_size=1_000, compresslevel=6)
    app.middleware("http")(_guard)
    if (STATIC / "dist").is_dir():
        app.mount("/static", _Static(directory=STATIC / "dist"), name="static")
    _answer_errors(app, site, printer)

    @app.api_route("/healthz", methods=["GET", "HEAD"])
    def healthz() -> dict[str, object]:
        return {"status": "ok", "version": qingshan.__version__, "zone": zone.id, "zone_sha256": zone.digest,
                "runs": {profile: run.id for profile, run in {**site.runs, **site.topics}.items()}}  # fmt: skip

    @app.api_route("/", methods=["GET", "HEAD"])
    def front(request: Request) -> Response:
        return RedirectResponse(f"/{_preferred(request)}/", HTTPStatus.FOUND, headers={"Vary": "Accept-Language"})

    @app.api_route("/{lang:language}/find", methods=["GET", "HEAD"])
    def find(request: Request, lang: str) -> Response:
        """The place a reader typed, a code or a name, whole or short; else a forest project or plot of that name."""
        asked = request.query_params.get("q", "")[:MAX_VALUE]
        period = request.query_params.get("period", "")[:MAX_VALUE]
        ask = Ask(site, views[0], lang, {}, {"period": period} if period else {})
        try:
            code = printer.find(asked)
        except UnknownName:
            path = found_in_woods(ask, asked)
            if not path:
                raise
            return RedirectResponse(path, HTTPStatus.SEE_OTHER)
        return RedirectResponse(ask.place_address(code) or ask.address("/", place=code), HTTPStatus.SEE_OTHER)

    add_maps(app, site)
    store = Observations(zone)
    add_sensorthings(app, store)
    add_features(app, store)
    add_observations(app, store)
    add_decisions(app, store)
    add_alert_stream(app, store)
    if desk is not None:
        app.mount("/api/exchange", create_exchange_api(desk))
        app.mount("/api/registers", create_registers_api(desk))
        add_filings(app, site, printer)
        add_acts(app, site, printer)
    add_downloads(app, site)
    add_reports(app, site)
    for view in views:
        _add(app, site, printer, view)
    return app


class _Static(StaticFiles):
    """Built files carry a hash in their names: they may be kept for ever."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        if response.status_code == HTTPStatus.OK and re.search(r"-[A-Z0-9]{8}\.", path):
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


mimetypes.add_type("text/javascript", ".js")


class _Word(Convertor[str]):
    """One of a few words as a part of an address."""

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


class _Language(_Word):
    regex = "|".join(LANGUAGES)


class _Ending(_Word):
    regex = "|".join(FORMATS)


register_url_convertor("language", _Language())
register_url_convertor("ending", _Ending())


def _add(app: FastAPI, site: Site, printer: Printer, view: View) -> None:
    """Routes of one view: the page, and the same address with each ending."""
    path = view.path.rstrip("/")

    def page(request: Request, lang: str) -> Response:
        ask = _ask(site, view, lang, request)
        return _html(printer.page(ask, view.build(ask)), private=bool(ask.visitor))

    def data(request: Request, lang: str, ending: str) -> Response:
        ask = _ask(site, view, lang, request)
        media, write = FORMATS[ending]
        result = view.build(ask)
        name = re.sub(
            r"[^\w.-]+",
            "-",
            "-".join(p for p in (ask.zone.id, view.name, *ask.params.values(), ask.query.get("table", "")) if p),
        )
        disposition = f"attachment; filename*=UTF-8''{quote(name)}.{ending}" if ending in ("csv", "xlsx") else "inline"
        return Response(
            write(result, ask),
            media_type=media,
            headers={"Content-Disposition": disposition, "Cache-Control": "no-store" if ask.visitor else "no-cache"},
        )

    # an address with an ending must be tried before the page, whose last part would swallow it
    stems = ["", "/"] if not path else [path]
    for stem in stems:
        app.add_api_route(
            f"/{{lang:language}}{stem}.{{ending:ending}}", data, methods=["GET", "HEAD"], name=f"{view.name}.data"
        )
    app.add_api_route(f"/{{lang:language}}{path or '/'}", page, methods=["GET", "HEAD"], name=view.name)


def _ask(site: Site, view: View, lang: str, request: Request) -> Ask:
    """The request as views know it. Raises 400 for values out of bounds."""
    params = {k: v for k, v in request.path_params.items() if k not in ("lang", "ending")}
    query = dict(request.query_params)
    if any(len(v) > MAX_VALUE for v in [*params.values(), *query.values()]) or len(query) > 12:
        raise HTTPException(HTTPStatus.BAD_REQUEST)
    theme = request.cookies.get("theme", "")
    visitor = (
        site.desk.visitor(request.cookies.get(COOKIE, ""))
        if site.desk and view.name.startswith(("exchange", "register"))
        else None
    )
    return Ask(site, view, lang, params, query, theme if theme in ("light", "dark") else "", visitor)


def _html(text: str, status: int = HTTPStatus.OK, *, private: bool = False) -> Response:
    headers = {"Cache-Control": "no-store" if private else "no-cache", "Vary": "Cookie"}
    return Response(text, status, media_type="text/html", headers=headers)


def _preferred(request: Request) -> str:
    """The reader's language by `Accept-Language`; Chinese where they say nothing."""
    wishes: list[tuple[float, int, str]] = []
    for i, part in enumerate(request.headers.get("accept-language", "").split(",")[:20]):
        tag, _, rest = part.strip().partition(";")
        match = re.search(r"q=([0-9.]+)", rest)
        try:
            weight = float(match[1]) if match else 1.0
        except ValueError:
            weight = 0.0
        lang = tag.split("-")[0].lower()
        if lang in LANGUAGES and weight > 0:
            wishes.append((-weight, i, lang))
    return min(wishes)[2] if wishes else LANGUAGES[0]


async def _guard(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Reading only, bounded addresses, and the same headers on every answer."""
    path = request.url.path
    writes = request.app.state.desk and WRITES.match(path)
    writes = writes or (request.method == "POST" and READINGS.fullmatch(path))
    if request.method not in ("GET", "HEAD") and not writes:
        response: Response = _problem(
            HTTPStatus.METHOD_NOT_ALLOWED, "只供读取。", "Reading only.", str(request.url.path)
        )
        response.headers["Allow"] = "GET, HEAD"
    elif len(str(request.url)) > MAX_ADDRESS:
        response = _problem(HTTPStatus.REQUEST_URI_TOO_LONG, "网址过长。", "The address is too long.", "")
    else:
        response = await call_next(request)
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def _problem(status: int, zh: str, en: str, instance: str, fix: str = "") -> JSONResponse:
    """RFC 9457, with the sentence in both languages."""
    content = {
        "type": "about:blank", "title": HTTPStatus(status).phrase, "status": int(status), "detail": en, "detail_zh": zh,
        "instance": instance,
    } | ({"fix": fix} if fix else {})  # fmt: skip
    return JSONResponse(content, status, media_type="application/problem+json")


REFUSED = {code: HTTPStatus(BY_CODE[code]) for code in ("not_signed_in", "forbidden")}
"""The status of a page whose reader may not see it; all other errors are of what was asked."""


def _of_exchange(path: str) -> bool:
    """Whether an address lies among the pages of the exchange and its registers: what is refused there leads back there."""
    return any(part.partition(".")[0] in ("exchange", "registers") for part in path.split("/")[2:3])


def _answer_errors(app: FastAPI, site: Site, printer: Printer) -> None:
    """Errors as a page to readers and as problem+json to programs."""

    def answer(request: Request, status: int, zh: str, en: str, fix: str = "", asked: str = "") -> Response:
        """`asked` is the place the address named, if any: where there is none, the page offers those like it as links."""
        path = request.url.path
        first = path.split("/")[1].split(".")[0] if path.count("/") else ""
        wants_data = path.rpartition(".")[2] in FORMATS or "text/html" not in request.headers.get("accept", "text/html")
        if wants_data:
            return _problem(status, zh, en, path, fix)
        lang = first if first in LANGUAGES else _preferred(request)
        theme = request.cookies.get("theme", "")
        view = next((v for v in site.views if v.name == "exchange" and _of_exchange(path)), site.views[0])
        ask = Ask(site, view, lang, {}, {}, theme if theme in ("light", "dark") else "")
        near = printer.near_lost(asked)
        sentence = ask.t.pick(*printer.no_place(asked)) if near else ask.t.pick(zh, en)
        return _html(printer.problem(ask, status, sentence, near), status)

    @app.exception_handler(UnknownName)
    async def unknown(request: Request, error: UnknownName) -> Response:
        asked = str(
            request.path_params.get("code") or request.query_params.get("place") or request.query_params.get("q") or ""
        )
        return answer(request, HTTPStatus.NOT_FOUND, error.zh, error.en, error.fix, asked)

    @app.exception_handler(NotInstalled)
    async def not_installed(request: Request, error: NotInstalled) -> Response:
        return answer(request, HTTPStatus.NOT_IMPLEMENTED, error.zh, error.en, error.fix)

    @app.exception_handler(QingshanError)
    async def refused(request: Request, error: QingshanError) -> Response:
        status = REFUSED.get(error.code, HTTPStatus.UNPROCESSABLE_ENTITY)
        return answer(request, status, error.zh, error.en, error.fix)

    @app.exception_handler(Exception)
    async def broken(request: Request, error: Exception) -> Response:
        zh, en = (
            "这一页没有算出来，问题已记在服务的日志里。",
            "This page could not be made; the service's log says why.",
        )
        response = answer(request, HTTPStatus.INTERNAL_SERVER_ERROR, zh, en)
        response.headers.update(HEADERS)
        return response

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        lines = {
            HTTPStatus.NOT_FOUND: ("没有这个页面。", "There is no such page."),
            HTTPStatus.BAD_REQUEST: (
                "网址里的值过长或过多。",
                "The address holds values that are too long or too many.",
            ),
        }
        zh, en = lines.get(HTTPStatus(error.status_code), ("不能回答这个请求。", "This request cannot be answered."))
        return answer(request, error.status_code, zh, en)


__all__ = ["LANG_TAGS", "create_app"]
