"""What exists and what is being done about it: facilities, holders, projects, cases, as declared records on the ledger's journal.

May import ledger, zone, core. Start reading at `declaration.py` (what a register says of itself), then `engine.py` (what the
commands do). A new register is a TOML file in `domains/*/registers/`, not code.
"""
