"""What GEOS says of an outline that is not valid, in Chinese: coordinates stay, the reason is translated."""

from __future__ import annotations

__all__ = ["reason_zh"]

_REASONS = {
    "Ring Self-intersection": "环自相交",
    "Self-intersection": "自相交",
    "Hole lies outside shell": "洞在外环之外",
    "Holes are nested": "洞套洞",
    "Interior is disconnected": "内部不连通",
    "Nested shells": "外环相套",
    "Duplicate Rings": "环重复",
    "Too few points in geometry component": "点数不足",
    "Invalid Coordinate": "坐标无效",
    "Ring is not closed": "环未闭合",
    "no area": "没有面积",
}


def reason_zh(reason: str) -> str:
    """`Self-intersection[5 2]` -> `自相交（5 2）`; a reason that is not known stays as it is."""
    said, bracket, at = reason.partition("[")
    known = _REASONS.get(said.strip())
    if known is None:
        return reason
    return f"{known}（{at.rstrip(']')}）" if bracket else known
