"""Section loads, the river graph, and whose load it is (源头份额). May import: qingshan.core, qingshan.observe.

Start reading at `load.py`, then `river.py` (upstream and downstream) and `share.py` (sources, residual shown).
"""
