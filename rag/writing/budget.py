"""How much of the evidence a model's context holds, in tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Sized
from math import ceil

from rag.types import Evidence
from rag.writing.prompts import format_evidence

OVERHEAD_TOKENS = 250  # of the instructions and the chat's own frame
_MARGIN = 1.1  # tokens of a vocabulary that is not known, for each of ours
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
            self._ratio = max(1.0, reported / max(len(self._encode(text)), 1))


def fit_evidence(evidence: Sequence[Evidence], budget: int, count: Callable[[str], int]) -> dict[int, str]:
    """Format as much evidence as that many tokens hold, best papers first, by number.

    A paper whose abstract does not fit is shown by its sentences; one that does not fit even so is left out.
    """
    shown: dict[int, str] = {}
    for each in evidence:
        for text in (format_evidence(each), format_evidence(each, whole=False)):
            if (cost := count(text)) <= budget:
                shown[each.n] = text
                budget -= cost
                break
    return shown
