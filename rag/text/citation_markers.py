"""Citation markers in answers, such as [1], and the other forms in which models write them.

A form is recognised by its shape: something like a bracket (or a raised position, a LaTeX command, an HTML element), an
optional word for a source, and numbers or identifiers. `substitute_markers` finds them; whether a number names a paper
is for its caller to say.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

MARKER = re.compile(r"\[(\d+)\]")
MARKERS = re.compile(r"(?:[ \t]{0,8}\[\d+\])+")
"""A run of adjacent markers, with the blanks before each."""

Shape = Literal["square", "round", "raised", "command", "word"]

_ROUND_OPEN, _ROUND_CLOSE = "(（", ")）"


def _brackets(category: str) -> str:
    """Return the brackets of a general category of Unicode, but round, curly, raised and lowered ones and quotes."""
    symbols = (chr(code) for blocks in (range(0x2000, 0x3020), range(0xFE00, 0xFFF0)) for code in blocks)
    brackets = [each for each in symbols if unicodedata.category(each) == category]
    other = re.compile(r"QUOTATION|SUPERSCRIPT|SUBSCRIPT|CURLY")
    return "".join(x for x in brackets if x not in _ROUND_OPEN + _ROUND_CLOSE and not other.search(unicodedata.name(x)))


SQUARE_OPEN, SQUARE_CLOSE = rf"\[{_brackets('Ps')}", rf"\]{_brackets('Pe')}"
_SUPERSCRIPT = "⁰¹²³⁴⁵⁶⁷⁸⁹"
_CIRCLED = "①-⑳⑴-⒇⓫-⓾❶-➓"
_ELEMENTS = "sup|cite|ref|source|citation|footnote|document|doc"
_COMMANDS = r"(?:[A-Za-z]{0,5}[Cc]ite[A-Za-z]{0,6}|textsuperscript|footnote(?:mark)?)"
_STYLES = "b|i|em|strong|u|mark|small|span|sub|sup|code"
_WORDS = ("Papers", "Paper", "Sources", "Source", "Documents", "Document", "Abstracts", "Abstract")
_ANY_WORD = "|".join(f"[{word[0]}{word[0].lower()}]{word[1:]}" for word in _WORDS)
_BEGUN_WORD = "|".join(
    f"[{word[0]}{word[0].lower()}]{word[1:end]}" for word in _WORDS for end in range(len(word), 0, -1)
)
_IN_SQUARE = rf"[^{SQUARE_OPEN}{SQUARE_CLOSE}\n]"
_LINK = r"\((?:https?:|\#|/|\./|www\.|doi|arxiv)(?:[^()\s]|\([^()\s]{0,60}\)){0,200}\)"
_BEGUN_LINK = r"(?:\((?:[^()\s]|\([^()\s]{0,60}\)){0,200}(?:\([^()\s]{0,60})?)?"
_NESTED = (
    rf"[{SQUARE_OPEN}]\s?(?:[{SQUARE_OPEN}]{_IN_SQUARE}{{1,60}}[{SQUARE_CLOSE}](?:{_LINK})?[ ,;]{{0,2}}){{1,20}}"
    rf"[{SQUARE_CLOSE}]"
)
_BEGUN_NESTED = (
    rf"[{SQUARE_OPEN}]\s?(?:[{SQUARE_OPEN}]{_IN_SQUARE}{{1,60}}[{SQUARE_CLOSE}](?:{_LINK})?[ ,;]{{0,2}}){{0,20}}"
    rf"(?:[{SQUARE_OPEN}]?{_IN_SQUARE}{{0,60}}|[{SQUARE_OPEN}]{_IN_SQUARE}{{1,60}}[{SQUARE_CLOSE}]{_BEGUN_LINK})?"
)
_AUTHORS = r"[^\W\d_][^()\[\]\d;\n]{1,60}?"
_AUTHOR_YEAR = rf"{_AUTHORS},?[^\S\n]\(?(?:19|20)\d\d[a-z]?\)?"
_AUTHOR_YEARS = rf"{_AUTHOR_YEAR}(?:;[^\S\n]?{_AUTHOR_YEAR}){{0,6}}"
_BEGUN_AUTHOR_YEARS = rf"(?:{_AUTHOR_YEAR};[^\S\n]?){{0,6}}[^()\[\]\d;\n]{{0,63}}\(?(?:\d{{0,4}}[a-z]?|\d{{4}}[a-z]?\))"
_ROUND = rf"[{_ROUND_OPEN}][*_]{{0,3}}(?:[^\W\d_]{{1,14}}[.:\#]?\s?){{0,3}}"
_AFTER_NUMBER = rf"[^{_ROUND_OPEN}{_ROUND_CLOSE}\n]{{0,60}}"
_LISTED = r"\d{1,3}(?:\s?(?:,|and|&|–|-)\s?\d{1,3}){0,6}"
_RAISED_NUMBERS = r"[\d ,;–—-]{1,40}"
_TO = r"(?:[-–—‐‑−~～…]|\s(?:-|to|through)\s)"
_BEGUN_TO = r"(?:\s(?:-|to?|th|thr|thro|throu|throug|through)?)"
_END_OF_RANGE = rf"{_IN_SQUARE}{{0,20}}?\d{{1,6}}"
_RANGE = (
    rf"[{SQUARE_OPEN}](?P<first>{_END_OF_RANGE})[{SQUARE_CLOSE}]{_TO}"
    rf"[{SQUARE_OPEN}](?P<last>{_END_OF_RANGE})[{SQUARE_CLOSE}]"
)
_BEGUN_RANGE = rf"(?:{_TO}|{_BEGUN_TO})(?:[{SQUARE_OPEN}]{_IN_SQUARE}{{0,30}})?"
_BRACKETED = rf"(?:{_NESTED}|[{SQUARE_OPEN}]{_IN_SQUARE}{{1,60}}[{SQUARE_CLOSE}])(?:{_LINK})?"
_BETWEEN = r"(?:[ ,;&~…‐‑−–—-]|and|to){0,5}"
_STYLED = rf"(?:{_BRACKETED}{_BETWEEN}){{0,20}}(?:{_BRACKETED}|[{_ROUND_OPEN}]\d[\d ,;–-]{{0,20}}[{_ROUND_CLOSE}])"
_BEGUN_STYLED = (
    rf"(?:{_BRACKETED}{_BETWEEN}){{0,20}}(?:{_BRACKETED}{_BEGUN_LINK}|{_BEGUN_NESTED}|[{_ROUND_OPEN}][\d ,;–-]{{0,21}}"
    rf"[{_ROUND_CLOSE}]?|an?|t)?"
)
_STYLE = re.compile(
    rf"(?P<space>[ \t]{{0,8}})(?:(?P<mark>\*{{1,3}}|_{{1,3}}|~~)(?P<marked>{_STYLED})(?P=mark)"
    rf"|<(?P<tag>{_STYLES})>(?P<tagged>{_STYLED})</(?P=tag)>"
    rf"|\\\[(?P<escaped>[\d ,;–—-]{{1,40}})\\\])"
)
"""Markers that stand in emphasis of their own, or whose brackets are escaped."""

_BEGUN_STYLE = re.compile(
    rf"[ \t]{{0,8}}(?:[*_~]{{1,3}}(?:{_BEGUN_STYLED})[*_~]{{0,3}}"
    rf"|<(?:{_STYLES})>{_BEGUN_STYLED}(?:<(?:/[a-z]{{0,6}})?)?"
    rf"|\\(?:\[[\d ,;–—-]{{0,40}}\\?)?)\Z"
)
_START = re.compile(
    rf"[ \t]{{0,8}}(?:[`*_~{SQUARE_OPEN}{_ROUND_OPEN}\\<$^⁽{_SUPERSCRIPT}{_CIRCLED}]"
    rf"|(?<![\w-])[PpSsDdAa])|[ \t]{{1,8}}\Z"
)
_FORM = re.compile(
    rf"(?P<fence>`+)"
    rf"|(?P<space>[ \t]{{0,8}})(?:"
    rf"(?P<nested>{_NESTED})(?:{_LINK})?"
    rf"|(?P<range>{_RANGE})"
    rf"|[{SQUARE_OPEN}](?P<square>{_IN_SQUARE}{{1,120}})[{SQUARE_CLOSE}](?:{_LINK})?"
    rf"|(?P<round>{_ROUND}\d{_AFTER_NUMBER}[{_ROUND_CLOSE}])"
    rf"|[{_ROUND_OPEN}](?P<authors>{_AUTHOR_YEARS})[{_ROUND_CLOSE}]"
    rf"|(?P<raised>\$?\^(?:\{{\[?(?P<braced>{_RAISED_NUMBERS})\]?\}}|\[(?P<caret>{_RAISED_NUMBERS})\]"
    rf"|(?P<pandoc>\d[\d ,;–-]{{0,20}})\^"
    rf"|(?P<dollars>\d{{1,3}})(?=\$))\$?"
    rf"|⁽?[{_SUPERSCRIPT}][{_SUPERSCRIPT}⁻˒·]{{0,12}}⁾?|[{_CIRCLED}])"
    rf"|\\{_COMMANDS}\*?(?:\[[^\[\]\n]{{0,40}}\]){{0,2}}\{{(?P<command>[^{{}}\n]{{1,120}})\}}"
    rf"|<(?P<element>{_ELEMENTS})\b[^<>\n]{{0,80}}>(?P<content>[^<>\n]{{1,60}})</(?:{_ELEMENTS})>"
    rf"|<(?:{_ELEMENTS})[ \t:_-]{{0,2}}(?:id|ref|n|index)?[ \t=:]{{0,2}}[\"']?"
    rf"(?P<attribute>\d[\d ,;-]{{0,40}})[\"']? ?/?>"
    rf"|(?<![\w-])(?P<word>{_ANY_WORD})\s(?:no\.\s|\#)?(?P<worded>{_LISTED})(?![\w%]|\.\d)"
    rf")"
)
_UNFINISHED = re.compile(
    rf"`+\Z|[ \t]{{0,8}}(?:"
    rf"{_BEGUN_NESTED}"
    rf"|{_NESTED}{_BEGUN_LINK}"
    rf"|[{SQUARE_OPEN}]{_IN_SQUARE}{{0,120}}"
    rf"|[{SQUARE_OPEN}]{_IN_SQUARE}{{1,120}}[{SQUARE_CLOSE}](?:{_BEGUN_LINK}|{_BEGUN_RANGE}|(?:{_LINK})?[ \t]{{0,3}})"
    rf"|{_ROUND}(?:\d{_AFTER_NUMBER}(?:[{_ROUND_CLOSE}][ \t]{{0,3}})?)?"
    rf"|[{_ROUND_OPEN}]{_BEGUN_AUTHOR_YEARS}"
    rf"|\$|\$?\^[\[{{]{{0,2}}[\d ,;–—-]{{0,40}}[\]}}]{{0,2}}\^?"
    rf"|⁽?[{_SUPERSCRIPT}][{_SUPERSCRIPT}⁻˒·]{{0,12}}|⁽"
    rf"|\\[A-Za-z]{{0,15}}\*?(?:\[[^\[\]\n]{{0,40}}\]){{0,2}}(?:\[[^\[\]\n]{{0,40}})?|\\{_COMMANDS}\*?(?:\[[^\[\]\n]{{0,40}}\]){{0,2}}\{{[^{{}}\n]{{0,120}}"
    rf"|<[A-Za-z]{{0,10}}|<(?:{_ELEMENTS})[^<>\n]{{0,80}}(?:>[^<>\n]{{0,60}}(?:</?[a-z]{{0,10}})?)?"
    rf"|(?<![\w-])(?:{_BEGUN_WORD}|(?:{_ANY_WORD})\s(?:n|no|no\.|no\.\s|\#)?"
    rf"|(?:{_ANY_WORD})\s(?:no\.\s|\#)?{_LISTED}(?:\s?(?:,|&|–|-|a|an|and)?\s?|\.))"
    rf")?\Z"
)
_NEVER_CLOSED = re.compile(rf"[ \t]{{0,8}}[{SQUARE_OPEN}]\s*\^?\d[\d\s,;–—-]*\Z")
_OPENING = f"{SQUARE_OPEN}{_ROUND_OPEN}>-–—/,;"
_MAX_HELD = 200  # characters held back to see whether a form ends
_CONTEXT = 80  # characters before a form that are looked at
_FENCE = 3  # backticks
_SEPARATOR = re.compile(r"\s*(?:[,;/&+|、，；·˒]|\b(?:and|und|et|y)\b)\s*|(?<=\d)\s+(?=\d)", re.IGNORECASE)
_IDENTIFIER = re.compile(
    r"(?:arxiv\s*[:.]?\s*)?(?P<id>\d{4}\.\d{4,5}|[a-z-]+(?:\.[a-z]{2})?/\d{7})(?:v\d+)?", re.IGNORECASE
)
_NUMBERED = re.compile(
    r"[\^#@†*№]{0,2}\s*(?P<word>(?:[^\W\d_]+[ .:#°º_=-]{0,2}\s?){0,2}?)[\^#@(]?\s*(?P<first>\d{1,120})"
    r"(?:\s*(?:[-–—‐‑−~～]|\.\.+|\b(?:to|through)\b)\s*(?:[^\W\d_]+[ .:#_-]?)?\s*(?P<last>\d{1,120}))?[)^]?"
)
_RAISED = re.compile(rf"[{_SUPERSCRIPT}{_CIRCLED}][{_SUPERSCRIPT}⁻˒·]*")
_UNWRITTEN = re.compile(
    r"[*_~]{1,3}(?=[^\W_])|(?<=[^\W_])[*_~]{1,3}(?![^\W_])|</?[a-z]{1,8}>|[\u200b-\u200f\u2060\ufeff]"
)
"""Emphasis, elements and characters of no width within a marker."""

_TAIL = re.compile(
    r"\s*(?::\d+)?(?:[†‡].*|\|(?!\s*\d).*)|(?:\s*[:：.]|\s[-–—])\s+(?=[^\W\d_]).*|\s*,\s*(?:pp?|l|lines?|sec|section|abstract)\b\.?.*",
    re.IGNORECASE,
)
_NO_SOURCES = frozenset(
    "table tables figure figures fig figs section sections sec eq eqn eqs equation equations layer layers step steps"
    " stage stages phase chapter appendix algorithm alg theorem lemma corollary proposition definition level levels"
    " version page pages pp line lines task tasks part row rows column columns head heads block blocks epoch year years"
    " question hypothesis rule case option top rank order range interval bounds bound domain within index array list"
    " vector dimension size length shape token tokens bit bits node nodes".split()
)
_SOURCES = frozenset(
    "source src paper doc document ref reference abstract article study citation cite cited passage context chunk"
    " evidence entry publication work p s d r no number nr arxiv see".split()
)
_SETS = re.compile(r"(?:[∈=≈≤≥±]|[<>]\s|\b(?:in|from|over|to|of)\s+(?:the\s+)?(?:range|interval)s?)\s*\Z")
_LAST_WORD = re.compile(
    r"(?:\A|[.!?:(\n]\s*|\b(?:in|at|of|on|see|from|by|to|for|with|and|or|through)\s+)(?P<word>[^\W\d_]+)\.?\s*\Z",
    re.IGNORECASE,
)
"""A word that a number may belong to: without an article or adjective, as in "in layer [3]"."""

_CLAUSE_ENDS = re.compile(r"[ \t]{0,3}(?:[.,;:!?)|\]。，；：！？\n(（\[]|\Z)")
_RAISES = re.compile(r"(?:[^\W\d_]{4,}|[.,;:!?\"”’%×\]]|\s)[*_]*\s*\Z")
_BEHIND_MARKER = re.compile(r"\[\d+\](?:[,;]|\s?(?:and|or))\s?\Z")
_SINGLE_LETTER = re.compile(r"(?<!\w)[^\W\d_]\Z")


_ALL_AUTHOR_YEARS = re.compile(_AUTHOR_YEARS)
_CITED_NUMBER = re.compile(rf"(?:{'|'.join(sorted(_SOURCES))})s?\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FoundMarker:
    """What looks like a marker: its text, the ranges of numbers and the identifiers in it, and how it looks.

    `named` is set where a word says that it is a source, `doubtful` where the word before may be what is numbered
    ("step [3]"); `space` holds the blanks before it.
    """

    text: str
    ranges: tuple[tuple[int, int], ...]
    identifiers: tuple[str, ...]
    shape: Shape
    named: bool = False
    space: str = ""
    doubtful: bool = False


class MarkerScanner:
    """Finds markers in a text that arrives in pieces; code is left alone.

    `replace` returns the replacement of a marker, None to leave it as text. Text that looks like [1], but is no
    marker, is shown as [ 1 ].
    """

    def __init__(self, replace: Callable[[FoundMarker, str], str | None]) -> None:
        self._replace = replace
        self._held = ""
        self._last = ""  # the character before it
        self._before = ""  # the end of what was passed on
        self._code = ""  # the backticks that opened the code in which the text stands

    def feed(self, text: str) -> str:
        """Take a piece; return what can be shown so far."""
        self._held += text
        return self._scan(final=False)

    def flush(self) -> str:
        """Return what was held back, at the end of the text; a marker that never closed is dropped."""
        self._held = _NEVER_CLOSED.sub("", self._held)
        return self._scan(final=True)

    def _scan(self, final: bool) -> str:
        """Pass on text up to what may still become a marker, or reads differently with what follows."""
        text, at, out = self._last + self._held, len(self._last), ""
        while start := _START.search(text, at):
            begin = start.start()
            out += self._plain(text[at:begin])
            if not final and len(text) - begin <= _MAX_HELD and self._is_unfinished(text, begin):
                self._held, self._last = text[begin:], text[max(begin - 1, 0) : begin]
                return self._note(out)
            if not self._code and (bare := self._unstyled(text, begin, out)):
                text, at = bare, 0
                continue
            form = _FORM.match(text, begin)
            at = form.end() if form else begin + 1
            out += self._form(form, out) if form else self._plain(text[begin:at])
        self._held, self._last = "", text[-1:]
        return self._note(out + self._plain(text[at:]))

    def _is_unfinished(self, text: str, begin: int) -> bool:
        """Return whether what comes next may still make a form of the end of a text."""
        return bool(_UNFINISHED.match(text, begin) or (not self._code and _BEGUN_STYLE.match(text, begin)))

    def _unstyled(self, text: str, begin: int, out: str) -> str:
        """Return what is left of a text at a place, with the emphasis taken off markers; "" where none stands there.

        Emphasis opens after a space or a bracket; after a word its mark ends what is emphasised before.
        """
        style = _STYLE.match(text, begin)
        if style is None:
            return ""
        before = (self._before + out)[-1:]
        if style["mark"] and not style["space"] and before and not before.isspace() and before not in _OPENING:
            return ""
        bare = style["marked"] or style["tagged"] or f"[{style['escaped']}]"
        return style["space"] + bare + text[style.end() :]

    def _plain(self, text: str) -> str:
        if "\n" in text and len(self._code) < _FENCE:
            self._code = ""  # code within a line ends with it, whatever was forgotten
        return text

    def _note(self, shown: str) -> str:
        self._before = (self._before + shown)[-_CONTEXT:]
        return shown

    def _form(self, match: re.Match[str], out: str) -> str:
        if ticks := match["fence"]:
            if self._code in ("", ticks):
                self._code = "" if self._code else ticks
            return ticks
        if self._code:
            return _literal(match[0])
        before = (self._before + out)[-_CONTEXT:]
        found = _read(match, before)
        if found is None or (replacement := self._replace(found, before + match["space"])) is None:
            return _literal(match[0])
        return replacement


def substitute_markers(text: str, replace: Callable[[FoundMarker, str], str | None]) -> str:
    """Return a whole text with its markers replaced, as MarkerScanner does."""
    scanner = MarkerScanner(replace)
    return scanner.feed(text) + scanner.flush()


def without_markers(text: str) -> str:
    """Return the text without its citation markers."""
    return MARKERS.sub("", text)


def without_any_markers(text: str) -> str:
    """Return the text without markers in any form that a model may write."""
    return substitute_markers(text, lambda found, _: None if found.shape == "word" else "")


def _literal(text: str) -> str:
    return MARKER.sub(r"[ \1 ]", text)


def _read(match: re.Match[str], before: str) -> FoundMarker | None:
    """Read a match; None where its words or its surroundings say that it cites nothing."""
    space, text = match["space"], match[0]
    if match["word"]:
        return _found(text, match["worded"], "word", space, named=True)
    if match["nested"]:
        inner = ",".join(
            re.findall(rf"[{SQUARE_OPEN}]([^{SQUARE_OPEN}{SQUARE_CLOSE}]+)[{SQUARE_CLOSE}]", match["nested"])
        )
        return _found(text, inner, "square", space)
    if match["range"]:
        if _cites_nothing(before, space):
            return None
        return _found(text, f"{match['first']}–{match['last']}", "square", space)
    if match["raised"]:
        if not (before + space).strip() or not _RAISES.search(before + space):
            return None
        raised = (
            match["braced"] or match["caret"] or match["pandoc"] or match["dollars"] or _on_the_line(match["raised"])
        )
        return _found(text, raised, "raised", space)
    if match["round"]:
        return _read_round(match, before)
    if match["authors"]:
        return _found(text, match["authors"], "round", space)
    if match["square"]:
        numbered = _cites_nothing(before, space)
        if (numbered and not _ends_clause(match)) or (not space and _SINGLE_LETTER.search(before)):
            return None
        found = _found(text, match["square"], "square", space)
        return replace(found, doubtful=numbered) if found else None
    command = match["command"] or match["content"] or match["attribute"]
    if match["element"] == "sup" and not _RAISES.search(before + space):
        return None
    return _found(text, command.strip(" []()"), "command", space)


def _read_round(match: re.Match[str], before: str) -> FoundMarker | None:
    """Read round brackets: a number alone is a marker only at the end of a clause, not "(1) prune, (2) quantize"."""
    found = _found(match[0], match["round"][1:-1], "round", match["space"])
    if found is None or found.named or found.identifiers:
        return found
    at_line_start = not before.rpartition("\n")[2].strip(" \t*_>|-")
    begins_item = before.rstrip().endswith((",", ";", ":", "and", "or")) and not _BEHIND_MARKER.search(before)
    attached = not match["space"] and bool(before) and not before.endswith("]")
    return (
        None
        if at_line_start or not _ends_clause(match) or begins_item or attached or _cites_nothing(before, match["space"])
        else found
    )


def _ends_clause(match: re.Match[str]) -> bool:
    return bool(_CLAUSE_ENDS.match(match.string, match.end()))


def _cites_nothing(before: str, space: str) -> bool:
    """Return whether the text before says that a number counts layers, bounds a range or the like."""
    word = _LAST_WORD.search(before)
    return bool(_SETS.search(before)) or bool(space and word and word["word"].casefold() in _NO_SOURCES)


def _found(text: str, inner: str, shape: Shape, space: str, named: bool = False) -> FoundMarker | None:
    """Read the inside of a marker; None where it holds no number or identifier, or something else besides."""
    if _ALL_AUTHOR_YEARS.fullmatch(inner) and not _CITED_NUMBER.match(inner):
        return FoundMarker(text, (), tuple(re.split(r";\s?", inner)), shape, True, space)
    ranges: list[tuple[int, int]] = []
    identifiers: list[str] = []
    inner = _UNWRITTEN.sub("", re.sub(r"\][,; ]*\[", ",", _RAISED.sub(lambda raised: _on_the_line(raised[0]), inner)))
    parts = [part for part in _SEPARATOR.split(_TAIL.sub("", inner.strip())) if part]
    for i, part in enumerate(parts):
        if identifier := _IDENTIFIER.fullmatch(part):
            identifiers.append(identifier["id"])
        elif numbered := _NUMBERED.fullmatch(part):
            words = [word.casefold() for word in re.findall(r"[^\W\d_]+", numbered["word"])]
            singular = {word.removesuffix("s") or word for word in words}
            if any(word in _NO_SOURCES for word in words) or (shape == "round" and not singular <= _SOURCES):
                return None
            named = named or bool(words)
            first = int(numbered["first"])
            ranges.append((first, int(numbered["last"] or first)))
        elif not (i and ranges and shape == "square" and re.search(r"[^\W\d_]{2}", part)):
            return FoundMarker(text, (), (inner.strip(),), shape, True, space) if shape == "square" and i == 0 else None
    return FoundMarker(text, tuple(ranges), tuple(identifiers), shape, named, space) if ranges or identifiers else None


def _on_the_line(raised: str) -> str:
    """Return superscript or circled digits as plain ones."""
    plain = unicodedata.normalize("NFKC", raised.replace("⁻", "-").replace("·", ","))
    if plain and not plain[0].isascii() and plain[0].isnumeric():
        return str(int(unicodedata.numeric(plain[0])))
    return plain.strip("()")
