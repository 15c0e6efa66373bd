"""A new zone from a template: the smallest folder that `check_zone` passes, with every file explained in place."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from pathlib import Path

from qingshan.core.errors import ZoneError

from .rows import FACT_COLUMNS, MISSING_COLUMNS, MORE_MISSING_COLUMNS
from .settings import ZONE_ID
from .table import ZONE_FILE

_ZONE = """\
# {name}
# The keys are explained in docs/zones.md. 各键说明见 docs/zones.md。

[zone]
id = {id}
name_zh = {name_zh}
name_en = {name_en}
root = {root}                 # code of the topmost place in places.csv 最上级地点的代码
default_profile = "screening"
profiles = ["screening"]
synthetic = false             # true: every page says that the figures are invented 数据为虚构时写 true
currency_year = {year}

# Levels from the root down. 层级，自上而下。
[[level]]
id = "province"
zh = "省"
en = "province"

[[level]]
id = "prefecture"
zh = "市（州）"
en = "prefecture"

[[level]]
id = "county"
zh = "县（市、区）"
en = "county"

# Accounting periods. `also` and `month_pattern` name the periods of facts that may be read, first choice first.
# 核算期。also 和 month_pattern 依次列出可以取用的数据时期。
[[period]]
id = "{year}"
year = {year}
zh = "{year}年"
en = "{year}"
also = ["static"]
month_pattern = ["{year}-{{:02d}}", "normal-{{:02d}}"]

# Land classes that do not overlap; each reads one quantity of facts/. 互不重叠的地类，各取 facts/ 中的一个数量。
[extent]
scheme = "sandiao"
zh = "国土调查地类"
en = "land survey classes"
total = "place.area"
closing = "period"
opening = "previous_period"
unallocated = true

[[extent.class]]
id = "arbor"
fact = "land.forest.arbor"
zh = "乔木林地"
en = "arbor forest"

[[extent.class]]
id = "grass"
fact = "land.grass"
zh = "草地"
en = "grassland"

# Rule choices that the standards leave open. 标准未定、须由本区域声明的取舍。
[policies]
negative_retention = "keep"

# [boundaries]
# file = "boundaries.geojson"   # features with a property `code`; lon and lat in places.csv do without a map
# title = ""
# licence = ""
"""

_README = """\
# {name_zh} / {name_en}

| file | 内容 | content |
|---|---|---|
| `zone.toml` | 层级、核算期、地类、取舍 | levels, periods, land classes, rule choices |
| `places.csv` | 地点代码、名称、层级、上级、经纬度 | code, names, level, parent, lon, lat |
| `facts/*.csv` | 一行一个数，均注明出处 | one row = one figure with its source |
| `missing.csv` | 尚缺的数据和可以补缺的文件 | what is not known, and the document that would fill it |
| `parameters/*.csv` | 本区域的参数（可不设） | parameters of this zone (optional) |

`qingshan check .` 列出问题 lists what is wrong. 状态 status: primary, secondary, project, news, ocr_doubt.
"""

_FACT_HEADER = (
    *FACT_COLUMNS[:1],
    "place",
    *FACT_COLUMNS[1:3],
    "name_zh",
    *FACT_COLUMNS[3:6],
    "issuer",
    "status",
    "note",
    "preferred",
)
_MISSING_HEADER = (
    "quantity",
    "name_zh",
    "name_en",
    "place_code",
    "place",
    "period",
    "needed_by",
    "needed_by_zh",
    "document",
    "rule",
    "note",
)
assert set(_MISSING_HEADER) == {*MISSING_COLUMNS, *MORE_MISSING_COLUMNS}


def init_zone(
    directory: str | Path, *, id: str, name_zh: str, name_en: str, root: str = "000000", year: int = 2024
) -> list[Path]:
    """Make a new zone in `directory` (absent, or empty) and return the files made.

    Nothing is half written: the files are made beside it and renamed. Raises `ZoneError` for a folder that is not empty, a
    parent that does not exist, or names that cannot be used.
    """
    target = Path(directory).expanduser().absolute()
    _refuse(target, id, (name_zh, name_en, root))
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        temporary.mkdir()
        for name, text in _files(id, name_zh, name_en, root, year).items():
            path = temporary / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        if target.exists():
            target.rmdir()  # empty; a rename onto it is not portable
        temporary.rename(target)
    except OSError as error:
        raise ZoneError(
            f"the folder cannot be made: {error.strerror}.", f"目录无法建立：{error.strerror}。", where=str(target),
            fix="check the path and the permissions / 检查路径和权限",
        ) from None  # fmt: skip
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return sorted(path for path in target.rglob("*") if path.is_file())


def _refuse(target: Path, id: str, names: tuple[str, ...]) -> None:
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ZoneError(
            "the folder is not empty; nothing was written.", "目录不是空的，没有写入任何文件。", where=str(target),
            fix="name a new or empty folder / 换一个新目录或空目录",
        )  # fmt: skip
    if not ZONE_ID.fullmatch(id):
        raise ZoneError(
            f"the zone id {id!r} is not a plain word.", f"区域 id {id!r} 不合规范。",
            fix="small letters, digits, '-' and '_', a letter first / 小写字母开头，只用小写字母、数字、- 和 _",
        )  # fmt: skip
    if not all(name.strip() and name.isprintable() for name in names):
        raise ZoneError(
            "a name is empty or holds control characters.",
            "名称为空或含有控制字符。",
            fix="give both names as plain text / 两个名称都写成普通文字",
        )


def _files(id: str, name_zh: str, name_en: str, root: str, year: int) -> dict[str, str]:
    quoted = {key: json.dumps(text, ensure_ascii=False) for key, text in
              (("id", id), ("name_zh", name_zh), ("name_en", name_en), ("root", root))}  # fmt: skip
    return {
        ZONE_FILE: _ZONE.format(name=f"{name_zh} {name_en}", year=year, **quoted),
        "README.md": _README.format(name_zh=name_zh, name_en=name_en),
        "places.csv": _csv(
            ("code", "name_zh", "name_en", "level", "parent", "lon", "lat"),
            (root, name_zh, name_en, "province", "", "", ""),
        ),
        "facts/land.csv": _csv(_FACT_HEADER),
        "facts/climate.csv": _csv(_FACT_HEADER),
        "missing.csv": _csv(_MISSING_HEADER),
    }


def _csv(*rows: tuple[str, ...]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(rows)
    return stream.getvalue()
