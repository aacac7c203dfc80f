"""Makes streamed Markdown inert (pure): no raw HTML, image, link or address that a model wrote stays one.

A model repeats what it reads, and abstracts may hold anything; an image that a page loads can carry data away. Links to
papers are made from citations, by code. What is taken for an address is what GitHub's Markdown and linkify-it link of
themselves, two-letter domains without a path left out ("train.py").
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable

_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_SEPARATOR = re.compile("[\u2028\u2029]")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_OPEN_ENTITY = re.compile(r"&[#\w]{0,32}\Z", re.ASCII)

_REST = r"(?:[^\s)\]>]*[^\s)\]>.,;:!?*_\"'”’|])?"  # of an address, without the punctuation behind it
# "Character.ai-based" is no address, where "evil.com-" is one to many that look for them.
_DOMAIN = r"(?:\.[\w-]+)*\.(?:(?:(?i:com|org|biz|edu|gov|info)|net|example)(?!\w)|(?:io|ai|dev|app|xyz)(?!-*\w))"
_START = r"(?<![A-Za-z0-9])"
_ADDRESS = re.compile(
    rf"(?:{_START}(?i:https?|ftp|file))?://(?=\S){_REST}"
    rf"|{_START}(?i:javascript|vbscript|mailto|file|data(?=:[\w/;,])):(?=\S){_REST}"
    rf"|{_START}(?i:www)\.(?=\w){_REST}"
    rf"|(?<![\w:/])//(?=[\w-]+\.\w|localhost|\[){_REST}"
)
_HOST = re.compile(rf"(?<=[^\s.])(?:{_DOMAIN}|(?:\.[\w-]+)*\.[a-z]{{2}}(?=/\w))(?:[/?#:]{_REST})?")
_MAIL = re.compile(r"@[\w-]+(?:\.[\w-]+)+")
_VALUE = re.compile(r"@\d+(?:\.\d+)+\Z")
_REMOVED = "(link removed)"
_SCHEMES = ("https", "ftp", "file", "javascript", "vbscript", "data", "mailto", "www")
_PREFIXES = frozenset(scheme[:length] for scheme in _SCHEMES for length in range(1, len(scheme) + 1))
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_CUT = re.compile(r"(?s:.*)[\s\u2e80-\uffef]")  # behind it a new word begins
_PLAIN_WORD = re.compile(r"[\w,;%'’-]*\Z")
_LAST_LETTERS = re.compile(r"[A-Za-z]*\Z")
_IN_ADDRESS = re.compile(r"[^\s)\]>]*")
_LONGEST_SCHEME = 12  # letters: with fewer, the end of "metadata:" could be taken for an address
_LONGEST = 300  # characters of a word that are held back to see what it becomes


def decode_visible(text: str) -> str:
    """Drop the characters that are not seen, and decode HTML's entities."""
    return _decoded(_INVISIBLE.sub("", text))


def strip_invisible(text: str) -> str:
    """Drop the characters that are not seen but steer: controls, directions, tags."""
    return _INVISIBLE.sub("", text)


def _decoded(text: str) -> str:
    decoded = _ENTITY.sub(lambda match: html.unescape(match[0]), text)
    return _SEPARATOR.sub(" ", _INVISIBLE.sub("", decoded))


def sanitize_markdown(text: str) -> str:
    """Make a whole text inert: "<" before a letter becomes "‹", and an address "(link removed)"."""
    return _broken(decode_visible(text))


def _broken(text: str) -> str:
    """Break what is active; what would read as an entity is left as the characters that it is written with."""
    text = _ENTITY.sub(lambda match: f"& {match[0][1:]}", text)
    text = _TAG.sub("‹", text).replace("]:", "] :")
    text = _ADDRESS.sub(_REMOVED, text)
    text = _HOST.sub(f" {_REMOVED}", _MAIL.sub(_mail, text))
    return text.replace("](", "] (").replace("![", "! [")


def _mail(match: re.Match[str]) -> str:
    """Remove an address; "mAP@0.5" is none, but would be linked as one."""
    return f" {match[0]}" if _VALUE.match(match[0]) else f" {_REMOVED}"


class _Held:
    """Passes text on as it comes, holding back what its end may yet become."""

    def __init__(self, ready: Callable[[str], int], pass_on: Callable[[str], str]) -> None:
        self._ready = ready
        self._pass_on = pass_on
        self._held = ""

    def feed(self, text: str) -> str:
        """Take a piece; return what can be shown so far."""
        self._held += text
        ready = self._ready(self._held)
        shown, self._held = self._held[:ready], self._held[ready:]
        return self._pass_on(shown)

    def flush(self) -> str:
        """Return what was held back, at the end of the text."""
        shown, self._held = self._held, ""
        return self._pass_on(shown)


class StreamingDecoder(_Held):
    """`visible` for a text that arrives in pieces."""

    def __init__(self) -> None:
        super().__init__(_whole_entities, _decoded)

    def feed(self, text: str) -> str:
        """Take a piece; return what can be shown so far."""
        return super().feed(_INVISIBLE.sub("", text))


class StreamingSanitizer(_Held):
    """Makes a visible text inert that arrives in pieces; a word that may yet become an address is held back whole.

    Nothing may be taken out of the text afterwards, for what is left on both sides could join to a tag.
    """

    def __init__(self) -> None:
        super().__init__(_whole_words, self._break)
        self._before = "\n"  # what was passed on last: the letters of a word that may go on, or one character
        self._in_address = False  # one so long that only its beginning was replaced

    def _break(self, text: str) -> str:
        if self._in_address:
            rest = _IN_ADDRESS.match(text)[0]  # type: ignore[index]
            text = text[len(rest) :]
            self._in_address = not text
        if not text:
            return ""
        shown = _broken(self._before + text).removeprefix(self._before)
        if len(text) > _LONGEST and not _CUT.fullmatch(text):
            self._in_address = shown.endswith(_REMOVED)
            shown += "" if self._in_address else " "
        letters = _LAST_LETTERS.search(shown)[0]  # type: ignore[index]
        self._before = (letters or shown)[-(_LONGEST_SCHEME if letters else 1) :]
        return shown


def _whole_entities(held: str) -> int:
    unfinished = _OPEN_ENTITY.search(held)
    return unfinished.start() if unfinished else len(held)


def _whole_words(held: str) -> int:
    """Find where the last word begins that can still change its meaning."""
    cut = _CUT.match(held)
    start = cut.end() if cut else 0
    word = held[start:]
    letters = _LAST_LETTERS.search(word)[0].lower()  # type: ignore[index]
    if len(word) > _LONGEST or (_PLAIN_WORD.match(word) and letters not in _PREFIXES):
        return len(held)
    return start
