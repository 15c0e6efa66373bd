"""Observations of SensorThings: $filter as a polars expression, pages by key, rows as entities."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl

from qingshan.observe.quality.network import layer
from qingshan.observe.series import page as pages
from qingshan.observe.series.model import Network
from qingshan.observe.series.store import Observations
from qingshan.observe.series.text import offset

from .odata import Node, Options, wrong

SECONDS = 33
"""Bits of an observation's id that are the second of its start; above them stands the number of its series."""
_EPOCH = datetime(1970, 1, 1)
_FLIP = {"eq": "eq", "ne": "ne", "gt": "lt", "ge": "le", "lt": "gt", "le": "ge"}
_TIMES = {"phenomenonTime": "start", "resultTime": "end", "validTime": "start"}


@dataclass
class ObservationPage:
    """Bodies of a page, the number of all where asked, and the query of the next page."""

    entities: list[dict[str, Any]]
    count: int | None = None
    next: dict[str, str] = field(default_factory=dict)


class Rows:
    """The rows of a network, with the numbers of its series; the results of `texts` are words."""

    def __init__(
        self, store: Observations, network: Network, numbers: Mapping[str, int], texts: frozenset[str] = frozenset()
    ) -> None:
        self.store, self.network, self.numbers, self.texts = store, network, numbers, texts
        self.names = {no: id for id, no in numbers.items()}
        self.zone = offset(network.utc_offset)

    def moment(self, wall: datetime) -> str:
        return f"{wall.isoformat(timespec='seconds')}{self.network.utc_offset}"

    def wall(self, moment: datetime) -> datetime:
        return moment.astimezone(self.zone).replace(tzinfo=None)


def observation_id(number: int, start: datetime) -> int:
    return (number << SECONDS) + (start - _EPOCH) // timedelta(seconds=1)


def observations(
    rows: Rows, series: str | None, sites: list[str] | None, options: Options, limit: int
) -> ObservationPage:
    """A page of one series, of some sites, or of the network."""
    where, since, until = _where(options.filter, rows)
    if sites is not None:
        own = [id for id in rows.numbers if id.split("|", 1)[0] in sites]
        only = pl.col("series").is_in(own)
        where = only if where is None else where & only
    path, descending = options.orderby[0] if options.orderby else ("id" if series is None else "phenomenonTime", False)
    count = _count(rows, series, where, since, until) if options.count else None
    if limit == 0:
        return ObservationPage([], count)
    if path == "result" or (len(options.orderby) > 1 and path not in ("id", "@iot.id", *_TIMES)):
        return _by_result(rows, series, where, options, limit, count)
    if path not in ("id", "@iot.id", *_TIMES):
        raise wrong(f"Observations cannot be ordered by {path!r}", f"观测不能按 {path!r} 排序")
    timed = path in _TIMES
    by_series = series is not None
    window = pages.Window(limit, where, since, until, _after(rows, options.token), descending)
    if by_series and series is not None:
        window = pages.Window(limit + options.skip, where, since, until, _after(rows, options.token), descending)
        found = pages.of_series(rows.store, rows.network.id, series, window)
        shown = found.rows.slice(options.skip)
    elif timed:
        skip = _offset(options.token) or options.skip
        found = pages.by_time(
            rows.store, rows.network.id, pages.Window(limit, where, since, until, None, descending), skip
        )
        following = {"$skiptoken": f"o{skip + limit}"} if found.more else {}
        return ObservationPage(entities(rows, found.rows), count, following)
    else:
        window = pages.Window(limit + options.skip, where, since, until, window.after, descending)
        found = pages.of_network(rows.store, rows.network.id, window)
        shown = found.rows.slice(options.skip)
    following = {"$skiptoken": _token(rows, shown)} if found.more and shown.height else {}
    return ObservationPage(entities(rows, shown), count, following)


def _by_result(
    rows: Rows, series: str | None, where: pl.Expr | None, options: Options, limit: int, count: int | None
) -> ObservationPage:
    """The order of results, of one series only: it is read as a whole."""
    if series is None:
        raise wrong(
            "only the Observations of one Datastream can be ordered by result", "只有单个 Datastream 的观测可按结果排序"
        )
    skip = _offset(options.token) or options.skip
    found = rows.store.scan(rows.network.id, series=[series])
    found = found if where is None else found.filter(where)
    columns = {"result": "value", **_TIMES, "id": "start", "@iot.id": "start"}
    if unknown := [p for p, _ in options.orderby if p not in columns]:
        raise wrong(f"Observations cannot be ordered by {unknown[0]!r}", f"观测不能按 {unknown[0]!r} 排序")
    by = [columns[p] for p, _ in options.orderby]
    ordered = found.sort(*by, "start", descending=[*(d for _, d in options.orderby), False], nulls_last=True).collect()
    shown = ordered.slice(skip, limit)
    following = {"$skiptoken": f"o{skip + limit}"} if skip + limit < ordered.height else {}
    return ObservationPage(entities(rows, shown), count, following)


def one_observation(rows: Rows, id: int | str) -> dict[str, Any] | None:
    """The newest version of one key by its id."""
    if not isinstance(id, int) or id >> SECONDS not in rows.names:
        return None
    start = _EPOCH + timedelta(seconds=id & ((1 << SECONDS) - 1))
    series = rows.names[id >> SECONDS]
    found = pages.of_series(rows.store, rows.network.id, series, pages.Window(1, None, start, start))
    return next(iter(entities(rows, found.rows)), None)


def _count(
    rows: Rows, series: str | None, where: pl.Expr | None, since: datetime | None, until: datetime | None
) -> int:
    """Numbers of keys from the catalogue; only a filter makes the rows be read."""
    store, network = rows.store, rows.network.id
    if where is None and since is None and until is None:
        condition, values = ("WHERE s.id = ?", (series,)) if series is not None else ("", ())
        asked = f"SELECT COALESCE(SUM(p.keys), 0) FROM part_series p JOIN series s ON s.no = p.series {condition}"  # noqa: S608
        found = store.catalogue(network).ask(asked, values)
        return int(found[0][0]) if found else 0
    frame = store.scan(network, series=[series] if series is not None else None)
    for bound, fits in ((since, pl.col("start") >= pl.lit(since)), (until, pl.col("start") <= pl.lit(until))):
        frame = frame.filter(fits) if bound is not None else frame
    frame = frame if where is None else frame.filter(where)
    return int(frame.select(pl.len()).collect(engine="streaming").item())


# --- keys of the next page


def _token(rows: Rows, shown: pl.DataFrame) -> str:
    """The key (series, time) of the last row."""
    series, start = shown.select("series", "start").row(-1)
    key = f"{rows.numbers[series]}.{observation_id(0, start)}"
    return "k" + base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


def _after(rows: Rows, token: str) -> tuple[str, datetime] | None:
    if not token or token.startswith("o"):
        return None
    try:
        text = base64.urlsafe_b64decode(token[1:] + "=" * (-len(token[1:]) % 4)).decode()
        number, seconds = (int(t) for t in text.split("."))
        return rows.names[number], _EPOCH + timedelta(seconds=seconds)
    except (ValueError, KeyError, OverflowError):
        raise wrong("the key of the next page cannot be read", "翻页标记读不懂") from None


def _offset(token: str) -> int:
    return int(token[1:]) if token[:1] == "o" and token[1:].isdecimal() and len(token) < 12 else 0


# --- $filter


def _where(node: Node | None, rows: Rows) -> tuple[pl.Expr | None, datetime | None, datetime | None]:
    """The expression of a filter, and the span of starts that its outermost `and` allows, for skipping parts."""
    if node is None:
        return None, None, None
    since: datetime | None = None
    until: datetime | None = None
    rest: list[Node] = []
    for part in _conjuncts(node):
        bound = _time_bound(part, rows)
        if bound is None:
            rest.append(part)
            continue
        op, moment = bound
        if op in ("ge", "gt", "eq"):
            edge = moment + timedelta(milliseconds=1) if op == "gt" else moment
            since = edge if since is None else max(since, edge)
        if op in ("le", "lt", "eq"):
            edge = moment - timedelta(milliseconds=1) if op == "lt" else moment
            until = edge if until is None else min(until, edge)
    where: pl.Expr | None = None
    for part in rest:
        expression = _expression(part, rows)
        where = expression if where is None else where & expression
    return where, since, until


def _conjuncts(node: Node) -> list[Node]:
    return [*_conjuncts(node.parts[0]), *_conjuncts(node.parts[1])] if node.op == "and" else [node]


def _time_bound(node: Node, rows: Rows) -> tuple[str, datetime] | None:
    if node.op not in _FLIP or node.op == "ne":
        return None
    left, right = node.parts
    op = node.op
    if left.op == "value":
        left, right, op = right, left, _FLIP[op]
    if left.op == "path" and left.value == "phenomenonTime" and isinstance(right.value, datetime):
        return op, rows.wall(right.value)
    return None


def _expression(node: Node, rows: Rows) -> pl.Expr:
    if node.op in ("and", "or"):
        left, right = (_expression(p, rows) for p in node.parts)
        return left & right if node.op == "and" else left | right
    if node.op == "not":
        return ~_expression(node.parts[0], rows).fill_null(False)
    if node.op in _FLIP:
        left, right = (_operand(p, rows) for p in _aligned(node))
        compared: pl.Expr = getattr(left, node.op)(right)
        return compared
    if node.op in ("startswith", "endswith", "contains", "substringof"):
        first, second = node.parts if node.op != "substringof" else node.parts[::-1]
        if second.op != "value":
            raise wrong(f"{node.op} takes a text", f"{node.op} 需要文本")
        name = {"startswith": "starts_with", "endswith": "ends_with"}.get(node.op)
        texts = _operand(first, rows).cast(pl.String).str
        found: pl.Expr = (
            getattr(texts, name)(str(second.value)) if name else texts.contains(str(second.value), literal=True)
        )
        return found
    raise wrong(f"{node.op} is no condition", f"{node.op} 不是条件")


def _aligned(node: Node) -> tuple[Node, Node]:
    """Both sides of a comparison; the number of a Datastream becomes the series it means."""
    left, right = node.parts
    if left.op == "value":
        raise wrong("put the property on the left", "请把属性写在左边")
    return left, right


def _operand(node: Node, rows: Rows) -> pl.Expr:
    if node.op == "value":
        value = node.value
        if isinstance(value, datetime):
            return pl.lit(rows.wall(value), pl.Datetime("ms"))
        if isinstance(value, Decimal | int) and not isinstance(value, bool):
            return pl.lit(Decimal(value).quantize(Decimal("1e-9")), pl.Decimal(28, 9))
        return pl.lit(value)
    if node.op in ("year", "month", "day", "hour"):
        part: pl.Expr = getattr(_operand(node.parts[0], rows).dt, node.op)()
        return part.cast(pl.Decimal(28, 9))
    if node.op != "path":
        raise wrong(f"{node.op} cannot be compared", f"{node.op} 不能比较")
    return _column(str(node.value), rows)


def _column(path: str, rows: Rows) -> pl.Expr:
    plain = {
        "result": pl.col("value"), "parameters/version": pl.col("version"), "parameters/status": pl.col("status"),
        "parameters/value_text": pl.col("value_text"), "parameters/censored": pl.col("censored"),
        "parameters/series": pl.col("series"),
    }  # fmt: skip
    if path in _TIMES:
        return pl.col(_TIMES[path])
    if path in plain:
        return plain[path]
    if path in ("Datastream/id", "Datastream/@iot.id", "id", "@iot.id"):
        number = pl.col("series").replace_strict(dict(rows.numbers), default=None, return_dtype=pl.Int64)
        whole = number * (1 << SECONDS) + pl.col("start").dt.epoch("s")
        return (number if path.startswith("Datastream") else whole).cast(pl.Decimal(38, 9))
    raise wrong(f"Observations have no property {path!r} that can be asked for", f"观测没有可查询的属性 {path!r}")


# --- rows as entities


def entities(rows: Rows, frame: pl.DataFrame) -> list[dict[str, Any]]:
    """Bodies of observations; `result` is a number, the class as text, or null where there is none or it is censored."""
    made: list[dict[str, Any]] = []
    zone = rows.network.utc_offset
    columns = ("series", "start", "end", "value_text", "value", "detection_limit", "censored", "published", "status",
               "version", "reason", "author", "load", "row", "unit", "sample")  # fmt: skip
    quality, labels = _quality(rows, frame), dict.fromkeys(rows.network.labels, True)
    for series, start, end, words, value, limit, censored, *rest in frame.select(columns).iter_rows():
        begun, ended = start.isoformat(timespec="seconds") + zone, end.isoformat(timespec="seconds") + zone
        parameters = {"value_text": words, "censored": censored}
        if limit is not None:
            parameters["detection_limit"] = float(limit)
        parameters |= {k: v for k, v in zip(columns[7:], rest, strict=True) if v is not None}
        parameters |= labels
        made.append({
            "@iot.id": observation_id(rows.numbers[series], start),
            "phenomenonTime": begun if start == end else f"{begun}/{ended}", "resultTime": ended,
            "result": words if series in rows.texts else None if value is None else _number(value),
            "resultQuality": quality.get((series, start)), "parameters": parameters,
        })  # fmt: skip
    return made


def _number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


def _quality(rows: Rows, frame: pl.DataFrame) -> dict[tuple[str, datetime], dict[str, Any]]:
    """Flags of the rows of a page, where quality control ran: the outward flag and the masks of tests."""
    flags = layer(rows.store, rows.network.id)
    if not frame.height or not flags.runs():
        return {}
    series = frame["series"].unique().to_list()
    found = flags.scan().filter(
        pl.col("series").is_in(series) & pl.col("start").is_between(frame["start"].min(), frame["start"].max())
    )
    named = found.select("series", "start", "flag", "tests", "not_run", "run").collect()
    return {(s, t): {"flag": f, "tests": m, "not_run": n, "run": r} for s, t, f, m, n, r in named.iter_rows()}


__all__ = ["ObservationPage", "Rows", "entities", "observation_id", "observations", "one_observation"]
