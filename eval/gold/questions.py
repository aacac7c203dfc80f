"""Gold questions, and the papers and facts that answer them; loading checks all of it against the index."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from rag.corpus.files import parse_json_lines
from rag.corpus.records import title_key
from rag.errors import CitedeskError, UsageError
from rag.types import Paper, Problem, Turn

_T = TypeVar("_T")

MUST, MAY = 2, 1  # grades: the paper must be there, or may be
UNANSWERABLE = "unanswerable"
SPLITS = ("fit", "held")
DRAFTS = "questions.jsonl"
"""The file of a home folder with the questions that `citedesk eval draft` has drafted."""


class GoldError(CitedeskError):
    """Gold questions that do not match the index or their format; `problems` lists everything that is wrong."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        many = f"{len(problems)} problems in the gold questions, the first in" if len(problems) > 1 else "In"
        remedy = "Correct the lines"
        if any("not in the index" in problem.reason for problem in problems):
            remedy += ", or index the papers that they name with `citedesk index`"
        super().__init__(f"{many} {problems[0]}. {remedy}.")


_FIELDS = frozenset(
    "id type question relevant evidence answer_facts near_miss history notes split drafted".split()
)  # of a question's line; `notes` is for people


@dataclass(frozen=True, slots=True)
class EvidenceSpan:
    """The verbatim text `abstract[start:end]` of a paper that supports an answer."""

    paper_id: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Question:
    """A gold question; `relevant` maps paper_id to grade, `titles` maps every mentioned paper_id to its title.

    `split` says whether `citedesk tune` fits on it or measures on it, None that it may choose; a question that is
    `drafted` was made by a program, and nobody has reviewed it.
    """

    id: str
    type: str
    question: str
    relevant: Mapping[str, int] = field(default_factory=dict)
    evidence: tuple[EvidenceSpan, ...] = ()
    answer_facts: tuple[str, ...] = ()
    near_miss: tuple[str, ...] = ()
    history: tuple[Turn, ...] = ()
    titles: Mapping[str, str] = field(default_factory=dict)
    split: str | None = None
    drafted: bool = False

    @property
    def answerable(self) -> bool:
        """Whether any paper answers the question."""
        return bool(self.relevant)

    @property
    def wanted(self) -> frozenset[str]:
        """The papers that must be found: those of grade 2."""
        return frozenset(paper_id for paper_id, grade in self.relevant.items() if grade == MUST)


def load_gold(paths: Sequence[Path], papers: Mapping[str, Paper]) -> tuple[Question, ...]:
    """Read gold files in order; raises UsageError for an unreadable file, GoldError with everything that is wrong."""
    reader = _Reader(papers)
    questions: list[Question] = []
    for path in paths:
        before = len(questions) + len(reader.problems)
        questions += reader.read(path)
        if len(questions) + len(reader.problems) == before:
            reader.problems.append(Problem(str(path), 1, "the file holds no question"))
    if reader.problems:
        raise GoldError(reader.problems)
    return tuple(questions)


class _Reader:
    """Parses lines into Questions, and collects their problems."""

    def __init__(self, papers: Mapping[str, Paper]) -> None:
        self.problems: list[Problem] = []
        self._papers = papers
        self._by_title = {title_key(paper.title): paper for paper in papers.values()}
        self._seen: dict[str, str] = {}

    def read(self, path: Path) -> Iterator[Question]:
        for line, record in parse_json_lines(_text(path)):

            def blame(reason: str, at: int = line) -> None:
                self.problems.append(Problem(str(path), at, reason))

            if isinstance(record, ValueError):
                blame(str(record))
                continue
            known = len(self.problems)
            question = self._question(record, blame)
            if first := self._seen.get(question.id):
                blame(f"the id {question.id} is already that of {first}")
            elif question.id:
                self._seen[question.id] = f"{path} line {line}"
            if unknown := sorted(record.keys() - _FIELDS):
                blame(f"unknown field {unknown[0]!r}: there are {', '.join(sorted(_FIELDS))}")
            if len(self.problems) == known:
                yield question

    def _question(self, record: Mapping[str, Any], blame: Callable[[str], None]) -> Question:
        texts = {name: _string(record, name, blame) for name in ("id", "type", "question")}
        relevant: dict[str, int] = {}
        named: list[Paper] = []
        for entry in _objects(record, "relevant", blame):
            grade = entry.get("grade")
            if isinstance(grade, bool) or grade not in (MAY, MUST):
                blame(f"the grade {grade!r} is neither {MUST} (must be there) nor {MAY} (may be there)")
            elif paper := self._paper(entry, blame):
                if paper.paper_id in relevant:
                    blame(f"the paper “{paper.title}” is listed twice")
                relevant[paper.paper_id] = grade
                named.append(paper)
        if bool(record.get("relevant")) == (texts["type"] == UNANSWERABLE):
            blame(f"type {texts['type']!r} with {len(relevant)} relevant papers: only {UNANSWERABLE!r} has none")
        if (split := record.get("split")) not in (None, *SPLITS):
            blame(f"split is {split!r}: it is {' or '.join(SPLITS)}, or left out")
        if not isinstance(drafted := record.get("drafted", False), bool):
            blame(f"drafted is neither true nor false: {drafted!r}")
        near = [self._paper({"title": title}, blame) for title in _strings(record, "near_miss", blame)]
        named += (nearest := [paper for paper in near if paper])
        return Question(
            **texts,
            relevant=relevant,
            evidence=tuple(self._evidence(record, blame)),
            answer_facts=_strings(record, "answer_facts", blame),
            near_miss=tuple(paper.paper_id for paper in nearest),
            history=tuple(_turns(record, blame)),
            titles={paper.paper_id: paper.title for paper in named},
            split=split,
            drafted=bool(drafted),
        )

    def _evidence(self, record: Mapping[str, Any], blame: Callable[[str], None]) -> Iterator[EvidenceSpan]:
        for entry in _objects(record, "evidence", blame):
            quote = _string(entry, "quote", blame)
            paper = self._paper(entry, blame)
            if not quote or not paper:
                continue
            if span := find_quote(quote, paper.abstract):
                yield EvidenceSpan(paper.paper_id, paper.abstract[slice(*span)], *span)
            else:
                blame(f"the quote {quote[:60]!r} is not verbatim in the abstract of “{paper.title}”")

    def _paper(self, entry: Mapping[str, Any], blame: Callable[[str], None]) -> Paper | None:
        """Return a paper by its paper_id, else by its title or an id given as the title."""
        named = entry.get("paper_id", entry.get("title"))
        if not isinstance(named, str) or not named.strip():
            blame(f"a paper is named by neither title nor paper_id: {named!r}")
            return None
        paper = self._papers.get(named) or (None if "paper_id" in entry else self._by_title.get(title_key(named)))
        if paper is None:
            blame(f"the paper {named!r} is not in the index")
        return paper


def spread_evenly(items: Sequence[_T], n: int) -> list[_T]:
    """Return `n` items, no more than there are, spread evenly over them and in order."""
    return [items[i * len(items) // n] for i in range(n)]


def find_quote(quote: str, abstract: str) -> tuple[int, int] | None:
    """Return the offsets of a quote in an abstract, with any white space equal to any other."""
    found = re.search(r"\s+".join(re.escape(word) for word in quote.split()), abstract)
    return found.span() if found and quote.strip() else None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(f"--gold {path} cannot be read: {error.strerror}. Name a file of gold questions.") from None
    except UnicodeDecodeError:
        raise UsageError(f"--gold {path} is not UTF-8 text. Save it as UTF-8.") from None


def _string(record: Mapping[str, Any], name: str, blame: Callable[[str], None]) -> str:
    value = record.get(name)
    if isinstance(value, str) and value.strip():
        return value
    blame(f"{name} is not a text: {value!r}")
    return ""


def _strings(record: Mapping[str, Any], name: str, blame: Callable[[str], None]) -> tuple[str, ...]:
    values = record.get(name, [])
    if isinstance(values, list) and all(isinstance(value, str) and value.strip() for value in values):
        return tuple(values)
    blame(f"{name} is not a list of texts: {values!r}")
    return ()


def _objects(record: Mapping[str, Any], name: str, blame: Callable[[str], None]) -> list[Mapping[str, Any]]:
    values = record.get(name, [])
    if isinstance(values, list) and all(isinstance(value, dict) for value in values):
        return values
    blame(f"{name} is not a list of objects: {values!r}")
    return []


def _turns(record: Mapping[str, Any], blame: Callable[[str], None]) -> Iterator[Turn]:
    for entry in _objects(record, "history", blame):
        yield Turn(_string(entry, "question", blame), _string(entry, "answer", blame))
