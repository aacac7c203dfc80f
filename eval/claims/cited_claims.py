"""The cited claims of answers, read from the output of `citedesk ask --questions FILE`.

A claim is the text before a group of [n] markers, since the marker before it or the line's start; its sentences are
the quotes of the papers that the markers name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.corpus.files import parse_json_lines, read_text
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
    text = read_text(path, "Name a file of answers.")
    claims: list[Claim] = []
    for line, record in parse_json_lines(text):
        try:
            if isinstance(record, ValueError):
                raise record
            # An extractive answer's claims are its quotes: every judge would call them supported.
            claims += cited_claims(record) if record.get("status") != "extractive" else ()
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            reason = error if isinstance(error, ValueError) else "no answer with citations"
            raise CorpusError(f"{path} line {line}: {reason}. Correct the line.") from None
    if not claims:
        raise CorpusError(
            f"{path} holds no written answer that cites. Set an endpoint, and make it with "
            f"`citedesk ask --questions FILE > {path.name}`."
        )
    return tuple(claims)


def cited_claims(answer: Mapping[str, Any]) -> Iterator[Claim]:
    """Yield the claims of an answer that cite quotes, in order."""
    quotes = {each["n"]: [quote["text"] for quote in each["quotes"]] for each in answer["citations"]}
    for match in _CITED.finditer(answer["answer"]):
        claim = match["claim"].strip(" \t-*.,;:")
        sentences = [text for n in _NUMBER.findall(match["markers"]) for text in quotes.get(int(n), [])]
        if claim and sentences:
            yield Claim(claim, tuple(sentences))
