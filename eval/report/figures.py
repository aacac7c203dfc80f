"""How numbers are formatted, the same in every form of the report."""

from __future__ import annotations

from collections.abc import Mapping

from eval.measures.catalogue import MEASURES
from eval.stats import Interval

NOT_MEASURED = "–"
_DECIMALS = {"": 3, "calls": 1, "tokens": 0, "ms": 0}


def number(value: float, unit: str) -> str:
    """Format a mean: a share with three decimals, calls with one, tokens and times without."""
    return f"{value:,.{_DECIMALS[unit]}f}"


def with_interval(measure: str, interval: Interval) -> str:
    """Format a mean and its interval, as in "0.712 [0.640, 0.781]"."""
    unit = MEASURES[measure].unit
    return f"{number(interval.mean, unit)} [{number(interval.low, unit)}, {number(interval.high, unit)}]"


def cell(measure: str, measures: Mapping[str, Interval]) -> str:
    """Format a mean with its interval and n, or a dash if nothing was measured."""
    if measure not in measures:
        return NOT_MEASURED
    return f"{with_interval(measure, measures[measure])} n={measures[measure].n}"
