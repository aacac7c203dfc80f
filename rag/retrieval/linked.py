"""Questions in two hops, "what later improved on Pebble?": the papers that have a link with the one that is named."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from rag.corpus.links import PaperLinks, Relation
from rag.corpus.records import title_key
from rag.index.papers import PaperStore
from rag.types import Hit, Query

_TITLE_WORDS = 3  # of a title that a question contains, at least
_AS_ASKED, _OTHERWISE = 0.9, 0.5  # probability of a paper with a link of the relation asked for, or of another one
_RELATION_WORDS: tuple[tuple[str, tuple[Relation, ...]], ...] = (
    (
        r"buil(?:d|ds|ding|t)\s(?:up)?on|bas(?:ed|es|is)\s(?:on|of)|extend\w*|extensions?|inspired\sby|derived?\sfrom"
        r"|successors?|follow\w*(?:\s|-)(?:up|on)|go(?:es)?\sbeyond|adapt(?:s|ed)?|reus(?:e[sd]?|ing)|adopt\w*",
        ("builds_on",),
    ),
    (
        r"improv\w+\s(?:up)?on|outperform\w*|surpass\w*|beat\w*|faster\sthan|better\sthan|superior\sto|supersed\w+"
        r"|address(?:es)?\sthe\s(?:limits|limitations|weaknesses|shortcomings)\sof",
        ("builds_on", "compared_with"),
    ),
    (r"compar\w+|baselines?|measur\w+\s(?:itself\s)?against|evaluat\w+\sagainst", ("compared_with",)),
    (r"cit(?:e|es|ed|ing)|mention\w*|refer\w*\sto|relat\w+\sto", ("builds_on", "compared_with", "mentions")),
)
_CUES = tuple(
    (re.compile(rf"\b(?:{words})\b", re.IGNORECASE), frozenset(relations)) for words, relations in _RELATION_WORDS
)
_IS = re.compile(r"\b(?:is|are|was|were|been|being)\b", re.IGNORECASE)
_BY = re.compile(r"\bby\b", re.IGNORECASE)


def asked_links(query: Query, links: PaperLinks, papers: PaperStore) -> dict[str, float]:
    """Return the papers whose link with the one paper that a question names it asks for, with their probability.

    "What builds on X" asks for the papers that use its name, "what does X build on" for those whose names it uses.
    """
    text = query.asked
    cues = [(match.span(), relations) for pattern, relations in _CUES for match in pattern.finditer(text)]
    named = links.introduced_in(text) if cues else {}
    named = named or (_titles(text, papers) if cues else {})
    if len(set(named.values())) != 1:
        return {}
    (place, paper_id), ((start, end), relations) = min(named.items()), min(cues, key=lambda each: each[0])
    passive = _IS.search(text, 0, start) is not None and _BY.search(text, end) is not None
    forward = (place < start) != passive
    chances: dict[str, float] = {}
    for link in links.of(paper_id) if forward else links.to(paper_id):
        other = link.target_id if forward else link.source_id
        chances[other] = max(chances.get(other, 0.0), _AS_ASKED if link.relation in relations else _OTHERWISE)
    return chances


def raise_linked(hits: Sequence[Hit], chances: Mapping[str, float]) -> tuple[Hit, ...]:
    """Rank hits with the papers of `chances` at their probabilities at least; the signal "linked" says which."""
    if not chances:
        return tuple(hits)
    raised = []
    for hit in hits:
        chance = chances.get(hit.paper.paper_id)
        if chance is not None:
            strength = max(hit.strength, math.log(chance / (1 - chance)))
            signals = {**hit.signals, "linked": chance}
            hit = replace(hit, score=max(hit.score, chance), strength=strength, signals=signals)
        raised.append(hit)
    ordered = sorted(raised, key=lambda hit: (hit.paper.paper_id not in chances, -hit.score, hit.rank))
    return tuple(replace(hit, rank=rank) for rank, hit in enumerate(ordered, start=1))


def _titles(question: str, papers: PaperStore) -> dict[int, str]:
    """Return the offsets, among its words, of the titles that a question contains up to their colon."""
    asked = f" {title_key(question)} "
    found = {}
    for paper_id, paper in papers.with_title_in(question).items():
        head = title_key(paper.title.split(":")[0])
        if len(head.split()) >= _TITLE_WORDS and (place := asked.find(f" {head} ")) >= 0:
            found[place] = paper_id
    return found
