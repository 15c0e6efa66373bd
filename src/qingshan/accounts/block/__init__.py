"""Raster accounts: one declared sheet, one fused kernel, one map over blocks, one exact sum per place and class.

May import core and zone. Start reading at `sheet.py`, then `engine.py`; `total.py` says why the sums do not depend on
block, order or machine.
"""
