"""Which citations of a written answer its sentences need: Gao et al., EMNLP 2023, citation precision (see measures)."""

from __future__ import annotations

from collections.abc import Mapping

from rag.answer import Answer
from rag.types import Paper
from rag.verification.judge import SentenceJudge


def needed_citations(answer: Answer, judge: SentenceJudge) -> int:
    """Count the citations that are needed, of the sentences that the model wrote.

    Of a sentence that is not supported none is. One of several is not needed if it does not bear the sentence out by
    itself, and the others do without it.
    """
    papers = {citation.n: citation.paper for citation in answer.citations if citation.n is not None}
    count = 0
    for sentence in answer.sentences:
        if sentence.origin != "added" and sentence.verdict == "supported":
            cited = {n: papers[n] for n in sentence.citations}
            text = answer.text[sentence.start : sentence.end]
            count += sum(_is_needed(n, text, cited, judge) for n in cited)
    return count


def _is_needed(n: int, text: str, cited: Mapping[int, Paper], judge: SentenceJudge) -> bool:
    if len(cited) == 1:
        return True
    others = {other: paper for other, paper in cited.items() if other != n}
    return _bears_out({n: cited[n]}, text, judge) or not _bears_out(others, text, judge)


def _bears_out(papers: Mapping[int, Paper], text: str, judge: SentenceJudge) -> bool:
    return judge.judge(text, papers).verdict == "supported"
