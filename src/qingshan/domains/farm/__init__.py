"""Domain. May import: qingshan.core. Start reading at `properties.toml` and `standards/`."""
