"""Verbs on a ledger: verify, replay, key, root, proof, tables. A venue is a folder with a journal."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from qingshan.core.errors import QingshanError, UnknownName

from .show import emit

if TYPE_CHECKING:
    from qingshan.ledger.venue import Venue


def verify(arguments: argparse.Namespace) -> int:
    """The independent verifier; exit 1 where it finds a fault."""
    from qingshan.ledger.verify import verify_journal  # noqa: PLC0415 - loads when it runs

    path = _journal(arguments.venue)
    found = verify_journal(path.read_bytes())
    if arguments.json:
        emit({"sound": found.sound, "records": found.records, "torn_bytes": found.torn_bytes, "chain": found.chain, "root": found.root,
              "faults": found.faults})  # fmt: skip
    else:
        zh = arguments.lang == "zh"
        for fault in found.faults:
            print(
                f"第 {fault['record']} 条记录，规则 {fault['rule']}：{fault['what']}"
                if zh
                else f"record {fault['record']}, rule {fault['rule']}: {fault['what']}"
            )
        if found.torn_bytes:
            print(
                f"末尾有 {found.torn_bytes} 字节未确认的残段"
                if zh
                else f"{found.torn_bytes} torn bytes at the end, never acknowledged"
            )
        count, root = found.records, found.root
        if found.sound:
            print(
                f"{count} 条记录，八条规则均成立，根 {root}"
                if zh
                else f"{count} records, the eight rules hold, root {root}"
            )
        else:
            print(
                f"{count} 条记录，{len(found.faults)} 处错误" if zh else f"{count} records, {len(found.faults)} faults"
            )
    return 0 if found.sound else 1


def replay(arguments: argparse.Namespace) -> int:
    """Rebuild the state from the first record and print its hash and balances."""
    from qingshan.ledger.amounts import units, yuan  # noqa: PLC0415
    from qingshan.ledger.book import CASH  # noqa: PLC0415

    with _opened(arguments.venue) as venue:
        book = venue.book
        balances = [[*k, b.value, b.held] for k, b in sorted(book.balances.items()) if b.cr or b.dr]
        if arguments.json:
            emit({"records": venue.next, "state": book.hash(), "root": venue.root().hex(), "balances": balances})
        else:
            print("账户\t标的\t余额\t其中占用" if arguments.lang == "zh" else "account\tinstrument\tbalance\tset aside")
            for account, asset, value, held in balances:
                print(
                    "\t".join(
                        (account, asset, *(yuan(v) if asset.startswith(CASH) else units(v) for v in (value, held)))
                    )
                )
            count, state, root = venue.next, book.hash(), venue.root().hex()
            print(
                f"共 {count} 条记录，状态 {state}，根 {root}"
                if arguments.lang == "zh"
                else f"records {count}, state {state}, root {root}"
            )
    return 0


def key(arguments: argparse.Namespace) -> int:
    """A fresh signing key on stdout, kept nowhere."""
    from qingshan.ledger.signing import ENVIRONMENT, new_key  # noqa: PLC0415

    seed = new_key()
    if arguments.json:
        emit({"variable": ENVIRONMENT, "key": seed})
    else:
        print(f"{ENVIRONMENT}={seed}")
    return 0


def root(arguments: argparse.Namespace) -> int:
    """Sign the present Merkle root as that of a day."""
    from qingshan.ledger.signing import publish_root  # noqa: PLC0415

    _day(arguments.day)
    with _opened(arguments.venue) as venue:
        path = publish_root(venue, arguments.day)
    if arguments.json:
        emit({"written": str(path), "root": json.loads(path.read_bytes())})
    else:
        print(path)
    return 0


def proof(arguments: argparse.Namespace) -> int:
    """Print the proof that a record is under a day's root, or that an older day's records are unchanged under it."""
    from qingshan.ledger.signing import SignedRoot, consistency_proof, inclusion_proof  # noqa: PLC0415

    def read(day: str) -> SignedRoot:
        path = Path(arguments.venue) / "roots" / f"{_day(day)}.json"
        if not path.is_file():
            raise UnknownName(
                f"no root of {day} was published.",
                f"没有 {day} 的根。",
                where=str(path),
                fix="make it with `qingshan ledger root` / 用 `qingshan ledger root` 发布",
            )
        return SignedRoot(**json.loads(path.read_bytes()))

    with _opened(arguments.venue) as venue:
        new = read(arguments.day)
        if arguments.since:
            emit(consistency_proof(venue, read(arguments.since), new))
        else:
            emit(inclusion_proof(venue, _number(arguments.record), new))
    return 0


def check_proof(arguments: argparse.Namespace) -> int:
    """Check a proof file with nothing but itself; exit 1 where it does not hold."""
    from qingshan.ledger.signing import proof_holds  # noqa: PLC0415

    try:
        given = json.loads(Path(arguments.file).read_bytes())
        holds = proof_holds(given)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise QingshanError(
            f"the file is no proof: {error}.", f"文件不是证明：{error}。", where=arguments.file
        ) from None
    if arguments.json:
        emit({"holds": holds, "public_key": given["root"]["public_key"]})
    else:
        words = ("holds", "成立") if holds else ("does not hold", "不成立")
        zh = arguments.lang == "zh"
        print(f"{words[zh]}{'，公钥 ' if zh else ', public key '}{given['root']['public_key']}")
    return 0 if holds else 1


def tables(arguments: argparse.Namespace) -> int:
    """Bring the SQL tables up to the journal; `--rebuild` makes them again."""
    from qingshan.ledger.projection import Projection, open_engine  # noqa: PLC0415

    with _opened(arguments.venue) as venue:
        made = Projection(open_engine(arguments.url), venue.name)
        if arguments.rebuild:
            made.rebuild(venue)
        else:
            made.follow(venue)
        if arguments.json:
            emit({"next": made.next})
        else:
            print(f"已应用 {made.next} 条记录" if arguments.lang == "zh" else f"records applied: {made.next}")
    return 0


def _journal(venue: str) -> Path:
    path = Path(venue)
    path = path / "journal" if path.is_dir() else path
    if not path.is_file():
        raise UnknownName(
            "there is no journal.",
            "没有日志。",
            where=str(path),
            fix="name the venue's folder or its journal file / 给出账本文件夹或日志文件",
        )
    return path


@contextmanager
def _opened(folder: str) -> Iterator[Venue]:
    """A venue for reading its history; nothing is submitted, so it needs no handlers."""
    from qingshan.ledger.venue import open_venue  # noqa: PLC0415

    _journal(folder)
    venue = open_venue(Path(folder))
    try:
        yield venue
    finally:
        venue.close()


def _day(text: str) -> str:
    from datetime import date  # noqa: PLC0415

    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise QingshanError(
            f"{text!r} is no day.", f"{text!r} 不是日期。", fix="write it like 2026-01-31 / 写成 2026-01-31 的形式"
        ) from None


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise QingshanError(
            f"{text!r} is no record number.",
            f"{text!r} 不是记录编号。",
            fix="give --record N or --since DAY / 给出 --record N 或 --since 日期",
        )
    return int(text)
