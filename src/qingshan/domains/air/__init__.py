"""Domain. May import: qingshan.core. Start reading at `methods.py`."""
