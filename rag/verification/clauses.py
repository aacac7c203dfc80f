"""The clauses of a sentence that cites several papers, each with the papers that it cites."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from rag.text.citation_markers import MARKER, MARKERS

_CONNECTIVE = r"(?:and|but|or|while|whereas|though|although|yet)\b"
_AFTER_MARKER = re.compile(rf"\s*(?:[,;:.–—-]|{_CONNECTIVE})", re.IGNORECASE)
_BOUNDARY = re.compile(rf"[,;:–—](?=\s)|\s{_CONNECTIVE}", re.IGNORECASE)
_EDGE = re.compile(rf"^(?:[\s,;:.–—-]|{_CONNECTIVE})+", re.IGNORECASE)
_LETTER = re.compile(r"[^\W\d_]")


@dataclass(frozen=True, slots=True)
class Clause:
    """A part of a sentence without its markers, and the numbers of the papers that it cites."""

    text: str
    cited: tuple[int, ...]


def split_clauses(sentence: str) -> tuple[Clause, ...]:
    """Split a sentence between its groups of markers, so that each clause cites papers; one clause where it cannot be.

    A clause ends behind its markers if punctuation or a connective follows them ("A does x [1], while B does y [2]"),
    else at the last punctuation mark or connective before the next markers ("A [1] does x and B [2] does y").
    """
    groups = list(MARKERS.finditer(sentence))
    cuts = [0]
    for one, following in pairwise(groups):
        if _AFTER_MARKER.match(sentence, one.end()):
            cuts.append(one.end())
        elif boundaries := list(_BOUNDARY.finditer(sentence, one.end(), following.start())):
            cuts.append(boundaries[-1].start())
    parts = [sentence[start:end] for start, end in zip(cuts, [*cuts[1:], len(sentence)], strict=True)]
    clauses: list[Clause] = []
    for i, part in enumerate(parts):
        text = MARKERS.sub("", part)
        text = _EDGE.sub("", text) if i else text
        cited = tuple(dict.fromkeys(int(number) for number in MARKER.findall(part)))
        if clauses and not _LETTER.search(text):
            clauses[-1] = Clause(clauses[-1].text, tuple(dict.fromkeys((*clauses[-1].cited, *cited))))
        else:
            clauses.append(Clause(text, cited))
    return tuple(clauses)
