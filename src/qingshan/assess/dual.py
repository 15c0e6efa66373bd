"""Dual assessment (双考核): growth of GDP and GEP by quadrant, floors, GEP against GDP, and a score only with imported weights.

Growth stands on constant prices, one profile and one parameter set; anything else is refused. A failed floor overrides any
weighted score.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from fractions import Fraction

import numpy as np

from qingshan.accounts.figure import Refusal
from qingshan.core.domain import load_domains
from qingshan.core.errors import MissingParameter, OutOfBounds
from qingshan.core.parameter import Parameters

from .judge import Interval, Number, holds
from .rules import CaseVerdict, judge_case
from .ruleset import RuleSet, imported_weights, rule_set, shares

RULES = "dual_assessment"
ROBUST = "assessment.robust_share"
CURRENT = "current"
QUADRANTS = ("I", "II", "III", "IV", "flat")


@dataclass(frozen=True, slots=True)
class Basis:
    """What a figure stands on. `price` is `current` or a price year; `scope` keeps a GEP apart from a city GEP."""

    price: str
    profile: str = ""
    parameters: str = ""
    scope: str = ""


_BASIS_ZH = {"price": "价格", "profile": "核算口径", "parameters": "参数组", "scope": "核算范围"}


@dataclass(frozen=True, slots=True)
class Figure:
    """One GDP or GEP of one place and period, in 亿元."""

    value: float
    basis: Basis
    place: str = ""
    period: str = ""


Pair = tuple[Figure, Figure]
"""Earlier and later."""


@dataclass(frozen=True, slots=True)
class Quadrant:
    """I both up, II GDP down and GEP up, III both down, IV GDP up and GEP down; flat on the axes named."""

    id: str
    axes: tuple[str, ...] = ()


def quadrant(gdp_growth: float, gep_growth: float, *, eps: float) -> Quadrant:
    """The quadrant of two growth rates; |growth| <= `eps` is flat and reported as such. Raises `OutOfBounds` for eps < 0."""
    if not eps >= 0:
        raise OutOfBounds(f"eps is {eps:g}, must be 0 or more.", f"eps 为 {eps:g}，应不小于 0。")
    if not (np.isfinite(gdp_growth) and np.isfinite(gep_growth)):
        raise OutOfBounds("a growth rate is not a number.", "增速不是数。")
    flat = tuple(axis for axis, g in (("gdp", gdp_growth), ("gep", gep_growth)) if abs(g) <= eps)
    if flat:
        return Quadrant("flat", flat)
    return Quadrant(
        {(True, True): "I", (False, True): "II", (False, False): "III", (True, False): "IV"}[
            gdp_growth > 0, gep_growth > 0
        ]
    )


def growth(pair: Pair) -> float | Refusal:
    """Growth in %, or why it is refused: current prices, two bases, two places, an earlier value not above 0."""
    earlier, later = pair
    differing = [f.name for f in fields(Basis) if getattr(earlier.basis, f.name) != getattr(later.basis, f.name)]
    if differing:
        zh = "、".join(_BASIS_ZH[name] for name in differing)
        return Refusal(
            "policy", f"两期的{zh}不同，不计算增速。", f"no growth: the two figures differ in {', '.join(differing)}."
        )
    if earlier.basis.price == CURRENT:
        return Refusal(
            "policy", "现价数不计算增速，须用不变价。", "no growth from current prices: constant prices are needed."
        )
    if earlier.place != later.place:
        return Refusal("policy", "两期不是同一地点。", "the two figures belong to two places.")
    given = {"earlier": (earlier.value, "亿元"), "later": (later.value, "亿元")}
    rate = float(load_domains().registry["assessment.growth@relative"].apply(given))
    if not np.isfinite(rate):
        return Refusal(
            "not_applicable", "基期值不大于0，增速无定义。", "the earlier value is not above 0: growth is undefined."
        )
    return rate


def green_gold_index(gep: Figure | None, gdp: Figure | None) -> float | Refusal:
    """GGI = GEP/GDP of one place and period at current prices; not a measure of growth."""
    if gep is None or gdp is None:
        needs = "economy.gdp" if gdp is None else "gep.account"
        return Refusal(
            "missing_fact",
            "缺现价数，绿金指数无定义。",
            "a current-price figure is missing: GGI is undefined.",
            needs=needs,
        )
    if (gep.place, gep.period) != (gdp.place, gdp.period) or {gep.basis.price, gdp.basis.price} != {CURRENT}:
        return Refusal(
            "policy",
            "绿金指数须用同地、同年、现价的两个数。",
            "GGI needs both figures of one place and year at current prices.",
        )
    ratio = float(
        load_domains().registry["assessment.ggi@ma2017"].apply({"gep": (gep.value, "亿元"), "gdp": (gdp.value, "亿元")})
    )
    if not np.isfinite(ratio):
        return Refusal(
            "not_applicable", "地区生产总值不大于0，绿金指数无定义。", "GDP is not above 0: GGI is undefined."
        )
    return ratio


# --- weighted score -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WeightedScore:
    """A score and the imported table it stands on: title, edition, where printed, who filled it in."""

    value: float
    weights: Mapping[str, Fraction]
    title: str
    edition: str
    where: str
    filled_by: str


def weighted_score(rules: RuleSet, scores: Mapping[str, float], parameters: Parameters) -> WeightedScore | Refusal:
    """Weighted sum of component scores by the imported table; refused, naming the slot, where none is imported.

    Raises `OutOfBounds` where the table does not sum to 1 or a component has no score.
    """
    try:
        rows = imported_weights(parameters, rules.weights_slot)
    except MissingParameter as error:
        return Refusal(
            "open_parameter", "没有导入权重表，不给加权得分。", "no weight table is imported: no weighted score.",
            needs=error.parameter, document=error.document,
        )  # fmt: skip
    weights = shares(rows)
    if absent := set(weights) - set(scores):
        names = "、".join(sorted(absent))
        raise OutOfBounds(
            f"no score for {names}.",
            f"缺 {names} 的得分。",
            fix="give a score for every row of the weight table / 权重表每行都要有得分",
        )
    value = float(sum(float(weight) * scores[name] for name, weight in weights.items()))
    first = rows[0]
    return WeightedScore(value, weights, first.source_title, first.edition, first.source_where, first.filled_by)


# --- uncertainty ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Odds:
    """Share of draws in each quadrant and passing each floor; `robust` is whether the point's quadrant has enough of them."""

    quadrants: Mapping[str, float]
    floors: Mapping[str, float]
    robust: bool


def odds(
    rules: RuleSet,
    point: Quadrant,
    gdp_growth: Sequence[float],
    gep_growth: Sequence[float],
    *,
    eps: float,
    robust_share: float,
) -> Odds:
    """Probabilities from paired draws of the two growth rates (%), shape (draw,) each; `robust_share` is a share of 1."""
    gdp, gep = np.asarray(gdp_growth, dtype=np.float64), np.asarray(gep_growth, dtype=np.float64)
    if gdp.shape != gep.shape or gdp.ndim != 1 or not len(gdp) or not np.isfinite(gdp + gep).all():
        raise OutOfBounds(
            "the draws must be finite and paired.",
            "抽样值须成对且有限。",
            fix="give one GDP and one GEP growth per draw / 每次抽样各给一个 GDP 和 GEP 增速",
        )
    flat = (np.abs(gdp) <= eps) | (np.abs(gep) <= eps)
    where = {
        "I": ~flat & (gdp > 0) & (gep > 0), "II": ~flat & (gdp < 0) & (gep > 0), "III": ~flat & (gdp < 0) & (gep < 0),
        "IV": ~flat & (gdp > 0) & (gep < 0), "flat": flat,
    }  # fmt: skip
    share = {name: float(np.mean(inside)) for name, inside in where.items()}
    floors = {
        rule.id: float(np.mean([holds(float(g), rule.op, rule.value) for g in gep]))
        for rule in rules.rules
        if rule.effect == "floor" and rule.input == "gep_growth"
    }
    return Odds(share, floors, share[point.id] >= robust_share)


# --- the whole ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class DualAssessment:
    """All that can be said of one place. `overall` is fail where a floor failed, undetermined where one is open, else pass:
    it says that no floor failed, not that a score was reached.
    """

    rules: RuleSet
    quadrant: Quadrant | Refusal
    gdp_growth: float | Refusal
    gep_growth: float | Refusal
    floors: CaseVerdict
    ggi: float | Refusal
    score: WeightedScore | Refusal
    overall: str
    eps: float
    odds: Odds | None = None
    data_cut: str = ""

    @property
    def robust(self) -> bool | None:
        """None where no draws were given."""
        return self.odds.robust if self.odds else None

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        said = (self.quadrant, self.gdp_growth, self.gep_growth, self.ggi, self.score)
        return tuple(dict.fromkeys(s for s in said if isinstance(s, Refusal)))


@dataclass(frozen=True)
class Case:
    """What a dual assessment is given. `gdp`, `gep`: earlier and later at constant prices; `now_*`: current prices.

    `more` are further inputs of the rule set's floors, `draws` paired growth rates of GDP and GEP in %.
    """

    gdp: Pair
    gep: Pair
    now_gdp: Figure | None = None
    now_gep: Figure | None = None
    scores: Mapping[str, float] = field(default_factory=dict)
    more: Mapping[str, Number | Interval | None] = field(default_factory=dict)
    draws: tuple[Sequence[float], Sequence[float]] | None = None


def assess(
    case: Case, parameters: Parameters, *, eps: float, rules: RuleSet | None = None, data_cut: str = ""
) -> DualAssessment:
    """Quadrant, floors, GGI and, where a weight table is imported, the weighted score of one place."""
    rules = rules or rule_set(RULES)
    gdp_growth, gep_growth = growth(case.gdp), growth(case.gep)
    placed = _placed(gdp_growth, gep_growth, eps)
    known = {"gdp_growth": gdp_growth, "gep_growth": gep_growth}
    inputs = {**case.more, **{name: g for name, g in known.items() if not isinstance(g, Refusal)}}
    floors = judge_case(rules, inputs, effect="floor")
    drawn = None
    if case.draws and isinstance(placed, Quadrant):
        robust = (parameters.find(ROBUST).value or 0) / 100
        drawn = odds(rules, placed, *case.draws, eps=eps, robust_share=robust)
    return DualAssessment(
        rules=rules, quadrant=placed, gdp_growth=gdp_growth, gep_growth=gep_growth, floors=floors,
        ggi=green_gold_index(case.now_gep, case.now_gdp), score=weighted_score(rules, case.scores, parameters),
        overall=floors.verdict, eps=eps, odds=drawn, data_cut=data_cut,
    )  # fmt: skip


def _placed(gdp_growth: float | Refusal, gep_growth: float | Refusal, eps: float) -> Quadrant | Refusal:
    causes = tuple(g for g in (gdp_growth, gep_growth) if isinstance(g, Refusal))
    if isinstance(gdp_growth, Refusal) or isinstance(gep_growth, Refusal):
        return Refusal("dependency", "缺增速，不能分象限。", "no quadrant without both growth rates.", causes=causes)
    return quadrant(gdp_growth, gep_growth, eps=eps)
