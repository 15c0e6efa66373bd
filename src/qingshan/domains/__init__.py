"""What the rules say and compute, one folder per subject. Pure functions and data; no I/O."""
