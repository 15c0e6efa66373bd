"""Rule sets: dated files whose every rule has its source and status. A decision stores the set it applied and its hash.

A rule whose status is `open` has no value: to ask for it raises `MissingParameter` naming the document. The set in force is the
newest whose `valid_from` is not after the day: the law of the day. A venue's own rules are the files `rules/*.toml` of its folder.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

from qingshan.core.canonical import digest
from qingshan.core.errors import DeclarationError, MissingParameter
from qingshan.ledger.book import Refused

__all__ = ["RuleSet", "RuleSets", "builtin_rule_sets", "read_rule_set", "read_rule_sets", "venue_rule_sets"]

NEEDED = ("policy", "tick", "lot", "listed_below", "block_from", "listed_band", "block_band", "levels", "resale_days", "sessions", "close",
          "band_rounding", "close_rounding", "self_trade")  # fmt: skip
STATUSES = ("primary", "secondary", "news", "project", "open")
POLICIES = ("listed_pick", "price_time")


@dataclass(frozen=True)
class RuleSet:
    """One edition. `rules` maps an id to its row."""

    id: str
    zh: str
    en: str
    valid_from: date
    rules: Mapping[str, Mapping[str, Any]]
    content: Mapping[str, Any] = field(default_factory=dict, repr=False)
    file: str = field(default="", repr=False, compare=False)

    @cached_property
    def hash(self) -> str:
        return digest(_plain(self.content))

    @property
    def mark(self) -> dict[str, str]:
        """What a decision keeps."""
        return {"id": f"{self.id}@{self.valid_from}", "hash": self.hash}

    def has(self, id: str) -> bool:
        """Whether the rule has a value."""
        return "value" in self.rules.get(id, {})

    def __getitem__(self, id: str) -> Any:
        row = self.rules.get(id, {})
        if "value" not in row:
            document = str(row.get("document", ""))
            raise MissingParameter(
                f"rule.{id}",
                f"the rule {id} of {self.id} is open.",
                f"规则集 {self.id} 的 {id} 待补。",
                document=document,
            )
        return row["value"]


def read_rule_set(raw: Mapping[str, Any], file: str = "") -> RuleSet:
    """Read and check a rule set. Raises `DeclarationError`."""
    where = file or f"rule set {raw.get('id', '?')}"
    try:
        ids = [r["id"] for r in raw["rule"]]
        rules = {r["id"]: r for r in raw["rule"]}
        made = RuleSet(raw["id"], raw["zh"], raw["en"], raw["valid_from"], rules, raw, file)
    except (KeyError, TypeError) as error:
        raise DeclarationError(f"it cannot be read: {error}.", f"无法读取：{error}。", where=where) from None
    if type(made.valid_from) is not date:
        raise DeclarationError(f"valid_from is {made.valid_from!r}, no day.", f"valid_from 为 {made.valid_from!r}，不是日期。", where=where,
                               fix="write a day without quotes, as 2027-01-01 / 写成不带引号的日期，如 2027-01-01")  # fmt: skip
    if twice := sorted({id for id in ids if ids.count(id) > 1}):
        raise DeclarationError(f"the rule {twice[0]} stands there twice.", f"规则 {twice[0]} 写了两次。", where=where)
    for id, row in rules.items():
        if row.get("status") not in STATUSES or not row.get("source") or ("value" in row) == (row["status"] == "open"):
            raise DeclarationError(
                f"the rule {id} needs a source, a status, and a value unless it is open.",
                f"规则 {id} 须有来源和状态，除待补外须有值。", where=where,
            )  # fmt: skip
    if absent := [n for n in NEEDED if n not in rules]:
        raise DeclarationError(f"the rules {', '.join(absent)} are absent.", f"缺少规则 {'、'.join(absent)}。", where=where,
                               fix="give each a value or status open / 逐条给出值，或将状态写为 open（待补）")  # fmt: skip
    if made.has("policy") and made["policy"] not in POLICIES:
        raise DeclarationError(f"the policy {made['policy']!r} is not one of {', '.join(POLICIES)}.",
                               f"成交方式 {made['policy']!r} 须为 {'、'.join(POLICIES)} 之一。", where=where)  # fmt: skip
    return made


class RuleSets:
    """Rule sets by id, each in its editions. Raises `DeclarationError` where two editions of one id start on one day: which is the law?"""

    def __init__(self, sets: Iterable[RuleSet]) -> None:
        self._sets: dict[str, list[RuleSet]] = {}
        for s in sorted(sets, key=lambda s: s.valid_from):
            editions = self._sets.setdefault(s.id, [])
            if editions and editions[-1].valid_from == s.valid_from:
                one, other = (e.file or "?" for e in (editions[-1], s))
                raise DeclarationError(
                    f"two editions of the rule set {s.id!r} start on {s.valid_from}: {one} and {other}.",
                    f"规则集 {s.id!r} 有两个版本都自 {s.valid_from} 起施行：{one} 与 {other}。",
                    fix="give one of them another valid_from or id, or take it away / 为其一另定 valid_from 或 id，或移除其一",
                )
            editions.append(s)

    def on(self, id: str, day: date) -> RuleSet:
        """The edition in force on a day. Raises `Refused`."""
        found = [s for s in self._sets.get(id, ()) if s.valid_from <= day]
        if not found:
            raise Refused(
                "rule_set",
                f"no edition of the rule set {id!r} is in force on {day}.",
                f"规则集 {id!r} 在 {day} 没有生效的版本。",
            )
        return found[-1]

    def every(self) -> list[RuleSet]:
        """All editions, by id and day."""
        return [s for _, editions in sorted(self._sets.items()) for s in editions]

    def with_sets(self, more: Iterable[RuleSet]) -> RuleSets:
        """These and others."""
        return RuleSets([*self.every(), *more])


def read_rule_sets(folder: Path) -> list[RuleSet]:
    """The rule sets in a folder's files. Raises `DeclarationError`."""
    found = []
    for path in sorted(folder.glob("*.toml")):
        try:
            raw = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise DeclarationError(
                f"it cannot be read: {error.strerror}.", f"无法读取：{error.strerror}。", where=str(path)
            ) from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise DeclarationError(
                f"it is no TOML in UTF-8: {error}.", f"不是 UTF-8 编码的 TOML：{error}。", where=str(path)
            ) from None
        found.append(read_rule_set(raw, str(path)))
    return found


def builtin_rule_sets() -> RuleSets:
    """The templates that come with the package."""
    return RuleSets(read_rule_sets(Path(__file__).with_name("rules")))


def venue_rule_sets(folder: Path) -> RuleSets:
    """The templates and the files `rules/*.toml` of a venue's folder. Raises `DeclarationError`."""
    return builtin_rule_sets().with_sets(read_rule_sets(folder / "rules"))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    return value.isoformat() if isinstance(value, date) else value
