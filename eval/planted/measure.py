"""The judge of written answers on true sentences and on the same with an error planted.

An answer's reader is warned of every sentence that is not supported, so an error is caught where its verdict is any
other; a true sentence with such a verdict is wrongly marked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Literal

import numpy as np

from eval.claims.corrupt import KINDS, plant
from eval.planted.swap import Swap
from eval.planted.truths import Form, Truth
from eval.stats import Interval, share_interval
from rag.answer import SentenceVerdict
from rag.types import Paper
from rag.verification.judge import SentenceJudge

Planted = Literal["none", "number", "negation", "antonym", "other paper", "nearest paper"]


@dataclass(frozen=True, slots=True)
class Case:
    """A sentence to be judged against a paper: a true one, or that with an error of one kind."""

    planted: Planted
    truth: Truth
    sentence: str
    paper: Paper


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdict on a case, why it is not supported, and how long that took, in milliseconds."""

    case: Case
    verdict: SentenceVerdict
    reason: str | None
    ms: float

    @property
    def wrong(self) -> bool:
        """Tell an error that was not caught, and a true sentence that was marked."""
        return (self.verdict == "supported") != (self.case.planted == "none")


@dataclass(frozen=True, slots=True)
class Group:
    """The cases of one form and kind: the shares whose verdict is not "supported", and is "unsupported"."""

    form: Form
    planted: Planted
    not_supported: Interval
    unsupported: Interval


@dataclass(frozen=True, slots=True)
class Cost:
    """Milliseconds for each of `n` judged sentences."""

    median: float
    p95: float
    n: int


def cases(truths: Sequence[Truth], swaps: Mapping[Planted, Swap], n: int, seed: int) -> Iterator[Case]:
    """Give the first n truths as they are, and for each kind of error the first n that have a place for it."""
    yield from (Case("none", each, each.sentence, each.paper) for each in truths[:n])
    for kind in KINDS:
        changed = ((each, plant(each.sentence, kind, seed)) for each in truths)
        yield from _first(n, (Case(kind, each, text, each.paper) for each, text in changed if text))
    for name, swap in swaps.items():
        swapped = ((each, swap(each.sentence, each.paper)) for each in truths)
        yield from _first(n, (Case(name, each, each.sentence, paper) for each, paper in swapped if paper))


def judge_cases(judge: SentenceJudge, found: Sequence[Case], shown: Iterable[Case] | None = None) -> list[Judged]:
    """Judge each case as an answer's sentence is; `shown` are the same ones, passed through a progress bar.

    One is judged before the clock runs, for the first pays for loading.
    """
    for case in found[:1]:
        _judge(judge, case)
    return [_judge(judge, case) for case in (found if shown is None else shown)]


def groups(judged: Sequence[Judged]) -> list[Group]:
    """Sum verdicts up by form and kind of error, in the order of the cases."""
    by_kind: dict[tuple[Form, Planted], list[SentenceVerdict]] = {}
    for each in judged:
        by_kind.setdefault((each.case.truth.form, each.case.planted), []).append(each.verdict)
    return [
        Group(
            form,
            planted,
            share_interval(len(verdicts) - verdicts.count("supported"), len(verdicts)),
            share_interval(verdicts.count("unsupported"), len(verdicts)),
        )
        for (form, planted), verdicts in by_kind.items()
    ]


def cost(judged: Sequence[Judged]) -> Cost:
    """Sum up what judging took; there is at least one case."""
    times = [each.ms for each in judged]
    return Cost(float(np.median(times)), float(np.percentile(times, 95)), len(times))


def _first(n: int, found: Iterator[Case]) -> Iterator[Case]:
    yield from (case for _, case in zip(range(n), found, strict=False))


def _judge(judge: SentenceJudge, case: Case) -> Judged:
    started = perf_counter()
    judgement = judge.judge(f"{case.sentence} [1]", {1: case.paper})
    return Judged(case, judgement.verdict, judgement.reason, 1000 * (perf_counter() - started))
