"""All measures by their names in JSON, tables and the command line, with what each means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from eval.measures.citations import cited_scores, evidence_scores, relevant_share, verbatim_share
from eval.measures.facts import fact_scores
from eval.measures.ranking import RECALL_DEPTHS, ranking_scores
from eval.measures.refusal import refusal_scores
from eval.measures.written import needed_share, sentence_scores
from eval.runs.rows import Row
from rag.errors import UsageError

MeasureGroup = Literal["ranking", "answer", "written", "cost"]


@dataclass(frozen=True, slots=True)
class Measure:
    """A measure: its meaning, its unit ("" for a share of 1), and whether higher values are better."""

    name: str
    group: MeasureGroup
    meaning: str
    unit: Literal["", "ms", "tokens", "calls"] = ""
    more_is_better: bool = True


_ALL = (
    Measure("ndcg@10", "ranking", "order of the first ten papers; those that must be there weigh three, others one"),
    *(
        Measure(f"recall@{depth}", "ranking", f"share of the papers that must be there among the first {depth}")
        for depth in RECALL_DEPTHS
    ),
    Measure("r_precision", "ranking", "precision at the rank where all papers that must be there could be"),
    Measure("mrr", "ranking", "one over the rank of the first paper that must be there"),
    Measure("success@1", "ranking", "share of questions whose first paper must be there"),
    Measure("cited_precision", "answer", "share of cited papers that must be there, those that may be left aside"),
    Measure("cited_recall", "answer", "share of the papers that must be there that the answer cites"),
    Measure("cited_f1", "answer", "harmonic mean of the two, per question"),
    Measure("facts_in_answer", "answer", "share of gold facts in the answer's own text"),
    Measure("facts_with_titles", "answer", "the same, titles and dates of the cited papers included"),
    Measure("facts_in_quotes", "answer", "share of gold facts in the quotes alone"),
    Measure("citations_relevant", "answer", "share of cited papers that must or may be there"),
    Measure("quotes_verbatim", "answer", "share of quotes that are in the abstract at their offsets; must be 1"),
    Measure("evidence_recall", "answer", "share of gold evidence that the quotes cover"),
    Measure("rightly_refused", "answer", "share of unanswerable questions refused, or their false premise corrected"),
    Measure("wrongly_refused", "answer", "share of answerable questions refused", more_is_better=False),
    Measure("sentences_supported", "written", "share of the model's sentences that the papers they cite support"),
    Measure("sentences_unsupported", "written", "share that they do not support", more_is_better=False),
    Measure("sentences_unjudged", "written", "share without a verdict: unsure, or about the answer itself"),
    Measure("sentences_uncited", "written", "share that cites no paper", more_is_better=False),
    Measure("all_supported", "written", "share of answers in which every sentence is supported"),
    Measure("citations_needed", "written", "share of the sentences' citations that they need to be supported"),
    Measure("calls", "cost", "requests to the endpoint", "calls", more_is_better=False),
    Measure("endpoint_ms", "cost", "time of the requests, parallel ones added up", "ms", more_is_better=False),
    Measure("prompt_tokens", "cost", "tokens that were sent to the endpoint", "tokens", more_is_better=False),
    Measure("completion_tokens", "cost", "tokens that the endpoint wrote", "tokens", more_is_better=False),
    Measure("first_token_ms", "cost", "time until the first written token", "ms", more_is_better=False),
    Measure("total_ms", "cost", "time until the answer was complete", "ms", more_is_better=False),
)

MEASURES: Mapping[str, Measure] = {measure.name: measure for measure in _ALL}


def find_measure(name: str) -> Measure:
    """Return a measure by name; raises UsageError that lists the names."""
    if name not in MEASURES:
        raise UsageError(f"There is no measure {name!r}. There are: {', '.join(MEASURES)}.")
    return MEASURES[name]


def scores(row: Row) -> dict[str, float]:
    """Return a row's score by every measure that applies to it; none for a row with an error."""
    if row.error is not None:
        return {}
    found = ranking_scores(row.hits, row.question.relevant)
    if row.answer is not None:
        found |= _answer_scores(row, row.answer)
    times = {"first_token_ms": row.first_token_ms, "total_ms": row.total_ms}
    return found | {name: value for name, value in times.items() if value is not None}


def _answer_scores(row: Row, answer: Mapping[str, Any]) -> dict[str, float]:
    question, quotes = row.question, row.quotes
    found = cited_scores(row.cited, question.relevant) | relevant_share(row.cited, question.relevant)
    if question.answerable:
        texts = {
            "facts_in_answer": str(answer["answer"]),
            "facts_in_quotes": " ".join(quote["text"] for _, quote in quotes),
            "facts_with_titles": shown_text(row),
        }
        found |= fact_scores(question.answer_facts, texts)
    found |= verbatim_share(len(quotes), row.verbatim)
    found |= evidence_scores(quotes, question.evidence, question.relevant)
    found |= refusal_scores(question, str(answer["status"]), str(answer["answer"]), row.cited)
    sentences = answer.get("sentences", ())
    found |= sentence_scores(sentences) | needed_share(sentences, row.needed)
    return found | _costs(answer.get("usage"))


def _costs(usage: object) -> dict[str, float]:
    """Return what requests to the endpoint cost, where there were any."""
    spent = usage if isinstance(usage, dict) else {}
    found = {name: float(spent[name]) for name in ("prompt_tokens", "completion_tokens") if spent.get(name) is not None}
    if spent.get("calls"):
        found |= {"calls": float(spent["calls"]), "endpoint_ms": 1000 * float(spent["seconds"])}
    return found


def shown_text(row: Row) -> str:
    """Return an answer as a reader sees it: its text, then the title and date of each cited paper."""
    if row.answer is None:
        return ""
    sources = [f"{citation['title']} ({citation['date'] or 'no date'})." for citation in row.citations]
    return "\n".join([str(row.answer["answer"]), *sources])
