"""The findings of one raster entry, in the words of `messages.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from qingshan.core.errors import QingshanError, in_language
from qingshan.core.finding import Finding
from qingshan.zone.table import ZONE_FILE

__all__ = ["Notes", "messages"]


@lru_cache(maxsize=1)
def messages() -> dict[str, dict[str, Any]]:
    """Code -> level, en, zh, fix (English, Chinese)."""
    return tomllib.loads(Path(__file__).with_name("messages.toml").read_text(encoding="utf-8"))


@dataclass
class Notes:
    """What was found about the entry `id`."""

    id: str
    found: list[Finding] = field(default_factory=list)

    def add(self, name: str, key: str = "", /, *, limit: str = "", **values: Any) -> None:
        """One finding about a key of the entry; `values` fill the sentence."""
        text = messages()[name]
        en, zh = (text[lang].format(id=self.id, **values) for lang in ("en", "zh"))
        where = f"raster.{key}" if key else "raster"
        self.found.append(
            Finding(text["level"], name, en, zh, file=ZONE_FILE, field=where, limit=limit, fix=" / ".join(text["fix"]))
        )

    def told(self, error: QingshanError) -> None:
        """An error as a finding."""
        place = f" ({error.where})" if error.where else ""
        en, zh = f"{self.id}: {error.en}{place}", f"{self.id}：{error.zh}{place}"
        fix = error.fix and f"{in_language(error.fix, 'en')} / {in_language(error.fix, 'zh')}"
        self.found.append(Finding("error", error.code, en, zh, file=ZONE_FILE, field="raster", fix=fix))

    @property
    def failed(self) -> bool:
        return any(f.level == "error" for f in self.found)
