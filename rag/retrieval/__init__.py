"""Query → Hits: retrievers, scores, passages, and the catalogue of records."""
