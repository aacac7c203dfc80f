"""What the report shows of one question: its answer, what that cited, and what it missed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eval.gold.questions import MUST, Question
from eval.measures.catalogue import scores
from eval.measures.citations import covers
from eval.measures.facts import holds, read
from eval.measures.ranking import DEPTH
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
    None: ("muted", "◌"),
    "unsupported": ("bad", "○"),
    "uncited": ("bad", "○"),
}
_UNSCORED = 2.0  # sorts after every share
_GRADES = {2: ("good", "● must be there"), 1: ("muted", "◐ may be there"), 0: ("bad", "○ not relevant")}


def strength(row: Row) -> float:
    """Return the mean of the scores shown beside a question, to sort by; a failed one comes first."""
    if row.error is not None:
        return -1.0
    found = [value for name, value in scores(row).items() if name in _SHOWN]
    return sum(found) / len(found) if found else _UNSCORED


def question_values(row: Row) -> dict[str, Any]:
    """Return the values that the template of a question takes; what is empty is not shown."""
    question, scored = row.question, scores(row)
    text = str(row.answer["answer"]) if row.answer else ""
    facts = question.answer_facts if row.answer else ()
    wanted = [span for span in question.evidence if row.answer and question.relevant.get(span.paper_id) == MUST]
    return {
        "question": question,
        "error": row.error,
        "scores": " · ".join(f"{label} {scored[name]:.2f}" for name, label in _SHOWN.items() if name in scored),
        "answer": row.answer,
        "time": f"{row.total_ms or 0:,.0f} ms",
        "sentences": [
            {"text": text[each["start"] : each["end"]], "tag": _verdict_tag(each["verdict"], each["reason"])}
            for each in (row.answer.get("sentences", ()) if row.answer else ())
        ],
        "citations": [_citation(each, question) for each in row.citations],
        "missed": _missed(row),
        "right_would_be": facts if not question.answerable else (),
        "facts": [(fact, holds(read(text), fact)) for fact in facts] if question.answerable else [],
        "evidence": [(span.text, covers(row.quotes, span)) for span in wanted],
    }


def _verdict_tag(verdict: str | None, reason: str | None) -> tuple[str, str]:
    css, mark = _VERDICTS[verdict]
    return css, f"{mark} {verdict or 'no verdict'}{f': {reason}' if reason else ''}"


def _citation(citation: Mapping[str, Any], question: Question) -> dict[str, Any]:
    near_miss = citation["paper_id"] in question.near_miss
    url = citation["url"] or ""
    return {
        **citation,
        "url": url if url.startswith(("https://", "http://")) else "",  # no other scheme becomes a link
        "tag": ("muted", "◇ near miss") if near_miss else _GRADES[question.relevant.get(citation["paper_id"], 0)],
    }


def _missed(row: Row) -> list[dict[str, Any]]:
    """List the relevant papers that were not cited (all of them if the run only searched), with their ranks."""
    grades, hits = row.question.relevant, row.hits
    papers = [paper_id for paper_id in grades if paper_id not in row.cited]

    def rank(paper_id: str) -> int:
        return hits.index(paper_id) + 1 if paper_id in hits else DEPTH + 1

    return [
        {
            "title": row.question.titles[paper_id],
            "tag": ("bad" if grades[paper_id] == MUST else "muted", _GRADES[grades[paper_id]][1].replace("●", "○")),
            "rank": f"found at rank {rank(paper_id)}" if paper_id in hits else f"not among the first {DEPTH}",
        }
        for paper_id in sorted(papers, key=lambda each: (-grades[each], rank(each)))
    ]
