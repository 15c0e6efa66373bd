"""The built-in zones, one folder of data each: `zone.toml`, `places.csv`, `facts/`, `missing.csv`. No code."""
