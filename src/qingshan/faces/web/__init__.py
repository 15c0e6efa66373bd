"""Web pages: a view collects tables and words into a `Page`, a template prints it, the same tables are the exports.

May import: everything below faces. It holds no ecology and no zone by name; numbers are only written here, not made.
Start reading at `page.py`, then `views/overview.py`; words live in `i18n/`, figures are written by `qingshan.publish.numbers`, in
the same words as the reports.
"""
