"""The cited claims of answers, read from the output of `citedesk ask --questions FILE`.

A claim is the text before a group of [n] markers, since the marker before it or the line's start; its sentences are
the quotes of the papers that the markers name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from eval.json_lines import read_lines
from rag.errors import CorpusError

_CITED = re.compile(r"(?P<claim>[^\[\n]*(?:\[(?!\d+\])[^\[\n]*)*)(?P<markers>(?:\[\d+\]\s*)+)")
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim of an answer, and the quotes that it cites."""

    claim: str
    sentences: tuple[str, ...]
    title: str = ""


def read_claims(path: Path) -> tuple[Claim, ...]:
    """Read the cited claims of a file of answers; raises CorpusError where a line is bad or nothing is cited."""
    claims = tuple(chain.from_iterable(read_lines(path, "Name a file of answers.", _claims_of)))
    if not claims:
        raise CorpusError(
            f"{path} holds no written answer that cites. Set an endpoint, and make it with "
            f"`citedesk ask --questions FILE > {path.name}`."
        )
    return claims


def _claims_of(record: dict[str, Any]) -> list[Claim]:
    # An extractive answer's claims are its quotes: every judge would call them supported.
    try:
        return list(cited_claims(record)) if record.get("status") != "extractive" else []
    except (LookupError, TypeError, AttributeError):
        raise ValueError("no answer with citations") from None


def cited_claims(answer: Mapping[str, Any]) -> Iterator[Claim]:
    """Yield the claims of an answer that cite quotes, in order."""
    quotes = {each["n"]: [quote["text"] for quote in each["quotes"]] for each in answer["citations"]}
    for match in _CITED.finditer(answer["answer"]):
        claim = match["claim"].strip(" \t-*.,;:")
        sentences = [text for n in _NUMBER.findall(match["markers"]) for text in quotes.get(int(n), [])]
        if claim and sentences:
            yield Claim(claim, tuple(sentences))
