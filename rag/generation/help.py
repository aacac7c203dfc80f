"""What can be asked here, with three questions that the library itself answers."""

from __future__ import annotations

from collections.abc import Sequence

from rag.generation.examples import example_questions, title_topics
from rag.types import Paper

_EXAMPLES = 3


def help_text(newest: Sequence[Paper], papers: int) -> str:
    """Return what can be asked of so many papers, as Markdown, with examples from the newest of them."""
    examples = [f"- {question}" for question in example_questions(newest, title_topics(newest)[:1])[:_EXAMPLES]]
    return "\n".join(
        [
            f"Ask about these {papers} papers in plain words. Each answer rests on their abstracts and cites them.",
            *(["For example:", "", *examples, ""] if examples else [""]),
            "A question may follow on from the one before it, as in: which of those have code?",
        ]
    )
