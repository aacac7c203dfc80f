"""Rewrite follow-up questions as standalone ones, from the earlier turns."""
