"""Reports of a monitoring period as files: `GET /files/monitoring/NETWORK/PERIOD/zh.pdf`, also `en` and `xlsx`; `?rules=` a rule set."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool

from qingshan.core.errors import UnknownName
from qingshan.faces.web.evaluated import chosen_rules, gathered, rule_sets_of
from qingshan.faces.web.site import Site
from qingshan.faces.web.stations import observations
from qingshan.publish.monitoring_report import monitoring_pdf, monitoring_workbook

MEDIA = {
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def add_reports(app: FastAPI, site: Site) -> None:
    """The route of the files."""

    @app.api_route("/files/monitoring/{network}/{period}/{name}", methods=["GET", "HEAD"])
    async def report(request: Request, network: str, period: str, name: str) -> Response:
        lang, _, kind = name.partition(".")
        if lang not in ("zh", "en") or kind not in MEDIA:
            raise UnknownName(
                f"no file {name[:40]!r}: zh or en, pdf or xlsx.", f"没有文件 {name[:40]!r}：可取 zh、en 与 pdf、xlsx。"
            )
        body = await run_in_threadpool(
            _made, site, network, period, lang, kind, request.query_params.get("rules", "")[:80]
        )
        stem = quote(f"monitoring-{site.zone.id}-{network}-{period}-{lang}.{kind}", safe="")
        return Response(
            body, media_type=MEDIA[kind], headers={"Content-Disposition": f"attachment; filename*=UTF-8''{stem}", "Cache-Control": "no-cache"}
        )  # fmt: skip


def _made(site: Site, network: str, period: str, lang: str, kind: str, asked: str) -> bytes:
    declared = observations(site).network(network)
    report = gathered(site, network, period, chosen_rules(rule_sets_of(declared), asked))
    return monitoring_pdf(report, lang) if kind == "pdf" else monitoring_workbook(report, lang)
