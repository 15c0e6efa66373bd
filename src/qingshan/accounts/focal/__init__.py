"""Window stages: what a cell takes from its surroundings. Weighted means around every cell, distance to the nearest source.

May import core, zone and the block engine. `around.py` and `nearest.py` are the two operations and know no ecology;
`cooling.py` and `habitat.py` are the stages that put them together with the cell forms of the domains.
"""
