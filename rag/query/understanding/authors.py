"""Recognise authors: "papers by Tri Dao", "Tri Dao's papers", "written by Dao".

A name is accepted if the collection contains it, or after an unambiguous phrase such as "papers by" or "written by";
"by gradient descent" and "by Muon" name no author.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from rag.query.understanding.mentions import Mention
from rag.text.names import name_words
from rag.types import Filters

_SMALL = "a-zß-öø-ÿ\u0101-\u017f"
_NAME_WORD = (
    rf"(?<!\w)(?:[A-ZÀ-ÖØ-Þ\u0100-\u017d][{_SMALL}]+(?:['’-]?[A-ZÀ-Þ][{_SMALL}]+)*|[OD]['’][A-Z][{_SMALL}]+"
    rf"|[A-Z]\.(?:-?[A-Z]\.){{0,3}})"
)
_PARTICLE = r"(?:de|da|del|della|van|von|der|den|la|le|el|al|bin|di|dos)"
_NAME = rf"(?P<name>{_NAME_WORD}(?:\s+(?:{_PARTICLE}\s+)*{_NAME_WORD}){{0,3}})"
_WROTE = r"(?:(?:co-?)?(?:authored|written)|published|penned)"
_LEAD = rf"(?i:\b(?:(?:that|which)\s+)?(?:(?:is|are|was|were|been)\s+)?{_WROTE}\s+(?:together\s+)?(?:by|with)\s+)"
_AFTER = (
    r"(?=(?!\w)\s*(?:$|[?.!,;:)]|['’]s?\b|(?i:and|or|on|about|that|which|who|in|from|since|before|after|with|at|here"
    r"|are"
    r"|is|for|et)\b))"
)
_NO_PERSON = frozenset(
    "university institute lab labs laboratory research college school group team inc corporation company google meta"
    " microsoft nvidia apple amazon alibaba tencent huawei baidu bytedance intel samsung qualcomm facebook adobe"
    " anthropic mistral deepmind deepseek stanford berkeley princeton harvard oxford cambridge carnegie mellon tsinghua"
    " peking hong kong york san los tech georgia europe china america india japan korea copilot claude gemini llama"
    " brain academy sciences society foundation national language model models agents neural machine learning deep"
    " gradient descent monte carlo bayesian gaussian markov quantum search optimization means default adam muon"
    " january february march april may june july august september october november december the a an this that these"
    " who which what how list show find one large human humans students researchers authors people".split()
)


_WRITTEN = (
    rf"(?:\b(?i:(?:papers?|works?|articles?|studies|publications?)\s+)?{_LEAD}|\b(?i:papers?|works?|articles"
    rf"|studies)\s+(?i:by|of|from)\s+)"
)
_DID = re.compile(r"\b(?:by|did|has)\s+$", re.IGNORECASE)
_WROTE_TAIL = re.compile(r"\s+(?:write|written|publish(?:ed)?|author(?:ed)?)\b", re.IGNORECASE)
_POSSESSIVE = re.compile(r"['’]s?(?!\w)")
_NO_NAME = re.compile(r"\w{3}(?:tions?|ness|ity|ments?|ics|isms?)$")
_PATTERNS = (
    re.compile(rf"{_WRITTEN}{_NAME}(?![\w-])"),
    re.compile(
        rf"(?i:\b(?:with|by|from|whose)\s+(?:the\s+)?(?:first\s+|senior\s+|last\s+)?(?:co-?)?author\s*(?:is\s+"
        rf"|:\s*)?){_NAME}{_AFTER}"
    ),
    re.compile(rf"{_NAME}['’]s?\s+(?:\w+\s+){{0,2}}(?i:papers|works?|articles|publications|preprints)\b"),
    re.compile(rf"(?i:\b(?:has|have|did|does)\s+){_NAME}\s+(?P<verb>(?i:written|authored|published|write|publish))\b"),
)
_OF_TOPIC = re.compile(
    rf"(?i:\b(?:papers?|works?|articles|research)\s+(?:on|about)\s[^?.]*?\b(?P<by>by)\s+){_NAME}\s*[?.!]*$"
)
_LOWER = re.compile(
    r"\b(?:papers?|works?|articles|written|authored"
    r"|published)\s+(?P<by>by)\s+(?P<name>[^\W\d_]+(?:[\s.]+[^\W\d_]+){0,2})"
)
_PRONOUNS = frozenset("he she they we you i it one an so can may her him them us me".split())
_BEFORE = re.compile(
    r"(?:\b(?:that|which)\s+)?(?:\b(?:is|are|was|were)\s+)?(?:\b(?:written|authored|published)\s+)?\b(?:by|from"
    r"|of|did|has)\s+$",
    re.I,
)


def author_mentions(question: str, authors: frozenset[str]) -> list[Mention]:
    """Find an author, and return at most one mention; a full name from the collection is found in any position."""
    known = _by_word(authors)
    for number, pattern in enumerate(_PATTERNS):
        for match in pattern.finditer(question):
            if _is_person(match["name"], known, sure=number < 3):
                return [_mention(match)]
    if found := _full_names(question, known) or _lower_case(question, known):
        return found[:1]
    last = _OF_TOPIC.search(question)
    if last and len(name_words(last["name"])) > 1 and _is_person(last["name"], known, sure=True):
        return [Mention(last.start("by"), last.end("name"), Filters(author=last["name"]))]
    return []


def _mention(match: re.Match[str]) -> Mention:
    """Return the mention of a matched name: the name and the phrase before it, without a leading "papers"."""
    lead = re.match(r"(?i:papers?|works?|articles?|studies|publications?)\s+", match[0])
    start = match.start() + (lead.end() if lead and lead.end() <= match.start("name") - match.start() else 0)
    end = match.end("verb") if "verb" in match.re.groupindex else match.end("name")
    possessive = _POSSESSIVE.match(match.string[end:])
    return Mention(start, end + (possessive.end() if possessive else 0), Filters(author=match["name"]))


def _is_person(name: str, known: Mapping[str, tuple[tuple[str, ...], ...]], sure: bool) -> bool:
    words = name_words(name)
    if _is_known(words, known):
        return True
    return sure and len(words[-1]) > 1 and not _NO_PERSON & set(words) and not any(map(_NO_NAME.search, words))


def _is_known(words: tuple[str, ...], known: Mapping[str, tuple[tuple[str, ...], ...]]) -> bool:
    """Return whether words name a known author: a surname alone, or several words or initials of one name."""
    if not words or len(words[-1]) < 2:
        return False
    held = known.get(words[-1], ())
    if len(words) == 1:
        return any(name[-1] == words[0] for name in held)
    return any(
        all(any(word == other or (len(word) == 1 and word == other[0]) for other in name) for word in words)
        for name in held
    )


def _full_names(question: str, known: Mapping[str, tuple[tuple[str, ...], ...]]) -> list[Mention]:
    words = list(re.finditer(r"[^\W\d_]+(?:-[^\W\d_]+)*\.?", question))
    found = []
    for length in (4, 3, 2):
        for i in range(len(words) - length + 1):
            start, end = words[i].start(), words[i + length - 1].end()
            name = question[start:end].rstrip(".")
            capitals = all(word[0][0].isupper() for word in words[i : i + length])
            if (
                (capitals or _DID.search(question[:start]))
                and re.fullmatch(r"[^\W\d_]+(?:[.\s-]+[^\W\d_]+)+", name)
                and _is_known(name_words(name), known)
            ):
                lead = _BEFORE.search(question[:start])
                end = start + len(name)
                tail = (_WROTE_TAIL if lead and _DID.search(lead[0]) else _POSSESSIVE).match(question[end:])
                end += tail.end() if tail else 0
                found.append(Mention(lead.start() if lead else start, end, Filters(author=name)))
    return found


def _lower_case(question: str, known: Mapping[str, tuple[tuple[str, ...], ...]]) -> list[Mention]:
    """Find lower-case names, as in "papers by tri dao"; of known names, the longest is taken."""
    found = []
    for match in _LOWER.finditer(question):
        words = list(re.finditer(r"[^\W\d_]+", match["name"]))
        for length in range(len(words), 0, -1):
            name = match["name"][: words[length - 1].end()]
            if _is_known(name_words(name), known) and name.lower() not in _PRONOUNS:
                found.append(Mention(match.start("by"), match.start("name") + len(name), Filters(author=name)))
                break
    return found


@cache
def _by_word(authors: frozenset[str]) -> dict[str, tuple[tuple[str, ...], ...]]:
    index: dict[str, list[tuple[str, ...]]] = {}
    for words in sorted(name_words(author) for author in authors):
        for word in words:
            index.setdefault(word, []).append(words)
    return {word: tuple(names) for word, names in index.items()}
