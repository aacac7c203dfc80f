"""Papers with instructions hidden in their abstracts: what of them reaches the reader, and whether they are obeyed."""
