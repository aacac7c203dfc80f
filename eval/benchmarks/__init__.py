"""Public test sets in BEIR's form: reading, indexing, scoring."""
