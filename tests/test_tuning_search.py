from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from eval.tuning.search import Candidate, Space, Trial, at_random, best_trial, greedy, run_trials, unchanged

SPACE: Space = {"model": ("small", "large"), "depth": (7, 3, 15), "weights": ("shipped", 10.0)}


def evaluator(score: Callable[[Candidate], float]) -> tuple[Callable[[Candidate], Trial], list[Candidate]]:
    asked: list[Candidate] = []

    def evaluate(candidate: Candidate) -> Trial:
        asked.append(candidate)
        return Trial(candidate, (score(candidate),))

    return evaluate, asked


def test_greedy_search_keeps_the_best_of_each_parameter_in_their_order() -> None:
    evaluate, asked = evaluator(lambda each: (each["model"] == "large") + (each["depth"] == 15) / 2)
    trials = run_trials({"greedy": greedy(SPACE)}, evaluate, lambda: True)["greedy"]
    assert best_trial(trials).candidate == {"model": "large", "depth": 15, "weights": "shipped"}
    assert asked == [
        {"model": "small", "depth": 7, "weights": "shipped"},
        {"model": "large", "depth": 7, "weights": "shipped"},
        {"model": "large", "depth": 3, "weights": "shipped"},
        {"model": "large", "depth": 15, "weights": "shipped"},
        {"model": "large", "depth": 15, "weights": 10.0},
    ]


def test_equal_scores_keep_what_is_unchanged() -> None:
    evaluate, _ = evaluator(lambda each: 0.5)
    for trials in run_trials({"greedy": greedy(SPACE), "random": at_random(SPACE)}, evaluate, lambda: True).values():
        assert best_trial(trials).candidate == unchanged(SPACE)


def test_random_search_has_as_many_trials_and_no_candidate_twice() -> None:
    evaluate, asked = evaluator(lambda each: 0.0)
    trials = run_trials({"greedy": greedy(SPACE), "random": at_random(SPACE)}, evaluate, lambda: True)
    assert len(trials["greedy"]) == len(trials["random"]) == 5
    drawn: list[Any] = [each.candidate for each in trials["random"]]
    assert all(drawn.count(each) == 1 for each in drawn)
    assert all(asked.count(each) == 1 for each in asked)


def test_random_search_is_the_same_each_time_and_ends_where_nothing_is_left() -> None:
    space: Space = {"depth": (7, 3)}
    evaluate, _ = evaluator(lambda each: 0.0)
    trials = run_trials({"random": at_random(space)}, evaluate, lambda: True)
    assert [each.candidate for each in trials["random"]] == [{"depth": 7}, {"depth": 3}]
    first, again = (list(zip(range(4), at_random(SPACE, 1), strict=False)) for _ in range(2))
    assert first == again


@pytest.mark.parametrize("rounds", [1, 2])
def test_both_searches_end_together_when_the_time_is_over(rounds: int) -> None:
    evaluate, _ = evaluator(lambda each: 0.0)
    left = iter([True] * (rounds - 1) + [False])
    trials = run_trials({"greedy": greedy(SPACE), "random": at_random(SPACE)}, evaluate, lambda: next(left))
    assert [len(each) for each in trials.values()] == [rounds, rounds]
