"""Cell forms of rocky desertification: single-factor grades and their combination by each declared rule.

Codes of a combined grade: 0 to 4 the grade, 5 factors disagree, 6 not karst, 7 unknown.
"""

from __future__ import annotations

import math

from qingshan.core.cell import cell

CONFLICT = 5.0
NOT_KARST = 6.0
UNKNOWN = 7.0
HJ1174 = ("slope_grade", "cover_grade", "lithology_grade", "karst")
XIONG = ("exposure_grade", "cover_grade", "karst")


@cell("land.krd_slope_grade@hj1174_2021")
def slope_grade(slope: float, cuts_1: float, cuts_2: float, cuts_3: float, cuts_4: float) -> float:
    if slope > cuts_4:
        return 4.0
    if slope > cuts_3:
        return 3.0
    if slope > cuts_2:
        return 2.0
    if slope >= cuts_1:
        return 1.0
    return 0.0 if slope < cuts_1 else math.nan


@cell("land.krd_cover_grade@hj1174_2021")
def cover_grade_hj1174(cover: float, cuts_1: float, cuts_2: float, cuts_3: float, cuts_4: float) -> float:
    if cover < cuts_1:
        return 4.0
    if cover < cuts_2:
        return 3.0
    if cover < cuts_3:
        return 2.0
    if cover <= cuts_4:
        return 1.0
    return 0.0 if cover > cuts_4 else math.nan


@cell("land.krd_lithology_grade@hj1174_2021")
def lithology_grade(lithology: float) -> float:
    return lithology


@cell("land.krd_grade@hj1174_2021", variant="worst", choices={"conflict_rule": "worst"}, unknown=HJ1174)
def grade_worst(slope_grade: float, cover_grade: float, lithology_grade: float, karst: float) -> float:
    if karst == 0:
        return NOT_KARST
    if karst != 1 or math.isnan(slope_grade) or math.isnan(cover_grade) or math.isnan(lithology_grade):
        return UNKNOWN
    worse = slope_grade if slope_grade > cover_grade else cover_grade
    return worse if worse > lithology_grade else lithology_grade


@cell("land.krd_grade@hj1174_2021", variant="median", choices={"conflict_rule": "median"}, unknown=HJ1174)
def grade_median(slope_grade: float, cover_grade: float, lithology_grade: float, karst: float) -> float:
    if karst == 0:
        return NOT_KARST
    if karst != 1 or math.isnan(slope_grade) or math.isnan(cover_grade) or math.isnan(lithology_grade):
        return UNKNOWN
    worse = slope_grade if slope_grade > cover_grade else cover_grade
    milder = cover_grade if slope_grade > cover_grade else slope_grade
    if lithology_grade >= worse:
        return worse
    return milder if lithology_grade <= milder else lithology_grade


@cell("land.krd_grade@hj1174_2021", variant="cover_first", choices={"conflict_rule": "cover_first"}, unknown=HJ1174)
def grade_cover_first(slope_grade: float, cover_grade: float, lithology_grade: float, karst: float) -> float:
    if karst == 0:
        return NOT_KARST
    if karst != 1 or math.isnan(slope_grade) or math.isnan(cover_grade) or math.isnan(lithology_grade):
        return UNKNOWN
    return cover_grade


@cell("land.krd_grade@hj1174_2021", variant="flag_only", choices={"conflict_rule": "flag_only"}, unknown=HJ1174)
def grade_flag_only(slope_grade: float, cover_grade: float, lithology_grade: float, karst: float) -> float:
    if karst == 0:
        return NOT_KARST
    if karst != 1 or math.isnan(slope_grade) or math.isnan(cover_grade) or math.isnan(lithology_grade):
        return UNKNOWN
    return cover_grade if slope_grade == cover_grade and cover_grade == lithology_grade else CONFLICT


@cell("land.krd_conflict@hj1174_2021")
def conflict_hj1174(slope_grade: float, cover_grade: float, lithology_grade: float, karst: float) -> float:
    if karst != 1 or math.isnan(slope_grade) or math.isnan(cover_grade) or math.isnan(lithology_grade):
        return math.nan
    return 0.0 if slope_grade == cover_grade and cover_grade == lithology_grade else 1.0


@cell("land.krd_exposure_grade@xiong2002")
def exposure_grade(exposure: float, cuts_1: float, cuts_2: float, cuts_3: float, cuts_4: float) -> float:
    if exposure > cuts_4:
        return 4.0
    if exposure > cuts_3:
        return 3.0
    if exposure > cuts_2:
        return 2.0
    if exposure >= cuts_1:
        return 1.0
    return 0.0 if exposure < cuts_1 else math.nan


@cell("land.krd_cover_grade@xiong2002")
def cover_grade_xiong(cover: float, cuts_1: float, cuts_2: float, cuts_3: float, cuts_4: float) -> float:
    if cover < cuts_1:
        return 4.0
    if cover < cuts_2:
        return 3.0
    if cover < cuts_3:
        return 2.0
    if cover <= cuts_4:
        return 1.0
    return 0.0 if cover > cuts_4 else math.nan


@cell("land.krd_grade@xiong2002", variant="worse", choices={"conflict": "worse"}, unknown=XIONG)
def grade_worse(exposure_grade: float, cover_grade: float, karst: float) -> float:
    if karst == 0:
        return NOT_KARST
    if karst != 1 or math.isnan(exposure_grade) or math.isnan(cover_grade):
        return UNKNOWN
    return exposure_grade if exposure_grade > cover_grade else cover_grade


@cell("land.krd_grade@xiong2002", variant="exposure_first", choices={"conflict": "exposure_first"}, unknown=XIONG)
def grade_exposure_first(exposure_grade: float, cover_grade: float, karst: float) -> float:
    if karst == 0:
        return NOT_KARST
    if karst != 1 or math.isnan(exposure_grade) or math.isnan(cover_grade):
        return UNKNOWN
    return exposure_grade


@cell("land.krd_grade@xiong2002", variant="flag_only", choices={"conflict": "flag_only"}, unknown=XIONG)
def grade_xiong_flag_only(exposure_grade: float, cover_grade: float, karst: float) -> float:
    if karst == 0:
        return NOT_KARST
    if karst != 1 or math.isnan(exposure_grade) or math.isnan(cover_grade):
        return UNKNOWN
    return exposure_grade if exposure_grade == cover_grade else CONFLICT


@cell("land.krd_conflict@xiong2002")
def conflict_xiong(exposure_grade: float, cover_grade: float, karst: float) -> float:
    if karst != 1 or math.isnan(exposure_grade) or math.isnan(cover_grade):
        return math.nan
    return 0.0 if exposure_grade == cover_grade else 1.0


@cell("land.krd_judged_both@project")
def judged_both(grade_start: float, grade_end: float) -> float:
    return 1.0 if grade_start < NOT_KARST and grade_end < NOT_KARST else math.nan
