"""The invented zone of these tests, runs on it, and a builder of still smaller zones. Each test has its own home."""

import csv
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from qingshan.accounts.fill import fill
from qingshan.accounts.run import Run, run_account
from qingshan.zone.zone import open_zone

HERE = Path(__file__).parent
TINY = HERE / "tinyzone"
FILLED = HERE / "filled_gbt46869_2025.csv"
DOCUMENT = "GB/T 46869-2025（虚构文本）"
EAST, WEST, ROOT = "990100", "990200", "990000"
FACT_COLUMNS = ("place_code", "period", "quantity", "value", "unit", "source_title", "status")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home of the test's own."""
    monkeypatch.setenv("QINGSHAN_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("QINGSHAN_ZONE", raising=False)
    return tmp_path / "home"


@pytest.fixture
def tiny(tmp_path: Path, home: Path) -> Path:
    """A copy of the invented zone that a test may change."""
    return Path(shutil.copytree(TINY, tmp_path / "tinyzone"))


def filled_run(zone: Path) -> Run:
    """The official profile on a zone, its slots filled with the invented document."""
    _, findings = fill(open_zone(zone), "gbt46869_2025", FILLED, by="王芳", document=DOCUMENT)
    assert findings == []
    return run_account(zone, "gbt46869_2025")


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One home for the tests of a module that only read."""
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("home")
        patch.setenv("QINGSHAN_HOME", str(home))
        patch.delenv("QINGSHAN_ZONE", raising=False)
        yield home


@pytest.fixture(scope="module")
def screening(shared_home: Path) -> Run:
    return run_account(TINY, "screening")


@pytest.fixture(scope="module")
def before_fill(shared_home: Path) -> Run:
    """The official profile with every slot open."""
    return run_account(TINY, "gbt46869_2025")


@pytest.fixture(scope="module")
def complete(before_fill: Run) -> Run:
    """The official profile with its slots filled."""
    return filled_run(TINY)


ZONE = """
[zone]
id = "{id}"
name_zh = "试区"
name_en = "Trial"
root = "0"
default_profile = "screening"
synthetic = true
currency_year = 2020
[[level]]
id = "whole"
zh = "全区"
en = "whole"
[[level]]
id = "part"
zh = "分区"
en = "part"
[[period]]
id = "2020"
year = 2020
zh = "2020年"
en = "2020"
also = ["static"]
month_pattern = ["2020-{{:02d}}"]
[extent]
scheme = "trial"
zh = "地类"
en = "classes"
total = "place.area"
[[extent.class]]
id = "wood"
fact = "land.forest.arbor"
zh = "林"
en = "wood"
[[extent.class]]
id = "grass"
fact = "land.grass"
zh = "草"
en = "grass"
[[map]]
id = "alpha"
source = "invented"
status = "project"
[map.rows]
wood = ["常绿阔叶林"]
grass = ["热带亚热带草丛"]
{more}
"""


def make_zone(
    folder: Path, facts: list[tuple[str, str, str, float, str]], parts: int = 2, more: str = "", id: str = "trial"
) -> Path:
    """A zone of a whole "0" and parts "1", "2" ...; `facts` are (place, period, quantity, value, unit)."""
    (folder / "facts").mkdir(parents=True)
    (folder / "zone.toml").write_text(ZONE.format(more=more, id=id), encoding="utf-8")
    places = [
        ("code", "name_zh", "name_en", "level", "parent", "lon", "lat"),
        ("0", "全区", "Whole", "whole", "", "107", "27"),
    ]
    places += [(str(n), f"分区{n}", f"Part {n}", "part", "0", "107", "27") for n in range(1, parts + 1)]
    write_csv(folder / "places.csv", places)
    write_csv(folder / "missing.csv", [("quantity", "name_zh", "place_code", "period", "document")])
    rows = [(p, t, q, repr(v), u, "invented", "primary") for p, t, q, v, u in facts]
    write_csv(folder / "facts" / "all.csv", [FACT_COLUMNS, *rows])
    return folder


def write_csv(path: Path, rows: list[tuple[str, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows(rows)


def months(place: str, total: float, year: str = "2020") -> list[tuple[str, str, str, float, str]]:
    """A year's rain in twelve equal months."""
    return [(place, f"{year}-{m:02d}", "climate.rain_month", total / 12, "mm") for m in range(1, 13)]


@pytest.fixture
def edit() -> Callable[[Path, str, str], None]:
    """Replace a text that stands exactly once in a file."""

    def change(path: Path, old: str, new: str) -> None:
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {path.name}"
        path.write_text(text.replace(old, new), encoding="utf-8")

    return change
