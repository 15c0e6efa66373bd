"""The gate before a release: assessment.md section 6."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qingshan.assess.green import development_index
from qingshan.assess.release import refuse_release, release_reasons
from qingshan.assess.ruleset import Item, RuleSet, rule_set
from qingshan.assess.targets import evaluate_targets
from qingshan.core.errors import RefusedRelease
from qingshan.core.parameter import Parameters
from qingshan.zone.zone import open_zone


@pytest.fixture
def official() -> RuleSet:
    """A rule set such as a province might enact: official, one item with the whole weight."""
    whole: Item = replace(rule_set("green_areas_2016").items[0], weight=1)
    return RuleSet("enacted", "某省评价办法", "a provincial rule", "2030", True, items=(whole,))


def test_an_official_index_with_its_data_cut_may_go_out(official: RuleSet, parameters: Parameters) -> None:
    result = development_index(official, {"资源利用": 80}, parameters, data_cut="2024-06-30")
    assert release_reasons(result) == []
    refuse_release([result])


@pytest.mark.parametrize(
    ("change", "expected"),
    [({"official": False}, "not an official"), ({"labels": ("inferred",)}, "inferred"), ({}, "cut date")],
)
def test_what_holds_a_release_back(
    official: RuleSet, parameters: Parameters, change: dict[str, object], expected: str
) -> None:
    cut = "2024-06-30" if change else ""
    result = development_index(replace(official, **change), {"资源利用": 80}, parameters, data_cut=cut)
    with pytest.raises(RefusedRelease, match=expected) as refused:
        refuse_release([result])
    assert len(refused.value.reasons) == 1


def test_an_open_slot_and_a_missing_item_hold_a_release_back(parameters: Parameters) -> None:
    for rules in ("beautiful_china_2020", "green_areas_2016"):
        result = development_index(rule_set(rules), {}, parameters, data_cut="2024-06-30")
        assert result.refusal in release_reasons(result)


def test_as_14_an_undetermined_target_is_not_released() -> None:
    verdicts = {v.target.quantity: v for v in evaluate_targets(open_zone("guizhou"))}
    share, treated, sources = (
        verdicts[q] for q in ("krd.share", "krd.treated_area", "water.source_compliance_county_up")
    )
    assert [r.needs for r in release_reasons(share)] == ["krd.share_denominator"]
    assert ["partial" in r.en for r in release_reasons(treated)] == [True]
    assert release_reasons(sources) == []
