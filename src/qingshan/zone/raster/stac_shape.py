"""The shape of what a STAC catalogue answers: checked before anything is made of it or kept."""

from __future__ import annotations

import math
import re
from typing import Any
from urllib.parse import urlsplit

__all__ = ["BadItem", "is_web", "sound_item", "sound_page"]

_WEB = re.compile(r"https?://[^/\s]")


class BadItem(ValueError):
    """What a page gives for an item and is none: its id (or '' where it tells none) and why, in both languages."""

    def __init__(self, id: str, en: str, zh: str) -> None:
        super().__init__(en)
        self.id, self.en, self.zh = id, en, zh


def is_web(address: str) -> bool:
    """Whether it is an absolute http(s) address, as every reader of addresses takes it: nothing of this machine."""
    try:
        return _WEB.match(address) is not None and bool(urlsplit(address).hostname)
    except ValueError:
        return False


def sound_page(page: Any, at: str) -> dict[str, Any]:
    """The page read from `at`, an object whose links are objects. Raises `ValueError`."""
    if not isinstance(page, dict):
        raise ValueError(f"{at} is no JSON object")
    links = page.get("links", [])
    if not isinstance(links, list) or not all(isinstance(link, dict) for link in links):
        raise ValueError(f"{at} has links that are no list of objects")
    if not isinstance(page.get("features", []), list):
        raise ValueError(f"{at} has features that are no list")
    return page


def sound_item(item: Any, at: str) -> dict[str, Any]:
    """The item of the page `at` where it has the id, bbox, properties and assets of one, and pystac and shapely read it.

    A bbox is absent, or four or six numbers; a geometry is needed, since what has none cannot be laid on a grid. Raises `BadItem`.
    """
    from pystac import Item  # noqa: PLC0415 - the extra cube
    from pystac.errors import RequiredPropertyMissing, STACError, STACTypeError  # noqa: PLC0415
    from shapely.errors import ShapelyError  # noqa: PLC0415 - the extra geo
    from shapely.geometry import shape  # noqa: PLC0415

    if not isinstance(item, dict):
        raise BadItem("", f"{at} has an item that is no object", f"{at} 有一个数据项不是 JSON 对象")
    id, bbox, assets = item.get("id"), item.get("bbox"), item.get("assets")
    wrong = {
        "id": not isinstance(id, str) or not id,
        "bbox": bbox is not None and not (isinstance(bbox, list) and len(bbox) in (4, 6) and all(map(_number, bbox))),
        "properties": not isinstance(item.get("properties"), dict),
        "assets": not isinstance(assets, dict) or not all(
            isinstance(asset, dict) and isinstance(asset.get("href"), str) for asset in assets.values()
        ),
    }  # fmt: skip
    told = id if isinstance(id, str) else ""
    if bad := [name for name, is_wrong in wrong.items() if is_wrong]:
        raise BadItem(
            told, f"the item {id!r} of {at} lacks what an item of STAC needs, or has it wrong: {', '.join(bad)}",
            f"{at} 的数据项 {id!r} 缺少或写错了 STAC 必需的内容：{'、'.join(bad)}",
        )  # fmt: skip
    try:
        Item.from_dict(item | {"links": []})
        if shape(item["geometry"]).is_empty:
            raise ValueError("an empty geometry")
    except (STACError, STACTypeError, RequiredPropertyMissing, ShapelyError, AttributeError, LookupError, TypeError,
            ValueError) as error:  # fmt: skip
        why = f"{type(error).__name__}: {error}"
        raise BadItem(
            told,
            f"the item {id!r} of {at} is no item of STAC ({why})",
            f"{at} 的数据项 {id!r} 不是 STAC 数据项（{why}）",
        ) from None
    return item


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
