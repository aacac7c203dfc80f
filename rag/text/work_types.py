"""Kinds of work that papers are (survey, benchmark, tutorial, dataset), as their own words say."""

from __future__ import annotations

import re
from collections.abc import Mapping

from rag.text.sentences import sentence_spans

_NAMES: Mapping[str, str] = {
    "survey": r"survey|review|overview",
    "benchmark": r"benchmark",
    "tutorial": r"tutorial|primer",
    "dataset": r"data\W?set|corpus",
}
_PLAIN = r"(?!(?:for|on|of|in|to|with|that|using|and|from|by|as|over|via|against)\b)[\w-]{1,60},?"
"""A word of one noun phrase."""

_TYPES = {
    name: re.compile(
        rf"\W*(?:(?:the|any|all|these|those|an?)\W+)?(?:{words})s?(?:\W+(?:papers?|articles?|works?|ones?))?\W*",
        re.IGNORECASE,
    )
    for name, words in _NAMES.items()
}
_TITLED = {
    name: re.compile(
        rf"(?:\A\W{{0,9}}|:\W{{1,9}})(?:{_PLAIN}\s{{1,9}}){{0,6}}"
        rf"(?:{words})\b(?:\W*\Z|\s{{0,9}}:|\s+(?:of|on|for|to|and)\b)"
        rf"|\s(?:{words})\W*\Z",
        re.IGNORECASE,
    )
    for name, words in _NAMES.items()
}
_SAYS = {
    name: re.compile(
        rf"\bthis\s+(?:{_PLAIN}\s+)?(?:{words})\b"
        rf"|\b(?:we|this\s+(?:paper|work|article))\s+(?:\w+ly\s+)?"
        rf"(?:present|introduc|propos|provid|offer|releas|contribut|creat|build|construct|conduct|giv|develop)\w*\s+"
        rf"(?:[^\s:]+:\s+)?(?:an?|the\s+first|our)\s+(?:{_PLAIN}\s+){{0,5}}(?:{words})\b",
        re.IGNORECASE,
    )
    for name, words in _NAMES.items()
}
_JOINT = re.compile(r"\s{0,9}(?:[,/&]|\b(?:and|or|nor|no)\b)\s{0,9}", re.IGNORECASE)
_SURVEYS = re.compile(r"\b(?:we|this\s+(?:paper|work|article))\s+(?:\w+ly\s+)?(?:surveys?|reviews?)\b", re.IGNORECASE)


def work_type(text: str) -> str | None:
    """Return the kind of work that a stretch names, if it says nothing else: "survey" for "review papers"."""
    return next((name for name, pattern in _TYPES.items() if pattern.fullmatch(text)), None)


def split_work_types(text: str) -> tuple[str, ...]:
    """Return the parts of a stretch that names kinds of work and nothing else, as "surveys and benchmarks" does."""
    parts = tuple(part for part in _JOINT.split(text.strip()) if part)
    return parts if all(map(work_type, parts)) else ()


def is_of_type(title: str, abstract: str, kind: str) -> bool:
    """Return whether a paper says of itself that it is of a kind: as the head of its title, or in a sentence."""
    says = [_SAYS[kind], *([_SURVEYS] if kind == "survey" else [])]
    spans = sentence_spans(abstract)
    return bool(_TITLED[kind].search(title)) or any(
        pattern.search(abstract, start, end) for pattern in says for start, end in spans
    )
