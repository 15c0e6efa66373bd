"""The library behind the numbers: documents with their clauses, methods and parameter rows, and those still to be obtained.

Methods and rows name their source in words. A document is recognised by its standard's number, its title between 《》 or
its place in a journal; what no domain declares becomes a document of its own, under the words that name it.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from qingshan.accounts.fill import open_slots
from qingshan.core.domain import Domains
from qingshan.core.limit import LimitRow, limit_tables
from qingshan.core.method import Method
from qingshan.core.parameter import STATUSES, ParameterRow, Parameters

from .site import Ask, Site
from .usage import usage

_NUMBER = re.compile(
    r"(?<![A-Za-z0-9])((?:GB/T|GB|HJ/T|HJ|LY/T|NY/T|SL/T|SL|QX/T|DB\d{2,4}/T|DB\d{2,4}|JR/T)) ?(\d+(?:\.\d+)?)[-—](\d{4})"
)
_TITLE = re.compile(r"《([^》]+)》")
_WORD = re.compile(r"\d+|[a-z]+|[^\W\d_a-z]+")


_ENGLISH = re.compile("[A-Za-z]{3,}")


@dataclass
class Document:
    """One source: what it is called, where it is printed, and everything taken from it."""

    id: str
    title: str
    issuer: str = ""
    where: str = ""
    doi: str = ""
    status: str = ""
    clauses: list[tuple[str, str]] = field(default_factory=list)
    methods: list[Method] = field(default_factory=list)
    rows: list[ParameterRow] = field(default_factory=list)
    limits: list[LimitRow] = field(default_factory=list)

    @property
    def statuses(self) -> list[str]:
        """Status of every parameter and limit row taken from here."""
        return [*(r.status for r in self.rows), *(r.status for r in self.limits)]

    @property
    def counts(self) -> list[tuple[str, int]]:
        """Parameter and limit rows by status, best first."""
        found = Counter(self.statuses)
        return [(s, found[s]) for s in STATUSES if found[s]]

    @property
    def worst(self) -> str:
        """The weakest status of anything taken from here; the declared one where nothing is."""
        found = {*(m.status for m in self.methods), *self.statuses}
        return next((s for s in reversed(STATUSES) if s in found), self.status)


@dataclass
class Wanted:
    """A document to obtain: the slots it would fill, the profiles and services that wait for them."""

    id: str
    title: str
    rows: list[ParameterRow] = field(default_factory=list)
    profiles: list[str] = field(default_factory=list)


@dataclass
class Library:
    documents: dict[str, Document]
    wanted: dict[str, Wanted]
    of_method: dict[str, str]
    of_row: dict[str, str]
    tables: list[dict[str, Any]]


def slug(text: str) -> str:
    """A short word for addresses: the standard's number where there is one, else the hash of the text."""
    if match := _NUMBER.match(text):
        return f"{match[1]}{match[2]}-{match[3]}".replace("/", "").lower()
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def library(ask: Ask) -> Library:
    """The library of the chosen run, or of the installed domains where there is none. Worked out once."""
    name = f"library:{ask.profile}"
    kept = ask.site.kept
    if name not in kept:
        parameters = ask.run.parameters if ask.run else usage(ask.site).domains.parameters()
        kept[name] = _collect(ask.site, parameters)
    return kept[name]


def _collect(site: Site, parameters: Parameters) -> Library:
    known = usage(site)
    shelf = _Shelf(known.domains)
    of_method = {}
    for method in known.domains.registry.all():
        document = shelf.find(method.clause.document, method.clause.document)
        document.methods.append(method)
        of_method[method.ref] = document.id
    _place_limits(shelf)
    wanted: dict[str, Wanted] = {}
    of_row = {}
    for row in parameters:
        if row.status == "open":
            title = row.document or row.source_title or row.note or row.parameter
            slot = wanted.setdefault(slug(title), Wanted(slug(title), title))
            slot.rows.append(row)
        elif row.source_title:
            document = shelf.find(row.source_title, f"{row.source_title} {row.source_where}")
            document.rows.append(row)
            of_row[row.key] = document.id
    for profile in known.profiles.values():
        for row in open_slots(profile, parameters):
            slot = wanted[slug(row.document or row.source_title or row.note or row.parameter)]
            if profile.id not in slot.profiles:
                slot.profiles.append(profile.id)
    documents = {d.id: d for d in shelf.documents.values() if d.methods or d.rows or d.limits or d.clauses}
    return Library(documents, wanted, of_method, of_row, _tables(known.domains, parameters))


def _place_limits(shelf: _Shelf) -> None:
    """Limit rows to the document of their edition; those of a table without one to the table itself."""
    for table in limit_tables():
        for row in table.rows:
            declared = shelf.documents.get(table.document)
            if declared is None or _NUMBER.search(row.edition):
                declared = shelf.find(row.edition, row.edition) if row.edition else None
            if declared is None:
                declared = shelf.documents.setdefault(table.id, Document(table.id, table.zh))
            declared.limits.append(row)


def clause_said(ask: Ask, method: Method) -> str:
    """Document and place of a method's clause. A Chinese page says what an English place is about, where the row has the word."""
    where = method.clause.where
    if ask.lang == "zh" and _ENGLISH.search(where):
        shelf = library(ask)
        document = shelf.documents.get(shelf.of_method.get(method.ref, ""))
        found = [zh for at, zh in (document.clauses if document else ()) if at and zh and at in where]
        where = f"{'、'.join(dict.fromkeys(found))}（{where}）" if found else where
    return f"{method.clause.document} {where}".strip()


class _Shelf:
    """Declared documents, found again by the words that methods and rows use for them."""

    def __init__(self, domains: Domains) -> None:
        self.documents: dict[str, Document] = {}
        self._by_words: dict[str, Document] = {}
        for _, content in domains.declared("standards/clauses"):
            for raw in content.get("document", ()):
                self._declare(raw)

    def _declare(self, raw: dict[str, Any]) -> None:
        made = self.documents.setdefault(
            raw["id"],
            Document(
                raw["id"],
                raw["title"],
                raw.get("issuer", ""),
                raw.get("where", ""),
                raw.get("doi", ""),
                raw.get("status", ""),
            ),
        )
        for clause in raw.get("clauses", ()):
            line = (str(clause.get("where", "")), str(clause.get("zh", "")))
            if line not in made.clauses:
                made.clauses.append(line)

    def find(self, name: str, words: str) -> Document:
        """The document that `words` speak of; a new one called `name` where none is declared."""
        if name not in self._by_words:
            self._by_words[name] = self._known(words) or self._new(name)
        return self._by_words[name]

    def _known(self, words: str) -> Document | None:
        for document in self.documents.values():
            if (
                words == document.title
                or any(sign in words for sign in _signs(document))
                or _printed_in(document, words)
            ):
                return document
        return None

    def _new(self, name: str) -> Document:
        id = slug(name)
        return self.documents.setdefault(id, Document(id, name))


def _signs(document: Document) -> list[str]:
    """What only this document is called: its number, its title without the brackets."""
    signs = [m[0] for m in _NUMBER.finditer(document.title)] + [
        m[1] for m in _TITLE.finditer(document.title) if len(m[1]) > 4
    ]
    plain = document.title.strip("《》")
    return [*signs, plain] if len(plain) > 6 else signs


def _printed_in(document: Document, words: str) -> bool:
    """Whether the words name the place the document is printed in, in any order: journal, year, volume, pages."""
    place = set(_WORD.findall(document.where.lower()))
    return len(place) > 2 and place <= set(_WORD.findall(words.lower()))


def _tables(domains: Domains, parameters: Iterable[ParameterRow]) -> list[dict[str, Any]]:
    """The files the rows stand in, with rows, statuses and sha-256."""
    rows: dict[str, list[ParameterRow]] = {}
    for row in parameters:
        rows.setdefault(row.origin, []).append(row)
    files = [f for f in domains.hashes if f.endswith(".csv")]
    return [
        {
            "file": file,
            "rows": len(rows.get(file, ())),
            "open": sum(r.status == "open" for r in rows.get(file, ())),
            "sha256": domains.hashes.get(file, ""),
        }
        for file in [*files, *(f for f in rows if f not in domains.hashes)]
    ]
