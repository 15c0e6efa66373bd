"""From a unit back to the readings: a graph of what was declared, each node named by the hash of its content and of what it stands on.

    rights.file     {sha256, kind, name, sources, measurements?, refusals?}    declares a file and the files it was made from, which must be
                    declared before; a dossier also its plots, each with the hash of its rows, and why no unit may be issued from it
    rights.correct  {sha256, corrected, because}     a file was wrong: every lot that stands on it comes under review

A lot stands on its evidence and on the version of the register record it was issued from; that version on its land, period and files;
a file on the files it was made from (report, plot measurements, raw readings, calibration). Converted units stand on the lots they were.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from qingshan.core.canonical import digest
from qingshan.ledger.book import Book, Refused
from qingshan.ledger.entry import Entry, RegisterEntry
from qingshan.ledger.venue import Command, Decision, Handler, Venue
from qingshan.registers.declaration import Register
from qingshan.registers.engine import Version, history, visible

from .commands import guarded
from .instruments import parse_asset
from .registry import word
from .review import FILES, LOTS, files_of, is_hash, put_under_review

__all__ = [
    "FILES",
    "FILE_KINDS",
    "MOST",
    "Lineage",
    "Node",
    "dependents",
    "lineage",
    "lineage_handlers",
    "public_summary",
]

FILE_KINDS = ("verification_report", "monitoring_report", "dossier", "plots", "readings", "calibration", "document")
MOST = 1000
"""Files that one file may name as its sources."""


def lineage_handlers() -> dict[str, Handler]:
    """The handlers by command kind."""
    return guarded({"rights.file": _declare, "rights.correct": _correct})


def _declare(book: Book, command: Command) -> Decision:
    b = command.body
    sha, kind = _hash(b, "sha256"), word(b, "kind")
    sources = b.get("sources", [])
    if kind not in FILE_KINDS:
        raise Refused("kind", f"{kind!r} is no kind of file ({', '.join(FILE_KINDS)}).", f"没有 {kind!r} 类文件。")
    if not isinstance(sources, list) or len(sources) > MOST or len(set(map(str, sources))) != len(sources):
        raise Refused(
            "sources", f"sources are at most {MOST} hashes, each once.", f"来源至多 {MOST} 个哈希值，不得重复。"
        )
    if unknown := [s for s in sources if (FILES, str(s)) not in book.records]:
        raise Refused("unknown_source", f"the file {unknown[0]} was not declared.", f"文件 {unknown[0]} 尚未登记。",
                      fix="declare the sources first / 先登记来源文件")  # fmt: skip
    if (FILES, sha) in book.records:
        raise Refused("duplicate", f"the file {sha} was declared before.", f"文件 {sha} 已登记。")
    content = {"kind": kind, "name": word(b, "name"), "sources": sorted(sources), "by": command.by}
    content |= _of_dossier(b, kind, set(sources))
    return Decision([RegisterEntry(FILES, sha, 1, "good", content)], {"file": sha})


def _of_dossier(body: Mapping[str, Any], kind: str, sources: set[Any]) -> dict[str, Any]:
    """What only a dossier says: its measurements, which stand on files it names, and what stands against issue."""
    given = {k: body[k] for k in ("measurements", "refusals") if body.get(k)}
    if given and kind != "dossier":
        raise Refused(
            "kind", "only a dossier has measurements and refusals.", "只有案卷可以带样地实测与不能签发的原因。"
        )
    refusals, measured = given.get("refusals", []), given.get("measurements", [])
    if not isinstance(refusals, list) or not all(isinstance(r, str) for r in refusals):
        raise Refused("refusals", "refusals are texts.", "不能签发的原因须为文本。")
    if not isinstance(measured, list) or len(measured) > MOST or not all(_is_measurement(m, sources) for m in measured):
        raise Refused("measurements", f"measurements are at most {MOST} of id, sha256 and sources that the dossier names.",
                      f"样地实测至多 {MOST} 项，各有编号、sha256 和案卷所列的来源。")  # fmt: skip
    if len({m["id"] for m in measured}) != len(measured):
        raise Refused("measurements", "a measurement is named once.", "样地实测编号不得重复。")
    return given


def _is_measurement(given: Any, sources: set[Any]) -> bool:
    if not isinstance(given, Mapping) or set(given) != {"id", "sha256", "sources"} or not isinstance(given["id"], str):
        return False
    named = given["sources"]
    return (
        bool(given["id"])
        and is_hash(given["sha256"])
        and isinstance(named, list)
        and bool(named)
        and set(map(str, named)) <= sources
    )


def _correct(book: Book, command: Command) -> Decision:
    b = command.body
    sha, corrected, because = _hash(b, "sha256"), _hash(b, "corrected"), word(b, "because")
    record = book.records.get((FILES, sha))
    if record is None or record.state != "good":
        raise Refused("unknown_file", f"there is no uncorrected file {sha}.", f"没有未更正的文件 {sha}。")
    if corrected == sha:
        raise Refused("corrected", "the correction is the same file.", "更正后的文件与原文件相同。")
    content = {**record.content, "corrected": corrected, "because": because, "by": command.by}
    entries: list[Entry] = [RegisterEntry(FILES, sha, record.version + 1, "corrected", content)]
    told, withdrawn = [], set[str]()
    for lot in dependents(book, sha):
        if book.lots[lot].status != "under_review":
            found = put_under_review(book, lot, because, command.at, command.by, withdrawn=withdrawn)
            entries += found.entries
            told.append(
                {"lot": lot, "held": str(found.held), "held_before": str(found.held_before), "claim": str(found.claim)}
            )
    return Decision(entries, {"lots": told})


def _hash(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not is_hash(value):
        raise Refused(name, f"{name} is a sha-256 in lower-case hex.", f"{name} 须为小写十六进制的 sha-256。")
    return str(value)


def dependents(book: Book, sha: str) -> list[str]:
    """Lots that stand on a file, directly or through other files or converted lots, in order of issue."""
    reached = _above(
        {sha}, ((id, r.content["sources"]) for (register, id), r in book.records.items() if register == FILES)
    )
    issues = {id: r.content for (register, id), r in book.records.items() if register == LOTS}
    direct = {id for id, c in issues.items() if reached & set(c["files"])}
    lots = _above(direct, ((id, [lot for lot, _, _ in c.get("from", [])]) for id, c in issues.items()))
    return sorted(lots, key=lambda lot: book.lots[lot].order)


def _above(start: set[str], edges: Iterable[tuple[str, Sequence[str]]]) -> set[str]:
    """Everything that stands on `start`, itself included; an edge is a thing and what it stands on."""
    standing: dict[str, list[str]] = {}
    for thing, below in edges:
        for one in below:
            standing.setdefault(one, []).append(thing)
    found, open_ = set(start), list(start)
    while open_:
        for thing in standing.get(open_.pop(), []):
            if thing not in found:
                found.add(thing)
                open_.append(thing)
    return found


@dataclass(frozen=True)
class Node:
    """`hash` is the sha-256 of kind, content and sources; `sources` are the hashes of the nodes it stands on."""

    hash: str
    kind: str
    content: Mapping[str, Any]
    sources: tuple[str, ...]


@dataclass
class Lineage:
    """Nodes by hash; `root` is the unit asked for. `undeclared`: files that are named but of which nothing was declared."""

    root: str = ""
    nodes: dict[str, Node] = field(default_factory=dict)
    undeclared: list[str] = field(default_factory=list)

    def add(self, kind: str, content: Mapping[str, Any], sources: Iterable[str] = ()) -> str:
        """Put in a node; returns its hash."""
        below = tuple(sorted(set(sources)))
        hash = digest([kind, content, below])
        self.nodes[hash] = Node(hash, kind, content, below)
        return hash

    def of(self, kind: str) -> list[Node]:
        """The nodes of a kind."""
        return [n for n in self.nodes.values() if n.kind == kind]

    def files(self) -> list[str]:
        """sha-256 of every file underneath."""
        return sorted(str(n.content["sha256"]) for n in self.of("file"))


Past = Callable[[str, str], list[Version]]
"""Every version of a register's record, the first first."""


def lineage(venue: Venue, lot: str, unit: int, past: Past | None = None) -> Lineage:
    """The graph under micro-unit `unit` of a lot; `past` gives older versions without going through the journal. Raises `Refused` where
    there is no such unit."""
    book, graph = venue.book, Lineage()
    given = past or (lambda register, id: history(venue, register, id))
    book.range(lot, unit, unit + 1)
    graph.root = graph.add("unit", {"lot": lot, "unit": str(unit)}, [_lot_node(venue, graph, lot, given)])
    graph.undeclared.sort()
    return graph


def _lot_node(venue: Venue, graph: Lineage, lot: str, past: Past) -> str:
    book = venue.book
    state, issue = book.lots[lot], book.records.get((LOTS, lot))
    content = {"lot": lot, "asset": state.asset, "quantity": str(state.quantity), "status": state.status}
    if issue is None:
        return graph.add("lot", content, [_file_node(book, graph, state.evidence)])
    c = issue.content
    sources = [_file_node(book, graph, c["evidence"])]
    if "register" in c:
        sources.append(_record_node(venue, graph, past(c["register"], c["record"]), c["version"]))
    sources += [_lot_node(venue, graph, burnt, past) for burnt in sorted({r[0] for r in c.get("from", [])})]
    return graph.add("lot", content, sources)


def _record_node(venue: Venue, graph: Lineage, versions: Sequence[Version], version: int) -> str:
    """The version of the record that the lot was issued from, with its land and files."""
    found = next(v for v in versions if v.entry.version == version)
    fields = found.entry.content.get("fields", {})
    land = [
        graph.add("land", {"geometry": digest(value), "from": fields.get("from", ""), "to": fields.get("to", "")})
        for value in fields.values()
        if isinstance(value, Mapping)
    ]
    files = [_file_node(venue.book, graph, sha) for sha in files_of(found.entry)]
    content = {"register": found.entry.register, "id": found.entry.id, "version": version, "state": found.entry.state, "journal_record": found.seq,
               "evidence": dict(found.entry.content.get("evidence", {})), "content": digest(found.entry.content)}  # fmt: skip
    return graph.add("record", content, [*land, *files])


def _file_node(book: Book, graph: Lineage, sha: str) -> str:
    declared = book.records.get((FILES, sha))
    if declared is None:
        if sha not in graph.undeclared:
            graph.undeclared.append(sha)
        return graph.add("file", {"sha256": sha})
    c = declared.content
    content = {"sha256": sha, "kind": c["kind"], "name": c["name"], "state": declared.state} | (
        {"corrected": c["corrected"]} if "corrected" in c else {}
    )
    below = {s: _file_node(book, graph, s) for s in c["sources"]}
    plots = [
        graph.add("measurement", {"id": m["id"], "sha256": m["sha256"]}, [below[s] for s in m["sources"]])
        for m in c.get("measurements", [])
    ]
    return graph.add("file", content, [*below.values(), *plots])


def public_summary(
    venue: Venue, registers: Mapping[str, Register], lot: str, past: Past | None = None
) -> dict[str, Any]:
    """What anyone may read of a lot: instrument, project, verified quantity, period, hashes. No holder, no serials of live holdings."""
    book, graph = venue.book, lineage(venue, lot, 0, past)
    state = book.lots[lot]
    instrument, issue = parse_asset(state.asset), book.records.get((LOTS, lot))
    told: dict[str, Any] = {
        "lot": lot, "asset": state.asset, "scheme": instrument.scheme,
        "subtype": instrument.subtype, "area": instrument.area, "from": instrument.start.isoformat(),
        "to": instrument.end.isoformat(), "unit": instrument.unit, "issued": str(state.quantity), "status": state.status,
        "files": graph.files(), "land": sorted(str(n.content["geometry"]) for n in graph.of("land")),
        "corrected": sorted(str(n.content["sha256"]) for n in graph.of("file") if n.content.get("state") == "corrected"),
    }  # fmt: skip
    if issue is not None and (register := registers.get(issue.content.get("register", ""))):
        record = book.records[register.id, issue.content["record"]]
        seen = visible(register, book, "", record) or {}
        shown = {
            k: v for k, v in seen.items() if register.field_by_id[k].kind not in ("reference", "geometry", "person")
        }
        told["source"] = {"register": register.id, "id": record.id, "fields": shown}
    return told
