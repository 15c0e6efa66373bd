"""Where water goes on a grid: filled terrain, flow directions, accumulation, and what is carried along the flow.

Graph and window operations only; every formula is a cell form of a domain, woven into the passes (`weave.py`).
May import: zone, core, `accounts.block`. Start reading at `routing.py` (stage "flow"), then `passes.py`.
"""
