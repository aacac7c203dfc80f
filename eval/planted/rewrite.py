"""A sentence of an abstract as another would report it, by rules that keep it true (pure)."""

from __future__ import annotations

import re

_RULES = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (
            r"^(?:However|Moreover|Furthermore|In addition|Additionally|Specifically|In particular|Notably|Finally|"
            r"Thus|Therefore|Hence|Consequently|As a result|To this end|To do so|Interestingly|Importantly|Here|Overall"
            r"|In summary|In conclusion),? ",
            "",
        ),
        (r"\b[Ii]n this (?:paper|work|study|article|report|survey), ?", ""),
        (r" \((?!\d)[^()]{1,40}\)", ""),
        (r"\b[Tt]his (?=(?:paper|work|study|article|report|survey) )", "the "),
        (r"\b(?:[Ww]e|us)\b", "the authors"),
        (r"\b[Oo]ur\b", "their"),
        (r"\b[Oo]urs\b", "theirs"),
        (r"(?:;|,? (?:which|while|whereas|thereby|thus|making|leading to)\b)[^;]{10,}(?=[.!?]$)", ""),
    )
)
_LEAST = 5  # words that have to be left


def reported(sentence: str) -> str | None:
    """Rewrite a sentence: "We" and "our" are the authors', connectives, brackets and a last clause are gone.

    Gives None where nothing of this can be done, or too little would be left.
    """
    text = sentence
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text, count=1 if replacement == "" else 0)
    text = text[:1].upper() + text[1:]
    return None if text == sentence or len(text.split()) < _LEAST else text
