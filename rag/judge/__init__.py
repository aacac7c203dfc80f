"""Checking what was written: whether the cited sentences say it."""
