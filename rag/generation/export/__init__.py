"""Papers in forms that other programs read: BibTeX, RIS and CSV."""
