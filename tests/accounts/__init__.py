"""Tests of the accounts layer on an invented zone, and of the screening account of the built-in one."""
