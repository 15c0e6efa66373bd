"""SEEA-EA tables of an account: extent (4.1), change matrix (4.2), supply and use (7.1, 9.1), monetary asset (10.1).

Every table is made of the account's figures as exact fractions, so what must balance balances exactly: opening + additions -
reductions = closing, row and column sums of the change matrix, supply = use, opening + changes = closing of the asset. What an
account does not have is not in the table and is noted. SEEA's total is not the Chinese GEP: neither is printed under the
other's name.

    [[conversion]] from = "arable", to = "forest", kind = "managed", source            in zone.toml: managed or unmanaged change
    [[holder]]     class = "forest", to = "government", share = "0.6", source, status   which economic unit holds a class
    [[use]]        service = "G02", to = "households", share = "0.6", source, status    who uses a service
    [assets]       discount_rate = "2.0", years = "100", source, status                 rate in %, life in years, annuity in arrears
"""

from __future__ import annotations

from ..balance import Table
from ..run import Run
from .assets import asset_account
from .condition import CONDITION, condition, condition_tables
from .extent import change_table, extent_table, units_table
from .heads import UNITS
from .services import supply_table, use_table

__all__ = [
    "CONDITION",
    "UNITS",
    "asset_account",
    "change_table",
    "condition",
    "condition_tables",
    "extent_table",
    "seea_tables",
    "supply_table",
    "units_table",
    "use_table",
]


def seea_tables(run: Run, place: str = "", period: str = "", basis: str = "") -> dict[str, Table]:
    """Every table that the account allows, by id. Raises `DeclarationError` where zone.toml declares shares that do not add up."""
    place, period = run.zone.place(place or run.zone.root).code, period or run.default_period
    bases = (
        [basis] if basis else [b for b in run.profile.bases() if any(f.basis == b and not f.refused for f in run.facts)]
    )
    made = [
        change_table(run, place, period),
        extent_table(run, place, period),
        units_table(run, place, period),
        supply_table(run, place, period),
        use_table(run, place, period),
    ]
    for b in bases:
        made += [
            supply_table(run, place, period, b),
            use_table(run, place, period, b),
            asset_account(run, place, period, b),
        ]
    return {table.id: table for table in made if table.cells}
