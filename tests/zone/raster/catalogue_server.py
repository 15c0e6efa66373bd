"""A small STAC API and file server on the loopback: pages, byte ranges, and faults on demand."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

CORE = "https://api.stacspec.org/v1.0.0/core"
SEARCH = "https://api.stacspec.org/v1.0.0/item-search"


@dataclass
class Server:
    """`items` of the collections of a search are answered, `page` at a time. `failing[path]` requests of a path get a 503 first;
    `cut` are paths whose bodies end early; `asked` counts requests, `ranges` keeps the ranges asked of each path;
    `pages[path]` is answered instead of what the path has."""

    folder: Path
    url: str = ""
    items: list[dict[str, Any]] = field(default_factory=list)
    page: int = 100
    failing: Counter[str] = field(default_factory=Counter)
    cut: set[str] = field(default_factory=set)
    asked: Counter[str] = field(default_factory=Counter)
    ranges: dict[str, list[str]] = field(default_factory=dict)
    queries: list[str] = field(default_factory=list)
    pages: dict[str, Any] = field(default_factory=dict)

    def item(
        self,
        name: str,
        bbox: list[float],
        when: str = "2020-06-01T00:00:00Z",
        checksum: str = "",
        collection: str = "cover",
        **more: Any,
    ) -> None:
        """An item of the collection whose asset `map` is the file `name`.tif."""
        west, south, east, north = bbox
        ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
        asset = {"href": f"{self.url}/files/{name}.tif", "type": "image/tiff; application=geotiff", "roles": ["data"]}
        if checksum:
            asset["file:checksum"] = checksum
        self.items.append({
            "type": "Feature", "stac_version": "1.0.0", "id": name, "collection": collection, "bbox": bbox, "links": [],
            "geometry": {"type": "Polygon", "coordinates": [ring]}, "properties": {"datetime": when} | more,
            "assets": {"map": asset},
        })  # fmt: skip

    def multihash(self, name: str) -> str:
        """`file:checksum` of a file: sha2-256, 32 bytes."""
        return "1220" + hashlib.sha256((self.folder / f"{name}.tif").read_bytes()).hexdigest()


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """A server for the time of the block."""
    known = Server(folder)

    class Handler(_Handler):
        server_state = known

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        http.daemon_threads = True
        known.url = f"http://127.0.0.1:{http.server_address[1]}"
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield known
        finally:
            http.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    server_state: Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if not self._admitted(parts.path):
            return
        if parts.path in self.server_state.pages:
            self._json(self.server_state.pages[parts.path])
        elif parts.path == "/":
            self._json(self._landing())
        elif parts.path == "/search":
            token = parse_qs(parts.query).get("token", ["0"])[0]
            self._json(self._page(int(token)))
        elif parts.path.startswith("/static/"):
            self._static(parts.path.removeprefix("/static/").split("/"))
        elif parts.path.startswith("/files/"):
            self.server_state.queries.append(parts.query)
            self._file(parts.path)
        else:
            self.send_error(404)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        path = urlsplit(self.path).path
        if self._admitted(path):
            given = self.server_state.pages.get(path)
            self._json(given if given is not None else self._page(int(body.get("token", 0)), body.get("collections")))

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def _admitted(self, path: str) -> bool:
        state = self.server_state
        state.asked[path] += 1
        if state.failing[path] > 0:
            state.failing[path] -= 1
            self.send_response(503)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return False
        return True

    def _landing(self) -> dict[str, Any]:
        url = self.server_state.url
        return {
            "type": "Catalog", "stac_version": "1.0.0", "id": "test", "description": "test", "conformsTo": [CORE, SEARCH],
            "links": [{"rel": "self", "href": f"{url}/", "type": "application/json"},
                      {"rel": "root", "href": f"{url}/", "type": "application/json"},
                      {"rel": "search", "href": f"{url}/search", "type": "application/geo+json", "method": "POST"},
                      {"rel": "search", "href": f"{url}/search", "type": "application/geo+json", "method": "GET"}],
        }  # fmt: skip

    def _static(self, path: list[str]) -> None:
        """The same items as a static catalogue: `catalog.json`, `COLLECTION/collection.json`, `COLLECTION/ITEM.json`, linked relatively."""
        items = self.server_state.items
        if path == ["catalog.json"]:
            names = dict.fromkeys(["other", *(item["collection"] for item in items)])
            self._json({"type": "Catalog", "stac_version": "1.0.0", "id": "static", "description": "test",
                        "links": [{"rel": "child", "href": f"./{n}/collection.json"} for n in names]})  # fmt: skip
        elif path[1:] == ["collection.json"]:
            self._json({"type": "Collection", "stac_version": "1.0.0", "id": path[0],
                        "links": [{"rel": "item", "href": f"./{i['id']}.json"} for i in items if i["collection"] == path[0]]})  # fmt: skip
        else:
            item = next(i for i in items if [i["collection"], f"{i['id']}.json"] == path)
            near = f"{self.server_state.url}/files/"
            assets = {k: a | {"href": a["href"].replace(near, "../../files/")} for k, a in item["assets"].items()}
            self._json(item | {"assets": assets})

    def _page(self, start: int, collections: list[str] | None = None) -> dict[str, Any]:
        state = self.server_state
        items = [item for item in state.items if not collections or item["collection"] in collections]
        end = start + state.page
        links = []
        if end < len(items):
            links.append(
                {
                    "rel": "next",
                    "href": f"{state.url}/search",
                    "method": "POST",
                    "body": {"token": str(end)},
                    "merge": True,
                }
            )
        return {"type": "FeatureCollection", "features": items[start:end], "links": links}

    def _json(self, value: Any) -> None:
        raw = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def _file(self, path: str) -> None:
        state, file = self.server_state, self.server_state.folder / path.removeprefix("/files/")
        if not file.is_file():
            self.send_error(404)
            return
        raw, asked = file.read_bytes(), self.headers.get("Range", "")
        if self.command == "GET":
            state.ranges.setdefault(path, []).append(asked)
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", asked)
        start, end = (int(found[1]), min(int(found[2] or len(raw) - 1), len(raw) - 1)) if found else (0, len(raw) - 1)
        part = raw[start : end + 1]
        self.send_response(206 if found else 200)
        if found:
            self.send_header("Content-Range", f"bytes {start}-{end}/{len(raw)}")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("ETag", f'"{hashlib.sha256(raw).hexdigest()[:16]}"')
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if path in state.cut:
            self.wfile.write(part[: len(part) // 2])
            self.close_connection = True
            return
        self.wfile.write(part)
