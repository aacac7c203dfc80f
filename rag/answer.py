"""What comes of a question: the Answer with its citations and checked sentences, and the events of `ask`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from rag.llm.protocol import Spent
from rag.types import Evidence, Hit, Paper, Query, Quote, Verdict

Status = Literal["answered", "extractive", "refused", "truncated"]
SentenceVerdict = Verdict | Literal["uncited"]
Origin = Literal["written", "repaired", "added"]


@dataclass(frozen=True, slots=True)
class Citation:
    """A paper that the answer cites as [n]; a near miss has no n and no quotes.

    `why` is what a model that screened the papers said of it, for or against; None where none did.
    """

    n: int | None
    paper: Paper
    quotes: tuple[Quote, ...] = ()
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of the answer, `text[start:end]` with its markers, and whether the papers it cites bear it out.

    `reason` says in words why it is not supported. A sentence is written by the model, repaired by it after a check, or
    added from a paper's own words for a paper that the model left out.
    """

    start: int
    end: int
    citations: tuple[int, ...]
    verdict: SentenceVerdict
    reason: str | None = None
    origin: Origin = "written"


@dataclass(frozen=True, slots=True)
class Usage:
    """What an answer cost the endpoint, by the step that asked it, and the markers that named no evidence."""

    steps: Mapping[str, Spent] = field(default_factory=dict)
    unknown_markers: int = 0

    @property
    def total(self) -> Spent:
        """The cost of all steps together."""
        return sum(self.steps.values(), Spent())


@dataclass(frozen=True, slots=True)
class Missed:
    """How many papers that belong an answer probably lacks: `least` to `most`."""

    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Relaxation:
    """What lifting one constraint would give, where no paper meets all of them."""

    drop: str
    papers: int


@dataclass(frozen=True, slots=True)
class Answer:
    """The finished answer; `text` is Markdown with [n] markers, `timings_ms` are wall-clock milliseconds.

    `sentences` are those of a text that a model wrote. `missed` is known of lists and of orders without a count;
    `relaxations` stand where no paper meets the constraints.
    """

    query: Query
    status: Status
    text: str
    citations: tuple[Citation, ...] = ()
    sentences: tuple[Sentence, ...] = ()
    near_misses: tuple[Citation, ...] = ()
    missed: Missed | None = None
    relaxations: tuple[Relaxation, ...] = ()
    model: str | None = None
    notice: str | None = None
    usage: Usage = Usage()
    timings_ms: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Retrieved:
    """First event of `ask`: what was understood and found, before anything is written."""

    query: Query
    hits: tuple[Hit, ...]
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the answer's text, its markers already checked."""

    text: str


@dataclass(frozen=True, slots=True)
class Cited:
    """A paper that the text cites for the first time, before the Token with its marker; its quotes come with Done."""

    citation: Citation


@dataclass(frozen=True, slots=True)
class Checked:
    """A sentence of the text so far, as soon as it is whole and checked; offsets are into the tokens joined."""

    sentence: Sentence


@dataclass(frozen=True, slots=True)
class Done:
    """Last event of `ask`: the whole answer, which replaces the tokens before it."""

    answer: Answer


Event = Retrieved | Cited | Token | Checked | Done
