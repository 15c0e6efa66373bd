"""Filling the slots of the official profile: end to end, and every bad file one clear finding with nothing imported."""

import csv
import io
from pathlib import Path

import pytest

from qingshan.accounts.fill import (
    MAX_BYTES,
    PAGE_CHECK,
    doubtful_methods,
    fill,
    filled_rows,
    open_slots,
    page_checked,
    template,
)
from qingshan.accounts.profile import find_profile
from qingshan.accounts.run import run_account
from qingshan.core.domain import load_domains
from qingshan.zone.zone import open_zone

from .conftest import DOCUMENT, FILLED, ROOT, filled_run

PROFILE = "gbt46869_2025"
HEADER = "parameter,class,value,unit,set,year,source_title,source_where,status"
GOOD = "water.reservoir_unit_cost,,2.0,元/m3,gbt46869_2025,2020,某文本,附录 A,primary"


def write(path: Path, *rows: str, header: str = HEADER) -> Path:
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


# ---- end to end ------------------------------------------------------------------------------------------------------


def test_the_official_profile_becomes_complete(tiny):
    before = run_account(tiny, PROFILE)
    assert all(line.refusal for line in before.services(ROOT, "2021") if line.included == "yes")
    assert before.accounted(ROOT, "2021").refused
    after = filled_run(tiny)
    lines = [line for line in after.services(ROOT, "2021") if line.included == "yes"]
    assert [line.service.id for line in lines if line.refusal] == []
    assert len(lines) == 14
    for basis in ("current", "constant-2020"):
        cell = after.accounted(ROOT, "2021", basis)
        assert "partial" not in cell.labels and not any(f.startswith("missing:") for f in cell.flags)
        assert cell.value == pytest.approx(sum(line.value[basis].value for line in lines), rel=1e-12)
    assert "partial" not in {label for f in after.facts for label in f.labels}
    assert open_slots(after.profile, after.parameters) == []


def test_a_service_the_document_does_not_have_leaves_the_list_with_the_page(complete):
    lines = {line.service.id: line for line in complete.services(ROOT)}
    for id, page in (("G09", "第 9 页"), ("G17", "第 17 页"), ("G20", "第 20 页")):
        assert lines[id].included == "no"
        assert page in lines[id].refusal.zh and "王芳" in lines[id].refusal.zh


def test_who_filled_a_row_and_from_what_is_in_the_pedigree(complete):
    rows = [n.row for n in complete.nodes.values() if n.kind == "parameter" and n.quantity == "gep.confirmed"]
    assert {r["cls"] for r in rows} >= {"G01", "G02", "G19"}
    assert all((r["filled_by"], r["source_title"]) == ("王芳", DOCUMENT) for r in rows)


def test_one_confirmation_short_and_the_set_is_partial(tiny, tmp_path):
    text = FILLED.read_text(encoding="utf-8")
    path = tmp_path / "rows.csv"
    path.write_text("\n".join(line for line in text.splitlines() if "gep.confirmed,G08" not in line), encoding="utf-8")
    fill(open_zone(tiny), PROFILE, path, by="王芳", document=DOCUMENT)
    run = run_account(tiny, PROFILE)
    assert run.fact("gep.flood_marsh", ROOT).refusal.needs == "gep.confirmed"
    cell = run.accounted(ROOT)
    assert "partial" in cell.labels and [f for f in cell.flags if f.startswith("missing:")] == ["missing:G08"]


def test_the_same_file_twice_imports_once(tiny):
    zone = open_zone(tiny)
    first, _ = fill(zone, PROFILE, FILLED, by="王芳", document=DOCUMENT)
    second, findings = fill(zone, PROFILE, FILLED, by="王芳", document=DOCUMENT)
    assert len(first) == len(filled_rows(zone, PROFILE)) > 80 and second == [] and findings == []


def test_a_later_row_replaces_an_earlier_one(tiny, tmp_path):
    filled_run(tiny)
    fill(open_zone(tiny), PROFILE, write(tmp_path / "r.csv", GOOD.replace("2.0", "4.0")), by="李明")
    run = run_account(tiny, PROFILE)
    assert run.fact("gep.flood_reservoir_value", ROOT, "2020", basis="current").value == 400


def test_the_template_lists_open_slots_and_can_be_completed(tiny, tmp_path):
    domains = load_domains()
    profile, parameters = find_profile(domains, PROFILE), domains.parameters()
    rows = list(csv.DictReader(io.StringIO(template(profile, parameters))))
    assert len(rows) == len(open_slots(profile, parameters)) > 50
    assert all(r["document"] and r["value"] == "" and r["status"] == "" for r in rows)
    for row in rows:
        if row["parameter"] == "water.marsh_storage_depth":
            row |= {"value": "0.3", "status": "primary", "source_where": "附录 A"}
    path = tmp_path / "t.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    new, findings = fill(open_zone(tiny), PROFILE, path, by="王芳", document=DOCUMENT)
    assert [r.parameter for r in new] == ["water.marsh_storage_depth"] and findings == []


# ---- bad files -------------------------------------------------------------------------------------------------------


def bad(tiny: Path, path: Path, *, by: str = "王芳", document: str = "") -> str:
    """The single finding of a bad file; nothing may be imported."""
    zone = open_zone(tiny)
    rows, findings = fill(zone, PROFILE, path, by=by, document=document)
    assert rows == [] and filled_rows(zone, PROFILE) == []
    (finding,) = findings
    assert finding.level == "error" and finding.zh and finding.file == path.name
    return finding.sentence()


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("water.no_such_price,,2,元/m3,gbt46869_2025,2020,t,A,primary", "not used by this profile"),
        ("water.reservoir_unit_cost,,2,元/t,gbt46869_2025,2020,t,A,primary", "not of the slot's dimension"),
        ("water.reservoir_unit_cost,,2,元/furlong,gbt46869_2025,2020,t,A,primary", "unknown unit"),
        ("water.reservoir_unit_cost,,2,元/m3,garze2017,2020,t,A,primary", "no row of this class and set"),
        ("water.reservoir_unit_cost,,2,元/m3,gbt46869_2025,2020,t,A,open", "cannot be open"),
        ("water.reservoir_unit_cost,,2,元/m3,gbt46869_2025,2020,t,A,sure", "status 'sure'"),
        ("water.reservoir_unit_cost,,two,元/m3,gbt46869_2025,2020,t,A,primary", "not a number"),
        ("water.reservoir_unit_cost,,nan,元/m3,gbt46869_2025,2020,t,A,primary", "not a number"),
        ("water.reservoir_unit_cost,,2,元/m3,gbt46869_2025,2020,,A,primary", "no source"),
        ("gep.confirmed,G02,0.5,-,gbt46869_2025,,t,第 3 页,primary", "1 (formula agrees) or 0"),
        ("gep.confirmed,G02,1,-,gbt46869_2025,,t,,primary", "with the page"),
        ("gep.confirmed,G99,1,-,gbt46869_2025,,t,第 3 页,primary", "no row of this class and set"),
    ],
)
def test_a_bad_row_is_one_finding_and_the_good_rows_beside_it_wait(tiny, tmp_path, row, says):
    said = bad(tiny, write(tmp_path / "rows.csv", GOOD, row))
    assert says in said and "rows.csv:3" in said


def test_a_missing_file(tiny, tmp_path):
    assert "no file" in bad(tiny, tmp_path / "none.csv")


def test_no_person(tiny, tmp_path):
    assert "need a person" in bad(tiny, write(tmp_path / "rows.csv", GOOD), by=" ")


def test_not_utf8(tiny, tmp_path):
    path = tmp_path / "rows.csv"
    path.write_bytes((HEADER + "\n" + GOOD + "\n").encode("gb18030"))
    assert "not UTF-8" in bad(tiny, path)


def test_a_file_of_9_mb(tiny, tmp_path):
    path = tmp_path / "rows.csv"
    path.write_bytes(b"x" * (MAX_BYTES + 2**20))
    assert "too large" in bad(tiny, path)


def test_a_cell_that_csv_cannot_take(tiny, tmp_path):
    assert "CSV cannot be read" in bad(tiny, write(tmp_path / "rows.csv", GOOD + ',"' + "x" * 200_000 + '"'))


def test_a_file_without_the_columns(tiny, tmp_path):
    assert "columns missing" in bad(tiny, write(tmp_path / "rows.csv", "1,2", header="a,b"))


def test_a_file_without_values(tiny, tmp_path):
    assert "no row carries a value" in bad(tiny, write(tmp_path / "rows.csv", GOOD.replace("2.0", "")))


# ---- page checks of what was read with doubt --------------------------------------------------------------------------

DOUBTED = "water.retention@hj1173_2021"


def test_the_template_lists_formulas_and_rows_read_with_doubt():
    domains = load_domains()
    profile = find_profile(domains, "hj1173_2021")
    rows = list(csv.DictReader(io.StringIO(template(profile, domains.parameters()))))
    assert DOUBTED in {r["class"] for r in rows if r["parameter"] == PAGE_CHECK}
    assert "soil.beta_constant" in {r["parameter"] for r in rows}  # 0.089 as extracted, national-survey.md section 4
    assert all(r["value"] == "" for r in rows)


def test_a_page_check_clears_one_formula_and_records_who(tiny, tmp_path):
    zone, domains = open_zone(tiny), load_domains()
    profile = find_profile(domains, "hj1173_2021")
    assert DOUBTED in doubtful_methods(profile)
    checked = f"{PAGE_CHECK},{DOUBTED},1,-,hj1173_2021,,HJ 1173-2021 正式出版本,第 9 页,primary"
    rows, findings = fill(zone, profile.id, write(tmp_path / "check.csv", checked), by="王芳")
    assert findings == [] and [r.filled_by for r in rows] == ["王芳"]
    parameters = domains.parameters()
    assert not page_checked(profile, parameters, DOUBTED)
    parameters.add(filled_rows(zone, profile.id))
    assert page_checked(profile, parameters, DOUBTED)
    assert not page_checked(profile, parameters, "soil.s@hj1173_2021")


def test_a_page_check_without_its_page_is_refused(tiny, tmp_path):
    bare = f"{PAGE_CHECK},{DOUBTED},1,-,hj1173_2021,,HJ 1173-2021 正式出版本,,primary"
    rows, (finding,) = fill(open_zone(tiny), "hj1173_2021", write(tmp_path / "bare.csv", bare), by="王芳")
    assert rows == [] and finding.level == "error" and finding.row == 2
