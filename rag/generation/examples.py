"""Questions to begin with, made from the collection."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from rag.generation.grouping import title_phrases
from rag.text.display import display_line, display_title
from rag.types import Paper

_LONGEST_NAME = 24  # characters of the part before a title's colon, for it to be a name
EXAMPLE_PAPERS = 1000  # newest ones, from which examples are made
LONGEST_OFFERED = 40  # characters of an author or a venue in a question that we offer: a longer one may say anything
_LEAST_SHARED = 2  # titles that have a phrase, for it to be a topic


def example_questions(papers: Iterable[Paper], topics: Sequence[str] = ()) -> tuple[str, ...]:
    """Return up to six questions that the collection can answer; `topics` are names of its clusters."""
    known = sorted(papers, key=lambda paper: (paper.date or "", paper.paper_id), reverse=True)
    questions = [f"Papers on {topic}" for topic in topics[:2]]
    names = [name for paper in known if (name := short_name(paper))]
    if names:
        questions.append(f"What does {names[0]} do?")
    if len(names) > 2:
        questions.append(f"Compare {names[1]} and {names[2]}")
    authors = Counter(author for paper in known for author in paper.authors if len(author) <= LONGEST_OFFERED)
    if authors:
        questions.append(f"Papers by {display_line(min(authors, key=lambda name: (-authors[name], name)))}")
    if any(paper.code for paper in known):
        questions.append("The newest papers with code")
    return tuple(questions)


def title_topics(papers: Iterable[Paper]) -> tuple[str, ...]:
    """Return the phrases of several words that most titles share, the most shared first."""
    counts = Counter(phrase for paper in papers for phrase in title_phrases(paper.title) if " " in phrase)
    shared = [phrase for phrase, count in counts.items() if count >= _LEAST_SHARED]
    return tuple(sorted(shared, key=lambda phrase: (-counts[phrase], phrase)))


def short_name(paper: Paper) -> str | None:
    """Return the name before a title's colon, as "Pebble" in "Pebble: Small Caches"; None if there is none."""
    head, colon, _ = display_title(paper.title).partition(":")
    one = len(head.split()) <= 2 and len(head) <= _LONGEST_NAME
    return head.strip() if colon and one and re.search(r"\w", head) else None
