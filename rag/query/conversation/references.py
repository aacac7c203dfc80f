"""Recognise references to earlier turns: "it", "their", "the second", "those two"."""

from __future__ import annotations

import re

from rag.query.understanding.mentions import PAPER

OPENER = r"^(?:(?:and|but|so|or|also|then|now|ok|okay|well|thanks|thank\s+you|great|hm+|yes)[\s,.!:]+)*"
NAMED_THINGS = (
    rf"(?:{PAPER}|method|approach|system|technique|study|work|algorithm|framework|tool|survey|benchmark|model)"
)
NO_PRONOUN_ONE = r"(?!\s+(?:can|cannot|could|needs?|should|must|has|may|gets?|will|would|does|is)\b)"
"""Excludes the impersonal "one", as in "proved that one cannot …"."""
_SURE_THINGS = rf"(?:{PAPER}(?<!s)|method|approach|system|technique|study|authors?)"
_AUX = r"(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should)"
_ENDS = r"(?=\s*(?:[?.!,;:)]|$))"
_MODIFIES = (
    r"(?!\s+(?:of|on|about|that|which|where|who|whose|with|by|from|for|in|to|behind|called|titled|named|proposed|used"
    r"|introduced|described|published|is\s+called)\b)(?-i:(?!\s+[\"“'‘A-Z]))"
)

_ORDINALS = {
    word: n
    for n, words in enumerate(
        ("first 1st", "second 2nd", "third 3rd", "fourth 4th", "fifth 5th", "sixth 6th", "seventh 7th", "eighth 8th",
         "ninth 9th", "tenth 10th"), start=1,
    )
    for word in words.split()
} | {"last": -1, "former": 1, "latter": 2}  # fmt: skip
_COUNTS = {"two": 2, "three": 3, "four": 4, "2": 2, "3": 3, "4": 4}
_ORDINAL = "|".join(_ORDINALS)
_AFTER_PLACE = (
    rf"(?=\s*(?:[?.!,;:)]|['’]s\b|$)|\s+(?:and|or|but|than|{_AUX}|(?:need|use|say|work|run|claim|show|report|save|take|cost|cut"
    r"|reach|beat|help|support|make|give|improve|require|get|lose|gain|train|scale|compare|differ|perform|handle|fit|rely|achieve)s?|in\s+(?:more"
    r"\s+)?detail|please|there|here|again|too|better|faster|public|open|available|newer|older)\b)"
)
_PLACE = re.compile(
    rf"\bthe\s+(?P<ordinal>{_ORDINAL})(?:\s+(?P<count>two|three|four|[234]))?"
    rf"(?:\s+(?:ones?|papers?|works?|hits?|results?|entry|study|systems?|methods?)|\s+of\s+(?:them|those|these)"
    rf"(?:\s+papers)?)?{_AFTER_PLACE}"
    r"|\bthe\s+(?P<of_two>former|latter)\b(?!\s+(?:half|part|stage|two|case)\b)",
    re.IGNORECASE,
)
_ALSO = re.compile(
    rf"(?:,|\band|\bor|\bthan|\bwith|\bto)\s+(?:the\s+)?(?P<ordinal>{_ORDINAL})(?:\s+ones?)?{_AFTER_PLACE}", re.I
)
_NUMBERED = re.compile(
    rf"\[(?P<n>[1-9]\d?)\]|(?:\b(?:paper|number|no\.|nr\.?|result|hit)\s+|#)(?P<m>[1-9]\d?)(?![\w.%-]){_AFTER_PLACE}",
    re.I,
)


def places(question: str) -> tuple[tuple[int, int, int], ...]:
    """Return (start, end, place) for each paper that a question names by its place in an answer.

    Places count from 1; -1 is the last.
    """
    found = []
    for match in _PLACE.finditer(question):
        word, count = (match["ordinal"] or match["of_two"]).lower(), _COUNTS.get((match["count"] or "").lower(), 1)
        place = -1 if word == "latter" and count > 1 else _ORDINALS[word]  # "the latter two": the last two
        steps = range(place - count + 1, place + 1) if place < 0 else range(place, place + count)
        found += [(match.start(), match.end(), each) for each in steps]
    found += [(match.start(), match.end(), int(match["n"] or match["m"])) for match in _NUMBERED.finditer(question)]
    if found:
        taken = [range(start, end) for start, end, _ in found]
        found += [
            (match.start("ordinal"), match.end(), _ORDINALS[match["ordinal"].lower()])
            for match in _ALSO.finditer(question)
            if not any(match.start("ordinal") in span for span in taken)
        ]
    return tuple(sorted(found))


# The impersonal "it": "is it possible to", "how long does it take to", "it was shown that".
_IMPERSONAL_PREDICATES = (
    r"possible|impossible|hard|harder|easy|easier|true|false|known|unknown|worth|worthwhile|better|best|safe|necessary|common"
    r"|useful|helpful|enough|important|feasible|practical|beneficial|sensible|likely|clear|cheaper|faster|shown|proved"
    r"|proven|claimed|argued|said|found|thought|believed|reported|wise|fair|okay|ok|difficult|time"
)
_IMPERSONAL_IT = re.compile(
    rf"\bit\s+(?:(?:is|was|be|been|ever|really|still|even|also|actually|always|generally|more|a|the)\s+)*(?:{_IMPERSONAL_PREDICATES})\s+"
    r"(?:to|that|whether|if|how|for|when|why|idea|case)\b"
    r"|\bit\s+(?:ever\s+|really\s+|actually\s+|still\s+|even\s+)?(?:takes?|took|costs?|helps?|hurts?|pays?|needs?|makes?\s+sense|seems?"
    r"|matters?|mean|means|be)\b[^?.]*?\s(?:to|that|whether|if|when)\s+\w+|\bit\s+(?:comes\s+to|turns?\s+out|follows?\s+that)\b"
    r"|\b(?:is|was|would|be)\s+it\s+(?:to|that|when|if)\b",
    re.IGNORECASE,
)
_NOUNLESS = frozenset(
    "a an the and or but so if then than as of on in at to for with by from about into over under off up out"
    " again also else too very much many more most less least few fewer any some all none each both either neither"
    " no not never ever yet still just only really actually even other another same such this that these those"
    " there here it its they them their he she his her him we you i me us my your our one two three four who whom"
    " whose which what when where why how is are was were be been being am do does did done doing has have had"
    " having can could will would shall should may might must cannot get gets got make makes made take takes took"
    " give gives gave show shows showed shown prove proves proved proven use uses used using try tries tried test"
    " tests tested run runs ran work works worked need needs needed say says said tell find found know known see"
    " seen mean means please explain describe compare compares compared keep keeps kept let lets help helps helped"
    " reach reaches beat beats cut cuts reproduce train trains trained anybody anyone nobody somebody someone"
    " everybody anything something everything people ok okay yes thanks thank well now great faster slower better"
    " worse smaller larger bigger cheaper fast slow large small big good long often far come comes came go goes"
    " went put start started like likes write writes wrote written cite cites improve improves extend extends"
    " criticise criticises criticize criticizes propose proposes build builds built implement implements replace"
    " replaces release releases support supports follow follows invent sell own maintain mention mentions".split()
)
_GENERIC_PLURALS = frozenset("people data".split())
_HOW = re.compile(r"\bhow\s+(?!do\b|does\b|did\b|is\b|are\b|can\b|could\b|should\b|to\b)\w+", re.IGNORECASE)
_ANYBODY = re.compile(r"\b(?:any|some|every)(?:one|body)\b", re.IGNORECASE)
_PART_OF = re.compile(r"(?:\S+\s+){1,2}(?:of|for|on|about|with|to|in|from|behind|against)\s*$", re.IGNORECASE)
NO_PLURAL = frozenset(
    "is was has does its this us as keeps uses makes runs trains works helps needs takes gives gets says shows"
    " beats cuts costs saves supports allows lets proves tries tests means compares reaches comes goes times less"
    " always yes thanks across besides perhaps versus likes others focus loss".split()
)

_SINGULAR = re.compile(
    rf"\bit\b|\bits\b|\b{_AUX}\s+(?:that|this)\b(?!\s+(?:collection|library|corpus|year|month)\b)"
    rf"|\b(?:about|of|with|on|for|than|from|to|in|by|like|after|before|without|behind|do|does|did)\s+(?:that|this){_ENDS}"
    rf"|\b(?:this|that)\s+(?:{NAMED_THINGS}|one|number|result|choice|idea|trick){_MODIFIES}\b"
    rf"|\bsuch\s+an?\s+(?!thing\s+as\b|way\s+(?:as|that)\b)\w+|\bthe\s+{_SURE_THINGS}\b{_MODIFIES}"
    r"|\bthe\s+\w+\s+one\b(?!\s+(?:about|that|which|where|who|with|by|called|titled|named)\b)"
    rf"|\b(?:does|is|would|do|did)\s+the\s+same\b(?:\s+(?:hold|apply|work|true|go)\b|{_ENDS})",
    re.IGNORECASE,
)
_PLURAL = re.compile(
    rf"\b(?:they|them|their)\b|\b(?:the|which|any|newer|older|other|those|these|some|more)\s+(?:\w+\s+)?ones\b"
    rf"|\b(?:which|that|this|another|the\s+other)\s+one\b{NO_PRONOUN_ONE}|\b(?:do|does|did|are|were|is|can|could|will|have|for|on|with|about|than"
    rf"|like|to|between|compare|rank|sort|order|summari[sz]e|list|by|from)\s+(?:these|those)\b"
    r"(?!(?:\s+\w+){0,4}:)(?!\s+(?:who|that|which|whose|with|without|where|in|on|of|from|to|trained|based)\b)"
    rf"(?:\s+(?:{PAPER}|methods|systems|works|results|numbers|approaches|techniques|two|three|four)\b)?{_MODIFIES}",
    re.IGNORECASE,
)
_PAIR = re.compile(
    r"\b(?:those|these|the)\s+(?:two|three|four|others?)(?=\s*(?:[?.!,;]|$)|\s+(?:papers|methods|works)?\s*(?:differ|compare|agree)\b)",
    re.I,
)
_PERSON = re.compile(r"\b(?:he|she|him|his|her)\b", re.IGNORECASE)
_WH = re.compile(r"\b(?:which|what|who|when|where|why|how)\b", re.IGNORECASE)
_AFTER_FRONT = re.compile(
    rf"^(?:who|what)\s+\w+\s+(?:it|them)\b|^(?:[^\s,;:.?!]+\s+){{1,10}}?{_AUX}\s+(?:it|they|that(?!\s+\w+\s+(?:of|about|on)\b)|this|he|she)\b(?!\s+(?:collection|library)\b)",
    re.IGNORECASE,
)
_COORDINATED = re.compile(r"\b[A-Z][\w.+-]*(?:,\s+[A-Z][\w.+-]*)*,?\s+(?:and|or|versus|vs\.?)\s+(?:the\s+)?[A-Z]")


def is_reference_open(question: str, strong: bool = False) -> bool:
    """Return whether a question refers to something that it does not name before the reference.

    `strong` takes the last two words, as in "which of those", to be a reference.
    """
    text = OPENING.sub(lambda match: " " * len(match[0]), question)
    text = _IMPERSONAL_IT.sub(lambda match: "_" * len(match[0]), text)
    text = _HOW.sub("how", text)
    if strong:
        return not _has_noun(re.sub(r"\S+\s+\S+\s*$", "", text))
    front = _AFTER_FRONT.match(text.strip())
    if front and len(_WH.findall(front[0])) <= 1 and not re.search(r"\bthat\s+\w+\s+(?:is|are|was)\b", front[0]):
        return True
    if (match := _PAIR.search(text)) and not _COORDINATED.search(text):
        return True
    if (match := _PERSON.search(text)) and not re.search(r"(?<!^)\b[A-Z][a-z]+", text[: match.start()].lstrip()):
        return True
    if any(not _has_noun(_before(text, match)) for match in _SINGULAR.finditer(text)):
        return True
    return any(not _has_plural(text[: match.start()], match[0]) for match in _PLURAL.finditer(text))


OPENING = re.compile(OPENER, re.IGNORECASE)


def _before(text: str, match: re.Match[str]) -> str:
    """Return the text before a reference; for "it", without a noun phrase that it completes ("code for it")."""
    before = text[: match.start()]
    return _PART_OF.sub("", before) if re.match(r"it\b", match[0], re.IGNORECASE) else before


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+(?:['’.+-][^\W_]+)*", text)


def _has_noun(text: str) -> bool:
    """Return whether a text contains a possible antecedent of a singular reference."""
    return any(
        word.lower() not in _NOUNLESS and not (word.islower() and word.endswith(("ed", "ly"))) for word in _words(text)
    )


def _has_plural(text: str, reference: str) -> bool:
    """Return whether a text contains a possible antecedent of the plural `reference`."""
    if _COORDINATED.search(text) or (reference.lower() in ("they", "their") and _ANYBODY.search(text)):
        return True
    words = [word.lower() for word in _words(text)]
    return any(
        word in _GENERIC_PLURALS
        or (word.endswith("s") and not word.endswith(("ss", "us", "'s", "’s")) and len(word) > 3)
        for word in words
        if word not in NO_PLURAL
    )
