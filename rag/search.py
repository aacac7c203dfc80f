"""The search of one question: its papers from the records where they answer it, else by retrieval and scoring."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from rag.answer import FirstHits, Notice, Relaxation, StepTimer, Usage
from rag.corpus.titles import find_by_title
from rag.index.library import Library
from rag.models.loading import Models
from rag.query.reader import QueryReader
from rag.retrieval.abbreviations import OtherWords, in_other_words, spelt_otherwise
from rag.retrieval.admitted import admitted, records
from rag.retrieval.candidates import retrieve
from rag.retrieval.catalogue import matching, unmet, unnamed, unrecorded
from rag.retrieval.encoded_query import EncodedQuery, QueryEncoder
from rag.retrieval.expansion import SHOWN_PAPERS, QueryExpander
from rag.retrieval.linked import asked_links, raise_linked
from rag.retrieval.reranking import Reranker
from rag.retrieval.scoring import PaperScorer
from rag.selection.answerability import answerable_probability, mentions, mentions_all
from rag.selection.cut import arrange, arrange_named, select
from rag.selection.evidence import EvidenceSelector
from rag.selection.things import LIKELY, name_pattern
from rag.settings import Settings
from rag.text.language import is_non_english_question
from rag.text.work_types import is_of_type, work_type
from rag.types import Hit, Query, Unapplied

if TYPE_CHECKING:
    from llama_index.core.postprocessor.types import BaseNodePostprocessor

EXCLUDED_FROM = 0.5  # probability of belonging to an excluded topic from which a paper is left out
_TESTED = 40  # best papers that are tested for an excluded topic; a list has fewer
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Found:
    """The papers found for a query.

    `ranking` is best first, `hits` is arranged as the question asks (by date, say), `encoded` holds the search texts,
    the question first, `reranker` what the cross-encoder has read, and `other` the question in other words.
    `relaxations` are set where no paper meets the constraints.
    """

    query: Query
    hits: tuple[Hit, ...] = ()
    ranking: tuple[Hit, ...] = ()
    encoded: tuple[EncodedQuery, ...] = ()
    reranker: Reranker | None = None
    other: OtherWords | None = None
    relaxations: tuple[Relaxation, ...] = ()
    notices: tuple[Notice, ...] = ()
    usage: Usage = Usage()
    timings_ms: Mapping[str, float] = field(default_factory=dict)


class Searcher:
    """Searches one library; keeps no state between questions."""

    def __init__(
        self,
        settings: Settings,
        library: Library,
        models: Models,
        reader: QueryReader,
        scorer: PaperScorer,
        evidence: EvidenceSelector,
        postprocessors: Sequence[BaseNodePostprocessor],
        search_slot: Callable[[], AbstractContextManager[object]],
    ) -> None:
        self._settings = settings
        self._library = library
        self._models = models
        self._reader = reader
        self._scorer = scorer
        self._evidence = evidence
        self._postprocessors = tuple(postprocessors)
        self._search_slot = search_slot
        self._encoder = QueryEncoder(models)

    def search(self, query: Query, expander: QueryExpander, timer: StepTimer) -> Generator[FirstHits, None, Found]:
        """Find the papers of a query, and yield those that the first signals find before the cross-encoder reads."""
        notices = self._question_notices(query)
        if query.kind == "off-topic":
            return self._looked_for(query, timer)
        if query.kind == "help":
            return Found(query)
        if (query.fixed and not query.papers) or query.is_unapplied:
            return Found(query, notices=notices)
        if untold := unrecorded(query, self._library.papers):
            notices = (*notices, Notice("not_recorded", {"constraints": untold}))
            if untold != ("code",) or query.filters.code:
                return Found(query, notices=notices)
        relaxations = unmet(query, self._library.papers, self._reader.names)
        if query.kind == "metadata" and not query.by_topic:
            return self._records(query, relaxations, notices)
        if relaxations:
            return Found(query, relaxations=relaxations, notices=notices)
        if query.fixed:
            query = self._with_brought(query)
        else:
            expander.start(query)
        text = search_text(query)
        respelt = self._reader.respelt(text)
        try:
            encoded: tuple[EncodedQuery, ...] = (self._encoder.encode(text),)
            other = None if respelt else in_other_words(self._library, encoded[0])
            reranker = self._scorer.open_reranker(encoded[0], respelt, other)
            respelt = other.text if other else respelt
            encoded, ranking = yield from self._retrieve(query, encoded, respelt, reranker, timer, other)
        except BaseException:
            expander.give_up()
            raise
        if not query.fixed and (expanded := expander.expand(query)) != query:
            query = expanded
            encoded, ranking = yield from self._retrieve(query, encoded, respelt, reranker, timer, other)
        for _ in range(self._settings.recall_rounds):
            if query.fixed or expander.model("iterate", query) is None:
                break
            best = [hit.paper for hit in ranking[:SHOWN_PAPERS]]
            expanded = expander.add_missing(query, self._evidence.select(query, encoded[0], best, reranker))
            if expanded == query:
                break
            query = expanded
            encoded, ranking = result_of(self._retrieve(query, encoded, respelt, reranker, timer, other))
        ranking, left_out = self._without_excluded(query, ranking)
        return Found(query, arrange(query, ranking), ranking, encoded, reranker, other, notices=(*notices, *left_out))

    def _looked_for(self, query: Query, timer: StepTimer) -> Found:
        """Look for papers all the same, as "how can I run this on my phone?" may be one that papers answer."""
        listed = replace(query, kind="list", unsure=("kind",))
        found = result_of(self.search(listed, QueryExpander(self._settings, None, timer), timer))
        best = max((hit.score for hit in found.ranking[:1]), default=0.0)
        answered = min(best, answerable_probability(found.ranking, self._scorer.ranker)) >= LIKELY
        return found if answered else Found(query)

    def _retrieve(
        self,
        query: Query,
        encoded: tuple[EncodedQuery, ...],
        respelt: str | None,
        reranker: Reranker | None,
        timer: StepTimer,
        words: OtherWords | None,
    ) -> Generator[FirstHits, None, tuple[tuple[EncodedQuery, ...], tuple[Hit, ...]]]:
        """Retrieve and score candidates; `encoded` holds the search texts that were encoded before, `respelt` is the
        question in another spelling.
        """
        with self._search_slot():
            texts = (search_text(query), *query.further)
            encoded = (*encoded, *map(self._encoder.encode, texts[len(encoded) :]))
            passed = admitted(query.filters, self._library.papers, self._reader.names)
            linked = asked_links(query, self._library.links, self._library.papers)
            always = (*query.papers, *linked)
            other = self._encoder.encode(respelt) if respelt else None
            candidates = retrieve(self._library, encoded, passed, self._settings.pool, always, other)
            timer.lap("retrieve")
            if reranker:
                ranked = raise_linked(self._scorer.rank(query, candidates, words=words), linked)
                first = [hit for hit in ranked if query.admits(hit.paper)]
                yield FirstHits(query, select(query, arrange_named(query, first)).cited)
            hits = raise_linked(self._scorer.rank(query, candidates, reranker, words), linked)
            if self._postprocessors:
                from rag.generation.llama_index import postprocess  # 1 s of imports

                hits = postprocess(hits, self._postprocessors, encoded[0].text, self._library.papers)
            ranking = arrange_named(query, [hit for hit in hits if query.admits(hit.paper)])
        timer.lap("score")
        return encoded, ranking

    def _with_brought(self, query: Query) -> Query:
        """Add the papers of what a comparison brings in: by title, or the best of those that mention it."""
        papers, chosen = self._library.papers, list(query.papers)
        for name in query.action.brought if query.action else ():
            named = find_by_title(name, papers.titled(name))
            found = (
                [named]
                if named
                else [paper_id for paper_id, _ in self._belonging(name) if mentions_all(papers[paper_id], name.split())]
            )
            chosen += [paper_id for paper_id in found[:1] if paper_id not in chosen]
        return replace(query, papers=tuple(chosen))

    def _without_excluded(self, query: Query, ranking: Sequence[Hit]) -> tuple[tuple[Hit, ...], tuple[Notice, ...]]:
        """Leave out the papers that belong to an excluded topic, as a search for that topic says."""
        if not query.excluded:
            return tuple(ranking), ()
        kept, notices = list(ranking), []
        for topic in query.excluded:
            tested = [hit.paper.paper_id for hit in kept[:_TESTED]]
            kind = work_type(topic)
            belong = self._of_type(kind, tested) if kind else self._likely(topic, tested)
            left_out = [hit.paper for hit in kept[:_TESTED] if hit.paper.paper_id in belong]
            kept = [hit for hit in kept if hit.paper.paper_id not in belong]
            data = {"topic": topic, "papers": tuple(left_out), "probability": None if kind else EXCLUDED_FROM}
            notices.append(Notice("excluded", data))
        return tuple(replace(hit, rank=rank) for rank, hit in enumerate(kept, start=1)), tuple(notices)

    def _of_type(self, kind: str, paper_ids: Sequence[str]) -> set[str]:
        papers = [self._library.papers[paper_id] for paper_id in paper_ids]
        return {paper.paper_id for paper in papers if is_of_type(paper.title, paper.abstract, kind)}

    def _likely(self, topic: str, paper_ids: Sequence[str]) -> set[str]:
        """Return the papers that belong to a topic, or have it in their titles, also in other words."""
        names = {topic, spelt_otherwise(self._library, self._encoder.encode(topic))}
        written = re.compile(rf"\b(?:{'|'.join(map(name_pattern, sorted(names)))})\b", re.IGNORECASE)
        titled = {each for each in paper_ids if written.search(self._library.papers[each].title)}
        return titled | {paper_id for paper_id, chance in self._belonging(topic, paper_ids) if chance >= EXCLUDED_FROM}

    def _belonging(self, topic: str, paper_ids: Sequence[str] = ()) -> list[tuple[str, float]]:
        """Return the papers with the probability that they belong to a topic, the most probable first.

        The search is over the whole collection, so that the best of papers that are all off the topic are not taken to
        belong to it; with `paper_ids` only these are returned.
        """
        with self._search_slot():
            query = Query(topic, "list", topic, papers=tuple(paper_ids))
            encoded = (self._encoder.encode(topic),)
            candidates = retrieve(self._library, encoded, None, self._settings.pool, always=query.papers)
            hits = self._scorer.rank(query, candidates, self._scorer.open_reranker(encoded[0]))
        return [(hit.paper.paper_id, hit.score) for hit in hits if not paper_ids or hit.paper.paper_id in paper_ids]

    def _records(self, query: Query, relaxations: tuple[Relaxation, ...], notices: tuple[Notice, ...]) -> Found:
        papers = matching(
            replace(query, count=None) if query.tally else query, self._library.papers, self._reader.names
        )
        hits = tuple(Hit(rank, paper, 1.0) for rank, paper in enumerate(papers, start=1))
        hits, left_out = self._without_excluded(query, hits)
        notices = (*notices, *left_out)
        names = unnamed(query, self._library.papers)
        if not names:
            return Found(query, hits, hits, relaxations=relaxations, notices=notices)
        mentioning = () if hits or relaxations else self._mentioning(names)
        notices = (*notices, Notice("unknown_names", {"names": names, "mentioned": bool(mentioning)}))
        return Found(query, hits or mentioning, hits, relaxations=relaxations, notices=notices)

    def _mentioning(self, names: Sequence[str]) -> tuple[Hit, ...]:
        """Return the papers that have one of some names, which no paper is called by, the most probable first."""
        found = [
            (paper_id, chance)
            for name in names
            for paper_id, chance in self._belonging(name)
            if mentions(self._library.papers[paper_id], name)
        ]
        papers = self._library.papers
        return tuple(
            Hit(rank, papers[each], chance) for rank, (each, chance) in enumerate(dict(found).items(), start=1)
        )

    def _question_notices(self, query: Query) -> tuple[Notice, ...]:
        """Return what of a question was not read, or not applied."""
        people = self._unknown_people(query)
        parts = tuple(each for each in query.unapplied if not (people and _is_unknown_person(each)))
        unapplied = (Notice("not_applied", {"parts": parts}),) if parts else ()
        unapplied = (*unapplied, *people, *action_notices(query))
        if query.mended:
            unapplied = (Notice("mended", {"text": query.mended, "searched": query.action is None}), *unapplied)
        if query.kind == "metadata":
            return unapplied
        if is_non_english_question(query.asked):
            return (Notice("not_english"), *unapplied)
        question = self._models.encoder.encode_question(query.asked)
        cut = (Notice("question_cut", {"tokens": len(question.tokens)}),) if question.truncated else ()
        return (*unapplied, *cut)

    def _unknown_people(self, query: Query) -> tuple[Notice, ...]:
        """Return who of a question wrote no paper here, each with the nearest names."""
        asked = [query.filters.author, *query.filters.coauthors, query.filters.not_author]
        asked += [part.text for part in query.unapplied if _is_unknown_person(part)]
        names = self._reader.names
        unknown = tuple(name for name in dict.fromkeys(asked) if name and not names.author(name))
        if not (unknown and records(self._library.papers, "authors")):
            return ()
        return (Notice("unknown_people", {"nearest": {name: names.nearest_authors(name) for name in unknown}}),)


def _is_unknown_person(part: Unapplied) -> bool:
    return (part.tag, part.reason) == ("author", "unknown")


def unmet_notice(found: Found) -> tuple[Notice, ...]:
    """Return that no paper meets the constraints, where that is so."""
    if not found.relaxations:
        return ()
    query = found.query
    data = {"filters": query.filters, "among_cited": bool(query.papers), "relaxations": found.relaxations}
    return (Notice("constraints_unmet", data),)


def action_notices(query: Query) -> tuple[Notice, ...]:
    """Return what an action could not do with the answer before."""
    action = query.action
    if action is None:
        return ()
    if action.name == "filter" and not query.papers and not query.fixed:
        return (Notice("searched_anew", {"papers": action.total}),)
    if action.name == "lift" and not (action.lifted or action.by):
        return (Notice("nothing_to_lift"),)
    if action.name == "undo" and query.kind == "help":
        return (Notice("nothing_to_undo"),)
    return ()


def search_text(query: Query) -> str:
    """Return what a query searches for."""
    return query.text or query.asked


def result_of(steps: Generator[object, None, _T]) -> _T:
    """Run a generator to its end and return its value."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            value: _T = end.value
            return value
