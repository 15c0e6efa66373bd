"""The gate before a release: what an assessment must not go out with."""

from __future__ import annotations

from collections.abc import Iterable

from qingshan.accounts.figure import Refusal
from qingshan.core.errors import RefusedRelease

from .dual import DualAssessment, WeightedScore
from .green import IndexResult
from .ruleset import RuleSet
from .targets import TargetVerdict

UNRELEASABLE = ("area-level", "not official", "inferred", "partial", "ocr_doubt", "synthetic", "screening")


def release_reasons(result: IndexResult | DualAssessment | TargetVerdict) -> list[Refusal]:
    """Every rule that forbids the release of a result: an open slot, an unsourced weight, a partial or mixed figure."""
    if isinstance(result, TargetVerdict):
        return _target(result)
    reasons = _rules(result.rules) + _cut(result.data_cut)
    if isinstance(result, IndexResult):
        reasons += [result.refusal] if result.refusal else []
        return reasons + _labels(result.labels)
    if isinstance(result.score, WeightedScore) and not result.score.title:
        reasons.append(
            Refusal(
                "policy", "权重表没有写明出处。", "the weight table names no source.", needs=result.rules.weights_slot
            )
        )
    if result.floors.verdict == "undetermined":
        reasons.append(Refusal("policy", "底线尚不能判定。", "a floor is undetermined."))
    return reasons + list(result.refusals)


def refuse_release(results: Iterable[IndexResult | DualAssessment | TargetVerdict]) -> None:
    """Raises `RefusedRelease` with every reason of every result; returns where all may be released."""
    reasons = list(dict.fromkeys(reason for result in results for reason in release_reasons(result)))
    if reasons:
        raise RefusedRelease(
            f"{len(reasons)} reasons against the release: {' '.join(r.en for r in reasons)}",
            f"有 {len(reasons)} 条理由不能发布：{''.join(r.zh for r in reasons)}",
            reasons=[f"{reason.en} / {reason.zh}" for reason in reasons],
            fix="fill the slots from the documents named, or publish item by item as a draft"
            " / 按所列文件补录，或逐项以草案发布",
        )  # fmt: skip


def _target(verdict: TargetVerdict) -> list[Refusal]:
    if verdict.decided:
        return _labels(verdict.labels)
    zh, en = f"{verdict.name_zh}：{verdict.reason_zh}。", f"{verdict.name_en}: {verdict.reason_en}."
    return [Refusal("policy", zh, en, verdict.needs, verdict.document)]


def _rules(rules: RuleSet) -> list[Refusal]:
    return (
        []
        if rules.official
        else [Refusal("policy", f"{rules.zh}不是正式规则集。", f"{rules.en} is not an official rule set.")]
    )


def _cut(data_cut: str) -> list[Refusal]:
    return [] if data_cut else [Refusal("policy", "没有写明数据截止日期。", "the data cut date is not given.")]


def _labels(labels: Iterable[str]) -> list[Refusal]:
    return [
        Refusal("policy", f"带有“{label}”标记。", f"it carries the label {label!r}.")
        for label in labels
        if label in UNRELEASABLE
    ]
