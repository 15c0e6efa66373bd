"""Forms with files (RFC 7578), read whole within bounds: fields as text, files as bytes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from fastapi import Request

from qingshan.ledger.book import Refused

__all__ = ["Form", "form_with_files", "read_parts"]

LARGEST = 40 << 20
MOST_PARTS = 400
LARGEST_FIELD = 2 << 20


@dataclass
class Form:
    """`fields`: name -> text, each once. `files`: name -> (name of the file, bytes), empty ones left out."""

    fields: dict[str, str] = field(default_factory=dict)
    files: dict[str, tuple[str, bytes]] = field(default_factory=dict)


async def form_with_files(request: Request) -> Form:
    """The form of a request. Raises `Refused` for another kind of body and one out of bounds."""
    media, _, parameters = request.headers.get("content-type", "").partition(";")
    boundary = re.search(r'boundary="?([\x21-\x7e]{1,70}?)"?\s*(?:;|$)', parameters)
    if media.strip().lower() != "multipart/form-data" or boundary is None:
        raise Refused("content_type", "the form is multipart/form-data.", "表单须为 multipart/form-data。")
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > LARGEST:
            raise Refused(
                "too_large_body", f"a form has at most {LARGEST >> 20} MiB.", f"表单至多 {LARGEST >> 20} MiB。"
            )
        parts.append(part)
    return read_parts(b"".join(parts), boundary[1].encode())


def read_parts(body: bytes, boundary: bytes) -> Form:
    """Raises `Refused` where the body is no such form."""
    wrong = Refused("body", "the form cannot be read.", "表单无法读取。")
    pieces = (b"\r\n" + body).split(b"\r\n--" + boundary)
    if len(pieces) < 2 or not pieces[-1].startswith(b"--") or len(pieces) > MOST_PARTS:
        raise wrong
    form = Form()
    for piece in pieces[1:-1]:
        head, apart, content = piece.partition(b"\r\n\r\n")
        named = re.search(rb'content-disposition:\s*form-data\b[^\r\n]*?;\s*name="([^"\r\n]{1,200})"', head, re.I)
        if not apart or named is None:
            raise wrong
        filed = re.search(rb'filename="([^"\r\n]*)"', head, re.I)
        try:
            name = named[1].decode()
            if filed is not None:
                if filed[1] and content:
                    form.files[name] = (filed[1].decode("utf-8", "replace")[-200:], content)
            elif len(content) > LARGEST_FIELD:
                raise Refused("too_large_body", "a field is too large.", "字段过大。")
            else:
                form.fields[name] = content.decode().replace("\r\n", "\n")
        except UnicodeDecodeError:
            raise wrong from None
    return form
