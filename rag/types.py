"""The data that flow from the corpus to the evidence: Paper, Chunk, Query, Hit, Evidence. Answers are in `rag.answer`.

Offsets are in characters of `Paper.abstract`, which is stored verbatim. No third-party type appears here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Literal

from rag.text.dates import first_day, is_within, last_day
from rag.text.names import matches_author
from rag.text.venues import matches_organisation, matches_venue, named_venue_kinds, venue_kind

Kind = Literal["list", "fact", "compare", "lookup", "summary", "metadata", "help", "off-topic"]
FollowUp = Literal["none", "refine", "ask", "act", "new"]
Order = Literal["newest", "oldest", "most authors", "fewest authors", "title", "venue"]
Tally = Literal["papers", "year", "venue", "author", "organisation"]
ActionName = Literal[
    "compare",
    "summarise",
    "expand",
    "pick",
    "records",
    "count",
    "sort",
    "filter",
    "drop",
    "group",
    "shorten",
    "titles",
    "table",
    "export",
    "more",
    "similar",
    "same-author",
    "lift",
    "undo",
]
ExportForm = Literal["bibtex", "ris", "csl", "csv", "markdown"]
Signal = Literal["dense", "lexical", "maxsim", "belongs", "answers", "linked"]
UnappliedReason = Literal["unreadable", "unknown", "several", "unsure"]
Verdict = Literal["supported", "not_found", "contradicted"]


@dataclass(frozen=True, slots=True)
class Paper:
    """A paper of the corpus; `date` is ISO and as precise as known ("2024-07-30", "2024-07", "2024").

    `abstract` is "" where none is known. `key` is the user's own citation key, `entry_type` the BibTeX word for what
    was published ("article", "inproceedings"), `urls` are addresses beside `url`, such as the published record of a
    preprint, and `bibliography` holds further fields under their BibTeX names ("volume", "publisher"). `sentences` are
    the offsets (start, end) of the abstract's sentences, which an index keeps; () where they were not looked for.
    """

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
    data: str | None = None
    comments: int | None = None
    pages: tuple[str, ...] = ()
    doi: str | None = None
    pmid: str | None = None
    key: str | None = None
    entry_type: str | None = None
    urls: tuple[str, ...] = ()
    bibliography: tuple[tuple[str, str], ...] = ()
    sentences: tuple[tuple[int, int], ...] = field(default=(), compare=False, repr=False)

    @property
    def year(self) -> int | None:
        """The year of `date`."""
        return int(self.date[:4]) if self.date else None

    @property
    def dated_venue(self) -> str | None:
        """The venue, with the paper's year where it names none, as in BibTeX, where the year is another field."""
        if self.venue is None or self.date is None or re.search(r"(?<!\d)(?:19|20)\d\d(?!\d)|['’]\d\d\b", self.venue):
            return self.venue
        return f"{self.venue} {self.date[:4]}"

    @property
    def known_author_count(self) -> int | None:
        """The number of authors, if it is known."""
        if self.author_count is not None:
            return self.author_count
        return len(self.authors) if self.authors_complete else None


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of one abstract, `abstract[start:end]`, that is embedded on its own."""

    chunk_id: str
    paper_id: str
    text: str
    start: int
    end: int


def chunk_id(paper_id: str, number: int) -> str:
    """Return the id of a paper's chunk; `number` counts from 0."""
    return f"{paper_id}#{number}"


def chunk_paper(chunk_id: str) -> str:
    """Return the paper_id of a chunk's id."""
    return chunk_id.rpartition("#")[0]


@dataclass(frozen=True, slots=True)
class Problem:
    """An item of the corpus that could not be used: its file and line (from 1), or its paper_id without a line."""

    source: str
    line: int | None
    reason: str

    def __str__(self) -> str:
        place = self.source if self.line is None else f"{self.source} line {self.line}"
        return f"{place}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Filters:
    """Constraints on papers; bounds are inclusive, and None admits every paper.

    `since`, `until` and `not_date` are ISO dates of any precision. `author` and all of `coauthors` must have written a
    paper. A venue may be a kind, "conference", "journal" or "workshop", or several: "workshop or journal". An unknown
    value of a paper satisfies no filter, but excludes no paper by a filter whose name begins with "not".
    """

    since: str | None = None
    until: str | None = None
    author: str | None = None
    least_authors: int | None = None
    most_authors: int | None = None
    venue: str | None = None
    code: bool | None = None
    coauthors: tuple[str, ...] = ()
    organisation: str | None = None
    not_date: str | None = None
    not_author: str | None = None
    not_venue: str | None = None
    not_organisation: str | None = None

    def __post_init__(self) -> None:
        names = ("author", "venue", "organisation", "not_author", "not_venue", "not_organisation")
        for name, value in [
            *((each, getattr(self, each)) for each in names),
            *(("coauthors", x) for x in self.coauthors),
        ]:
            if value is not None and not re.search(r"\w", value):
                raise ValueError(f"{name} names nothing: {value!r}")
        first = None if self.since is None else first_day(self.since)
        last = None if self.until is None else last_day(self.until)
        if first and last and first > last:
            raise ValueError(f"since {self.since} is after until {self.until}")
        if self.not_date is not None:
            first_day(self.not_date)
        least, most = self.least_authors, self.most_authors
        if min(least or 1, most or 1) < 1 or 0 in (least, most):
            raise ValueError(f"not a count of authors: {least}, {most}")
        if least and most and least > most:
            raise ValueError(f"at least {least} authors are more than at most {most}")

    def __bool__(self) -> bool:
        return any(getattr(self, each.name) != each.default for each in fields(self))

    def admits(self, paper: Paper) -> bool:
        """Return whether a paper passes; a date less precise than a bound passes if all of its days do."""
        return (
            self._admits_date(paper.date)
            and self._admits_count(paper.known_author_count)
            and all(wrote(paper, author) for author in (self.author, *self.coauthors) if author is not None)
            and (self.venue is None or _appeared_at(paper, self.venue))
            and (self.organisation is None or _comes_from(paper, self.organisation))
            and self.code in (None, paper.code is not None)
            and not self._excludes(paper)
        )

    def without(self, name: str) -> Filters:
        """Return the filters without a constraint, by its name in JSON; raises ValueError for an unknown name."""
        if name not in CONSTRAINTS:
            raise ValueError(f"not a filter: {name!r}; there are {', '.join(CONSTRAINTS)}")
        unset = Filters()
        return replace(self, **{each: getattr(unset, each) for each in CONSTRAINTS[name]})

    def _admits_date(self, date: str | None) -> bool:
        return self.since is None is self.until or (date is not None and is_within(date, self.since, self.until))

    def _admits_count(self, count: int | None) -> bool:
        if self.least_authors is None is self.most_authors:
            return True
        return count is not None and (self.least_authors or 0) <= count <= (self.most_authors or count)

    def _excludes(self, paper: Paper) -> bool:
        return (
            (
                self.not_date is not None
                and paper.date is not None
                and is_within(paper.date, self.not_date, self.not_date)
            )
            or (self.not_author is not None and wrote(paper, self.not_author))
            or (self.not_venue is not None and _appeared_at(paper, self.not_venue))
            or (self.not_organisation is not None and _comes_from(paper, self.not_organisation))
        )


CONSTRAINTS: Mapping[str, tuple[str, ...]] = {
    "since": ("since",),
    "until": ("until",),
    "author": ("author",),
    "coauthors": ("coauthors",),
    "author_count": ("least_authors", "most_authors"),
    "venue": ("venue",),
    "organisation": ("organisation",),
    "code": ("code",),
    "not_date": ("not_date",),
    "not_author": ("not_author",),
    "not_venue": ("not_venue",),
    "not_organisation": ("not_organisation",),
}
"""The constraints by their names in JSON and `--drop`, with the fields of Filters that hold each."""

DROPPABLE = (*CONSTRAINTS, "excluded", "order", "count", "papers", "action")
"""What can be lifted of a question: constraints, excluded topics, the order, the count, and of a follow-up its
restriction to the papers of the answer before, or all that it does to them."""


def wrote(paper: Paper, author: str) -> bool:
    """Return whether a paper is by an author."""
    return any(matches_author(author, name) for name in paper.authors)


def _appeared_at(paper: Paper, venue: str) -> bool:
    if paper.venue is None or paper.dated_venue is None:
        return False
    kinds = named_venue_kinds(venue)
    return venue_kind(paper.venue, paper.entry_type) in kinds if kinds else matches_venue(venue, paper.dated_venue)


def _comes_from(paper: Paper, organisation: str) -> bool:
    return paper.organisation is not None and matches_organisation(organisation, paper.organisation)


@dataclass(frozen=True, slots=True)
class Unapplied:
    """A part of a question that states something which was not applied, its tag, and why."""

    text: str
    tag: str
    reason: UnappliedReason


@dataclass(frozen=True, slots=True)
class Action:
    """What a follow-up does to the answer before it, which cited `total` papers.

    `numbers` are those of the papers that it names, and "export" has a `form`. `brought` are the names that "compare"
    brings in from outside of the answer, or the authors of whom "same-author" finds other papers; `lifted` are the
    constraints that "lift" lifts. `by` is the field that "group" groups by, the kind of work that "filter"
    keeps, what "sort" puts first or last, or "dates" where "lift" makes the period longer.
    """

    name: ActionName
    total: int = 0
    numbers: tuple[int, ...] = ()
    form: ExportForm | None = None
    brought: tuple[str, ...] = ()
    lifted: tuple[str, ...] = ()
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """A question as it was understood; `text` is what is searched for, as it is worded.

    `count` is the number of papers asked for; `subjects` are the names to compare, to order or to look up in the
    records. A metadata question may count papers: `tally` says by what, "papers" that it asks how many there are, and
    `count` then how many of the values with the most papers are asked for, all if None.
    `excluded` are topics that no paper may belong to. With `by_topic`, a search for `text` selects the papers of a
    metadata question. `standalone` is the question that a follow-up stands for; `papers`, if any, restrict the search
    to their ids, and are cited all in their order if they are `fixed`; `known` are ids not to be found again.
    `action` is what a follow-up does to the answer before, `about` the earlier turn that it follows up on. `unsure`
    names what was read with a probability below one half, and `unapplied` holds what was not applied. `further` are
    texts by which a language model expands the query, `mended` is the question without its typos.
    """

    question: str
    kind: Kind
    text: str
    filters: Filters = Filters()
    order: Order | None = None
    count: int | None = None
    subjects: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    by_topic: bool = False
    tally: Tally | None = None
    standalone: str | None = None
    papers: tuple[str, ...] = ()
    fixed: bool = False
    known: tuple[str, ...] = ()
    action: Action | None = None
    about: Turn | None = None
    further: tuple[str, ...] = ()
    follow_up: FollowUp = "none"
    unsure: tuple[str, ...] = ()
    unapplied: tuple[Unapplied, ...] = ()
    mended: str | None = None

    @property
    def asked(self) -> str:
        """The question to answer: the standalone form of a follow-up, else the question, its typos mended."""
        return self.standalone or self.mended or self.question

    @property
    def is_unapplied(self) -> bool:
        """Whether nothing of what a question asks of the records could be applied, so that every paper would do."""
        selects = self.filters or self.subjects or self.by_topic or self.tally or self.papers or self.action
        return self.kind == "metadata" and bool(self.unapplied) and not (selects or self.fixed)

    def admits(self, paper: Paper) -> bool:
        """Return whether a paper may be found."""
        chosen = not self.papers or paper.paper_id in self.papers
        return chosen and paper.paper_id not in self.known and self.filters.admits(paper)


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the user sets in place of what was understood.

    A filter that is set replaces the understood one, `drop` names what to lift, of `DROPPABLE`, and `as_is` takes the
    question literally. `papers` restrict the search to their ids.
    """

    kind: Kind | None = None
    filters: Filters = Filters()
    drop: frozenset[str] = frozenset()
    as_is: bool = False
    papers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Turn:
    """An earlier turn; `citations` are the paper_ids that its answer cited, in the order of their numbers.

    `overrides` are what the user had set for it.
    """

    question: str
    answer: str = ""
    citations: tuple[str, ...] = ()
    overrides: Overrides = Overrides()


@dataclass(frozen=True, slots=True)
class Hit:
    """A paper that was found: `rank` from 1, and its value of each signal in the signal's own unit.

    `score` is the probability, in (0, 1), that the paper belongs to the answer; `strength` is the ranking score.
    """

    rank: int
    paper: Paper
    score: float
    strength: float = 0.0
    signals: Mapping[Signal, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Quote:
    """A verbatim part of an abstract; `verdict` is None where it was not judged."""

    text: str
    start: int
    end: int
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """A paper with its number `n` and the sentences that answer best, in reading order.

    `score` is the probability that it belongs to the answer; None where the records decide. Raises ValueError for a
    quote that is not verbatim at its offsets.
    """

    n: int
    paper: Paper
    quotes: tuple[Quote, ...]
    score: float | None = None

    def __post_init__(self) -> None:
        for quote in self.quotes:
            if self.paper.abstract[quote.start : quote.end] != quote.text:
                raise ValueError(f"not verbatim in {self.paper.paper_id} at {quote.start}: {quote.text!r}")


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """The calls of a language model: tokens as the endpoint counts them, None where it does not report them."""

    calls: int = 0
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    seconds: float = 0.0

    def __add__(self, other: TokenUsage) -> TokenUsage:
        return TokenUsage(
            self.calls + other.calls,
            _add(self.prompt_tokens, other.prompt_tokens),
            _add(self.completion_tokens, other.completion_tokens),
            self.seconds + other.seconds,
        )

    def __sub__(self, earlier: TokenUsage) -> TokenUsage:
        """Return the usage since an earlier total."""
        return TokenUsage(
            self.calls - earlier.calls,
            None if self.prompt_tokens is None else self.prompt_tokens - (earlier.prompt_tokens or 0),
            None if self.completion_tokens is None else self.completion_tokens - (earlier.completion_tokens or 0),
            self.seconds - earlier.seconds,
        )


def _add(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else one + other
