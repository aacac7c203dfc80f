from __future__ import annotations

import math
from typing import Any

import pytest

from eval.gold.questions import EvidenceSpan, Question
from eval.measures.catalogue import MEASURES, find_measure, scores, shown_text
from eval.measures.citations import cited_scores, covers, evidence_scores, relevant_share, verbatim_share
from eval.measures.ranking import ranking_scores, recall_curve
from eval.measures.refusal import refusal_scores
from eval.runs.rows import Row
from rag.errors import UsageError
from tests.eval_fakes import answer, row


def test_ranking_by_hand() -> None:
    found = ranking_scores(("b", "a", "x"), {"a": 2, "b": 1, "c": 2})
    ideal = 3 + 3 / math.log2(3) + 1 / math.log2(4)
    assert found["ndcg@10"] == pytest.approx((1 + 3 / math.log2(3)) / ideal)
    assert found["recall@5"] == found["recall@50"] == 0.5
    assert found["r_precision"] == 0.5  # one of the first two
    assert found["mrr"] == 0.5
    assert found["success@1"] == 0.0


def test_ranking_looks_no_deeper_than_it_says() -> None:
    hits = (*"0123456789", "a")
    found = ranking_scores(hits, {"a": 2})
    assert (found["ndcg@10"], found["recall@10"], found["recall@20"]) == (0.0, 0.0, 1.0)
    assert found["mrr"] == pytest.approx(1 / 11)


def test_finding_nothing_scores_zero_and_no_grade_2_is_not_measured() -> None:
    assert set(ranking_scores((), {"a": 2}).values()) == {0.0}
    assert ranking_scores(("a",), {"a": 1}) == {}
    assert ranking_scores(("a",), {}) == {}


def test_recall_curve_by_hand() -> None:
    assert recall_curve(("x", "a", "b"), {"a": 2, "c": 2, "b": 1}, 4) == [0.0, 0.5, 0.5, 0.5]
    assert recall_curve(("x",), {"b": 1}, 4) == []


def test_cited_papers_by_hand_with_grade_1_neutral() -> None:
    found = cited_scores(("a", "b", "x"), {"a": 2, "c": 2, "b": 1})
    assert found == {"cited_precision": 0.5, "cited_recall": 0.5, "cited_f1": 0.5}
    assert cited_scores(("a", "b"), {"a": 2, "b": 1})["cited_f1"] == 1.0


@pytest.mark.parametrize("cited", [(), ("b",), ("x",)])
def test_citing_no_paper_that_must_be_there_scores_zero(cited: tuple[str, ...]) -> None:
    assert set(cited_scores(cited, {"a": 2, "b": 1}).values()) == {0.0}


def test_share_of_relevant_citations_counts_both_grades() -> None:
    assert relevant_share(("a", "b", "x", "y"), {"a": 2, "b": 1}) == {"citations_relevant": 0.5}
    assert relevant_share((), {"a": 2}) == {}
    assert relevant_share(("x",), {}) == {}


def test_share_of_verbatim_quotes() -> None:
    assert verbatim_share(4, 3) == {"quotes_verbatim": 0.75}
    assert verbatim_share(0, 0) == {}


@pytest.mark.parametrize(
    ("quotes", "covered"),
    [
        ([("a", {"start": 0, "end": 15})], True),
        ([("a", {"start": 0, "end": 14})], False),
        ([("a", {"start": 8, "end": 13}), ("a", {"start": 18, "end": 30})], True),
        ([("a", {"start": 8, "end": 13}), ("a", {"start": 8, "end": 13})], False),
        ([("b", {"start": 0, "end": 50})], False),
        ([], False),
    ],
)
def test_evidence_is_covered_by_half_of_its_characters(quotes: list[tuple[str, dict[str, int]]], covered: bool) -> None:
    assert covers(quotes, EvidenceSpan("a", "0123456789", 10, 20)) is covered


def test_evidence_of_grade_1_papers_does_not_count() -> None:
    spans = (EvidenceSpan("a", "", 0, 10), EvidenceSpan("b", "", 0, 10), EvidenceSpan("c", "", 0, 10))
    quotes = [("a", {"start": 0, "end": 10}), ("b", {"start": 0, "end": 10})]
    assert evidence_scores(quotes, spans, {"a": 2, "b": 1, "c": 2}) == {"evidence_recall": 0.5}
    assert evidence_scores(quotes, spans, {"b": 1}) == {}


UNANSWERABLE: dict[str, Any] = {"id": "U", "type": "unanswerable", "question": "?", "near_miss": ("a", "b")}
FALSE_PREMISE = Question(**UNANSWERABLE, answer_facts=("premise is false: Adam wins",))


@pytest.mark.parametrize(
    ("question", "status", "answer", "cited", "right"),
    [
        (Question(**UNANSWERABLE), "refused", "No.", (), 1.0),
        (Question(**UNANSWERABLE), "answered", "Adam wins.", ("a",), 0.0),
        (FALSE_PREMISE, "refused", "No.", (), 1.0),
        (FALSE_PREMISE, "answered", "In fact Adam wins [1].", ("a",), 1.0),
        (FALSE_PREMISE, "answered", "LAMB is ahead by 2 % [1].", ("a",), 0.0),
        (FALSE_PREMISE, "answered", "In fact Adam wins [1][2].", ("a", "x"), 0.0),
        (FALSE_PREMISE, "answered", "In fact Adam wins.", (), 0.0),
    ],
)
def test_unanswerable_question(
    question: Question, status: str, answer: str, cited: tuple[str, ...], right: float
) -> None:
    assert refusal_scores(question, status, answer, cited) == {"rightly_refused": right}


def test_answerable_question_should_not_be_refused() -> None:
    asked = row("A", ()).question
    assert refusal_scores(asked, "refused", "No.", ()) == {"wrongly_refused": 1.0}
    assert refusal_scores(asked, "extractive", "Yes.", ()) == {"wrongly_refused": 0.0}


def test_row_is_scored_by_all_that_applies() -> None:
    said = answer("answered", "Pebble prunes [1].", ("2401.00001", [{"text": "Key", "start": 0, "end": 3}]))
    said["usage"] = {"prompt_tokens": 70, "completion_tokens": None, "unknown_markers": 0}
    found = scores(row("A", ("2401.00001",), answer=said, verbatim=1, total_ms=12.5))
    assert set(found) <= set(MEASURES)
    assert found["ndcg@10"] == found["cited_f1"] == found["quotes_verbatim"] == 1.0
    assert (found["prompt_tokens"], found["total_ms"], found["wrongly_refused"]) == (70.0, 12.5, 0.0)
    assert "completion_tokens" not in found
    assert "first_token_ms" not in found


def test_failed_row_is_scored_by_nothing() -> None:
    assert scores(row("A", ("2401.00001",), total_ms=3.0, error="The endpoint broke off.")) == {}


def test_answer_is_shown_with_titles_and_dates() -> None:
    said = answer("answered", "Pebble prunes [1].", ("a", []))
    assert shown_text(Row(row("A", ()).question, answer=said)) == "Pebble prunes [1].\nTitle 1 (2024-01-05)."


def test_unknown_measure_names_those_there_are() -> None:
    with pytest.raises(UsageError, match=r"no measure 'ndcg'. There are: ndcg@10, "):
        find_measure("ndcg")
