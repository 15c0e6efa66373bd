"""The verbs on accounts through `main`: exit codes 0, 1, 2, 3 and `--json`."""

import json
import subprocess
import sys

import pytest

from qingshan.accounts import run as run_module
from qingshan.faces.cli import main

from .conftest import DOCUMENT, FILLED


def call(*arguments: str) -> int:
    return main([str(a) for a in arguments])


def told(capsys) -> dict:
    return json.loads(capsys.readouterr().out)


def test_run_explain_verify_and_fill_as_json(tiny, capsys):
    assert call("run", "--zone", tiny, "--profile", "gbt46869_2025", "--json") == 0
    (run,) = told(capsys)["runs"]
    assert run["given"] == [] and "G02" in run["refused"] and "G06" in run["not_included"]

    assert call("fill", "gbt46869_2025", FILLED, "--by", "王芳", "--document", DOCUMENT, "--zone", tiny, "--json") == 0
    filled = told(capsys)
    assert len(filled["filled"]) > 80 and filled["findings"] == []
    assert {r["filled_by"] for r in filled["filled"]} == {"王芳"}

    assert call("run", "--zone", tiny, "--profile", "gbt46869_2025", "--json") == 0
    (run,) = told(capsys)["runs"]
    assert run["refused"] == [] and len(run["given"]) == 14 and run["computed"] > 0

    assert (
        call(
            "explain",
            "G07",
            "--zone",
            tiny,
            "--profile",
            "gbt46869_2025",
            "--place",
            "东原县",
            "--period",
            "2021",
            "--json",
        )
        == 0
    )
    tree = told(capsys)
    assert (tree["quantity"], tree["place"], tree["value"]) == ("gep.flood_reservoir", "990100", 110)

    assert call("verify", run["run"], "--json") == 0
    assert told(capsys)["equal"] is True


def test_refusals_are_no_failure_unless_strict(tiny, capsys):
    assert call("run", "--zone", tiny, "--profile", "screening") == 0
    assert "G03 less silting: refused" in capsys.readouterr().out
    assert call("run", "--zone", tiny, "--profile", "screening", "--strict") == 1


def test_an_error_finding_of_the_zone_exits_1(tiny, edit, capsys):
    edit(
        tiny / "facts" / "climate.csv",
        "990100,东原县,2020-06,climate.rain_month,月降水量,210,mm",
        "990100,东原县,2020-06,climate.rain_month,月降水量,-210,mm",
    )
    assert call("run", "--zone", tiny, "--profile", "screening") == 1
    capsys.readouterr()


def test_a_refused_fill_exits_1(tiny, tmp_path, capsys):
    assert call("fill", "gbt46869_2025", tmp_path / "none.csv", "--by", "王芳", "--zone", tiny) == 1
    assert "no file none.csv" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "--profile", "nonsense"),
        ("explain", "no.such.quantity"),
        ("explain", "G02", "--place", "亚特兰蒂斯"),
        ("explain", "G02", "--profile", "hj1173_2021"),
        ("fill", "gbt46869_2025"),
        ("explain",),
    ],
)
def test_a_wrong_call_exits_2(tiny, arguments, capsys):
    assert call("run", "--zone", tiny, "--profile", "screening") == 0
    assert call(*arguments, "--zone", str(tiny)) == 2
    capsys.readouterr()


def test_no_such_run_exits_2(home, capsys):
    assert call("verify", "nothing") == 2
    assert "no run" in capsys.readouterr().err


def test_a_bug_exits_3(tiny, monkeypatch, capsys):
    monkeypatch.setattr(run_module, "compute", lambda *a, **k: 1 / 0)
    assert call("run", "--zone", tiny, "--profile", "screening") == 3
    assert "this is a bug" in capsys.readouterr().err


def test_ctrl_c_exits_1_and_leaves_nothing(tiny, home, monkeypatch, capsys):
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(run_module, "compute", stop)
    assert call("run", "--zone", tiny, "--profile", "screening") == 1
    assert "nothing half-written" in capsys.readouterr().err
    assert list((home / "runs").iterdir()) == []


def test_the_installed_program_runs_a_zone(tiny, home):
    done = subprocess.run(
        [sys.executable, "-m", "qingshan", "run", "--zone", str(tiny), "--profile", "hj1173_2021", "--json"],
        capture_output=True, text=True, encoding="utf-8", check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["runs"][0]["profile"] == "hj1173_2021"
