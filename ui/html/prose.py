"""An answer's text as HTML: its Markdown, its [n] as links to the papers' rows, its sentences' verdicts as signs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from markdown_it import MarkdownIt

from rag.answer import Citation, Sentence
from rag.render.terminal import VERDICTS
from rag.text.citation_markers import MARKER
from rag.text.display import display_title
from rag.text.latex import latex_to_text
from rag.types import Paper
from ui.html.markup import attributes, bdi, text

# Two characters that Unicode classes as punctuation and nobody writes; beside letters, "**" would not close emphasis.
_OPENS, _CLOSES = "\U00012470", "\U00012471"
_PLACE = re.compile(f"{_OPENS}([0-9]+){_CLOSES}")
_TAKEN = str.maketrans({_OPENS: "\ufffd", _CLOSES: "\ufffd"})
_KNOWN = ("list", "table", "heading", "emphasis", "backticks", "blockquote", "hr", "newline")
_QUOTED = 2  # sentences of abstracts with a verdict


def prose_to_html(
    exchange_id: str, written: str, citations: Sequence[Citation], sentences: Iterable[Sentence], question: str
) -> str:
    """Return the text as HTML; only numbers of `citations` become links; its own HTML, links and images stay text."""
    held = tuple(unit for sentence in sentences for unit in sentence.units)
    known, papers = {str(citation.n) for citation in citations}, {each.n: each.paper for each in citations}

    def shown(piece: str) -> str:
        cited = MARKER.sub(
            lambda match: cite_to_html(exchange_id, match[1]) if match[1] in known else match[0], text(piece)
        )
        # Last: a reason may have markers too.
        return _PLACE.sub(lambda match: _badge(held[int(match[1])], papers), cited)

    html: str = _markdown().render(_marked(written, held), {"question": question, "shown": shown})
    return html


def tips_to_html(exchange_id: str, citations: Iterable[Citation]) -> str:
    """Return the tooltips of the markers, one for each cited paper: title, date and quotes."""
    return "".join(_tip(exchange_id, each) for each in citations)


def cite_to_html(exchange_id: str, n: int | str) -> str:
    """Return a link from [n] to its row, described by its tooltip."""
    row, tip = f"#{row_id(exchange_id, n)}", _tip_id(exchange_id, n)
    given = attributes(class_="cd-cite", href=row, data_n=n, aria_describedby=tip)
    return f'<a{given}><span class="cd-hidden">paper </span>[{n}]</a>'


def row_id(exchange_id: str, n: int | str) -> str:
    """Return the element id of the row of the paper cited as [n]."""
    return f"{exchange_id}-p{n}"


def verdict_to_html(verdict: str, words: str, quotes: Sequence[str] = ()) -> str:
    """Return a verdict as a quiet sign, with its words for screen readers and on hover, there with what it rests on."""
    given = attributes(class_=f"cd-verdict cd-verdict-{verdict}", title="\n".join([words, *quotes]))
    return f'<span{given}><span class="cd-hidden">{text(words)}</span></span>'


def _marked(written: str, sentences: Sequence[Sentence]) -> str:
    """Mark the ends of sentences, or of their parts, before a cell's bar: last to first, so that offsets stay valid."""
    marked = written.translate(_TAKEN)
    ends = sorted(((_end(marked, each), i) for i, each in enumerate(sentences)), reverse=True)
    for end, i in ends:
        marked = f"{marked[:end]}{_OPENS}{i}{_CLOSES}{marked[end:]}"
    return marked


def _end(written: str, sentence: Sentence) -> int:
    return len(written[: max(sentence.end, 0)].rstrip(" \t\r\n|"))


@cache
def _markdown() -> MarkdownIt:
    """Return a parser of the Markdown that answers use: no HTML, links, images, entities or escapes."""
    markdown = MarkdownIt("zero", {"html": False, "breaks": False}).enable(list(_KNOWN))
    for name in ("heading_open", "heading_close"):
        markdown.add_render_rule(name, _heading)
    markdown.add_render_rule("table_open", _table_open)
    markdown.add_render_rule("table_close", _table_close)
    markdown.add_render_rule("text", _text)
    markdown.add_render_rule("code_inline", _code)
    return markdown


def _heading(_: Any, tokens: Sequence[Any], i: int, *__: Any) -> str:
    """Render headings of every level one level below the question's."""
    return "<h3>" if tokens[i].nesting == 1 else "</h3>"


def _table_open(_: Any, __: Any, ___: int, ____: Any, env: Mapping[str, Any]) -> str:
    given = attributes(class_="cd-wide", role="region", tabindex=0, aria_label=f"Written about: {env['question']}")
    return f"<div{given}><table>"


def _table_close(*_: Any) -> str:
    return "</table></div>"


def _text(_: Any, tokens: Sequence[Any], i: int, __: Any, env: Mapping[str, Any]) -> str:
    shown: str = env["shown"](tokens[i].content)
    return shown


def _code(_: Any, tokens: Sequence[Any], i: int, __: Any, env: Mapping[str, Any]) -> str:
    return f"<code>{env['shown'](tokens[i].content)}</code>"


def _badge(sentence: Sentence, papers: Mapping[int | None, Paper]) -> str:
    """Return a verdict in words, with the sentences of the abstracts that it rests on, and whether it was corrected."""
    origin = ", corrected after a check" if sentence.origin == "repaired" else ""
    reason = f": {sentence.reason}" if sentence.reason and sentence.verdict != "supported" else ""
    words = f"{VERDICTS.get(sentence.verdict, '')}{reason}{origin}".lstrip(":, ")
    if not words:
        return ""
    quotes = [
        f"[{each.n}] “{latex_to_text(papers[each.n].abstract[each.start : each.end])}”"
        for each in sentence.support[:_QUOTED]
        if each.n in papers
    ]
    return f" {verdict_to_html(sentence.verdict or 'none', words, quotes)}"


def _tip(exchange_id: str, citation: Citation) -> str:
    given = attributes(class_="cd-tip", role="tooltip", id=_tip_id(exchange_id, citation.n), hidden=True)
    quotes = "".join(f'<q dir="auto">{text(latex_to_text(quote.text))}</q>' for quote in citation.quotes[:2])
    date = text(citation.paper.date or "no date")
    return f"<span{given}><b>{bdi(display_title(citation.paper.title))}</b> <i>{date}</i>{quotes}</span>"


def _tip_id(exchange_id: str, n: int | str | None) -> str:
    return f"{exchange_id}-tip{n}"
