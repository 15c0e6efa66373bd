"""What a row of the verb table is. Data only, standard library only."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Option:
    """One argument. `flag` is a positional name or `--name`; `kind` is str, flag, port or count (a whole number)."""

    flag: str
    help: str
    kind: str = "str"
    default: str | int | None = None
    many: bool = False
    required: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verb:
    """One verb: where its code is (`module:function`), what it says in `--help`, what it takes.

    A name of two words is a verb of a group.
    """

    name: str
    call: str
    help: str
    options: tuple[Option, ...] = field(default=())
    example: str = ""


ZONE = Option("--zone", "zone name or folder (default: QINGSHAN_ZONE, else guizhou)")
PROFILE = Option("--profile", "specification profile (default: the zone's default profile)")
JSON = Option("--json", "print one JSON document, also where the verb fails", kind="flag")
LANG = Option("--lang", "language of names and messages", choices=("zh", "en"), default="en")
