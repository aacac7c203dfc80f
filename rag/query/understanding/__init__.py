"""Understand questions by rules: kind, filters, order, count, subjects and search text."""
