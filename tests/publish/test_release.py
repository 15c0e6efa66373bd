"""What may be released, and under which name (gep.md section 3; GEP-18, GEP-19, GEP-21)."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from qingshan.accounts.run import Run, open_run
from qingshan.core.errors import RefusedRelease, UnknownName
from qingshan.publish.gep import publish_gep
from qingshan.publish.release import against_gep_title, check_release, gep, missing_services, period_of, value

COUNTY = "900000"
Account = Callable[[str], Run]


def codes(run: Run) -> set[str]:
    return {r.code for r in check_release(run)}


def test_a_complete_official_account_has_nothing_against_it(account_of: Account) -> None:
    assert check_release(account_of("mini_official")) == []


def test_gep_18_fgw481_2022_refuses_the_release_and_drafts(account_of: Account, tmp_path: Path) -> None:
    run = account_of("fgw481_2022")
    with pytest.raises(RefusedRelease, match=r"gep\.profile\.fgw481"):
        publish_gep(run, official=True, out=tmp_path)
    assert list(tmp_path.iterdir()) == []
    draft = publish_gep(run, out=tmp_path)
    assert "gep.profile.fgw481" in {r.subject for r in draft.reasons if r.code == "open_slot"}
    assert len(draft.files) == len(list(tmp_path.iterdir())) == 2


def test_gep_18_empty_slots_refuse_the_release_and_the_draft_lists_them(account_of: Account, tmp_path: Path) -> None:
    run = account_of("mini_unread")
    with pytest.raises(RefusedRelease) as refused:
        publish_gep(run, official=True, out=tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert "gep.profile.fgw481" in "\n".join(refused.value.reasons)
    draft = publish_gep(run, out=tmp_path)
    slots = [r for r in draft.reasons if r.code == "open_slot"]
    assert [r.subject for r in slots] == ["gep.profile.fgw481"]
    assert "发改基础〔2022〕481号" in slots[0].document
    assert {r.subject for r in draft.reasons if r.code == "partial"} == {
        "G07",
        "G16",
    }  # nothing is computed before it is read


def test_gep_19_a_partial_set_is_labelled_and_never_titled_gep(account_of: Account, tmp_path: Path) -> None:
    run = account_of("mini_open")
    assert [line.service.id for line in missing_services(run, COUNTY, "2021")] == ["G17"]
    draft = publish_gep(run, out=tmp_path)
    assert "partial" in draft.labels
    assert draft.title == "已核算服务价值报告"
    with pytest.raises(RefusedRelease, match="species conservation"):
        gep(run)


def test_the_title_gep_needs_profile_officialness_and_completeness(account_of: Account, tmp_path: Path) -> None:
    assert publish_gep(account_of("mini_official"), out=tmp_path).title == "生态产品总值（GEP）核算报告"
    assert publish_gep(account_of("mini_official"), lang="en", out=tmp_path).title.startswith("Gross ecosystem product")
    assert [r.code for r in against_gep_title(account_of("mini_draft"), COUNTY, "2021")] == ["profile_not_official"]
    assert gep(account_of("mini_official"), basis="current").value == pytest.approx(
        275 + 2_060_000
    )  # 6100 x 300 + 2300 x 100


def test_gep_21_hj1173_2021_has_no_yuan_and_no_gep(account_of: Account, tmp_path: Path) -> None:
    run = account_of("hj1173_2021")
    with pytest.raises(RefusedRelease, match="no prices"):
        value(run)
    with pytest.raises(RefusedRelease, match="title GEP"):
        gep(run)
    assert (
        publish_gep(run, lang="en", out=tmp_path).title == "Accounted services in physical quantities: account report"
    )


def test_gep_21_a_biophysical_profile_has_no_yuan_and_no_gep(account_of: Account, tmp_path: Path) -> None:
    run = account_of("mini_physical")
    with pytest.raises(RefusedRelease, match="no prices"):
        value(run)
    with pytest.raises(RefusedRelease, match="title GEP"):
        gep(run)
    release = publish_gep(run, official=True, out=tmp_path)
    assert release.title == "已核算服务实物量报告"
    assert run.fact("gep.flood_reservoir", COUNTY, "2021").value == 110


@pytest.mark.parametrize(
    ("profile", "code", "name"),
    [
        ("mini_draft", "profile_not_official", "mini_draft"),
        ("mini_project", "map_status", "pest"),
        ("mini_doubt", "parameter_status", "water.marsh_storage_depth[doubt, 2020]"),
    ],
)
def test_one_wrong_thing_gives_one_reason(
    account_of: Account, tmp_path: Path, profile: str, code: str, name: str
) -> None:
    run = account_of(profile)
    assert [(r.code, r.subject) for r in check_release(run)] == [(code, name)]
    with pytest.raises(RefusedRelease) as refused:
        publish_gep(run, official=True, out=tmp_path)
    assert len(refused.value.reasons) == 1 and " / " in refused.value.reasons[0]
    assert list(tmp_path.iterdir()) == []


def test_screening_of_guizhou_refuses_release_and_drafts(guizhou: Run, tmp_path: Path) -> None:
    assert {"profile_not_official", "open_slot", "parameter_status", "map_status", "partial"} <= codes(guizhou)
    with pytest.raises(RefusedRelease):
        publish_gep(guizhou, official=True, out=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_run_changed_after_sealing_is_not_published(account_of: Account, tmp_path: Path) -> None:
    sealed = account_of("mini_official")
    folder = Path(shutil.copytree(sealed.path, tmp_path / sealed.id))
    facts = folder / "facts.jsonl"
    facts.write_bytes(facts.read_bytes().replace(b'"value":275.0', b'"value":999.0'))
    with pytest.raises(RefusedRelease, match=r"facts\.jsonl"):
        publish_gep(open_run(folder), out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_unknown_year_place_and_language_write_nothing(account_of: Account, tmp_path: Path) -> None:
    run = account_of("mini_official")
    for wrong in ({"year": 1999}, {"place": "123456"}, {"lang": "fr"}):
        with pytest.raises(UnknownName):
            publish_gep(run, out=tmp_path, **wrong)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []
    assert period_of(run).id == "2021" and period_of(run, 2020).id == "2020"
