"""Runs over gold questions: rows, their folder, summaries, comparison."""
