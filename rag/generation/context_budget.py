"""How much of the evidence a model's context holds, in tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Sized
from math import ceil

from rag.llm.prompt_parts import format_evidence
from rag.types import Evidence

OVERHEAD_TOKENS = 250  # of the instructions and the chat's own frame
_MARGIN = 1.1  # tokens of a vocabulary that is not known, for each of ours
_MOST = 2.0  # tokens for each of ours, whatever an endpoint reports
_LEAST_LEARNT = 200  # tokens of a prompt whose count tells something


class TokenCounter:
    """Counts tokens with an encoder of its own, corrected by what the endpoint reports of the model in use."""

    def __init__(self, encode: Callable[[str], Sized]) -> None:
        self._encode = encode
        self._ratio = _MARGIN

    def count(self, text: str) -> int:
        """Estimate a text's tokens, rather too many than too few."""
        return ceil(len(self._encode(text)) * self._ratio)

    def learn(self, text: str, reported: int | None) -> None:
        """Take an endpoint's count of a prompt into account: from then on the model's own vocabulary is counted."""
        if reported is not None and reported >= _LEAST_LEARNT:
            self._ratio = min(max(reported / max(len(self._encode(text)), 1), 1.0), _MOST)


def fit_evidence(
    evidence: Sequence[Evidence], budget: int, count: Callable[[str], int], numbered: bool = True
) -> dict[int, str]:
    """Format as much evidence as that many tokens hold, best papers first, by number.

    Every paper is shown by its chosen sentences if they fit, and the best by their whole abstracts with what is left.
    """
    shown: dict[int, str] = {}
    costs: dict[int, int] = {}
    for each in evidence:
        text = format_evidence(each, whole=False, numbered=numbered)
        if (cost := count(text)) <= budget:
            shown[each.n], costs[each.n] = text, cost
            budget -= cost
    for each in evidence:
        text = format_evidence(each, numbered=numbered)
        if each.n in shown and (more := count(text) - costs[each.n]) <= budget:
            shown[each.n] = text
            budget -= more
    return shown
