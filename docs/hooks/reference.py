"""mkdocs hook: the reference, written from the registry of methods and the parameter rows of every installed domain."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from qingshan.core.domain import Domain, Domains, load_domains
from qingshan.core.method import Choice, Method, Q
from qingshan.core.parameter import ParameterRow

STATUS = {
    "primary": "primary 原文",
    "secondary": "secondary 转引",
    "news": "press 报载",
    "project": "own choice 自定",
    "ocr_doubt": "doubtful 存疑",
    "open": "**open 待补**",
}


def pages(domains: Domains) -> dict[str, str]:
    """Markdown of the whole reference: `index.md` and one page per domain, by file name."""
    methods = {name: [m for m in domains.registry.all() if m.domain == name] for name in domains.by_name}
    written = {f"{name}.md": _domain_page(domain, methods[name]) for name, domain in domains.by_name.items()}
    return {"index.md": _index(domains, methods)} | written


def _index(domains: Domains, methods: dict[str, list[Method]]) -> str:
    rows = []
    for name, domain in domains.by_name.items():
        slots = sum(row.status == "open" for row in domain.rows)
        rows.append([f"[{name}]({name}.md)", str(len(methods[name])), str(len(domain.rows)), str(slots)])
    return "\n".join(
        [
            "# Reference 方法与参数",
            "",
            "Written from the declarations the program itself reads. 由程序读取的声明直接生成。",
            "",
            *_table(["domain 领域", "methods 方法", "parameter rows 参数行", "open 待补"], rows),
        ]
    )


def _domain_page(domain: Domain, methods: list[Method]) -> str:
    lines = [f"# {domain.name}", ""]
    if methods:
        lines += ["## Methods 方法", ""]
    for method in methods:
        lines += [*_method(method), ""]
    if domain.rows:
        lines += ["## Parameters 参数", "", *_parameters(domain.rows)]
    return "\n".join(lines)


def _method(method: Method) -> list[str]:
    arguments = [_argument(name, q, method.defaults) for name, q in method.arguments.items()]
    result = method.result
    return [
        f"### {method.zh} {method.en} {{ #{anchor(method)} }}",
        "",
        f"`{method.ref}` · {_text(method.clause.document)} {_text(method.clause.where)} · {STATUS[method.status]}",
        "",
        "```text",
        method.formula,
        "```",
        "",
        *method.doc.splitlines(),
        "",
        *_table(["argument 参量", "symbol", "name 名称", "unit 单位", "limits 限值"], arguments),
        "",
        f"Result 结果: {_text(result.zh)} {_text(result.en)}, `{result.unit}`",
    ]


def anchor(method: Method) -> str:
    """The address of a method on its domain's page."""
    return method.ref.replace(".", "-").replace("@", "-").replace("_", "-")


def _argument(name: str, declared: Q | Choice, defaults: Any) -> list[str]:
    default = f" (default {defaults[name]})" if name in defaults else ""
    if isinstance(declared, Choice):
        return [f"`{name}`", "", f"{declared.zh} {declared.en}", "choice 选项", " / ".join(declared.options) + default]
    limits = [f"{sign} {limit:g}" for sign, limit in (("≥", declared.low), ("≤", declared.high)) if limit is not None]
    unit = f"`{declared.unit}` per {declared.axis}" if declared.axis else f"`{declared.unit}`"
    return [f"`{name}`", declared.symbol, f"{declared.zh} {declared.en}", unit, ", ".join(limits) + default]


def _parameters(rows: Iterable[ParameterRow]) -> list[str]:
    header = [
        "class 类别",
        "value 值",
        "unit 单位",
        "set 参数组",
        "place, year 地点、年份",
        "source 来源",
        "status 状态",
    ]
    lines: list[str] = []
    for parameter, group in groupby(sorted(rows, key=lambda r: r.parameter), key=lambda r: r.parameter):
        lines += [f"### `{parameter}`", "", *_table(header, [_parameter(row) for row in group]), ""]
    return lines


def _parameter(row: ParameterRow) -> list[str]:
    value = "" if row.value is None else f"{row.value:.12g}"
    if row.low is not None or row.high is not None:
        value += f" ({_bound(row.low)} – {_bound(row.high)})"
    source = " ".join(t for t in (row.source_title, row.source_where) if t)
    if row.status == "open" and row.document:
        source = f"obtain 应取得: {row.document}"
    where = ", ".join(t for t in (row.place, row.year) if t)
    return [row.cls, value, f"`{row.unit}`" if row.unit else "", row.set, where, source, STATUS[row.status]]


def _bound(value: float | None) -> str:
    return "…" if value is None else f"{value:g}"


def _table(header: list[str], rows: Iterable[list[str]]) -> list[str]:
    body = [f"| {' | '.join(_text(cell) for cell in row)} |" for row in rows]
    return [f"| {' | '.join(header)} |", "|" + "---|" * len(header), *body] if body else []


def _text(cell: str) -> str:
    """One table cell: no pipes, line breaks or tags."""
    return " ".join(cell.split()).replace("|", "\\|").replace("<", "&lt;")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    reference = {"Reference 方法与参数": [f"reference/{name}" for name in pages(load_domains())]}
    *pages_before, decisions = config.nav or []
    config.nav = [*pages_before, reference, decisions]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    for name, text in pages(load_domains()).items():
        files.append(File.generated(config, f"reference/{name}", content=text))
    return files
