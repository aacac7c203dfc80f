"""The training material as values: documents, groups, questions, claims; read from a folder of JSON Lines."""

from __future__ import annotations

import json
import lzma
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rag.models.encoder import document_text

_OWN = Path(__file__).parents[1] / "data"
OWN_LISTS, OWN_CLAIMS = _OWN / "lists.jsonl", _OWN / "claims.jsonl"

QuestionType = Literal["set", "fact", "none"]
ClaimLabel = Literal["s", "c", "n", "p"]


@dataclass(frozen=True, slots=True)
class Document:
    """A paper's title and abstract."""

    id: str
    title: str
    abstract: str

    @property
    def text(self) -> str:
        """The text that both models read: the title, a full stop and the abstract."""
        return document_text(self.title, self.abstract)


@dataclass(frozen=True, slots=True)
class Question:
    """A question over a group of documents.

    `relevant` maps the ids of documents that belong to the first words of their best sentence; `arguable` and
    `nearest` are ids. Every other document of the group does not belong.
    """

    group: int
    type: QuestionType
    style: str | None
    text: str
    documents: tuple[str, ...]
    relevant: Mapping[str, str]
    arguable: frozenset[str]
    nearest: frozenset[str]


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence about one or more documents; `evidence` holds the first words of the sentences that it rests on."""

    documents: tuple[str, ...]
    text: str
    label: ClaimLabel
    origin: str
    source: Literal["claims", "pairs", "answers", "own", "own-pairs"]
    evidence: tuple[str, ...] = ()
    twin: int | None = None


def read_own_claims(file: Path, abstracts: Path) -> tuple[list[Claim], dict[str, Document]]:
    """Read claims of our own, in the form of claims.jsonl with a number in `twin` for a pair, and their documents."""
    lines = list(read_lines(file))
    documents = read_abstracts(abstracts, {each["id"] for each in lines})
    claims = [
        Claim(
            (each["id"],),
            each["c"],
            each["l"],
            each["k"],
            "own" if each.get("twin") is None else "own-pairs",
            tuple(each["e"]),
            each.get("twin"),
        )
        for each in lines
    ]
    return claims, documents


def read_own_questions(file: Path, abstracts: Path) -> tuple[list[Question], dict[str, Document]]:
    """Read the questions of our own that train, each with the documents that it is trained with.

    A line of the file has its collection's name, `c`, then `t`, `s` and `q` as in questions.jsonl, and the ids `y`,
    `m`, `n` and, of documents near it that do not belong, `o`. They belong to no group: their number is -1.
    """
    collections = read_own_collections(file)
    lines = [each for each in read_lines(file) if collections[each["c"]].split == "train"]
    shown = [(*each["y"], *each["m"], *each["n"], *each["o"]) for each in lines]
    documents = read_abstracts(abstracts, {id for ids in shown for id in ids})
    questions = [
        Question(
            -1,
            each["t"],
            each["s"],
            each["q"],
            tuple(id for id in ids if id in documents),
            each["y"],
            frozenset(each["m"]),
            frozenset(each["n"]),
        )
        for each, ids in zip(lines, shown, strict=True)
    ]
    return questions, documents


@dataclass(frozen=True, slots=True)
class OwnCollection:
    """A collection that questions of our own were written for: what it is used for, and its documents' ids."""

    split: str
    ids: tuple[str, ...]


def read_own_collections(file: Path) -> dict[str, OwnCollection]:
    """Read the collections of a file of questions by name, from collections.json beside it."""
    content = json.loads(file.with_name("collections.json").read_text("utf-8"))
    return {name: OwnCollection(each["split"], tuple(each["ids"])) for name, each in content.items()}


def read_abstracts(file: Path, wanted: Collection[str]) -> dict[str, Document]:
    """Read the wanted ones of a file of papers."""
    return {
        each["paper_id"]: Document(each["paper_id"], each["title"], each["abstract"])
        for each in read_lines(file)
        if each["paper_id"] in wanted
    }


def read_lines(path: Path) -> Iterator[Any]:
    """Yield the values of a JSON Lines file, `.xz` or plain; only a line feed ends a line."""
    with (lzma.open if path.suffix == ".xz" else open)(path, "rt", encoding="utf-8", newline="\n") as file:
        for line in file:
            if line.strip():
                yield json.loads(line)


def read_documents(folder: Path) -> dict[str, Document]:
    """Read documents.jsonl.xz."""
    return {
        each["id"]: Document(each["id"], each["title"], each["abstract"])
        for each in read_lines(folder / "documents.jsonl.xz")
    }


def read_groups(folder: Path) -> dict[int, tuple[str, ...]]:
    """Read groups.jsonl: the ids of each group's documents."""
    return {each["g"]: tuple(each["ids"]) for each in read_lines(folder / "groups.jsonl")}


def read_questions(folder: Path) -> list[Question]:
    """Read questions.jsonl with the ids of the documents instead of their numbers in the group."""
    groups = read_groups(folder)
    found = []
    for each in read_lines(folder / "questions.jsonl"):
        ids = groups[each["g"]]
        found.append(
            Question(
                group=each["g"],
                type=each["t"],
                style=each.get("s"),
                text=each["q"],
                documents=ids,
                relevant={ids[int(number) - 1]: words for number, words in each.get("y", {}).items()},
                arguable=frozenset(ids[number - 1] for number in each.get("m", ())),
                nearest=frozenset(ids[number - 1] for number in each.get("n", ())),
            )
        )
    return found


def read_claims(folder: Path) -> list[Claim]:
    """Read claims.jsonl, pairs.jsonl (each pair as two claims with a common `twin` number) and answers.jsonl."""
    found = [
        Claim((each["id"],), each["c"], each["l"], each["k"], "claims", tuple(each["e"]))
        for each in read_lines(folder / "claims.jsonl")
    ]
    for number, each in enumerate(read_lines(folder / "pairs.jsonl")):
        evidence = tuple(each["e"])
        found.append(Claim((each["id"],), each["t"], "s", each["k"], "pairs", evidence, number))
        found.append(Claim((each["id"],), each["f"], each["l"], each["k"], "pairs", evidence, number))
    found += [
        Claim(tuple(each["ids"]), each["c"], each["l"], each["k"], "answers")
        for each in read_lines(folder / "answers.jsonl")
    ]
    return found
