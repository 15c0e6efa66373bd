"""Items of a static STAC catalogue: JSON files that link to one another, without a search of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urljoin

from .cache import FetchFailed
from .stac_shape import BadItem, sound_item

__all__ = ["is_static", "static_items"]


def is_static(catalogue: str) -> bool:
    """A catalogue that is a file is read link by link; one that is a service is asked."""
    return catalogue.partition("?")[0].endswith(".json")


def static_items(
    catalogue: str, collection: str, box: Sequence[float], io: Any, most: int
) -> Iterator[dict[str, Any] | BadItem]:
    """Items of the collection whose bbox touches `box` (west, south, east, north in degrees); hrefs of assets become absolute.

    The address is that of the collection, or of a catalogue that links to it; deeper catalogues are not opened. `io` reads an
    address as JSON (`read_json`) and raises as it does. Collections whose address names `collection` are opened first. Raises
    `FetchFailed` where the catalogue has no such collection, or it or the collection links to more than `most`: each would have
    to be read; `ValueError` where a link has not the shape of one. What an item's link leads to and is no item is given as a `BadItem`.
    """
    top, at = io.read_json(catalogue), catalogue
    if not _is(top, collection):
        children = sorted(_links(top, at, "child", most), key=lambda href: f"/{collection}/" not in href)
        opened = ((io.read_json(href), href) for href in children)
        top, at = next(((found, href) for found, href in opened if _is(found, collection)), (None, ""))
    if top is None:
        raise FetchFailed(
            f"the catalogue links to no collection {collection!r}.", f"目录没有链接到数据集 {collection!r}。", where=catalogue,
            fix="check the id, or give the address of the collection's own file / 核对 collection，或给出该数据集自身文件的地址",
        )  # fmt: skip
    for href in _links(top, at, "item", most):
        try:
            item = sound_item(io.read_json(href), href)
        except BadItem as bad:
            yield bad
        except ValueError as error:  # no JSON, or an address that is none
            yield BadItem("", f"{href} is no item of STAC ({error})", f"{href} 不是 STAC 数据项（{error}）")
        else:
            if _touches(item.get("bbox"), box):
                yield _resolved(item, href) | {"collection": collection}


def _is(found: Mapping[str, Any], collection: str) -> bool:
    return found.get("type") == "Collection" and found.get("id") == collection


def _links(of: Mapping[str, Any], at: str, rel: str, most: int) -> list[str]:
    hrefs = [link.get("href") for link in of.get("links", ()) if link.get("rel") == rel]
    if not all(isinstance(href, str) for href in hrefs):
        raise ValueError(f"{at} has a link {rel!r} without href")
    if len(hrefs) > most:
        raise FetchFailed(
            f"{at} has {len(hrefs)} links {rel!r}, more than {most}: each would have to be read.",
            f"{at} 有 {len(hrefs)} 个 {rel!r} 链接，超过 {most} 个，需逐一读取。", where=at,
            fix="use a catalogue that can be searched / 使用可检索的目录服务",
        )  # fmt: skip
    return [urljoin(at, href) for href in hrefs]


def _resolved(item: dict[str, Any], at: str) -> dict[str, Any]:
    assets = {name: asset | {"href": urljoin(at, asset["href"])} for name, asset in item["assets"].items()}
    return item | {"assets": assets}


def _touches(bbox: Sequence[float] | None, box: Sequence[float]) -> bool:
    """An item that does not say where it lies may touch. A bbox of six numbers has heights between."""
    if not bbox:
        return True
    west, south, east, north = (*bbox[:2], *bbox[len(bbox) // 2 :][:2])
    return west <= box[2] and box[0] <= east and south <= box[3] and box[1] <= north
