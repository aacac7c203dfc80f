"""Recognise questions for one half-remembered paper: "that paper about …", "something along those lines"."""

from __future__ import annotations

import re

from rag.query.understanding.mentions import FILLER, NUMBER, PAPER

_ASKING = (
    r"(?:who|whom|whose|what|which|when|where|why|how|is|are|was|were|do|does|did|has|have|had|can|could|will|would"
    r"|should|any|anyone|anybody|anything|list|show|give|find|name|compare|contrast|explain|describe|tell|summari[sz]e"
    r"|and|or|but|on|in|at|by|to|for|with|from|of|under|after)\b"
)
_TOLD = rf"^(?!{FILLER[1:]}{_ASKING})"
_LOOKUP = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"{FILLER}(?:i(?:['’]m|\s+am)\s+looking\s+for\s+|find\s+(?:me\s+)?|looking\s+for\s+|show\s+me\s+"
        rf"|i\s+need\s+|where(?:['’]s|\s+is)\s+|do\s+you\s+(?:know|have)\s+)?(?:that"
        rf"|this)\s+(?:[\w-]+\s+){{0,6}}?{PAPER}(?<!s)\b(?!['’])",
        rf"{FILLER}(?:find\s+(?:me\s+)?|looking\s+for\s+|i(?:['’]m|\s+am)\s+looking\s+for\s+|show\s+me\s+"
        rf"|i\s+need\s+)?the\s+(?:[\w-]+\s+){{0,4}}{PAPER}(?<!s)\s+(?:where|that|with|about|in\s+which|on|which"
        rf"|called|titled|by)\b",
        rf"{FILLER}(?:find\s+(?:me\s+)?|open\s+|show\s+me\s+)?the\s+(?:[\w.+-]+\s+){{1,5}}paper\s*[.?!]?$",
        r"\bi\s+(?:vaguely\s+|dimly\s+|faintly\s+|once\s+|think\s+i\s+)?(?:remember|recall|once\s+read|read|saw"
        r"|came\s+across)\b.*\b(?:paper|title|article|work|framework|method|system|preprint|survey|something|study"
        r"|name)\b",
        rf"{FILLER}(?:(?:give|show|find|tell)\s+me\s+)?(?:the\s+)?(?:title|abstract|link|url|authors?)\s+(?:of"
        rf"|to)\s+(?:the|that)\b",
        rf"\b(?:trying\s+to\s+(?:find|remember|recall)|there\s+(?:was|is)\s+(?:this|that))\b[^?.]*\b{PAPER}(?<!s)\b",
        rf"\bwhat(?:['’]?s|\s+is|\s+was)\s+(?:the|that)\s+(?!(?:main|key|point|idea|difference|best|gist"
        rf"|contribution|title|name)\b(?!-))(?:(?:(?!\b(?:that|in|of|from|by)\s+(?:the|this"
        rf"|that)\b)[^?.]){{1,80}}\s)?{PAPER}(?<!s)\b",
        r"\bwhich\s+(?:one|paper|article|preprint|framework|system)\s+(?:was|is)\s+(?:it|that)\b",
        rf"\b(?:{PAPER}(?<!s)|which\s+one)\b.*\b(?:in|has|had|with)\s+(?:the|its|their)\s+title\b",
        r"\b(?:which|what)\s+(?:paper|article|preprint)\s+(?:is|was)\s+(?:called|titled|entitled|named)\b"
        r"|\bpaper\s+(?:called|titled|entitled|named)\b",
        r"^(?:the|that|a|some)\b[^?.]*\b(?:called|named)\b.*\b(?:something|or\s+so|similar)\b",
        r"\bor\s+something\s+(?:\w+\s+)?like\s+that\b|\bor\s+something\b\s*[?.,]|\b(?:forgot|forget|(?:can(?:['’]?t"
        r"|not)|don['’]?t|do\s+not)\s+(?:quite\s+)?(?:remember|recall))\s+(?:the|its|what|title|name)\b",
        r"\bwhat\s+was\s+(?:it|that\s+\w+)\s+called\b|\bwhat\s+was\s+(?:its|the)\s+(?:title|name)\b|\bname\s+escapes\b",
        rf"{FILLER}who\s+(?:wrote|authored|(?:is|are|was|were)\s+the\s+authors?\s+of)\s+(?!(?:about|on|papers"
        rf"|a\s+paper|something|anything)\b)",
        r"^(?:arxiv\s*:?\s*)?\d{4}\.\d{4,5}(?:v\d+)?$|^https?://arxiv\.org/\S+$",
        rf"{FILLER}(?:i(?:['’]m|\s+am)\s+)?(?:looking|searching)\s+for\s+[\"'“‘]",
        r"\b(?:something|anything)\s+(?:along\s+(?:those|these|the)\s+lines|to\s+that\s+effect|like\s+that)\b",
        r"(?:^|[,.;:?!(]\s*|\b(?:i|but|and)\s+)(?:can(?:['’]?t|not)|don['’]?t|do\s+not)\s+(?:quite\s+|really\s+|exactly\s+)?"
        r"(?:remember|recall)\b",
        rf"{_TOLD}.*\bi\s+(?:believe|think|guess)\s*(?:[.!,;:)]|$)",
        rf"{_TOLD}(?!.*\b(?:\d+|{NUMBER})\s+(?:[\w-]+\s+)?or\s+so\b).*\bor\s+so\s*(?:[.!,;:)]|$)",
        rf"{FILLER}(?:find\s+(?:me\s+)?|show\s+me\s+|i\s+(?:want|need)\s+)?(?:the|that)\s+one\s+(?:about|on|with|where"
        r"|that|which|by|from|called|in\s+which)\b",
        rf"\b{PAPER}(?<!s)\s+(?:\w+\s+)?with\s+[^.?]{{1,60}}?\s+in\s+(?:its|the|their)\s+name\b",
        rf"{_TOLD}[^?]{{3,120}},\s+(?:the|that|a)\s+(?:{PAPER}(?<!s)|monograph|book|thesis|survey|tutorial|report"
        r"|dissertation|review)\s+(?:\w+ing|that|where|which|by|with|on|about|from|in\s+which|of)\b",
        rf"{FILLER}(?:an?\s+)?{PAPER}(?<!s)\s+(?:on|about|where|that|which|in\s+which|with)(?:\s+[^\s?]+){{6,}}\s*[.?!]*$",
        rf"{_TOLD}(?!(?:an?|no|each|every|some|one|new|recent|latest)\b)(?:[^\s?.,;:]+\s+){{1,8}}paper\s*[.!?]*$",
        # A title that ends in a question mark, followed by a description in lower case.
        rf"^(?!(?:who|what|which|when|where|why|how|is|are|was|were|do|does|did|has|have|can|could|any\w*)\b)[^?]{{6,100}}\?+\s+(?!{_ASKING}|please\b|{PAPER}(?<=s)\b|(?-i:[A-Z]))[^?]+$",
    )
)


def is_half_remembered(question: str) -> bool:
    """Return whether a question describes one paper from memory."""
    return any(pattern.search(question) for pattern in _LOOKUP)
