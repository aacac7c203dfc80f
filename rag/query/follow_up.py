"""What a follow-up does: join to the question before it, ask about the answer's papers, or act on them.

The encoder says which it is; the code here only resolves what the follow-up refers to. An action on papers is a query
for just these papers, so that the same stages answer it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from rag.corpus.records import title_key
from rag.corpus.titles import find_by_title
from rag.index.papers import PaperStore
from rag.models.encoder import EncodedQuestion
from rag.query.names import LibraryNames
from rag.query.orders import (
    compared_date,
    is_by_relevance,
    is_reversal,
    is_to_the_end,
    read_order,
    sorted_papers,
    stated_adverb,
)
from rag.query.overrides import describe_filters, merge_filters
from rag.query.question import has_topic, stated
from rag.query.references import numbers_named, papers_titled
from rag.text.dates import first_day, last_day
from rag.text.display import display_title
from rag.text.work_types import is_of_type, split_work_types, work_type
from rag.types import CONSTRAINTS, Action, ActionName, ExportForm, Filters, Kind, Order, Paper, Query, Turn, Unapplied

_IT = frozenset(("it", "its", "this", "that"))
_PLURAL = frozenset("these those them".split())
_PRONOUNS = frozenset("it its this that these those they them their the all one ones both each other here".split())
_SINGLE: frozenset[Kind] = frozenset(("fact", "lookup"))
_LISTED: frozenset[Kind] = frozenset(("list", "summary", "metadata"))
_SHORT_TITLE = 60  # characters
_LEAST_TITLE = 3  # words
_ASKED = ("fact", "compare")  # kinds that a follow-up has of its own
_MORE = 5  # papers that "show more" brings
_NUMBERED = frozenset(
    "compare summarise expand filter drop similar same-author records export shorten table titles".split()
)
_OF_SEVERAL = frozenset("compare pick sort group filter drop".split())
_OF_ONE = frozenset("records expand export similar same-author".split())
_NARROWING = frozenset(("filter", "drop"))
_MOST_NAMED = 30  # numbers above it are hardly those of papers
_SHOWN = frozenset(("titles", "table", "export"))
_OVER_ALL = frozenset(("sort", "more", "lift"))  # "most recent one first" names no paper
_FORMS: Mapping[ExportForm, frozenset[str]] = {
    "csv": frozenset("csv spreadsheet excel sheet xls xlsx tsv comma".split()),
    "ris": frozenset("ris zotero endnote mendeley refman reference manager".split()),
    "csl": frozenset("csl json citeproc pandoc".split()),
    "markdown": frozenset("markdown md".split()),
}
_WHOLE = frozenset("full whole complete entire original all initial".split())
_ENDS: Mapping[str, slice] = {"first": slice(1), "last": slice(-1, None)}
_AUTHOR_AT = re.compile(r"\b(?P<end>first|last)\s+author\b", re.IGNORECASE)
_GROUPED: Mapping[str, str] = {"since": "year", "venue": "venue", "organisation": "organisation", "code": "code"}
"""The field of the records by which papers are grouped, for each sort of constraint."""

_LIFTED: Mapping[str, tuple[str, ...]] = {
    "since": ("date", "dates", "year", "years", "time", "old", "recent"),
    "author": ("author", "authors", "writer", "writers", "who"),
    "venue": ("venue", "venues", "conference", "conferences", "journal", "journals"),
    "organisation": ("organisation", "organization", "organisations", "company", "companies", "lab", "labs"),
    "code": ("code", "implementation", "implementations", "repo", "repository", "github"),
}
"""The words for each sort of constraint, which is named by its first constraint."""

_AMONG = re.compile(
    r"\b(?:of|among|in)\s+(?:these|those|them|the\s+(?:rest|others|remaining))\b"
    r"|\A\W*(?:which|who|(?:(?:are|is|do|does|have|has)\s+)?any)\b",
    re.IGNORECASE,
)
"""Words that say that only the papers of the answer are meant: "of those", and a question about some of them."""

_SORTS: tuple[tuple[str, ...], ...] = (
    ("since", "until", "not_date"),
    ("author", "coauthors", "author_count", "not_author"),
    ("venue", "not_venue"),
    ("organisation", "not_organisation"),
    ("code",),
)
"""The constraints by what they constrain."""


@dataclass(frozen=True, slots=True)
class EarlierTurn:
    """An earlier question as it was understood, and the papers that its answer cited.

    `search` is the question that found them, through all that was done to its answer, and `shown` are the papers that
    these answers cited, in the order in which they came. `turn` is its entry in the history.
    """

    query: Query
    cited: tuple[str, ...]
    search: Query
    shown: tuple[str, ...]
    turn: Turn | None = None

    @classmethod
    def first(cls, query: Query, cited: Sequence[str] = ()) -> EarlierTurn:
        """Return the turn of a question that stands alone."""
        return cls(query, tuple(cited), query, tuple(cited))

    def then(self, query: Query, cited: Sequence[str]) -> EarlierTurn:
        """Return the turn after this one: of a follow-up on its papers, or of a new search."""
        if not is_over_papers(query) and not (query.action and query.action.name == "more"):
            return EarlierTurn.first(query, cited)
        filters = query.filters if query.action else self.search.filters
        return EarlierTurn(
            query, tuple(cited), replace(self.search, filters=filters), tuple(dict.fromkeys((*self.shown, *cited)))
        )


def is_over_papers(query: Query) -> bool:
    """Return whether a query is about the papers of an answer, of which an action may have left none."""
    return bool(query.papers) or query.fixed


def _is_form(query: Query) -> bool:
    return query.action is not None and query.action.name in _SHOWN


def refine(own: Query, earlier: EarlierTurn, stated: str) -> Query:
    """Join a follow-up to the earlier search; a constraint replaces one of its sort. `stated` is its own part."""
    before = earlier.search
    kind: Kind = before.kind
    asks = own.follow_up == "ask" and own.kind in _ASKED  # of an answer that is not at hand
    if asks or (kind == "metadata" and own.kind not in ("metadata", "lookup")):
        kind = own.kind
    asked = before.asked
    if constrains_anew(before.filters, own.filters):
        asked = ", ".join(part for part in (before.text, describe_filters(_left(before.filters, own.filters))) if part)
    return replace(
        before,
        question=own.question,
        standalone=f"{asked.rstrip('?!. ')}, {own.question}",
        text=f"{before.text.rstrip('?!. ')}, {stated}" if stated else before.text,
        kind=kind,
        filters=_merged(before.filters, own.filters),
        order=own.order or before.order,
        count=own.count or before.count,
        subjects=own.subjects or before.subjects,
        tally=own.tally or (before.tally if kind == before.kind and not _names_value(before, own) else None),
        excluded=tuple(dict.fromkeys((*before.excluded, *own.excluded))),
        action=None,
        follow_up="refine",
        unsure=own.unsure,
        unapplied=(*before.unapplied, *own.unapplied),
    )


def _names_value(before: Query, own: Query) -> bool:
    """Return whether a follow-up names a value of those that papers were counted by, and so asks for its papers."""
    if before.tally == "year":
        return bool(own.filters.since or own.filters.until)
    return before.tally in ("venue", "author", "organisation") and bool(getattr(own.filters, before.tally))


def ask(own: Query, encoded: EncodedQuestion, earlier: EarlierTurn, papers: Mapping[str, Paper]) -> Query:
    """Restrict a question to the papers of the answer that it is about."""
    numbers = referred_numbers(own, encoded, earlier, papers, bare=False)
    chosen = _chosen(earlier, numbers)
    if not chosen and _is_about_one(own, earlier):
        chosen = earlier.cited[:1]
    return _about(own, chosen or earlier.cited, papers)


def act(
    name: ActionName,
    own: Query,
    encoded: EncodedQuestion,
    earlier: EarlierTurn,
    papers: PaperStore,
    names: LibraryNames,
) -> Query:
    """Return the query that does to the papers of the answer what a follow-up says."""
    numbers = () if name in _OVER_ALL else referred_numbers(own, encoded, earlier, papers, bare=name in _NUMBERED)
    if not numbers and name in _OF_ONE and len(earlier.cited) > 1 and _is_about_one(own, earlier):
        numbers = (1,)
    if numbers:  # "the top two" is no count
        own = replace(own, unapplied=tuple(each for each in own.unapplied if each.tag not in ("count", "order")))
    action = Action(name, len(earlier.cited), numbers)
    doing = _Doing(own, encoded, earlier, papers, names, action)
    return {
        "compare": doing.compare,
        "summarise": doing.summarise,
        "expand": doing.expand,
        "pick": doing.pick,
        "records": doing.records,
        "count": doing.count,
        "sort": doing.sort,
        "filter": doing.filter,
        "drop": doing.drop,
        "group": doing.group,
        "shorten": doing.shorten,
        "titles": doing.present,
        "table": doing.present,
        "export": doing.export,
        "more": doing.more,
        "similar": doing.similar,
        "same-author": doing.same_author,
        "lift": doing.lift,
    }[name]()


def undo(own: Query, turns: Sequence[EarlierTurn]) -> Query:
    """Return the query that shows the answer before the last one again, or the first of the search if all is asked.

    A table or an export is passed over: it shows the papers of the answer before it.
    """
    action = Action("undo", len(turns[-1].cited))
    if len(turns) < 2:
        return replace(own, kind="help", action=action, follow_up="act")
    at = len(turns) - 2
    whole = not _WHOLE.isdisjoint(_words(own.question))
    while at and is_over_papers(turns[at].query) and (whole or _is_form(turns[at].query)):
        at -= 1
    earlier = turns[at]
    return replace(
        earlier.query,
        question=own.question,
        standalone=earlier.query.asked,
        papers=earlier.cited or earlier.query.papers,
        fixed=bool(earlier.cited) or earlier.query.fixed,
        known=(),
        action=action,
        follow_up="act",
        unapplied=(),
    )


def spoken_of(earlier: Sequence[EarlierTurn], name: str, encoded: EncodedQuestion) -> EarlierTurn:
    """Return the turn whose papers a follow-up is about: the last that has as many as it needs, of the same search.

    After "tell me more about the second", "compare 1 and 3" is about the list before; after a filter that left one
    paper, "these" is that one.
    """
    named = numbers_named(encoded.text, _MOST_NAMED, _no_numbers(encoded), bare=name in _NUMBERED)
    several = name in _OF_SEVERAL or not _PLURAL.isdisjoint(_words(encoded.text))
    alone = several and not any(each.tag == "side" for each in encoded.tags)
    for turn in reversed(earlier):
        narrowed = turn.query.action is not None and turn.query.action.name in _NARROWING
        if len(turn.cited) >= max([1 + (alone and not (narrowed and name not in _OF_SEVERAL)), *named]):
            return turn
        if not is_over_papers(turn.query) and (turn.cited or turn.query.follow_up in ("none", "new")):
            break
    return earlier[-1]


def referred_numbers(
    own: Query, encoded: EncodedQuestion, earlier: EarlierTurn, papers: Mapping[str, Paper], bare: bool
) -> tuple[int, ...]:
    """Return the numbers of the cited papers that a follow-up names: by number, by position, or by their titles."""
    found = numbers_named(own.question, len(earlier.cited), _no_numbers(encoded), bare)
    return found or papers_titled(own.question, own.subjects, earlier.cited, papers)


def _no_numbers(encoded: EncodedQuestion) -> list[tuple[int, int]]:
    """Return the stretches whose numbers are none of papers."""
    adverb = stated_adverb(encoded.text)
    spans = [(each.start, each.end) for each in encoded.tags if each.tag in ("date", "author count", "side")]
    return [*spans, *([adverb[1:]] if adverb else [])]


def cited_in(answer: str, papers: PaperStore) -> tuple[str, ...]:
    """Return the papers whose titles an answer holds, in its order, for a history that does not list its citations."""
    said = f" {title_key(answer)} "
    keys = {paper_id: title_key(paper.title) for paper_id, paper in papers.with_title_in(answer).items()}
    at = {
        paper_id: said.find(f" {key} ")
        for paper_id, key in keys.items()
        if len(key.split()) >= _LEAST_TITLE and f" {key} " in said
    }
    return tuple(sorted(at, key=lambda paper_id: at[paper_id]))


@dataclass(frozen=True, slots=True)
class _Doing:
    """One action with what it is made of; each method returns the query that executes it."""

    own: Query
    encoded: EncodedQuestion
    earlier: EarlierTurn
    papers: PaperStore
    names: LibraryNames
    action: Action

    def compare(self) -> Query:
        """Compare the papers named, else all, with what else is named."""
        chosen = self._named() or self.earlier.cited
        stretches = [(each.tag, self.own.question[each.start : each.end]) for each in self.encoded.tags]
        sides = [said for tag, said in stretches if tag == "side" and not _PRONOUNS.issuperset(_words(said))]
        titles = [said for tag, said in stretches if tag == "topic" and find_by_title(said, self.papers.titled(said))]
        aspect = "" if titles else self._topic()
        held = {paper_id: self.papers[paper_id] for paper_id in chosen}
        brought = tuple(dict.fromkeys(side for side in (*sides, *titles) if not _names_one(side, held)))
        if brought and not self.action.numbers and _is_about_one(self.own, self.earlier):
            chosen = chosen[:1]
        subjects = tuple(_head(self.papers[paper_id].title) for paper_id in chosen)
        return replace(
            self._over(chosen, "compare"),
            text=aspect or self.earlier.search.text,
            subjects=(*subjects, *brought),
            action=replace(self.action, brought=brought),
        )

    def summarise(self) -> Query:
        """Summarise the papers named, else all; one is told more of."""
        if len(self.action.numbers) == 1:
            return replace(self, action=replace(self.action, name="expand")).expand()
        return self._over(self._named() or self.earlier.cited, "summary")

    def expand(self) -> Query:
        """Tell more of the papers named, else of all."""
        chosen = self._named() or self.earlier.cited
        titles = [display_title(self.papers[paper_id].title) for paper_id in chosen]
        return replace(
            self._over(chosen, "lookup"), text=". ".join(titles), standalone=_standalone(self.own.question, titles)
        )

    def pick(self) -> Query:
        """Rank the papers by what is asked of them."""
        return replace(
            _about(self.own, self._named() or self.earlier.cited, self.papers), kind="list", action=self.action
        )

    def records(self) -> Query:
        """Answer from the records of the papers."""
        own = self.own
        chosen, order, count = self._named(), own.order, own.count
        if adverb := stated_adverb(self.encoded.text):
            order, count = adverb[0], 1
        if order and not chosen:
            chosen = tuple(sorted_papers(self.earlier.cited, order, self.papers))[:count]
        asked = replace(own.filters, code=None)  # "do they have code?" asks for their records, whatever these say
        return self._over(chosen or self.earlier.cited, "metadata", filters=asked, order=order)

    def count(self) -> Query:
        """Count the papers, all or those that meet what is asked."""
        if has_topic(self.encoded):
            query = _about(self.own, self._named() or self.earlier.cited, self.papers)
            return replace(query, kind="metadata", text=self._topic(), by_topic=True, count=None, action=self.action)
        return self._over(self._named() or self.earlier.cited, "metadata", filters=self.own.filters)

    def sort(self) -> Query:
        """Sort the papers by what the records have; by anything else they are ranked for it."""
        own, cited = self.own, self.earlier.cited
        if own.filters and not own.order:
            return self._partition(own.filters)
        if order := read_order(own.question) or own.order:
            left = tuple(each for each in own.unapplied if each.tag != "order")
            return replace(self._again(sorted_papers(cited, order, self.papers), order=order), unapplied=left)
        if is_reversal(own.question):
            return self._again(cited[::-1])
        if has_topic(self.encoded) and not own.unapplied:
            return replace(self.pick(), action=replace(self.action, name="pick"))
        again = self._again(sorted(cited, key=self.earlier.shown.index))
        return again if is_by_relevance(own.question) else self._not_understood(again)

    def _partition(self, filters: Filters) -> Query:
        """Put the papers that meet constraints before the others, or after them."""
        cited, last = self.earlier.cited, is_to_the_end(self.own.question)
        chosen = sorted(cited, key=lambda paper_id: filters.admits(self.papers[paper_id]) is last)
        by = f"{describe_filters(filters)} {'last' if last else 'first'}"
        return replace(self._again(chosen), action=replace(self.action, by=by))

    def filter(self) -> Query:
        """Keep the papers named, those that meet the constraints, and those that belong to the topic."""
        own, before = self.own, self.earlier.query
        chosen, action = self._named() or self.earlier.cited, self.action
        if (own.order or own.count) and not action.numbers:  # "only the newest two with code"
            ranked = sorted_papers(chosen, own.order, self.papers) if own.order else chosen
            chosen = tuple(each for each in ranked if own.filters.admits(self.papers[each]))[: own.count]
            action = replace(action, numbers=tuple(self.earlier.cited.index(each) + 1 for each in chosen))
        if kinds := tuple(filter(None, map(work_type, split_work_types(self._topic() or own.question)))):
            chosen = tuple(each for each in chosen if any(_is_work(self.papers[each], kind) for kind in kinds))
            return replace(self._again(chosen), action=replace(self.action, by=" or ".join(kinds)))
        if has_topic(self.encoded) and not self.action.numbers:
            sought = own.text if own.filters else self._topic()
            query = replace(_about(own, chosen, self.papers), text=sought, subjects=())
            return replace(query, kind="list", count=None, action=self.action)
        filters = _merged(before.filters, own.filters)
        among = _AMONG.search(own.question) is not None
        if own.filters and not among and not any(filters.admits(self.papers[paper_id]) for paper_id in chosen):
            return replace(refine(own, self.earlier, ""), action=self.action)
        kept = replace(self._again(chosen, filters=filters, order=own.order), action=action)
        return kept if own.filters or action.numbers else self._not_understood(kept)

    def drop(self) -> Query:
        """Leave out the papers named, those that meet the constraints, and those that belong to the topics."""
        own, cited = self.own, self.earlier.cited
        left = tuple(each for each in own.unapplied if each.tag != "exclusion")  # "hide" is what is done
        if self.action.numbers:
            named = self._named()
            return replace(self._again([each for each in cited if each not in named]), unapplied=left)
        excluding = any(each.tag == "exclusion" for each in self.encoded.tags)
        excluded = own.excluded
        if not (excluded or own.filters) and has_topic(self.encoded):
            excluded = split_work_types(self._topic()) or (self._topic(),)
        if not (excluded or own.filters):
            return self._not_understood(self._again(cited))
        if excluding or not own.filters:
            kept = self._again(cited, filters=_merged(self.earlier.query.filters, own.filters))
        else:  # what is left out is stated as it is, as in "remove the papers before 2020"
            kept = self._again([each for each in cited if not own.filters.admits(self.papers[each])])
        return replace(kept, excluded=excluded, unapplied=left)

    def group(self) -> Query:
        """Show the papers again, grouped by a field of their records, else by what they are about."""
        words = frozenset(_words(self.own.question))
        by = next((_GROUPED[name] for name, names in _LIFTED.items() if name in _GROUPED and words & {*names}), None)
        cited = self._named() or self.earlier.cited
        if by == "year":
            cited = tuple(sorted_papers(cited, "newest", self.papers))
        return replace(self._again(cited), kind="list", action=replace(self.action, by=by))

    def shorten(self) -> Query:
        """Show the papers again, with one sentence each."""
        return self._again(self._named() or self.earlier.cited)

    def present(self) -> Query:
        """Show the records of the papers in a form of their own."""
        return replace(self._again(self._named() or self.earlier.cited), kind="metadata")

    def export(self) -> Query:
        """Show the papers in a form that other programs read; as BibTeX unless another form is named."""
        words = frozenset(_words(self.own.question))
        form: ExportForm = next((form for form, names in _FORMS.items() if names & words), "bibtex")
        return replace(self.present(), action=replace(self.action, form=form))

    def more(self) -> Query:
        """Show the papers that come after those shown."""
        search = self.earlier.search
        return replace(
            search,
            question=self.own.question,
            standalone=search.asked,
            kind="list" if search.kind not in _LISTED or search.papers else search.kind,
            count=self.own.count or _MORE,
            known=self.earlier.shown,
            action=self.action,
            follow_up="act",
            unapplied=self.own.unapplied,
        )

    def similar(self) -> Query:
        """Search for papers like those named, else like all."""
        chosen = self._named() or self.earlier.cited
        held = [self.papers[paper_id] for paper_id in chosen]
        titles = [display_title(paper.title) for paper in held]
        filters = merge_filters(self.own.filters, _beside(held, compared_date(self.own.question)))
        return Query(
            self.own.question,
            "list",
            ". ".join(titles),
            filters,
            count=self.own.count or _MORE,
            standalone=_standalone(self.own.question, titles),
            known=chosen,
            action=self.action,
            follow_up="act",
            unapplied=self.own.unapplied,
        )

    def same_author(self) -> Query:
        """Look up the other papers of the authors of those named, else of all; of a search by author, of that one."""
        chosen = self._named() or self.earlier.cited
        author = self.earlier.search.filters.author
        asked = [author] if author and not self.action.numbers else self._authors(chosen)
        wrote = {name: self.papers.papers_with_any("author", self.names.spellings(name)) for name in asked}
        others = {name: set(self.papers.ids_at(positions)) - {*chosen} for name, positions in wrote.items()}
        found = sorted_papers(sorted(set().union(*others.values())), "newest", self.papers)
        authors = tuple(name for name in asked if others[name])
        return replace(self._over(found, "metadata"), action=replace(self.action, brought=authors))

    def _authors(self, chosen: Sequence[str]) -> list[str]:
        """Return the authors of papers, or only the first or the last of each, as the follow-up says."""
        place = _AUTHOR_AT.search(self.own.question)
        part = _ENDS[place["end"].casefold()] if place else slice(None)
        return list(dict.fromkeys(name for paper_id in chosen for name in self.papers[paper_id].authors[part]))

    def lift(self) -> Query:
        """Search again without the constraints that are named, else without all."""
        search = self.earlier.search
        filters = merge_filters(search.filters, self.earlier.query.filters)
        held = [name for name in CONSTRAINTS if _is_set(filters, name)]
        words = frozenset(_words(self.own.question))
        sorts = {names[0] for names in _SORTS if not words.isdisjoint(_LIFTED[names[0]])}
        sorts |= {names[0] for names in _SORTS if any(_is_set(self.own.filters, name) for name in names)}
        named = [name for names in _SORTS if names[0] in sorts for name in names if name in held]
        lifted = tuple(named or (held if not sorts else ()))
        own = self.own.filters
        if (own.since or own.until) and {"since", "until"} & {*lifted}:  # "2023 is fine too"
            return replace(self._anew(_with_period_of(filters, own)), action=replace(self.action, by="dates"))
        if not lifted and (self.own.filters or self.own.excluded):
            return replace(self, action=replace(self.action, name="drop")).drop()
        for name in lifted:
            filters = filters.without(name)
        again = replace(self._anew(filters), action=replace(self.action, lifted=lifted))
        return again if lifted else replace(again, excluded=())

    def _anew(self, filters: Filters) -> Query:
        """Return the earlier search with other filters."""
        search = self.earlier.search
        return replace(
            search,
            question=self.own.question,
            standalone=search.asked,
            filters=filters,
            action=self.action,
            follow_up="act",
            unapplied=(),
        )

    def _not_understood(self, query: Query) -> Query:
        """Add that what the follow-up says of the papers is not applied, unless a part of it is said not to be."""
        part = Unapplied(self.own.question, self.action.name, "unreadable")
        return replace(query, unapplied=query.unapplied or (part,))

    def _named(self) -> tuple[str, ...]:
        return _chosen(self.earlier, self.action.numbers)

    def _topic(self) -> str:
        return stated(self.encoded) if has_topic(self.encoded) else ""

    def _again(self, chosen: Sequence[str], filters: Filters | None = None, order: Order | None = None) -> Query:
        """Show papers again as they were shown, in the order given."""
        before = self.earlier.query
        kind = self.earlier.search.kind
        kind = kind if kind in _LISTED or len(chosen) == 1 else "list"
        filters = before.filters if filters is None else filters
        return replace(self._over(chosen, kind, filters, order), text=before.text, standalone=before.asked)

    def _over(
        self, chosen: Sequence[str], kind: Kind, filters: Filters = Filters(), order: Order | None = None
    ) -> Query:
        """Return a query that cites all of certain papers that meet its filters, in their order."""
        return Query(
            self.own.question,
            kind,
            self.earlier.search.text,
            filters,
            order,
            standalone=self.own.question,
            papers=tuple(chosen),
            fixed=True,
            action=self.action,
            follow_up="act",
            unapplied=self.own.unapplied,
        )


def _about(own: Query, chosen: Sequence[str], papers: Mapping[str, Paper]) -> Query:
    """Restrict a question to papers."""
    titles = [display_title(papers[paper_id].title) for paper_id in chosen]
    standalone = _standalone(own.question, titles)
    text = ". ".join(titles) if own.kind == "lookup" else standalone
    count = own.count if own.kind in _LISTED else None
    return replace(own, text=text, standalone=standalone, papers=tuple(chosen), count=count, by_topic=False, tally=None)


def _standalone(question: str, titles: Sequence[str]) -> str:
    """Return a question that is about one paper with that paper's name before it."""
    return f"{_head(titles[0])}: {question}" if len(titles) == 1 else question


def _head(title: str) -> str:
    head = display_title(title).split(":")[0]
    return head if len(head) <= _SHORT_TITLE else head[:_SHORT_TITLE] + "…"


def _chosen(earlier: EarlierTurn, numbers: Sequence[int]) -> tuple[str, ...]:
    return tuple(earlier.cited[n - 1] for n in numbers)


def has_pronoun(text: str) -> bool:
    """Return whether a text speaks of something that was named before."""
    return not _PRONOUNS.isdisjoint(_words(text))


def _is_about_one(own: Query, earlier: EarlierTurn) -> bool:
    """Return whether "it" stands for the one paper that the answer before was about."""
    return earlier.query.kind in _SINGLE and not _IT.isdisjoint(_words(own.question))


def _names_one(side: str, held: Mapping[str, Paper]) -> bool:
    return bool(numbers_named(side, len(held), bare=True)) or find_by_title(side, held) is not None


def _merged(before: Filters, given: Filters) -> Filters:
    return merge_filters(replace(before, coauthors=()) if given.author else before, given)


def _is_work(paper: Paper, kind: str) -> bool:
    return is_of_type(paper.title, paper.abstract, kind)


def _beside(papers: Sequence[Paper], order: Order | None) -> Filters:
    """Return the filters for papers from the newest on, or up to the oldest; none where no paper has a date."""
    dates = sorted(paper.date for paper in papers if paper.date)
    if not (dates and order):
        return Filters()
    return Filters(since=dates[-1]) if order == "newest" else Filters(until=dates[0])


def _with_period_of(filters: Filters, other: Filters) -> Filters:
    """Return filters with the shortest period that holds theirs and that of others, each of which may be open."""
    return replace(
        filters,
        since=min(filters.since, other.since, key=first_day) if filters.since and other.since else None,
        until=max(filters.until, other.until, key=last_day) if filters.until and other.until else None,
    )


def constrains_anew(before: Filters, given: Filters) -> bool:
    """Return whether filters replace one of their sort, so that papers which were left out may now belong."""
    return any(
        any(_is_set(before, name) for name in names) and any(_is_set(given, name) for name in names) for names in _SORTS
    )


def _left(before: Filters, given: Filters) -> Filters:
    """Return the filters before, without those of the sorts that are given."""
    for names in _SORTS:
        for name in names if any(_is_set(given, name) for name in names) else ():
            before = before.without(name)
    return before


def _is_set(filters: Filters, name: str) -> bool:
    return filters.without(name) != filters


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())
