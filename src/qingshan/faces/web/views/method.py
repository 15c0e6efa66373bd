"""Methods: what does a formula say, where is it printed, and where is it used? A catalogue, and a page for each method."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from qingshan.accounts.run import Run
from qingshan.core.errors import UnknownName
from qingshan.core.method import Choice, Method
from qingshan.core.parameter import ParameterRow
from qingshan.faces.web import formula
from qingshan.faces.web.documents import library
from qingshan.faces.web.figures import of_run
from qingshan.faces.web.page import Cell, Column, Page, Table, View
from qingshan.faces.web.site import Ask
from qingshan.faces.web.usage import Use, bound_rows, usage
from qingshan.publish import numbers

MAX_FACTS = 10
MAX_ROWS = 12


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument as the table prints it: a quantity with unit and limits, or a choice with its words."""

    name: str
    symbol: Markup | str
    said: str
    unit: str
    limits: str
    default: str


# ---- the catalogue ---------------------------------------------------------------------------------------------------


def build_all(ask: Ask) -> Page:
    """Every method by subject. `?q=` keeps those whose words hold it, `?subject=` one subject."""
    known = usage(ask.site)
    every = known.domains.registry.all()
    asked, subject = ask.query.get("q", "").strip(), ask.query.get("subject", "")
    found = [m for m in every if (not subject or m.domain == subject) and _holds(m, asked)]
    subjects = [(d, sum(m.domain == d for m in every)) for d in sorted({m.domain for m in every})]
    groups = [
        (d, [_entry(ask, m) for m in found if m.domain == d]) for d, _ in subjects if any(m.domain == d for m in found)
    ]
    used = sum(m.ref in known.by_method for m in every)
    t = ask.t
    whole = t("method.headline", n=len(found), subjects=len(groups))
    context = {
        "question": t("method.question"),
        "headline": t("method.found", n=len(found), q=asked) if asked else whole,
        "lead": t("method.lead", used=used),
        "groups": groups,
        "q": asked,
        "subject": subject,
        "subject_options": [("", t("method.all_subjects")), *((d, f"{domain_word(ask, d)} {n}") for d, n in subjects)],
        "subject_words": {d: domain_word(ask, d) for d, _ in subjects},
        "total": len(every),
    }
    return Page("methods.html", t("method.name"), context, [_catalogue_table(ask, found)])


def _holds(method: Method, asked: str) -> bool:
    words = f"{method.ref} {method.zh} {method.en} {method.clause.document} {method.clause.where} {method.formula}".casefold()
    return all(part in words for part in asked.casefold().split())


def _entry(ask: Ask, method: Method) -> dict[str, Any]:
    uses = usage(ask.site).by_method.get(method.ref, [])
    first = formula.lines(method.formula)
    return {
        "method": method,
        "name": ask.t.pick(method.zh, method.en),
        "line": formula.typeset(first[0]) if first else "",
        "more": len(first) > 1,
        "uses": len({u.profile.id for u in uses}),
    }


def domain_word(ask: Ask, domain: str) -> str:
    """The name of a subject; a domain that others add is called by its own id."""
    word = f"subject.{domain}"
    return ask.t(word) if ask.t.has(word) else domain


def _catalogue_table(ask: Ask, found: Sequence[Method]) -> Table:
    columns = (
        Column("ref", "代号", "ref"),
        Column("domain", "学科", "subject"),
        Column("zh", "中文名", "Chinese name"),
        Column("en", "英文名", "English name"),
        Column("formula", "算式", "formula"),
        Column("unit", "结果单位", "result unit"),
        Column("document", "文件", "document"),
        Column("where", "条款", "clause"),
        Column("status", "状态", "status"),
    )
    rows = [
        {
            "ref": m.ref,
            "domain": m.domain,
            "zh": m.zh,
            "en": m.en,
            "formula": m.formula,
            "unit": m.result.unit,
            "document": m.clause.document,
            "where": m.clause.where,
            "status": m.status,
        }
        for m in found
    ]
    return Table("methods", "方法", "Methods", columns, rows)


# ---- one method ------------------------------------------------------------------------------------------------------


def build(ask: Ask) -> Page:
    """One method by its ref, or by its id where it has one edition. Raises `UnknownName` naming those that are near."""
    known = usage(ask.site)
    method = _method(ask)
    shelf = library(ask)
    uses = known.by_method.get(method.ref, [])
    others = [m for m in known.domains.registry.all() if m.id == method.id and m.ref != method.ref]
    document = shelf.documents.get(shelf.of_method.get(method.ref, ""))
    name = ask.t.pick(method.zh, method.en)
    arguments = [_argument(ask, n, a, method) for n, a in method.arguments.items()]
    context = {
        "question": ask.t("method.one_question"),
        "method": method,
        "name": name,
        "headline": name,
        "lines": _lines(method),
        "arguments": arguments,
        "result": _argument(ask, "", method.result, method),
        "document": document,
        "subject": domain_word(ask, method.domain),
        "doc": method.doc,
        "uses": [_use(ask, method, u) for u in uses],
        "facts": _facts(ask, uses),
        "editions": [_edition(ask, m) for m in [method, *others]] if others else [],
        "code": method.code,
    }
    columns = (
        Column("name", "参数", "argument"),
        Column("said", "名称", "name"),
        Column("unit", "单位", "unit"),
        Column("limits", "范围", "limits"),
        Column("default", "缺省", "default"),
    )
    rows: list[dict[str, Cell]] = [
        {"name": a.name, "said": a.said, "unit": a.unit, "limits": a.limits, "default": a.default} for a in arguments
    ]
    tables = [Table("arguments", "参数", "Arguments", columns, rows), _catalogue_table(ask, [method, *others])]
    return Page(
        "method.html",
        f"{name} {method.ref}",
        context,
        tables,
        sources=[f"{method.clause.document} {method.clause.where}".strip()],
        labels=[method.status],
    )


def _method(ask: Ask) -> Method:
    registry = usage(ask.site).domains.registry
    asked = ask.params["ref"]
    if asked in registry:
        return registry[asked]
    same = [m for m in registry.all() if m.id == asked]
    if same:
        return same[-1]
    near = ", ".join(m.ref for m in registry.all() if asked.split("@")[0].split(".")[-1] in m.id)[:200]
    raise UnknownName(
        f"no method {asked!r}" + (f" (near: {near})." if near else "."),
        f"没有方法 {asked!r}" + (f"（相近：{near}）。" if near else "。"),
    )


def _lines(method: Method) -> list[Markup]:
    return [formula.typeset(line) for line in formula.lines(method.formula)]


def _argument(ask: Ask, name: str, declared: Any, method: Method) -> Argument:
    default = method.defaults.get(name)
    shown = "" if default is None else str(default)
    if isinstance(declared, Choice):
        return Argument(
            name, "", ask.t.pick(declared.zh, declared.en), ask.t("method.choice"), " / ".join(declared.options), shown
        )
    low, high = declared.low, declared.high
    limits = ""
    if low is not None and high is not None:
        limits = f"{numbers.digits(low, 6)}–{numbers.digits(high, 6)}"
    elif low is not None or high is not None:
        limits = f"≥ {numbers.digits(low, 6)}" if low is not None else f"≤ {numbers.digits(high or 0.0, 6)}"
    words = [
        limits,
        ask.t("method.axis", axis=declared.axis) if declared.axis else "",
        (", ".join(declared.labels_en) if ask.lang == "en" and declared.labels_en else "、".join(declared.labels)),
    ]
    return Argument(
        name,
        formula.typeset(declared.symbol) if declared.symbol else "",
        ask.t.pick(declared.zh, declared.en),
        numbers.declared_word(declared.unit, ask.lang) or ask.t("method.pure"),
        "；".join(w for w in words if w),
        shown,
    )


def _edition(ask: Ask, method: Method) -> dict[str, Any]:
    return {"method": method, "name": ask.t.pick(method.zh, method.en), "lines": _lines(method)}


def _use(ask: Ask, method: Method, use: Use) -> dict[str, Any]:
    """One recipe: what it works out in its profile, what each argument is bound to, and the rows' statuses."""
    parameters = ask.run.parameters if ask.run else usage(ask.site).domains.parameters()
    services = usage(ask.site).services
    recipe = use.recipe
    zh, en = recipe.zh or method.zh, recipe.en or method.en
    bound = [
        {"argument": ask.t.pick(method.arguments[n].zh, method.arguments[n].en), **_binding(ask, use, b, parameters)}
        for n, b in recipe.bind.items()
    ]
    return {
        "profile": use.profile,
        "quantity": recipe.id,
        "name": ask.t.pick(zh, en),
        "bound": bound,
        "services": [ask.t.pick(services[s].zh, services[s].en) for s in use.services if s in services],
    }


def _binding(ask: Ask, use: Use, binding: Any, parameters: Any) -> dict[str, Any]:
    """What an argument is bound to, in words, with the parameter rows it may read."""
    rows: list[ParameterRow] = bound_rows(use.profile, binding, parameters)
    kind = next((k for k in binding if ask.t.has(f"method.bind.{k}")), "")
    target = binding.get(kind, "")
    if kind == "policy":
        target = f"{target} = {use.profile.policies.get(target, '—')}"
    if kind in ("fact", "class_fact", "item_fact"):
        target = ask.t.pick(*ask.site.any_names(str(target)))
    elif kind == "quantity" and target in use.profile.recipes:
        recipe = use.profile.recipes[target]
        declared = usage(ask.site).domains.registry[recipe.method]
        target = ask.t.pick(recipe.zh or declared.zh, recipe.en or declared.en)
    elif kind == "quantities":
        target = "、".join(map(str, target))
    shown = [{"row": r, "written": numbers.write(r.value, r.unit, ask.lang, "exact")} for r in rows[:MAX_ROWS]]
    return {
        "kind": ask.t(f"method.bind.{kind}") if kind else "",
        "target": "" if target is True else str(target),
        "code": kind.endswith("parameter"),
        "rows": shown,
        "more": len(rows) - len(shown),
    }


def _facts(ask: Ask, uses: Sequence[Use]) -> list[Any]:
    """Figures of the runs at the chosen place that this method gives."""
    found = []
    for use in uses:
        run: Run | None = ask.site.runs.get(use.profile.id)
        if run is None:
            continue
        facts = run.select(use.recipe.id, ask.place.code, "", None, None)
        found += [(ask.t.pick(use.profile.zh, use.profile.en), of_run(run, f)) for f in facts]
    return found[:MAX_FACTS]


VIEW_ALL = View("method", "/method", build_all, under="standards")
VIEW = View("method_page", "/method/{ref}", build, under="standards")
VIEWS = (VIEW_ALL, VIEW)
