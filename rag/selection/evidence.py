"""Evidence: the sentences of each cited paper that answer the question best, as verbatim quotes."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rag.index.library import Library
from rag.index.maxsim import mean_maxsim
from rag.models.onnx import Array
from rag.retrieval.encoded_query import EncodedQuery
from rag.retrieval.passages import Span, abstract_sentences, sentence_scores, sentence_similarities
from rag.retrieval.reranking import Reranker
from rag.text.quantities import extract_quantities
from rag.text.rhetoric import says_where, sentence_roles
from rag.types import Evidence, Paper, Query, Quote

_QUOTES: Mapping[str, int] = {"fact": 3, "compare": 3}
_WHOLE_QUOTES = 5  # of a paper that is asked about as a whole: "tell me more about the second"
_BESIDE = 0.0  # logit from which a sentence is quoted beside the best
_BESIDE_FACT = -2.0  # the same where a fact is asked for, of the logit with what it gains by the words it covers
_COVERS = 40.0  # logits that a sentence gains by its likeness, from 0 to 1, to what the quotes before are unlike
_AS_GOOD = 0.5  # logits; a sentence so little behind the best, and as like the question, answers as well if shorter
_LIKENESS = 20.0  # logits that a sentence gains by its likeness to the question, from 0 to 1
_BESIDE_POINT = 7.0  # logits by which a sentence on the problem, or on where code is, must be ahead of a finding
_LONG = 200  # characters of a sentence from which what does not answer is cut off
_LEAST_LEFT = 80
_LOST = 0.01  # of the MaxSim with the question may be lost by a cut
_CLAUSE = re.compile(
    r"(?:,|;|:| [-–—]+|--+)\s+(?=(?:while|whereas|which|where|making|thereby|thus|allowing|enabling|leading|resulting"
    r"|suggesting|highlighting|demonstrating|and (?:thus|thereby|therefore))\b)|;\s+",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class EvidenceSelector:
    """Chooses sentences by the cross-encoder's logits of being evidence; without one, the best by MaxSim."""

    library: Library

    def select(
        self,
        query: Query,
        encoded: EncodedQuery,
        papers: Sequence[Paper],
        reranker: Reranker | None = None,
        called: Collection[str | None] = (),
    ) -> tuple[Evidence, ...]:
        """Number the papers from 1 in the order given, each with its best sentences in reading order.

        A sentence beside the best is quoted if the reranker holds it for evidence; MaxSim knows no such line. Of a
        paper that is asked about as a whole, such as those with the ids `called`, several are. A paper without an
        abstract has none.
        """
        read = reranker.read(papers) if reranker else None
        evidence = []
        for i, paper in enumerate(papers):
            spans = abstract_sentences(paper)
            similarities = sentence_similarities(self.library, encoded, paper, spans)
            if read and query.kind == "fact":
                best = _covering(query, paper, spans, read[i].sentences, similarities, encoded.weights)
            else:
                likeness = [float(value) for value in mean_maxsim(similarities, encoded.weights)]
                whole = (query.kind == "lookup" and bool(query.papers)) or paper.paper_id in called
                best = _best(query, paper, spans, likeness, read[i].sentences if read else None, whole)
            cut = [self._cut(paper, span, encoded) for span in best] if query.kind in ("list", "summary") else best
            evidence.append(Evidence(i + 1, paper, tuple(Quote(paper.abstract[a:b], a, b) for a, b in cut if a < b)))
        return tuple(evidence)

    def _cut(self, paper: Paper, span: Span, encoded: EncodedQuery) -> Span:
        """Cut clauses off the end of a long sentence that neither are like the question nor have a number."""
        start, end = span
        while end - start > _LONG:
            ends = [start + match.start() for match in _CLAUSE.finditer(paper.abstract[start:end])]
            shorter = next((each for each in reversed(ends) if each - start >= _LEAST_LEFT), None)
            if shorter is None or extract_quantities(paper.abstract[shorter:end])[0]:
                break
            whole, left = sentence_scores(self.library, encoded, paper, [(start, end), (start, shorter)])
            if left < whole - _LOST:
                break
            end = shorter
        return start, end


def _covering(
    query: Query,
    paper: Paper,
    spans: Sequence[Span],
    logits: Sequence[float],
    similarities: Array,
    weights: Array,
) -> list[Span]:
    """Return the best sentence, and findings that answer what it leaves of the question, in reading order.

    A greedy choice by relevance and by what is new (after Carbonell and Goldstein, SIGIR 1998, whose measure of novelty
    is the unlikeness to what was chosen; here it is the tokens of the question that are matched better).
    """
    kept = [int(np.argmax(logits))]
    findings = np.asarray(_findings_first(paper, logits))
    while len(kept) < min(_most_quotes(query), len(spans)):
        more = mean_maxsim(np.maximum(similarities - similarities[kept].max(axis=0), 0), weights)
        values = findings + _COVERS * more
        values[kept] = -np.inf
        if values.max() < _BESIDE_FACT:
            break
        kept.append(int(values.argmax()))
    return [spans[i] for i in sorted(kept)]


def _best(
    query: Query,
    paper: Paper,
    spans: Sequence[Span],
    likeness: Sequence[float],
    logits: Sequence[float] | None,
    whole: bool,
) -> list[Span]:
    """Return the sentences to quote, in reading order, by their logits; without any, by likeness to the question."""
    scores = likeness if logits is None else logits
    if whole:
        ranked = sorted(range(len(spans)), key=lambda i: (-scores[i], i))[:_WHOLE_QUOTES]
        return [spans[i] for i in sorted(ranked)]
    if query.kind != "fact":
        scores = _findings_first(paper, scores)
    total = [score + _LIKENESS * like for score, like in zip(scores, likeness, strict=True)]
    best = max(range(len(spans)), key=lambda i: (total[i], -i))
    if logits is None:
        return [spans[best]]
    as_good = [i for i in range(len(spans)) if total[i] >= total[best] - _AS_GOOD]
    good = [i for i in as_good if likeness[i] >= likeness[best]]
    kept = [min(good, key=lambda i: (spans[i][1] - spans[i][0], i))]
    others = sorted(
        (i for i in range(len(spans)) if i not in kept and scores[i] > _BESIDE), key=lambda i: (-scores[i], i)
    )
    for i in others:
        if len(kept) < _most_quotes(query) and (query.kind in _QUOTES or _adds_number(paper, spans, kept, i)):
            kept.append(i)
    return [spans[i] for i in sorted(kept)]


def _most_quotes(query: Query) -> int:
    return 1 if query.action and query.action.name == "shorten" else _QUOTES.get(query.kind, 2)


def _findings_first(paper: Paper, scores: Sequence[float]) -> list[float]:
    """Put the sentences that state the problem or where code is after those that say what the paper does or finds."""
    spans = abstract_sentences(paper)
    roles = sentence_roles(paper.abstract, spans)
    beside = [
        role == "problem" or says_where(paper.abstract[slice(*span)]) for role, span in zip(roles, spans, strict=True)
    ]
    if len(beside) != len(scores) or all(beside):
        return list(scores)
    return [score - _BESIDE_POINT * each for score, each in zip(scores, beside, strict=True)]


def _adds_number(paper: Paper, spans: Sequence[Span], kept: Sequence[int], i: int) -> bool:
    """Return whether a sentence has a number, and those kept have none."""
    number, *before = [bool(extract_quantities(paper.abstract[slice(*spans[j])])[0]) for j in (i, *kept)]
    return number and not any(before)
