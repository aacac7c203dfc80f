"""Judge true sentences and the same with a planted error: a corrupted text, or another paper as the cited one.

An error that is not called supported is caught. A true sentence that is not is missed, and wrongly marked if it has a
verdict against it; without one the answer says nothing.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Literal

import numpy as np

from eval.claims.corruptions import KINDS, plant
from eval.claims.true_sentences import Form, TrueSentence
from eval.stats import Interval, share_interval
from rag.answer import SentenceVerdict
from rag.index.bm25 import Bm25Index
from rag.index.library import Library
from rag.models.encoder import Encoder
from rag.text.tokens import tokenize
from rag.types import Paper
from rag.verification.judge import SentenceJudge

PlantedError = Literal["none", "number", "negation", "antonym", "other paper", "nearest paper"]
Swap = Callable[[str, Paper], Paper | None]
"""Returns another paper than a sentence's own, or None where there is none."""

_CHUNKS = 100  # nearest chunks that are searched for one of another paper


@dataclass(frozen=True, slots=True)
class PlantedCase:
    """A sentence to judge by a paper: true, or with a planted error."""

    planted: PlantedError
    truth: TrueSentence
    sentence: str
    paper: Paper


@dataclass(frozen=True, slots=True)
class JudgedCase:
    """The verdict on a case, its reason where it is not supported, and the time it took in milliseconds."""

    case: PlantedCase
    verdict: SentenceVerdict | None
    reason: str | None
    ms: float

    @property
    def wrong(self) -> bool:
        """Whether an error was not caught, or a true sentence was marked."""
        return (self.verdict == "supported") != (self.case.planted == "none")


@dataclass(frozen=True, slots=True)
class ErrorGroup:
    """The cases of one form and error: the shares whose verdict is not "supported", and is one against them."""

    form: Form
    planted: PlantedError
    not_supported: Interval
    marked: Interval


@dataclass(frozen=True, slots=True)
class JudgingCost:
    """Milliseconds for each of `n` judged sentences."""

    median: float
    p95: float
    n: int


def any_other(papers: Sequence[Paper], seed: int) -> Swap:
    """Choose another paper at random, the same one for the same sentence."""

    def swap(sentence: str, paper: Paper) -> Paper | None:
        others = [each for each in papers if each.paper_id != paper.paper_id]
        return random.Random(f"{seed}/{sentence}").choice(others) if others else None

    return swap


def nearest_by_vectors(library: Library, encoder: Encoder) -> Swap:
    """Choose the paper of the chunk nearest to the sentence by the index's own dense vectors."""

    def swap(sentence: str, paper: Paper) -> Paper | None:
        vector = encoder.encode_documents([("", sentence)])[0].vector
        hits = library.vectors.search(vector, min(_CHUNKS, library.manifest.chunks))
        found = next((hit.paper_id for hit in hits if hit.paper_id != paper.paper_id), None)
        return library.papers[found] if found else None

    return swap


def nearest_by_words(papers: Sequence[Paper]) -> Swap:
    """Choose the paper nearest to the sentence by BM25, for papers that no index holds."""
    lexical = Bm25Index.build(papers)

    def swap(sentence: str, paper: Paper) -> Paper | None:
        scores = lexical.scores(tokenize(sentence))
        order = sorted(range(len(papers)), key=lambda i: -float(scores[i]))
        return next((papers[i] for i in order if papers[i].paper_id != paper.paper_id), None)

    return swap


def cases(
    truths: Sequence[TrueSentence], swaps: Mapping[PlantedError, Swap], n: int, seed: int
) -> Iterator[PlantedCase]:
    """Yield the first n true sentences, and for each kind of error the first n that it can be planted in."""
    yield from (PlantedCase("none", each, each.sentence, each.paper) for each in truths[:n])
    for kind in KINDS:
        changed = ((each, plant(each.sentence, kind, seed)) for each in truths)
        yield from _first(n, (PlantedCase(kind, each, text, each.paper) for each, text in changed if text))
    for name, swap in swaps.items():
        swapped = ((each, swap(each.sentence, each.paper)) for each in truths)
        yield from _first(n, (PlantedCase(name, each, each.sentence, paper) for each, paper in swapped if paper))


def judge_cases(
    judge: SentenceJudge, found: Sequence[PlantedCase], shown: Iterable[PlantedCase] | None = None
) -> list[JudgedCase]:
    """Judge each case as a sentence of an answer; `shown` yields the same cases through a progress bar.

    The first case is judged once before timing, since it loads the model.
    """
    for case in found[:1]:
        _judge(judge, case)
    return [_judge(judge, case) for case in (found if shown is None else shown)]


def groups(judged: Sequence[JudgedCase]) -> list[ErrorGroup]:
    """Aggregate verdicts by form and error, in the order of the cases."""
    by_kind: dict[tuple[Form, PlantedError], list[SentenceVerdict | None]] = {}
    for each in judged:
        by_kind.setdefault((each.case.truth.form, each.case.planted), []).append(each.verdict)
    return [
        ErrorGroup(
            form,
            planted,
            share_interval(len(verdicts) - verdicts.count("supported"), len(verdicts)),
            share_interval(verdicts.count("not_found") + verdicts.count("contradicted"), len(verdicts)),
        )
        for (form, planted), verdicts in by_kind.items()
    ]


def cost(judged: Sequence[JudgedCase]) -> JudgingCost:
    """Return the time of judging; there is at least one case."""
    times = [each.ms for each in judged]
    return JudgingCost(float(np.median(times)), float(np.percentile(times, 95)), len(times))


def _first(n: int, found: Iterator[PlantedCase]) -> Iterator[PlantedCase]:
    yield from (case for _, case in zip(range(n), found, strict=False))


def _judge(judge: SentenceJudge, case: PlantedCase) -> JudgedCase:
    started = perf_counter()
    judgement = judge.judge(f"{case.sentence} [1]", {1: case.paper})
    return JudgedCase(case, judgement.verdict, judgement.reason, 1000 * (perf_counter() - started))
