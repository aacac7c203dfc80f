"""The word for how sure it is that a paper belongs to an answer."""

from __future__ import annotations

_SURELY = 0.9
_LIKELY = 0.5


def certainty(score: float) -> str:
    """Return the word for a probability in [0, 1]: "surely" from 0.9, "likely" from one half, else "perhaps"."""
    return "surely" if score >= _SURELY else "likely" if score >= _LIKELY else "perhaps"
