"""The ablation's steps: each adds a part of the ranking to another step, and is scored against it.

A new part is one entry in STEPS, and one in `signals.SIGNALS` where it has a ranking of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.ablation.signals import Parts, rank_all
from eval.benchmarks.fusion import reciprocal_rank_fusion
from eval.gold.questions import Question
from eval.measures.ranking import ranking_scores
from eval.stats import Interval, bootstrap_interval

CombineRankings = Callable[[Mapping[str, Sequence[str]]], list[str]]


@dataclass(frozen=True, slots=True)
class Step:
    """A ranking: `order` combines one question's rankings by the named signals; `adds_to` names the step it extends."""

    name: str
    meaning: str
    signals: tuple[str, ...]
    order: CombineRankings
    adds_to: str | None = None


@dataclass(frozen=True, slots=True)
class StepScore:
    """A step's measures, and for each the mean paired difference from the step that it extends."""

    step: Step
    measures: Mapping[str, Interval]
    gains: Mapping[str, Interval]


def run_ablation(
    parts: Parts, questions: Sequence[Question], folder: Path, fresh: bool = False
) -> tuple[StepScore, ...]:
    """Score each of STEPS on `measurable` questions; rankings cached in `folder` are reused unless `fresh`."""
    signals = list(dict.fromkeys(signal for step in STEPS for signal in step.signals))
    rankings = rank_all(parts, signals, [each.question for each in questions], folder, fresh)
    values: dict[str, list[Mapping[str, float]]] = {}
    for step in STEPS:
        values[step.name] = [
            ranking_scores(
                step.order({signal: rankings[signal][each.question] for signal in step.signals}),
                each.relevant,
            )
            for each in questions
        ]
    return tuple(
        StepScore(
            step,
            _means(values[step.name]),
            _means(_differences(values[step.name], values[step.adds_to])) if step.adds_to else {},
        )
        for step in STEPS
    )


def measurable(questions: Sequence[Question]) -> tuple[Question, ...]:
    """Return the questions that a ranking can be scored on: with a paper that must be found, and without a history."""
    return tuple(each for each in questions if each.wanted and not each.history)


def _means(values: Sequence[Mapping[str, float]]) -> dict[str, Interval]:
    return {name: bootstrap_interval([each[name] for each in values]) for name in values[0]}


def _differences(
    values: Sequence[Mapping[str, float]], below: Sequence[Mapping[str, float]]
) -> list[Mapping[str, float]]:
    return [{name: here[name] - there[name] for name in here} for here, there in zip(values, below, strict=True)]


def _alone(signal: str) -> CombineRankings:
    return lambda rankings: list(rankings[signal])


def _fused(rankings: Mapping[str, Sequence[str]]) -> list[str]:
    return [paper_id for paper_id, _ in reciprocal_rank_fusion(rankings.values())]


def _step(name: str, meaning: str, adds_to: str | None = None) -> Step:
    return Step(name, meaning, (name,), _alone(name), adds_to)


STEPS = (
    _step("lexical", "BM25 alone"),
    _step("dense_whole", "one vector per paper"),
    _step("dense", "+ chunk windows, best chunk per paper", "dense_whole"),
    Step("fused", "chunk windows + BM25, reciprocal ranks", ("dense", "lexical"), _fused, "dense"),
    _step("maxsim_even", "late interaction alone", "fused"),
    _step("maxsim", "+ tokens weighted by their tags", "maxsim_even"),
    _step("ranked", "late interaction + BM25, by fitted weights", "maxsim"),
    _step("reranked", "+ the cross-encoder", "ranked"),
    _step("fast", "+ the question understood (--fast)", "ranked"),
    _step("full", "everything: the engine's search", "fast"),
)
