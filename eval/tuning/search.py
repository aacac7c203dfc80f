"""Search for the best values of parameters: one at a time from the first to the last, or at random.

Greedy search in the order of the parameters' weight and random search with as many trials are compared as in Orbach et
al., An analysis of hyper-parameter optimization methods for retrieval augmented generation, 2025.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Any

Candidate = Mapping[str, Any]
Space = Mapping[str, Sequence[Any]]
"""The values of each parameter by its name; the first is the one without tuning."""

Strategy = Generator[Candidate, float, None]
"""Yields candidates and is sent the score of each."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A candidate with its score on each question."""

    candidate: Candidate
    scores: tuple[float, ...]

    @property
    def score(self) -> float:
        """The mean score."""
        return mean(self.scores)


def unchanged(space: Space) -> Candidate:
    """Return the candidate that changes nothing."""
    return {name: values[0] for name, values in space.items()}


def greedy(space: Space) -> Strategy:
    """Try the values of one parameter after the other, and keep the best; equal scores keep what was before."""
    best = unchanged(space)
    highest = yield best
    for name, values in space.items():
        base = best
        for value in values[1:]:
            candidate = {**base, name: value}
            score = yield candidate
            if score > highest:
                best, highest = candidate, score


def at_random(space: Space, seed: int = 0) -> Strategy:
    """Try the candidate that changes nothing, then others drawn evenly, none twice."""
    chance, seen = random.Random(seed), [unchanged(space)]
    yield seen[0]
    while len(seen) < math.prod(map(len, space.values())):
        candidate = {name: chance.choice(list(values)) for name, values in space.items()}
        if candidate not in seen:
            seen.append(candidate)
            yield candidate


def run_trials(
    strategies: Mapping[str, Strategy], evaluate: Callable[[Candidate], Trial], goes_on: Callable[[], bool]
) -> dict[str, tuple[Trial, ...]]:
    """Run strategies in turn, one trial each, until the first one ends or `goes_on` says no after a round.

    All have so the same number of trials, unless one has nothing left to try. A candidate is evaluated once.
    """
    known: list[Trial] = []
    trials: dict[str, list[Trial]] = {name: [] for name in strategies}
    first = next(iter(strategies))
    ended: set[str] = set()
    while first not in ended:
        for name, strategy in strategies.items():
            if name in ended or first in ended:
                continue
            try:
                done = trials[name]
                candidate = strategy.send(done[-1].score) if done else next(strategy)
            except StopIteration:
                ended.add(name)
                continue
            trial = next((each for each in known if each.candidate == candidate), None) or evaluate(candidate)
            known.append(trial)
            trials[name].append(trial)
        if not goes_on():
            break
    return {name: tuple(done) for name, done in trials.items()}


def best_trial(trials: Sequence[Trial]) -> Trial:
    """Return the trial with the highest score, of equal ones the first."""
    return max(trials, key=lambda trial: trial.score)
