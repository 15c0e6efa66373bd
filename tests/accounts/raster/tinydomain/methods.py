"""It declares no method of its own."""
