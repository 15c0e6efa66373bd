"""Karst accounts: FOR-22 through a whole year, the acids by stoichiometry, bands that flag, and no way to a unit."""

import itertools
import json

import numpy as np
import pytest

from qingshan.accounts.claim.index import Claim, check_claims, declaration
from qingshan.accounts.claim.methodology import issue, load_methodologies
from qingshan.core.errors import DeclarationError, OutOfBounds, RefusedRelease
from qingshan.faces.cli import main
from qingshan.observe.estimate import TooFewPlots
from qingshan.observe.karst import BENEFIT, karst_account, read_catchment

RUNOFF = 1e6  # m3 in a year
SECONDS = 365.25 * 86400 / 12


def folder(to, *, area=1.0, share=0.29, ca=None, mg=0.0, samples=10, flow=None):
    """A year of even flow with 200 g/m3 of bicarbonate; calcium of carbonic acid alone unless given."""
    to.mkdir()
    q = RUNOFF / (12 * SECONDS) if flow is None else flow
    ca = 200 / 61.02 / 2 * 40.08 if ca is None else ca
    lost = f'\n[degassing]\nshare = {share}\nsource = "td.202107310088"\n' if share is not None else ""
    (to / "karst.toml").write_text(
        f'id = "c"\nzh = "流域"\nen = "catchment"\narea_km2 = {area}\n{lost}', encoding="utf-8"
    )
    rows = [f"{2020 + i / samples},{q * (1 + 0.1 * (i % 3 - 1))},200,{ca},{max(mg, 1e-9)}" for i in range(samples)]
    (to / "samples.csv").write_text("year,flow_m3_s,hco3,ca,mg\n" + "\n".join(rows) + "\n")
    (to / "flow.csv").write_text(
        "year,flow_m3_s,seconds\n" + "".join(f"{2020 + (m + 0.5) / 12},{q},{SECONDS}\n" for m in range(12))
    )
    return to


def test_for_22_over_a_year_and_the_degassing_of_the_abstract(tmp_path):
    got = karst_account(read_catchment(folder(tmp_path / "c")))
    assert got.gross == pytest.approx(72.123894, rel=1e-6)
    assert got.corrected == pytest.approx(got.gross, rel=1e-6)  # (Ca + Mg)/HCO3 = 0.5: carbonic acid alone
    assert got.net == pytest.approx(got.gross * 0.71, rel=1e-6)
    assert got.intensity == pytest.approx(72.123894 * 12 / 44, rel=1e-6)  # g C/m2 on 1 km2


def test_strong_acids_take_their_share(tmp_path):
    # (Ca + Mg)/HCO3 = 0.75: of 0.75 mol carbonate carbon 0.25 came by acids; HCO3 - (Ca + Mg) = 0.25 mol against 0.5: half
    got = karst_account(read_catchment(folder(tmp_path / "c", ca=200 / 61.02 * 0.75 * 40.08)))
    assert got.corrected == pytest.approx(got.gross / 2, rel=1e-6)
    worse = karst_account(read_catchment(folder(tmp_path / "d", ca=200 / 61.02 * 1.2 * 40.08)))
    assert worse.corrected < 0 and "acid" in {f.code for f in worse.findings}


def test_what_is_not_known_is_said_and_not_filled(tmp_path):
    got = karst_account(read_catchment(folder(tmp_path / "c", area=0, share=None)))
    assert got.net is None and got.intensity is None
    assert {"no_area", "no_degassing"} <= {f.code for f in got.findings}
    odd = karst_account(read_catchment(folder(tmp_path / "d", area=0.01)))
    assert "implausible" in {f.code for f in odd.findings}  # 1 967 g C/m2/a


def test_without_calcium_and_magnesium_the_acids_stay_open(tmp_path, capsys):
    """Gross needs bicarbonate alone; half of the cations is a fault, not an open slot."""
    c = folder(tmp_path / "c")
    lines = [line.split(",") for line in (c / "samples.csv").read_text().splitlines()]
    (c / "samples.csv").write_text("\n".join(",".join(line[:3]) for line in lines) + "\n")
    got = karst_account(read_catchment(c))
    assert got.gross == pytest.approx(72.123894, rel=1e-6) and (got.corrected, got.net, got.intensity) == (None,) * 3
    assert "no_acids" in {f.code for f in got.findings} and got.record()["acid_share"] is None
    assert main(["forest", "karst", str(c), "--lang", "zh"]) == 0
    said = capsys.readouterr().out
    assert "警告：" in said and "warning" not in said and "扣除外源酸: -" in said
    assert "[单独账户，不产生单位]  [估算]" in said and got.record()["labels"] == ["estimated"]
    (c / "samples.csv").write_text("\n".join(",".join(line[:4]) for line in lines) + "\n")
    with pytest.raises(DeclarationError, match="mg"):
        read_catchment(c)


def test_faults_are_named(tmp_path):
    with pytest.raises(TooFewPlots):
        karst_account(read_catchment(folder(tmp_path / "a", samples=4)))
    b = folder(tmp_path / "b")
    (b / "samples.csv").write_text((b / "samples.csv").read_text().replace(",200,", ",-200,", 1))
    with pytest.raises(DeclarationError, match="hco3"):
        read_catchment(b)
    c = folder(tmp_path / "c", flow=0.0)
    with pytest.raises(OutOfBounds):
        karst_account(read_catchment(c))
    (c / "flow.csv").unlink()
    with pytest.raises(DeclarationError, match=r"flow\.csv"):
        read_catchment(c)


def test_no_road_leads_from_a_separate_account_to_a_unit():
    """Whatever the scheme, pool, state or methodology: a claim of a separate benefit is an error, and nothing is issued."""
    rule = declaration()
    assert BENEFIT in rule["separate"] and not set(rule["separate"]) & set(rule["benefits"])
    for scheme, pool, state, benefit in itertools.product(
        rule["schemes"], rule["pools"], rule["states"], rule["separate"]
    ):
        (found,) = check_claims([Claim("x", scheme, "p", "2020-01-01", "2021-01-01", pool, benefit, None, state)])
        assert found.level == "error" and found.code == "separate_account"
    for name, benefit in itertools.product(load_methodologies(), rule["separate"]):
        with pytest.raises(RefusedRelease, match="separate account"):
            issue(name, {}, benefit)


def test_the_verb_says_what_it_is(tmp_path, capsys):
    where = str(folder(tmp_path / "c"))
    assert main(["forest", "karst", where, "--lang", "zh"]) == 0
    assert "不产生单位" in capsys.readouterr().out
    assert main(["forest", "karst", where, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["tradable"] is False and np.isclose(told["gross_tco2_a"], 72.123894)
