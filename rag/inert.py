"""Makes streamed Markdown inert (pure): no raw HTML, image, link or address that a model wrote stays one.

A model repeats what it reads, and abstracts may hold anything; an image that a page loads can carry data away. Links to
papers are made from citations, by code.
"""

from __future__ import annotations

import re

_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_DEFINITION = re.compile(r"(?<=\n)([ \t>]*\[[^\]\n]{0,200}\]):")
_ADDRESS = re.compile(
    r"(?:\b(?:https?://|ftp://|file:|javascript:|data:(?=\S)|mailto:)|\bwww\.|(?<![\w:])//(?=\w))[^\s)\]>]*",
    re.IGNORECASE,
)
_MAIL = re.compile(r"@[\w-]+(?:\.[\w-]+)+")
_REMOVED = "(link removed)"
_SCHEMES = ("https:", "http:", "ftp:", "file:", "javascript:", "data:", "mailto:", "www.", "//")
_PREFIXES = frozenset(scheme[:length] for scheme in _SCHEMES for length in range(1, len(scheme)))
_LAST_WORD = re.compile(r"[^\s(\[\])!<>*_|\"'“]*\Z")
_LAST_LINE = re.compile(r"[ \t>]*(?:\[[^\]\n]{0,200}\]?)?\Z")
_LONGEST = 300  # characters that are held back to see what they become


class InertMarkdown:
    """Passes text on as it comes, holding back only what may yet become a tag, a link or an address."""

    def __init__(self) -> None:
        self._held = ""
        self._before = "\n"  # the character that was passed on last

    def feed(self, text: str) -> str:
        """Take a piece; return what can be shown so far."""
        self._held += text
        ready = self._ready()
        shown, self._held = self._held[:ready], self._held[ready:]
        return self._pass(shown)

    def flush(self) -> str:
        """Return what was held back, at the end of the text."""
        shown, self._held = self._held, ""
        return self._pass(shown)

    def _ready(self) -> int:
        """Find how much of what is held can no longer change its meaning."""
        held = self._held
        ready = len(held)
        word = _LAST_WORD.search(held)
        if word and _may_be_address(word[0]):
            ready = min(ready, word.start())
        start = held.rfind("\n") + 1
        if (start or self._before == "\n") and _LAST_LINE.match(held, start):
            ready = min(ready, start)
        while ready and held[ready - 1] in "<]!":
            ready -= 1
        return ready if len(held) - ready <= _LONGEST else len(held)

    def _pass(self, text: str) -> str:
        if not text:
            return ""
        shown = inert(self._before + text)[1:]
        self._before = text[-1]
        return shown


def _may_be_address(word: str) -> bool:
    lower = word.lower()
    return lower in _PREFIXES or any(scheme in lower for scheme in _SCHEMES) or "@" in word


def inert(text: str) -> str:
    """Make a whole text inert; "<" before a letter becomes "‹", and an address "(link removed)"."""
    text = _TAG.sub("‹", text)
    text = _DEFINITION.sub(r"\1 :", text)
    text = _MAIL.sub(_REMOVED, _ADDRESS.sub(_REMOVED, text))
    return text.replace("](", "] (").replace("![", "! [")
