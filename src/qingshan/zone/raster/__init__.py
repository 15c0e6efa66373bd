"""Rasters of a zone: the grid they are brought to, the layers the catalogue names, reading them window by window.

May import core and zone. Start reading at `grid.py`, then `source.py`.
"""
