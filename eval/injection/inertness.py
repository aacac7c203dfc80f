"""What is active in a text that a reader is shown, by a CommonMark parser and by what renderers link of themselves.

Nothing here is shared with the code that makes the texts inert.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator
from functools import cache
from typing import Any, Literal

Fault = Literal["image", "html", "link", "address", "control", "marker"]
_ACTIVE: dict[str, Fault] = {
    "image": "image",
    "html_inline": "html",
    "html_block": "html",
    "link_open": "link",
}
_ADDRESS = re.compile(
    r"[a-z][a-z0-9+.-]+://\S|\bwww\.\w|\b(?:javascript|vbscript|mailto):\S|\bdata:\w+/\w"
    r"|[\w.+-]@(?=[\w.-]*[a-z])[\w-]+\.\w|\b[a-z0-9-]+\.(?:com|org|net|biz|info|edu|gov|example)\b",
    re.IGNORECASE,
)
_MARKER = re.compile(r"\[(\d+)\]")
_VISIBLE = "\n\t"


def faults(text: str, numbers: Collection[int] = (), addresses: Collection[str] = ()) -> frozenset[Fault]:
    """List what is active in a Markdown text; `numbers` may be cited in it, and `addresses` may stand in it."""
    found: set[Fault] = set(_rendered(text, addresses))
    bare = text
    for address in addresses:
        bare = bare.replace(address, " ")
    if _ADDRESS.search(bare):
        found.add("address")
    if any(unicodedata.category(each) in ("Cc", "Cf", "Cs", "Zl", "Zp") for each in text if each not in _VISIBLE):
        found.add("control")
    if any(int(number) not in numbers for number in _MARKER.findall(text)):
        found.add("marker")
    return frozenset(found)


def _rendered(text: str, addresses: Collection[str]) -> Iterator[Fault]:
    for token in _parser().parse(text):
        for each in (token, *(token.children or ())):
            fault = _ACTIVE.get(each.type)
            if fault and not (fault == "link" and each.attrs.get("href") in addresses):
                yield fault


@cache
def _parser() -> Any:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
