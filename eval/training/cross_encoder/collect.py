"""Gathering the examples from the training material, SciFact, SciTLDR and planted errors (CPU, two minutes)."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from eval.training.common.records import (
    OWN_CLAIMS,
    OWN_LISTS,
    Claim,
    Document,
    read_claims,
    read_documents,
    read_groups,
    read_lines,
    read_own_claims,
    read_own_questions,
    read_questions,
)
from eval.training.common.sentences import sentence_spans
from eval.training.common.splits import Splits, make_splits
from eval.training.cross_encoder.examples import (
    UNKNOWN,
    Examples,
    add_altered,
    add_claims,
    add_composed,
    add_planted,
    add_questions,
    add_scifact,
    add_summaries,
    add_unlabelled,
)
from rag.models.encoder import document_text

_LIKE_IT = 7  # documents that share words with a summary, beside its own


def collect(
    data: Path,
    scifact: Path | None,
    scitldr: Path | None,
    planted: int,
    seed: int,
    limit: int | None = None,
    abstracts: Path | None = None,
    composed: int = 6000,
    unlabelled: int = 6000,
    claim_lists: int = 5000,
) -> Examples:
    """Build all examples; `limit` keeps the first so many questions and claims, for a trial of the steps.

    `abstracts` is a file of papers, one a line, for our own questions (data/lists.jsonl) and claims
    (data/claims.jsonl), and for sentences without labels.
    """
    documents = read_documents(data)
    groups = read_groups(data)
    splits = make_splits(groups, seed)
    found = Examples()
    questions, claims = read_questions(data)[:limit], read_claims(data)[:limit]
    if abstracts:
        own_questions, more = read_own_questions(OWN_LISTS, abstracts)
        questions += own_questions[:limit]
        documents |= more
        own, more = read_own_claims(OWN_CLAIMS, abstracts)
        claims += own[:limit]
        documents |= more
    add_questions(found, questions, documents, splits, seed)
    add_claims(found, claims, documents, groups, splits, seed)
    add_composed(found, claims, documents, splits, composed if limit is None else limit, seed)
    add_altered(found, list(_altered(claims, splits, seed)), documents)
    if abstracts:
        add_unlabelled(found, _strangers(abstracts, documents, unlabelled if limit is None else limit, seed), seed)
    if scifact:
        add_scifact(found, list(read_lines(scifact / "verify_train.jsonl"))[:limit], "train")
        add_scifact(found, list(read_lines(scifact / "verify_dev.jsonl"))[:limit], "held")
        add_summaries(found, _retrieval(*_public(scifact), limit), "scifact-list", UNKNOWN)
    if scitldr:
        add_summaries(found, _retrieval(*_public(scitldr), limit), "scitldr-list", 1.0)
    searched = list(_searched(claims, splits, claim_lists if limit is None else limit, seed))
    texts = {id: each.text for id, each in documents.items() if splits.of([id]) == "train"}
    add_summaries(found, _retrieval(texts, searched), "claim-list", UNKNOWN)
    add_planted(found, list(_planted(documents, splits, planted, seed)))
    return found


def _public(folder: Path) -> tuple[dict[str, str], list[tuple[str, set[str]]]]:
    """Return the documents of a public test set, and its training queries with the relevant ones."""
    texts = {each["id"]: document_text(each["title"], each["text"]) for each in read_lines(folder / "corpus.jsonl")}
    relevant: dict[str, set[str]] = {}
    for line in (folder / "qrels_train.tsv").read_text("utf-8").splitlines()[1:]:
        query, document, _ = line.split("\t")
        relevant.setdefault(query, set()).add(document)
    queries = read_lines(folder / "queries_train.jsonl")
    return texts, [(each["text"], relevant.get(each["id"], set())) for each in queries]


def _searched(claims: Sequence[Claim], splits: Splits, count: int, seed: int) -> Iterator[tuple[str, set[str]]]:
    """Yield training claims that are about one document, true and false ones, as queries for it."""
    about = [each for each in claims if len(each.documents) == 1 and each.label in ("s", "c")]
    about = [each for each in about if splits.of(each.documents) == "train"]
    for claim in random.Random(f"{seed}/searched").sample(about, min(count, len(about))):
        yield claim.text, set(claim.documents)


def _retrieval(
    texts: Mapping[str, str], queries: Sequence[tuple[str, set[str]]], limit: int | None = None
) -> list[tuple[str, list[str]]]:
    """Return queries with a relevant document's text and texts that BM25 finds beside it."""
    import bm25s

    asked = [(query, relevant & texts.keys()) for query, relevant in queries if relevant & texts.keys()][:limit]
    ids = list(texts)
    index = bm25s.BM25()
    index.index(bm25s.tokenize(list(texts.values()), show_progress=False), show_progress=False)
    tokens = bm25s.tokenize([query for query, _ in asked], show_progress=False)
    ranked, _ = index.retrieve(tokens, k=min(len(ids), 12 + _LIKE_IT), show_progress=False)
    found = []
    for (query, relevant), numbers in zip(asked, ranked, strict=True):
        others = [ids[number] for number in numbers if ids[number] not in relevant][:_LIKE_IT]
        found.append((query, [texts[sorted(relevant)[0]], *(texts[each] for each in others)]))
    return found


def _altered(claims: Sequence[Claim], splits: Splits, seed: int) -> Iterator[tuple[Claim, str]]:
    """Yield the supported training claims in which an error can be planted, and each with its error."""
    from eval.claims.corruptions import plant_any

    chance = random.Random(f"{seed}/altered")
    for claim in claims:
        if claim.label == "s" and len(claim.documents) == 1 and splits.of(claim.documents) == "train":
            false = plant_any(claim.text, chance, seed)
            if false:
                yield claim, false


def _strangers(abstracts: Path, known: Mapping[str, Document], count: int, seed: int) -> list[Document]:
    read = [Document(each["paper_id"], each["title"], each["abstract"]) for each in read_lines(abstracts)]
    read = [each for each in read if each.id not in known]
    return random.Random(f"{seed}/strangers").sample(read, min(count, len(read)))


def _planted(
    documents: Mapping[str, Document], splits: Splits, count: int, seed: int
) -> Sequence[tuple[str, str, str]]:
    """Return sentences of training documents, a twin of each with one planted error, and the document's text."""
    # Imported late: the rules that plant errors belong to the evaluation's own package.
    from eval.claims.corruptions import plant_any

    chance = random.Random(f"{seed}/planted")
    ids = sorted(id for id in documents if splits.of([id]) == "train")
    found: list[tuple[str, str, str]] = []
    for id in chance.sample(ids, min(len(ids), 2 * count)):
        document = documents[id]
        start, end = chance.choice(sentence_spans(document.abstract))
        true = document.abstract[start:end]
        false = plant_any(true, chance, seed)
        if false and len(found) < count:
            found.append((true, false, document.text))
    return found
