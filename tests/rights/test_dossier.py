"""A forest project from its dossier to a traded ticket and back: issue 6 item 4 on the package's own project (12 parcels, 16 plots, two inventories).

No methodology of a ticket is complete (their rules are not on file), so the issue is tried twice: as it is, and with the slots filled by the test.
"""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from qingshan.accounts.claim import methodology as methodologies
from qingshan.accounts.claim.dossier import KeptDossier
from qingshan.accounts.claim.synthetic import write_demo_project
from qingshan.core.canonical import digest, file_digest
from qingshan.core.errors import OutOfBounds
from qingshan.ledger.verify import verify_journal
from qingshan.publish.dossier import publish_dossier
from qingshan.rights.dossier import Brought, bring_dossier, corrections
from qingshan.rights.lineage import lineage, lineage_handlers
from qingshan.zone.zone import open_zone

from .hall import YUAN, Hall, T, rules_of
from .test_market import refused

CRS = "EPSG:32648"
REPORT = "7e" * 32
EQUATIONS = (
    "id,set,taxon,taxon_zh,rank,quantity,form,a,b,d_unit,h_unit,unit,unit_basis,source_title,status\n"
    "own.cf,own,Cunninghamia lanceolata,杉木,species,total,power_d2h,0.05,0.93,cm,m,kg,printed,a survey of the bureau,secondary\n"
    "own.pm,own,Pinus massoniana,马尾松,species,total,power_d2h,0.06,0.92,cm,m,kg,printed,a survey of the bureau,secondary\n"
)


@pytest.fixture
def filled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Bijie rules as if obtained: every open step is the test's own choice."""
    known = methodologies.load_methodologies()
    ticket = known["bijie_ticket"]
    aspects = {k: replace(a, status="project") for k, a in ticket.aspects.items()}
    made = {**known, ticket.id: replace(ticket, open=(), aspects=aspects)}
    monkeypatch.setattr(methodologies, "load_methodologies", lambda: made)


class Woods:
    """A hall of exchange and the project folder of X."""

    def __init__(self, folder: Path, *, synthetic: bool = False) -> None:
        self.hall, self.folder = Hall(folder / "hall", rules_of("price_time")), folder / "project"
        self.hall.venue.handlers |= lineage_handlers()
        write_demo_project(self.folder)
        if not synthetic:
            text = (self.folder / "project.toml").read_text(encoding="utf-8")
            text = (
                text.replace("synthetic = true\n", "")
                .replace('"anhui2016"', '"own"')
                .replace("allow_unit_assumed = true\n", "")
            )
            (self.folder / "project.toml").write_text(text, encoding="utf-8")
            (self.folder / "equations.csv").write_text(EQUATIONS, encoding="utf-8")

    def dossier(self) -> KeptDossier:
        return publish_dossier(open_zone("demo30m"), self.folder, crs=CRS, tolerance_m2=1.0)

    def bring(self, kept: KeptDossier) -> Brought:
        brought = bring_dossier(kept, self.folder, "X")
        for body in brought.files:
            if ("file", body["sha256"]) not in self.hall.venue.book.records:
                self.hall.send("rights.file", "clerk7", **body)
        self.hall.send("register.create", "clerk7", **brought.record)
        return brought

    def verified(self, brought: Brought) -> str:
        """Published, taken up, verified by two people at the claimed tonnes. Returns the instrument."""
        hall, id = self.hall, brought.record["id"]
        hall.send(
            "rights.file",
            "verifier5",
            sha256=REPORT,
            kind="verification_report",
            name="r",
            sources=[brought.monitoring_report],
        )
        project = {"register": "ticket_project", "id": id}
        hall.send(
            "register.act",
            "registry0",
            **project,
            version=1,
            step="publish",
            evidence={"monitoring_report": brought.monitoring_report},
        )
        hall.send("register.act", "verifier5", **project, version=2, step="take_up")
        hall.send("register.act", "verifier5", **project, version=3, step="verify", fields={"verified": brought.record["fields"]["claimed"]},
                  evidence={"verification_report": REPORT})  # fmt: skip
        hall.send("register.confirm", "verifier6", **project, version=4)
        return hall.instrument("ticket", "forest", id, "2015-01-01", "2032-01-01")

    def issue(self, asset: str, quantity: int) -> None:
        self.hall.send(
            "rights.issue",
            "registry0",
            lot="T1",
            asset=asset,
            quantity=quantity,
            account="X",
            evidence=REPORT,
            project="demo-ticket",
        )


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QINGSHAN_HOME", str(tmp_path / "home"))


@pytest.mark.usefixtures("filled")
def test_from_plots_to_a_traded_ticket_and_back(tmp_path: Path) -> None:
    woods = Woods(tmp_path)
    hall, kept = woods.hall, woods.dossier()
    assert kept.record["label"] == "final" and kept.record["refusals"] == []
    brought = woods.bring(kept)
    asset = woods.verified(brought)
    verified = kept.record["kg_co2e"] * 1000  # kg in micro-tonnes
    refused("more_than_verified", woods.issue, asset, verified + 1)
    whole = verified // T * T
    woods.issue(asset, whole)

    hall.open_market(20 * YUAN, asset)
    hall.money("Y", 10_000)
    for id, account, side in (("s1", "X", "sell"), ("b1", "Y", "buy")):
        hall.send(
            "market.order",
            f"trader{account}",
            id=id,
            asset=asset,
            account=account,
            side=side,
            price=20 * YUAN,
            quantity=100 * T,
        )
    (sold,) = hall.venue.book.shelves["Y", asset]

    graph = lineage(hall.venue, "T1", sold.start)  # of a unit that Y bought
    assert graph.undeclared == []
    assert set(kept.record["evidence"].values()) <= set(graph.files())
    plots = {n.content["id"]: n for n in graph.of("measurement")}
    assert len(plots) == 32  # 2 strata of 8 plots, twice
    trees = next(n for n in graph.of("file") if n.content["sha256"] == file_digest(woods.folder / "closing/trees.csv"))
    assert trees.content["name"] == "demo-ticket/closing/trees.csv" and trees.hash in plots["closing/cf01"].sources
    rows = [["closing/plots.csv", {"plot": "cf01", "stratum": "cf", "area_m2": "600"}]]
    with (woods.folder / "closing/trees.csv").open(encoding="utf-8") as stream:
        rows += [["closing/trees.csv", row] for row in csv.DictReader(stream) if row["plot"] == "cf01"]
    assert len(rows) == 37 and plots["closing/cf01"].content["sha256"] == digest(rows)
    (land,) = graph.of("land")
    assert (land.content["from"], land.content["to"]) == ("2015-01-01", "2019-12-31")

    # one diameter was read wrong: the dossier is made again, the lot comes under review, what was sold is a claim
    path = woods.folder / "closing/trees.csv"
    text = path.read_text(encoding="utf-8")
    line = next(x for x in text.splitlines() if x.startswith("cf01,1,"))
    path.write_text(text.replace(line, line.replace(line.split(",")[3], "11.1", 1)), encoding="utf-8")
    assert corrections(hall.venue.book, kept, "x") == []
    newer = woods.dossier()
    assert newer.version == 2
    told = [
        hall.send("rights.correct", "verifier5", **b).answer["lots"]
        for b in corrections(hall.venue.book, newer, "更正胸径")
    ]
    lots = [lot for found in told for lot in found]
    assert lots == [{"lot": "T1", "held": str(whole - 100 * T), "held_before": "0", "claim": str(100 * T)}]
    assert hall.venue.book.lots["T1"].status == "under_review"
    assert hall.venue.book.balance("X", asset).available == 0
    assert verify_journal((hall.venue.folder / "journal").read_bytes()).sound
    for body in bring_dossier(newer, woods.folder, "X").files:
        if ("file", body["sha256"]) not in hall.venue.book.records:
            hall.send("rights.file", "clerk7", **body)
    with pytest.raises(OutOfBounds, match="version 2"):
        corrections(hall.venue.book, kept, "x")


def test_a_draft_gives_no_unit(tmp_path: Path) -> None:
    """The Bijie rules are not on file and the project is synthetic: verified or not, nothing is issued."""
    woods = Woods(tmp_path, synthetic=True)
    asset = woods.verified(woods.bring(woods.dossier()))
    told = refused("barred", woods.issue, asset, T)
    assert "bijie_ticket_method" in told.en and "合成" in told.zh
    assert "T1" not in woods.hall.venue.book.lots


def test_land_and_time_that_another_project_has(tmp_path: Path) -> None:
    """Moved by 90 m it shares land for the same years; the same land in later years is free."""
    woods = Woods(tmp_path)
    woods.bring(woods.dossier())
    woods.folder = tmp_path / "other"
    write_demo_project(woods.folder, id="other", shift=90.0)
    kept = woods.dossier()
    refused("overlap", woods.bring, kept)
    assert ("ticket_project", "other") not in woods.hall.venue.book.records
    project = woods.folder / "project.toml"
    text = project.read_text(encoding="utf-8").replace("2020-01-01", "2025-01-01").replace("2015-01-01", "2020-01-01")
    project.write_text(text, encoding="utf-8")
    assert woods.bring(woods.dossier()).record["fields"]["from"] == "2020-01-01"


def test_the_folder_must_be_the_one(tmp_path: Path) -> None:
    woods = Woods(tmp_path)
    kept = woods.dossier()
    (woods.folder / "closing/trees.csv").write_text("plot\n", encoding="utf-8")
    with pytest.raises(OutOfBounds, match="computed from"):
        bring_dossier(kept, woods.folder, "X")
    other = replace(kept, record={**kept.record, "project": {**kept.record["project"], "scheme": "ccer"}})
    with pytest.raises(OutOfBounds, match="not of forest tickets"):
        bring_dossier(other, woods.folder, "X")


def test_what_a_dossier_declares_is_checked(tmp_path: Path) -> None:
    hall = Hall(tmp_path, rules_of("price_time"))
    hall.venue.handlers |= lineage_handlers()
    body = {"sha256": "11" * 32, "kind": "dossier", "name": "d"}
    hall.send("rights.file", "clerk7", sha256="22" * 32, kind="readings", name="t")
    one = {"id": "closing/a", "sha256": "33" * 32, "sources": ["22" * 32]}
    refused("kind", hall.send, "rights.file", "clerk7", **body | {"kind": "plots", "refusals": ["x"]})
    refused("refusals", hall.send, "rights.file", "clerk7", **body, refusals=[1])
    for wrong in ([one | {"sources": []}], [one | {"sha256": "x"}], [one, one], [{"id": "a"}], ["a"], {"a": 1}):
        refused("measurements", hall.send, "rights.file", "clerk7", **body, sources=["22" * 32], measurements=wrong)
    refused(
        "measurements", hall.send, "rights.file", "clerk7", **body, measurements=[one]
    )  # a file that the dossier does not name
    hall.send("rights.file", "clerk7", **body, sources=["22" * 32], measurements=[one])
