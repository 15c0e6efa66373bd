"""The command line: `main` reads the verb table, parses, runs one verb, maps what happened to an exit code.

0 done (refusals by rule and warnings are listed), 1 an error finding, a failed verification or a refused single
request, 2 wrong call, 3 bug. Importing this and printing help costs the standard library only. What went wrong is told
by `problem.py`.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from itertools import pairwise
from typing import NoReturn

from qingshan import __version__
from qingshan.core.baseline import pin_cpu
from qingshan.core.errors import QingshanError

from .parse import COMMAND, ChineseParser, Parser, Unparsed
from .problem import EXIT_BUG, EXIT_CALL, EXIT_DONE, EXIT_REFUSED, Problem, of_error, of_system, tell
from .verbs import GROUPS, VERBS, Option, Verb

ABOUT = "qingshan 青山: the open ledger of an ecological-civilisation pioneer zone."
PROMISE = "Every published number can be explained down to its readings, and replayed to the byte."


def parser(lang: str = "en") -> argparse.ArgumentParser:
    """The parser, made from the verb table; in Chinese where `help_zh.toml` has the text."""
    say, made_by = (_chinese(), ChineseParser) if lang == "zh" else (str, Parser)
    metavar = COMMAND if lang == "zh" else "VERB"
    top = made_by(prog="qingshan", description=say(ABOUT), epilog=say(PROMISE))
    top.add_argument("--version", action="version", version=f"qingshan {__version__}")
    verbs = {"": top.add_subparsers(dest="verb", metavar=metavar)}
    _headings(top, say)
    for verb in VERBS:
        group, _, name = verb.name.rpartition(" ")
        if group not in verbs:
            grouped = verbs[""].add_parser(group, help=say(GROUPS[group]), description=say(GROUPS[group]))
            _headings(grouped, say)
            verbs[group] = grouped.add_subparsers(dest="inner", metavar=metavar, required=True)
        made = verbs[group].add_parser(
            name,
            help=say(verb.help),
            description=say(verb.help),
            epilog=f"{say('example: ')}{verb.example}" if verb.example else None,
        )
        _headings(made, say)
        for option in verb.options:
            _add(made, option, say)
    return top


def _chinese() -> Callable[[str], str]:
    import tomllib  # noqa: PLC0415 - only where Chinese help is asked for
    from pathlib import Path  # noqa: PLC0415

    words = tomllib.loads(Path(__file__).with_name("help_zh.toml").read_text(encoding="utf-8"))["text"]
    return lambda text: str(words.get(text, text))


def _headings(to: argparse.ArgumentParser, say: Callable[[str], str]) -> None:
    """argparse's own words."""
    for group in to._action_groups:
        group.title = say(group.title or "")
    for action in to._actions:
        action.help = say(action.help or "")


def _add(to: argparse.ArgumentParser, option: Option, say: Callable[[str], str] = str) -> None:
    if option.kind == "flag":
        to.add_argument(option.flag, action="store_true", help=say(option.help))
        return
    extra: dict[str, object] = {"help": say(option.help), "default": option.default}
    if option.kind in ("port", "count"):
        extra["type"] = _port if option.kind == "port" else _count
    if option.choices:
        extra["choices"] = option.choices
    if option.flag.startswith("--"):
        extra["required"] = option.required
    elif option.many:
        extra["nargs"] = "*"
    elif option.default is not None:
        extra["nargs"] = "?"
    to.add_argument(option.flag, **extra)  # type: ignore[arg-type]


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is no port; give 0 to 65535")
    return int(text)


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 2**32):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number")
    return int(text)


def main(argv: list[str] | None = None) -> int:
    """Run one verb; returns the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
    given = sys.argv[1:] if argv is None else argv
    asks = any(a == "--lang=zh" or (a == "--lang" and b == "zh") for a, b in pairwise([*given, ""]))
    top = parser("zh" if asks else "en")
    try:
        arguments = top.parse_args(given)
    except Unparsed as wrong:
        problem = Problem("wrong_call", EXIT_CALL, wrong.en, wrong.zh, fix="see --help / 见 --help")
        return tell(problem, "zh" if asks else "en", as_json="--json" in given)
    except SystemExit as stop:  # --help, --version
        return int(stop.code or 0)
    if not arguments.verb:
        top.print_help()
        return EXIT_CALL
    pin_cpu()
    asked = " ".join(filter(None, (arguments.verb, getattr(arguments, "inner", ""))))
    verb = next(v for v in VERBS if v.name == asked)
    try:
        return _run(verb, arguments)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_DONE


@contextmanager
def _interrupts() -> Iterator[list[int]]:
    """The interrupts (Ctrl-C) that came meanwhile. One that comes inside a callback of compiled code, as while a kernel is compiled, is dropped
    there and surfaces as some other error."""
    came: list[int] = []

    def note(number: int, frame: object) -> NoReturn:
        came.append(number)
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield came
        return
    before = signal.signal(signal.SIGINT, note)
    try:
        yield came
    finally:
        signal.signal(signal.SIGINT, before)


def _run(verb: Verb, arguments: argparse.Namespace) -> int:
    """The verb, and what is told where it does not end well. Only a bug shows a traceback."""
    with _interrupts() as interrupts:
        problem = _outcome(verb, arguments, interrupts)
    return problem if isinstance(problem, int) else _tell(problem, arguments)


def _tell(problem: Problem, arguments: argparse.Namespace) -> int:
    return tell(problem, getattr(arguments, "lang", "en"), as_json=getattr(arguments, "json", False))


def _outcome(verb: Verb, arguments: argparse.Namespace, interrupts: list[int]) -> int | Problem:
    module, _, name = verb.call.partition(":")
    try:
        return int(getattr(import_module(module), name)(arguments))
    except QingshanError as error:
        return of_error(error)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("qingshan"):
            raise
        return _not_installed(error.name or "")
    except BrokenPipeError:
        raise
    except OSError as error:
        return of_system(error)
    except (KeyboardInterrupt, Exception) as error:
        if interrupts or isinstance(error, KeyboardInterrupt):
            return Problem("stopped", EXIT_REFUSED, "stopped; nothing half-written.", "已中止，没有写入半成品。")
        import traceback  # noqa: PLC0415

        traceback.print_exc()
        return Problem(
            "bug", EXIT_BUG, f"this is a bug in qingshan {__version__}; please report the lines above.",
            f"这是 qingshan {__version__} 的程序错误，请把上面的内容报告给我们。",
        )  # fmt: skip


def _not_installed(package: str) -> Problem:
    return Problem(
        "not_installed", EXIT_REFUSED, f"this verb needs the package {package!r}.", f"此命令需要软件包 {package}。",
        fix="pip install 'qingshan[all]' / 运行 pip install 'qingshan[all]'",
    )  # fmt: skip
