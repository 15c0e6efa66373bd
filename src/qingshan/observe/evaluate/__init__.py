"""Evaluation: readings against the rows of a standard, chosen by the date of what was observed.

May import: qingshan.core (and observe). Start reading at `editions.py` (which row), then `verdict.py` (what it says).
"""
