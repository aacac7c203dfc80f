"""One question of the report, folded up: its answer, what that cited, and what it missed (pure, all text escaped)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from eval.gold.questions import MUST, Question
from eval.measures.catalogue import scores
from eval.measures.citations import covers
from eval.measures.facts import holds, read
from eval.measures.ranking import DEPTH
from eval.measures.written import own_sentences
from eval.runs.rows import Row

_SHOWN = {
    "ndcg@10": "nDCG",
    "recall@20": "recall",
    "cited_f1": "F1",
    "facts_in_answer": "facts",
    "evidence_recall": "evidence",
    "rightly_refused": "refused",
}
_VERDICTS = {
    "supported": ("good", "●"),
    "partial": ("soft", "◐"),
    "unsupported": ("bad", "○"),
    "uncited": ("bad", "○"),
}
_UNSCORED = 2.0  # sorts behind every share
_GRADES = {2: ("good", "● must be there"), 1: ("soft", "◐ may be there"), 0: ("bad", "○ not relevant")}


def strength(row: Row) -> float:
    """Give the mean of the scores shown beside a question, to sort by; a failed one comes first."""
    if row.error is not None:
        return -1.0
    found = [value for name, value in scores(row).items() if name in _SHOWN]
    return sum(found) / len(found) if found else _UNSCORED


def question_to_html(row: Row) -> str:
    """Lay out a question."""
    question = row.question
    scored = scores(row)
    shown = " · ".join(f"{label} {scored[name]:.2f}" for name, label in _SHOWN.items() if name in scored)
    if row.error is not None:
        shown = '<span class="bad">failed</span>'
    parts = [_history(question), _error(row), _answer(row), _sentences(row), _cited(row), _missed(row)]
    parts += [_facts(row), _evidence(row)]
    return (
        f'<details class="question"><summary><code>{escape(question.id)}</code><span>{escape(question.question)}</span>'
        f'<span class="scores">{shown}</span></summary><div class="body">{"".join(parts)}</div></details>'
    )


def _history(question: Question) -> str:
    if not question.history:
        return ""
    turns = "".join(f"<li>{escape(turn.question)}<br>{escape(turn.answer)}</li>" for turn in question.history)
    return f"<h3>Asked before (not used)</h3><ul class=soft>{turns}</ul>"


def _error(row: Row) -> str:
    return f'<p class="bad">Failed, and in no mean: {escape(row.error)}</p>' if row.error is not None else ""


def _answer(row: Row) -> str:
    if row.answer is None:
        return ""
    notice = f'<p class="soft">Note: {escape(row.answer["notice"])}</p>' if row.answer["notice"] else ""
    status, time = escape(str(row.answer["status"])), f"{row.total_ms or 0:,.0f} ms"
    text = escape(str(row.answer["answer"]))
    return f'<h3>Answer <span class="soft">({status}, {time})</span></h3><div class="answer">{text}</div>{notice}'


def _sentences(row: Row) -> str:
    """List the sentences that the model wrote, with their verdicts."""
    if row.answer is None or not (sentences := own_sentences(row.answer)):
        return ""
    text = str(row.answer["answer"])
    items = "".join(
        f"<li>{escape(text[each['start'] : each['end']])} {_verdict(each['verdict'], each['reason'])}</li>"
        for each in sentences
    )
    return f"<h3>Checked</h3><ul>{items}</ul>"


def _verdict(verdict: str, reason: str | None) -> str:
    css, mark = _VERDICTS[verdict]
    because = f": {reason}" if reason else ""
    return f'<span class="tag {css}">{mark} {verdict}{escape(because)}</span>'


def _cited(row: Row) -> str:
    if not row.citations:
        return ""
    return f"<h3>Cited</h3><ul>{''.join(_citation(each, row.question) for each in row.citations)}</ul>"


def _citation(citation: Mapping[str, Any], question: Question) -> str:
    quotes = "".join(f"<blockquote>{escape(quote['text'])}</blockquote>" for quote in citation["quotes"])
    tag = _tag(question.relevant.get(citation["paper_id"], 0))
    if citation["paper_id"] in question.near_miss:
        tag = '<span class="tag soft">◇ near miss</span>'
    return f"<li>[{citation['n']}] {_paper(citation['title'], citation['url'])} {tag}{quotes}</li>"


def _paper(title: str, url: str | None) -> str:
    """Name a paper, with a link where its address is a web page's."""
    if url and url.startswith(("https://", "http://")):
        return f'<a href="{escape(url)}">{escape(title)}</a>'
    return escape(title)


def _tag(grade: int) -> str:
    css, label = _GRADES[grade]
    return f'<span class="tag {css}">{label}</span>'


def _missed(row: Row) -> str:
    """List the relevant papers that were not cited, or where only searched all of them, with their ranks."""
    papers = [paper_id for paper_id in row.question.relevant if paper_id not in row.cited]
    if not papers:
        return ""
    items = "".join(
        f"<li>{escape(row.question.titles[paper_id])} {_wanted_tag(row.question.relevant[paper_id])} "
        f'<span class="tag soft">{_rank(paper_id, row.hits)}</span></li>'
        for paper_id in sorted(papers, key=lambda each: (-row.question.relevant[each], _place(each, row.hits)))
    )
    return f"<h3>{'Relevant papers' if row.answer is None else 'Missed papers'}</h3><ul>{items}</ul>"


def _wanted_tag(grade: int) -> str:
    """Tag a paper that was not cited: it is no success, whatever its grade."""
    return f'<span class="tag {"bad" if grade == MUST else "soft"}">{_GRADES[grade][1].replace("●", "○")}</span>'


def _place(paper_id: str, hits: Sequence[str]) -> int:
    return hits.index(paper_id) if paper_id in hits else DEPTH


def _rank(paper_id: str, hits: Sequence[str]) -> str:
    return f"found at rank {hits.index(paper_id) + 1}" if paper_id in hits else f"not among the first {DEPTH}"


def _facts(row: Row) -> str:
    facts = row.question.answer_facts
    if not facts or row.answer is None:
        return ""
    if not row.question.answerable:
        return f"<h3>Right would be</h3><ul>{''.join(f'<li>{escape(fact)}</li>' for fact in facts)}</ul>"
    text = read(str(row.answer["answer"]))
    return f"<h3>Facts</h3><ul>{''.join(_found(escape(fact), holds(text, fact)) for fact in facts)}</ul>"


def _evidence(row: Row) -> str:
    question = row.question
    wanted = [span for span in question.evidence if question.relevant.get(span.paper_id) == MUST]
    if not wanted or row.answer is None:
        return ""
    items = "".join(_found(f"“{escape(span.text)}”", covers(row.quotes, span)) for span in wanted)
    return f"<h3>Gold evidence</h3><ul>{items}</ul>"


def _found(text: str, found: bool) -> str:
    css, label = ("good", "● found") if found else ("bad", "○ missed")
    return f'<li>{text} <span class="tag {css}">{label}</span></li>'
