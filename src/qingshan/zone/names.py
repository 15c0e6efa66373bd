"""Short names of places for maps, rails and rankings: 黔东南 for 黔东南苗族侗族自治州, Nanming for Nanming District.

The rules are those of Chinese administrative names in general; a zone whose names do not follow them keeps its own.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from .place import Place

_PEOPLES_ZH = (
    "布依|苗|侗|仡佬|土家|彝|回|水|瑶|壮|蒙古|藏|维吾尔|朝鲜|满|白|哈尼|哈萨克|傣|黎|傈僳|佤|畲|高山|拉祜|东乡|纳西|景颇|柯尔克孜|土|"
    "达斡尔|仫佬|羌|布朗|撒拉|毛南|锡伯|阿昌|普米|塔吉克|怒|乌孜别克|俄罗斯|鄂温克|德昂|保安|裕固|京|塔塔尔|独龙|鄂伦春|赫哲|门巴|珞巴|基诺"
)
_PEOPLES_EN = (
    "Buyei|Bouyei|Miao|Dong|Gelao|Gelo|Tujia|Yi|Hui|Shui|Sui|Yao|Zhuang|Mongol|Mongolian|Tibetan|Uygur|Uyghur|Korean|Manchu|Bai|Hani|Kazak|"
    "Kazakh|Dai|Li|Lisu|Va|Wa|She|Lahu|Dongxiang|Naxi|Nakhi|Jingpo|Kirgiz|Kyrgyz|Tu|Daur|Mulao|Mulam|Qiang|Blang|Salar|Maonan|Xibe|Achang|"
    "Pumi|Tajik|Nu|Ewenki|Deang|Bonan|Yugur|Gin|Derung|Oroqen|Hezhe|Monba|Lhoba|Jino"
)
_TAIL_ZH = re.compile(
    rf"(?:(?:{_PEOPLES_ZH})族)*(?:各族)?(?:自治区|自治州|自治县|自治旗|特别行政区|特区|地区|林区|省|市|州|盟|县|区|旗)$"
)
_TAIL_EN = re.compile(
    rf"(?: (?:{_PEOPLES_EN}|and|various ethnic groups),?)*"
    r" (?:Autonomous (?:Region|Prefecture|County|Banner)|Special District|District|County|City|Prefecture|Province|Banner|League)$"
)


def shortened(name: str, lang: str) -> str:
    """The name without the word for its rank; the full name where less than a word would be left."""
    cut = (_TAIL_ZH if lang == "zh" else _TAIL_EN).sub("", name)
    return cut if len(cut) >= 2 else name


def short_names(places: Mapping[str, Place], lang: str) -> dict[str, str]:
    """Short name by code; two places of one level that would share a short name keep their full names."""
    short = {code: shortened(place.name(lang), lang) for code, place in places.items()}
    taken = Counter((place.level, short[code]) for code, place in places.items())
    return {
        code: name if taken[places[code].level, name] == 1 else places[code].name(lang) for code, name in short.items()
    }
