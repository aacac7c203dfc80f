"""The times of pairs boiled down, as JSON and as text (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from eval.latency.pairs import Pair
from eval.stats import Interval, median_interval
from eval.tables import intervals_to_json, to_table

AIM_MS = 30.0
_MEANINGS = {
    "ours_first_ms": "retrieval's end to first token",
    "bare_first_ms": "the same request sent bare",
    "added_first_ms": "what we add (paired)",
    "added_first_cpu_ms": "what we add, CPU time (paired)",
    "added_per_token_ms": "what we add for each further token, without judging",
    "judging_ms": "judging a sentence while it streams",
}


def medians_of(pairs: Sequence[Pair]) -> dict[str, Interval]:
    """Give the median of each time, in milliseconds; there is at least one pair, each with a judged sentence."""
    values = {
        "ours_first_ms": [pair.ours.first for pair in pairs],
        "bare_first_ms": [pair.bare.first for pair in pairs],
        "added_first_ms": [pair.added_first for pair in pairs],
        "added_first_cpu_ms": [pair.added_first_cpu for pair in pairs],
        "added_per_token_ms": [pair.added_per_token for pair in pairs],
        "judging_ms": [pair.judging / pair.sentences for pair in pairs],
    }
    return {name: median_interval(found) for name, found in values.items()}


def latency_to_json(medians: Mapping[str, Interval], cold: Pair) -> dict[str, Any]:
    """Show the medians, and what the process's first question added."""
    return {
        "medians": intervals_to_json(medians),
        "aim_ms": AIM_MS,
        "aim_met": medians["added_first_ms"].mean <= AIM_MS,
        "first_question_added_ms": round(cold.added_first, 1),
    }


def latency_to_text(medians: Mapping[str, Interval], cold: Pair) -> str:
    """Lay the same out as text."""
    rows = [
        [_MEANINGS[name], f"{each.mean:.2f}", f"[{each.low:.2f}, {each.high:.2f}]", str(each.n)]
        for name, each in medians.items()
    ]
    met = "met" if medians["added_first_ms"].mean <= AIM_MS else "missed"
    return (
        f"{to_table(['milliseconds', 'median', '95 % interval', 'n'], rows)}\n"
        f"Aim: at most {AIM_MS:g} ms until the first token: {met}. The first question, which loads what later ones "
        f"find, is not among these: {cold.added_first:.0f} ms.\n"
    )
