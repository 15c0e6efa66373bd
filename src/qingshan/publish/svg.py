"""Words in drawings: escaped, with subscripts drawn small, since a face without subscript digits would give the line another face."""

from __future__ import annotations

from xml.sax.saxutils import escape

__all__ = ["svg_words"]

SUBSCRIPTS = {chr(0x2080 + n): f'<tspan baseline-shift="sub" font-size="70%">{n}</tspan>' for n in range(10)}


def svg_words(text: str) -> str:
    """Content of a `<text>` element."""
    return "".join(SUBSCRIPTS.get(c, c) for c in escape(text))
