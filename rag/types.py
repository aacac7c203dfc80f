"""The data that flow through Citedesk: Paper → Chunk → Hit → Evidence → Answer, and the events of `ask`.

Offsets are in characters of `Paper.abstract`, which is stored verbatim. No library's type appears here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Signal = Literal["dense", "lexical"]
Status = Literal["answered", "extractive", "refused", "truncated"]
Verdict = Literal["supported", "partial", "unsupported"]


@dataclass(frozen=True, slots=True)
class Paper:
    """One paper as the corpus knows it; `date` is ISO and as precise as known ("2024-07-30", "2024-07", "2024")."""

    paper_id: str
    title: str
    abstract: str
    url: str | None = None
    date: str | None = None
    authors: tuple[str, ...] = ()
    authors_complete: bool = False
    author_count: int | None = None
    organisation: str | None = None
    venue: str | None = None
    code: str | None = None
    comments: int | None = None
    pages: tuple[str, ...] = ()

    @property
    def year(self) -> int | None:
        """The year of `date`."""
        return int(self.date[:4]) if self.date else None


@dataclass(frozen=True, slots=True)
class Chunk:
    """A stretch of one abstract, `abstract[start:end]`, that is embedded on its own."""

    chunk_id: str
    paper_id: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Problem:
    """An item of the corpus that could not be used: its file and line, from 1, or its paper_id and no line."""

    source: str
    line: int | None
    reason: str

    def __str__(self) -> str:
        place = self.source if self.line is None else f"{self.source} line {self.line}"
        return f"{place}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Filters:
    """What a paper must satisfy to be found at all; years are inclusive."""

    since: int | None = None
    until: int | None = None

    def __bool__(self) -> bool:
        return self.since is not None or self.until is not None

    def admits(self, paper: Paper) -> bool:
        """Tell whether the paper passes; one without a date passes no year filter."""
        if not self:
            return True
        year = paper.year
        if year is None:
            return False
        return (self.since is None or self.since <= year) and (self.until is None or year <= self.until)


@dataclass(frozen=True, slots=True)
class Hit:
    """A paper that was found: `rank` from 1, and its rank in each signal; a fused `score` is in (0, 1]."""

    rank: int
    paper: Paper
    score: float
    ranks: Mapping[Signal, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Quote:
    """A verbatim stretch of an abstract; `verdict` is None where nothing has judged it."""

    text: str
    start: int
    end: int
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """A paper offered to the writer under number `n`, with the sentences that answer best, in reading order."""

    n: int
    paper: Paper
    quotes: tuple[Quote, ...]

    def __post_init__(self) -> None:
        for quote in self.quotes:
            if self.paper.abstract[quote.start : quote.end] != quote.text:
                raise ValueError(f"not verbatim in {self.paper.paper_id} at {quote.start}: {quote.text!r}")


@dataclass(frozen=True, slots=True)
class Citation:
    """A paper that the answer cites as [n]; a near miss has no n and no quotes."""

    n: int | None
    paper: Paper
    quotes: tuple[Quote, ...] = ()


@dataclass(frozen=True, slots=True)
class Usage:
    """What a written answer cost, in tokens as the endpoint counts them, and the markers that named no evidence."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    unknown_markers: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """The finished answer; `text` is Markdown with [n] markers, `timings_ms` are wall-clock milliseconds."""

    question: str
    status: Status
    text: str
    filters: Filters = Filters()
    citations: tuple[Citation, ...] = ()
    near_misses: tuple[Citation, ...] = ()
    kind: str | None = None
    model: str | None = None
    notice: str | None = None
    usage: Usage = Usage()
    timings_ms: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Retrieved:
    """First event of `ask`: what was found, before anything is written."""

    hits: tuple[Hit, ...]
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the answer's text, its markers already checked."""

    text: str


@dataclass(frozen=True, slots=True)
class Done:
    """Last event of `ask`: the whole answer, which replaces the tokens before it."""

    answer: Answer


Event = Retrieved | Token | Done
