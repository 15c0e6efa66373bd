"""What every other layer speaks: units, methods, parameters, errors, findings, canonical bytes.

May import: the standard library and numpy. Nothing of qingshan.
Start reading at `method.py`.
"""
