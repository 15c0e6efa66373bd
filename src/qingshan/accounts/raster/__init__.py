"""Raster accounts: a declared account, bound to a zone's rasters and parameter rows, run by stages and one sheet, told as facts.

May import accounts, zone and core. Start reading at `declaration.py`, then `binding.py` (what is there, what refuses),
`run.py` (stages, sheet, cache) and `facts.py` (the nodes an account is resolved from).
"""
