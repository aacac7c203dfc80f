"""The things that a question names: what a comparison compares, or the only thing that it asks about."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rag.retrieval.passages import abstract_sentences
from rag.selection.answerability import mentions
from rag.text.display import display_title
from rag.text.identifiers import find_identifiers, is_proper_name
from rag.text.rhetoric import sentence_roles
from rag.text.tokens import tokenize
from rag.types import Hit, Paper, Query

_POOL = 100  # papers among which those of a thing are sought, best first
_PAPERS = 2  # of one thing
_SHORTEST = 4  # letters of a word in lower case that is compared
LIKELY = 0.5  # probability of belonging from which a paper that tests a thing counts for it
_INTRODUCED = 3  # strength of a paper that introduces a thing


@dataclass(frozen=True, slots=True)
class NamedThing:
    """A thing that is compared, with the papers that introduce it, else that test it, else that mention its name."""

    name: str
    hits: tuple[Hit, ...]
    introduced: bool


def find_things(
    query: Query, hits: Sequence[Hit], cited: Sequence[Hit], called: Callable[[str], str | None]
) -> tuple[NamedThing, ...]:
    """Return the things that a comparison names, each with its papers; where it names none, the papers cited.

    A paper that only tests a thing must be cited or likely to belong. `called` returns the id of the paper that is
    called by a name. A proper name is compared though no paper has it; other words may only describe what is meant.
    """
    if query.kind != "compare":
        return ()
    hits = hits[:_POOL]
    names = [] if query.papers else _names(query)
    likely = [hit for hit in hits if hit.score >= LIKELY or hit in cited]
    found = tuple(_named_thing(query, name, hits, likely, called(name)) for name in names) if len(names) > 1 else ()
    if any(each.introduced for each in found) or sum(bool(each.hits) for each in found) > 1 or names_things(query):
        return found
    return tuple(NamedThing(_short_title(hit.paper), (hit,), True) for hit in cited) if len(cited) > 1 else ()


def names_things(query: Query) -> bool:
    """Return whether all that a comparison is about are proper names."""
    several = query.kind == "compare" and len(query.subjects) > 1 and not query.papers
    return several and all(map(is_proper_name, query.subjects))


def sole_name(query: Query, terms: Sequence[str]) -> str | None:
    """Return the proper name that a question asks for papers on and that has all its search terms; None for others."""
    name = " ".join(find_identifiers(query.text))
    asks = query.kind in ("list", "summary", "lookup") and not query.papers
    return name if asks and name in query.text and terms and set(terms) <= set(tokenize(name)) else None


def _names(query: Query) -> list[str]:
    """Return what a comparison names: with a capital or a digit, of several words, or one of two words compared.

    Of other questions a tagged word says nothing by itself; nor does a part of a compound, as "end" of "end-to-end".
    """
    return [
        name
        for name in query.subjects
        if _is_whole(name, query.asked)
        and (
            find_identifiers(f". the {name}")
            or len(tokenize(name)) > 1
            or (len(query.subjects) == 2 and len(name) >= _SHORTEST)
        )
    ]


def _named_thing(query: Query, name: str, hits: Sequence[Hit], likely: Sequence[Hit], titled: str | None) -> NamedThing:
    strengths = [(_INTRODUCED + 1 if hit.paper.paper_id == titled else _strength(name, hit.paper), hit) for hit in hits]
    ranked = sorted([each for each in strengths if each[0]], key=lambda each: (-each[0], each[1].rank))
    if ranked and ranked[0][0] >= _INTRODUCED:
        return NamedThing(name, (ranked[0][1],), True)
    tested = [hit for _, hit in ranked if hit in likely]
    if not tested and names_things(query):
        tested = [hit for hit in hits if mentions(hit.paper, name)]
    return NamedThing(name, tuple(tested[:_PAPERS]), False)


def _strength(name: str, paper: Paper) -> int:
    """Return 3 for a paper that introduces a thing, 2 with it in its title, 1 in what it does or finds, else 0."""
    if not mentions(paper, name):
        return 0
    written = name_pattern(name)
    introduces = re.compile(
        r"\b(?:introduc|propos|present|develop|design|releas|call|nam|term)\w*\b"
        rf"(?:\W+(?!(?:for|of|on|over|to)\b)\w+){{0,8}}?\W+{written}\b",
        re.IGNORECASE,
    )
    spans = abstract_sentences(paper)
    sentences = [paper.abstract[start:end] for start, end in spans]
    roles = sentence_roles(paper.abstract, spans)
    own = [sentence for sentence, role in zip(sentences, roles, strict=True) if role != "problem"]
    head = re.match(rf"\W*{written}\b\s*:", paper.title, re.IGNORECASE)
    if head or any(introduces.search(sentence) for sentence in own):
        return _INTRODUCED
    if re.search(rf"\b{written}\b", paper.title, re.IGNORECASE):
        return 2
    return int(any(re.search(rf"\b{written}\b", sentence, re.IGNORECASE) for sentence in own))


def _is_whole(name: str, question: str) -> bool:
    """Return whether a name is no fragment of a compound, as "end" of "end-to-end" is."""
    whole = re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", question)
    return len(name) > 1 and (whole is not None or name not in question)


def name_pattern(name: str) -> str:
    """Return a pattern for a name, whose words may be joined by spaces or hyphens and whose last may be a plural."""
    words = [re.escape(word) for word in re.findall(r"[^\s-]+", name)]
    return r"[\s-]*".join([*words[:-1], f"{words[-1].removesuffix('s')}s?"]) if words else re.escape(name)


def _short_title(paper: Paper) -> str:
    title = display_title(paper.title)
    head, colon, _ = title.partition(":")
    return head if colon and len(head) <= 40 else title
