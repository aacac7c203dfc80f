"""One plain form of text for comparison: what a model is shown, what exact checks read, and the claim itself."""

from __future__ import annotations

import re
import unicodedata

from rag.text.latex import latex_to_text

_MINUS = "\u2212"
_MATH = re.compile(r"\$([^$\s](?:[^$]*[^$\s])?)\$")


def normalize(text: str) -> str:
    """Return the text with LaTeX as text, in Unicode NFKC ("D²MoE" as "D2MoE"), on one line."""
    plain = unicodedata.normalize("NFKC", latex_to_text(_MATH.sub(r"\1", text)))
    return " ".join(plain.replace(_MINUS, "-").split())
