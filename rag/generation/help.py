"""What can be asked here, with three questions that the library itself answers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from rag.generation.grouping import title_phrases
from rag.text.display import display_line, display_title
from rag.types import Paper

_LONGEST_NAME = 24  # characters of what stands before a title's colon, for it to be a name
_LEAST_SHARED = 2  # titles that have a phrase, for it to be a topic


def help_text(papers: Iterable[Paper]) -> str:
    """Return what can be asked, as Markdown."""
    held = sorted(papers, key=lambda paper: (paper.date or "", paper.paper_id), reverse=True)
    examples = [f"- {question}" for question in _examples(held)]
    return "\n".join(
        [
            f"Ask about these {len(held)} papers in plain words. Each answer rests on their abstracts and cites them.",
            *(["For example:", "", *examples, ""] if examples else [""]),
            "A question may follow on from the one before it, as in: which of those have code?",
        ]
    )


def _examples(papers: Sequence[Paper]) -> list[str]:
    """Return up to three questions: on what many titles are about, on the newest paper with a name, on the records."""
    topics = Counter(phrase for paper in papers for phrase in title_phrases(paper.title) if " " in phrase)
    shared = [phrase for phrase, count in topics.items() if count >= _LEAST_SHARED]
    topic = min(shared, key=lambda phrase: (-topics[phrase], phrase), default=None)
    name = next((name for paper in papers if (name := _name(paper))), None)
    authors = Counter(author for paper in papers for author in paper.authors)
    author = min(authors, key=lambda each: (-authors[each], each), default=None)
    found = [
        f"Which papers are about {topic}?" if topic else None,
        f"What does {name} do?" if name else None,
        "The newest three papers with code" if any(paper.code for paper in papers) else None,
        f"Papers by {display_line(author)}" if author else None,
    ]
    return [question for question in found if question][:3]


def _name(paper: Paper) -> str | None:
    """Return the name before a title's colon, of one word; None if there is none."""
    head, colon, _ = display_title(paper.title).partition(":")
    return head if colon and len(head) <= _LONGEST_NAME and re.fullmatch(r"[\w.+-]+", head) else None
