"""Measures of the sentences that a model wrote.

Citation recall and precision: Gao et al., Enabling Large Language Models to Generate Text with Citations, EMNLP 2023.
Their entailment model reads the cited passages joined; our judge reads clause by clause and paper by paper, and joins
several papers only where none of them supports a clause by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rag.answer import Answer
    from rag.types import Paper
    from rag.verification.judge import SentenceJudge  # imports models

VERDICTS = ("supported", "unsupported", "uncited")


def sentence_scores(sentences: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return the share of sentences with each verdict and without one, and whether all with one are supported.

    Nothing without sentences.
    `sentences_supported` is citation recall: a sentence counts if a paper that it cites supports it.
    """
    if not sentences:
        return {}
    verdicts = [sentence["verdict"] for sentence in sentences]
    shares = {f"sentences_{name}": verdicts.count(name) / len(verdicts) for name in VERDICTS}
    shares["sentences_unjudged"] = verdicts.count(None) / len(verdicts)
    return {**shares, "all_supported": float(set(verdicts) - {None} == {"supported"})}


def needed_share(sentences: Sequence[Mapping[str, Any]], needed: int | None) -> dict[str, float]:
    """Return citation precision: the share of the sentences' citations that are needed, 0 without citations."""
    if needed is None or not sentences:
        return {}
    citations = sum(len(sentence["citations"]) for sentence in sentences)
    return {"citations_needed": needed / citations if citations else 0.0}


def needed_citations(answer: Answer, judge: SentenceJudge) -> int:
    """Count the needed citations of the sentences that the model wrote.

    A sentence that is not supported needs none. One of several citations is not needed if it does not support the
    sentence by itself, and the others support it without.
    """
    papers = {citation.n: citation.paper for citation in answer.citations if citation.n is not None}
    count = 0
    for sentence in answer.sentences:
        if sentence.verdict == "supported":
            cited = {n: papers[n] for n in sentence.citations}
            text = answer.text[sentence.start : sentence.end]
            count += sum(_is_needed(n, text, cited, judge) for n in cited)
    return count


def _is_needed(n: int, text: str, cited: Mapping[int, Paper], judge: SentenceJudge) -> bool:
    if len(cited) == 1:
        return True
    others = {other: paper for other, paper in cited.items() if other != n}
    return _supports({n: cited[n]}, text, judge) or not _supports(others, text, judge)


def _supports(papers: Mapping[int, Paper], text: str, judge: SentenceJudge) -> bool:
    return judge.judge(text, papers).verdict == "supported"
