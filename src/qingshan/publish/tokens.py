"""Colours of printed pages: the light tokens of the screens, so that paper and page look alike."""

PAPER, RULE, RULE_STRONG = "#fbfaf7", "#dcd9cf", "#8d958f"
INK, INK_2, INK_3 = "#1d2b28", "#4b5955", "#68736f"
NATURE, ALARM, NONE = "#1f6f54", "#b3372f", "#e6e3da"
RAMP_WATER = ("#dde9f2", "#b9d2e6", "#8db5d5", "#5c94c0", "#35739f", "#174e7a")
RAMP_LAND = ("#dde5cd", "#c5d5b5", "#a9c29c", "#8aac83", "#6a936b", "#4b7a57")
FONT = "Noto Sans SC"
SVG_FONT = f"'{FONT}', 'PingFang SC', 'Microsoft YaHei', system-ui, sans-serif"
"""Of drawings that browsers show by themselves: the face of the pages where the machine has it, else a sans of its own."""
