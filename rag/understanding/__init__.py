"""Question → Query: what is asked for, what must be true of the papers, what is left to search for (rules only)."""
