from __future__ import annotations

import pytest

from eval.stats import Interval, bootstrap_interval, permutation_p


def test_interval_of_equal_values_has_no_width() -> None:
    assert bootstrap_interval([0.5, 0.5, 0.5]) == Interval(0.5, 0.5, 0.5, 3)


def test_interval_lies_around_the_mean_and_within_the_values() -> None:
    found = bootstrap_interval([0.0, 1.0, 1.0, 1.0])
    assert (found.mean, found.n) == (0.75, 4)
    assert 0.0 <= found.low < 0.75 < found.high <= 1.0


def test_interval_is_the_same_for_the_same_seed() -> None:
    values = [i * i / 2500 for i in range(50)]
    assert bootstrap_interval(values, seed=3) == bootstrap_interval(values, seed=3)
    assert bootstrap_interval(values, seed=3) != bootstrap_interval(values, seed=4)


def test_interval_is_about_two_standard_errors_wide_on_each_side() -> None:
    values = [0.0, 1.0] * 200
    found = bootstrap_interval(values)
    assert found.low == pytest.approx(0.5 - 1.96 * 0.5 / 20, abs=0.01)
    assert found.high == pytest.approx(0.5 + 1.96 * 0.5 / 20, abs=0.01)


def test_no_values_have_no_mean() -> None:
    with pytest.raises(ValueError, match="no values"):
        bootstrap_interval([])


def test_permutation_counts_all_flips_of_few_differences() -> None:
    assert permutation_p([0.1, 0.1, 0.1]) == 0.25  # +++ and --- of the eight


def test_permutation_finds_nothing_where_nothing_changed() -> None:
    assert permutation_p([0.0, 0.0]) == 1.0
    assert permutation_p([]) == permutation_p([0.3]) == 1.0


def test_permutation_finds_a_steady_change() -> None:
    assert permutation_p([0.1, 0.2, 0.15] * 20) < 0.001
