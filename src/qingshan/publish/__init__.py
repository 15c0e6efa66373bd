"""Reports a county accountant hands in: the GEP account as PDF and workbook, and the rules of release.

May import: qingshan.assess, qingshan.accounts, qingshan.zone, qingshan.core. Typst and xlsxwriter load only when a report is written.
Start reading at `gep.py` (`publish_gep`), then `release.py` (what may be released, and under which name).
"""
