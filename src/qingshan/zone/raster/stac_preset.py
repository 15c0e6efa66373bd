"""Layers of public collections declared as presets: those of the package and those of a file of one's own."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

from qingshan.core.errors import DeclarationError, UnknownName
from qingshan.core.units import unit as parse_unit

__all__ = ["Preset", "find_preset", "presets", "read_preset"]

_COMPOSITES = ("first", "max", "mean")
_MEASURES = ("band", "ndvi")
_TYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")
_RESAMPLINGS = (
    "nearest",
    "bilinear",
    "cubic",
    "cubic_spline",
    "lanczos",
    "average",
    "mode",
    "max",
    "min",
    "med",
    "q1",
    "q3",
    "sum",
    "rms",
)
TOKENS = "QINGSHAN_STAC_"
"""How the variables begin whose values a preset of one's own may have put behind addresses: no other secret of the environment leaves it."""


@dataclass(frozen=True)
class Preset:
    """One layer of a public collection, as `stac_presets.toml` explains it. Raises `DeclarationError`."""

    id: str
    title: str
    catalogue: str
    collection: str
    assets: tuple[str, ...]
    quantity: str
    unit: str
    type: str
    resampling: str
    licence: str
    source: str
    status: str = "project"
    note: str = ""
    measure: str = "band"
    nodata: float | None = None
    valid: tuple[float, float] | None = None
    scale: float = 1.0
    offset: float = 0.0
    composite: str = "first"
    mask: str = ""
    keep: tuple[int, ...] = ()
    shift: Mapping[str, Any] = field(default_factory=dict)
    max_cloud: float | None = None
    rewrite: tuple[str, str] | None = None
    token_env: str = ""

    def __post_init__(self) -> None:
        parse_unit(self.unit)
        wrong = {
            "measure": self.measure not in _MEASURES,
            "composite": self.composite not in _COMPOSITES,
            "assets": len(self.assets) != (2 if self.measure == "ndvi" else 1),
            "keep": bool(self.mask) != bool(self.keep),
            "scale": self.is_class and (self.scale, self.offset, self.composite) != (1.0, 0.0, "first"),
            "nodata": self.is_class and self.nodata is None,
        }
        if bad := [name for name, is_wrong in wrong.items() if is_wrong]:
            raise DeclarationError(
                f"the preset {self.id!r} declares {', '.join(bad)} wrongly.",
                f"预设 {self.id!r} 的 {', '.join(bad)} 声明有误。",
                fix="compare with stac_presets.toml / 对照 stac_presets.toml",
            )

    @property
    def is_class(self) -> bool:
        return self.unit == "class"

    @property
    def bands(self) -> tuple[str, ...]:
        return (*self.assets, self.mask) if self.mask else self.assets


def read_preset(raw: Any) -> Preset:
    """A preset from a TOML table. Raises `DeclarationError` naming the key that is wrong or absent."""
    if told := _fault(raw):
        raise DeclarationError(
            f"a preset cannot be read: {told[0]}.", f"预设读不懂：{told[1]}。",
            fix="compare with stac_presets.toml / 对照 stac_presets.toml",
        )  # fmt: skip
    listed: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in raw.items()}
    return Preset(**listed)


def _fault(raw: Any) -> tuple[str, str] | None:
    """The first thing that is wrong with the table of a preset, in English and Chinese."""
    if not isinstance(raw, dict):
        return f"{raw!r} is no table", f"{raw!r} 不是一张表"
    of, known = f"preset {raw.get('id', '?')!r}", {f.name: f for f in fields(Preset)}
    if strange := [key for key in raw if key not in known]:
        return f"{of} has the unknown key {strange[0]!r}", f"预设 {raw.get('id', '?')!r} 有不认识的键 {strange[0]!r}"
    if absent := [
        n for n, f in known.items() if f.default is MISSING and f.default_factory is MISSING and n not in raw
    ]:
        return f"{of} lacks {', '.join(absent)}", f"预设 {raw.get('id', '?')!r} 缺少 {'、'.join(absent)}"
    for key, value in raw.items():
        en, zh, fits = _FORMS.get(key, _TEXT)
        if not fits(value):
            return f"{of}: {key} = {value!r} is not {en}", f"预设 {raw.get('id', '?')!r}：{key} = {value!r} 不是{zh}"
    return None


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _list(fits: Callable[[Any], bool], most: int = 0) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and (not most or len(value) == most) and all(map(fits, value))


def _text(value: Any) -> bool:
    return isinstance(value, str)


_Form = tuple[str, str, Callable[[Any], bool]]
_TEXT: _Form = ("text", "文字", _text)
_NUMBER: _Form = ("a number", "数", _number)
_FORMS: dict[str, _Form] = {
    "id": ("text", "文字", lambda v: _text(v) and bool(v)),
    "assets": ("a list of names", "名称的列表", _list(_text)),
    "type": (f"one of {', '.join(_TYPES)}", f"下列之一：{', '.join(_TYPES)}", lambda v: v in _TYPES),
    "resampling": (f"one of {', '.join(_RESAMPLINGS)}", f"下列之一：{', '.join(_RESAMPLINGS)}", lambda v: v in _RESAMPLINGS),
    "nodata": _NUMBER, "scale": _NUMBER, "offset": _NUMBER, "max_cloud": _NUMBER,
    "valid": ("two numbers", "两个数", _list(_number, 2)),
    "keep": ("a list of whole numbers", "整数的列表", _list(lambda v: isinstance(v, int) and not isinstance(v, bool))),
    "rewrite": ("two texts", "两段文字", _list(_text, 2)),
    "shift": ("a table of property, from (texts) and by (a number)", "含 property、from（文字）和 by（数）的表",
              lambda v: isinstance(v, dict) and set(v) == {"property", "from", "by"} and _text(v["property"]) and _text(v["from"]) and _number(v["by"])),
}  # fmt: skip
"""What the value of a key is; text where it is not here."""


@lru_cache(maxsize=1)
def presets() -> dict[str, Preset]:
    """The presets that come with the package, by id."""
    raw = tomllib.loads(Path(__file__).with_name("stac_presets.toml").read_text(encoding="utf-8"))
    return {entry["id"]: read_preset(entry) for entry in raw["preset"]}


def find_preset(id: str) -> Preset:
    """A preset of the package by its id, or one of a file of one's own: `FILE.toml` where it has one, else `FILE.toml:ID`.

    Raises `UnknownName` listing those there are, `DeclarationError` for a file that cannot be read.
    """
    file, _, wanted = id.partition(".toml")
    if file == id:
        return _chosen(presets(), id, "")
    path = Path(f"{file}.toml").expanduser()
    known = _of_file(path)
    return _chosen(known, wanted.removeprefix(":") or (next(iter(known)) if len(known) == 1 else ""), str(path))


def _chosen(known: Mapping[str, Preset], id: str, where: str) -> Preset:
    if id not in known:
        listed = ", ".join(known)
        raise UnknownName(
            f"no preset {id!r} (known: {listed}).", f"没有预设 {id!r}（现有：{listed}）。", where=where,
            fix="or declare one in a file: FILE.toml:ID / 也可写在自己的文件里：FILE.toml:ID",
        )  # fmt: skip
    return known[id]


def _of_file(path: Path) -> dict[str, Preset]:
    """The presets of a file of the form of `stac_presets.toml`, whose tokens are in variables of their own (`TOKENS`)."""
    fix = "write [[preset]] tables as in docs/raster-inputs.md / 参照 docs/raster-inputs.md 写 [[preset]]"
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        if not isinstance(raw["preset"], list):
            raise TypeError("[preset] is no list of tables")
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise DeclarationError(
            f"no presets can be read: {error}.", f"读不出预设：{error}。", where=str(path), fix=fix
        ) from None
    found: dict[str, Preset] = {}
    for entry in raw["preset"]:
        try:
            made = read_preset(entry)
        except DeclarationError as error:
            raise DeclarationError(error.en, error.zh, where=str(path), fix=error.fix or fix) from None
        if made.token_env and not made.token_env.startswith(TOKENS):
            raise DeclarationError(
                f"preset {made.id!r} takes its token from {made.token_env!r}; in a file of one's own the name begins with {TOKENS}.",
                f"预设 {made.id!r} 的 token_env 为 {made.token_env!r}；自己的预设只能用 {TOKENS} 开头的环境变量。",
                where=str(path), fix=f"put the token into {TOKENS}NAME / 把令牌放进 {TOKENS}NAME",
            )  # fmt: skip
        if made.id in found:
            raise DeclarationError(
                f"two presets have the id {made.id!r}.", f"两个预设的 id 都是 {made.id!r}。", where=str(path),
                fix="give each its own id / 各用各的 id",
            )  # fmt: skip
        found[made.id] = made
    return found
