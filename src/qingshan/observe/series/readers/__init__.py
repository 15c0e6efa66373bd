"""Readers: each turns one kind of file into long rows as text, `model.RECEIVED`, a bounded number at a time.

May import: qingshan.observe.series.model and report, qingshan.core. Start reading at `source.py`, which chooses among them.
"""
