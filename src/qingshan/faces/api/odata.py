"""The part of OData that SensorThings 1.1 asks with: $filter as a tree, $orderby, $select, nested $expand, $top, $skip, $count.

The tree is judged on plain dictionaries (`judge`) or turned into a polars expression by the reader of observations.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from qingshan.core.errors import QingshanError

MOST = 1_000
MOST_SKIP = 1_000_000
DEPTH = 30
NAMES = 200


class BadQuery(QingshanError):
    """A query option that cannot be understood."""

    code = "bad_query"


def wrong(what: str, what_zh: str = "") -> BadQuery:
    return BadQuery(
        f"{what}.", f"{what_zh or what}。", fix="see the SensorThings 1.1 query options / 见 SensorThings 1.1 查询参数"
    )


@dataclass(frozen=True, slots=True)
class Node:
    """An expression: `op` is and, or, not, eq ... le, a function name, `path`, or `value`."""

    op: str
    parts: tuple[Node, ...] = ()
    value: Any = None


@dataclass
class Options:
    """Query options of a request or of one $expand. `extra` are options of this service, such as the key of a next page."""

    filter: Node | None = None
    orderby: list[tuple[str, bool]] = field(default_factory=list)
    select: list[str] = field(default_factory=list)
    expand: dict[str, Options] = field(default_factory=dict)
    top: int | None = None
    skip: int = 0
    count: bool = False
    token: str = ""


# --- $filter

_TOKEN = re.compile(
    r"\s*(?:(?P<time>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?(?:Z|[+\- ][0-9]{2}:?[0-9]{2})?)"
    r"|(?P<number>-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)(?![\w.])"
    r"|(?P<text>'(?:[^']|'')*')"
    r"|(?P<word>[@A-Za-z_][\w.@/]*)"
    r"|(?P<mark>[(),]))"
)
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq, "ne": operator.ne, "gt": operator.gt, "ge": operator.ge, "lt": operator.lt, "le": operator.le,
}  # fmt: skip
_FUNCTIONS = {"startswith": 2, "endswith": 2, "contains": 2, "substringof": 2, "tolower": 1, "toupper": 1, "length": 1,
              "year": 1, "month": 1, "day": 1, "hour": 1}  # fmt: skip


def read_moment(text: str) -> datetime:
    """An ISO time with offset (a `+` may have become a space). Without one it is taken as UTC."""
    mended = re.sub(r" ([0-9]{2}:?[0-9]{2})$", r"+\1", text.strip())
    try:
        moment = datetime.fromisoformat(mended)
    except ValueError:
        raise wrong(f"{text!r} is no time", f"{text!r} 不是时间") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class _Reader:
    """Recursive descent over the tokens of a $filter."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.tokens: list[tuple[str, str]] = []
        where = 0
        while text[where:].strip():
            match = _TOKEN.match(text, where)
            if not match:
                raise wrong(
                    f"$filter cannot be read at {text[where : where + 20]!r}",
                    f"$filter 在 {text[where : where + 20]!r} 处读不懂",
                )
            self.tokens.append((str(match.lastgroup), match[str(match.lastgroup)]))
            where = match.end()

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.at] if self.at < len(self.tokens) else ("end", "")

    def take(self, mark: str) -> None:
        if self.peek()[1] != mark:
            raise wrong(
                f"$filter: {mark!r} is expected, not {self.peek()[1]!r}",
                f"$filter：应为 {mark!r}，不是 {self.peek()[1]!r}",
            )
        self.at += 1

    def either(self, depth: int = 0) -> Node:
        if depth > DEPTH:
            raise wrong("$filter is nested too deeply", "$filter 嵌套过深")
        node = self.both(depth)
        while self.peek() == ("word", "or"):
            self.at += 1
            node = Node("or", (node, self.both(depth)))
        return node

    def both(self, depth: int) -> Node:
        node = self.term(depth)
        while self.peek() == ("word", "and"):
            self.at += 1
            node = Node("and", (node, self.term(depth)))
        return node

    def term(self, depth: int) -> Node:
        if self.peek() == ("word", "not"):
            self.at += 1
            return Node("not", (self.term(depth + 1),))
        if self.peek()[1] == "(" and self.peek()[0] == "mark":
            self.at += 1
            node = self.either(depth + 1)
            self.take(")")
            return node
        left = self.operand(depth)
        if self.peek()[0] == "word" and self.peek()[1] in _COMPARE:
            op = self.peek()[1]
            self.at += 1
            return Node(op, (left, self.operand(depth)))
        return left

    def operand(self, depth: int) -> Node:
        kind, text = self.peek()
        self.at += 1
        if kind == "number":
            return Node("value", value=Decimal(text) if "." in text or "e" in text.lower() else int(text))
        if kind == "text":
            return Node("value", value=text[1:-1].replace("''", "'"))
        if kind == "time":
            return Node("value", value=read_moment(text))
        if kind == "word" and text in ("true", "false", "null"):
            return Node("value", value={"true": True, "false": False, "null": None}[text])
        if kind == "word" and self.peek() == ("mark", "("):
            return self.call(text, depth)
        if kind == "word":
            return Node("path", value=text)
        raise wrong(f"$filter: {text or 'the end'!r} is not expected", f"$filter：不应出现 {text or '结尾'!r}")

    def call(self, name: str, depth: int) -> Node:
        if name not in _FUNCTIONS:
            raise wrong(f"there is no function {name!r}", f"没有函数 {name!r}")
        self.take("(")
        parts = [self.operand(depth + 1)]
        while self.peek()[1] == ",":
            self.at += 1
            parts.append(self.operand(depth + 1))
        self.take(")")
        if len(parts) != _FUNCTIONS[name]:
            raise wrong(f"{name} takes {_FUNCTIONS[name]} arguments", f"{name} 需要 {_FUNCTIONS[name]} 个参数")
        return Node(name, tuple(parts))


def read_filter(text: str) -> Node:
    """A $filter as a tree. Raises `BadQuery`."""
    reader = _Reader(text)
    node = reader.either()
    if reader.at < len(reader.tokens):
        raise wrong(f"$filter: {reader.peek()[1]!r} is not expected", f"$filter：不应出现 {reader.peek()[1]!r}")
    return node


def judge(node: Node, entity: Mapping[str, Any]) -> Any:
    """The value of an expression on one entity. What cannot be compared is false."""
    if not node.parts:
        return resolve(node.value, entity) if node.op == "path" else node.value
    if node.op in ("and", "or", "not"):
        held = [bool(judge(p, entity)) for p in node.parts]
        return {"and": all, "or": any, "not": lambda h: not h[0]}[node.op](held)
    values = [judge(p, entity) for p in node.parts]
    if node.op in _COMPARE:
        left, right = (_comparable(v) for v in values)
        try:
            return bool(_COMPARE[node.op](left, right))
        except TypeError:
            return node.op == "ne"
    return _called(node.op, values)


def _called(name: str, values: list[Any]) -> Any:
    if name in ("year", "month", "day", "hour"):
        moment = _comparable(values[0])
        return getattr(moment, name) if isinstance(moment, datetime) else None
    texts = ["" if v is None else str(v) for v in values]
    if name == "substringof":
        return texts[0] in texts[1]
    if name == "contains":
        return texts[1] in texts[0]
    if name in ("startswith", "endswith"):
        return getattr(texts[0], name)(texts[1])
    return {"tolower": texts[0].lower(), "toupper": texts[0].upper(), "length": len(texts[0])}[name]


def _comparable(value: Any) -> Any:
    """Texts that are times compare as times; an interval by its start."""
    if isinstance(value, str) and re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T", value):
        try:
            return read_moment(value.partition("/")[0])
        except BadQuery:
            return value
    return Decimal(repr(value)) if isinstance(value, float) else value


def resolve(path: str, entity: Mapping[str, Any]) -> Any:
    """A property by its path: `properties/basin`, `Thing/name`; `id` is `@iot.id`."""
    value: Any = entity
    for name in path.split("/"):
        if not isinstance(value, Mapping):
            return None
        value = value.get("@iot.id") if name in ("id", "@iot.id") else value.get(name)
        if callable(value):
            value = value()
    return value


# --- the other options


def read_options(query: Mapping[str, str]) -> Options:
    """The options of a request. Raises `BadQuery` for a name or value that is not understood."""
    options = Options()
    for name, text in query.items():
        _option(options, name, text, 0)
    return options


def _option(options: Options, name: str, text: str, depth: int) -> None:
    if name == "$filter":
        options.filter = read_filter(text)
    elif name == "$orderby":
        options.orderby = [_order(part) for part in text.split(",")]
    elif name == "$select":
        options.select = [part.strip() for part in text.split(",") if part.strip()]
    elif name == "$expand":
        for part in _split(text, ","):
            _expand(options, part.strip(), depth + 1)
    elif name == "$top":
        options.top = min(_whole(name, text), MOST)
    elif name == "$skip":
        options.skip = _whole(name, text)
        if options.skip > MOST_SKIP:
            raise wrong(
                f"$skip is at most {MOST_SKIP:,}: follow @iot.nextLink",
                f"$skip 至多 {MOST_SKIP:,}：请沿 @iot.nextLink 翻页",
            )
    elif name == "$count":
        if text not in ("true", "false"):
            raise wrong("$count is true or false", "$count 应为 true 或 false")
        options.count = text == "true"
    elif name == "$skiptoken":
        options.token = text[:NAMES]
    elif name.startswith("$") and name not in ("$resultFormat",):
        raise wrong(f"there is no option {name}", f"没有参数 {name}")


def _order(part: str) -> tuple[str, bool]:
    path, _, direction = part.strip().partition(" ")
    if not path or direction.strip().lower() not in ("", "asc", "desc"):
        raise wrong(f"$orderby cannot be read: {part.strip()!r}", f"$orderby 读不懂：{part.strip()!r}")
    return path, direction.strip().lower() == "desc"


def _whole(name: str, text: str) -> int:
    if not text.isdecimal() or len(text) > 12:
        raise wrong(f"{name} is a whole number, not {text!r}", f"{name} 应为整数，不是 {text!r}")
    return int(text)


def _split(text: str, mark: str) -> list[str]:
    """The text cut at `mark` outside brackets and quotes."""
    parts, depth, quoted, start = [], 0, False, 0
    for i, c in enumerate(text):
        if c == "'":
            quoted = not quoted
        elif not quoted:
            depth += (c == "(") - (c == ")")
            if c == mark and depth == 0:
                parts.append(text[start:i])
                start = i + 1
    return [*parts, text[start:]]


def _expand(options: Options, text: str, depth: int) -> None:
    """One path of an $expand, `Datastreams/Observations($top=1;$orderby=phenomenonTime desc)`."""
    if depth > 5:
        raise wrong("$expand is nested too deeply", "$expand 嵌套过深")
    head, bracket, rest = text.partition("(")
    if bracket and not rest.endswith(")"):
        raise wrong(f"$expand cannot be read: {text!r}", f"$expand 读不懂：{text!r}")
    names = [n for n in head.split("/") if n]
    if not names:
        raise wrong("$expand is empty", "$expand 是空的")
    for name in names:
        options = options.expand.setdefault(name, Options())
    for part in _split(rest[:-1], ";") if bracket else []:
        name, _, value = part.strip().partition("=")
        _option(options, name, value, depth)
