"""Citation markers in streamed text: checked against the evidence, made uniform and renumbered."""

from __future__ import annotations

import re
from collections.abc import Iterable

from rag.text.citation_markers import FoundMarker, MarkerScanner
from rag.text.names import letters_of, surnames_of
from rag.types import Evidence

_DIGITS = 6
_LEAST_YEAR = 1900
_LINKED = re.compile(r"\s*\[(?P<words>[^\[\]]+)\]\((?P<address>\S+)\)")
_AUTHOR_YEAR = re.compile(r"(?P<author>[^,&\d]+?)(?:,|&|\set\sal|\sand\s|\s(?=[\d(])).*?(?P<year>(?:19|20)\d\d)")


class MarkerFilter:
    """Passes text on with every marker as [1][2]; numbers that name no evidence are removed and counted.

    Reads the forms of `rag.text.citation_markers`, also where they are split between pieces; a paper may be named by
    its number, its id, its title, a link to it, or its first author and year. Papers are renumbered in the order in
    which the text cites them: `cited` has the evidence's numbers, the first of which is shown as [1].
    """

    def __init__(self, evidence: Iterable[Evidence]) -> None:
        self.unknown = 0
        self.cited: list[int] = []
        self._numbers: set[int] = set()
        self._identifiers: dict[str, int] = {}
        self._by_author: dict[tuple[str, int | None], set[int]] = {}
        self._square = False  # whether the text has cited in square brackets, so that round ones are no markers
        self._scanner = MarkerScanner(self._check)
        for each in evidence:
            self.admit(each)

    def admit(self, evidence: Evidence) -> None:
        """Accept a further paper."""
        self._numbers.add(evidence.n)
        paper = evidence.paper
        for name in (paper.paper_id, paper.title):
            self._identifiers.setdefault(_key(name), evidence.n)
        for surname in surnames_of(paper.authors[0]) if paper.authors and paper.year else ():
            self._by_author.setdefault((surname, paper.year), set()).add(evidence.n)

    def feed(self, text: str) -> str:
        """Take a piece; return what can be shown so far."""
        return self._scanner.feed(text)

    def flush(self) -> str:
        """Return what was held back, at the end of the text; a marker that never closed is dropped."""
        return self._scanner.flush()

    def _check(self, found: FoundMarker, before: str) -> str | None:
        """Return the uniform marker for one that was found; None where it is none."""
        bounds = [n for low, high in found.ranges for n in (low, high)]
        known = list(dict.fromkeys(n for numbers in self._known(found) for n in numbers))
        if found.doubtful and not (self._square and known):
            return None
        if found.shape != "square":
            if not known or (found.shape == "round" and self._square and not (found.named or found.identifiers)):
                return None
        elif not found.ranges and not known:
            return self._linked(found)
        elif not found.named and len(set(bounds)) > 1 and (0 in bounds or min(bounds) >= _LEAST_YEAR):
            return None  # an interval or a span of years
        else:
            self._square = True
        self.unknown += sum(self._count_unknown(low, high) for low, high in found.ranges)
        self.cited += [n for n in known if n not in self.cited]
        if not known:
            return _gap(before)
        markers = "".join(f"[{self.cited.index(n) + 1}]" for n in known)
        word = re.match(r"\s*[^\W\d_]+\s", found.text)
        return f"{word[0]}{markers}" if found.shape == "word" and word else found.space + markers

    def _linked(self, found: FoundMarker) -> str | None:
        """Return words in brackets that link to a paper with its marker after them; None for any others."""
        linked = _LINKED.fullmatch(found.text)
        address = linked["address"].rstrip("/") if linked else ""
        n = self._identifiers.get(_key(address.rpartition("/")[2])) if linked else None
        if linked is None or n is None:
            return None
        self.cited += [n] if n not in self.cited else []
        return f"{found.space}{linked['words']} [{self.cited.index(n) + 1}]"

    def _known(self, found: FoundMarker) -> list[list[int]]:
        """Return the numbers of evidence that a marker names, for each of its parts."""
        named = [[n] for name in found.identifiers if (n := self._identified(name))]
        return [self._within(low, high) for low, high in found.ranges] + named

    def _identified(self, name: str) -> int | None:
        """Return the evidence with an id or a title, or the only one with a first author and year."""
        if (n := self._identifiers.get(_key(name))) or not (cited := _AUTHOR_YEAR.match(name)):
            return n
        found = set[int]().union(
            *(self._by_author.get((letters, int(cited["year"])), ()) for letters in letters_of(cited["author"]))
        )
        return min(found) if len(found) == 1 else None

    def _within(self, first: int, last: int) -> list[int]:
        low, high = sorted((first, last))
        if high >= 10**_DIGITS:
            return []
        return sorted(n for n in self._numbers if low <= n <= high)

    def _count_unknown(self, first: int, last: int) -> int:
        low, high = sorted((first, last))
        return 1 if high >= 10**_DIGITS else high - low + 1 - len(self._within(first, last))


def _key(name: str) -> str:
    """Return an id or title without what may differ where it is quoted."""
    return re.sub(r"[\W_]+", "", re.sub(r"(?<=\d)(?:v\d+)?(?:\.pdf)?$", "", name.casefold()))


def _gap(before: str) -> str:
    """Return what replaces a removed marker: a space where its surroundings could join into another marker."""
    last = before[-1:]
    return " " if last and (last in "[［【(（,;–—-" or last.isdigit()) else ""
