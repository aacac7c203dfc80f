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
from rag.models.encoder import EncodedQuestion
from rag.query.orders import compared_date, is_reversal, read_order, sorted_papers, stated_adverb
from rag.query.overrides import merge_filters
from rag.query.question import has_topic, stated
from rag.query.references import numbers_named, papers_titled
from rag.text.display import display_title
from rag.text.work_types import is_of_type, work_type
from rag.types import CONSTRAINTS, Action, ActionName, ExportForm, Filters, Kind, Order, Paper, Query, Turn

_IT = frozenset(("it", "its", "this", "that"))
_PLURAL = frozenset("these those them".split())
_PRONOUNS = frozenset("it its this that these those they them their the all one ones both each other here".split())
_SINGLE: frozenset[Kind] = frozenset(("fact", "lookup"))
_LISTED: frozenset[Kind] = frozenset(("list", "summary", "metadata"))
_SHORT_TITLE = 60  # characters
_LEAST_TITLE = 3  # words
_ASKED = ("fact", "compare")  # kinds that a follow-up has of its own
_MORE = 5  # papers that "show more" brings
_NUMBERED = frozenset("compare summarise expand filter drop similar records export shorten table titles".split())
_OF_SEVERAL = frozenset("compare pick sort group filter drop".split())
_MOST_NAMED = 30  # numbers above it are hardly those of papers
_OVER_ALL = frozenset(("sort", "more", "lift"))  # "most recent one first" names no paper
_FORMS: Mapping[ExportForm, frozenset[str]] = {
    "csv": frozenset("csv spreadsheet excel sheet xls xlsx tsv comma".split()),
    "ris": frozenset("ris zotero endnote mendeley refman reference manager".split()),
    "csl": frozenset("csl json citeproc pandoc".split()),
    "markdown": frozenset("markdown md".split()),
}
_WHOLE = frozenset("full whole complete entire original all initial".split())
_CREATED = frozenset("author authors writer writers they he she".split())
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

_AMONG = re.compile(r"\b(?:of|among|in)\s+(?:these|those|them|the\s+(?:rest|others|remaining))\b", re.IGNORECASE)
"""Words that say that only the papers of the answer are meant."""

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
    these answers cited, in the order in which they came. `turn` is what stands in the history.
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


def refine(own: Query, earlier: EarlierTurn, stated: str) -> Query:
    """Join a follow-up to the earlier search; a constraint replaces one of its sort. `stated` is its own part."""
    before = earlier.search
    kind: Kind = before.kind
    asks = own.follow_up == "ask" and own.kind in _ASKED  # of an answer that is not at hand
    if asks or (kind == "metadata" and own.kind not in ("metadata", "lookup")):
        kind = own.kind
    return replace(
        before,
        question=own.question,
        standalone=f"{before.asked.rstrip('?!. ')}, {own.question}",
        text=f"{before.text.rstrip('?!. ')}, {stated}" if stated else before.text,
        kind=kind,
        filters=_merged(before.filters, own.filters),
        order=own.order or before.order,
        count=own.count or before.count,
        subjects=own.subjects or before.subjects,
        excluded=tuple(dict.fromkeys((*before.excluded, *own.excluded))),
        action=None,
        follow_up="refine",
        unsure=own.unsure,
        unapplied=(*before.unapplied, *own.unapplied),
    )


def ask(own: Query, encoded: EncodedQuestion, earlier: EarlierTurn, papers: Mapping[str, Paper]) -> Query:
    """Restrict a question to the papers of the answer that it is about."""
    numbers = referred_numbers(own, encoded, earlier, papers, bare=False)
    chosen = _chosen(earlier, numbers)
    if not chosen and _is_about_one(own, earlier):
        chosen = earlier.cited[:1]
    return _about(own, chosen or earlier.cited, papers)


def act(
    name: ActionName, own: Query, encoded: EncodedQuestion, earlier: EarlierTurn, papers: Mapping[str, Paper]
) -> Query:
    """Return the query that does to the papers of the answer what a follow-up says."""
    numbers = () if name in _OVER_ALL else referred_numbers(own, encoded, earlier, papers, bare=name in _NUMBERED)
    if numbers:  # "the top two" is no count
        own = replace(own, unapplied=tuple(each for each in own.unapplied if each.tag not in ("count", "order")))
    action = Action(name, len(earlier.cited), numbers)
    doing = _Doing(own, encoded, earlier, papers, action)
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
        "lift": doing.lift,
    }[name]()


def undo(own: Query, turns: Sequence[EarlierTurn]) -> Query:
    """Return the query that shows the answer before the last one again, or the first of the search if all is asked."""
    action = Action("undo", len(turns[-1].cited))
    if len(turns) < 2:
        return replace(own, kind="help", action=action, follow_up="act")
    at = len(turns) - 2
    while at and not _WHOLE.isdisjoint(_words(own.question)) and is_over_papers(turns[at].query):
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

    After "tell me more about the second", "compare 1 and 3" is about the list before.
    """
    named = numbers_named(encoded.text, _MOST_NAMED, _no_numbers(encoded), bare=name in _NUMBERED)
    several = name in _OF_SEVERAL or not _PLURAL.isdisjoint(_words(encoded.text))
    alone = several and not any(each.tag == "side" for each in encoded.tags)
    least = max([1 + alone, *named])
    for turn in reversed(earlier):
        if len(turn.cited) >= least:
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


def cited_in(answer: str, papers: Mapping[str, Paper]) -> tuple[str, ...]:
    """Return the papers whose titles an answer holds, in its order, for a history that does not list its citations."""
    said = f" {title_key(answer)} "
    keys = {paper_id: title_key(paper.title) for paper_id, paper in papers.items()}
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
    papers: Mapping[str, Paper]
    action: Action

    def compare(self) -> Query:
        """Compare the papers named, else all, with what else is named."""
        chosen = self._named() or self.earlier.cited
        stretches = [self.own.question[each.start : each.end] for each in self.encoded.tags if each.tag == "side"]
        sides = [side for side in stretches if not _PRONOUNS.issuperset(_words(side))]
        held = {paper_id: self.papers[paper_id] for paper_id in chosen}
        brought = tuple(dict.fromkeys(side for side in sides if not _names_one(side, held)))
        if brought and not self.action.numbers and _is_about_one(self.own, self.earlier):
            chosen = chosen[:1]
        subjects = tuple(_head(self.papers[paper_id].title) for paper_id in chosen)
        return replace(
            self._over(chosen, "compare"),
            text=self._topic() or self.earlier.search.text,
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
        return self._over(chosen or self.earlier.cited, "metadata", filters=own.filters, order=order)

    def count(self) -> Query:
        """Count the papers, all or those that meet what is asked."""
        if has_topic(self.encoded):
            query = _about(self.own, self._named() or self.earlier.cited, self.papers)
            return replace(query, kind="metadata", text=self.own.text, by_topic=True, count=None, action=self.action)
        return self._over(self._named() or self.earlier.cited, "metadata", filters=self.own.filters)

    def sort(self) -> Query:
        """Sort the papers by what the records have; by anything else they are ranked for it."""
        order = self.own.order or read_order(self.own.question)
        if order is None and has_topic(self.encoded) and not self.own.unapplied:
            return replace(self.pick(), action=replace(self.action, name="pick"))
        cited = self.earlier.cited
        if order is None:
            shown = self.earlier.shown
            chosen = cited[::-1] if is_reversal(self.own.question) else sorted(cited, key=shown.index)
        else:
            chosen = sorted_papers(cited, order, self.papers)
        return self._again(chosen, order=order)

    def filter(self) -> Query:
        """Keep the papers named, those that meet the constraints, and those that belong to the topic."""
        own, before = self.own, self.earlier.query
        chosen = self._named() or self.earlier.cited
        if own.count and not self.action.numbers:
            chosen = chosen[: own.count]
        if kept := work_type(self._topic() or own.question):
            chosen = tuple(paper_id for paper_id in chosen if _is_work(self.papers[paper_id], kept))
            return replace(self._again(chosen), action=replace(self.action, by=kept))
        if has_topic(self.encoded) and not self.action.numbers:
            query = replace(_about(own, chosen, self.papers), text=own.text, subjects=())
            return replace(query, kind="list", count=None, action=self.action)
        filters = _merged(before.filters, own.filters)
        among = _AMONG.search(own.question) is not None
        if own.filters and not among and not any(filters.admits(self.papers[paper_id]) for paper_id in chosen):
            return replace(refine(own, self.earlier, ""), action=self.action)
        return self._again(chosen, filters=filters)

    def drop(self) -> Query:
        """Leave out the papers named, those that meet the constraints, and those that belong to the topics."""
        own, cited = self.own, self.earlier.cited
        if self.action.numbers:
            named = self._named()
            return self._again([paper_id for paper_id in cited if paper_id not in named])
        excluding = any(each.tag == "exclusion" for each in self.encoded.tags)
        excluded = own.excluded
        if not (excluded or own.filters) and has_topic(self.encoded):
            excluded = (self._topic(),)
        if excluding or not own.filters:
            kept = self._again(cited, filters=_merged(self.earlier.query.filters, own.filters))
        else:  # what is left out is stated as it is, as in "remove the papers before 2020"
            kept = self._again([each for each in cited if not own.filters.admits(self.papers[each])])
        return replace(kept, excluded=excluded)

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
        if not _CREATED.isdisjoint(_words(self.own.question)) and held[0].authors:
            by_author = Query(self.own.question, "metadata", self.own.question, Filters(author=held[0].authors[0]))
            return replace(by_author, known=chosen, action=self.action, follow_up="act")
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
        if not lifted and (self.own.filters or self.own.excluded):
            return replace(self, action=replace(self.action, name="drop")).drop()
        for name in lifted:
            filters = filters.without(name)
        return replace(
            search,
            question=self.own.question,
            standalone=search.asked,
            filters=filters,
            excluded=() if not lifted else search.excluded,
            action=replace(self.action, lifted=lifted),
            follow_up="act",
            unapplied=(),
        )

    def _named(self) -> tuple[str, ...]:
        return _chosen(self.earlier, self.action.numbers)

    def _topic(self) -> str:
        return stated(self.encoded) if has_topic(self.encoded) else ""

    def _again(self, chosen: Sequence[str], filters: Filters | None = None, order: Order | None = None) -> Query:
        """Show papers again as they were shown, in the order given."""
        before = self.earlier.query
        kind = before.kind if before.kind in _LISTED or len(chosen) == 1 else "list"
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
    return replace(own, text=text, standalone=standalone, papers=tuple(chosen), count=count, by_topic=False)


def _standalone(question: str, titles: Sequence[str]) -> str:
    """Return a question that is about one paper with that paper's name before it."""
    return f"{_head(titles[0])}: {question}" if len(titles) == 1 else question


def _head(title: str) -> str:
    head = display_title(title).split(":")[0]
    return head if len(head) <= _SHORT_TITLE else head[:_SHORT_TITLE] + "…"


def _chosen(earlier: EarlierTurn, numbers: Sequence[int]) -> tuple[str, ...]:
    return tuple(earlier.cited[n - 1] for n in numbers)


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


def constrains_anew(before: Filters, given: Filters) -> bool:
    """Return whether filters replace one of their sort, so that papers which were left out may now belong."""
    return any(
        any(_is_set(before, name) for name in names) and any(_is_set(given, name) for name in names) for names in _SORTS
    )


def _is_set(filters: Filters, name: str) -> bool:
    return filters.without(name) != filters


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())
