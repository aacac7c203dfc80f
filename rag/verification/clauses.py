"""The parts of a sentence that are checked by themselves: clauses with their citations, cells of a table row."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from rag.text.citation_markers import MARKER, MARKERS

_CONNECTIVE = r"(?:and|but|or|while|whereas|though|although|yet)\b"
_AFTER_MARKER = re.compile(rf"\s*(?:[,;:.–—-]|{_CONNECTIVE})", re.IGNORECASE)
_BOUNDARY = re.compile(rf"[,;:–—](?=\s)|\s{_CONNECTIVE}", re.IGNORECASE)
_EDGE = re.compile(rf"^(?:[\s,;:.–—-]|{_CONNECTIVE})+", re.IGNORECASE)
_BAR = re.compile(r"(?<!\\)\|")
_LETTER = re.compile(r"[^\W\d_]")


@dataclass(frozen=True, slots=True)
class Clause:
    """A part of a sentence, `sentence[start:end]` with its markers: its text without them, and what it cites."""

    text: str
    cited: tuple[int, ...]
    start: int
    end: int


def split_clauses(sentence: str) -> tuple[Clause, ...]:
    """Split a sentence between its groups of markers, so that each clause cites papers; one clause where it cannot be.

    A clause ends after its markers if punctuation or a connective follows them ("A does x [1], while B does y [2]"),
    else at the last punctuation mark or connective before the next markers ("A [1] does x and B [2] does y").
    """
    groups = list(MARKERS.finditer(sentence))
    cuts = [0]
    for one, following in pairwise(groups):
        if _AFTER_MARKER.match(sentence, one.end()):
            cuts.append(one.end())
        elif boundaries := list(_BOUNDARY.finditer(sentence, one.end(), following.start())):
            cuts.append(boundaries[-1].start())
    clauses: list[Clause] = []
    for start, end in zip(cuts, [*cuts[1:], len(sentence)], strict=True):
        text = MARKERS.sub("", sentence[start:end])
        text = _EDGE.sub("", text) if start else text
        cited = tuple(dict.fromkeys(int(number) for number in MARKER.findall(sentence[start:end])))
        if clauses and not _LETTER.search(text):
            before = clauses[-1]
            clauses[-1] = Clause(before.text, tuple(dict.fromkeys((*before.cited, *cited))), before.start, end)
        else:
            clauses.append(Clause(text, cited, start, end))
    return tuple(clauses)


def split_cells(row: str) -> tuple[tuple[int, int], ...]:
    """Return the (start, end) of each cell of a table row, without the blanks around it."""
    bars = [match.start() for match in _BAR.finditer(row)]
    edges = [*([] if bars and not row[: bars[0]].strip() else [-1]), *bars]
    edges += [] if bars and not row[bars[-1] + 1 :].strip() else [len(row)]
    spans = []
    for left, right in pairwise(edges):
        said = row[left + 1 : right]
        start = left + 1 + len(said) - len(said.lstrip())
        spans.append((start, start + len(said.strip())))
    return tuple(spans)
