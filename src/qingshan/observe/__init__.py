"""What was seen: trees and plots of an inventory, their checks, and estimates with their standard errors.

May import: qingshan.zone, qingshan.core; domains only through `core.domain.load_domains`.
Start reading at `inventory.py` (tables and checks), then `estimate.py`; single trees are in `allometry.py`.
"""
