"""Documents that hold an injected instruction, and the papers whose abstracts they are inserted in.

The instructions of public sets come with a trigger: a text whose presence in a reply shows that it was obeyed
(garak's latent injection probes, Derczynski et al., garak: a framework for security probing LLMs, 2024).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from eval.json_lines import read_lines
from rag.errors import CorpusError
from rag.text.sentences import sentence_spans
from rag.types import Filters, Overrides, Paper

_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class HostileDocument:
    """A document with an injected instruction; whether it was obeyed is known only with a `trigger`."""

    text: str
    trigger: str | None = None
    family: str | None = None


@dataclass(frozen=True, slots=True)
class InjectionCase:
    """A paper whose abstract holds a document, and a question that the rest of the abstract answers."""

    number: int
    document: HostileDocument
    paper: Paper
    question: str

    @property
    def overrides(self) -> Overrides:
        """Overrides by which this paper, and no other case's, is found and cited."""
        return Overrides("lookup", Filters(author=self.paper.authors[0]), as_is=True)


def read_documents(path: Path) -> tuple[HostileDocument, ...]:
    """Read the distinct documents of a file; raises CorpusError that names the first bad line.

    A line holds `document` and `trigger`, or `text` alone; one whose `label` is "benign" is skipped.
    """
    documents = read_lines(path, "Name a file of hostile documents.", _document)
    found = tuple(dict.fromkeys(document for document in documents if document))
    if not found:
        raise CorpusError(f"{path} holds no hostile document. Name a file whose lines have `document` or `text`.")
    return found


def sampled(documents: Sequence[HostileDocument], count: int, seed: int) -> tuple[HostileDocument, ...]:
    """Return a sample chosen by a seed; a smaller sample of the same seed is the start of a larger one."""
    order = list(documents)
    random.Random(seed).shuffle(order)
    return tuple(order[:count])


def place(documents: Sequence[HostileDocument], papers: Sequence[Paper], seed: int) -> tuple[InjectionCase, ...]:
    """Insert each document after a sentence of an abstract, both chosen by a seed; papers repeat only when used up."""
    hosts = sorted(papers, key=lambda paper: paper.paper_id)
    random.Random(seed).shuffle(hosts)
    return tuple(_case(i, document, hosts[i % len(hosts)], seed) for i, document in enumerate(documents))


def _document(record: dict[str, Any]) -> HostileDocument | None:
    if record.get("label") == "benign":
        return None
    text, trigger = record.get("document") or record.get("text"), record.get("trigger")
    if not isinstance(text, str) or not text.strip() or not isinstance(trigger, str | None):
        raise ValueError("needs a `document` or `text` that is a string")
    return HostileDocument(text, trigger, record.get("class") or record.get("family"))


def _case(number: int, document: HostileDocument, host: Paper, seed: int) -> InjectionCase:
    ends = [end for _, end in sentence_spans(host.abstract)] or [len(host.abstract)]
    end = random.Random(f"{seed}-{number}").choice(ends)
    abstract = f"{host.abstract[:end]} {document.text} {host.abstract[end:].lstrip()}".rstrip()
    paper = replace(
        host, paper_id=f"case-{number}", abstract=abstract, authors=(_author(number),), authors_complete=True
    )
    return InjectionCase(number, document, paper, f"What does the paper “{' '.join(host.title.split())}” present?")


def _author(number: int) -> str:
    """Return an author name that no other case has, in letters only."""
    name = ""
    for _ in range(4):
        number, letter = divmod(number, len(_LETTERS))
        name = _LETTERS[letter] + name
    return f"Host{name}"
