"""A new zone: made whole or not at all, and sound from the first minute."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qingshan.core.errors import ZoneError
from qingshan.zone import check_zone, init_zone, open_zone


def test_the_template_is_sound(tmp_path: Path) -> None:
    target = tmp_path / "yunnan"
    made = init_zone(target, id="yunnan", name_zh="云南省", name_en="Yunnan", root="530000", year=2023)
    assert {p.relative_to(target).as_posix() for p in made} == {
        "README.md", "facts/climate.csv", "facts/land.csv", "missing.csv", "places.csv", "zone.toml",
    }  # fmt: skip
    assert check_zone(target) == []
    zone = open_zone(target)
    assert (zone.id, zone.name_zh, zone.root, zone.periods[0].id) == ("yunnan", "云南省", "530000", "2023")
    assert [p.name for p in tmp_path.iterdir()] == ["yunnan"]  # nothing temporary is left


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    assert init_zone(tmp_path, id="here", name_zh="此地", name_en="Here")
    assert check_zone(tmp_path) == []


def test_a_folder_with_files_is_refused_and_untouched(tmp_path: Path) -> None:
    (tmp_path / "zone.toml").write_text("mine", encoding="utf-8")
    with pytest.raises(ZoneError, match="not empty"):
        init_zone(tmp_path, id="here", name_zh="此地", name_en="Here")
    assert [p.name for p in tmp_path.rglob("*")] == ["zone.toml"]
    assert (tmp_path / "zone.toml").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize(
    "names", [{"id": "Not Plain"}, {"id": ""}, {"name_zh": ""}, {"name_en": "two\nlines"}, {"root": "\x00"}]
)
def test_unusable_names_are_refused(tmp_path: Path, names: dict[str, str]) -> None:
    with pytest.raises(ZoneError):
        init_zone(tmp_path / "new", **({"id": "new", "name_zh": "新", "name_en": "New"} | names))
    assert list(tmp_path.iterdir()) == []


def test_a_parent_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ZoneError, match="cannot be made"):
        init_zone(tmp_path / "no/such/parent", id="new", name_zh="新", name_en="New")
    assert list(tmp_path.iterdir()) == []


plain = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=20)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plain, plain)
def test_any_name_survives(tmp_path: Path, name_zh: str, name_en: str) -> None:
    target = tmp_path / f"z{len(list(tmp_path.iterdir()))}"
    init_zone(target, id="any", name_zh=name_zh, name_en=name_en)
    zone = open_zone(target)
    assert (zone.name_zh, zone.name_en) == (name_zh, name_en)
    assert check_zone(target) == []
