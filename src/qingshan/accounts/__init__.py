"""Methods run over places and years: profiles, the resolver, the incremental store, sealed runs, explain and verify.

May import: qingshan.zone, qingshan.core; domains only through `core.domain.load_domains`.
Start reading at `resolver.py` (how one figure gets its key, value and pedigree), then `cells.py` and `run.py`.
"""
