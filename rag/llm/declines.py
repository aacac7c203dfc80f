"""Whether a model declined to answer."""

from __future__ import annotations

import re

from rag.text.citation_markers import MARKER

_CANNOT = r"(?:can[’']?t|cannot|can not|won[’']?t|(?:am|[’']m) (?:not able|unable) to|do(?: not|n[’']t) feel)"
_DECLINES = re.compile(
    r"^[\s*_>-]*(?:(?:i[’']?m|i am) (?:really |very |so )?(?:sorry|afraid)|sorry[*_]*\s*[,.!–—-]"
    r"|sorry (?:but|i|for|about)\b|my apologies|i apologi[sz]e"
    rf"|(?:unfortunately,? )?i ?{_CANNOT}|as an? (?:ai|(?:large )?language model)\b"
    r"|i must decline|i (?:refuse|decline)\b)",
    re.IGNORECASE,
)


def declines(text: str) -> bool:
    """Tell a model's refusal to answer: it says so at once, and cites nothing."""
    return bool(_DECLINES.match(text)) and not MARKER.search(text)
