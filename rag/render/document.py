"""Answers and papers as files: an answer as Markdown with its quotes and verdicts, papers in every form of export."""

from __future__ import annotations

from collections.abc import Sequence

from rag.answer import Answer, Citation
from rag.generation.export.bibtex import to_bibtex
from rag.generation.export.csl import to_csl
from rag.generation.export.ris import to_ris
from rag.generation.export.spreadsheet import to_csv
from rag.render.notices import notices_text
from rag.render.terminal import QUOTE_VERDICTS, understood_as, unsupported_parts
from rag.text.display import display_line, display_title
from rag.text.latex import latex_to_text
from rag.text.links import safe_link
from rag.types import ExportForm, Paper, Quote


def answer_to_markdown(answer: Answer) -> str:
    """Return the question, the answer, each cited paper with its quotes, the near misses, and BibTeX of all cited."""
    understood = understood_as(answer.query)
    parts = [
        f"# {display_line(answer.query.question)}",
        display_line(understood) if understood else None,
        answer.text.strip(),
    ]
    notice = notices_text(answer.notices, flags=False)
    parts.append(f"> Note: {display_line(notice)}" if notice else None)
    parts.append(_verdicts(answer))
    if answer.citations:
        extractive = answer.status == "extractive"  # its text has the quotes
        parts += ["## Papers", "\n\n".join(_cited(each, with_quotes=not extractive) for each in answer.citations)]
    if answer.near_misses:
        near = (f"- {_named(each.paper)}{_screened(each)}" for each in answer.near_misses)
        parts += ["## Nearest papers, not cited", "\n".join(near)]
    if answer.citations:
        parts += ["## BibTeX", _fenced(to_bibtex(each.paper for each in answer.citations))]
    return "\n\n".join(part for part in parts if part) + "\n"


def citations_to_markdown(title: str, citations: Sequence[Citation]) -> str:
    """Return papers with their quotes under a title, and their BibTeX."""
    listed = "\n\n".join(map(_cited, citations))
    bibtex = _fenced(to_bibtex(each.paper for each in citations))
    return f"# {display_line(title)}\n\n{listed}\n\n## BibTeX\n\n{bibtex}\n"


def write_papers(form: ExportForm, citations: Sequence[Citation], title: str = "Papers", whole: bool = False) -> str:
    """Return the text of a file of papers; with `whole`, entries of BibTeX have all that the records hold."""
    papers = [each.paper for each in citations]
    match form:
        case "bibtex":
            return to_bibtex(papers, whole)
        case "ris":
            return to_ris(papers)
        case "csl":
            return to_csl(papers)
        case "csv":
            return to_csv(citations)
        case "markdown":
            return citations_to_markdown(title, citations)


def _verdicts(answer: Answer) -> str | None:
    """List the parts of the answer that its papers do not support."""
    lines = [
        f"- {verdict}: “{text}”" + (f" ({display_line(reason)})" if reason else "")
        for verdict, text, reason in unsupported_parts(answer)
    ]
    return "\n".join(["Checked against the abstracts:", "", *lines]) if lines else None


def _cited(citation: Citation, with_quotes: bool = True) -> str:
    number = "" if citation.n is None else f"**[{citation.n}]** "
    heading = f"{number}{_named(citation.paper)}{_screened(citation)}"
    if not with_quotes:
        return heading
    quotes = "\n>\n".join(f"> {_quote(quote)}" for quote in citation.quotes)
    return f"{heading}\n\n{quotes}" if quotes else heading


def _quote(quote: Quote) -> str:
    verdict = f" ({QUOTE_VERDICTS[quote.verdict]})" if quote.verdict else ""
    return f"“{display_line(latex_to_text(quote.text))}”{verdict}"


def _named(paper: Paper) -> str:
    known = [paper.date or "no date", *([paper.venue] if paper.venue else [])]
    link = safe_link(paper.url)
    return f"{display_title(paper.title)} ({display_line(', '.join(known))}){f' <{link}>' if link else ''}"


def _screened(citation: Citation) -> str:
    return f". Screened: {display_line(citation.why)}" if citation.why else ""


def _fenced(text: str) -> str:
    """Return a fenced code block; its fence is longer than any run of backticks in the text."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}bibtex\n{text}{fence}"
