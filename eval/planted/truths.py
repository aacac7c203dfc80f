"""Sentences that a paper's abstract supports: its own, the same reported by rule, and what people wrote of it."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from eval.planted.rewrite import reported
from eval.testsets.beir import TestSet
from rag.corpus.files import parse_json_lines, read_text
from rag.corpus.records import title_key
from rag.errors import CorpusError
from rag.text.latex import latex_to_text
from rag.text.sentences import sentence_spans
from rag.types import Paper

Form = Literal["verbatim", "reported", "paraphrase", "summary"]
_OF_ITSELF = re.compile(r"\b(?:we|our|this (?:paper|work|study))\b|\d", re.IGNORECASE)
_NUMBERED = re.compile(r"\(\d\)")  # "(2)" before a part of a sentence claims nothing
_WORDS = range(8, 61)


@dataclass(frozen=True, slots=True)
class Truth:
    """A sentence that a paper supports, and in which form it says what the abstract says."""

    form: Form
    sentence: str
    paper: Paper


def own_claims(papers: Iterable[Paper], seed: int) -> list[Truth]:
    """List what abstracts say of their own work or in numbers, a sentence each, in an order that the seed gives."""
    found = [
        Truth("verbatim", latex_to_text(text), paper)
        for paper in papers
        for start, end in sentence_spans(paper.abstract)
        if _is_claim(text := paper.abstract[start:end])
    ]
    random.Random(seed).shuffle(found)
    return found


def _is_claim(text: str) -> bool:
    return bool(_OF_ITSELF.search(text)) and not _NUMBERED.search(text) and len(text.split()) in _WORDS


def as_reported(claims: Iterable[Truth]) -> list[Truth]:
    """Rewrite claims by rule, those that can be, in their order."""
    return [Truth("reported", text, each.paper) for each in claims if (text := reported(each.sentence))]


def summaries(test_set: TestSet, seed: int) -> list[Truth]:
    """Take the queries that have just one relevant document for true of it, in an order that the seed gives."""
    papers = {paper.paper_id: paper for paper in test_set.papers}
    found = [
        Truth("summary", " ".join(text.split()), papers[next(iter(test_set.qrels[query_id]))])
        for query_id, text in test_set.queries.items()
        if len(test_set.qrels[query_id]) == 1
    ]
    random.Random(seed).shuffle(found)
    return found


def read_paraphrases(path: Path, papers: Mapping[str, Paper], seed: int) -> list[Truth]:
    """Read true sentences, each with the paper_id or title of its paper; raises CorpusError with the first bad line."""
    by_title = {title_key(paper.title): paper for paper in papers.values()}
    found = []
    for line, record in parse_json_lines(read_text(path, "Name a file of paraphrases.")):
        try:
            found.append(_paraphrase(record, papers, by_title))
        except ValueError as error:
            raise CorpusError(f"{path} line {line}: {error}. Mend the line.") from None
    if not found:
        raise CorpusError(f'{path} holds no paraphrase. Each line has a "paper_id" or "title", and a "sentence".')
    random.Random(seed).shuffle(found)
    return found


def _paraphrase(
    record: Mapping[str, Any] | ValueError, papers: Mapping[str, Paper], by_title: Mapping[str, Paper]
) -> Truth:
    if isinstance(record, ValueError):
        raise record
    sentence, named = record.get("sentence"), record.get("paper_id") or record.get("title")
    if not isinstance(sentence, str) or not sentence.strip() or not isinstance(named, str):
        raise ValueError('needs a "sentence", and a "paper_id" or "title" (texts)')
    paper = papers.get(named) or by_title.get(title_key(named))
    if paper is None:
        raise ValueError(f"the paper {named!r} is not in the index")
    return Truth("paraphrase", " ".join(sentence.split()), paper)
