"""Sentences that an abstract supports: its own, these as reported speech, and what people wrote about the paper."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from eval.benchmarks.beir import TestSet
from eval.json_lines import read_lines
from rag.corpus.records import title_key
from rag.errors import CorpusError
from rag.text.latex import latex_to_text
from rag.text.sentences import sentence_spans
from rag.types import Paper

Form = Literal["verbatim", "reported", "paraphrase", "summary"]
_OF_ITSELF = re.compile(r"\b(?:we|our|this (?:paper|work|study))\b|\d", re.IGNORECASE)
_NUMBERED = re.compile(r"\(\d\)")  # "(2)" before a part of a sentence claims nothing
_WORDS = range(8, 61)
_REPORTING_RULES = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (
            r"^(?:However|Moreover|Furthermore|In addition|Additionally|Specifically|In particular|Notably|Finally|"
            r"Thus|Therefore|Hence|Consequently|As a result|To this end|To do so|Interestingly|Importantly|Here|Overall"
            r"|In summary|In conclusion),? ",
            "",
        ),
        (r"\b[Ii]n this (?:paper|work|study|article|report|survey), ?", ""),
        (r" \((?!\d)[^()]{1,40}\)", ""),
        (r"\b[Tt]his (?=(?:paper|work|study|article|report|survey) )", "the "),
        (r"\b(?:[Ww]e|us)\b", "the authors"),
        (r"\b[Oo]ur\b", "their"),
        (r"\b[Oo]urs\b", "theirs"),
        (r"(?:;|,? (?:which|while|whereas|thereby|thus|making|leading to)\b)[^;]{10,}(?=[.!?]$)", ""),
    )
)
_MIN_WORDS = 5  # of a reported sentence


@dataclass(frozen=True, slots=True)
class TrueSentence:
    """A sentence that a paper supports, and how it relates to the abstract."""

    form: Form
    sentence: str
    paper: Paper


def own_claims(papers: Iterable[Paper], seed: int) -> list[TrueSentence]:
    """Return the abstracts' sentences about their own work or with numbers, shuffled by the seed."""
    found = [
        TrueSentence("verbatim", latex_to_text(text), paper)
        for paper in papers
        for start, end in sentence_spans(paper.abstract)
        if _is_claim(text := paper.abstract[start:end])
    ]
    random.Random(seed).shuffle(found)
    return found


def _is_claim(text: str) -> bool:
    return bool(_OF_ITSELF.search(text)) and not _NUMBERED.search(text) and len(text.split()) in _WORDS


def as_reported(claims: Iterable[TrueSentence]) -> list[TrueSentence]:
    """Return the claims that can be rewritten by rule, rewritten, in their order."""
    return [TrueSentence("reported", text, each.paper) for each in claims if (text := reported(each.sentence))]


def reported(sentence: str) -> str | None:
    """Return a sentence in the third person without connectives, brackets and a last clause.

    None where no rule applies, or too few words would be left.
    """
    text = sentence
    for pattern, replacement in _REPORTING_RULES:
        text = pattern.sub(replacement, text, count=1 if replacement == "" else 0)
    text = text[:1].upper() + text[1:]
    return None if text == sentence or len(text.split()) < _MIN_WORDS else text


def summaries(test_set: TestSet, seed: int) -> list[TrueSentence]:
    """Return the queries with exactly one relevant document as sentences that are true of it, shuffled by the seed."""
    papers = {paper.paper_id: paper for paper in test_set.papers}
    found = [
        TrueSentence("summary", " ".join(text.split()), papers[next(iter(test_set.qrels[query_id]))])
        for query_id, text in test_set.queries.items()
        if len(test_set.qrels[query_id]) == 1
    ]
    random.Random(seed).shuffle(found)
    return found


def read_paraphrases(path: Path, papers: Mapping[str, Paper], seed: int) -> list[TrueSentence]:
    """Read true sentences, each with the paper_id or title of its paper; raises CorpusError with the first bad line."""
    by_title = {title_key(paper.title): paper for paper in papers.values()}
    found = read_lines(path, "Name a file of paraphrases.", lambda record: _paraphrase(record, papers, by_title))
    if not found:
        raise CorpusError(f'{path} holds no paraphrase. Each line has a "paper_id" or "title", and a "sentence".')
    random.Random(seed).shuffle(found)
    return found


def _paraphrase(record: Mapping[str, Any], papers: Mapping[str, Paper], by_title: Mapping[str, Paper]) -> TrueSentence:
    sentence, named = record.get("sentence"), record.get("paper_id") or record.get("title")
    if not isinstance(sentence, str) or not sentence.strip() or not isinstance(named, str):
        raise ValueError('needs a "sentence", and a "paper_id" or "title" (texts)')
    paper = papers.get(named) or by_title.get(title_key(named))
    if paper is None:
        raise ValueError(f"the paper {named!r} is not in the index")
    return TrueSentence("paraphrase", " ".join(sentence.split()), paper)
