"""Printed rounds of rocky desertification (spec land.md section 2): changes inside one basis, what was printed beside them."""

import pytest

from qingshan.accounts.explain import as_text
from qingshan.accounts.run import Run, run_account
from qingshan.accounts.verify import verify
from qingshan.zone.zone import open_zone


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QINGSHAN_HOME", str(tmp_path_factory.mktemp("rounds")))
        yield run_account(open_zone("guizhou"), "karst_survey")


@pytest.mark.parametrize(("basis", "years", "change", "rate"), [
    ("reported", "2005-2011", -96, 1.27), ("reported", "2011-2016", -193.2, 3.45), ("comparable", "2016-2021", -333.08, 7.72),
])  # fmt: skip
def test_land_5_the_printed_rates_of_the_nation(run, basis, years, change, rate):
    """LAND-5: 1296.2 -> 1200.2 in 6 years, 1200.2 -> 1007 in 5, 1007 -> 673.92 in 5: 1.27, 3.45 and 7.72 % a year."""
    assert run.fact(f"krd.survey_change.{basis}", "CN", years).value == pytest.approx(change, abs=1e-6)
    assert run.fact(f"krd.survey_rate.{basis}", "CN", years).value == pytest.approx(rate, abs=0.005)
    assert run.fact("krd.mean_annual_decrease", "CN", years).value == rate


def test_land_6_round_four_is_not_subtracted_on_the_reported_basis(run):
    for kind in ("change", "rate"):
        refused = run.fact(f"krd.survey_{kind}.reported", "CN", "2016-2021").refusal
        assert refused.code == "policy" and "可比口径" in refused.zh
    assert run.fact("krd.survey_area.comparable", "CN", "2021").value == pytest.approx(673.92)
    assert run.fact("krd.survey_area.reported", "CN", "2021").value == 722.32


def test_land_16_the_province(run):
    """3.02 万km2 are 302 万hm2; 247 are 55 fewer. Round 4 was not obtained: its slot names the document."""
    assert run.fact("krd.survey_area.reported", "520000", "2011").value == pytest.approx(302)
    assert run.fact("krd.survey_change.reported", "520000", "2011-2016").value == pytest.approx(-55)
    assert "第四次" in run.fact("krd.survey_area.reported", "520000", "2021").refusal.document


def test_prints_that_disagree_are_both_kept_and_said(run):
    """-8.82 % of an area that ends at 302 万hm2 is 438.2 万亩, printed are 483.45."""
    found = [f for f in run.findings if f.code == "printed_conflict"]
    assert len(found) == 1 and "438.2" in found[0].en and "483.45" in found[0].zh
    assert run.fact("krd.decrease", "520000", "2005-2011").value == 483.45
    assert run.fact("krd.change_rate", "520000", "2005-2011").value == -8.82


def test_a_rate_leads_to_its_prints_and_the_run_replays(run):
    fact = run.fact("krd.survey_rate.comparable", "CN", "2016-2021")
    text = as_text(run.explain(fact.key), "en", full=True)
    assert "krd_area_after@krd_rounds" in text and "333.08" in text and "facts/national_rounds.csv" in text
    assert verify(run.id).equal
