"""Questions to begin with, made from what the collection holds (pure)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from rag.types import Paper
from ui.follow_ups import short_name


def example_questions(papers: Iterable[Paper], topics: Sequence[str] = ()) -> tuple[str, ...]:
    """Make up to six questions that this collection can answer; `topics` are names of its clusters."""
    known = sorted(papers, key=lambda paper: (paper.date or "", paper.paper_id), reverse=True)
    questions = [f"Papers on {topic.split(',')[0]}" for topic in topics[:2]]
    names = [name for paper in known if (name := short_name(paper))]
    if names:
        questions.append(f"What does {names[0]} do?")
    if len(names) > 2:
        questions.append(f"Compare {names[1]} and {names[2]}")
    authors = Counter(author for paper in known for author in paper.authors)
    if authors:
        questions.append(f"Papers by {min(authors, key=lambda name: (-authors[name], name))}")
    if any(paper.code for paper in known):
        questions.append("The newest papers with code")
    return tuple(questions)
