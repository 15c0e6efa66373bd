"""The catalogue is complete in both languages, and templates hold no words of their own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from qingshan.core.errors import UnknownName
from qingshan.faces import web
from qingshan.faces.web.figures import _GRAVITY
from qingshan.faces.web.views import VIEWS
from qingshan.faces.web.words import Words, blanks, catalogue
from qingshan.observe.estimator import ESTIMATORS
from qingshan.observe.remeasured import KINDS

FOLDER = Path(web.__file__).parent
TEMPLATES = sorted((FOLDER / "templates").glob("*.html"))
# names of file formats, signs, and the key on the keyboard are the same in every language
PLAIN = {"Esc", "sha", "doi", "json", "csv", "xlsx", "geojson", "svg", "png"}


def test_both_catalogues_have_the_same_keys() -> None:
    """English has some texts once more for one thing (`…_one`), which Chinese does not tell apart."""
    zh, en = set(catalogue("zh")), set(catalogue("en"))
    assert {k for k in en - zh if not (k.endswith("_one") and k.removesuffix("_one") in zh)} == zh - en == set()
    assert (
        Words("en")("forest.projects.barred", n=1)
        == "1 reason against issue"
        != Words("en")("forest.projects.barred", n=2)
    )
    assert Words("zh")("forest.projects.barred", n=1) == Words("zh")("forest.projects.barred", n="1")


def test_neither_catalogue_asks_for_what_the_other_does_not_know() -> None:
    """A language may leave a number out (the three below most); it may not name something only it is given."""
    zh, en = catalogue("zh"), catalogue("en")
    pairs = {key: ({b.lower() for b in blanks(zh[key])}, {b.lower() for b in blanks(en[key])}) for key in zh}
    assert {key: pair for key, pair in pairs.items() if not (pair[0] <= pair[1] or pair[1] <= pair[0])} == {}


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_text_for_one_asks_for_nothing_more_than_that_for_many(lang: str) -> None:
    """`X_one` is taken in place of `X` with what `X` was given."""
    texts = catalogue(lang)
    for key, text in texts.items():
        if key.endswith("_one") and (many := texts.get(key.removesuffix("_one"))) is not None:
            assert blanks(text) <= blanks(many) | {"n"}, key


def test_no_text_is_empty_or_untranslated() -> None:
    zh, en = catalogue("zh"), catalogue("en")
    assert [k for k in zh if not zh[k].strip("\u3000") or not en[k]] == []
    chinese_only = [k for k, text in en.items() if re.search(r"[\u4e00-\u9fff]", text)]
    assert chinese_only == []


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda p: p.name)
def test_templates_hold_no_words(template: Path) -> None:
    text = template.read_text(encoding="utf-8")
    text = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", " ", text, flags=re.S)
    assert re.findall(r"[\u4e00-\u9fff]+", text) == []
    spoken = re.sub(r"<[^>]*>", "\n", re.sub(r"<(script|style)\b.*?</\1>", "", text, flags=re.S))
    words = set(re.findall(r"[A-Za-z]{3,}", spoken)) - PLAIN
    assert words == set()
    attributes = re.findall(r'(?:aria-label|title|placeholder|alt)="([^"]*[A-Za-z]{3,}[^"]*)"', text)
    assert attributes == []


def test_every_key_a_template_asks_for_exists() -> None:
    asked = {
        key for path in TEMPLATES for key in re.findall(r'\bt\("([a-z_0-9.]+)"[,)]', path.read_text(encoding="utf-8"))
    }
    assert asked - set(catalogue("zh")) == set()


def test_every_page_and_badge_has_its_words() -> None:
    assert [v.name for v in VIEWS if v.home and f"nav.{v.name}" not in catalogue("zh")] == []
    assert [label for label in (*_GRAVITY, "open") if f"badge.{label}.why" not in catalogue("en")] == []


def test_a_missing_text_is_an_error() -> None:
    with pytest.raises(UnknownName, match=r"no\.such\.key"):
        Words("zh")("no.such.key")


def test_every_estimator_and_kind_of_change_has_a_word() -> None:
    for lang in ("zh", "en"):
        told = {k.removeprefix("pedigree.estimator.") for k in catalogue(lang) if k.startswith("pedigree.estimator.")}
        assert told == {*ESTIMATORS, *KINDS, "from_bare", "ratio", "scaled"}
