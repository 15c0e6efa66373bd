"""Who owns what: an append-only journal, double entry with serial numbers, proofs, and what can be rebuilt from them.

May import core, zone. Knows no domain and no account. Start reading at `book.py` (what holds true), then `venue.py` (how a
command becomes durable) and `journal.py` (the bytes). `verify.py` stands alone: it imports nothing of the engine.
"""
