"""Tests of what was seen: inventories, networks, their quality control, statistics and alerts."""
