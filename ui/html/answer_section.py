"""The answer of an exchange, while it streams and when complete: prose, tables, a refusal, and who wrote it."""

from __future__ import annotations

from rag.answer import Answer
from rag.generation.extractive import completeness
from rag.query.overrides import filter_phrases
from rag.render.notices import notices_text
from rag.render.terminal import SAID
from rag.text.display import format_count
from ui.exchange import Exchange
from ui.html.cited_papers import citations_of
from ui.html.markup import bdi, button, details, text
from ui.html.paper_tables import comparison_to_html, table_to_html
from ui.html.prose import prose_to_html, tips_to_html

_FEWEST_COMPARED = 2


def answer_to_html(exchange: Exchange) -> str:
    """Return what has streamed so far, or the complete answer."""
    answer, citations = exchange.answer, citations_of(exchange)
    if answer and answer.status == "refused":
        return _refused(answer)
    if answer is None:
        prose = prose_to_html(exchange.exchange_id, exchange.text, citations, exchange.sentences, exchange.question)
        whole = f'<div class="cd-prose cd-growing">{prose}</div>' if exchange.text else ""
        return whole + tips_to_html(exchange.exchange_id, citations)
    parts = [_cut(answer), _body(exchange, answer), _note(answer), _checked(answer), _written_by(answer)]
    return "".join(parts) + tips_to_html(exchange.exchange_id, citations)


def _body(exchange: Exchange, answer: Answer) -> str:
    """Return prose and table; an extractive answer's table comes first."""
    exchange_id = exchange.exchange_id
    extractive, kind = answer.status == "extractive", answer.query.kind
    said = answer.text
    if extractive and kind == "list" and answer.missed:  # the table says how complete it is
        said = said.removesuffix(completeness(len(answer.citations), answer.missed)).rstrip()
    prose = prose_to_html(exchange_id, said, answer.citations, answer.sentences, answer.query.question)
    prose = f'<div class="cd-prose">{prose}</div>'
    if kind == "compare" and len(answer.citations) >= _FEWEST_COMPARED:
        table = comparison_to_html(exchange_id, answer)
        return table + details("As text", prose, "cd-fold") if extractive else prose + table
    table = table_to_html(exchange_id, answer, exchange.hits)
    if kind == "metadata" and table:
        return table + details("As text", prose, "cd-fold")
    return table + prose if extractive else prose + table


def _refused(answer: Answer) -> str:
    by_name = filter_phrases(answer.query.filters)
    buttons = "".join(
        button(f"Drop “{by_name[each.drop]}”: {format_count(each.papers, 'paper')}", "lift", data_name=each.drop)
        for each in answer.relaxations
        if each.drop in by_name and each.papers
    )
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
    return f'<p class="cd-note"><b>Note.</b> {bdi(notice)}</p>' if notice else ""


def _checked(answer: Answer) -> str:
    """Return the counts of verdicts on the model's own sentences."""
    own = [sentence.verdict for sentence in answer.sentences if sentence.origin != "added"]
    if not own:
        return ""
    shares = [f"{own.count(verdict)} {words}" for verdict, words in SAID.items() if verdict in own]
    shares += [f"{left} without a verdict"] if (left := sum(verdict not in SAID for verdict in own)) else []
    return f'<p class="cd-checked">{format_count(len(own), "sentence")} checked: {", ".join(shares)}.</p>'


def _written_by(answer: Answer) -> str:
    own = {"metadata": "From the records", "help": "What can be asked"}.get(
        answer.query.kind, "In the papers’ own words"
    )
    parts = [f"Written by {answer.model}" if answer.model else own]
    if "total" in answer.timings_ms:
        parts.append(f"{answer.timings_ms['total'] / 1000:.1f} s")
    spent = answer.usage.total
    if spent.calls:
        parts.append(format_count(spent.calls, "call"))
    if spent.prompt_tokens is not None or spent.completion_tokens is not None:
        parts.append(f"{spent.prompt_tokens or 0} tokens read, {spent.completion_tokens or 0} written")
    return f'<p class="cd-by">{text(" · ".join(parts))}</p>'
