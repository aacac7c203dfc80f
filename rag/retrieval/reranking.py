"""The cross-encoder over papers and one question: each paper is read once, with its sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rag.models.cross_encoder import CrossEncoder
from rag.models.encoder import document_text
from rag.retrieval.passages import abstract_sentences
from rag.types import Paper


@dataclass(frozen=True, slots=True)
class PaperScores:
    """What the cross-encoder says of one paper: logits of whether it belongs and answers, and of each sentence.

    `sentences`, in the order of `abstract_sentences`, are logits of being part of what answers.
    """

    belongs: float
    answers: float
    sentences: tuple[float, ...]


class Reranker:
    """Reads papers for one question, and remembers what it has read."""

    def __init__(
        self,
        cross_encoder: CrossEncoder,
        question: str,
        known: Mapping[str, PaperScores] | None = None,
        respelt: str | None = None,
    ) -> None:
        """`known` are scores by paper_id from an earlier time; `respelt` is the question in another spelling."""
        self._cross_encoder = cross_encoder
        self._question = question
        self._respelt = respelt or question
        self.known: dict[str, PaperScores] = dict(known or {})

    def read(self, papers: Sequence[Paper]) -> list[PaperScores]:
        """Return the scores of papers, reading those that were not read before; raises ModelFailed."""
        unread = [paper for paper in papers if paper.paper_id not in self.known]
        texts = {paper.paper_id: document_text(paper.title, paper.abstract) for paper in unread}
        by_spelling: dict[str, list[Paper]] = {}
        for paper in unread:
            by_spelling.setdefault(self._as_spelt_in(texts[paper.paper_id]), []).append(paper)
        for question, those in by_spelling.items():
            found = self._cross_encoder.score(question, [texts[paper.paper_id] for paper in those])
            for i, paper in enumerate(those):
                first = len(texts[paper.paper_id]) - len(paper.abstract)
                spans = [(first + start, first + end) for start, end in abstract_sentences(paper)]
                sentences = tuple(map(float, found.span_evidence(i, spans)))
                self.known[paper.paper_id] = PaperScores(float(found.belongs[i]), float(found.answers[i]), sentences)
        return [self.known[paper.paper_id] for paper in papers]

    def _as_spelt_in(self, text: str) -> str:
        """Return the question in the spelling of which a text has more words that differ."""
        words, own, other = (frozenset(each.lower().split()) for each in (text, self._question, self._respelt))
        return self._respelt if len(words & (other - own)) > len(words & (own - other)) else self._question
