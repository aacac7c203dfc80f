"""How well the product reads questions: its filters from the tagged stretches against those from the marked ones."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from time import process_time

from eval.training.common.measures import mean
from eval.training.encoder.spans import MarkedQuestion
from rag.index.papers import PaperStore
from rag.models.encoder import EncodedQuestion, Encoder, Tagged
from rag.query.question import QuestionReader
from rag.types import Filters, Order, Paper, Query

_TODAY = date(2026, 11, 1)
_LENGTHS = (1_000, 20_000)  # characters
TRYING = (
    "in March 2025 ",
    "how do in 2024 ",
    "one how do it in the last two years ",
    "is, in 2024 ",
    "differences between in 2024 ",
    "by Ada Quill and Bo Tanaka ",
    "a",
)
_FILTERS = ("date", "order", "count", "author count", "author", "venue", "organisation", "code", "exclusion")


@dataclass(frozen=True, slots=True)
class _Read:
    """What is applied of a question, and the tags of what is not."""

    filters: Filters
    order: Order | None
    count: int | None
    unapplied: frozenset[str]


def measure(encoder: Encoder, questions: Sequence[MarkedQuestion]) -> dict[str, list[float]]:
    """Measure questions; the library holds the names that they mention, so that these can be matched."""
    reader = QuestionReader(_library(questions), lambda: _TODAY)
    values: dict[str, list[float]] = {}
    for question in questions:
        encoded = encoder.encode_question(question.text)
        query = reader.read(encoded)
        kind = max(encoded.kinds, key=lambda name: encoded.kinds[name])
        _add(values, "kind", kind == question.kind)
        _add(values, "kind, as it is answered", query.kind == question.kind)
        if "kind" not in query.unsure:
            _add(values, "kind, where it is sure", kind == question.kind)
        _add(values, "follow-up type, of five", query.follow_up == question.follow_up)
        wanted = _applied(reader, replace(encoded, kinds={question.kind: 1.0}, tags=_marked(question)))
        found = _applied(reader, replace(encoded, kinds={question.kind: 1.0}))
        right = replace(found, unapplied=frozenset()) == replace(wanted, unapplied=frozenset())
        states = sorted({each.tag for each in question.spans} & set(_FILTERS))
        _add(values, "filters exactly right" if states else "no filter where none is stated", right)
        if states:
            _add(values, "filters and what is not applied exactly right", found == wanted)
        for tag in states:
            _add(values, f"filters exactly right, {tag}", right)
    return {name: mean(each).as_list() for name, each in sorted(values.items())}


def reading_time(encoder: Encoder) -> dict[str, float]:
    """Return the longest CPU time, in milliseconds, of reading texts of some lengths that could be slow to read."""
    reader = QuestionReader(_library(()), lambda: _TODAY)
    reader.read(encoder.encode_question("a question to warm up"))
    return {
        f"{length} characters": round(max(_seconds(encoder, reader, each, length) for each in TRYING) * 1000, 1)
        for length in _LENGTHS
    }


def _seconds(encoder: Encoder, reader: QuestionReader, part: str, length: int) -> float:
    text = (part * (length // len(part) + 1))[:length]
    start = process_time()
    reader.read(encoder.encode_question(text))
    return process_time() - start


def _applied(reader: QuestionReader, encoded: EncodedQuestion) -> _Read:
    query: Query = reader.read(encoded)
    return _Read(query.filters, query.order, query.count, frozenset(each.tag for each in query.unapplied))


def _marked(question: MarkedQuestion) -> tuple[Tagged, ...]:
    return tuple(Tagged(each.start, each.end, each.tag, 1.0) for each in question.spans)


def _library(questions: Sequence[MarkedQuestion]) -> PaperStore:
    """Return papers without text that have the names in questions."""
    named = [(each.tag, question.text[each.start : each.end]) for question in questions for each in question.spans]
    papers = []
    for number, (tag, text) in enumerate(named):
        authors = tuple(re.split(r"\s+(?:and|&)\s+|;", text)) if tag == "author" else ()
        venue, organisation = (text if tag == each else None for each in ("venue", "organisation"))
        papers.append(Paper(str(number), "", "", authors=authors, venue=venue, organisation=organisation))
    return PaperStore.of(papers)


def _add(values: dict[str, list[float]], name: str, right: bool) -> None:
    values.setdefault(name, []).append(float(right))
