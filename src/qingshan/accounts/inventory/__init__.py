"""Sealed estimates of forest inventories: what plots and trees say of a place, each figure down to its strata and plots.

An inventory is declared by a zone (`[[inventory]]`) or loaded by a user; `seal_inventories` puts all of a zone into one run,
laid out like the run of an account, so that `explain`, `verify` and the pedigree page hold for it.
"""

from .declared import InventorySettings, load_inventory, registered
from .sealed import PROFILE, ForestRun, forest_run, seal_inventories
from .trees import PlotTrees, plot_trees

__all__ = [
    "PROFILE", "ForestRun", "InventorySettings", "PlotTrees", "forest_run", "load_inventory", "plot_trees", "registered",
    "seal_inventories",
]  # fmt: skip
