"""The lists with which a reply may close: references, which are dropped, and papers that were considered, with reasons.

An answer shows its papers anyway, with links that are known to be right.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

from rag.generation.prompts import CONSIDERED
from rag.text.citation_markers import without_any_markers
from rag.text.tokens import tokenize
from rag.types import Evidence, Paper

_BEFORE = r"[\s*_#>]*(?:\d{1,2}[.)]\s*)?"
_REFERENCES = (
    "references|reference|references cited|reference list|list of references|sources|source|sources cited|sources used"
    "|cited sources|citations|bibliography|footnotes|works cited|cited works|papers cited|cited papers"
    "|papers referenced|literature|literature cited|cited literature|quellen|literaturverzeichnis|références"
    "|referencias|bibliografía|参考文献|参考资料"
).split("|")
_CONSIDERED = (
    CONSIDERED.casefold(),
    *"considered papers|papers considered|not used|not cited|papers not used".split("|"),
)
_HEADING = re.compile(
    rf"{_BEFORE}(?:(?P<references>{'|'.join(sorted(_REFERENCES, key=len, reverse=True))})"
    rf"|(?P<considered>{'|'.join(_CONSIDERED)}))"
    r"[\s*_]*(?P<colon>[:：]?)[\s*_]*(?P<rest>.*)\s*",
    re.IGNORECASE,
)
_RULE = re.compile(r"\s*(?:[-*_=][ \t]*){3,}\n?")
_MAY_BE_RULE = re.compile(r"\s*(?:[-*_=][ \t]*)+\Z")
_MAY_BE_ITEM = re.compile(r"(?:[-*+•]|[\[［【(〔]?\^?\d{0,3}[\]］】)〕.]?)[ \t]*\Z")
_BULLET = r"[ \t]*(?:[-*+•][ \t]+)?[*_]{0,2}"
_NUMBER = re.compile(
    rf"{_BULLET}[\[［【(〔]?[\^†]?(?P<n>\d{{1,3}})(?:†source)?[\]］】)〕]?[*_]{{0,2}}\s*[.:：)–—-]?\s+(?P<rest>\S.*)",
    re.DOTALL,
)
_BRACKETED = re.compile(rf"{_BULLET}[\[［【〔]\^?\d{{1,3}}(?:†\w*)?[\]］】〕]")
_MAY_BE_BRACKETED = re.compile(rf"{_BULLET}(?:[\[［【〔]\^?\d{{0,3}}(?:†\w*)?[\]］】〕]?(?P<behind>.*))?\Z", re.DOTALL)
_FOOTNOTE = re.compile(r"[ \t]*(?:\[\^\w{1,20}\]:\s|\[[^\[\]\n]{1,30}\]:\s+<?(?:https?://|www\.|\#|doi:))")
_TITLE = re.compile(r"\s*(?:#{1,6}\s.*\n?|\W{0,6}\*\*[^*\n]{1,60}\*\*:?\s*)")
_MAY_BE_TITLE = re.compile(r"\s*(?:#{1,6}(?:\s.*)?|\W{0,6}(?:\*\*[^*\n]{0,60}(?:\*{1,2}:?\s*)?)?)\Z")
_ENTRY = re.compile(
    r"(?:\W*?(?<!\w)(?:(?:papers?|sources?)\s*(?:no\.\s*|#)?[\[［【(〔]?|[\[［【(〔])\^?\d{1,3}(?:†\w*)?[\]］】)〕]?"
    r"(?:[*_]{0,2}\s?(?:[-–—,;&/]|and|to)\s?(?=\W{0,3}\d|\W{0,3}(?:paper|source)))?)+",
    re.IGNORECASE,
)
_PLAIN_ENTRY = re.compile(r"\W*\d{1,3}(?=\s*[.:：)|–—-]\s)")
_NONE = re.compile(r"\W*(?:none|n/a|-+)\b\W*", re.IGNORECASE)
_ITEM = re.compile(r"[ \t]*(?:[-*+•]|\d{1,3}[.)]|[\[［【(〔]?\^?\d{1,3}[\]］】)〕])[ \t]*\S")
_LONGEST = 200  # characters of a rule or a heading
_MOST_OTHER_WORDS = 2  # that a reference has besides what the record of its paper has
_PUBLISHED = frozenset(
    tokenize("arxiv preprint et al in proceedings of the conference vol pp http https www org abs pdf doi")
)


class ClosingLists:
    """Takes a reply in pieces and drops its lists of references and of papers considered.

    `considered` has the reasons, by the numbers of the evidence. A line that may belong to such a list is held back
    until it is complete.
    """

    def __init__(self, evidence: Iterable[Evidence]) -> None:
        self.considered: dict[int, str] = {}
        self._papers = {each.n: each.paper for each in evidence}
        self._line = ""
        self._passed = 0  # characters of the unfinished line that were passed on
        self._within: Literal["references", "considered"] | None = None
        self._pending = ""  # a rule or a heading of which it is not known yet whether a list follows

    def feed(self, text: str) -> str:
        """Take a piece; return what belongs to the answer as far as that is known."""
        out = ""
        for part in re.findall(r"[^\n]*\n|[^\n]+\Z", text):
            self._line += part
            if part.endswith("\n"):
                out += self._end_line()
            elif not self._may_be_listed():
                out += self._pending + self._line[self._passed :]
                self._pending, self._within, self._passed = "", None, len(self._line)
        return out

    def flush(self) -> str:
        """Return what was held back, at the end of the reply."""
        rest = self._end_line() if self._line else ""
        pending, self._pending = self._pending, ""
        return rest + ("" if self._within or _RULE.fullmatch(pending) else pending)

    def _may_be_listed(self) -> bool:
        """Return whether an unfinished line may turn out to be one of a list, its heading, or a rule before it."""
        line = self._line
        if self._passed:
            return False
        if self._within or _MAY_BE_TITLE.match(line):
            return True
        if len(line) < _LONGEST and (_MAY_BE_RULE.match(line) or _begins_heading(line)):
            return True
        if heading := _HEADING.fullmatch(line):
            rest = heading["rest"].strip().casefold()
            none = heading["considered"] and "none".startswith(rest)
            return _is_heading(heading) or bool(heading["colon"] and (none or _MAY_BE_ITEM.match(heading["rest"])))
        bracketed = _MAY_BE_BRACKETED.match(line)
        return bracketed is not None and (not bracketed["behind"] or bool(_BRACKETED.match(line)))

    def _end_line(self) -> str:
        line, passed = self._line, self._passed
        self._line, self._passed = "", 0
        if passed:
            return line[passed:]
        if not line.strip():
            if not (self._pending or self._within):
                return line
            self._pending += line
            return ""
        heading = _HEADING.fullmatch(line)
        if heading and _is_heading(heading):
            self._within = "considered" if heading["considered"] else "references"
            self._pending = line if not heading["rest"].strip() else ""
            if heading["rest"].strip():
                self._list(heading["rest"])
            return ""
        if self._within and self._list(line):
            self._pending = ""
            return ""
        if _FOOTNOTE.match(line) or self._is_reference(line):
            self._pending = ""
            return ""
        if _RULE.fullmatch(line) or _TITLE.fullmatch(line):
            before, self._pending = self._pending, line
            self._within = None
            return before
        before, self._pending, self._within = self._pending, "", None
        return before + line

    def _list(self, line: str) -> bool:
        """Read a line of a list; return whether it is one."""
        if self._within == "considered":
            return self._consider(line)
        return bool(_ITEM.match(line)) or line.lstrip().startswith("|") or self._names_paper(line) or "://" in line

    def _consider(self, line: str) -> bool:
        """Read why papers are not used, of several in a line where there are; return whether it is of such a list."""
        entries = [each for each in _ENTRY.finditer(line) if _begins_entry(line[: each.start()], each[0])]
        entries = entries or list(filter(None, [_PLAIN_ENTRY.match(line)]))
        ends = [*(each.start() for each in entries[1:]), len(line)] if entries else []
        for entry, end in zip(entries, ends, strict=True):
            reason = re.sub(r"[*_`]", "", without_any_markers(line[entry.end() : end]))
            said = " ".join(reason.replace("|", " ").split()).strip(" .:;,)-–—")
            for n in _numbers(entry[0]):
                self.considered.setdefault(n, said)
        return bool(entries or _ITEM.match(line) or _NONE.fullmatch(line) or line.lstrip().startswith("|"))

    def _names_paper(self, line: str) -> bool:
        terms = set(tokenize(line))
        return any(set(tokenize(paper.title)) <= terms for paper in self._papers.values() if paper.title)

    def _is_reference(self, line: str) -> bool:
        """Return whether a line is a number and what the record of its paper has, such as its title and year."""
        numbered = _NUMBER.match(line) if _BRACKETED.match(line) else None
        paper = self._papers.get(int(numbered["n"])) if numbered else None
        if numbered is None or paper is None or not set(tokenize(paper.title)) <= set(tokenize(numbered["rest"])):
            return False
        return len(set(tokenize(numbered["rest"])) - _record_terms(paper)) <= _MOST_OTHER_WORDS


def _record_terms(paper: Paper) -> frozenset[str]:
    record = (paper.title, *paper.authors, paper.venue, paper.date, paper.url, paper.code, paper.paper_id)
    return _PUBLISHED.union(*(tokenize(part) for part in record if part))


def _begins_entry(before: str, entry: str) -> bool:
    """Return whether a number begins an entry: at the start of its line, or after the end of another entry."""
    return not re.search(r"\w", before) or bool(re.search(r"[;|]", entry)) or before.rstrip()[-1:] in ";|"


def _numbers(entry: str) -> list[int]:
    """Return the numbers of an entry such as "[3], [5]–[7]"."""
    found: list[int] = []
    for first, last in re.findall(r"(\d{1,3})(?:\W{0,3}\s?(?:[-–—]|\bto\b)\s?\W{0,3}(\d{1,3}))?", entry):
        found += range(int(first), int(last or first) + 1)
    return found


def _is_heading(heading: re.Match[str]) -> bool:
    """Return whether a line is the heading of a list, with nothing or the first entry after it."""
    rest = heading["rest"].strip()
    none = heading["considered"] and _NONE.fullmatch(rest)
    return not rest or (bool(heading["colon"]) and bool(_ITEM.match(rest) or none))


def _begins_heading(line: str) -> bool:
    """Return whether an unfinished line has nothing yet but the beginning of a heading."""
    said = re.sub(rf"\A{_BEFORE}", "", line).rstrip(" *_:：").casefold()
    return any(each.startswith(said) for each in (*_REFERENCES, *_CONSIDERED))
