"""A run's row for each question: the gold question, the papers found, and the answer, as JSON."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from eval.gold.questions import EvidenceSpan, Question
from rag.types import Turn


@dataclass(frozen=True, slots=True)
class Row:
    """One question's outcome; `answer` has the format of `citedesk ask --json`, and is None where only searched.

    `hits` are paper ids, best first; `verbatim` of the answer's quotes are at their offsets, and `needed` of
    the citations of a model's sentences are needed; times are wall-clock milliseconds from asking; a row with an
    `error` is counted, never averaged.
    """

    question: Question
    hits: tuple[str, ...] = ()
    answer: Mapping[str, Any] | None = None
    verbatim: int = 0
    first_token_ms: float | None = None
    total_ms: float | None = None
    error: str | None = None
    needed: int | None = None

    @property
    def citations(self) -> list[Mapping[str, Any]]:
        """The answer's citations, as JSON objects."""
        return list(self.answer["citations"]) if self.answer else []

    @property
    def quotes(self) -> list[tuple[str, Mapping[str, Any]]]:
        """All quotes of the answer, each with its paper's id."""
        return [(citation["paper_id"], quote) for citation in self.citations for quote in citation["quotes"]]

    @property
    def cited(self) -> tuple[str, ...]:
        """The ids of the papers that the answer cites, each once."""
        return tuple(dict.fromkeys(citation["paper_id"] for citation in self.citations))


def question_digest(question: Question) -> str:
    """Hash a question and its gold (SHA-256, hex); rows with different digests cannot be compared."""
    return hashlib.sha256(json.dumps(_question_to_json(question), sort_keys=True).encode()).hexdigest()


def row_to_json(row: Row) -> dict[str, Any]:
    """Return a row as a JSON object that `row_from_json` parses."""
    record = {**asdict(row), "question": _question_to_json(row.question)}
    return {name: value for name, value in record.items() if value is not None}


def _question_to_json(question: Question) -> dict[str, Any]:
    """Return a question as a JSON object; a gold question's earlier turns have no overrides."""
    record = asdict(question)
    for turn in record["history"]:
        del turn["overrides"]
    return record


def row_from_json(record: Mapping[str, Any]) -> Row:
    """Parse a row; raises ValueError, TypeError or KeyError for anything else."""
    values = dict(record)
    question = dict(values.pop("question"))
    question["evidence"] = tuple(EvidenceSpan(**span) for span in question["evidence"])
    question["history"] = tuple(
        Turn(**{**turn, "citations": tuple(turn.get("citations", ()))}) for turn in question["history"]
    )
    for name in ("answer_facts", "near_miss"):
        question[name] = tuple(question[name])
    return Row(Question(**question), tuple(values.pop("hits")), **values)
