"""Files of papers, read into Paper records."""
