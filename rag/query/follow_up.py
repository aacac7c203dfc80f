"""What a follow-up does, by its type: join to the question before it, act on the answer's papers, or ask about them.

The encoder says which type it is; the code here only resolves what the follow-up refers to.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from rag.corpus.records import title_key
from rag.corpus.titles import find_by_title
from rag.query.overrides import merge_filters
from rag.text.display import display_title
from rag.text.quantities import NUMBER_WORDS
from rag.types import Filters, Kind, Paper, Query

_TOKEN = re.compile(r"\[\d{1,3}\]|#\d{1,3}|\d{1,3}(?:st|nd|rd|th)\b|\w+")
_ORDINALS = {
    word: n
    for n, word in enumerate("first second third fourth fifth sixth seventh eighth ninth tenth".split(), start=1)
} | {"former": 1, "latter": -1, "last": -1}  # fmt: skip
_NUMBERS = {word: n for word, n in NUMBER_WORDS.items() if 1 <= n <= 10}
_IT = frozenset(("it", "its"))
_SINGLE: frozenset[Kind] = frozenset(("fact", "lookup"))
_CONTENT: frozenset[Kind] = frozenset(("fact", "compare", "summary"))
_SHORT_TITLE = 60  # characters
_LEAST_TITLE = 3  # words


@dataclass(frozen=True, slots=True)
class EarlierTurn:
    """An earlier question as it was understood, and the papers that its answer cited."""

    query: Query
    cited: tuple[str, ...] = ()


def refine(own: Query, earlier: EarlierTurn, stated: str) -> Query:
    """Join a follow-up to the earlier question; a constraint replaces one of its sort. `stated` is its own part."""
    before = earlier.query
    kind: Kind = before.kind
    if kind == "metadata" and own.kind not in ("metadata", "lookup"):
        kind = own.kind
    return replace(
        before,
        question=own.question,
        standalone=f"{before.asked.rstrip('?!. ')}, {own.question}",
        text=f"{before.text.rstrip('?!. ')}, {stated}" if stated else before.text,
        kind=kind,
        filters=_merged(before.filters, own.filters),
        order=own.order or before.order,
        count=own.count or before.count,
        subjects=own.subjects or before.subjects,
        follow_up=own.follow_up,
        unsure=own.unsure,
        unapplied=(*before.unapplied, *own.unapplied),
    )


def act(own: Query, earlier: EarlierTurn, papers: Mapping[str, Paper], has_topic: bool) -> Query:
    """Restrict a follow-up to papers of the answer: those that it refers to, else all, of which the records tell."""
    referred = referred_papers(own, earlier, papers)
    if referred and not own.order:
        return _about(own, referred, papers, own.kind if own.kind in _CONTENT else "lookup")
    content = own.kind in _CONTENT or (own.kind == "list" and has_topic)
    return _about(own, earlier.cited, papers, own.kind if content else "metadata")


def ask(own: Query, earlier: EarlierTurn, papers: Mapping[str, Paper]) -> Query:
    """Restrict a question to the papers of the answer that it is about."""
    referred = referred_papers(own, earlier, papers)
    if not referred and earlier.query.kind in _SINGLE and not _IT.isdisjoint(_words(own.question)):
        referred = earlier.cited[:1]
    return _about(own, referred or earlier.cited, papers, own.kind)


def referred_papers(own: Query, earlier: EarlierTurn, papers: Mapping[str, Paper]) -> tuple[str, ...]:
    """Return the cited papers that a follow-up names: by position ("the second", "[2]") or by their titles."""
    cited = earlier.cited
    found = [cited[i] for i in _positions(own.question, len(cited))]
    if not found:
        held = {paper_id: papers[paper_id] for paper_id in cited}
        heads = {paper_id: title_key(paper.title.split(":")[0]) for paper_id, paper in held.items()}
        asked = f" {title_key(own.question)} "
        found = [paper_id for paper_id, head in heads.items() if head and f" {head} " in asked]
        found += [named for name in own.subjects if (named := find_by_title(name, held))]
    return tuple(dict.fromkeys(found))


def cited_in(answer: str, papers: Mapping[str, Paper]) -> tuple[str, ...]:
    """Return the papers whose titles an answer holds, in its order, for a history that does not list its citations."""
    said = f" {title_key(answer)} "
    keys = {paper_id: title_key(paper.title) for paper_id, paper in papers.items()}
    at = {
        paper_id: said.find(f" {key} ")
        for paper_id, key in keys.items()
        if len(key.split()) >= _LEAST_TITLE and f" {key} " in said
    }
    return tuple(sorted(at, key=lambda paper_id: at[paper_id]))


def _about(own: Query, chosen: Sequence[str], papers: Mapping[str, Paper], kind: Kind) -> Query:
    """Restrict a question to papers; one that only looks them up searches for their titles."""
    kind = "lookup" if kind == "summary" else kind
    titles = [display_title(papers[paper_id].title) for paper_id in chosen]
    standalone = own.question
    if len(titles) == 1:
        head = titles[0].split(":")[0]
        standalone = f"{head if len(head) <= _SHORT_TITLE else head[:_SHORT_TITLE] + '…'}: {own.question}"
    text = ". ".join(titles) if kind == "lookup" else standalone
    return replace(own, kind=kind, text=text, standalone=standalone, papers=tuple(chosen), count=_count(own, kind))


def _count(own: Query, kind: Kind) -> int | None:
    return own.count if kind in ("metadata", "list", "summary") else None


def _positions(question: str, cited: int) -> list[int]:
    """Return the places, from 0, that a follow-up names among the cited papers: "the first two", "the last", "[3]"."""
    tokens = _TOKEN.findall(question.casefold())
    found: list[int] = []
    for i, token in enumerate(tokens):
        digits = re.sub(r"\D", "", token)
        place = _ORDINALS.get(token, int(digits) if digits and not token.isdigit() else 0)
        following = tokens[i + 1] if i + 1 < len(tokens) else ""
        several = _NUMBERS.get(following, int(following) if following.isdigit() and len(following) < 3 else 1)
        if place == 1:
            found += range(min(several, cited))
        elif place == -1:
            found += range(max(cited - several, 0), cited)
        elif place:
            found.append(place - 1)
    return [at for at in dict.fromkeys(found) if at < cited]


def _merged(before: Filters, given: Filters) -> Filters:
    return merge_filters(replace(before, coauthors=()) if given.author else before, given)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())
