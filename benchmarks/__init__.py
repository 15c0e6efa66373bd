"""Measurements, each against a peer in the same run where there is one. `make bench-NAME` runs `NAME.py`.

Results go to `benchmarks/out/NAME.json` and to the terminal. Start reading at `harness.py`.
"""
