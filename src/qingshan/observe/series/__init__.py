"""Monitoring networks: sites, series, samples and their observations, kept as append-only versions in Parquet.

May import: qingshan.zone, qingshan.core; domains only through `core.domain.load_domains`.
Start reading at `model.py` (the shapes), then `store.py` (`Observations`) and `load.py` (how a file comes in).
"""
