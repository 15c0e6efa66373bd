"""`verify` replays in another process: equal to the byte, and whatever was tampered with is named."""

import json
import shutil
from pathlib import Path

import pytest

from qingshan.accounts.run import Run, run_account
from qingshan.accounts.verify import verify
from qingshan.core.canonical import canonical
from qingshan.core.errors import UnknownName
from qingshan.faces.cli import main

from .conftest import TINY, filled_run


@pytest.fixture
def sealed(complete: Run, tmp_path: Path) -> Path:
    """A copy of a complete run under its own name, to tamper with."""
    return Path(shutil.copytree(complete.path, tmp_path / complete.id))


def named(folder: Path) -> dict[str, list[str]]:
    """What `verify` names, by kind; it must fail."""
    verdict = verify(folder)
    assert not verdict.ok and not verdict.equal
    found: dict[str, list[str]] = {}
    for difference in verdict.differences:
        assert difference["en"] and difference["zh"]
        found.setdefault(difference["kind"], []).append(difference["what"])
    return found


def swap(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{old!r} is not in {path.name}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_an_untouched_run_is_equal_to_the_byte(sealed):
    verdict = verify(sealed)
    assert (verdict.equal, verdict.ok, verdict.differences) == (True, True, [])
    assert verdict.facts > 1000 and verdict.nodes > 2000 and verdict.files >= 10


def test_a_value_of_the_facts(sealed):
    """Reservoir storage of 2021, 275 元 -> 276."""
    swap(sealed / "facts.jsonl", '"value":275.0', '"value":276.0')
    found = named(sealed)
    assert found["result"] == ["facts.jsonl"]
    assert found["value"] == ["gep.flood_reservoir_value 990000 2021 current"]


def test_the_last_digit_of_a_value_is_tampering_too(sealed):
    """Within the tolerance between machines, but the sealed file is not as sealed."""
    swap(sealed / "facts.jsonl", '"value":275.0', '"value":275.00000000000006')
    assert named(sealed)["result"] == ["facts.jsonl"]


def test_a_value_of_a_step(sealed):
    swap(sealed / "nodes.jsonl", '"value":[275.0]', '"value":[277.0]')
    found = named(sealed)
    assert found["result"] == ["nodes.jsonl"]
    ((kind, (what,)),) = [(k, v) for k, v in found.items() if k != "result"]
    assert kind in ("method", "sum") and what.startswith("gep.flood_reservoir_value 99")


def test_a_cell_of_a_sealed_input(sealed):
    swap(
        sealed / "inputs/zone/facts/services.csv",
        "water.reservoir_capacity,水库总库容,220,",
        "water.reservoir_capacity,水库总库容,221,",
    )
    found = named(sealed)
    assert found["input"] == [
        "inputs/zone/facts/services.csv",
        "water.reservoir_capacity 990100 2021",
        "water.reservoir_capacity 990100 2021",
    ]
    assert "gep.flood_reservoir_value 990100 2021 current" in found["value"]


def test_a_sealed_filled_row(sealed):
    swap(sealed / "inputs/filled.csv", "water.reservoir_unit_cost,,2.5,", "water.reservoir_unit_cost,,2.6,")
    found = named(sealed)
    assert found["input"] == ["inputs/filled.csv"]
    assert set(found["parameter"]) == {"water.reservoir_unit_cost"}
    assert "gep.flood_reservoir_value 990100 2021 current" in found["value"]


def test_a_refusal(sealed):
    swap(sealed / "refusals.jsonl", "小国", "大国")
    assert "refusals.jsonl" in named(sealed)["result"]


def test_the_manifest(sealed):
    manifest = json.loads((sealed / "manifest.json").read_bytes())
    (sealed / "manifest.json").write_bytes(canonical(manifest | {"synthetic": False}))
    assert named(sealed)["manifest"] == ["manifest.json"]


def test_a_manifest_that_is_no_json(sealed):
    (sealed / "manifest.json").write_text("{", encoding="utf-8")
    assert named(sealed) == {"manifest": ["manifest.json"]}


def test_the_code_of_a_method(sealed):
    """A method whose code is not the recorded one is named, and so is the manifest that was altered to say so."""
    manifest = json.loads((sealed / "manifest.json").read_bytes())
    manifest["methods"]["water.reservoir_flood_storage@garze2017"] = "0" * 64
    (sealed / "manifest.json").write_bytes(canonical(manifest))
    found = named(sealed)
    assert found["method"] == ["water.reservoir_flood_storage@garze2017"] and found["manifest"] == ["manifest.json"]


def test_an_extra_file(sealed):
    (sealed / "inputs/zone/facts/more.csv").write_text(
        "place_code,period,quantity,value,unit,source_title,status\n", encoding="utf-8"
    )
    assert named(sealed)["extra"] == ["inputs/zone/facts/more.csv"]


@pytest.mark.parametrize(
    ("file", "kind"),
    [("inputs/zone/facts/flows.csv", "input"), ("nodes.jsonl", "result"), ("inputs/zone/zone.toml", "input")],
)
def test_a_removed_file(sealed, file, kind):
    (sealed / file).unlink()
    assert named(sealed)[kind][0] == file


def test_results_that_cannot_be_read(sealed):
    (sealed / "facts.jsonl").write_text("{\n", encoding="utf-8")
    assert named(sealed)["result"] == ["facts.jsonl", "nodes.jsonl"]


def test_a_changed_zone_on_disk_is_a_note_not_a_failure(tiny):
    run = filled_run(tiny)
    swap(
        tiny / "facts/services.csv",
        "water.reservoir_capacity,水库总库容,220,",
        "water.reservoir_capacity,水库总库容,230,",
    )
    (tiny / "facts/flows.csv").unlink()
    verdict = verify(run.id)
    assert verdict.equal
    assert [n.split()[0] for n in verdict.notes] == ["facts/flows.csv", "facts/services.csv"]


def test_no_such_run(home):
    with pytest.raises(UnknownName, match="no run"):
        verify("tinyzone/screening")


def test_the_verb_exits_1_and_prints_what_differs(tiny, capsys):
    run = run_account(tiny, "screening")
    assert main(["verify", "tinyzone/screening"]) == 0
    assert "equal to the byte" in capsys.readouterr().out
    swap(run.path / "facts.jsonl", '"value":1200.0', '"value":1300.0')
    assert main(["verify", run.id, "--json"]) == 1
    verdict = json.loads(capsys.readouterr().out)
    assert verdict["ok"] is False
    assert any(d["what"] == "climate.rain_annual 990100 2020" for d in verdict["differences"])


def test_nothing_outside_the_scratch_is_written(sealed, complete):
    before = sorted(p for p in complete.path.parent.parent.rglob("*"))
    verify(sealed)
    assert sorted(p for p in complete.path.parent.parent.rglob("*")) == before
    assert TINY.is_dir()
