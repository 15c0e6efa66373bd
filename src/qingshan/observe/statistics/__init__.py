"""Statistics of series on dense blocks: days, running means, years, percentiles, air quality indices; trend tests.

Sums are whole numbers, so that a mean is an exact ratio and is rounded once. May import: qingshan.zone, qingshan.core. Start reading
at `rules.py`, then `air.py`.
"""
