"""Which build made a kept folder, and how a folder of another build is told from one that was tampered with."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import version

import qingshan
from qingshan.accounts.verify import Verdict
from qingshan.core.build import build

__all__ = ["by_another_build", "software"]


def software() -> dict[str, str]:
    """What the bytes of a report depend on besides its evidence."""
    return {"qingshan": qingshan.__version__, "build": build(), "python": platform.python_version(), "numpy": version("numpy"),
            "typst": version("typst")}  # fmt: skip


def by_another_build(verdict: Verdict, maker: Mapping[str, str], kind: tuple[str, str], again: tuple[str, str]) -> None:
    """One difference in place of those that another build explains: who made it, what differs, what to do.

    `maker` as `software`, with what it names; `kind` and `again` in English and Chinese: what it is, and how else to get one.
    """
    what = [d["what"] or d["en"] for d in verdict.differences]
    within = ", ".join(f"{k} {v}" for k, v in maker.items() if k not in ("qingshan", "build") and v)
    named = maker.get("build", "")
    en_build, zh_build = (f"build {named}", f"构建 {named}") if named else (
        "an earlier build that did not name itself", "未记构建号的早期构建")  # fmt: skip
    shown = ", ".join(what[:3]) + (" …" if len(what) > 3 else "")
    of = maker.get("qingshan", "")
    verdict.differences.clear()
    verdict.name(
        "build", named,
        f"every file is as the manifest says, but this build cannot make {len(what)} of them again: {shown}. "
        f"The {kind[0]} was made by qingshan {of}, {en_build} ({within}); this is build {build()}. Verify it with that build{again[0]}.",
        f"各文件与清单相符，但本构建重做 {len(what)} 个文件的结果不同：{shown}。{kind[1]}由青山 {of} {zh_build}（{within}）生成，本机为构建 {build()}。"
        f"请用当时的构建核验{again[1]}。",
    )  # fmt: skip
