"""Public test sets in BEIR format: reading, indexing, scoring, and published figures."""
