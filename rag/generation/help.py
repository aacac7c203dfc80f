"""What can be asked here, with three questions that the library itself answers."""

from __future__ import annotations

from collections.abc import Iterable

from rag.generation.examples import example_questions, title_topics
from rag.types import Paper

_EXAMPLES = 3


def help_text(papers: Iterable[Paper]) -> str:
    """Return what can be asked, as Markdown."""
    held = tuple(papers)
    examples = [f"- {question}" for question in example_questions(held, title_topics(held)[:1])[:_EXAMPLES]]
    return "\n".join(
        [
            f"Ask about these {len(held)} papers in plain words. Each answer rests on their abstracts and cites them.",
            *(["For example:", "", *examples, ""] if examples else [""]),
            "A question may follow on from the one before it, as in: which of those have code?",
        ]
    )
