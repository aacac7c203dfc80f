"""Collections to fit and measure on: papers, and questions with what belongs to them and what is not known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.benchmarks.beir import TestSet
from eval.gold.questions import Question
from eval.training.common.records import (
    read_abstracts,
    read_documents,
    read_groups,
    read_lines,
    read_own_collections,
    read_questions,
)
from eval.training.common.splits import Split, make_splits
from eval.tuning.examples import Asked, Form, read_asked
from rag.types import Paper


@dataclass(frozen=True, slots=True)
class Collection:
    """Papers and the questions about them; those over the same papers share a `folder` for their index."""

    name: str
    papers: tuple[Paper, ...]
    questions: tuple[Asked, ...]
    folder: str


def read_split(data: Path, split: Split, seed: int) -> Collection:
    """Put the documents of one split of the training material together; only what is left of a group is judged."""
    splits = make_splits(read_groups(data), seed)
    documents = read_documents(data)
    ids = sorted(id for id, own in splits.documents.items() if own == split)
    papers = tuple(Paper(id, documents[id].title, documents[id].abstract) for id in ids)
    known, questions = frozenset(ids), []
    for each in read_questions(data):
        belong = known & each.relevant.keys()
        if splits.groups[each.group] == split and (belong or each.type == "none"):
            form: Form = "list" if each.type == "set" else each.type
            judged = known.intersection(each.documents)
            questions.append(
                Asked(each.text, form, each.group, belong, each.arguable, judged, each.style, each.relevant)
            )
    return Collection(split, papers, tuple(questions), split)


def read_own(file: Path, abstracts: Path, split: str) -> list[Collection]:
    """Put together the collections of a split that questions of our own were written for, each judged as a whole."""
    lines = list(read_lines(file))
    made = []
    for name, own in read_own_collections(file).items():
        if own.split == split:
            documents = read_abstracts(abstracts, own.ids)
            papers = tuple(Paper(id, each.title, each.abstract) for id, each in documents.items())
            made.append(Collection(name, papers, tuple(_own_questions(lines, name)), name))
    return made


def _own_questions(lines: Sequence[Any], name: str) -> Iterator[Asked]:
    for number, each in enumerate(lines):
        if each["c"] == name:
            form: Form = "list" if each["t"] == "set" else each["t"]
            unknown = frozenset((*each["m"], *each["n"]))
            yield Asked(each["q"], form, number, frozenset(each["y"]), unknown, None, each["s"], each["y"])


def from_test_set(test_set: TestSet) -> Collection:
    """Turn a BEIR test set into a collection."""
    questions = [
        Asked(test_set.queries[id], "other", number, frozenset(found))
        for number, (id, found) in enumerate(test_set.qrels.items())
    ]
    return Collection(test_set.name, test_set.papers, tuple(questions), test_set.name)


def from_gold(name: str, papers: Sequence[Paper], questions: Sequence[Question]) -> Collection:
    """Turn gold questions into a collection."""
    return Collection(name, tuple(papers), tuple(read_asked(questions)), "gold")
