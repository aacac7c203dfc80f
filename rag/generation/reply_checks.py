"""Replies that are no answers: empty ones, "not answered", and another language."""

from __future__ import annotations

import re

from rag.generation.prompts import NOT_ANSWERED
from rag.text.citation_markers import without_markers
from rag.text.language import casefolded_words, is_english, is_non_english_question, is_other_language, is_other_script

_MARKUP = re.compile(r"[*_`\"“”>#]+")
_ENDS = re.compile(r"(?:\s*\[\d+\])*\s*(?:[.!]|$)")
_WORD = re.compile(r"[^\W\d_]+")
_LEAST_WORDS = 12


def is_wordless(text: str) -> bool:
    """Return whether a reply has text but no word, such as a marker alone."""
    return bool(text.strip()) and not _WORD.search(without_markers(text))


def in_another_language(question: str, text: str) -> bool:
    """Return whether an English question got an answer in another script or another European language."""
    text = without_markers(text)
    if not question.isascii() or is_non_english_question(question) or not is_english(casefolded_words(question)):
        return False
    words = casefolded_words(text)
    return is_other_script(text) or (len(words) >= _LEAST_WORDS and is_other_language(words))


def says_nothing(text: str) -> bool:
    """Return whether a reply is empty or says that the papers do not answer the question."""
    said = _MARKUP.sub("", text).strip().casefold()
    rest = said.removeprefix(NOT_ANSWERED.casefold().rstrip("."))
    return not said or (rest != said and bool(_ENDS.match(rest)))
