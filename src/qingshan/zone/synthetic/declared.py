"""What a synthetic zone declares for its accounts besides rasters: who uses a service, where it flows, which changes are made by
people, the rate of the asset account, and distributions of parameters. All invented, and labelled so."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["declared"]

SOURCE = "invented for a synthetic zone 为合成区域虚构"
END = f'source = "{SOURCE}"\nstatus = "project"\n'
USERS = {
    "G01": {"agriculture": "0.6", "households": "0.4"},
    "G02": {"agriculture": "0.5", "industry": "0.2", "households": "0.3"},
    "G03": {"government": "1"},
    "G10": {"government": "1"},
    "G14": {"households": "1"},
    "G19": {"households": "0.7", "exports": "0.3"},
}
"""Shares of the economic units in the use of a service."""
DISTRIBUTIONS = (
    ("water.reservoir_unit_cost", "", "garze2017", "2010", "triangular", "[5.6, 7.06, 8.5]"),
    ("gep.silt_fraction", "", "garze2017", "2010", "triangular", "[0.18, 0.24, 0.3]"),
    ("gep.soil_nutrient_content", "N", "garze2017", "2010", "uniform", "[0.3, 0.44]"),
    ("forest.co2_price", "", "garze2017", "2010", "lognormal", "[380.0, 1.3]"),
    ("climate.electricity_price", "", "garze2017", "2010", "normal", "[0.53, 0.05]"),
)
CONVERSIONS = (("field", "homes"), ("field", "works"), ("field", "broadleaf_forest"), ("field", "orchard"))
"""Changes of class that people make."""


def declared(places: Sequence[str], classes: Sequence[str]) -> list[str]:
    """TOML texts. `places` are the leaf places, each invented to lie upstream of the next; `classes` the ids of the extent classes."""
    texts = [f'[assets]\ndiscount_rate = "2.0"\nyears = "100"\n{END}']
    texts += [
        f'[[use]]\nservice = "{service}"\nto = "{unit}"\nshare = "{share}"\n{END}'
        for service, users in USERS.items()
        for unit, share in users.items()
    ]
    texts += [
        f'[[flow]]\nservice = "{service}"\nkind = "{kind}"\n{END}'
        for service, kind in (("G10", "global"), ("G12", "local"))
    ]
    for here, below in zip(places, [*places[1:], "outside"], strict=True):
        for to, share in ((here, "0.4"), (below, "0.6")):
            texts.append(
                f'[[flow]]\nservice = "G02"\nkind = "directional"\nfrom = "{here}"\nto = "{to}"\nshare = "{share}"\n{END}'
            )
    texts += [
        f'[[conversion]]\nfrom = "{start}"\nto = "{end}"\nkind = "managed"\n{END}'
        for start, end in CONVERSIONS
        if {start, end} <= set(classes)
    ]
    for parameter, cls, set_, year, kind, values in DISTRIBUTIONS:
        texts.append(
            f'[[distribution]]\nparameter = "{parameter}"\nclass = "{cls}"\nset = "{set_}"\nyear = "{year}"\nkind = "{kind}"\n'
            f"values = {values}\n{END}"
        )
    return texts
