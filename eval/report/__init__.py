"""A run's report: one HTML page that needs no other file, and the same in Markdown and JSON."""
