"""An answer as a self-contained Markdown file: text, quotes with verdicts, links, and BibTeX."""

from __future__ import annotations

from rag.answer import Answer, Citation
from rag.render.terminal import SAID, understood_as
from rag.text.latex import quotable, readable, shown_title
from rag.types import Paper, Quote
from ui.export.bibtex import to_bibtex
from ui.html.markup import safe_link
from ui.notices import notice_of


def answer_to_markdown(answer: Answer) -> str:
    """Return the question, the answer, each cited paper with its quotes, the near misses, and BibTeX of all cited."""
    understood = understood_as(answer.query)
    parts = [f"# {quotable(answer.query.question)}", quotable(understood) if understood else None, answer.text.strip()]
    notice = notice_of(answer)
    parts.append(f"> Note: {quotable(notice)}" if notice else None)
    parts.append(_verdicts(answer))
    if answer.citations:
        parts += ["## Papers", "\n\n".join(map(_cited, answer.citations))]
    if answer.near_misses:
        near = (f"- {_named(each.paper)}{_screened(each)}" for each in answer.near_misses)
        parts += ["## Nearest papers, not cited", "\n".join(near)]
    if answer.citations:
        parts += ["## BibTeX", _fenced(to_bibtex(each.paper for each in answer.citations))]
    return "\n\n".join(part for part in parts if part) + "\n"


def _verdicts(answer: Answer) -> str | None:
    """List the sentences that their papers do not support."""
    doubted = [each for each in answer.sentences if each.verdict != "supported"]
    lines = [
        f"- {SAID[each.verdict]}: “{' '.join(answer.text[each.start : each.end].replace('**', '').split())}”"
        + (f" ({quotable(each.reason)})" if each.reason else "")
        for each in doubted
    ]
    return "\n".join(["Checked against the papers:", "", *lines]) if lines else None


def _cited(citation: Citation) -> str:
    heading = f"**[{citation.n}]** {_named(citation.paper)}{_screened(citation)}"
    quotes = "\n>\n".join(f"> {_quote(quote)}" for quote in citation.quotes)
    return f"{heading}\n\n{quotes}" if quotes else heading


def _quote(quote: Quote) -> str:
    said = f" ({SAID[quote.verdict]})" if quote.verdict else ""
    return f"“{quotable(readable(quote.text))}”{said}"


def _named(paper: Paper) -> str:
    known = [paper.date or "no date", *([paper.venue] if paper.venue else [])]
    link = safe_link(paper.url)
    return f"{shown_title(paper.title)} ({quotable(', '.join(known))}){f' <{link}>' if link else ''}"


def _screened(citation: Citation) -> str:
    return f". Screened: {quotable(citation.why)}" if citation.why else ""


def _fenced(text: str) -> str:
    """Return a fenced code block; its fence is longer than any run of backticks in the text."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}bibtex\n{text}{fence}"
