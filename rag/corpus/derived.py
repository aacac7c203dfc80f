"""What is derived from a paper when it is indexed, so that a question need not read all papers to find it."""

from __future__ import annotations

from dataclasses import dataclass

from rag.types import Paper


@dataclass(frozen=True, slots=True)
class Derived:
    """Keys of a paper, each with its kind: those of `names` lead to the paper, those of `words` are only counted."""

    names: frozenset[tuple[str, str]] = frozenset()
    words: frozenset[tuple[str, str]] = frozenset()


def derived(paper: Paper) -> Derived:
    """Derive a paper's names and words; if this changes, `rag.index.generations.FORMAT` has to be raised."""
    return Derived()
