"""The papers of an answer in a form of their own: titles, a table, or what other programs read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from rag.answer import Citation
from rag.generation.export.bibtex import to_bibtex
from rag.generation.export.csl import to_csl
from rag.generation.export.ris import to_ris
from rag.generation.export.spreadsheet import to_csv
from rag.text.display import display_name, display_title
from rag.text.links import safe_link
from rag.types import Action, ActionName, Evidence, ExportForm, Paper

FORMS: frozenset[ActionName] = frozenset(("titles", "table", "export"))
_COLUMNS = ("", "Title", "Date", "Authors", "Venue", "Code")
_MOST_AUTHORS = 3
_WRITERS: Mapping[ExportForm, Callable[[Sequence[Paper]], str]] = {"bibtex": to_bibtex, "ris": to_ris, "csl": to_csl}


def write_form(action: Action, evidence: Sequence[Evidence]) -> str:
    """Return Markdown: a list of titles, a table with a row per paper, or a block in the form of an export."""
    if action.name == "titles":
        return "\n".join(f"- {display_title(each.paper.title)} [{each.n}]" for each in evidence)
    if action.name == "table":
        rows = [_COLUMNS, ("---",) * len(_COLUMNS), *(_row(each) for each in evidence)]
        return "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return _exported(action, evidence)


def _exported(action: Action, evidence: Sequence[Evidence]) -> str:
    papers = [each.paper for each in evidence]
    if action.form == "markdown":
        return "\n".join(_reference(each) for each in evidence)
    if action.form == "csv":
        text = to_csv(Citation(each.n, each.paper, each.quotes) for each in evidence)
    else:
        text = _WRITERS.get(action.form or "bibtex", to_bibtex)(papers)
    return f"```{'json' if action.form == 'csl' else action.form}\n{text.replace('```', '` ` `').rstrip()}\n```"


def _row(evidence: Evidence) -> tuple[str, ...]:
    paper = evidence.paper
    values = (display_title(paper.title), paper.date or "", _authors(paper), display_name(paper.venue or ""))
    code = "yes" if paper.code else ""
    return (f"[{evidence.n}]", *(value.replace("|", "\\|") for value in values), code)


def _reference(evidence: Evidence) -> str:
    paper, link = evidence.paper, safe_link(evidence.paper.url)
    title = display_title(paper.title)
    known = [_authors(paper), display_name(paper.venue or ""), paper.date or ""]
    return f"- {f'[{title}]({link})' if link else title}. {', '.join(part for part in known if part)} [{evidence.n}]"


def _authors(paper: Paper) -> str:
    named = [display_name(author) for author in paper.authors[:_MOST_AUTHORS]]
    count = paper.known_author_count
    return ", ".join(named) + (" et al." if named and (count is None or count > len(named)) else "")
