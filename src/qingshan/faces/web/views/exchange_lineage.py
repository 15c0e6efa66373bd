"""What a held unit stands on: serial, lot, project, parcels, report, dossier, plots, measurements and files, as a tree. A noted read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

from qingshan.core.canonical import digest
from qingshan.core.errors import UnknownName
from qingshan.faces.access.desk import Desk
from qingshan.faces.access.private import account_told
from qingshan.faces.web.filed import name_of, record_href, unit_of, value_shown
from qingshan.faces.web.page import Column, Page, Table, View
from qingshan.faces.web.proofs import prover
from qingshan.faces.web.released import dossiers_of
from qingshan.faces.web.site import Ask
from qingshan.faces.web.trading import account_of, amount_text, asset_name, desk_of, markets_of, signed, visitor_of
from qingshan.faces.web.trading import unit_of as unit_word
from qingshan.ledger.amounts import MICRO, decimal_text, read_decimal
from qingshan.registers.declaration import Register
from qingshan.registers.engine import visible
from qingshan.rights.instruments import parse_asset
from qingshan.rights.lineage import FILE_KINDS, Lineage, Node, lineage

OPEN = 3
"""Levels that are unfolded when the page is opened: the unit, its lot, what the lot was issued on."""
PLOT = re.compile(r"(opening|closing)/(.+)")


@dataclass
class Fact:
    """A name with its value, where it leads and, for a hash, the whole of it."""

    name: str
    text: str
    href: str = ""
    whole: str = ""


@dataclass
class Branch:
    """A node of the tree. `again`: it stands in full further up, at `hash`."""

    hash: str
    kind: str
    title: str
    facts: list[Fact]
    alarm: str = ""
    again: bool = False
    open: bool = False
    below: list[Branch] = field(default_factory=list)
    plots: list[dict[str, Any]] = field(default_factory=list)


def build(ask: Ask) -> Page:
    """`?lot=&unit=[&account=]`: the tree under a unit of an own account. Raises `UnknownName` where the account does not hold it."""
    desk, account, lot = desk_of(ask), account_of(ask), ask.query.get("lot", "")
    desk.read(visitor_of(ask), "lineage", f"{lot} {ask.query.get('unit', '0')}", account)
    number = read_decimal(ask.query.get("unit", "0"), MICRO, "unit")
    held = account_told(desk, account)["ranges"]
    if not any(
        r["lot"] == lot and read_decimal(r["start"], MICRO) <= number < read_decimal(r["end"], MICRO) for r in held
    ):
        raise UnknownName(f"{account} does not hold this unit.", f"{account} 不持有该单位。")
    with desk.reading():
        graph = lineage(desk.venue, lot, number, desk.history)
        tree = _Teller(ask, desk, graph).branch(graph.root, 0)
    plots = {m["plot"] for b in _every(tree) for m in b.plots}
    asset = desk.venue.book.lots[lot].asset
    context: dict[str, Any] = {
        "tree": tree, "undeclared": graph.undeclared, "who": signed(ask, f"/{ask.lang}/exchange"), "rail": markets_of(ask, asset, "/exchange"),
        "headline": ask.t("exchange.lineage.headline", lot=lot, unit=amount_text(decimal_text(number, MICRO)), word=unit_word(ask, asset),
                          plots=len(plots), files=len(graph.files())),
        "json": f"/api/exchange/lineage?{urlencode({'account': account, 'lot': lot, 'unit': ask.query.get('unit', '0')})}",
        "synthetic": desk.synthetic, "here": ask.zone.root,
    }  # fmt: skip
    return Page(
        "exchange_lineage.html",
        ask.t("exchange.lineage.title"),
        context,
        [_table(ask, graph)],
        labels=("synthetic",) if desk.synthetic else (),
    )


def _every(b: Branch) -> list[Branch]:
    return [b, *(one for child in b.below for one in _every(child))]


def _table(ask: Ask, graph: Lineage) -> Table:
    """Each node once, with what it stands on: the graph can be put together again from the rows."""
    columns = tuple(
        Column(k, zh, en)
        for k, zh, en in (("hash", "节点", "node"), ("kind", "类别", "kind"), ("name", "名称", "name"), ("sha256", "内容的 sha-256", "sha-256 of content"),
                          ("sources", "所依据的节点", "nodes it stands on"))
    )  # fmt: skip
    rows = [
        {"hash": n.hash, "kind": _kind(ask, n), "name": str(n.content.get("name") or n.content.get("id") or n.content.get("lot") or ""),
         "sha256": str(n.content.get("sha256") or n.content.get("geometry") or ""), "sources": " ".join(n.sources)}
        for n in graph.nodes.values()
    ]  # fmt: skip
    return Table("nodes", "来历", "lineage", columns, rows)


def _kind(ask: Ask, node: Node) -> str:
    return ask.t(f"exchange.node.{node.content.get('kind', 'file') if node.kind == 'file' else node.kind}")


class _Teller:
    """Puts the nodes of a graph into words; a node that several stand on is told once and pointed to after that."""

    def __init__(self, ask: Ask, desk: Desk, graph: Lineage) -> None:
        self.ask, self.desk, self.graph, self.told = ask, desk, graph, set[str]()

    def branch(self, hash: str, depth: int) -> Branch:
        node = self.graph.nodes[hash]
        title, facts, alarm = getattr(self, f"_{node.kind}")(node)
        made = Branch(hash, _kind(self.ask, node), title, facts, alarm, again=hash in self.told, open=depth < OPEN)
        if made.again:
            return made
        self.told.add(hash)
        below = [self.graph.nodes[s] for s in node.sources]
        made.plots = self._plots([n for n in below if n.kind == "measurement"])
        others = sorted((n for n in below if n.kind != "measurement"), key=_rank)
        made.below = [self.branch(n.hash, depth + 1) for n in others]
        return made

    def _fact(self, name: str, text: str, href: str = "", whole: str = "") -> Fact:
        return Fact(self.ask.t(f"exchange.fact.{name}"), text, href, whole)

    def _hash(self, name: str, sha: str) -> Fact:
        return self._fact(name, f"{sha[:8]}…{sha[-8:]}", whole=sha)

    def _unit(self, node: Node) -> tuple[str, list[Fact], str]:
        lot = self.desk.venue.book.lots[str(node.content["lot"])]
        serial = amount_text(decimal_text(int(node.content["unit"]), MICRO))
        return serial, [self._fact("unit", self.ask.t("exchange.lineage.serial", n=serial, of=amount_text(decimal_text(lot.quantity, MICRO)),
                                                      word=unit_word(self.ask, lot.asset)))], ""  # fmt: skip

    def _lot(self, node: Node) -> tuple[str, list[Fact], str]:
        c, asset = node.content, str(node.content["asset"])
        i = parse_asset(asset)
        facts = [
            self._fact("asset", asset_name(self.ask, asset), f"/{self.ask.lang}/exchange?{urlencode({'asset': asset})}"),
            self._fact("quantity", f"{amount_text(decimal_text(int(c['quantity']), MICRO))} {unit_word(self.ask, asset)}"),
            self._fact("window", f"{i.start.isoformat()} – {(i.end - timedelta(days=1)).isoformat()}"),
            self._fact("status", self.ask.t(f"exchange.lot_status.{c['status']}")),
        ]  # fmt: skip
        return str(c["lot"]), facts, facts[-1].text if c["status"] != "issued" else ""

    def _record(self, node: Node) -> tuple[str, list[Fact], str]:
        c = node.content
        register = self.desk.registers[str(c["register"])]
        fields, first = self._fields(register, c), register.fields[0]
        shown = [Fact(name_of(self.ask, f), " ".join(w for w in (v["text"], unit_of(self.ask, f, fields)) if w), v["href"])
                 for f in register.fields if f.id in fields and f.kind not in ("geometry", "file") and f is not first
                 for v in value_shown(self.ask, f, fields[f.id])]  # fmt: skip
        facts = [
            self._fact("register", name_of(self.ask, register), record_href(self.ask, register.id, str(c["id"]))),
            self._fact("version", self.ask.t("exchange.lineage.version", n=c["version"], state=name_of(self.ask, register.state_by_id[c["state"]]))),
            *shown, self._fact("journal_record", str(c["journal_record"]), prover(self.ask)(int(c["journal_record"]))),
            self._hash("content", str(c["content"])),
        ]  # fmt: skip
        return str((fields.get(first.id) if first.kind == "text" else "") or c["id"]), facts, ""

    def _fields(self, register: Register, c: Mapping[str, Any]) -> Mapping[str, Any]:
        """The fields of the version that the visitor may read."""
        version = next(v for v in self.desk.history(register.id, str(c["id"])) if v.entry.version == c["version"])
        return visible(register, self.desk.venue.book, visitor_of(self.ask).actor, version.entry) or {}

    def _land(self, node: Node) -> tuple[str, list[Fact], str]:
        c = node.content
        facts = [self._fact("geometry_is", text) for text in self._shape(str(c["geometry"]))]
        if c["from"]:
            facts.append(self._fact("period", f"{c['from']} – {c['to']}"))
        facts.append(self._hash("geometry", str(c["geometry"])))
        return facts[0].text if len(facts) > 1 else "", facts, ""

    def _shape(self, geometry: str) -> list[str]:
        """The outline in words, from the record that it stands in."""
        for record in self.graph.of("record"):
            register = self.desk.registers[str(record.content["register"])]
            for id, value in self._fields(register, record.content).items():
                if isinstance(value, Mapping) and digest(value) == geometry:
                    parts = len(value["coordinates"]) if value["type"].startswith("Multi") else 1
                    said = value_shown(self.ask, register.field_by_id[id], value)[0]["text"]
                    return [self.ask.t("exchange.lineage.parcels", n=parts, said=said)]
        return []

    def _file(self, node: Node) -> tuple[str, list[Fact], str]:
        c = node.content
        if "kind" not in c:
            return self.ask.t("exchange.lineage.only_hash"), [self._hash("sha256", str(c["sha256"]))], ""
        facts = [self._hash("sha256", str(c["sha256"]))]
        alarm = ""
        if c["state"] == "corrected":
            alarm = self.ask.t("exchange.lineage.corrected")
            facts.append(self._hash("corrected", str(c["corrected"])))
        name = str(c["name"])
        project = name.partition("/")[0]
        if c["kind"] == "dossier" and self._kept(project):
            facts.append(self._fact("dossier", project, f"/{self.ask.lang}/forest/projects/{quote(project, safe='')}"))
        return name, facts, alarm

    def _kept(self, project: str) -> bool:
        """Whether the dossier of a project is on the forest pages of this site."""
        return any(d.id == project for d in dossiers_of(self.ask.zone))

    def _plots(self, measured: Sequence[Node]) -> list[dict[str, Any]]:
        """Measurements by plot, in order: when, the hash of the rows, the files they stand in."""
        rows = []
        for n in measured:
            m = PLOT.fullmatch(str(n.content["id"]))
            when, plot = (self.ask.t(f"exchange.lineage.{m[1]}"), m[2]) if m else ("", str(n.content["id"]))
            files = [(str(f.content.get("name", "")).rpartition("/")[2] or str(f.content["sha256"])[:8], f.hash)
                     for f in (self.graph.nodes[s] for s in n.sources)]  # fmt: skip
            rows.append(
                {
                    "plot": plot,
                    "when": when,
                    "order": (m[1] != "opening") if m else False,
                    "sha": str(n.content["sha256"]),
                    "files": files,
                }
            )
        return sorted(rows, key=lambda r: (_number(r["plot"]), r["order"]))


def _number(plot: str) -> tuple[tuple[int, str], ...]:
    """Plots in the order people count: P2 before P10."""
    return tuple((int(w) if w.isdecimal() else 0, w) for w in re.split(r"(\d+)", plot))


def _rank(node: Node) -> tuple[int, str]:
    """Record first, then land, lots, files from the report downwards: what is told first is told in full."""
    kind = str(node.content.get("kind", "document")) if node.kind == "file" else node.kind
    order = ("record", "land", "lot", *FILE_KINDS)
    return order.index(kind), str(node.content.get("name") or node.content.get("id", ""))


VIEW = View("exchange_lineage", "/exchange/lineage", build, under="exchange")
