"""Stand dynamics: cohorts of forest whose pools and flows are data, stepped by years, disturbed, spun up.

May import: qingshan.observe, qingshan.zone, qingshan.core; domains only through `core.domain.load_domains`.
Start reading at `model.py` (what a model declares), then `project.py` (a projection by years).
"""
