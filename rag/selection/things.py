"""What a comparison compares: the papers that introduce each thing named, or else test it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.corpus.titles import find_by_title
from rag.selection.answerability import mentions
from rag.text.display import display_title
from rag.text.rhetoric import sentence_roles
from rag.text.sentences import sentence_spans
from rag.types import Hit, Paper, Query

_PAPERS = 2  # of one thing
_INTRODUCED = 3  # strength of a paper that introduces a thing


@dataclass(frozen=True, slots=True)
class NamedThing:
    """A thing that is compared, with the papers that introduce it, or that test it if none introduces it."""

    name: str
    hits: tuple[Hit, ...]
    introduced: bool


def find_things(query: Query, hits: Sequence[Hit]) -> tuple[NamedThing, ...]:
    """Return the things that a comparison names, or the papers that it is about, each with its papers.

    Nothing where fewer than two are named, or no paper has any of them.
    """
    if query.kind != "compare":
        return ()
    if len(query.subjects) >= 2:
        found = tuple(_named_thing(name, hits) for name in query.subjects)
        return found if any(each.hits for each in found) else ()
    named = [hit for hit in hits if hit.paper.paper_id in query.papers]
    return (
        tuple(NamedThing(_short_title(hit.paper), (hit,), introduced=True) for hit in named) if len(named) >= 2 else ()
    )


def _named_thing(name: str, hits: Sequence[Hit]) -> NamedThing:
    titled = find_by_title(name, {hit.paper.paper_id: hit.paper for hit in hits})
    strengths = [(_INTRODUCED + 1 if hit.paper.paper_id == titled else _strength(name, hit.paper), hit) for hit in hits]
    ranked = sorted([each for each in strengths if each[0]], key=lambda each: (-each[0], each[1].rank))
    introduced = bool(ranked) and ranked[0][0] >= _INTRODUCED
    return NamedThing(name, tuple(hit for _, hit in ranked[: 1 if introduced else _PAPERS]), introduced)


def _strength(name: str, paper: Paper) -> int:
    """Return 3 for a paper that introduces a thing, 2 with it in its title, 1 in what it does or finds, else 0."""
    if not mentions(paper, name):
        return 0
    written = name_pattern(name)
    introduces = re.compile(
        rf"\b(?:introduc|propos|present|develop|design|releas|call|nam|term)\w*\b(?:\W+\w+){{0,8}}?\W+{written}\b",
        re.IGNORECASE,
    )
    sentences = [paper.abstract[start:end] for start, end in sentence_spans(paper.abstract)]
    roles = sentence_roles(paper.abstract)
    own = [sentence for sentence, role in zip(sentences, roles, strict=True) if role != "problem"]
    head = re.match(rf"\W*{written}\b\s*:", paper.title, re.IGNORECASE)
    if head or any(introduces.search(sentence) for sentence in own):
        return _INTRODUCED
    if re.search(rf"\b{written}\b", paper.title, re.IGNORECASE):
        return 2
    return int(any(re.search(rf"\b{written}\b", sentence, re.IGNORECASE) for sentence in own))


def name_pattern(name: str) -> str:
    """Return a pattern for a name, whose words may be joined by spaces or hyphens and whose last may be a plural."""
    words = [re.escape(word) for word in re.findall(r"[^\s-]+", name)]
    return r"[\s-]*".join([*words[:-1], f"{words[-1].removesuffix('s')}s?"]) if words else re.escape(name)


def _short_title(paper: Paper) -> str:
    title = display_title(paper.title)
    head, colon, _ = title.partition(":")
    return head if colon and len(head) <= 40 else title
