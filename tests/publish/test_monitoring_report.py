"""Reports of a monitoring period: shares, order, a year before, and what is said of what is not known.

Five sections of one river with readings on two days of April 2021 and of April 2020; classes are those of E7.
"""

from __future__ import annotations

import io
import re
from datetime import datetime
from fractions import Fraction
from pathlib import Path

import openpyxl
import polars as pl
import pypdf
import pytest

from qingshan.core.errors import OutOfBounds, UnknownName
from qingshan.observe.evaluate.editions import named_rule_set
from qingshan.observe.series.model import RECEIVED
from qingshan.observe.series.store import Observations
from qingshan.publish.monitoring import MonitoringReport, gather_monitoring, span_of
from qingshan.publish.monitoring_report import monitoring_pdf, monitoring_workbook, publish_monitoring
from qingshan.zone.zone import open_zone

ITEMS = ("water.ph", "water.do", "water.codmn", "water.nh3n", "water.tp")
FIRST = ("7.97", "10.8", "1.01", "0.025", "0.005")  # E7: class I
SECOND = ("8.12", "7.9", "0.96", "0.108", "0.039")  # E7: class II for TP
WORST = ("9.34", "18.34", "2.71", "0.074", "0.072")  # E7: worse than V for pH
SITES = {"三江口": FIRST, "三都桥": FIRST, "从江大桥": SECOND, "坝草": SECOND, "坡脚": WORST}


def rows(year: int, values: dict[str, tuple[str, ...]]) -> list[dict[str, object]]:
    return [
        {"site": site, "property": item, "averaging": "instant", "unit": "1" if item == "water.ph" else "mg/L", "start": f"{year}-04-0{day} 08:00",
         "value_text": text, "row": 1}
        for site, texts in values.items() for day in (1, 2) for item, text in zip(ITEMS, texts, strict=True)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Observations:
    made = Observations(open_zone("guizhou"), tmp_path_factory.mktemp("observations"))
    given = rows(2021, SITES) + rows(2020, dict.fromkeys(SITES, WORST))
    frame = pl.DataFrame([{c: r.get(c) for c in RECEIVED} for r in given], schema=RECEIVED)
    assert made.load("water_auto", frame).n_errors == 0
    return made


@pytest.fixture(scope="module")
def report(store: Observations) -> MonitoringReport:
    return gather_monitoring(store, "water_auto", "2021-04", named_rule_set("water.restated_rules"))


def test_sections_by_class_and_a_year_before(report: MonitoringReport) -> None:
    """Two of class I, two of class II, one worse than V: 4 of 5 good; a year before none of 5."""
    assert report.counts == {"Ⅰ": 2, "Ⅱ": 2, "劣Ⅴ": 1} and report.good(report.counts) == (4, 5)
    assert report.counts_before == {"劣Ⅴ": 5} and report.good(report.counts_before) == (0, 5)


def test_every_load_of_the_period_is_a_source(tmp_path: Path) -> None:
    """Three loads: of April 2021, more of it (between rows of the first), and of May: the year has three sources, April two."""
    store = Observations(open_zone("guizhou"), tmp_path)
    april = rows(2021, {"三江口": FIRST})
    later = [r | {"start": "2021-04-01 20:00"} for r in april[:5]]
    may = [r | {"start": "2021-05-01 08:00"} for r in april[:5]]
    for given in (april, later, may):
        frame = pl.DataFrame([{c: r.get(c) for c in RECEIVED} for r in given], schema=RECEIVED)
        assert store.load("water_auto", frame).n_new == len(given)
    loads = [item["source"] for item in store.loads("water_auto")]
    assert len(set(loads)) == 3
    for period, shas in (("2021", loads), ("2021Q2", loads), ("2021-04", loads[:2]), ("2021-05", loads[2:])):
        told = gather_monitoring(store, "water_auto", period, named_rule_set("water.restated_rules")).sources
        assert sorted(sha for _, sha in told) == sorted(shas), period


def test_equals_share_a_rank(report: MonitoringReport) -> None:
    assert [(s.id, s.order) for s in report.sites] == [
        ("三江口", 1),
        ("三都桥", 1),
        ("从江大桥", 3),
        ("坝草", 3),
        ("坡脚", 5),
    ]


def test_a_basin_of_five_waits_for_the_open_clause(report: MonitoringReport, store: Observations) -> None:
    """80 % good is 75 to 90: 良好; but the printed rule is for more than 5, and 5 itself is open."""
    (basin,) = report.groups
    assert basin.verdict == "cannot_be_judged" and not basin.grades
    rules = named_rule_set("water.restated_rules")
    chosen = type(rules)(
        rules.id, rules.zh, rules.en, True, rules.editions, {**rules.choices, "water.five_sections": "ge5"}
    )
    (told,) = gather_monitoring(store, "water_auto", "2021-04", chosen).groups
    assert told.value == Fraction(80) and told.grades == ("良好",)


def test_two_days_of_thirty_are_partial_and_unreviewed_is_draft(report: MonitoringReport) -> None:
    assert {s.days for s in report.sites} == {2} and report.days == 30
    assert {"partial", "draft"} <= set(report.labels)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_pdf_says_what_was_found_and_gives_the_same_bytes(report: MonitoringReport, lang: str) -> None:
    body = monitoring_pdf(report, lang)
    assert body == monitoring_pdf(report, lang)
    pages = [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(body)).pages]
    text = re.sub(r"\s+", " ", " ".join(pages))
    assert "80.0 %" in text and "GB 3838-2002" in text and "坡脚" in text and "+80.0" in text
    assert report.sources[0][1][:12] in text.replace("\u200b", "")


def test_the_workbook_holds_every_result_with_its_clause(report: MonitoringReport) -> None:
    book = openpyxl.load_workbook(io.BytesIO(monitoring_workbook(report, "en")))
    sheet = book["Results"]
    cells = [[c.value for c in row] for row in sheet.iter_rows()]
    found = [row for row in cells if row[0] in SITES]
    assert len(found) == 5 and all("GB 3838-2002" in str(row[11]) for row in found)


def test_both_files_are_written_whole(report: MonitoringReport, tmp_path: Path) -> None:
    written = publish_monitoring(report, "zh", tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(p.name for p in written.files)


@pytest.mark.parametrize(
    ("text", "by", "first", "after"),
    [
        ("2021-12", "month", (2021, 12, 1), (2022, 1, 1)),
        ("2021Q4", "quarter", (2021, 10, 1), (2022, 1, 1)),
        ("2021", "year", (2021, 1, 1), (2022, 1, 1)),
    ],
)
def test_spans(text: str, by: str, first: tuple[int, int, int], after: tuple[int, int, int]) -> None:
    span = span_of(text)
    assert (span.by, span.first, span.after) == (by, datetime(*first), datetime(*after))
    assert span.before().first == datetime(2020, *first[1:])


@pytest.mark.parametrize("text", ["", "2021-13", "2021Q5", "2021-0", "21-04", "2021-04-01", "abcd", "2021Qx", "9999"])
def test_no_spans(text: str) -> None:
    with pytest.raises(OutOfBounds, match="2021Q2"):
        span_of(text)


def test_a_period_without_readings_is_refused(store: Observations) -> None:
    with pytest.raises(UnknownName, match="no readings in 2019-04"):
        gather_monitoring(store, "water_auto", "2019-04", named_rule_set("water.restated_rules"))


def test_a_river_of_few_sections_is_classed_by_the_means_of_its_items(tmp_path: Path) -> None:
    """TP of three sections of one river, means 0.005, 0.039 and 0.256 mg/L: their mean 0.1 is class II (river: 0.1); pH, DO, CODMn and
    NH3-N are of class I and II. The section with 0.256 alone is class IV."""
    made = Observations(open_zone("guizhou"), tmp_path)
    given = rows(2021, {"三江口": FIRST, "界牌": SECOND, "三都桥": (*SECOND[:4], "0.256")})
    frame = pl.DataFrame([{c: r.get(c) for c in RECEIVED} for r in given], schema=RECEIVED)
    assert made.load("water_auto", frame).n_errors == 0
    told = gather_monitoring(made, "water_auto", "2021-04", named_rule_set("water.restated_rules"))
    assert sorted(s.result.grade for s in told.sites) == ["Ⅰ", "Ⅱ", "Ⅳ"]
    (river,) = told.groups
    assert (river.grade, river.verdict, river.n_valid, river.n_required) == ("Ⅱ", "", 3, 3)
    assert "TP" in river.item
    book = openpyxl.load_workbook(io.BytesIO(monitoring_workbook(told, "zh")), read_only=True)
    cells = [c for sheet in book.worksheets for row in sheet.iter_rows(values_only=True) for c in row]
    assert "Ⅱ类" in cells
