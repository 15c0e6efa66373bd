"""Methodologies as data: which checks a project must pass, what is deducted and kept back, and what is still open.

A methodology with open slots drafts: `reduction` gives a figure labelled draft. It refuses to issue and names every document
that is missing. What cannot be read from the project's data is said, never assumed.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from qingshan.core.domain import load_domains
from qingshan.core.errors import DeclarationError, MissingParameter, OutOfBounds, RefusedRelease, UnknownName
from qingshan.core.finding import Finding
from qingshan.observe.deduction import deduct, deduct_estimate, deduction_rules
from qingshan.observe.estimate import Estimate
from qingshan.observe.estimator import ESTIMATORS

from .words import declaration

__all__ = ["ASPECTS", "Aspect", "Methodology", "Reduction", "issue", "load_methodologies", "methodology", "reduction"]

_Case = tuple[str, Any]
OPS = ("in", "not_in", "is", ">=", "<=", ">", "<")
ASPECTS = ("eligibility", "baseline", "monitoring", "leakage", "deduction", "buffer")
"""What every methodology must say something of, if only that it is open."""


@dataclass(frozen=True)
class Aspect:
    """One step of a methodology. `status` is that of the source, `open` where it was not obtained (`document` says which),
    `none` where the methodology has no such step. `methods` and `parameters` are those a draft uses."""

    id: str
    status: str
    zh: str
    en: str
    methods: tuple[str, ...] = ()
    parameters: tuple[Mapping[str, str], ...] = ()
    document: str = ""

    def record(self) -> dict[str, Any]:
        return {"id": self.id, "status": self.status, "zh": self.zh, "en": self.en, "methods": list(self.methods),
                "parameters": [dict(p) for p in self.parameters], "document": self.document}  # fmt: skip


@dataclass(frozen=True)
class Methodology:
    """One declared methodology; `tool` is one that estimates and issues nothing by itself, of no scheme."""

    id: str
    zh: str
    en: str
    scheme: str
    status: str
    deduction: str
    pools: tuple[str, ...]
    checks: tuple[Mapping[str, Any], ...]
    open: tuple[Mapping[str, str], ...]
    buffer: Mapping[str, str] | None
    tool: bool
    aspects: Mapping[str, Aspect]
    conditions: tuple[Mapping[str, Any], ...] = ()
    estimators: tuple[str, ...] = ()
    """Those its text knows; empty where it leaves them open or was not obtained."""

    def check(self, project: Mapping[str, Any]) -> list[Finding]:
        """Eligibility of a parcel or project: an error for each check that fails or whose field is missing."""
        return self._all(self.checks, project)

    def monitored(self, facts: Mapping[str, Any]) -> list[Finding]:
        """Obligations of the monitoring period: an error for each that is not kept, or cannot be told."""
        return self._all(self.conditions, facts)

    def _all(self, rules: Sequence[Mapping[str, Any]], project: Mapping[str, Any]) -> list[Finding]:
        found: list[Finding] = []
        for rule in rules:
            verdict = self._applies(rule, project)
            if isinstance(verdict, tuple):
                found.append(self._missing(rule, *verdict))
            elif verdict:
                found += self._checked(rule, project)
        return found

    def _applies(self, rule: Mapping[str, Any], project: Mapping[str, Any]) -> bool | _Case:
        """Whether the rule holds for the project; the case that lacks what is needed to say so."""
        for case in rule.get("when", ()):
            value = _read(project, case["field"], case["value"])
            if value is None:
                return case["field"], case["value"]
            if not _compare(value, case["op"], case["value"]):
                return False
        return True

    def _checked(self, rule: Mapping[str, Any], project: Mapping[str, Any]) -> list[Finding]:
        limit = rule["value"]
        values = [_read(project, name, limit) for name in rule["fields"]]
        per = _read(project, rule["per"], limit) if "per" in rule else 1
        for name, value in (*zip(rule["fields"], values, strict=True), (rule.get("per", ""), per)):
            if value is None:
                return [self._missing(rule, name, limit)]
        value = values[0] if len(values) == 1 else sum(values)
        if "per" in rule:
            if not per > 0:
                return [self._missing(rule, rule["per"], limit)]
            value = value / per
        if _compare(value, rule["op"], rule["value"]):
            return []
        shown = f"{value:g}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
        limit = f"{rule['op']} {rule['value']} {rule.get('unit', '')}".strip()
        return [
            Finding("error", rule["id"], f"not eligible for {self.en}: {rule['en']} (here: {shown}).",
                    f"不符合 {self.zh}：{rule['zh']}（实为 {shown}）。", self.id, None, "+".join(rule["fields"]), limit)
        ]  # fmt: skip

    def _missing(self, rule: Mapping[str, Any], field: str, limit: Any) -> Finding:
        zh, en = _kind(limit)
        return Finding(
            "error", "field_missing", f"{self.en}: {rule['en']} cannot be checked, {field} is not given as {en}.",
            f"{self.zh}：“{rule['zh']}”无从核对，没有以{zh}给出 {field}。", self.id, None, field, fix=f"give {field} as {en} / 以{zh}补上 {field}",
        )  # fmt: skip


def _kind(limit: Any) -> tuple[str, str]:
    """What an answer must be to be held against a limit, in both languages."""
    if isinstance(limit, bool):
        return "是或否（true、false）", "true or false"
    if isinstance(limit, int | float):
        return "数字", "a number"
    return ("日期（年-月-日）", "a date (YYYY-MM-DD)") if isinstance(limit, str) else ("文字", "a word")


def _read(project: Mapping[str, Any], field: str, limit: Any) -> Any:
    """The answer in the kind of its limit; None where it is not given so."""
    value = project.get(field)
    if isinstance(limit, bool):
        return value if isinstance(value, bool) else None
    if isinstance(limit, int | float):
        number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        return value if number else None
    if isinstance(limit, str):
        try:
            return dt.date.fromisoformat(str(value)).isoformat()
        except ValueError:
            return None
    return value if isinstance(value, str) and value else None


def _compare(value: Any, op: str, limit: Any) -> bool:
    if op == "in":
        return value in limit
    if op == "not_in":
        return value not in limit
    if op == "is":
        return value is limit
    return bool({">=": value >= limit, "<=": value <= limit, ">": value > limit, "<": value < limit}[op])


@lru_cache(maxsize=1)
def load_methodologies() -> dict[str, Methodology]:
    """All declared methodologies by id. Raises `DeclarationError` for a scheme, pool or operator that is not declared."""
    words = declaration()
    made: dict[str, Methodology] = {}
    for domain in load_domains().by_name:
        for _, content in load_domains().folder(domain, "methodologies"):
            checks, conditions = tuple(content.get("check", ())), tuple(content.get("condition", ()))
            if (
                content["scheme"] not in (*words["schemes"], "")
                or not set(content["pools"]) <= set(words["pools"])
                or any(c["op"] not in OPS for c in (*checks, *conditions))
                or not set(content.get("estimators", ())) <= set(ESTIMATORS)
            ):
                raise DeclarationError(f"the methodology {content['id']} uses words that are not declared.")
            made[content["id"]] = Methodology(
                content["id"], content["zh"], content["en"], content["scheme"], content["status"], content["deduction"],
                tuple(content["pools"]), checks, tuple(content["open"]), content.get("buffer"), content.get("tool", False),
                _aspects(content), conditions, tuple(content.get("estimators", ())),
            )  # fmt: skip
    return made


def _aspects(content: Mapping[str, Any]) -> dict[str, Aspect]:
    """The declared aspects, and those that stand in keys of their own. Raises `DeclarationError` where one is lacking."""
    made = {
        key: Aspect(key, a["status"], a["zh"], a["en"], tuple(a.get("methods", ())), tuple(a.get("parameters", ())), a.get("document", ""))
        for key, a in content.get("aspect", {}).items()
    }  # fmt: skip
    if content.get("check"):
        texts = [(c["zh"], c["en"]) for c in content["check"]]
        made["eligibility"] = Aspect(
            "eligibility", content["status"], "；".join(t[0] for t in texts), "; ".join(t[1] for t in texts)
        )
    if content["deduction"]:
        step = deduction_rules()[content["deduction"]][0]
        made["deduction"] = Aspect(
            "deduction", step.status, f"扣减规则 {step.rule}", f"the rule {step.rule}", document=step.document
        )
    if content.get("buffer"):
        row = load_domains().parameters().find(content["buffer"]["parameter"], set=content["buffer"]["set"])
        made["buffer"] = Aspect(
            "buffer", row.status, f"留存 {row.value:.0%}", f"{row.value:.0%} kept back", parameters=(content["buffer"],)
        )
    lacking = [a for a in ASPECTS if a not in made]
    silent = [a.id for a in made.values() if a.status == "open" and not a.document]
    if lacking or silent:
        raise DeclarationError(f"the methodology {content['id']} says nothing of {', '.join(lacking + silent)}.")
    registry, parameters = load_domains().registry, load_domains().parameters()
    for aspect in made.values():
        for ref in aspect.methods:
            registry[ref]
        for used in aspect.parameters:
            parameters.find(used["parameter"], set=used["set"])
    return made


def methodology(name: str) -> Methodology:
    """One methodology. Raises `UnknownName`."""
    known = load_methodologies()
    if name not in known:
        raise UnknownName(f"no methodology {name!r}.", f"没有方法学 {name!r}。", fix=f"one of {', '.join(known)}")
    return known[name]


@dataclass(frozen=True)
class Reduction:
    """A computed reduction in t CO2: the estimate, what is left after deduction, after `baseline` and `leakage`, and after
    the buffer. `label` is draft while anything is open, a check fails, or a number is the project's own."""

    methodology: Methodology
    estimate: Estimate
    deducted: float
    net: float
    creditable: float
    label: str
    findings: tuple[Finding, ...]


def reduction(
    name: str, estimate: Estimate, project: Mapping[str, Any], *, baseline: float = 0.0, leakage: float = 0.0
) -> Reduction:
    """Apply deduction, baseline, leakage and buffer of a methodology to an estimated change (t CO2).

    Where the deduction rule is open, nothing is deducted and a finding says so: the figure is a draft. Raises `OutOfBounds`
    for a baseline or leakage that is no number, or a leakage below 0.
    """
    chosen = methodology(name)
    if not (math.isfinite(baseline) and leakage >= 0 and math.isfinite(leakage)):
        raise OutOfBounds(
            f"baseline {baseline} or leakage {leakage} t CO2 cannot be.", f"基线 {baseline} 或泄漏 {leakage} t CO2 不合理。",
            fix="leakage is 0 or more / 泄漏不小于 0",
        )  # fmt: skip
    findings = [*chosen.check(project)]
    after = estimate.value
    if chosen.deduction:
        try:
            after = deduct_estimate(estimate, chosen.deduction).value
        except MissingParameter as error:
            findings.append(Finding("warning", "deduction_open", error.en, error.zh, name, fix=error.fix))
    net = after - baseline - leakage
    kept = net
    if chosen.buffer and net > 0:
        row = load_domains().parameters().find(chosen.buffer["parameter"], set=chosen.buffer["set"])
        assert row.value is not None
        kept = net * (1 - row.value)
    open_ = chosen.open or any(a.status == "open" for a in chosen.aspects.values())
    label = "draft" if open_ or chosen.tool or findings else "final"
    return Reduction(chosen, estimate, after, net, kept, label, tuple(findings))


def issue(name: str, project: Mapping[str, Any], benefit: str, findings: Sequence[Finding] = ()) -> Methodology:
    """The methodology, where a unit may be issued by it. Raises `RefusedRelease` with every reason: open slots with their
    documents, failed checks, a benefit of a separate account, a tool that issues nothing."""
    chosen, words = methodology(name), declaration()
    reasons = [
        f"{s['slot']} is open: obtain {s['document']} / {s['slot']} 待补：须取得{s['document']}" for s in chosen.open
    ]
    reasons += [
        f"{a.id} is open: obtain {a.document} / {a.id} 待补：须取得{a.document}"
        for a in chosen.aspects.values()
        if a.status == "open" and not chosen.open
    ]
    if benefit not in words["benefits"]:
        reasons.append(
            f"{benefit} belongs to a separate account and is never a unit / {benefit} 属于单独账户，不能成为可交易单位"
        )
    if chosen.tool:
        reasons.append(f"{chosen.en} estimates and issues nothing / {chosen.zh} 只用于估算，不签发")
    failed = [*chosen.check(project), *findings]
    reasons += [f"{f.en} / {f.zh}" for f in failed if f.level == "error"]
    if chosen.deduction:
        try:
            deduct(1.0, 0.0, chosen.deduction)
        except MissingParameter as error:
            reasons.append(f"{error.en} / {error.zh}")
    if reasons:
        raise RefusedRelease(
            f"{chosen.en} cannot issue: {'; '.join(r.partition(' / ')[0] for r in reasons)}.",
            f"{chosen.zh} 不能签发：{'；'.join(r.partition(' / ')[2] for r in reasons)}。", reasons=reasons,
            fix="fill the slots, or keep it as a draft / 补齐待补项，或只作草案",
        )  # fmt: skip
    return chosen
