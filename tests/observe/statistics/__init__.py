"""Tests of the statistics on blocks."""
