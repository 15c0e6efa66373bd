"""Claims on forest carbon up to the point of issue: who claims which land, time, pool and benefit, and by which methodology.

May import: qingshan.observe, qingshan.zone, qingshan.core; domains only through `core.domain.load_domains`.
Start reading at `index.py` (double counting), then `methodology.py` (eligibility and what is still open).
"""
