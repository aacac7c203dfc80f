"""Measures of the set of cited papers: van Rijsbergen, Information Retrieval, 1979, chapter 7, per question.

A grade 1 paper is neutral: citing it is neither a hit nor an error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from eval.questions import MUST


def cited_scores(cited: Sequence[str], relevant: Mapping[str, int]) -> dict[str, float]:
    """Score distinct cited paper ids; an answer that cites no grade 2 paper scores 0 throughout."""
    wanted = {paper_id for paper_id, grade in relevant.items() if grade == MUST}
    if not wanted:
        return {}
    hits = len(wanted.intersection(cited))
    errors = sum(paper_id not in relevant for paper_id in cited)
    precision = hits / (hits + errors) if hits else 0.0
    recall = hits / len(wanted)
    f1 = 2 * precision * recall / (precision + recall) if hits else 0.0
    return {"cited_precision": precision, "cited_recall": recall, "cited_f1": f1}


def relevant_share(cited: Sequence[str], relevant: Mapping[str, int]) -> dict[str, float]:
    """Give the share of cited papers that have any grade, as citation precision in Liu et al., Findings of EMNLP 2023.

    Measured where the question is answerable and the answer cites a paper.
    """
    if not relevant or not cited:
        return {}
    return {"citations_relevant": sum(paper_id in relevant for paper_id in cited) / len(cited)}
