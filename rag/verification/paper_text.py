"""A paper as the cross-encoder and the exact checks read it: normalized, sentence by sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from rag.models.encoder import document_text
from rag.retrieval.passages import Span, abstract_sentences
from rag.text.normalize import normalize
from rag.types import Paper


@dataclass(frozen=True, slots=True)
class Passage:
    """The title and some sentences of an abstract as one text; `spans` say where in it each sentence stands."""

    text: str
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class PaperText:
    """The normalized title and sentences of a paper; `spans` are the sentences' places in the stored abstract.

    `record` holds the authors and the venue, which a model is sent too.
    """

    title: str
    sentences: tuple[str, ...]
    spans: tuple[Span, ...]
    year: int | None = None
    record: str = ""

    def passage(self, which: Sequence[int]) -> Passage:
        """Return the title with the sentences of these indices, in the order given."""
        text, spans = document_text(self.title, ""), []
        for i in which:
            spans.append((len(text), len(text) + len(self.sentences[i])))
            text += self.sentences[i] + " "
        return Passage(text.rstrip(), tuple(spans))

    @property
    def text(self) -> str:
        """Title and abstract."""
        return self.passage(range(len(self.sentences))).text

    @property
    def all(self) -> str:
        """Title, abstract and record."""
        return f"{self.text} {self.record}"


@lru_cache(maxsize=256)
def paper_text(paper: Paper) -> PaperText:
    """Return a paper as it is read."""
    spans = abstract_sentences(paper)
    sentences = tuple(normalize(paper.abstract[start:end]) for start, end in spans)
    record = "; ".join(filter(None, (*paper.authors, paper.venue)))
    return PaperText(normalize(paper.title), sentences, spans, paper.year, normalize(record))
