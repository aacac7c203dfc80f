"""Collect training and held-out examples: from published data sets, and from abstracts by rule."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

from eval.claims.corruptions import KINDS, plant
from eval.training.entailment.examples import Example, from_abstract, split
from eval.training.entailment.published import read_published, read_scifact
from eval.training.entailment.rewrite import rewritten, third_person

_HELD_OUT = 12  # one in this many claims and abstracts is held out for model selection
_SIMILAR = 3
_REPEATS = {
    "scifact": 4,
    "scifact rationale": 2,
    "scifact rest": 2,
    "expertqa": 3,
    "wice": 3,
    "pubmedqa": 2,
    "summary": 3,
}


@dataclass(frozen=True, slots=True)
class Abstract:
    """A document of a corpus in BEIR format."""

    doc_id: str
    title: str
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Folders:
    """The folders of test sets in BEIR format, and of published data sets."""

    arxiv: Path
    scifact: Path
    scitldr: Path
    published: Path


def collect(folders: Folders, abstracts: int, seed: int = 0) -> tuple[list[Example], list[Example]]:
    """Return the training and the held-out examples, shuffled; `abstracts` is the number of arXiv abstracts to use."""
    chance = random.Random(seed)
    train: list[Example] = []
    held: list[Example] = []
    for key, example in _keyed(folders, abstracts, chance):
        if crc32(key.encode()) % _HELD_OUT == 0:
            held.append(example)
        else:
            train += [example] * _REPEATS.get(example.source, 1)
    chance.shuffle(train)
    chance.shuffle(held)
    return train, held


def _keyed(folders: Folders, abstracts: int, chance: random.Random) -> Iterator[tuple[str, Example]]:
    """Yield each example with the claim or document whose hash decides whether it is held out."""
    for example in read_published(folders.published, chance):
        yield example.sentences[0] if example.sentences else "", example
    for example in read_scifact(folders.scifact / "verify_train.jsonl", chance):
        yield example.claim[:12], example
    unseen = {json.loads(line)["doc_id"] for line in _lines(folders.scifact / "verify_dev.jsonl")}
    medicine = [each for each in read_corpus(folders.scifact / "corpus.jsonl") if each.doc_id not in unseen]
    yield from made(medicine, 14, chance)
    yield from made(chance.sample(read_corpus(folders.arxiv / "corpus.jsonl"), abstracts), 5, chance)
    yield from summaries(folders.scitldr, "train", chance)


def made(documents: Sequence[Abstract], count: int, chance: random.Random) -> Iterator[tuple[str, Example]]:
    """Yield examples of each document, with the most similar documents as other papers."""
    for document, others in zip(documents, similar(documents), strict=True):
        for example in from_abstract(document.title, document.sentences, others, chance, count):
            yield document.doc_id, example


def summaries(folder: Path, part: str, chance: random.Random) -> Iterator[tuple[str, Example]]:
    """Yield human-written summaries, with and without a planted error, paired with their own or a similar abstract."""
    queries = {each["id"]: each["text"] for each in map(json.loads, _lines(folder / f"queries_{part}.jsonl"))}
    wanted = {query_id: query_id.partition("#")[0] for query_id in queries}
    documents = [each for each in read_corpus(folder / "corpus.jsonl") if each.doc_id in set(wanted.values())]
    others = dict(zip((each.doc_id for each in documents), similar(documents), strict=True))
    known = {each.doc_id: each for each in documents}
    for query_id, doc_id in wanted.items():
        if doc_id not in known or len(known[doc_id].sentences) < 2:
            continue
        text = queries[query_id]
        yield doc_id, Example(third_person(text, chance), known[doc_id].sentences, "support", "summary")
        yield doc_id, Example(rewritten(text, chance), known[doc_id].sentences, "support", "summary")
        yield doc_id, Example(text, chance.choice(others[doc_id]), "not_enough", "summary elsewhere")
        for kind in KINDS:
            if planted := plant(text, kind, chance.randrange(99)):
                yield doc_id, Example(planted, known[doc_id].sentences, "contradict", f"summary {kind}")
    for document in documents:
        for example in from_abstract(document.title, document.sentences, others[document.doc_id], chance, 8):
            yield document.doc_id, example


def read_corpus(path: Path) -> list[Abstract]:
    """Read a corpus in BEIR format."""
    records = map(json.loads, _lines(path))
    return [Abstract(each["id"], each["title"], split(each["text"])) for each in records]


def similar(documents: Sequence[Abstract]) -> list[list[tuple[str, ...]]]:
    """Return for each document the sentences of the most similar ones, by BM25 with its title as the query."""
    import bm25s

    index = bm25s.BM25()
    index.index(
        bm25s.tokenize([f"{each.title} {' '.join(each.sentences)}" for each in documents], show_progress=False),
        show_progress=False,
    )
    titles = bm25s.tokenize([each.title for each in documents], show_progress=False)
    found, _ = index.retrieve(titles, k=min(_SIMILAR + 1, len(documents)), n_threads=2, show_progress=False)
    return [
        [documents[j].sentences for j in row if j != i and documents[j].sentences][:_SIMILAR]
        for i, row in enumerate(found)
    ]


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8") as file:
        yield from file
