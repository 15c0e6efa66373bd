"""Who is at the counter: sign-in (OpenID Connect, the offline administrator), server sessions, limits on rates, the log of reads.

Roles are not decided here: they are records on the ledger (`registers/actors.py`) and rows of `rights/commands.toml`. Start with `desk.py`,
which joins a venue, its writer, its tape and these. May import everything below the faces.
"""
