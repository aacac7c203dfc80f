"""Aligned tables for a terminal, and means with their intervals as cells and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from eval.stats import Interval

_DIGITS = 4


def to_table(heading: Sequence[str], rows: Sequence[Sequence[str]], texts: int = 1) -> str:
    """Align rows below their heading: the first `texts` columns to the left, the others to the right."""
    lines = [list(heading), *map(list, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "".join(_line(cells, widths, texts) for cells in lines)


def interval_cell(interval: Interval, signed: bool = False) -> str:
    """Format a mean and its 95 % interval, as in "0.683 [0.635, 0.729]"."""
    sign = "+" if signed else ""
    return f"{interval.mean:{sign}.3f} [{interval.low:{sign}.3f}, {interval.high:{sign}.3f}]"


def interval_to_json(interval: Interval) -> dict[str, float | int]:
    """Return a mean with its interval and n as a JSON object."""
    bounds = {"mean": interval.mean, "low": interval.low, "high": interval.high}
    return {**{name: round(value, _DIGITS) for name, value in bounds.items()}, "n": interval.n}


def intervals_to_json(intervals: Mapping[str, Interval]) -> dict[str, Any]:
    """Return means by name as a JSON object."""
    return {name: interval_to_json(interval) for name, interval in intervals.items()}


def _line(cells: Sequence[str], widths: Sequence[int], texts: int) -> str:
    padded = [cell.ljust(width) for cell, width in zip(cells[:texts], widths[:texts], strict=True)]
    padded += [cell.rjust(width) for cell, width in zip(cells[texts:], widths[texts:], strict=True)]
    return "  ".join(padded).rstrip() + "\n"
