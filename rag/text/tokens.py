"""Tokenization for BM25: stems, with compounds such as GPT-4, R-CNN and 8-bit kept beside their parts."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Any

from rag.text.latex import latex_to_text

_WORD = re.compile(r"[^\W_]+(?:[-+.'’/][^\W_]+)*\+*")
JOINTS = re.compile(r"[-.'’/]")
"""What joins the parts of a compound."""

_STOPWORDS = frozenset(
    "a an and are as at be but by for if in into is it no not of on or such that the their then there these they this"
    " to was will with".split()
)  # Lucene's English list; a longer one removed words that matter in questions


def tokenize(text: str) -> list[str]:
    """Return a text's terms in order; "KV-cache" yields kv-cach, kv and cach, so that "KV cache" matches it."""
    plain = unicodedata.normalize("NFKD", latex_to_text(text).lower())
    plain = "".join(character for character in plain if not unicodedata.combining(character))
    terms = []
    for word in _WORD.findall(plain):
        parts = [part for part in JOINTS.split(word) if part]
        terms += [word, *parts] if len(parts) > 1 else [word]
    return _stemmer().stemWords([term for term in terms if term not in _STOPWORDS])  # type: ignore[no-any-return]


@cache
def _stemmer() -> Any:
    import Stemmer  # Snowball's English stemmer, Porter (2001)

    return Stemmer.Stemmer("english")
