"""The index on disk: generations, chunk vectors, BM25 and token vectors; building and opening it."""
