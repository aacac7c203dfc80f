"""The index on disk: generations, vectors, BM25, token vectors, and how they are brought up to date."""
