"""The answer of an exchange, while it streams and when complete: its point or its prose, a comparison, a refusal."""

from __future__ import annotations

from rag.answer import Answer
from rag.generation.export import EXPORT_FORMS
from rag.query.follow_up import is_over_papers
from rag.query.overrides import filter_phrases
from rag.render.notices import notices_text
from rag.text.display import format_count
from ui.exchange import Exchange
from ui.html.comparison import comparison_to_html
from ui.html.markup import bdi, button, text
from ui.html.paper_rows import citations_of
from ui.html.prose import prose_to_html, tips_to_html

_SELECTING = frozenset((None, "filter", "count"))
"""Actions, or none, that may not find among the papers before what the collection has."""


def answer_to_html(exchange: Exchange) -> str:
    """Return what has streamed so far, or the complete answer, without its papers."""
    answer, citations = exchange.answer, citations_of(exchange)
    if answer and answer.status == "refused":
        return _refused(answer)
    if answer is None:
        prose = prose_to_html(exchange.exchange_id, exchange.text, citations, exchange.sentences, exchange.question)
        whole = f'<div class="cd-prose cd-growing">{prose}</div>' if exchange.text else ""
        return whole + tips_to_html(exchange.exchange_id, citations)
    parts = [_cut(answer), _said(exchange.exchange_id, answer), _reasoning(answer), _note(answer)]
    return "".join(parts) + tips_to_html(exchange.exchange_id, citations)


def _said(exchange_id: str, answer: Answer) -> str:
    """Return what the rows do not say: the point of an extractive answer, the prose of any other, and a comparison."""
    from_rows = answer.status == "extractive" and bool(answer.citations)
    written, sentences = (answer.point, ()) if from_rows else (answer.text, answer.sentences)
    prose = prose_to_html(exchange_id, written, answer.citations, sentences, answer.query.question)
    shown = f'<div class="cd-prose{" cd-answer-point" if from_rows else ""}">{prose}</div>' if written else ""
    if answer.query.action and answer.query.action.name == "export" and from_rows:
        shown = _file(answer)
    if answer.comparison:
        shown += comparison_to_html(exchange_id, answer.comparison, answer.query.question)
    return shown


def _reasoning(answer: Answer) -> str:
    """Return what the model thought before it wrote, folded."""
    if not answer.reasoning:
        return ""
    paragraphs = "".join(f"<p>{bdi(part)}</p>" for part in answer.reasoning.split("\n\n") if part.strip())
    return f'<details class="cd-reasoning"><summary>The model’s reasoning</summary>{paragraphs}</details>'


def _file(answer: Answer) -> str:
    """Return what is exported as a text to copy, with a button that saves it."""
    form = answer.query.action.form if answer.query.action and answer.query.action.form else "bibtex"
    lines = answer.text.split("\n")
    written = "\n".join(lines[1:-1] if lines[0].startswith("```") else lines)
    save = button(f"Save as {EXPORT_FORMS[form]}", "export", "cd-small cd-main", data_format=form)
    return f'{save}<pre class="cd-file" tabindex="0">{text(written)}</pre>'


def _refused(answer: Answer) -> str:
    by_name = filter_phrases(answer.query.filters)
    buttons = "".join(
        button(f"Drop “{by_name[each.drop]}”: {format_count(each.papers, 'paper')}", "lift", data_name=each.drop)
        for each in answer.relaxations
        if each.drop in by_name and each.papers
    )
    action = answer.query.action and answer.query.action.name
    if action in _SELECTING and is_over_papers(answer.query):
        buttons += button("Search the whole collection", "lift", data_name="papers")
    offered = f'<div class="cd-relax">{buttons}</div>' if buttons else ""
    why = notices_text(answer.notices, flags=False)
    return (
        f'<div class="cd-refused"><p class="cd-refused-head">{text(answer.text)}</p>'
        f"{f'<p>{bdi(why)}</p>' if why else ''}{offered}</div>"
    )


def _cut(answer: Answer) -> str:
    return '<p class="cd-note cd-cut"><b>Cut short.</b> The answer below ends early.</p>' * (
        answer.status == "truncated"
    )


def _note(answer: Answer) -> str:
    notice = notices_text(answer.notices, flags=False)
    typed = button("Search as typed", "as-is", "cd-small cd-quiet") if answer.query.mended else ""
    return f'<p class="cd-note">{bdi(notice)} {typed}</p>' if notice else ""
