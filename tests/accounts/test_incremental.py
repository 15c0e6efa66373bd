"""What is computed again, and what is not; runs are whole or absent."""

import shutil
import sqlite3
from pathlib import Path

import pytest

from qingshan.accounts import run as run_module
from qingshan.accounts.home import runs_folder, store_path
from qingshan.accounts.run import latest_runs, open_run, run_account
from qingshan.accounts.store import Store
from qingshan.core.errors import QingshanError
from qingshan.zone.zone import open_zone

from .conftest import EAST, TINY

RAIN = "990100,东原县,2020-06,climate.rain_month,月降水量,210,"


def folder_bytes(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def forget_runs() -> None:
    """Leave only the store, so that the next run has to ask it."""
    shutil.rmtree(runs_folder())


def test_a_second_run_computes_nothing_and_is_the_same_run(tiny):
    first = run_account(tiny, "screening")
    steps = first.stats.computed
    before = folder_bytes(first.path)
    second = run_account(tiny, "screening")
    assert steps > 200 and first.stats.reused == 0
    assert (second.id, second.stats.computed, second.stats.reused) == (first.id, 0, steps)
    assert folder_bytes(second.path) == before


def test_the_store_alone_gives_the_same_bytes_without_computing(tiny):
    first = run_account(tiny, "screening")
    before, steps = folder_bytes(first.path), first.stats.computed
    forget_runs()
    again = run_account(tiny, "screening")
    assert (again.stats.computed, again.stats.reused) == (0, steps)
    assert folder_bytes(again.path) == before


def test_one_changed_month_recomputes_exactly_what_stands_on_it(tiny, edit):
    """The expected set is read from the pedigree of the first run: every method step above that input."""
    old = run_account(tiny, "screening")
    changed = next(
        n
        for n in old.nodes.values()
        if n.kind == "input" and (n.quantity, n.place, n.period) == ("climate.rain_month", EAST, "2020-06")
    )
    expected = {key for key in old.above(changed.key) if old.nodes[key].method}
    assert {f.quantity for f in old.users(changed.key)} >= {
        "climate.rain_annual",
        "water.aet",
        "gep.water_retention_value",
    }
    assert not {old.nodes[key].quantity for key in expected} & {"climate.pet", "gep.flood_reservoir"}

    edit(tiny / "facts" / "climate.csv", RAIN, RAIN.replace("210", "222"))
    new = run_account(tiny, "screening")
    steps = sum(1 for n in old.nodes.values() if n.method)
    assert new.stats.computed == len(expected)
    assert new.stats.reused == steps - len(expected)
    assert new.fact("climate.rain_annual", EAST, "2020").value == 1212
    untouched = {f.key for f in old.facts if f.period != "2020"}
    assert untouched <= {f.key for f in new.facts}


def test_a_changed_note_is_a_changed_pedigree_with_the_same_values(tiny, edit):
    """A row is its value and where it comes from: another note gives new keys above it, and equal figures."""
    old = run_account(tiny, "screening")
    edit(
        tiny / "facts" / "climate.csv",
        f"{RAIN}mm,小国统计（虚构）,小国统计局,primary,",
        f"{RAIN}mm,小国统计（虚构）,小国统计局,primary,核对过",
    )
    new = run_account(tiny, "screening")
    key = next(
        n.key
        for n in old.nodes.values()
        if n.row and n.quantity == "climate.rain_month" and (n.place, n.period) == (EAST, "2020-06")
    )
    assert new.stats.computed == sum(1 for k in old.above(key) if old.nodes[k].method)
    assert [(f.value, f.span, f.range) for f in new.facts] == [(f.value, f.span, f.range) for f in old.facts]


def test_a_row_that_moves_computes_nothing(tiny):
    """The line of a row is where to look, not what it says: the run is another (its nodes name the line), the results are reused."""
    old = run_account(tiny, "screening")
    path = tiny / "facts" / "climate.csv"
    head, *rows = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([head, *reversed(rows)]) + "\n", encoding="utf-8")
    new = run_account(tiny, "screening")
    assert new.id != old.id and new.stats.computed == 0
    assert [f.line() for f in new.facts] == [f.line() for f in old.facts]


def test_a_damaged_row_of_the_store_is_computed_again(tiny):
    first = run_account(tiny, "screening")
    before = folder_bytes(first.path)
    with sqlite3.connect(store_path()) as db:
        (key,) = db.execute("SELECT key FROM node ORDER BY key LIMIT 1").fetchone()
        db.execute("UPDATE node SET payload = ? WHERE key = ?", (b"0" * 16 + b'{"value":[1.0]}', key))
    forget_runs()
    again = run_account(tiny, "screening")
    assert again.stats.computed == 1
    assert folder_bytes(again.path) == before


def test_a_row_of_another_key_is_not_taken_for_this_one(tmp_path):
    with Store(tmp_path / "s.sqlite") as store:
        store.put("a", {"value": [1.0]})
        store.put("b", {"value": [2.0]})
    with sqlite3.connect(tmp_path / "s.sqlite") as db:
        db.execute("UPDATE node SET payload = (SELECT payload FROM node WHERE key = 'b') WHERE key = 'a'")
    with Store(tmp_path / "s.sqlite") as store:
        assert store.get("a") is None and store.get("b") == {"value": [2.0]}


def test_a_store_that_is_no_database_is_one_clear_error(tiny):
    store_path().parent.mkdir(parents=True)
    store_path().write_bytes(b"not a database at all" * 100)
    with pytest.raises(QingshanError, match="result store") as caught:
        run_account(tiny, "screening")
    assert caught.value.fix and not list(runs_folder().iterdir())


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_a_run_that_is_stopped_leaves_nothing_half_written(tiny, monkeypatch, error):
    def stop(*_: object) -> None:
        raise error

    monkeypatch.setattr(run_module, "write_lines", stop)
    with pytest.raises(type(error)):
        run_account(tiny, "screening")
    assert list(runs_folder().iterdir()) == []
    assert latest_runs(open_zone(tiny)) == {}
    monkeypatch.undo()


def test_a_run_changed_on_disk_is_not_passed_off_as_the_result(tiny):
    run = run_account(tiny, "screening")
    (run.path / "facts.jsonl").write_bytes((run.path / "facts.jsonl").read_bytes().replace(b"1200.0", b"1300.0", 1))
    for _ in range(2):  # by the note of what was asked before, and by sealing again
        with pytest.raises(QingshanError, match=r"changed after sealing: facts\.jsonl"):
            run_account(tiny, "screening")
        shutil.rmtree(runs_folder().parent / "asked", ignore_errors=True)


def test_two_zones_of_one_id_do_not_mix(tiny, tmp_path, edit):
    twin = Path(shutil.copytree(TINY, tmp_path / "twin"))
    edit(twin / "facts" / "climate.csv", RAIN, RAIN.replace("210", "333"))
    first, second = run_account(tiny, "screening"), run_account(twin, "screening")
    assert latest_runs(open_zone(tiny))["screening"].id == first.id
    assert latest_runs(open_zone(twin))["screening"].id == second.id
    with pytest.raises(QingshanError, match="several zones are called 'tinyzone'"):
        latest_runs("tinyzone")


def test_an_old_run_keeps_its_inputs(tiny, edit):
    old = run_account(tiny, "screening")
    edit(tiny / "facts" / "climate.csv", RAIN, RAIN.replace("210", "999"))
    run_account(tiny, "screening")
    assert open_run(old.id).zone.facts.best("climate.rain_month", EAST, "2020-06").value == 210


def test_a_sealed_zone_has_the_folder_of_its_own_run(tiny, tmp_path):
    """The zone that was read first lay in a folder which has another name since: what reads files by `path` finds its own."""
    first = run_account(tiny, "screening")
    copy = tmp_path / "copy"
    shutil.copytree(first.path, copy)
    for folder in (first.path, copy, first.path):
        assert run_module.sealed_zone(folder).path == folder / "inputs/zone"
        assert open_run(folder).zone.path == folder / "inputs/zone"
    assert all((first.zone.path / name).is_file() for name in first.zone.files)
