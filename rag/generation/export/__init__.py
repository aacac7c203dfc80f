"""Papers in forms that other programs read: BibTeX, RIS, CSL-JSON and CSV."""

from collections.abc import Mapping

from rag.types import ExportForm

EXPORT_FORMS: Mapping[ExportForm, str] = {
    "bibtex": "BibTeX",
    "ris": "RIS",
    "csl": "CSL-JSON",
    "csv": "CSV",
    "markdown": "Markdown",
}
"""The forms of an export, with their names."""
