"""The answer to a question, with its citations, checked sentences and notices, and the events that `ask` yields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Literal

from rag.types import Evidence, Hit, Paper, Query, Quote, TokenUsage, Verdict

Status = Literal["answered", "extractive", "refused", "truncated"]
SentenceVerdict = Verdict | Literal["uncited", "about_answer"]
Origin = Literal["written", "repaired"]


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that was left out, failed or has to be known; `rag.render.notices` words it.

    `code` names the kind of notice, `data` what its words are made of.
    """

    code: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Citation:
    """A paper that the answer cites as [n]; a near miss has no number and no quotes.

    `why` is the reason that a language model gave when it screened the papers, if it did. `score` is the probability
    that the paper belongs; None where the records decide.
    """

    n: int | None
    paper: Paper
    quotes: tuple[Quote, ...] = ()
    why: str | None = None
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Papers of an answer, by their numbers, under a name made of their own words; they are in the answer's order."""

    name: str
    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Thing:
    """What is compared, as the question names it, and the numbers of the papers that introduce or test it, if any."""

    name: str
    numbers: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Cell:
    """A verbatim quote of the paper [n]."""

    n: int
    quote: Quote


@dataclass(frozen=True, slots=True)
class Aspect:
    """A row of a comparison: for each thing, in their order, the quotes on this aspect."""

    name: str
    cells: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is compared, side by side: a column for each thing, a row for each aspect.

    Raises ValueError for a row that has not one entry for each thing.
    """

    things: tuple[Thing, ...]
    rows: tuple[Aspect, ...]

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row.cells) != len(self.things):
                raise ValueError(f"{row.name!r} has {len(row.cells)} entries for {len(self.things)} things")

    @property
    def cells(self) -> tuple[Cell, ...]:
        """All cells, row by row."""
        return tuple(cell for row in self.rows for cells in row.cells for cell in cells)

    def has_column(self, n: int) -> bool:
        """Return whether the paper [n] stands in a column."""
        return any(n in thing.numbers for thing in self.things)


@dataclass(frozen=True, slots=True)
class Support:
    """The sentence of a paper on which a verdict rests: `abstract[start:end]` of the paper cited as [n]."""

    n: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of the answer, `text[start:end]` with its markers, and whether the papers it cites support it.

    `reason` says why it is not supported. `parts` are its clauses or table cells, where there are several, each with a
    verdict of its own. `origin`: written by the model, or repaired by it after a check.
    """

    start: int
    end: int
    citations: tuple[int, ...]
    verdict: SentenceVerdict | None
    reason: str | None = None
    origin: Origin = "written"
    support: tuple[Support, ...] = ()
    parts: tuple[Sentence, ...] = ()

    @property
    def units(self) -> tuple[Sentence, ...]:
        """What is marked: its parts, or the sentence itself."""
        return self.parts or (self,)


@dataclass(frozen=True, slots=True)
class Usage:
    """The tokens and calls that an answer cost, by step, and the number of markers that named no evidence."""

    steps: Mapping[str, TokenUsage] = field(default_factory=dict)
    unknown_markers: int = 0

    @property
    def total(self) -> TokenUsage:
        """The cost of all steps together."""
        return sum(self.steps.values(), TokenUsage())


@dataclass(frozen=True, slots=True)
class EstimatedMissing:
    """The estimated number of relevant papers that the answer does not cite: `least` to `most`."""

    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Relaxation:
    """How many papers would be left if one constraint, `drop`, were lifted, where none meets all of them."""

    drop: str
    papers: int


@dataclass(frozen=True, slots=True)
class Answer:
    """The finished answer; `text` is Markdown with [n] markers, `timings_ms` are wall-clock milliseconds by step.

    `point` answers in one to three sentences, `groups` and `comparison` arrange the papers; the `text` of an extractive
    answer has all of this. `sentences` are those of a text that a language model wrote, `reasoning` what it thought
    before. `missed` is set for lists and for questions with an order but no count, `relaxations` where no paper meets
    the constraints.
    """

    query: Query
    status: Status
    text: str
    citations: tuple[Citation, ...] = ()
    sentences: tuple[Sentence, ...] = ()
    point: str = ""
    groups: tuple[Group, ...] = ()
    comparison: Comparison | None = None
    near_misses: tuple[Citation, ...] = ()
    missed: EstimatedMissing | None = None
    relaxations: tuple[Relaxation, ...] = ()
    model: str | None = None
    reasoning: str = ""
    notices: tuple[Notice, ...] = ()
    usage: Usage = Usage()
    timings_ms: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FirstHits:
    """Event before `Retrieved`, where a cross-encoder reads papers: what would be cited by the signals without it."""

    query: Query
    hits: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class Retrieved:
    """Event of every `ask`: the query as it was understood, the papers found, and the evidence.

    `terms` are the stems of what the question seeks, as BM25 searches for them.
    """

    query: Query
    hits: tuple[Hit, ...]
    evidence: tuple[Evidence, ...]
    terms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the answer's text, with checked markers."""

    text: str


@dataclass(frozen=True, slots=True)
class Cited:
    """A paper that the text cites for the first time, before the Token with its marker; its quotes come with Done."""

    citation: Citation


@dataclass(frozen=True, slots=True)
class Checked:
    """A complete sentence of the text so far with its verdict; offsets are into the joined tokens."""

    sentence: Sentence


@dataclass(frozen=True, slots=True)
class Done:
    """Last event of `ask`: the whole answer, which replaces the tokens before it."""

    answer: Answer


Event = FirstHits | Retrieved | Cited | Token | Checked | Done


class StepTimer:
    """Measures the steps of one answer, in milliseconds of wall-clock time."""

    def __init__(self) -> None:
        self._timings_ms: dict[str, float] = {}
        self._start = self._last = perf_counter()

    def lap(self, step: str) -> None:
        """Add the time since the last lap to a step."""
        now = perf_counter()
        self._timings_ms[step] = self._timings_ms.get(step, 0.0) + 1000 * (now - self._last)
        self._last = now

    def stop(self) -> dict[str, float]:
        """Return the time of each step, and their total."""
        return {**self._timings_ms, "total": 1000 * (perf_counter() - self._start)}
