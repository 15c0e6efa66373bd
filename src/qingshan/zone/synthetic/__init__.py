"""Synthetic zones: a seeded country with rivers, towns, fields and weather, and the rasters and tables of a zone made from it.

May import core and zone; numba, rasterio where a raster is made. Start reading at `stack.py`, then `relief.py` and `layers.py`.
"""
