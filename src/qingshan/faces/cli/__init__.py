"""The command line: `main` reads the verb table, parses, runs one verb, maps what happened to an exit code.

0 done (refusals by rule and warnings are listed), 1 an error finding, a failed verification or a refused single
request, 2 wrong call, 3 bug. Importing this and printing help costs the standard library only.
"""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module

from qingshan import __version__
from qingshan.core.baseline import pin_cpu

from .verbs import VERBS, Option, Verb

EXIT_DONE, EXIT_REFUSED, EXIT_CALL, EXIT_BUG = 0, 1, 2, 3


def parser() -> argparse.ArgumentParser:
    """The parser, made from the verb table."""
    top = argparse.ArgumentParser(
        prog="qingshan",
        description="qingshan 青山: the open ledger of an ecological-civilisation pioneer zone.",
        epilog="Every published number can be explained down to its readings, and replayed to the byte.",
    )
    top.add_argument("--version", action="version", version=f"qingshan {__version__}")
    inner = top.add_subparsers(dest="verb", metavar="VERB")
    for verb in VERBS:
        made = inner.add_parser(
            verb.name,
            help=verb.help,
            description=verb.help,
            epilog=f"example: {verb.example}" if verb.example else None,
        )
        for option in verb.options:
            _add(made, option)
    return top


def _add(to: argparse.ArgumentParser, option: Option) -> None:
    if option.kind == "flag":
        to.add_argument(option.flag, action="store_true", help=option.help)
        return
    extra: dict[str, object] = {"help": option.help, "default": option.default}
    if option.kind == "int":
        extra["type"] = int
    if option.choices:
        extra["choices"] = option.choices
    if option.flag.startswith("--"):
        extra["required"] = option.required
    elif option.default is not None:
        extra["nargs"] = "?"
    to.add_argument(option.flag, **extra)  # type: ignore[arg-type]


def main(argv: list[str] | None = None) -> int:
    """Run one verb; returns the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
    top = parser()
    try:
        arguments = top.parse_args(argv)
    except SystemExit as stop:
        return int(stop.code or 0)
    if not arguments.verb:
        top.print_help()
        return EXIT_CALL
    pin_cpu()
    verb = next(v for v in VERBS if v.name == arguments.verb)
    try:
        return _run(verb, arguments)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_DONE
    except KeyboardInterrupt:
        print("stopped; nothing half-written", file=sys.stderr)
        return EXIT_REFUSED


def _run(verb: Verb, arguments: argparse.Namespace) -> int:
    from qingshan.core.errors import QingshanError, UnknownName  # noqa: PLC0415 - keeps --help to the standard library

    module, _, name = verb.call.partition(":")
    try:
        return int(getattr(import_module(module), name)(arguments))
    except QingshanError as error:
        lang = getattr(arguments, "lang", "en")
        text = error.zh if lang == "zh" else error.en
        where = f"{error.where}: " if error.where else ""
        print(f"{where}{text}" + (f"\n  fix: {error.fix}" if error.fix else ""), file=sys.stderr)
        return EXIT_CALL if isinstance(error, UnknownName) else EXIT_REFUSED
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("qingshan"):
            raise
        print(f"this verb needs the package {error.name!r}: pip install 'qingshan[all]'", file=sys.stderr)
        return EXIT_REFUSED
    except BrokenPipeError:
        raise
    except Exception:
        import traceback  # noqa: PLC0415

        traceback.print_exc()
        print(f"this is a bug in qingshan {__version__}; please report the lines above.", file=sys.stderr)
        return EXIT_BUG
