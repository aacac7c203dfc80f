"""The cross-encoder over papers and one question: each paper is read once, its title and its nearest sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rag.index.library import Library
from rag.models.cross_encoder import CrossEncoder
from rag.models.encoder import document_text
from rag.retrieval.abbreviations import OtherWords
from rag.retrieval.encoded_query import EncodedQuery
from rag.retrieval.passages import Span, abstract_sentences, sentence_scores
from rag.types import Paper

SENTENCES = 4  # of an abstract that are read; the time to read a paper grows with them


@dataclass(frozen=True, slots=True)
class PaperScores:
    """What the cross-encoder says of one paper: logits of whether it belongs and answers, and of each sentence.

    `sentences`, in the order of `abstract_sentences`, are logits of being part of what answers; one that was not read
    has the lowest of those that were.
    """

    belongs: float
    answers: float
    sentences: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Passage:
    """What is read of a paper: its title and some sentences by their numbers, with the `spans` of these in `text`."""

    text: str
    sentences: tuple[int, ...]
    spans: tuple[Span, ...]


class Reranker:
    """Reads papers for one question, and remembers what it has read."""

    def __init__(
        self,
        cross_encoder: CrossEncoder,
        library: Library,
        query: EncodedQuery,
        known: Mapping[str, PaperScores] | None = None,
        respelt: str | None = None,
        words: OtherWords | None = None,
    ) -> None:
        """`known` are scores by paper_id from an earlier time; `respelt` is the question in another spelling, `words`
        in other words.
        """
        self._cross_encoder = cross_encoder
        self._library = library
        self._query = query
        self._respelt = respelt or query.text
        self._words = words
        self.known: dict[str, PaperScores] = dict(known or {})

    def read(self, papers: Sequence[Paper]) -> list[PaperScores]:
        """Return the scores of papers, reading those that were not read before; raises ModelFailed."""
        unread = {each.paper_id: each for each in papers if each.paper_id not in self.known}
        passages = {paper_id: self._passage(paper) for paper_id, paper in unread.items()}
        by_spelling: dict[str, list[str]] = {}
        for paper_id, passage in passages.items():
            question = self._as_spelt_in(passage.text)
            if self._words and self._words.are_those_of(unread[paper_id]):
                question = self._words.text
            by_spelling.setdefault(question, []).append(paper_id)
        for question, those in by_spelling.items():
            found = self._cross_encoder.score(question, [passages[paper_id].text for paper_id in those])
            for i, paper_id in enumerate(those):
                passage = passages[paper_id]
                read = dict(zip(passage.sentences, found.span_evidence(i, passage.spans).tolist(), strict=True))
                count = len(abstract_sentences(unread[paper_id]))
                sentences = tuple(read.get(number, min(read.values())) for number in range(count))
                self.known[paper_id] = PaperScores(float(found.belongs[i]), float(found.answers[i]), sentences)
        return [self.known[paper.paper_id] for paper in papers]

    def _passage(self, paper: Paper) -> Passage:
        """Return the title and the sentences nearest to the question, in the order of the abstract."""
        spans = abstract_sentences(paper)
        kept = tuple(range(len(spans)))
        if len(spans) > SENTENCES:
            scores = sentence_scores(self._library, self._query, paper, spans)
            kept = tuple(sorted(sorted(kept, key=lambda number: (-scores[number], number))[:SENTENCES]))
        text = document_text(paper.title, "")
        found: list[Span] = []
        for number in kept:
            sentence = paper.abstract[slice(*spans[number])]
            text += " " if found else ""
            found.append((len(text), len(text) + len(sentence)))
            text += sentence
        return Passage(text, kept, tuple(found))

    def _as_spelt_in(self, text: str) -> str:
        """Return the question in the spelling of which a text has more words that differ."""
        words, own, other = (frozenset(each.lower().split()) for each in (text, self._query.text, self._respelt))
        return self._respelt if len(words & (other - own)) > len(words & (own - other)) else self._query.text
