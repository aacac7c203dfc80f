"""Sanitizing of untrusted Markdown, whole or streamed: raw HTML, images, links and addresses are disabled.

A model may repeat anything it reads in an abstract, and an image loaded by a page can leak data. Links to papers are
created by code from citations. Addresses are those that GitHub's Markdown and linkify-it link automatically, except
two-letter domains without a path ("train.py").
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
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_OPEN_ENTITY = re.compile(r"&[#\w]{0,32}\Z", re.ASCII)

# Of an address, without trailing punctuation; letters that are written without spaces between them end it.
_REST = r"(?:[^\s)\]>\u2e80-\uffef]*[^\s)\]>.,;:!?*_\"'”’|\u2e80-\uffef])?"
# "Character.ai-based" is no address, but many linkers take "evil.com-" for one.
_DOMAIN = (
    r"(?:\.[\w-]{1,63}){0,9}\.(?:(?:(?i:com|org|biz|edu|gov|info)|net|example)(?!\w)|(?:io|ai|dev|app|xyz)(?!-*\w))"
)
_START = r"(?<![A-Za-z0-9])"
_ADDRESS = re.compile(
    rf"(?:{_START}(?i:https?|ftp|file))?://(?=\S){_REST}"
    rf"|{_START}(?i:javascript|vbscript|mailto|tel|sms|file|data(?=:[\w/;,])):(?=\S){_REST}"
    rf"|{_START}(?i:www)\.(?=\w){_REST}"
    rf"|(?<![\w:/])//(?=[\w-]+\.\w|localhost|\[){_REST}"
)
_HOST = re.compile(rf"(?<=[^\s.])(?:{_DOMAIN}|(?:\.[\w-]{{1,63}}){{0,9}}\.[a-z]{{2}}(?=/\w))(?:[/?#:]{_REST})?")
_MAIL = re.compile(r"@[\w-]+(?:\.[\w-]+)+")
_VALUE = re.compile(r"@\d+(?:\.\d+)+\Z")
_REMOVED = "(link removed)"
_SCHEMES = ("https", "ftp", "file", "javascript", "vbscript", "data", "mailto", "tel", "sms", "www")
_PREFIXES = frozenset(scheme[:length] for scheme in _SCHEMES for length in range(1, len(scheme) + 1))
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_WORD_BOUNDARY = re.compile(r"(?s:.*)[\s\u2e80-\uffef]")
_PLAIN_WORD = re.compile(r"[\w,;%'’-]*\Z")
_LAST_LETTERS = re.compile(r"[A-Za-z]*\Z")
_IN_ADDRESS = re.compile(r"[^\s)\]>\u2e80-\uffef]*")
_MAX_SCHEME = 12  # letters; with fewer, the end of "metadata:" could be taken for a scheme
_MAX_HELD = 300  # characters of an unfinished word that are buffered


def decode_visible(text: str) -> str:
    """Return the text without invisible characters, with HTML entities decoded."""
    return _decoded(_INVISIBLE.sub("", text))


def strip_invisible(text: str) -> str:
    """Return the text without invisible characters: controls, bidirectional marks, tags."""
    return _INVISIBLE.sub("", text)


def decode_entities(text: str) -> str:
    """Return the text with HTML entities decoded."""
    return _ENTITY.sub(lambda match: html.unescape(match[0]), text)


def _decoded(text: str) -> str:
    return _SEPARATOR.sub(" ", _INVISIBLE.sub("", decode_entities(text)))


def sanitize_markdown(text: str) -> str:
    """Return Markdown with nothing active: "<" of a tag becomes "‹", and an address "(link removed)"."""
    return _disabled(decode_visible(text))


def _disabled(text: str) -> str:
    """Disable active markup; what would be decoded as an entity keeps its literal characters."""
    text = _ENTITY.sub(lambda match: f"& {match[0][1:]}", text)
    text = _TAG.sub("‹", text).replace("]:", "] :")
    text = _ADDRESS.sub(_REMOVED, text)
    text = _HOST.sub(f" {_REMOVED}", _MAIL.sub(_mail, text))
    return text.replace("](", "] (").replace("![", "! [")


def _mail(match: re.Match[str]) -> str:
    """Remove an e-mail address; keep "mAP@0.5" from being linked as one."""
    return f" {match[0]}" if _VALUE.match(match[0]) else f" {_REMOVED}"


class _StreamingFilter:
    """Transforms text as it arrives, buffering an end whose meaning depends on what follows."""

    def __init__(self, ready_length: Callable[[str], int], transform: Callable[[str], str]) -> None:
        self._ready_length = ready_length
        self._transform = transform
        self._held = ""

    def feed(self, text: str) -> str:
        """Add a piece of text; return what is ready for display."""
        self._held += text
        ready = self._ready_length(self._held)
        shown, self._held = self._held[:ready], self._held[ready:]
        return self._transform(shown)

    def flush(self) -> str:
        """Return the buffered rest at the end of the text."""
        shown, self._held = self._held, ""
        return self._transform(shown)


class StreamingDecoder(_StreamingFilter):
    """Applies `decode_visible` to a text that arrives in pieces."""

    def __init__(self) -> None:
        super().__init__(_whole_entities, _decoded)

    def feed(self, text: str) -> str:
        """Add a piece of text; return what is ready for display."""
        return super().feed(_INVISIBLE.sub("", text))


class StreamingSanitizer(_StreamingFilter):
    """Applies `sanitize_markdown` to decoded text that arrives in pieces; a possible address is buffered whole.

    Do not remove anything from its output: the parts on both sides could join to form a tag.
    """

    def __init__(self) -> None:
        super().__init__(_whole_words, self._sanitized)
        self._before = "\n"  # end of the last output: the letters of an unfinished word, or one character
        self._in_address = False  # longer than the buffer; only its beginning was replaced

    def _sanitized(self, text: str) -> str:
        if self._in_address:
            rest = _IN_ADDRESS.match(text)[0]  # type: ignore[index]
            text = text[len(rest) :]
            self._in_address = not text
        if not text:
            return ""
        shown = _disabled(self._before + text).removeprefix(self._before)
        if len(text) - _last_word(text) > _MAX_HELD:
            self._in_address = shown.endswith(_REMOVED)
            shown += "" if self._in_address else " "
        letters = _LAST_LETTERS.search(shown[-_MAX_SCHEME:])[0]  # type: ignore[index]
        self._before = letters or shown[-1:]
        return shown


def _whole_entities(held: str) -> int:
    unfinished = _OPEN_ENTITY.search(held)
    return unfinished.start() if unfinished else len(held)


def _whole_words(held: str) -> int:
    """Return the length before the last word, or the whole length where that word cannot become an address."""
    start = _last_word(held)
    word = held[start:]
    letters = _LAST_LETTERS.search(word[-_MAX_SCHEME:])[0].lower()  # type: ignore[index]
    if len(word) > _MAX_HELD or (_PLAIN_WORD.match(word) and letters not in _PREFIXES):
        return len(held)
    return start


def _last_word(text: str) -> int:
    """Return where the last word of a text begins: its length where a text ends between words."""
    cut = _WORD_BOUNDARY.match(text)
    return cut.end() if cut else 0
