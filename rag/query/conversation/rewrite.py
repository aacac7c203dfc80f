"""Rewrite follow-ups as standalone questions by rules: references are resolved, parts substituted."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from rag.query.conversation.condensed import Collection, Condensed
from rag.query.conversation.earlier_turn import (
    EarlierTurn,
    call,
    latest,
    pair_of,
    several,
    subject,
    thing,
    things,
    topic,
)
from rag.query.conversation.exchange import exchanged
from rag.query.conversation.follow_up import CORRECTION, FollowUpType, asks_for_more, fragment
from rag.query.conversation.references import NAMED_THINGS, NO_PRONOUN_ONE, OPENING, places
from rag.query.understanding.authors import author_mentions
from rag.query.understanding.mentions import WORK
from rag.text.identifiers import is_identifier

_MOST_DETAILED = 5  # papers in the answer to "tell me more"
_MORE_PAPERS = re.compile(r"\b(?:others?|else|any\s+more|more\s+(?:papers|ones|like)|more\W*$)(?:\b|$)", re.IGNORECASE)
_GROUP_WORDS = re.compile(
    r"\b(?P<of>of|among)\s+(?:them|those|these)(?:\s+(?:two|three|four))?(?:\s+(?:\w+\s+)?(?:papers|methods|systems|works|ones))?\b"
    r"|\bof\s+the\s+(?:two|three|four|others?)\b",
    re.IGNORECASE,
)
_PLURAL = re.compile(
    r"\b(?P<their>their)\b|\b(?:they|them)\b|\b(?:these|those)(?:\s+(?:two|three|four))?(?:\s+(?:papers|methods|systems|works|approaches"
    r"|techniques|results|numbers|ones))?\b|\bthe\s+(?:two|others?)\b",
    re.IGNORECASE,
)
_SUBJECT_THEY = re.compile(
    r"\b(?:do|does|did|are|were|is|have|has|can|could|will|would)\s+(?:they|these|those)\b|\b(?:they|these|those)\s+(?:do|are|were"
    r"|have|can)\b|\btheir\b|\b(?:compare|rank|sort|order|list)\s+(?:them|these|those)\b",
    re.IGNORECASE,
)
_AUX = r"(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should)"
_SINGULAR = re.compile(
    rf"\b(?P<its>its)\b|\bit\b|(?<=\b)(?P<aux>{_AUX}\s+|(?:about|of|with|on|for|than|from|to|in|by|like|after|before|without|do|does"
    rf"|did)\s+)(?:that|this)(?=\s*(?:[?.!,;]|$)|\s+(?!(?:{NAMED_THINGS}|choice|number|result|idea|trick)\b))"
    rf"|\b(?:this|that|the)\s+(?:{NAMED_THINGS})\b(?P<has>['’]s)?",
    re.IGNORECASE,
)
_AUTHORS = re.compile(r"\bthe\s+authors?\b(?!\s+of\b)", re.IGNORECASE)
_PERSON = re.compile(r"\b(?:he|she|him|they)\b", re.IGNORECASE)
_THE_ONE = re.compile(
    rf"\b(?P<det>the|an?|that|this|another|which)\s+(?P<more>(?:\w+\s+)?)(?P<one>ones?)\b{NO_PRONOUN_ONE}",
    re.IGNORECASE,
)
_YES_NO = re.compile(rf"^{_AUX}\b", re.IGNORECASE)


def rewritten(question: str, relation: FollowUpType, turns: Sequence[EarlierTurn], collection: Collection) -> Condensed:
    """Rewrite a follow-up as a standalone question; `turns` are the earlier turns, oldest first, at least one."""
    rewriters: Mapping[FollowUpType, Callable[[str, Sequence[EarlierTurn], Collection], Condensed]] = {
        "correction": _corrected,
        "places": _at_places,
        "more": _more,
        "group": _among,
        "swap": _swapped,
        "bare": _bare,
        "reference": _resolved,
        "joined": _resolved,
    }
    return rewriters[relation](question, turns, collection)


def _corrected(question: str, turns: Sequence[EarlierTurn], collection: Collection) -> Condensed:
    """Rewrite "no, I meant …": what follows is a question itself, or a part to substitute in the last question."""
    match = CORRECTION.match(question)
    rest = match["rest"] if match else question
    one = re.match(r"(?:the|that)\s+ones?\b", rest, re.IGNORECASE)
    if one:
        return Condensed(f"The {thing(turns[-1])}{rest[one.end() :]}")
    part = f"what about {rest}"
    if re.match(rf"(?:the\s+|an?\s+)?{WORK}\b", rest, re.IGNORECASE) or not fragment(part):
        return Condensed(rest)
    return _swapped(part, turns, collection)


def _at_places(question: str, turns: Sequence[EarlierTurn], collection: Collection) -> Condensed:
    """Replace "the second", "[2]" or "the former" by the names of the papers or things."""
    found = places(question)
    last = turns[-1]
    pair = _pair(question, turns)
    if pair and all(place in (1, 2, -1) for _, _, place in found):
        sides = [(start, end, pair[place - 1 if place > 0 else place]) for start, end, place in found]
        named = _filled(question, sides)
        return Condensed(_capital(OPENING.sub("", named).strip()))
    cited = latest(turns, max(abs(place) for _, _, place in found))
    if not cited:
        return _resolved(question, turns, collection)
    chosen = [(start, end, cited[place - 1 if place > 0 else place]) for start, end, place in found]
    papers = tuple(dict.fromkeys(paper for _, _, paper in chosen))
    if not all(paper in collection.titles for paper in papers):
        return _resolved(question, turns, collection)
    names = [(start, end, call(collection.titles[paper])) for start, end, paper in chosen]
    text = OPENING.sub("", _filled(question, names)).strip()
    if not _is_only_places(question, found):
        return Condensed(_capital(text), papers, "lookup" if _asks_for_details(question, found) else None)
    if len(last.papers) == 1 and last.papers[0] in collection.titles:  # "and the third?"
        before, after = call(collection.titles[last.papers[0]]), names[0][2]
        return Condensed(last.question.replace(before, after), papers, last.kind)
    return Condensed(f"Tell me more about {_joined([name for _, _, name in names])}", papers, "lookup")


def _more(question: str, turns: Sequence[EarlierTurn], collection: Collection) -> Condensed:
    """Rewrite "tell me more" as a lookup of the papers that the last answer cites."""
    last = turns[-1]
    cited = _present(last.papers or last.cited, collection)
    papers = cited[:_MOST_DETAILED] if re.search(r"\b(?:it|that|this)\b", question) is None else ()
    papers = papers or cited[:1]
    if papers:
        titles = [call(collection.titles[paper]) for paper in papers]
        return Condensed(f"Tell me more about {_joined(titles)}", papers, "lookup")
    name = subject(last, collection.titles)
    return Condensed(f"Tell me more about {name}" if name else last.question)


def _among(question: str, turns: Sequence[EarlierTurn], collection: Collection) -> Condensed:
    """Rewrite "which of those …" for the papers cited before or, if there are none, those on the topic."""
    papers = _present(turns[-1].papers if len(turns[-1].papers) > 1 else latest(turns, 2), collection)
    group = "papers" if papers else _as_group(turns[-1])
    bare = OPENING.sub("", question).strip()
    text = _GROUP_WORDS.sub(f"of the {group}", bare, count=1)
    if text == bare:
        text = re.sub(r"^(which|what|who)(?:\s+ones?)?\b", rf"\1 of the {group}", bare, count=1, flags=re.IGNORECASE)
    return Condensed(_capital(text), papers, None)


def _swapped(question: str, turns: Sequence[EarlierTurn], collection: Collection) -> Condensed:
    last = turns[-1]
    part = fragment(question) or question
    one = re.match(r"one\b(?:\s+of\s+(?:the\s+same|that|this)\s+(?:kind|sort|type))?", part, re.IGNORECASE)
    if one:
        noun = thing(last)
        return Condensed(f"Is there {'an' if noun[0] in 'aeiou' else 'a'} {noun}{part[one.end() :]}?")
    if re.search(r"\b(?:its|their|it|them)\b", part, re.IGNORECASE):
        return _resolved(f"{part}?", turns, collection)
    return Condensed(exchanged(last.question, part, collection), last.papers, last.kind)


def _bare(question: str, turns: Sequence[EarlierTurn], collection: Collection) -> Condensed:
    """Rewrite "why?", "by how much?" or "any others?" by repeating or extending the last question."""
    last = turns[-1]
    asked = OPENING.sub("", question).strip()
    before = last.question.rstrip("?!. ")
    if _MORE_PAPERS.search(asked):
        return Condensed(last.question)
    if re.search(r"\b(?:was|were|is|are)\s+\w+ed\b", asked, re.IGNORECASE):
        return _resolved(question, turns, collection)
    if re.match(r"(?:why|how)\b(?:\s+so)?\W*$", asked, re.IGNORECASE) and _YES_NO.match(before):
        return Condensed(f"{asked.split()[0].strip('?').capitalize()} {before[0].lower()}{before[1:]}?", last.papers)
    return Condensed(f"{before}: {asked}", last.papers)


def _resolved(question: str, turns: Sequence[EarlierTurn], collection: Collection) -> Condensed:
    """Replace pronouns by the names that they refer to; without a pronoun, prefix the question with its subject."""
    last = turns[-1]
    text = OPENING.sub("", question).strip()
    name = subject(last, collection.titles)
    together = several(last)
    if not together and len(last.cited) > 1 and _SUBJECT_THEY.search(text):
        plural = _PLURAL.sub(lambda match: "the papers'" if match["their"] else "the papers", text, count=1)
        papers = _present(last.cited, collection)
        return Condensed(_capital(plural), papers, "compare" if re.search(r"\bcompare\b", text) else None)
    label = name or f"“{topic(last)}”"
    author = next(iter(author_mentions(last.question, collection.known.authors)), None)
    if author and _PERSON.search(text):
        return Condensed(_capital(_PERSON.sub(author.filters.author or "", text)))
    filled = _one_filled(text, last)
    if together and not (name and _SINGULAR.search(text)):
        filled = _PLURAL.sub(lambda match: f"{together}'s" if match["their"] else together, filled, count=1)
    filled = _SINGULAR.sub(lambda match: _singular(match, label), filled) if name else filled
    filled = _AUTHORS.sub(f"the authors of {label}", filled)
    if filled != text and (not name or name in filled):
        return Condensed(_capital(filled) if name or together else _of(topic(last), filled), last.papers)
    said = topic(last) if name is None else name if is_identifier(name) else f"{name}, {topic(last)}"
    return Condensed(_of(said, filled), last.papers)


def _of(name: str, text: str) -> str:
    """Prefix a question with its subject."""
    first = text.split(maxsplit=1)[0]
    return f"{name}: {first.lower() if first[1:].islower() else first}{text[len(first) :]}"


def _singular(match: re.Match[str], name: str) -> str:
    if match["its"] or match["has"]:
        return f"{name}'s"
    return f"{match['aux'] or ''}{name}"


def _one_filled(text: str, last: EarlierTurn) -> str:
    """Replace "one" and "ones" by their noun, as in "the large ones"."""

    def fill(match: re.Match[str]) -> str:
        noun = things(last) if match["one"].lower() == "ones" else thing(last)
        return match[0] if noun.startswith("paper") else f"{match['det']} {match['more']}{noun}"

    return _THE_ONE.sub(fill, text)


def _pair(question: str, turns: Sequence[EarlierTurn]) -> tuple[str, str] | None:
    return pair_of(turns[-1]) if re.search(r"\bthe\s+(?:former|latter)\b", question, re.IGNORECASE) else None


def _present(papers: Sequence[str], collection: Collection) -> tuple[str, ...]:
    """Return the papers that the collection still contains."""
    return tuple(paper for paper in papers if paper in collection.titles)


def _as_group(last: EarlierTurn) -> str:
    """Return what an earlier question asked for as a noun phrase: "papers that cut memory"."""
    question = last.question.strip().rstrip("?!. ")
    match = re.match(r"(?:which|what)\s+(?P<noun>(?:[\w-]+\s+){0,2}?\w+s)\s+(?P<rest>.+)$", question, re.IGNORECASE)
    if not match:
        who = re.match(r"who\s+(?P<rest>\w+s\s+.+)$", question, re.IGNORECASE)
        return f"papers that {who['rest']}" if who else f"papers on {topic(last)}"
    on = re.match(r"(?:on|about|for|in|by|from|with|at|that|which|since|before|after)\b", match["rest"], re.IGNORECASE)
    return f"{match['noun']} {match['rest']}" if on else f"{match['noun']} that {match['rest']}"


def _filled(text: str, names: Sequence[tuple[int, int, str]]) -> str:
    """Replace spans by names; the names of one span are joined by commas and "and"."""
    spans: dict[tuple[int, int], list[str]] = {}
    for start, end, name in names:
        spans.setdefault((start, end), []).append(name)
    for (start, end), several_names in sorted(spans.items(), reverse=True):
        text = text[:start] + _joined(several_names) + text[end:]
    return text


def _rest(question: str, found: Sequence[tuple[int, int, int]]) -> str:
    return OPENING.sub("", _filled(question, [(start, end, "") for start, end, _ in found])).strip(" ?!.,")


def _is_only_places(question: str, found: Sequence[tuple[int, int, int]]) -> bool:
    """Return whether a question consists of places only, as in "and the third?"."""
    return (
        re.fullmatch(r"(?:(?:and|or|please|what|how|about)[\s,]*)*", _rest(question, found), re.IGNORECASE) is not None
    )


def _asks_for_details(question: str, found: Sequence[tuple[int, int, int]]) -> bool:
    text = _filled(question, [(start, end, "it") for start, end, _ in found])
    return asks_for_more(re.sub(r"\bit(?:(?:,|\s+and|\s+or)\s+it)+\b", "it", text))


def _joined(names: Sequence[str]) -> str:
    unique = list(dict.fromkeys(names))
    return unique[0] if len(unique) == 1 else f"{', '.join(unique[:-1])} and {unique[-1]}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
