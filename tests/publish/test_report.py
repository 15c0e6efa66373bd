"""The PDF and the workbook: same bytes again, every character in the font, every page marked, figures as in the run."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fontTools.ttLib import TTFont
from openpyxl import load_workbook
from pypdf import PdfReader

from qingshan.accounts.run import ACCOUNTED, Run, open_run
from qingshan.publish.gather import Account, gather
from qingshan.publish.gep import publish_gep
from qingshan.publish.map import choropleth, class_breaks, class_of
from qingshan.publish.pdf import account_pdf, document, font_folder, headline
from qingshan.publish.release import period_of
from qingshan.publish.words import LANGUAGES, Words
from qingshan.publish.workbook import account_workbook, number_format, sheets

AccountOf = Callable[[str], Run]
COUNTY = "900000"
CHISHUI = "520381"
MARGIN = 20 / 25.4 * 72  # points: the side margins of the template
FORMAT_CHARACTERS = "\u200b\u00a0\u3000\n "


def gathered(run: Run, place: str | None = None) -> Account:
    return gather(run, place or run.zone.root, period_of(run))


@pytest.fixture(scope="module")
def guizhou_account(guizhou: Run) -> Account:
    return gathered(guizhou)


@pytest.fixture(scope="module")
def county_account(account_of: AccountOf) -> Account:
    return gathered(account_of("mini_official"))


@pytest.fixture(scope="module")
def pages(guizhou_account: Account, county_account: Account) -> dict[str, PdfReader]:
    """Every report of this module, by zone and language."""
    made = {"guizhou": guizhou_account, "county": county_account}
    return {
        f"{name} {lang}": PdfReader(io.BytesIO(account_pdf(account, lang)))
        for name, account in made.items()
        for lang in LANGUAGES
    }


# ---- bytes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_same_run_gives_the_same_bytes(account_of: AccountOf, tmp_path: Path, lang: str) -> None:
    run = account_of("mini_official")
    first = publish_gep(run, lang=lang, out=tmp_path / "a")
    again = publish_gep(open_run(run.path), lang=lang, out=tmp_path / "b")
    assert [Path(p).name for p in first.files] == [Path(p).name for p in again.files]
    assert list(first.files.values()) == list(again.files.values())
    assert [Path(p).name for p in first.files] == [
        f"gep-miniland-900000-2021-mini_official-{lang}.pdf",
        f"gep-miniland-900000-2021-mini_official-{lang}.xlsx",
    ]
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == sorted(Path(p).name for p in first.files)


def test_the_document_date_is_the_end_of_the_account_year(pages: dict[str, PdfReader]) -> None:
    for name, reader in pages.items():
        year = 2019 if name.startswith("guizhou") else 2021
        assert reader.metadata is not None
        assert reader.metadata["/CreationDate"].startswith(f"D:{year}1231")


# ---- letters and pages ----------------------------------------------------------------------------------------------


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from strings(inner)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_font_has_every_character_that_is_given_or_rendered(
    guizhou_account: Account, county_account: Account, pages: dict[str, PdfReader], lang: str
) -> None:
    covered = set(TTFont(font_folder() / "NotoSansSC-Regular.otf").getBestCmap())
    words = Words(lang)
    asked: set[str] = set()
    for account in (guizhou_account, county_account):
        picture = choropleth(account.run.zone, account.mapped, lang) if account.mapped else None
        for text in (*strings(document(account, words, picture, official=False)), *(picture.words if picture else ())):
            asked |= set(text)
    rendered = {
        mark for name, r in pages.items() if name.endswith(lang) for page in r.pages for mark in page.extract_text()
    }
    assert len(rendered) > 100
    missing = {mark for mark in asked | rendered if ord(mark) not in covered and mark not in FORMAT_CHARACTERS}
    assert not missing


def test_only_the_packaged_font_is_embedded_and_no_glyph_is_blank(pages: dict[str, PdfReader]) -> None:
    for reader in pages.values():
        fonts = {str(f.get_object()["/BaseFont"]) for p in reader.pages for f in p["/Resources"]["/Font"].values()}  # type: ignore[index]
        assert fonts and all("NotoSansSC-Regular" in name for name in fonts)
        assert "\ufffd" not in "".join(page.extract_text() for page in reader.pages)


def test_every_page_carries_the_run_id_and_its_number(
    pages: dict[str, PdfReader], guizhou_account: Account, county_account: Account
) -> None:
    for name, reader in pages.items():
        run = (guizhou_account if name.startswith("guizhou") else county_account).run
        count = len(reader.pages)
        for number, page in enumerate(reader.pages, 1):
            text = page.extract_text()
            assert run.id in text
            assert (f"第 {number} 页，共 {count} 页" if name.endswith("zh") else f"page {number} of {count}") in text


def test_labels_stand_on_every_page(pages: dict[str, PdfReader]) -> None:
    for page in pages["guizhou zh"].pages:
        assert all(word in page.extract_text() for word in ("草案", "部分", "粗算"))
    for page in pages["county en"].pages:
        assert all(word in page.extract_text() for word in ("synthetic", "draft"))


def extents(page: Any, font: TTFont) -> list[tuple[float, float, str]]:
    """(left, right, text) of every run of letters on a page, in points."""
    cmap, widths, em = font.getBestCmap(), font["hmtx"], font["head"].unitsPerEm
    found: list[tuple[float, float, str]] = []

    def visit(text: str, cm: list[float], tm: list[float], _font: Any, size: float) -> None:
        if text.strip():
            left = tm[4] * cm[0] + cm[4]
            advance = sum(widths[cmap[ord(mark)]][0] for mark in text.strip("\n") if ord(mark) in cmap)
            found.append((left, left + advance / em * size * abs(tm[0] * cm[0]), text))

    page.extract_text(visitor_text=visit)
    return found


def test_nothing_runs_over_the_margins(pages: dict[str, PdfReader]) -> None:
    font = TTFont(font_folder() / "NotoSansSC-Regular.otf")
    for name, reader in pages.items():
        for number, page in enumerate(reader.pages, 1):
            right = float(page.mediabox.width) - MARGIN
            runs = extents(page, font)
            assert len(runs) > 3, (name, number)
            outside = [run for run in runs if run[0] < MARGIN - 1 or run[1] > right + 3]
            assert not outside, (name, number, outside[:3])


# ---- content --------------------------------------------------------------------------------------------------------


def test_the_headline_says_what_was_accounted_and_what_was_not(guizhou_account: Account) -> None:
    total = guizhou_account.accounted["constant-2010"]
    assert total.span is not None
    low, high = (f"{v / 1e8:,.0f}" for v in total.span)
    head, context = headline(guizhou_account, Words("zh"))
    assert head == f"贵州省 2019（气候平均）：已核算的两项服务价值 {low}–{high}\u00a0亿元"
    assert "不是生态产品总值" in context[0]
    head, context = headline(guizhou_account, Words("en"))
    assert "two accounted services" in head and "not gross ecosystem product" in context[0]


def test_a_county_with_water_yield_only_leads_with_it(guizhou: Run) -> None:
    account = gathered(guizhou, CHISHUI)
    head, _ = headline(account, Words("zh"))
    assert head.startswith("赤水市 2019（气候平均）：产水量") and head.endswith("服务价值尚不能核算")
    assert account.by_place == [] and account.mapped is None
    text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(account_pdf(account, "zh"))).pages)
    assert "拒算" in text


def test_the_draft_lists_its_reasons_and_the_official_report_has_no_such_section(
    account_of: AccountOf, county_account: Account
) -> None:
    words = Words("zh")
    draft = document(gathered(account_of("mini_open")), words, None, official=False)
    titles = [s["title"] for s in draft["sections"]]
    assert any("为什么是草案" in t for t in titles)
    official = document(county_account, words, None, official=True)
    assert not any("为什么是草案" in s["title"] for s in official["sections"])
    assert ["性质", "正式发布"] in official["cover"]


def test_a_refused_service_names_the_document_that_fills_it(account_of: AccountOf) -> None:
    content = document(gathered(account_of("mini_open")), Words("zh"), None, official=False)
    rows = [row for block in content["sections"][0]["blocks"] if block["type"] == "table" for row in block["rows"]]
    species = next(row for row in rows if row["cells"][0]["text"] == "物种保育")
    assert species["cells"][1] == species["cells"][1] | {"text": "拒算", "kind": "refused"}
    assert "物种保育单位价值" in species["cells"][-1]["text"]


def test_the_extent_account_closes(county_account: Account) -> None:
    """Table 4.1 in hm2: forest 6000 -> 6100, grass 2500 -> 2300, of 10000; unallocated 1500 -> 1600."""
    entries = {row.cls: {k: f.value for k, f in row.cells.items() if not f.refused} for row in county_account.extent}
    assert entries["arbor"] == {"opening": 6000, "net": 100, "closing": 6100}
    assert entries["grass"] == {"opening": 2500, "net": -200, "closing": 2300}
    assert {k: entries["unallocated"][k] for k in ("opening", "closing")} == {"opening": 1500, "closing": 1600}
    totals = {entry: (f.value, f.unit) for entry, f in county_account.extent_total.items() if f is not None}
    assert totals == {"opening": (100, "km2"), "closing": (100, "km2")}


# ---- map ------------------------------------------------------------------------------------------------------------


def test_class_limits_are_round_and_lie_inside() -> None:
    assert class_breaks([340, 368, 395, 401, 418, 458, 480, 500, 540, 560, 600, 646, 690]) == [400, 420, 480, 540, 600]
    assert class_breaks([5.0, 5.0]) == []
    assert [class_of(v, [10, 20]) for v in (9.9, 10, 20, 99)] == [0, 1, 2, 2]


def test_the_map_draws_each_place_hatches_the_refused_and_is_left_out_without_lines(county_account: Account) -> None:
    table = county_account.mapped
    assert table is not None and set(table.cells) == {"900001", "900002"}
    picture = choropleth(county_account.run.zone, table, "zh")
    assert picture is not None and picture.svg.count("<path") == 2 and set(picture.words) == {"东镇", "西镇"}
    assert "url(#none)" not in picture.svg
    east = table.cells["900001"]
    one = replace(table, cells={**table.cells, "900001": replace(east, value=None, refusal=_refusal(county_account))})
    hatched = choropleth(county_account.run.zone, one, "zh")
    assert hatched is not None and 'fill="url(#none)"' in hatched.svg
    assert choropleth(county_account.run.zone, replace(table, cells={}), "zh") is None
    content = document(replace(county_account, mapped=None), Words("zh"), None, official=False)
    assert any("不绘地图" in text for text in strings(content))


def _refusal(account: Account) -> Any:
    return next(line.refusal for line in account.lines if line.refusal)


# ---- workbook -------------------------------------------------------------------------------------------------------

MULTIPLES = {"亿": 1e8, "万": 1e4, "bn": 1e9, "M": 1e6, "k": 1e3}
AREAS = {"hm2": 1.0, "km2": 100.0}


def stored(value: float, word: str, unit: str) -> float:
    """A printed figure back in the unit of its fact; hectares are the one printed unit of areas."""
    match = re.match(r"(亿|万|bn|M|k)?", word)
    assert match is not None
    scaled = value * MULTIPLES.get(match[1] or "", 1.0)
    return scaled / AREAS[unit] if unit in AREAS and ("公顷" in word or "ha" in word) else scaled


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name", ["guizhou_account", "county_account"])
def test_every_figure_of_the_workbook_is_the_figure_of_the_run(
    request: pytest.FixtureRequest, name: str, lang: str
) -> None:
    account: Account = request.getfixturevalue(name)
    book = load_workbook(io.BytesIO(account_workbook(account, lang)))
    facts = {f.key: f for f in account.run.facts}
    compared = 0
    for page in book.worksheets:
        rows = [list(r) for r in page.iter_rows(values_only=True)]
        head = rows[HEADER]
        if not str(head[-1]).endswith(("pedigree key", "来历键", "Pedigree key")) or len(head) > 14:
            continue
        first = len(head) - 9
        for row in rows[HEADER + 1 :]:
            fact = facts.get(row[-1])
            if fact is None:
                continue
            number, low, high, range_low, range_high, word = row[first : first + 6]
            if fact.refused:
                assert number in ("拒算", "refused") and low is None and row[-2]
                continue
            for shown, true in zip(
                (number, low, high, range_low, range_high),
                (fact.value, *(fact.span or (None, None)), *(fact.range or (None, None))),
                strict=True,
            ):
                assert (shown is None) == (true is None)
                if shown is not None and true is not None:
                    assert stored(shown, word or "", fact.unit) == pytest.approx(true, rel=1e-12)
                    compared += 1
    assert compared > 20


HEADER = 5  # four lines of title and labels, one blank


@pytest.mark.parametrize(("lang", "first"), [("zh", "汇总"), ("en", "Summary")])
def test_sheets_heads_and_labels(guizhou_account: Account, county_account: Account, lang: str, first: str) -> None:
    book = load_workbook(io.BytesIO(account_workbook(county_account, lang)))
    assert book.sheetnames[0] == first and len(book.sheetnames) == 9
    assert (
        len(load_workbook(io.BytesIO(account_workbook(guizhou_account, lang))).sheetnames) == 8
    )  # one year: no series
    for page in book.worksheets:
        head = [c.value for c in page[HEADER + 1] if c.value]
        assert all(re.search(r"[\u4e00-\u9fff]", h) for h in head if h != "SHA-256 SHA-256"), head
        assert all(re.search(r"[A-Za-z]", h) for h in head), head
        assert page.freeze_panes and page.freeze_panes.endswith(str(HEADER + 2))
        assert county_account.run.id in str(page["A4"].value)
        assert all(d.width >= 8 for d in page.column_dimensions.values())
    assert ("示意" if lang == "zh" else "synthetic") in str(book.worksheets[0]["A4"].value)


def test_the_workbook_marks_refusals_and_keeps_numbers_as_numbers(guizhou_account: Account) -> None:
    page = load_workbook(io.BytesIO(account_workbook(guizhou_account, "zh"))).worksheets[0]
    refused = [c for row in page.iter_rows(min_row=HEADER + 2) for c in row if c.value == "拒算"]
    assert refused and all(c.font.color.rgb.endswith("B3372F") for c in refused)
    total = next(row for row in page.iter_rows(min_row=HEADER + 2, values_only=True) if row[1] == "已核算服务价值合计")
    fact = guizhou_account.run.fact(ACCOUNTED, "520000", basis="constant-2010")
    assert fact.span is not None
    assert total[5:7] == pytest.approx([v / 1e8 for v in fact.span], rel=1e-12) and total[9] == "亿元"
    assert "部分" in str(total[10])


def test_the_workbook_holds_whole_hashes_and_carries_no_clock(county_account: Account) -> None:
    data = account_workbook(county_account, "zh")
    assert data == account_workbook(county_account, "zh")
    core = zipfile.ZipFile(io.BytesIO(data)).read("docProps/core.xml").decode()
    assert "2021-12-31" in core
    parameters = next(s for s in sheets(county_account, Words("zh")) if s.name == "参数")
    assert all(re.fullmatch(r"[0-9a-f]{64}", str(row[-2])) for row in parameters.rows if row[-1])


def test_series_sheet_has_both_bases_and_both_indices(account_of: AccountOf) -> None:
    series = next(s for s in sheets(gathered(account_of("mini_reservoir")), Words("zh")) if s.name == "价格与指数")
    found = {(row[0], row[1], row[2]): row[3] for row in series.rows}
    assert found["数量指数（拉氏，基年 = 100）", "2020 年价", "2021年"] == pytest.approx(110)
    assert found["价格指数（不变价 = 100）", "2020 年价", "2021年"] == pytest.approx(125)


def test_number_formats_show_leading_digits() -> None:
    formats = {1200.0: "#,##0", 3.5: "#,##0.00", 0.25: "#,##0.0000", 0.0002: "0.00E+00", 0.0: "#,##0"}
    assert {v: number_format(v) for v in formats} == formats
