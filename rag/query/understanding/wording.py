"""Extract the search text: a question without phrases such as "which papers" or "I remember a paper"."""

from __future__ import annotations

import re

from rag.query.understanding.mentions import NUMBER, PAPER, PEOPLE, WORK

_GREETING = (
    r"(?:hi|hello|hey|good\s+(?:morning|afternoon|evening|day)|thanks|thank\s+you|ok|okay|please|so|well|and|also"
    r"|then|now)"
)
_POLITE = (
    r"(?:(?:can|could|would|will)\s+you\s+(?:please\s+|kindly\s+)?|i(?:['’]d|\s+would)\s+(?:like"
    r"|love)\s+(?:you\s+)?to\s+"
    r"|i(?:['’]m|\s+am)\s+(?:looking\s+for|interested\s+in|searching\s+for)\s+|(?:i|we)\s+(?:want|need)\s+(?:to\s+)?"
    r"|please\s+)"
)
_HERE = (
    r"(?:(?:in|from|of|inside|within)\s+(?:the|this|your|our|my)\s+(?:collection|library|corpus|database|index)|here"
    r"|you\s+have|there\s+(?:is|are))"
)
_LIST = r"(?:list|show|give|find|name|tell|get|fetch|recommend|suggest|return|display|enumerate)(?:\s+(?:me|us))?"
_SUCH = rf"(?:(?:all|every|any|some|each|the|other|more|of|a\s+few|several|{NUMBER})\s+)*"
_THINGS = rf"(?:{PAPER}|works?|studies|study|research|abstracts?|literature|entries)"
_ABOUT = (
    r"(?:(?:that\s+|which\s+)?(?:(?:is|are|was|were)\s+)?(?:about|on|concerning|regarding|dealing\s+with"
    r"|related\s+to|discuss(?:ing)?|covering|cover|deal\s+with|talk\s+about)\b)"
)
_HAS = r"(?:has|have|had|is|are|was|were|does|do|did)"

_OPENINGS = tuple(
    re.compile(rf"^\s*(?:{pattern})(?:(?<=\s)|(?![\w'’-]))[\s,:]*", re.IGNORECASE)
    for pattern in (
        rf"{_GREETING}[\s,!.]",
        _POLITE.rstrip(),
        rf"{_LIST}\s+(?:everything|anything|all|whatever)(?:\s+(?:that\s+)?(?:there\s+is|you\s+(?:have|know)"
        rf"|we\s+have))?(?:\s+{_ABOUT})?",
        rf"{_LIST}\s+{_SUCH}{_THINGS}(?:\s+{_HERE})?(?:\s+(?:{_ABOUT}|that|which|where|in\s+which))?",
        rf"{_LIST}(?:\s+{_SUCH})?(?:\s*(?:the|all|every|both))?",
        rf"what\s+(?:else\s+)?(?:does|do|is|has|have)\s+(?:the|this|your|our|my)\s+(?:collection|library|corpus"
        rf"|database)\s+(?:have|say|hold|know|contain|offer|got|in\s+it)(?:\s+{_ABOUT})?",
        rf"(?:does|do|has|have|is|can)\s+(?:the|this|your|our|my)\s+(?:collection|library|corpus|database)\s+(?:have"
        rf"|hold|contain|know|cover|include|got|say|answer)(?:\s+(?:anything|something"
        rf"|{_SUCH}{_THINGS}))?(?:\s+{_ABOUT})?",
        rf"(?:what|which)\s+(?:{_SUCH})?{_THINGS}\s+{_HAS}\s+(?:there|you|we)(?:\s+have)?(?:\s+{_ABOUT})?",
        rf"(?:how\s+many|what|which)\s+(?:of\s+the\s+|other\s+"
        rf"|later\s+)?{_SUCH}{_THINGS}(?:\s+{_HERE})?(?:\s+(?:{_ABOUT}|{_HAS}))?",
        rf"(?:is|are|was|were)\s+there\s+(?:also\s+)?(?:anything|something|anyone|anybody|{_SUCH}{_THINGS}|any|a|an"
        rf"|some)(?:\s+{_HERE})?(?:\s+(?:{_ABOUT}|that|which|where))?",
        rf"how\s+(?:do|does|did|have)\s+{_SUCH}{_THINGS}(?:\s+{_HERE})?",
        rf"(?:do|does|did)\s+(?:any|some)(?:\s+(?:{_THINGS}|one|body))?(?:\s+{_HERE})?",
        rf"(?:has|have|had|does|did|is)\s+(?:anyone|anybody|any\s+{_THINGS}|any|someone|somebody)(?:\s+(?:ever"
        rf"|already))?",
        r"(?:anyone|anybody|someone|somebody)\s+(?:who\s+)?(?:has|have|is)?",
        r"who\s+(?:wrote|authored|(?:is|are|was|were)\s+the\s+authors?\s+of)",
        rf"who\s+(?:else\s+)?{_HAS}(?:\s+been)?(?:\s+ever)?",
        r"who(?:\s+else)?|whose",
        rf"where\s+{_HAS}(?:\s+(?:the|a))?",
        rf"do\s+you\s+(?:know|have)\s+(?:of\s+)?(?:any|some|a)?(?:\s+{_THINGS})?(?:\s+{_ABOUT})?",
        r"i(?:['’]?m|\s+am)\s+trying\s+to\s+(?:find|remember|recall)|there\s+(?:was|is)\s+(?=(?:this|that)\b)",
        rf"i\s+(?:vaguely\s+|dimly\s+|faintly\s+|once\s+)?(?:remember|recall|read|saw|came\s+across)\s+(?:(?:reading"
        rf"|seeing)\s+)?(?:a|an|the|this|that|some|about)?(?:\s+{_THINGS})?(?:\s+(?:with|where|about|on|in\s+which"
        rf"|that))?",
        rf"(?:what(?:['’]?s|\s+is|\s+was)|which\s+(?:is|was)|where(?:['’]s|\s+is))\s+(?:the|that)(?=.*\b{PAPER}\b)",
        rf"(?:the|that|this|a|an)\s+{_THINGS}(?:\s+{_HERE})?(?:\s+(?:with|where|about|on|in\s+which|that|which|what|of"
        rf"|called|titled))?",
        rf"{_SUCH}{_THINGS}(?:\s+{_HERE})?(?:\s+(?:{_ABOUT}|with|that|which|where|in\s+which|for))?",
        r"(?:summari[sz]e|explain|describe|tell\s+me)\s+(?:what\s+is\s+known\s+)?(?:about|on|to\s+me)?",
        rf"{_ABOUT}",
        r"(?:everything|anything|something)",
        rf"how\s+(?:can|could|do|would|should|might)\s+{PEOPLE}|how\s+to",
        r"(?:what|which)\s+(?:are|were)(?:\s+(?:the|some))?",
        r"what\s+(?:about|on)|what(?:['’]?s|\s+is)\s+(?:out\s+)?there",
        r"(?:that|which|with)\s+(?:are|is|have|has|do|does)|that|which|what|of",
    )
)
_LIST_KINDS = frozenset({"list", "metadata", "lookup"})
_ANYWHERE = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"(?<![\w-])(?:which|what)\s+(?=(?:[\w-]+\s+){{1,6}}?{PAPER}\b)",
        rf"\b{PAPER}\s+(?:are|is|were|was)\s+(?:about|on)\b",
        r"\b(?:papers|articles|preprints|publications)\b(?:\s+(?:are\s+|is\s+)?(?:here|there|about|on))?",
        rf"\b{_HERE.replace('|here|', '|')}\b",
        r"[:;,.]\s*(?:(?:and\s+)?(?:please\s+)?list\s+(?:them|all|these)(?:\s+all)?)\b",
        r"\bbeen\b",
        r"\bshould\s+(?:i|we|one)\s+(?:read|start\s+with|look\s+at)(?:\s+(?:first|next))?(?=\s*[?.!]*$)",
        r"[\s,–—-]+what(?:['’]?s|\s+is)\s+in\s+here(?=\s*[?.!]*$)|\s+(?:here|there)(?=\s*[?.!]*$)",
        r"(?<=[.?!:,])\s+(?:any|some)(?=\s*[?.!]*$)",
        r"\bsomething\s+(?:along\s+(?:those|these|the)\s+lines|to\s+that\s+effect)\b",
        r",?\s*\bi\s+(?:believe|think|guess)\s*(?=[.!,;:)]|$)",
        r"\bin\s+(?:the|its)\s+title\b|\b(?:or\s+something)(?:\s+(?:\w+\s+)?like\s+that)?\b|\bor\s+so\b",
        r"\bwhat\s+was\s+(?:it|that|the\s+(?:name|title))(?:\s+(?:called|again))?\b|\b(?:called|titled|entitled"
        r"|named)\b",
        rf"\s+{WORK}\s*(?=[?.!]*$)(?<=\bpaper)|\bplease\b",
        r"\b(?:i\s+)?(?:can(?:['’]?t|not)|don['’]?t|forgot|do\s+not)\s+(?:quite\s+)?(?:remember|recall)?\s*(?:the"
        r"|its)\s+(?:exact\s+|full\s+)?(?:name|title|authors?)\b",
    )
)
_ASIDE = re.compile(r"\bwhich\s+(?:one|paper)\s+(?:was|is)\s+(?:it|that)\b[?,]?", re.IGNORECASE)
_DANGLING = re.compile(
    r"(?:^|\s)(?:and|or|but|with|that|which|by|from|in|at|of|to|are|is|were|was|there|say)\s*(?=[?.!,:;]*\s*$)",
    re.IGNORECASE,
)
_EMPTY = frozenset(
    "a about all an and any are as at be been both by can collection contain corpus count could date dated dates did"
    " do does"
    " each ever every everything exist find first for from get give had has have held here hold how i in index"
    " indexed is"
    " it its just know library list listed listing many me most much my name names no of on one ones only or order our"
    " paper papers please posted publication publications published put released same see show some sort sorted tell"
    " than"
    " that the their them there these they this those time title titles to total two three four five until up us was we"
    " were what why when where which who whose will with work works would written year years you your article articles"
    " studies study preprint preprints research appear appeared came come out again also say says author authors"
    " arrange"
    " entire whole whichever whatever overall altogether currently link links"
    " place rank ranked let got so then and anything something".split()
)


def search_text(question: str, kind: str) -> str:
    """Return the search text of a question without its constraints; "" if nothing is left to search for.

    A list, metadata or lookup question loses all phrases of asking, one of another kind only its greeting.
    """
    text = " ".join(question.split())
    if kind in _LIST_KINDS:
        text = _without_openings(_ASIDE.sub(" ", text).strip())
        for pattern in _ANYWHERE:
            text = pattern.sub(" ", text)
    else:
        text = _without_greeting(text)
    text = _without_dangling(text)
    return "" if is_empty(text) else _tidy(text)


def is_empty(text: str) -> bool:
    """Return whether a text contains no content words."""
    words = re.findall(r"[^\W_]+(?:['’-][^\W_]+)*", text.lower())
    return all(word in _EMPTY or word.removesuffix("'s").removesuffix("’s") in _EMPTY for word in words)


def asks_for_papers(text: str) -> bool:
    """Return whether a question mentions papers, authors, titles or the collection."""
    return re.search(rf"\b(?:{WORK}|collection|library|corpus|authors?|titles?)\b", text, re.IGNORECASE) is not None


def _without_greeting(text: str) -> str:
    return re.sub(rf"^(?:(?:{_GREETING})[\s,!.]+)+(?=\S)", "", text, flags=re.IGNORECASE)


def _without_openings(text: str) -> str:
    """Remove up to six successive opening phrases."""
    for _ in range(6):
        shorter = next((rest for pattern in _OPENINGS if (rest := pattern.sub("", text, count=1)) != text), text)
        if shorter == text:
            return text
        text = shorter
    return text


def _without_dangling(text: str) -> str:
    while (shorter := _DANGLING.sub("", text)) != text:
        text = shorter
    return text


def _tidy(text: str) -> str:
    text = re.sub(r"\s+(?=[?.!,;:)])", "", " ".join(text.split()))
    text = re.sub(r"([,;:.])(?=[,;:.?])", "", text)
    return re.sub(r"^[\s,;:.?!-]+|[\s,;:.!?-]+$", "", text)
