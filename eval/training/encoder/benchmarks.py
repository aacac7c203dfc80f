"""Whole collections to measure on: SciFact and SciTLDR as BEIR lays them out, and a gold file over papers."""

from __future__ import annotations

from pathlib import Path

from eval.training.common.records import read_lines
from eval.training.encoder.evaluate import Collection
from rag.models.encoder import document_text


def read_beir(folder: Path, name: str) -> Collection:
    """Read the test part of a folder with corpus.jsonl, queries.jsonl and qrels.tsv (Thakur et al., 2021)."""
    numbers: dict[str, int] = {}
    documents: list[str] = []
    for each in read_lines(folder / "corpus.jsonl"):
        numbers[each["id"]] = len(documents)
        documents.append(document_text(each["title"], each["text"]))
    grades: dict[str, dict[int, float]] = {}
    for line in (folder / "qrels.tsv").read_text("utf-8").splitlines()[1:]:
        query, document, score = line.split("\t")
        grades.setdefault(query, {})[numbers[document]] = float(score)
    queries = {each["id"]: each["text"] for each in read_lines(folder / "queries.jsonl")}
    asked = [query for query in queries if query in grades]
    return Collection(
        name, tuple(documents), tuple(queries[query] for query in asked), tuple(grades[query] for query in asked)
    )


def read_gold(gold: Path, papers: Path, name: str) -> Collection:
    """Read answerable gold questions without a history over papers (JSON Lines with `title` and `abstract`)."""
    read = list(read_lines(papers))
    numbers = {each["title"].casefold(): i for i, each in enumerate(read)}
    questions, grades, kinds = [], [], []
    for each in read_lines(gold):
        found = {
            numbers[entry["title"].casefold()]: float(entry["grade"])
            for entry in each.get("relevant", ())
            if entry["title"].casefold() in numbers
        }
        if found and not each.get("history"):
            questions.append(each["question"])
            grades.append(found)
            kinds.append(each["type"])
    documents = tuple(document_text(each["title"], each["abstract"]) for each in read)
    return Collection(name, documents, tuple(questions), tuple(grades), tuple(kinds))
