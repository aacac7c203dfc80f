"""Results as the JSON objects that other programs rely on: names and shapes are the contract."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from rag.answer import (
    Answer,
    Checked,
    Citation,
    Cited,
    Comparison,
    Event,
    FirstHits,
    Notice,
    Retrieved,
    Sentence,
    SentenceVerdict,
    Token,
    Usage,
)
from rag.corpus.links import Link, PaperLinks
from rag.corpus.records import paper_to_record
from rag.render.actions import action_text
from rag.render.corpus_report import corpus_to_json
from rag.render.notices import notice_text, notices_text
from rag.types import Filters, Hit, Paper, Query, Quote, TokenUsage

if TYPE_CHECKING:
    from rag.index.update import BuildSummary

_VERDICTS: Mapping[SentenceVerdict | None, str | None] = {
    "supported": "supported",
    "not_found": "unsupported",
    "contradicted": "unsupported",
    "uncited": "uncited",
    "about_answer": None,
    None: None,
}
_LOCAL = re.compile(r"file\Z|local-url|bdsk-file")
_REASONS: Mapping[SentenceVerdict | None, str] = {
    "not_found": "not found in the abstract",
    "contradicted": "the abstract says otherwise",
    "uncited": "it cites no paper",
    "about_answer": "it is about the answer itself",
}
_SCORE_DIGITS = 4
_MS_DIGITS = 1
_SECOND_DIGITS = 3


def search_to_json(
    query: Query, hits: Sequence[Hit], timings_ms: Mapping[str, float], notices: Sequence[Notice], usage: Usage
) -> dict[str, Any]:
    """Return the object of a search."""
    return {
        "query": query.question,
        "kind": query.kind,
        "filters": _filters(query.filters),
        "understood": _understood(query),
        "hits": [_hit(hit) for hit in hits],
        **_notices(notices),
        "usage": usage_to_json(usage),
        "timings_ms": _timings(timings_ms),
    }


def answer_to_json(answer: Answer) -> dict[str, Any]:
    """Return the object of an answer."""
    query, missed = answer.query, answer.missed
    return {
        "question": query.question,
        "kind": query.kind,
        "status": answer.status,
        "filters": _filters(query.filters),
        "understood": _understood(query),
        "answer": answer.text,
        "point": answer.point,
        "groups": [{"name": each.name, "numbers": list(each.numbers)} for each in answer.groups],
        "comparison": _comparison(answer.comparison) if answer.comparison else None,
        "citations": [_citation(citation) for citation in answer.citations],
        "sentences": [_sentence(sentence) for sentence in answer.sentences],
        "near_misses": [_citation(citation) for citation in answer.near_misses],
        "missed": {"least": missed.least, "most": missed.most} if missed else None,
        "relaxations": [{"drop": each.drop, "papers": each.papers} for each in answer.relaxations],
        "model": answer.model,
        "reasoning": answer.reasoning or None,
        **_notices(answer.notices),
        "usage": usage_to_json(answer.usage),
        "timings_ms": _timings(answer.timings_ms),
    }


def paper_to_json(paper: Paper, papers: Mapping[str, Paper], links: PaperLinks) -> dict[str, Any]:
    """Return the object of a paper: its record, the papers whose names it uses, and those that use its names.

    Paths of files on the computer of whoever wrote the record are left out.
    """
    bibliography = tuple(each for each in paper.bibliography if not _LOCAL.match(each[0]))
    return {
        **paper_to_record(replace(paper, bibliography=bibliography)),
        "links": [_link(link, papers[link.target_id]) for link in links.of(paper.paper_id)],
        "linked_from": [_link(link, papers[link.source_id]) for link in links.to(paper.paper_id)],
    }


def event_to_json(event: Event) -> tuple[str, dict[str, Any]]:
    """Return the name and the object of an event of `ask`."""
    if isinstance(event, FirstHits):
        return "first_hits", _found(event)
    if isinstance(event, Retrieved):
        return "retrieved", _retrieved(event)
    if isinstance(event, Cited):
        return "cited", _citation(event.citation)
    if isinstance(event, Token):
        return "token", {"text": event.text}
    if isinstance(event, Checked):
        return "checked", _sentence(event.sentence)
    return "done", answer_to_json(event.answer)


def usage_to_json(usage: Usage) -> dict[str, Any]:
    """Return the object of the endpoint's usage, in total and by step."""
    steps = {name: _step_usage(step) for name, step in usage.steps.items()}
    return {**_step_usage(usage.total), "unknown_markers": usage.unknown_markers, "steps": steps}


def summary_to_json(summary: BuildSummary) -> dict[str, Any]:
    """Return the object of an index run."""
    return {
        "added": summary.added,
        "replaced": summary.replaced,
        "removed": summary.removed,
        "unchanged": summary.unchanged,
        "failed": [
            {"source": problem.source, "line": problem.line, "reason": problem.reason} for problem in summary.failed
        ],
        "generation": summary.generation,
        "rebuilt": summary.rebuilt,
        **corpus_to_json(summary.corpus),
    }


def _notices(notices: Sequence[Notice]) -> dict[str, Any]:
    return {
        "notice": notices_text(notices),
        "notices": [{"code": each.code, "text": notice_text(each)} for each in notices],
    }


def _understood(query: Query) -> dict[str, Any]:
    """Return what was understood besides kind and filters."""
    return {
        "standalone": query.standalone,
        "papers": list(query.papers),
        "text": query.text,
        "further": list(query.further),
        "order": query.order,
        "count": query.count,
        "subjects": list(query.subjects),
        "excluded": list(query.excluded),
        "follow_up": query.follow_up,
        "action": _action(query),
        "unsure": list(query.unsure),
        "unapplied": [asdict(each) for each in query.unapplied],
        "mended": query.mended,
    }


def _link(link: Link, other: Paper) -> dict[str, Any]:
    """Return a link as seen from one of its papers; the offsets are into the abstract that uses the name."""
    span = {"start": link.start, "end": link.end}
    return {"paper_id": other.paper_id, "title": other.title, "relation": link.relation, "name": link.name, **span}


def _action(query: Query) -> dict[str, Any] | None:
    """Return what a follow-up does to the answer before, with its words; None where it does nothing to it."""
    action = query.action
    if action is None:
        return None
    return {
        "name": action.name,
        "numbers": list(action.numbers),
        "total": action.total,
        "form": action.form,
        "brought": list(action.brought),
        "lifted": list(action.lifted),
        "by": action.by,
        "text": action_text(query),
    }


def _found(event: FirstHits | Retrieved) -> dict[str, Any]:
    query = event.query
    return {
        "question": query.question,
        "kind": query.kind,
        "filters": _filters(query.filters),
        "understood": _understood(query),
        "hits": [_hit(hit) for hit in event.hits],
    }


def _retrieved(event: Retrieved) -> dict[str, Any]:
    evidence = [_citation(Citation(each.n, each.paper, each.quotes, score=each.score)) for each in event.evidence]
    return {**_found(event), "evidence": evidence}


def _hit(hit: Hit) -> dict[str, Any]:
    return {"rank": hit.rank, **_paper(hit.paper), "score": round(hit.score, _SCORE_DIGITS)}


def _paper(paper: Paper) -> dict[str, Any]:
    return {"paper_id": paper.paper_id, "title": paper.title, "url": paper.url, "date": paper.date}


def _citation(citation: Citation) -> dict[str, Any]:
    score = None if citation.score is None else round(citation.score, _SCORE_DIGITS)
    quotes = [_quote(quote) for quote in citation.quotes]
    return {"n": citation.n, **_paper(citation.paper), "quotes": quotes, "why": citation.why, "score": score}


def _quote(quote: Quote) -> dict[str, Any]:
    return {"text": quote.text, "start": quote.start, "end": quote.end, "verdict": _VERDICTS[quote.verdict]}


def _comparison(comparison: Comparison) -> dict[str, Any]:
    return {
        "things": [{"name": each.name, "numbers": list(each.numbers)} for each in comparison.things],
        "rows": [
            {
                "aspect": row.name,
                "cells": [[{"n": cell.n, "quote": _quote(cell.quote)} for cell in cells] for cells in row.cells],
            }
            for row in comparison.rows
        ],
    }


def _sentence(sentence: Sentence) -> dict[str, Any]:
    reasons = [part for part in (_REASONS.get(sentence.verdict), sentence.reason) if part]
    given = {"verdict": _VERDICTS[sentence.verdict], "reason": ": ".join(reasons) or None}
    return {
        "start": sentence.start,
        "end": sentence.end,
        "citations": list(sentence.citations),
        **given,
        "origin": sentence.origin,
        "support": [asdict(each) for each in sentence.support],
        "parts": [_sentence(part) for part in sentence.parts],
    }


def _step_usage(usage: TokenUsage) -> dict[str, Any]:
    return {**asdict(usage), "seconds": round(usage.seconds, _SECOND_DIGITS)}


def _filters(filters: Filters) -> dict[str, Any]:
    """Return the filters that are set; a bound that is only a year is a number."""
    count = {"least": filters.least_authors, "most": filters.most_authors}
    values = {
        "since": _bound(filters.since),
        "until": _bound(filters.until),
        "author": filters.author,
        "coauthors": list(filters.coauthors) or None,
        "author_count": {name: value for name, value in count.items() if value is not None} or None,
        "venue": filters.venue,
        "organisation": filters.organisation,
        "code": filters.code,
        "not_date": _bound(filters.not_date),
        "not_author": filters.not_author,
        "not_venue": filters.not_venue,
        "not_organisation": filters.not_organisation,
    }
    return {name: value for name, value in values.items() if value is not None}


def _bound(date: str | None) -> str | int | None:
    return int(date) if date and date.isdigit() else date


def _timings(timings_ms: Mapping[str, float]) -> dict[str, float]:
    return {step: round(value, _MS_DIGITS) for step, value in timings_ms.items()}
