"""What the command line says when it cannot do what was asked.

One sentence on stderr: what, where, what to do. With `--json`, stdout also carries one object `{"error": {...}}`, so that
a program always finds exactly one JSON document there. The exit code is in both.
"""

from __future__ import annotations

import errno
import json
import sys
from dataclasses import asdict, dataclass

from qingshan.core.errors import QingshanError, UnknownName, advice, in_language

EXIT_DONE, EXIT_REFUSED, EXIT_CALL, EXIT_BUG = 0, 1, 2, 3

_CHECK_PATH = "check the path and the permissions / 检查路径和权限"
_SYSTEM = {
    errno.ENOENT: ("the path does not exist", "路径不存在", _CHECK_PATH),
    errno.ENOTDIR: ("a part of the path is no folder", "路径中有一段不是目录", _CHECK_PATH),
    errno.EISDIR: ("a folder stands where a file should", "应为文件，实为目录", _CHECK_PATH),
    errno.EEXIST: ("a file stands where a folder should", "应为目录，实为文件", _CHECK_PATH),
    errno.EACCES: ("permission denied", "没有权限", _CHECK_PATH),
    errno.EPERM: ("permission denied", "没有权限", _CHECK_PATH),
    errno.EROFS: ("the file system is read-only", "文件系统只读", "set QINGSHAN_HOME or --out to a folder that can be written"
                  " / 把 QINGSHAN_HOME 或 --out 指到可写的目录"),
    errno.ENOSPC: ("the disk is full", "磁盘已满", "free some space and run again / 腾出空间后重新运行"),
    errno.EDQUOT: ("the disk quota is used up", "超出磁盘配额", "free some space and run again / 腾出空间后重新运行"),
    errno.ENAMETOOLONG: ("the name is too long", "名称过长", "shorten it / 改短"),
}  # fmt: skip


class WrongCall(QingshanError):
    """Arguments that do not fit together."""

    code = "wrong_call"


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a verb did not do its work. `fix` and each of `reasons` are `English / 中文`."""

    code: str
    exit: int
    en: str
    zh: str
    where: str = ""
    fix: str = ""
    reasons: tuple[str, ...] = ()

    def sentence(self, lang: str) -> str:
        zh = lang == "zh"
        colon, text = ("：", self.zh) if zh else (": ", self.en)
        lines = [f"{self.where}{colon}{text}" if self.where else text]
        if len(self.reasons) > 1:  # the text joins them after a colon; a reader gets one a line
            lines = [text.partition(colon)[0] + colon.strip(), *(f"  - {in_language(r, lang)}" for r in self.reasons)]
        if self.fix:
            lines.append(f"  {'处理：' if zh else 'fix: '}{advice(self.fix, lang)}")
        return "\n".join(lines)


def of_error(error: QingshanError) -> Problem:
    """A broken precondition: a wrong name is a wrong call, all else a refusal."""
    code = EXIT_CALL if isinstance(error, UnknownName | WrongCall) else EXIT_REFUSED
    return Problem(
        error.code, code, error.en, error.zh, error.where, error.fix, tuple(getattr(error, "reasons", ()))
    )  # fmt: skip


def of_system(error: OSError) -> Problem:
    """A file or folder that the system did not give: missing, forbidden, read-only, full."""
    why = error.strerror or str(error)
    en, zh, fix = _SYSTEM.get(error.errno or 0, (why, why, _CHECK_PATH))
    return Problem("system", EXIT_REFUSED, f"{en}.", f"{zh}。", str(error.filename or ""), fix)


def tell(problem: Problem, lang: str, *, as_json: bool) -> int:
    """Print a problem and give its exit code."""
    if as_json:
        print(json.dumps({"error": asdict(problem)}, ensure_ascii=False, indent=2))
    print(problem.sentence(lang), file=sys.stderr)
    return problem.exit
