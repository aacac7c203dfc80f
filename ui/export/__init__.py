"""Answers and papers as files to take away: Markdown, BibTeX and CSV (pure)."""

from ui.export.bibtex import to_bibtex

__all__ = ["to_bibtex"]
