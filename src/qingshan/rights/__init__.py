"""Ecological rights: instruments, issue and registry, orders and matching, auctions, compliance, securities.

May import registers, accounts, ledger, observe, zone, core. Start reading at `instruments.py` (what may exist), `matching.py` (who
trades with whom: pure functions), then `market.py` and `registry.py` (the commands of a venue).
"""
