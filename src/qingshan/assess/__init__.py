"""How well: targets, indices, fail rules, dual assessment of GDP and GEP, sensitivity, the gate before a release.

May import: accounts, zone, core; rule sets and formulas come from the domains' declarations (`assess.toml`).
Start reading at `targets.py`; `ruleset.py` says what a rule set is.
"""
