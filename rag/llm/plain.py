"""Makes what a server sends fit to be printed (pure): no control characters, no halves of characters, no pages."""

from __future__ import annotations

import re

from rag.text.sanitize import sanitize_markdown

_CONTROLS = {code: None for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"}
_TAG = re.compile(r"<(?:!doctype|html|head|body|title|center|h1|div|p|script)\b", re.IGNORECASE)
_TITLE = re.compile(r"<title[^>]*>([^<]{1,100})</title", re.IGNORECASE)
_KEYS = re.compile(r"(?:\bsk-|\bBearer\s+|\bhf_|\bgsk_)[\w.*-]{4,}", re.IGNORECASE)
_LONGEST = 200  # characters of a server's own words that are shown


def printable(text: str) -> str:
    """Drop control characters, join the halves of characters, and replace a half that stands alone."""
    if text.isprintable():
        return text
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return whole.translate(_CONTROLS)


class Joiner:
    """Makes a stream of pieces printable, where a piece may end in half a character."""

    def __init__(self) -> None:
        self._half = ""

    def feed(self, text: str) -> str:
        """Give the printable text that is complete with this piece."""
        text = self._half + text
        self._half = text[-1:] if "\ud800" <= text[-1:] <= "\udbff" else ""
        return printable(text[: len(text) - len(self._half)])


def is_page(text: str) -> bool:
    """Tell whether a text is a web page."""
    return bool(_TAG.search(text[:2000]))


def quoted(text: str, key: str | None = None) -> str:
    """Give a server's words in one short line without markup, and without the key or anything that looks like one."""
    text = text[:4000]
    if text.count("\ufffd") > len(text) / 10:
        return "bytes that are no text"
    if is_page(text):
        title = _TITLE.search(text)
        text = f"a web page, “{title.group(1)}”" if title else "a web page"
    line = " ".join(printable(text).split())
    if key:
        line = line.replace(key, "…")
    line = sanitize_markdown(_KEYS.sub("…", line))
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
