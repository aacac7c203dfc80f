"""Names in a question that the library's records know: what a title begins with is no person, as "APRIL" is no month.

The encoder tags words by how they look and where they stand, so a name that it has not seen may be tagged as something
else, or in parts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

from rag.models.encoder import Tagged
from rag.text.identifiers import is_identifier
from rag.text.names import PARTICLES

TOPICS = ("topic", "side")
_WORD = re.compile(r"[^\W_]+(?:[-./+^'’][^\W_]+)*\+*")
_CAPITAL = r"[^\W\d_a-z][\w'’&/.-]{0,60}"
_PHRASE = re.compile(
    rf"(?<!\w)(?P<name>{_CAPITAL}(?:\s+(?:(?:of|on|for|and|in|the)\s+){{0,4}}{_CAPITAL})+)(?:\s+['’]?\d{{2}}(?:\d\d)?\b)?"
)  # several capitalised words, and a year
_KIND = r"(?:an?\s+)?(?:conferences?|journals?|workshops?)\b"
_OTHER_KIND = rf"(?:\s*(?:[,/]|\b(?:and|or)\b)\s*{_KIND})"
_VENUE_KIND = re.compile(
    rf"\b(?:at|in|from|into|by|or)\s+(?P<at>{_KIND}{_OTHER_KIND}*)"
    rf"|\b(?P<several>{_KIND}{_OTHER_KIND}+)"
    rf"|\b(?P<of>conference|journal|workshop)\s+(?:papers?|articles?|publications?|ones)\b",
    re.IGNORECASE,
)
_OF_KIND = re.compile(
    rf"\b(?:the\s+)?(?:journal|conference|workshop|magazine)\s+[\"“]?(?P<name>{_CAPITAL}(?:\s+(?:(?:of|on|for|and|in|the)"
    rf"\s+){{0,4}}{_CAPITAL})*(?:\s+['’]?\d{{2}}(?:\d\d)?\b)?)"
)  # "the journal Nature"
_NAME = r"[^\W\d_a-z][^\W\d_]{0,40}(?:[.'’-]{1,3}[^\W\d_]{1,40}){0,6}\.?"
_PARTICLES = rf"(?:(?:{'|'.join(sorted(PARTICLES))})\s+){{0,4}}"
_PERSON = re.compile(rf"(?<!\w)(?:{_NAME}(?:\s+{_PARTICLES}{_NAME}){{1,11}}|(?<=\bby ){_PARTICLES}{_NAME})(?![^\W\d_])")
_VENUE_ENDS = frozenset("conference journal letters magazine review symposium transactions workshop".split())
_NAMES = frozenset(("author", "organisation", "venue"))
_SPACE = re.compile(r"\s+")
_SMALL_WORD = re.compile(r"\s(?:of|on|for|and|in|the)\s+")
_LONGEST = 16  # words of a venue
_MOST_TRIED = 30  # stretches that are compared with all names
_LIST = re.compile(r"(?:[\s,;&/:]|\b(?:and|or|vs|versus)\b)*", re.IGNORECASE)


def tag_paper_names(
    tags: Sequence[Tagged], text: str, is_paper: Callable[[str], bool], is_author: Callable[[str], bool]
) -> list[Tagged]:
    """Return the tags with each name of a paper as one topic, and the words listed beside it that nobody is called.

    A name has a capital after its first letter, or a digit. Tags of topics are widened to whole words.
    """
    words = list(_WORD.finditer(text))
    known = [word for word in words if is_identifier(word[0]) and is_paper(word[0]) and not is_author(word[0])]
    tags = [
        part for each in tags for part in (_listed(_whole(each, words), known, text) if each.tag in TOPICS else [each])
    ]
    if not known:
        return _merged(tags)
    others = [word for word in words if is_identifier(word[0]) and _tag_at(word, tags) == "author"]
    listed = [word for word in _beside(set(known), {*known, *others}, text) if not is_author(word[0])]
    topic = "side" if any(each.tag == "side" for each in tags) else "topic"
    named = [word.span() for word in listed if not _within_topic(word, tags)]
    kept = [part for each in tags for part in _without(each, named, text)]
    return _merged([*kept, *(Tagged(start, end, topic, 1.0) for start, end in named)])


def tag_author_names(tags: Sequence[Tagged], text: str, is_author: Callable[[str], bool]) -> list[Tagged]:
    """Return the tags with each author as one who is named in full, or by a surname after "by".

    A topic that is such a name stays one, and a longer stretch, "Ann B Quill" of "B Quill", is left as it is.
    """

    def is_named(match: re.Match[str]) -> bool:
        around = [each for each in tags if each.start <= match.start() and match.end() <= each.end]
        left = any(each.tag not in _NAMES or (each.start, each.end) != match.span() for each in around)
        return not left and _tags_at(match, tags) <= {*_NAMES, *TOPICS} and is_author(match[0])

    named = _found(_PERSON, _SPACE, text, is_named)
    kept = [part for each in tags for part in _without(each, named, text)]
    return _merged([*kept, *(Tagged(start, end, "author", 1.0) for start, end in named)])


def tag_venue_names(tags: Sequence[Tagged], text: str, is_venue: Callable[[str], bool]) -> list[Tagged]:
    """Return the tags with each venue that is written out, "International Conference on …", and each kind, as one.

    One of two words is if a word of it is tagged as a venue, and so is what "the journal" calls by its name.
    """

    def is_named(match: re.Match[str]) -> bool:
        words, tagged = match["name"].split(), "venue" in _tags_at(match, tags)
        meant = 2 < len(words) <= _LONGEST or (len(words) == 2 and tagged)
        return meant and ((tagged and words[-1].casefold() in _VENUE_ENDS) or is_venue(match["name"]))

    named = _found(_PHRASE, _SMALL_WORD, text, is_named)
    called = [match for match in _OF_KIND.finditer(text) if "venue" in _tags_at(match, tags)]
    tags = [part for each in tags for part in _without(each, [match.span() for match in called], text)]
    named += [
        match.span("name") for match in called if not any(first <= match.start("name") < end for first, end in named)
    ]
    kinds = [match.span(match.lastgroup or 0) for match in _VENUE_KIND.finditer(text)]
    excluded = [each for each in tags if each.tag == "exclusion"]
    kinds = [(start, end) for start, end in kinds if not any(each.start <= start < each.end for each in excluded)]
    if not (named or kinds):
        return list(tags)
    kept = [part for each in tags for part in _without(each, (*named, *kinds), text)]
    if named:
        kept = [each for each in kept if each.tag != "venue" or len(_WORD.findall(text[each.start : each.end])) > 1]
    return _merged([*kept, *(Tagged(start, end, "venue", 1.0) for start, end in (*named, *kinds))])


def _found(
    pattern: re.Pattern[str], within: re.Pattern[str], text: str, is_named: Callable[[re.Match[str]], bool]
) -> list[tuple[int, int]]:
    """Return the places of the matches that are names, in order; behind `within` one may begin within what is none."""
    found: list[tuple[int, int]] = []
    at = 0
    for _ in range(_MOST_TRIED):
        match = pattern.search(text, at)
        if match is None:
            break
        named = is_named(match)
        found += [match.span()] if named else []
        inner = None if named else within.search(text, match.start() + 1, match.end())
        at = inner.end() if inner else match.end()
    return found


def _whole(each: Tagged, words: Sequence[re.Match[str]]) -> Tagged:
    """Widen a tag to the ends of compounds of which it covers a part, as of "-Infinity"."""
    cut = [word for word in words if word.start() < each.end and each.start < word.end()]
    if not cut:
        return each
    return replace(each, start=min(each.start, cut[0].start()), end=max(each.end, cut[-1].end()))


def _listed(topic: Tagged, known: Sequence[re.Match[str]], text: str) -> list[Tagged]:
    """Split a topic that is a list of papers into their names."""
    inside = [word for word in known if topic.start <= word.start() and word.end() <= topic.end]
    ends = [topic.start, *(at for word in inside for at in word.span()), topic.end]
    between = [text[start:end] for start, end in zip(ends[::2], ends[1::2], strict=True)]
    if len(inside) < 2 or not all(map(_LIST.fullmatch, between)):
        return [topic]
    return [replace(topic, start=word.start(), end=word.end()) for word in inside]


def _merged(tags: Sequence[Tagged]) -> list[Tagged]:
    """Return the tags in order, those of topics that overlap as one."""
    found: list[Tagged] = []
    for each in sorted(tags, key=lambda each: (each.start, each.end)):
        last = found[-1] if found else None
        if last and each.start < last.end and {each.tag, last.tag} <= set(TOPICS):
            tag = last.tag if last.probability >= each.probability else each.tag
            found[-1] = replace(last, end=max(last.end, each.end), tag=tag)
        else:
            found.append(each)
    return found


def _without(each: Tagged, named: Sequence[tuple[int, int]], text: str) -> list[Tagged]:
    """Return what of a stretch is left beside the names at some places in it."""
    parts, at = [], each.start
    for first, last in sorted(named):
        if first < each.end and at < last:
            parts.append((at, first))
            at = last
    if at == each.start:
        return [each]
    parts.append((at, each.end))
    left = [replace(each, start=start, end=end) for start, end in parts if start < end]
    return [part for part in left if not _LIST.fullmatch(text[part.start : part.end])]


def _tags_at(word: re.Match[str], tags: Sequence[Tagged]) -> set[str]:
    return {each.tag for each in tags if each.start < word.end() and word.start() < each.end}


def _tag_at(word: re.Match[str], tags: Sequence[Tagged]) -> str | None:
    return next((each.tag for each in tags if each.start < word.end() and word.start() < each.end), None)


def _within_topic(word: re.Match[str], tags: Sequence[Tagged]) -> bool:
    return any(each.tag in TOPICS and each.start <= word.start() and word.end() <= each.end for each in tags)


def _beside(known: AbstractSet[re.Match[str]], names: AbstractSet[re.Match[str]], text: str) -> list[re.Match[str]]:
    """Return, in order, the known ones of some names, and those that only commas and conjunctions join to one."""
    runs: list[list[re.Match[str]]] = []
    for name in sorted(names, key=lambda each: each.start()):
        if runs and _LIST.fullmatch(text, runs[-1][-1].end(), name.start()):
            runs[-1].append(name)
        else:
            runs.append([name])
    return [name for run in runs if not known.isdisjoint(run) for name in run]
