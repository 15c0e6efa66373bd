"""Tests of the quality control."""
