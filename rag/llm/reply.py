"""What a reply says: JSON of a schema, refusals to answer, and text made safe to print."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from rag.llm.protocol import Message
from rag.text.sanitize import sanitize_markdown

_CANNOT = r"(?:can[’']?t|cannot|can not|won[’']?t|(?:am|[’']m) (?:not able|unable) to|do(?: not|n[’']t) feel)"
_REFUSAL = re.compile(
    r"^[\s*_>-]*(?:(?:i[’']?m|i am) (?:really |very |so )?(?:sorry|afraid)|sorry[*_]*\s*[,.!–—-]"
    r"|sorry (?:but|i|for|about)\b|my apologies|i apologi[sz]e"
    rf"|(?:unfortunately,? )?i ?{_CANNOT}|as an? (?:ai|(?:large )?language model)\b"
    r"|i must decline|i (?:refuse|decline)\b)",
    re.IGNORECASE,
)
_JSON_TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}
_CONTROLS = {code: None for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"}
_HTML_TAG = re.compile(r"<(?:!doctype|html|head|body|title|center|h1|div|p|script)\b", re.IGNORECASE)
_HTML_TITLE = re.compile(r"<title[^>]*>([^<]{1,100})</title", re.IGNORECASE)
_KEYS = re.compile(r"(?:\bsk-|\bBearer\s+|\bhf_|\bgsk_)[\w.*-]{4,}", re.IGNORECASE)
_EXCERPT_CHARACTERS = 200
_MOST_READINGS = 20  # of a reply in which an object is looked for


def is_refusal(text: str) -> bool:
    """Return whether a reply declines to answer: it says so in its first words and cites nothing."""
    from rag.text.citation_markers import MARKER  # compiles large patterns

    return bool(_REFUSAL.match(text)) and not MARKER.search(text)


def fold_system(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Return the messages with what the system says at the head of what the user says first."""
    instructions = "\n\n".join(each.content for each in messages if each.role == "system")
    others = [each for each in messages if each.role != "system"]
    if not instructions or not others or others[0].role != "user":
        return (Message("user", instructions), *others) if instructions else tuple(others)
    return (Message("user", f"{instructions}\n\n{others[0].content}"), *others[1:])


def ask_for_json(schema: Mapping[str, Any], messages: Sequence[Message]) -> tuple[Message, ...]:
    """Return the messages with a request for JSON of a schema, for endpoints that cannot be forced to it."""
    *before, last = messages
    form = json.dumps(schema, ensure_ascii=False)
    asked = f"{last.content}\n\nAnswer with one JSON object of this JSON schema, and with nothing else:\n{form}"
    return (*before, Message(last.role, asked))


def find_object(text: str, schema: Mapping[str, Any]) -> str | None:
    """Return the first JSON object in a text that matches a schema, verbatim; None if there is none.

    The time is linear: where objects stand in objects that do not match, the text is read 20 times and no more.
    """
    decoder = json.JSONDecoder(strict=False)
    start, unread = text.find("{"), _MOST_READINGS * len(text)
    while start >= 0 and unread > 0:
        try:
            value, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError) as error:
            value, end = None, getattr(error, "pos", len(text))
        if isinstance(value, dict) and matches_schema(value, schema):
            return text[start:end]
        unread -= end - start + start // 64  # json's error counts the lines before it, some 64 times as fast
        start = text.find("{", start + 1)
    return None


def matches_schema(value: Any, schema: Mapping[str, Any]) -> bool:
    """Return whether a value has the types, required properties and enumerated values of a JSON schema.

    Other keywords are ignored, and additional properties are allowed.
    """
    if "enum" in schema and value not in schema["enum"]:
        return False
    if not _has_type(value, schema.get("type")):
        return False
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        return all(name in value for name in schema.get("required", ())) and all(
            matches_schema(value[name], inner) for name, inner in properties.items() if name in value
        )
    if isinstance(value, list):
        return all(matches_schema(each, schema.get("items", {})) for each in value)
    return True


def _has_type(value: Any, kind: Any) -> bool:
    kinds = kind if isinstance(kind, list | tuple) else (kind,) if kind else ()
    if isinstance(value, bool):
        return not kinds or "boolean" in kinds
    return not kinds or any(isinstance(value, _JSON_TYPES.get(each, object)) for each in kinds)


def printable(text: str) -> str:
    """Remove control characters, join surrogate pairs, and replace lone surrogates."""
    if text.isprintable():
        return text
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return whole.translate(_CONTROLS)


class PrintableStream:
    """Makes streamed text printable where a piece may end in half a surrogate pair."""

    def __init__(self) -> None:
        self._half = ""

    def feed(self, text: str) -> str:
        """Return the printable text that is complete with this piece."""
        text = self._half + text
        self._half = text[-1:] if "\ud800" <= text[-1:] <= "\udbff" else ""
        return printable(text[: len(text) - len(self._half)])


def is_web_page(text: str) -> bool:
    """Return whether a text begins as HTML."""
    return bool(_HTML_TAG.search(text[:2000]))


def excerpt(text: str, key: str | None = None) -> str:
    """Return a server's words as one short line without markup, the API key, or anything that looks like one."""
    text = text[:4000]
    if text.count("\ufffd") > len(text) / 10:
        return "binary data"
    if is_web_page(text):
        title = _HTML_TITLE.search(text)
        text = f"a web page, “{title.group(1)}”" if title else "a web page"
    line = " ".join(printable(text).split())
    if key:
        line = line.replace(key, "…")
    line = sanitize_markdown(_KEYS.sub("…", line))
    return line if len(line) <= _EXCERPT_CHARACTERS else line[: _EXCERPT_CHARACTERS - 1] + "…"
