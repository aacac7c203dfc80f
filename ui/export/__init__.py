"""Answers and papers as files to take away: Markdown, BibTeX, RIS and CSV."""

from rag.generation.export.bibtex import to_bibtex
from rag.generation.export.ris import to_ris
from rag.generation.export.spreadsheet import to_csv
from ui.export.markdown import answer_to_markdown, citations_to_markdown

__all__ = ["answer_to_markdown", "citations_to_markdown", "to_bibtex", "to_csv", "to_ris"]
