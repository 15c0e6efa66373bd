"""Rows and columns that SEEA tables share: economic units, ecosystem classes, labels."""

from __future__ import annotations

from ..balance import Head
from ..extent import UNALLOCATED
from ..run import Run

UNITS = (
    Head("agriculture", "农林牧渔业", "agriculture, forestry and fishing"),
    Head("industry", "工业和建筑业", "manufacturing, utilities and construction"),
    Head("services", "服务业", "services"),
    Head("government", "政府", "government"),
    Head("households", "住户", "households"),
    Head("ecosystems", "生态系统（中间使用）", "ecosystems (intermediate)"),
    Head("exports", "区域外", "rest of the world"),
    Head("undeclared", "使用者未声明", "user not declared"),
)
WHOLE = Head("whole", "未分生态系统", "not by ecosystem")


def class_heads(run: Run) -> tuple[Head, ...]:
    known = tuple(Head(id, str(c.get("zh", id)), str(c.get("en", id))) for id, c in run.classes.items())
    return (*known, Head(UNALLOCATED, "未归类", "unallocated"))


def labels_of(run: Run) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*run.profile.labels, *(["synthetic"] if run.zone.synthetic else []))))
