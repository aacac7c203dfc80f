"""Tells a model's reasoning from its answer in streamed text (pure).

A block opens at the start of the reply or of a line, since an answer may well speak of `<think>` tags.
"""

from __future__ import annotations

import re

_TAG = re.compile(r"<(/?)(think|thinking|thought|reasoning)>", re.IGNORECASE)
_TAGS = tuple(f"<{slash}{name}>" for slash in ("", "/") for name in ("think", "thinking", "thought", "reasoning"))
_LONGEST = max(map(len, _TAGS))
_REASONERS = re.compile(
    r"(?:^|[^a-z0-9])(?:r1|qwq|qvq|think(?:ing|er)|reason(?:ing|er)|magistral)(?![a-z])", re.IGNORECASE
)


class ThoughtShown(ValueError):
    """A closing tag came without an opening one: what was given as answer was reasoning."""


def may_start_inside(model: str) -> bool:
    """Tell whether a model's name says that it reasons first, and so may start in a block that its prompt opened."""
    return bool(_REASONERS.search(model))


class ThoughtFilter:
    """Passes the answer on and drops `<think>` blocks, which may be split across pieces or never end.

    With `inside`, text is held back until a block opens or closes, or the reply ends without one.
    """

    def __init__(self, inside: bool = False) -> None:
        self._inside = inside
        self._held = ""
        self._block: str | None = None
        self._line_start = True
        self._trim = False
        self._mentioned = False
        self._shown = False
        self.thought = False

    def trust(self) -> None:
        """Note that the server sends reasoning apart, so that nothing needs to be held back."""
        self._inside = False
        self.thought = True

    def feed(self, text: str) -> str:
        """Give the answer's text that is certain with this piece; raises ThoughtShown."""
        self._held += text
        return "".join(iter(lambda: self._step(final=False), None))

    def flush(self) -> str:
        """Give what was held back, at the reply's end; raises ThoughtShown."""
        text = "".join(iter(lambda: self._step(final=True), None))
        self._inside = False
        return text + "".join(iter(lambda: self._step(final=True), None))

    def _step(self, final: bool) -> str | None:
        """Settle the held text up to its next tag; None where nothing more can be settled."""
        if not self._held:
            return None
        if self._block or self._inside:
            return self._skip()
        found = _TAG.search(self._held)
        if not found:
            return self._before(len(self._held) if final else _settled(self._held))
        if found.start():
            return self._before(found.start())
        self._held = self._held[found.end() :]
        return self._at(found)

    def _skip(self) -> str | None:
        """Drop what stands inside a block."""
        for found in _TAG.finditer(self._held):
            closes, name = bool(found.group(1)), found.group(2).lower()
            opens = not closes and self._inside and not self._held[: found.start()].strip()
            if opens or (closes and self._block in (name, None)):
                self._held = self._held[found.end() :]
                self._inside, self._block = False, name if opens else None
                self.thought = self._trim = True
                return ""
        if self._block:
            self._held = self._held[-_LONGEST:]
        return None

    def _at(self, tag: re.Match[str]) -> str:
        if not tag.group(1) and self._line_start:
            self._block, self.thought = tag.group(2).lower(), True
            return ""
        if tag.group(1) and not self._mentioned:
            if self._shown:
                raise ThoughtShown(tag.group())
            self.thought = self._trim = True
            return ""
        self._mentioned = True
        return self._emitted(tag.group())

    def _before(self, end: int) -> str | None:
        text, self._held = self._held[:end], self._held[end:]
        return self._emitted(text) if text else None

    def _emitted(self, text: str) -> str:
        if self._trim:
            text = text.lstrip()
            self._trim = not text
        line = text.rpartition("\n")
        self._line_start = not line[2].strip() and (bool(line[1]) or self._line_start)
        self._shown = self._shown or bool(text.strip())
        return text


def _settled(text: str) -> int:
    """Find where a tag that is not complete yet may begin."""
    start = text.rfind("<", max(len(text) - _LONGEST, 0))
    tail = text[start:].lower()
    return start if start >= 0 and any(tag.startswith(tail) for tag in _TAGS) else len(text)
