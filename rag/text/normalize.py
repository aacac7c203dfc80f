"""One plain form of text for comparison: what a model is shown, what exact checks read, and the claim itself."""

from __future__ import annotations

import re
import unicodedata

from rag.text.latex import latex_to_text

_MINUS = "\u2212"
_GREEK = {
    code: unicodedata.name(chr(code))
    .rpartition(" LETTER ")[2]
    .removeprefix("FINAL ")
    .lower()
    .replace("lamda", "lambda")
    for code in (*range(0x391, 0x3AA), *range(0x3B1, 0x3CA))
    if unicodedata.name(chr(code), "")
}  # capitals and small letters, without accents
_MATH = re.compile(r"\$([^$\s](?:[^$]*[^$\s])?)\$")


def normalize(text: str) -> str:
    """Return the text with LaTeX as text, in Unicode NFKC ("D²MoE" as "D2MoE"), on one line."""
    plain = unicodedata.normalize("NFKC", latex_to_text(_MATH.sub(r"\1", text)))
    return " ".join(plain.replace(_MINUS, "-").split())


def spell_greek(text: str) -> str:
    """Return the text with Greek letters spelt out, as "muLO" for "μLO"; the sign for micro is one."""
    return text if text.isascii() else text.replace("\u00b5", "\u03bc").translate(_GREEK)
