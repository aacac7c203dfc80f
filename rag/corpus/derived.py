"""What is derived from a paper when it is indexed, so that a question need not read all papers to find it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rag.types import Paper


@dataclass(frozen=True, slots=True)
class Derived:
    """Keys under which a paper can be found, each with its kind, and how often the paper uses each word."""

    names: frozenset[tuple[str, str]] = frozenset()
    words: Mapping[str, int] = field(default_factory=dict)


def derived(paper: Paper) -> Derived:
    """Derive a paper's names and words; if this changes, `rag.index.generations.FORMAT` has to be raised."""
    return Derived()
