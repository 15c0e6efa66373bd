"""Verbs on an exchange, for its operator on this machine: found, actor, issue, order, post; market, statement, reconcile, conflicts.

Whoever may write the venue's folder may name any actor: this is administration at the machine itself, not a way in for participants.
"""

from __future__ import annotations

import argparse
import getpass
import json
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qingshan.core.canonical import file_digest
from qingshan.core.errors import QingshanError, UnknownName
from qingshan.ledger.amounts import MICRO, YUAN, decimal_text, read_decimal

from .show import emit

if TYPE_CHECKING:
    from qingshan.ledger.venue import Venue


def found(arguments: argparse.Namespace) -> int:
    """A new venue: first administrator, fixed accounts."""
    from qingshan.ledger.venue import Command  # noqa: PLC0415 - loads when it runs
    from qingshan.rights.exchange import found_exchange  # noqa: PLC0415

    venue = found_exchange(Path(arguments.venue), arguments.name)
    try:
        at = time_of(arguments.at)
        person = {"person": arguments.person, "name": arguments.person_name}
        venue.submit(Command("register.found", person, "found/1", arguments.admin, at))
        receipt = venue.submit(Command("rights.found", {}, "found/2", arguments.admin, at))
    finally:
        venue.close()
    return _told(arguments, receipt.seq, {"venue": arguments.venue, "admin": arguments.admin}, repeated=False)


def password(arguments: argparse.Namespace) -> int:
    """Set the offline administrator's password: asked for twice on a terminal, else one line of the input."""
    from qingshan.faces.access.local import Administrators  # noqa: PLC0415 - the extra serve

    if sys.stdin.isatty():
        words = ("口令：", "再输入一次：") if arguments.lang == "zh" else ("password: ", "again: ")
        given = getpass.getpass(words[0])
        if getpass.getpass(words[1]) != given:
            raise QingshanError("the two passwords differ.", "两次输入的口令不同。")
    else:
        given = sys.stdin.readline().rstrip("\n")
    with opened(arguments.venue) as venue:
        Administrators(venue.folder).set(venue.book, arguments.actor, given)
    if arguments.json:
        emit({"actor": arguments.actor})
    else:
        print(
            f"{arguments.actor} 的口令已设置" if arguments.lang == "zh" else f"the password of {arguments.actor} is set"
        )
    return 0


def actor(arguments: argparse.Namespace) -> int:
    """A person who may act."""
    roles = [r.strip() for r in arguments.roles.split(",") if r.strip()]
    fields = {"person": arguments.person, "name": arguments.person_name, "roles": roles}
    return _send(arguments, "register.create", {"register": "actor", "id": arguments.id, "fields": fields})


def issue(arguments: argparse.Namespace) -> int:
    """A lot against its evidence."""
    body = {
        "lot": arguments.lot,
        "asset": arguments.asset,
        "account": arguments.account,
        "quantity": read_decimal(arguments.quantity, MICRO, "quantity"),
        "evidence": file_digest(Path(arguments.evidence)),
    }
    return _send(arguments, "rights.issue", body | ({"project": arguments.project} if arguments.project else {}))


def order(arguments: argparse.Namespace) -> int:
    """An order."""
    body: dict[str, Any] = {k: getattr(arguments, k) for k in ("id", "asset", "account", "side", "kind")}
    body["price"] = read_decimal(arguments.price, YUAN, "price")
    body["quantity"] = read_decimal(arguments.quantity, MICRO, "quantity")
    if arguments.picks:
        body["picks"] = [p.strip() for p in arguments.picks.split(",")]
    return _send(arguments, "market.order", body)


def post(arguments: argparse.Namespace) -> int:
    """Any command."""
    raw = sys.stdin.read() if arguments.body == "-" else Path(arguments.body).read_text(encoding="utf-8")
    try:
        body = json.loads(raw)
    except ValueError as error:
        raise QingshanError(
            f"the body is no JSON: {error}.", f"内容不是 JSON：{error}。", where=arguments.body
        ) from None
    if not isinstance(body, dict):
        raise QingshanError("the body is no JSON object.", "内容不是 JSON 对象。", where=arguments.body)
    return _send(arguments, arguments.command, body)


def energy(arguments: argparse.Namespace) -> int:
    """What a new project has to buy of energy-use rights, by the only formula on file."""
    from qingshan.rights.compliance import ENERGY_SOURCE, energy_purchase  # noqa: PLC0415

    factor, own, mean = (
        Fraction(read_decimal(getattr(arguments, k), MICRO, k), MICRO) for k in ("factor", "intensity", "mean")
    )
    bought = decimal_text(
        energy_purchase(read_decimal(arguments.new_energy, MICRO, "new-energy"), factor, own, mean), MICRO
    )
    if arguments.json:
        emit({"quantity": bought, "unit": "tce", **ENERGY_SOURCE})
        return 0
    if arguments.lang == "zh":
        print(f"{bought} tce（{ENERGY_SOURCE['source_zh']}，转引；其他省的规则待补）")
    else:
        print(
            f"{bought} tce ({ENERGY_SOURCE['source']}, {ENERGY_SOURCE['status']}; the rules of other provinces are open)"
        )
    return 0


def market(arguments: argparse.Namespace) -> int:
    """The public view of a market."""
    from qingshan.faces.web.words import Words  # noqa: PLC0415
    from qingshan.publish.numbers import unit_word  # noqa: PLC0415
    from qingshan.rights.feed import snapshot, trades  # noqa: PLC0415
    from qingshan.rights.instruments import parse_asset  # noqa: PLC0415

    with opened(arguments.venue) as venue:
        shown = snapshot(venue, arguments.asset)
        last = [asdict(t) for t in trades(venue) if t.asset == arguments.asset][-10:]
    if shown["state"] == "unknown":
        raise UnknownName(f"there is no market of {arguments.asset!r}.", f"没有标的 {arguments.asset!r} 的市场。")
    if arguments.json:
        emit(shown | {"trades": last})
        return 0
    t = Words(arguments.lang)
    print(f"{arguments.asset}{t('colon')}{t('exchange.state.' + shown['state'])} {shown.get('day', '')}")
    unit = unit_word(parse_asset(arguments.asset).unit, arguments.lang)
    price_word, quantity_word = t("exchange.price_yuan"), f"{t('exchange.quantity')} ({unit})"
    if any(shown[side] for side in ("sell", "buy")):
        print(
            f"{t('exchange.side')}\t{price_word}\t{quantity_word}\t{'委托笔数' if arguments.lang == 'zh' else 'orders'}"
        )
    for side in ("sell", "buy"):
        for price, quantity, orders in shown[side]:
            print(f"{t('choice.' + side)}\t{decimal_text(price, YUAN)}\t{decimal_text(quantity, MICRO)}\t{orders}")
    if last:
        print(f"{t('exchange.trades')}\t{price_word}\t{quantity_word}")
    for trade in last:
        price = "-" if trade["price"] is None else decimal_text(trade["price"], YUAN)
        print(f"{t('exchange.way.' + trade['way'])}\t{price}\t{decimal_text(trade['quantity'], MICRO)}")
    return 0


def statement(arguments: argparse.Namespace) -> int:
    """An account on a day."""
    from qingshan.faces.web.movements import movement_said  # noqa: PLC0415
    from qingshan.faces.web.words import Words  # noqa: PLC0415
    from qingshan.publish.numbers import unit_word  # noqa: PLC0415
    from qingshan.rights.instruments import parse_asset  # noqa: PLC0415
    from qingshan.rights.statements import Statement, statements  # noqa: PLC0415

    day = _day(arguments.day)
    with opened(arguments.venue) as venue:
        if arguments.account not in venue.book.accounts:
            raise QingshanError(f"there is no account {arguments.account!r}.", f"没有账户 {arguments.account!r}。")
        shown = statements(venue, day).get(arguments.account) or Statement(arguments.account, day)
    if arguments.json:
        emit(asdict(shown) | {"day": day.isoformat()})
        return 0
    t = Words(arguments.lang)
    for asset in sorted({*shown.opening, *shown.closing, *(m.asset for m in shown.movements)}):
        unit = t("exchange.yuan") if asset.startswith("cash:") else unit_word(parse_asset(asset).unit, arguments.lang)
        parts = zip(("opening", "closing", "set_aside"), (shown.opening, shown.closing, shown.held), strict=True)
        print(
            "\t".join(
                (
                    f"{asset} ({unit})",
                    *(f"{t('exchange.' + word)} {_amount(asset, of.get(asset, 0))}" for word, of in parts),
                )
            )
        )
        for m in (m for m in shown.movements if m.asset == asset):
            said, other = movement_said(t, m.why, m.other)
            print(f"  {m.seq}\t{_amount(asset, m.quantity)}\t{other}\t{said}")
    return 0


def reconcile(arguments: argparse.Namespace) -> int:
    """The bank's file against the ledger; exit 1 where they differ."""
    from qingshan.rights.statements import BankLine, ledger_lines, read_bank_file  # noqa: PLC0415
    from qingshan.rights.statements import reconcile as matched  # noqa: PLC0415

    day = _day(arguments.day)
    lines, findings = read_bank_file(Path(arguments.file).read_text(encoding="utf-8"), arguments.file)
    with opened(arguments.venue) as venue:
        result = matched([x for x in lines if x.day == day], ledger_lines(venue, day))
    other = sum(x.day != day for x in lines)

    def row(x: BankLine) -> dict[str, str]:
        return {"account": x.account, "yuan": decimal_text(x.money, YUAN), "reference": x.reference}

    if arguments.json:
        emit({"matched": len(result.matched), "only_bank": [row(x) for x in result.only_bank], "only_ledger": [row(x) for x in result.only_ledger],
              "other_days": other, "findings": [f.record() for f in findings]})  # fmt: skip
    else:
        zh = arguments.lang == "zh"
        for f in findings:
            print(f.sentence(arguments.lang))
        titles = ("仅见于银行", "仅见于账本") if zh else ("only with the bank", "only on the ledger")
        for title, rows in zip(titles, (result.only_bank, result.only_ledger), strict=True):
            for x in rows:
                print("\t".join((title, *row(x).values())))
        print(
            f"相符 {len(result.matched)} 行，其他日期 {other} 行"
            if zh
            else f"{len(result.matched)} lines match, {other} are of other days"
        )
    return 0 if result.agrees and not findings else 1


def conflicts(arguments: argparse.Namespace) -> int:
    """Staff who hold or benefit; exit 1 where there are any."""
    from qingshan.rights.conflicts import conflicts as found_conflicts  # noqa: PLC0415

    with opened(arguments.venue) as venue:
        findings = found_conflicts(venue.book)
    if arguments.json:
        emit({"findings": [f.record() for f in findings]})
    else:
        for f in findings:
            print(f.sentence(arguments.lang))
        if not findings:
            print("没有利益冲突" if arguments.lang == "zh" else "no conflicts of interest")
    return 1 if findings else 0


def lapse(arguments: argparse.Namespace) -> int:
    """End what has reached its declared end; exit 0 also where nothing has."""
    from qingshan.rights.lapse import CLOCK, lapses  # noqa: PLC0415

    at = time_of(arguments.at)
    with opened(arguments.venue) as venue:
        due = bool(lapses(venue.book, max(at, venue.at)))
    if due:
        arguments.by, arguments.key = CLOCK, ""
        return _send(arguments, "rights.lapse", {})
    if arguments.json:
        emit({"answer": {"ended": []}})
    else:
        print("没有到期的事项" if arguments.lang == "zh" else "nothing has reached its end")
    return 0


def watch(arguments: argparse.Namespace) -> int:
    """The declared surveillance over the days asked for; exit 1 where it found something."""
    from qingshan.rights.rulesets import venue_rule_sets  # noqa: PLC0415
    from qingshan.rights.surveillance import anomalies, surveillance_rules  # noqa: PLC0415

    folder = Path(arguments.venue)
    rows, rules = surveillance_rules(folder), venue_rule_sets(folder)
    with opened(arguments.venue) as venue:
        found = anomalies(venue.journal.read(), rules, _day(arguments.first), _day(arguments.last), rows)
    zh = arguments.lang == "zh"
    if arguments.json:
        emit({"findings": [{"kind": a.kind, "day": a.day.isoformat(), "asset": a.asset, "accounts": a.accounts, "measure": a.measure,
                            "records": [e.seq for e in a.events]} for a in found], "not_run": [r.id for r in rows.values() if not r.runs]})  # fmt: skip
        return 1 if found else 0
    for a in found:
        print("\t".join((a.day.isoformat(), rows[a.kind].zh if zh else rows[a.kind].en, a.asset, " ".join(a.accounts),
                         f"{a.measure} {rows[a.kind].unit}".strip() if a.measure and rows[a.kind].unit == "%" else a.measure,
                         f"{'账本记录' if zh else 'records'} {' '.join(str(e.seq) for e in a.events[:20])}")))  # fmt: skip
    for r in rows.values():
        if not r.runs:
            print(f"未运行：{r.zh}（待补：{r.document}）" if zh else f"not run: {r.en} (needs {r.document})")
    return 1 if found else 0


def prices(arguments: argparse.Namespace) -> int:
    """Monthly figures of the national market for the pages, from a checked file."""
    from qingshan.rights.national import bring  # noqa: PLC0415

    if not Path(arguments.venue).is_dir():
        raise QingshanError("there is no venue in this folder.", "该文件夹内没有账本处。", where=arguments.venue)
    found = bring(Path(arguments.venue), Path(arguments.file))
    if arguments.json:
        emit({"months": len(found.months), "sha256": found.sha256})
    else:
        print(
            f"已导入 {len(found.months)} 个月" if arguments.lang == "zh" else f"{len(found.months)} months are on file"
        )
    return 0


def import_(arguments: argparse.Namespace) -> int:
    """The rows of a file into a register: all, or none with findings; exit 1 where there are findings."""
    from qingshan.registers.declaration import find_register  # noqa: PLC0415
    from qingshan.registers.engine import FaultyFields  # noqa: PLC0415
    from qingshan.registers.importing import read_import, row_findings  # noqa: PLC0415

    path = Path(arguments.file)
    if not path.is_file():
        raise QingshanError("there is no such file.", "没有这个文件。", where=arguments.file)
    read = read_import(find_register(arguments.register), path, arguments.by, time_of(arguments.at))
    findings, told = list(read.findings), {"rows": read.rows, "entered": 0, "repeated": False}
    if read.command is not None:
        with opened(arguments.venue) as venue:
            try:
                if arguments.check:
                    venue.handlers[read.command.kind](venue.book, read.command)
                else:
                    done = venue.submit(read.command)
                    told |= {"entered": done.answer["entered"], "record": done.seq, "repeated": done.repeated}
            except FaultyFields as error:
                findings = row_findings(read, error.faults, path.name)
    if arguments.json:
        emit(told | {"findings": [f.record() for f in findings]})
    else:
        for f in findings:
            print(f.sentence(arguments.lang))
        print(
            f"共 {read.rows} 行，登记 {told['entered']} 行"
            if arguments.lang == "zh"
            else f"{read.rows} rows, {told['entered']} entered"
        )
    return 1 if findings else 0


def due(arguments: argparse.Namespace) -> int:
    """Deadlines of all registers; exit 1 where one was missed."""
    from qingshan.registers.calendar import CHINA, read_calendar  # noqa: PLC0415
    from qingshan.registers.declaration import registers  # noqa: PLC0415
    from qingshan.registers.engine import due as found_due  # noqa: PLC0415

    day = _day(arguments.day) if arguments.day else datetime.now(CHINA).date()
    with opened(arguments.venue) as venue:
        rows = found_due(registers(), venue.book, day, read_calendar(Path(arguments.venue) / "calendar.csv"))
    late = [d for d in rows if d.overdue]
    if arguments.json:
        emit({"due": [{"register": d.register, "id": d.id, "deadline": d.deadline.id, "on": d.on.isoformat() if d.on else None, "overdue": d.overdue,
                       "why": d.why} for d in rows]})  # fmt: skip
    else:
        zh = arguments.lang == "zh"
        for d in rows:
            print(d.finding.sentence(arguments.lang) if d.on else f"{d.id}: {d.why_zh if zh else d.why}")
        print(f"{len(rows)} 项期限，{len(late)} 项逾期" if zh else f"{len(rows)} deadlines, {len(late)} missed")
    return 1 if late else 0


# ---- parts -----------------------------------------------------------------------------------------------------------


@contextmanager
def opened(folder: str) -> Iterator[Venue]:
    from qingshan.rights.exchange import open_exchange  # noqa: PLC0415

    venue = open_exchange(Path(folder))
    try:
        yield venue
    finally:
        venue.close()


def _send(arguments: argparse.Namespace, kind: str, body: Mapping[str, Any]) -> int:
    from qingshan.ledger.venue import Command  # noqa: PLC0415

    at = time_of(arguments.at)
    with opened(arguments.venue) as venue:
        receipt = venue.submit(Command(kind, body, arguments.key or uuid.uuid4().hex, arguments.by, at))
    return _told(arguments, receipt.seq, receipt.answer, repeated=receipt.repeated)


def _told(arguments: argparse.Namespace, seq: int, answer: Mapping[str, Any], *, repeated: bool) -> int:
    if arguments.json:
        emit({"record": seq, "answer": answer, "repeated": repeated})
    else:
        head = f"第 {seq} 条" if arguments.lang == "zh" else f"record {seq}"
        print(f"{head}{'：' if arguments.lang == 'zh' else ': '}{json.dumps(answer, ensure_ascii=False)}")
    return 0


def time_of(text: str) -> int:
    """Microseconds since 1970; now where no time is given."""
    if not text:
        return int(datetime.now(UTC).timestamp() * 1_000_000)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise QingshanError(f"{text!r} is no time with a zone.", f"{text!r} 不是带时区的时间。",
                            fix="write it like 2026-01-30T10:00:00+08:00 / 写成 2026-01-30T10:00:00+08:00 的形式")  # fmt: skip
    return int(moment.timestamp() * 1_000_000)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise QingshanError(
            f"{text!r} is no day.", f"{text!r} 不是日期。", fix="write it like 2026-01-30 / 写成 2026-01-30 的形式"
        ) from None


def _amount(asset: str, value: int) -> str:
    return decimal_text(value, YUAN if asset.startswith("cash:") else MICRO)
