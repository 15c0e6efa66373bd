"""The catalogue: both languages say the same things, and everything that is asked for is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import qingshan.publish
from qingshan.core.errors import UnknownName
from qingshan.core.parameter import STATUSES
from qingshan.faces.cli.projects import KINDS as PROJECT_KINDS
from qingshan.faces.cli.woods import CHANGES
from qingshan.observe.estimator import ESTIMATORS
from qingshan.observe.remeasured import KINDS
from qingshan.publish.forest_report import CHANGE_NOTES
from qingshan.publish.words import LABEL_ORDER, LANGUAGES, Words, blanks, catalogue

PACKAGE = Path(qingshan.publish.__file__).parent


def test_both_languages_have_the_same_keys_and_no_empty_text() -> None:
    zh, en = (catalogue(lang) for lang in LANGUAGES)
    assert set(zh) == set(en)
    assert all(text.strip() for texts in (zh, en) for text in texts.values())


def test_both_languages_leave_the_same_blanks_except_the_chosen_name() -> None:
    zh, en = (catalogue(lang) for lang in LANGUAGES)
    for key, text in zh.items():
        assert blanks(text) == blanks(en[key]), key


def test_every_word_the_code_asks_for_is_in_the_catalogue_and_none_is_idle() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in PACKAGE.glob("*.py"))
    known = set(catalogue("zh"))
    asked = set(re.findall(r'words\("([a-z]+\.[a-z_0-9]+)"', code))
    assert asked <= known
    mentioned = known & set(re.findall(r'"([a-z]+\.[a-z_0-9]+)"', code))
    by_data = {
        "section",
        "category",
        "label",
        "label_note",
        "status",
        "sheet",
        "column",
        "split",
        "cause",
        "aspect",
        "aqi",
        "verdict",
    }  # asked for by a name in data
    idle = {
        key
        for key in known - mentioned
        if key.split(".")[0] not in by_data
        and not key.startswith(("forest.annex_", "forest.estimator_", "dossier.kind_"))
    }
    assert idle == {"word.error", "word.warning", "word.note", "word.quantity_index", "word.price_index"}  # the same


def test_every_estimator_of_an_inventory_has_a_word() -> None:
    for lang in LANGUAGES:
        assert {
            k.removeprefix("forest.estimator_") for k in catalogue(lang) if k.startswith("forest.estimator_")
        } == set(ESTIMATORS)


def test_every_kind_of_change_has_a_word() -> None:
    assert set(CHANGE_NOTES) == set(CHANGES) == set(KINDS) and set(PROJECT_KINDS) == {*KINDS, "from_bare"}
    for lang in LANGUAGES:
        told = {k.removeprefix("dossier.kind_") for k in catalogue(lang) if k.startswith("dossier.kind_")}
        assert told == {*KINDS, "from_bare"}


def test_labels_and_statuses_all_have_a_word() -> None:
    for lang in LANGUAGES:
        texts = catalogue(lang)
        assert {f"label.{label}" for label in LABEL_ORDER} <= set(texts)
        assert {f"status.{status}" for status in STATUSES} <= set(texts)


def test_a_missing_word_and_a_missing_language_are_errors() -> None:
    with pytest.raises(UnknownName, match=r"nothing\.here"):
        Words("zh")("nothing.here")
    with pytest.raises(UnknownName, match="'fr'"):
        Words("fr")
