"""The place page says what is known: figures on file, only figures worked out, or none."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from tinyraster import write_raster_zone

from qingshan.accounts.run import run_account
from qingshan.faces.api.app import create_app
from qingshan.faces.web.views import place
from qingshan.faces.web.words import Words
from qingshan.zone.zone import open_zone

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

NONE = {"zh": "还没有任何数字", "en": "There is no figure"}
WORKED = {"zh": "都由核算得出", "en": "is worked out; no figure of it is on file"}
STATUS = {"zh": "收录的数字都是转引", "en": "Every figure on file is secondary"}


@pytest.fixture(scope="module")
def client(home: Path, tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    """A county without a figure on file, one of its townships with one, and a run over its rasters."""
    zone = open_zone(write_raster_zone(tmp_path_factory.mktemp("place") / "zone"))
    run = run_account(zone, "spatial")
    return TestClient(create_app(zone, {run.profile.id: run}), follow_redirects=False)


def headline(html: str) -> str:
    return re.search(r"<h1>(.*?)</h1>", html, re.S)[1]  # type: ignore[index]


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_what_was_only_worked_out_is_not_called_nothing(client: TestClient, lang: str) -> None:
    """The county has no figure on file, but its run has: no 'no figure yet', no word on the grades of figures on file."""
    html = client.get(f"/{lang}/place/R").text
    assert WORKED[lang] in headline(html)
    assert NONE[lang] not in html and STATUS[lang] not in html
    assert f"<h2>{'收录的数字' if lang == 'zh' else 'Figures on file'}</h2>" in html


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_place_with_a_figure_on_file_says_how_many(client: TestClient, lang: str) -> None:
    html = client.get(f"/{lang}/place/R1").text
    assert headline(html) == ("西乡收录了一个数字" if lang == "zh" else "One figure on file for West Township")
    assert STATUS[lang] in html


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_without_a_run_and_without_facts_there_is_none(home: Path, tmp_path: Path, lang: str) -> None:
    bare = TestClient(create_app(open_zone(write_raster_zone(tmp_path / "zone")), {}), follow_redirects=False)
    assert NONE[lang] in headline(bare.get(f"/{lang}/place/R").text)


@pytest.mark.parametrize(("lang", "said"), [("zh", "价值，2010 年价"), ("en", "Value, prices of 2010")])
def test_services_have_one_value_in_the_prices_of_their_sum(client: TestClient, lang: str, said: str) -> None:
    """The profile has constant and current prices: two values side by side would not say which is which."""
    html = client.get(f"/{lang}/place/R").text
    assert said in html
    rows = re.findall(r'<tr><th scope="row">.*?</tr>', html[html.index(said) :].partition("</tbody>")[0], re.S)
    priced = [r.split('<td class="n">')[2] for r in rows if r.count('<td class="n">') == 2]
    assert priced and all(cell.count('class="figure') <= 1 for cell in priced)
    assert any(cell.count('class="figure') == 1 for cell in priced)


def test_one_of_a_family_of_quantities_has_an_english_name(home: Path, tmp_path: Path) -> None:
    """Printed in Chinese only; the family says what it is, the id which."""
    folder = write_raster_zone(tmp_path / "zone")
    with (folder / "facts" / "people.csv").open("a", encoding="utf-8") as out:
        out.write("R1,2020,air.emission.dust,工业粉尘排放量,12,t,invented,nobody,secondary,\n")
    bare = TestClient(create_app(open_zone(folder), {}), follow_redirects=False)
    assert "工业粉尘排放量" in bare.get("/zh/place/R1").text
    page = bare.get("/en/place/R1").text
    assert "air pollutant emitted (dust)" in page.lower() and "工业粉尘排放量" not in page


def section(html: str) -> str:
    """The last section: the list of figures."""
    return html[html.rindex('<section class="block">') :].partition("</section>")[0]


@pytest.mark.parametrize(
    ("lang", "title", "note"),
    [("zh", "收录的数字", "这个地点没有收录数字。"), ("en", "Figures on file", "No figure is on file for this place.")],
)
def test_refused_figures_are_no_rows(client: TestClient, lang: str, title: str, note: str) -> None:
    """The run refused every figure of the county itself: a notice, no heads without rows, and no period that nobody asked for."""
    said = section(client.get(f"/{lang}/place/R").text)
    assert f"<h2>{title}</h2>" in said and note in said and "<table" not in said
    asked = section(client.get(f"/{lang}/place/R?period=2018").text)
    assert ("这个时期" if lang == "zh" else "for this period") in asked


def test_every_label_of_a_figure_shows(client: TestClient) -> None:
    """The one figure on file is restated, in a made-up zone: two labels, beside the key figure and over the map."""
    html = client.get("/en/place/R1").text
    key = re.search(r'<div class="key">.*?</div>', html, re.S)[0]  # type: ignore[index]
    over = next(h for h in re.findall(r"<h2>.*?</h2>", html, re.S) if "Where West Township lies" in h)
    for part in (key, over):
        assert re.findall(r'class="badge [^>]*>([^<]*)<', part) == ["synthetic", "secondary"]


def test_one_figure_is_said_as_one() -> None:
    """Of one thing no plural, in any of the four counts; more are counted."""
    made: list[Any] = [SimpleNamespace(known=True)] * 2
    lines: list[Any] = [SimpleNamespace(earlier=[]), SimpleNamespace(earlier=[1])]
    ask: Any = SimpleNamespace(t=Words("en"), span=None)
    asked: Any = SimpleNamespace(t=Words("en"), span=(2020, 2020), asked_years="2020")
    fact = cast(Any, None)
    assert place._facts_title(ask, [], [], made) == "2 figures worked out"
    assert place._facts_title(ask, [], [], made[:1]) == "One figure worked out"
    assert place._facts_title(ask, [fact], [], made) == "The one figure on file"
    assert place._facts_title(ask, [fact] * 1200, [], made) == "All 1,200 figures on file"
    assert place._facts_title(asked, [fact], lines[:1], []) == "One figure on file for 2020"
    assert place._facts_title(asked, [fact], lines, []) == "3 figures on file for 2020"
    assert "single months" in place._facts_note(ask, [fact])  # a fact that fills no row
    assert place._counted(ask, "map_whole", 1, name="X", level="township") == "The only township of X"


@pytest.mark.parametrize(("lang", "title"), [("zh", "小栅格县的 2 个乡"), ("en", "The 2 townships of Tiny County")])
def test_the_map_counts_the_townships_and_not_those_with_a_figure(client: TestClient, lang: str, title: str) -> None:
    """Two townships, one of them with a figure."""
    assert title in client.get(f"/{lang}/place/R").text
