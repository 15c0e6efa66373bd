"""argparse in two languages: it hands a wrong call over instead of leaving the process, and has its own words in Chinese too.

Importing this costs the standard library only.
"""

from __future__ import annotations

import argparse
import re
import sys
from typing import Any, NoReturn

__all__ = ["COMMAND", "ChineseParser", "Parser", "Unparsed", "in_chinese"]

COMMAND = "命令"
"""`VERB` in Chinese."""
_ERRORS = tuple(
    (re.compile(pattern, re.DOTALL), zh)
    for pattern, zh in (
        (r"the following arguments are required: (.*)", "缺少必需的参数：{0}"),
        (r"unrecognized arguments: (.*)", "无法识别的参数：{0}"),
        (r"ambiguous option: (.*) could match (.*)", "选项 {0} 有歧义，可能是 {1}"),
        (r"invalid choice: (.*) \(choose from (.*)\)", "取值无效：{0}（可选：{1}）"),
        (r"invalid \w+ value: (.*)", "取值无效：{0}"),
        (r"expected one argument", "须有一个值"),
        (r"expected at most one argument", "至多有一个值"),
        (r"expected at least one argument", "至少有一个值"),
        (r"expected (\d+) arguments?", "须有 {0} 个值"),
        (r"ignored explicit argument (.*)", "不接受值 {0}"),
        (r"(.*) is no port; give 0 to 65535", "{0} 不是端口，须为 0 至 65535"),
        (r"(.*) is no whole number", "{0} 不是整数"),
    )
)
"""What argparse and the types of `cli` say of the arguments that this command line declares."""


class Unparsed(Exception):
    """The arguments could not be parsed: an English and a Chinese sentence."""

    def __init__(self, en: str, zh: str) -> None:
        self.en, self.zh = en, zh
        super().__init__(en)


class Parser(argparse.ArgumentParser):
    """In English."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        english = re.sub(rf"^(argument |the following arguments are required: ){COMMAND}", r"\1VERB", message)
        raise Unparsed(f"{self.prog}: {english}", f"{self.prog}：{in_chinese(message)}")


class _ChineseHelp(argparse.HelpFormatter):
    def add_usage(self, usage: str | None, actions: Any, groups: Any, prefix: str | None = None) -> None:
        super().add_usage(usage, actions, groups, "用法：" if prefix is None else prefix)

    def format_help(self) -> str:
        return re.sub(r"^(\S+):$", r"\1：", super().format_help(), flags=re.MULTILINE)  # heads of sections


class ChineseParser(Parser):
    """In Chinese; the texts given to it are as they are."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **({"formatter_class": _ChineseHelp} | settings))


def in_chinese(message: str) -> str:
    """The Chinese sentence for one of argparse's; one that is not known stays as it is, behind a Chinese head."""
    name, of, rest = (
        message.removeprefix("argument ").partition(": ") if message.startswith("argument ") else ("", "", message)
    )
    head = f"参数 {name}：" if of else ""
    for pattern, zh in _ERRORS:
        if found := pattern.fullmatch(rest):
            return head + zh.format(*found.groups())
    return f"{head or '参数有误：'}{rest}"
