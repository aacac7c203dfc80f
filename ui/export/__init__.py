"""Answers and papers as files to take away: Markdown, BibTeX, RIS and CSV."""

from ui.export.bibtex import to_bibtex
from ui.export.markdown import answer_to_markdown, citations_to_markdown
from ui.export.ris import to_ris
from ui.export.spreadsheet import to_csv

__all__ = ["answer_to_markdown", "citations_to_markdown", "to_bibtex", "to_csv", "to_ris"]
