"""One question from reading to finished answer: understand → retrieve → score → select → evidence → generate → verify.

`build` puts the parts together; LlamaIndex postprocessors of your own fit in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, TypeVar

from rag.answer import (
    Answer,
    Citation,
    Done,
    Event,
    FirstHits,
    Notice,
    Relaxation,
    Retrieved,
    StepTimer,
    Thing,
    Usage,
)
from rag.corpus.titles import find_by_title
from rag.generation.composition import Composer, Composition
from rag.generation.draft import Draft, asks_among, is_written
from rag.generation.examples import EXAMPLE_PAPERS
from rag.generation.records import tally_sentence
from rag.index.library import Library, open_library
from rag.llm.protocol import ChatModel
from rag.llm.usage import UsageMeter
from rag.models.loading import Models, load_models
from rag.query.names import paper_called
from rag.query.reader import QueryReader
from rag.retrieval.abbreviations import OtherWords, in_other_words, spelt_otherwise
from rag.retrieval.admitted import admitted, records
from rag.retrieval.candidates import retrieve
from rag.retrieval.catalogue import matching, unmet, unnamed, unrecorded
from rag.retrieval.encoded_query import EncodedQuery, QueryEncoder
from rag.retrieval.expansion import SHOWN_PAPERS, QueryExpander
from rag.retrieval.linked import asked_links, raise_linked
from rag.retrieval.reranking import Reranker
from rag.retrieval.scoring import NAMED, PaperScorer, Ranker, load_tuned_ranker
from rag.retrieval.tallies import tally_papers, with_most
from rag.selection.answerability import SURE, answerable_probability, mentions, reread_features, unmentioned
from rag.selection.cut import Selection, arrange, arrange_named, select
from rag.selection.evidence import EvidenceSelector
from rag.selection.screening import Decision, screen
from rag.selection.things import LIKELY, find_things, name_pattern, names_things, sole_name
from rag.settings import Settings
from rag.text.identifiers import find_identifiers, is_identifier
from rag.text.language import is_non_english_question
from rag.text.work_types import is_of_type, work_type
from rag.types import Evidence, Hit, Kind, Overrides, Paper, Query, Turn, Unapplied

if TYPE_CHECKING:
    from llama_index.core.postprocessor.types import BaseNodePostprocessor
    from llama_index.core.query_engine import RetrieverQueryEngine

    from rag.verification.written_answer import CheckedWriter

_CANDIDATES: Mapping[Kind, int] = {"list": 40, "summary": 40, "compare": 20, "fact": 10}
"""How many papers a model is sent that has the room for them, by the kind of question."""

EXCLUDED_FROM = 0.5  # probability of belonging to an excluded topic from which a paper is left out
_NEAREST = 5  # papers offered with a refusal
_T = TypeVar("_T")
_TESTED = 40  # best papers that are tested for an excluded topic; a list has fewer
_SHOWN = ("pick", "more", "similar", "filter", "count")  # actions whose nearest papers are what is asked for
_LIKELY = 0.5  # probability from which a paper is said to belong


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


class Engine:
    """Answers questions about one library; keeps no state between questions."""

    def __init__(
        self,
        settings: Settings,
        library: Library,
        models: Models,
        postprocessors: Sequence[BaseNodePostprocessor] = (),
        ranker: Ranker | None = None,
        today: Callable[[], date] = date.today,
        writer: CheckedWriter | None = None,
        search_slot: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        """Put an engine together.

        `ranker` overrides the weights in force. Without a `writer` all answers are extractive, and follow-ups are read
        by the encoder alone. Each search runs inside a `search_slot`, by which a server can bound how many run at once.
        """
        self.library = library
        cross_encoder = models.cross_encoder if settings.rerank_depth else None
        ranker = ranker or load_tuned_ranker("full" if cross_encoder else "fast", settings)
        self.scorer = PaperScorer(library, cross_encoder, settings.rerank_depth, ranker)
        self.writer = writer
        self._settings = settings
        self._postprocessors = tuple(postprocessors)
        self._encoder = QueryEncoder(models)
        self._models = models
        self._reader = QueryReader(library.papers, models.encoder, today)
        self._evidence = EvidenceSelector(library)
        self._composer = Composer(library)
        self._search_slot = search_slot

    def caches(self) -> dict[str, tuple[int, int]]:
        """Return how often questions as they are encoded, and papers by their titles, were remembered and were not."""
        functions = {"questions": self._models.encoder.encode_question, "titles": self.library.papers.titled}
        infos = {name: each.cache_info() for name, each in functions.items() if hasattr(each, "cache_info")}
        return {name: (info.hits, info.misses) for name, info in infos.items()}

    def ask(
        self,
        question: str,
        overrides: Overrides = Overrides(),
        use_llm: bool = True,
        history: Sequence[Turn] = (),
    ) -> Generator[Event, None, None]:
        """Answer a question; the last event is Done. Raises UsageError for an empty question.

        `history` are the earlier turns of the conversation, oldest first. Without an endpoint, or with `use_llm` off,
        the answer is extractive. Closing the iterator ends the endpoint's work too.
        """
        timer = StepTimer()
        with self._open_llm(use_llm) as llm:
            query = self.understand(question, overrides, history, llm)
            timer.lap("read")
            if query.kind == "help":
                yield Retrieved(query, (), ())
                draft = Draft(query, notices=_action_notices(query))
                papers = self.library.papers
                answer = draft.help(papers.newest(EXAMPLE_PAPERS), len(papers))
                yield Done(replace(answer, timings_ms=timer.stop()))
                return
            opened = self.writer.writer.open_chat if self.writer else None
            expander = QueryExpander(self._settings, llm, timer, opened)
            found = yield from self._finding(query, expander, timer)
            refusal = self._refusal(found)
            decisions = self._screen(found, expander, timer) if refusal is None else {}
            draft = self._draft(found, decisions, refused=refusal is not None)
            if refusal is None and llm and self.writer and is_written(found.query):
                draft = replace(self._with_candidates(found, draft, decisions), previous=query.about)
            if refusal is None and draft.is_empty:  # none belongs, or all were turned down
                refusal = (self._none_belongs(found.query),)
            timer.lap("evidence")
            terms = found.encoded[0].terms if found.encoded else ()
            yield Retrieved(found.query, found.hits, draft.evidence, terms)
            if refusal is not None:
                answer = draft.refused(refusal, found.relaxations)
            elif llm and self.writer and is_written(found.query):
                answer = yield from self.writer.answer(draft, llm, timer)
                answer = replace(answer, model=None if answer.status == "extractive" else llm.name)
            else:
                answer = draft.extractive()
        usage = replace(answer.usage, steps=llm.steps if llm else {})
        notices = (*answer.notices, *expander.notices)
        yield Done(replace(_explained(answer, decisions), notices=notices, usage=usage, timings_ms=timer.stop()))

    def search(self, question: str, overrides: Overrides = Overrides(), history: Sequence[Turn] = ()) -> Found:
        """Find papers for a question; raises UsageError for an empty one."""
        timer = StepTimer()
        query = self.understand(question, overrides, history)
        timer.lap("read")
        with self._open_llm(bool(self._settings.recall)) as llm:
            expander = QueryExpander(self._settings, llm, timer)
            found = self.find(query, expander, timer)
        notices = (*_unmet_notice(found), *found.notices, *expander.notices)
        usage = Usage(llm.steps if llm else {})
        return replace(found, notices=notices, usage=usage, timings_ms=timer.stop())

    def understand(
        self,
        question: str,
        overrides: Overrides = Overrides(),
        history: Sequence[Turn] = (),
        llm: UsageMeter | None = None,
    ) -> Query:
        """Read a question, in the light of earlier turns; raises UsageError for an empty one."""
        return self._reader.read(question, overrides, history, llm)

    def find(self, query: Query, expander: QueryExpander | None = None, timer: StepTimer | None = None) -> Found:
        """Find the papers of a query: from the records where they answer it, else by retrieval and scoring."""
        timer = timer or StepTimer()
        return _result(self._finding(query, expander or QueryExpander(self._settings, None, timer), timer))

    def _finding(self, query: Query, expander: QueryExpander, timer: StepTimer) -> Generator[FirstHits, None, Found]:
        """Find the papers of a query, and yield those that the first signals find before the cross-encoder reads."""
        notices = self._question_notices(query)
        if query.kind == "off-topic":
            return self._looked_for(query, timer)
        if query.kind == "help":
            return Found(query)
        if (query.fixed and not query.papers) or query.is_unapplied:
            return Found(query, notices=notices)
        if untold := unrecorded(query, self.library.papers):
            notices = (*notices, Notice("not_recorded", {"constraints": untold}))
            if untold != ("code",) or query.filters.code:
                return Found(query, notices=notices)
        relaxations = unmet(query, self.library.papers, self._reader.names)
        if query.kind == "metadata" and not query.by_topic:
            return self._records(query, relaxations, notices)
        if relaxations:
            return Found(query, relaxations=relaxations, notices=notices)
        if query.fixed:
            query = self._with_brought(query)
        else:
            expander.start(query)
        text = _search_text(query)
        respelt = self._reader.respelt(text)
        try:
            encoded: tuple[EncodedQuery, ...] = (self._encoder.encode(text),)
            other = None if respelt else in_other_words(self.library, encoded[0])
            reranker = self.scorer.open_reranker(encoded[0], respelt, other)
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
            encoded, ranking = _result(self._retrieve(query, encoded, respelt, reranker, timer, other))
        ranking, left_out = self._without_excluded(query, ranking)
        return Found(query, arrange(query, ranking), ranking, encoded, reranker, other, notices=(*notices, *left_out))

    def _looked_for(self, query: Query, timer: StepTimer) -> Found:
        """Look for papers all the same, as "how can I run this on my phone?" may be one that papers answer."""
        listed = replace(query, kind="list", unsure=("kind",))
        found = _result(self._finding(listed, QueryExpander(self._settings, None, timer), timer))
        best = max((hit.score for hit in found.ranking[:1]), default=0.0)
        answered = min(best, answerable_probability(found.ranking, self.scorer.ranker)) >= _LIKELY
        return found if answered else Found(query)

    def query_engine(self, chat: ChatModel, kind: Kind = "list") -> RetrieverQueryEngine:
        """Return a LlamaIndex query engine that searches as `search` does and writes with `chat`."""
        from rag.generation.llama_index import query_engine  # 1 s of imports

        return query_engine(lambda question: self.search(question).hits, chat, kind)

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
            texts = (_search_text(query), *query.further)
            encoded = (*encoded, *map(self._encoder.encode, texts[len(encoded) :]))
            passed = admitted(query.filters, self.library.papers, self._reader.names)
            linked = asked_links(query, self.library.links, self.library.papers)
            always = (*query.papers, *linked)
            other = self._encoder.encode(respelt) if respelt else None
            candidates = retrieve(self.library, encoded, passed, self._settings.pool, always, other)
            timer.lap("retrieve")
            if reranker:
                ranked = raise_linked(self.scorer.rank(query, candidates, words=words), linked)
                first = [hit for hit in ranked if query.admits(hit.paper)]
                yield FirstHits(query, select(query, arrange_named(query, first)).cited)
            hits = raise_linked(self.scorer.rank(query, candidates, reranker, words), linked)
            if self._postprocessors:
                from rag.generation.llama_index import postprocess  # 1 s of imports

                hits = postprocess(hits, self._postprocessors, encoded[0].text, self.library.papers)
            ranking = arrange_named(query, [hit for hit in hits if query.admits(hit.paper)])
        timer.lap("score")
        return encoded, ranking

    def _with_brought(self, query: Query) -> Query:
        """Add the papers of what a comparison brings in: by title, or the best of those that mention it."""
        papers, chosen = self.library.papers, list(query.papers)
        for name in query.action.brought if query.action else ():
            named = find_by_title(name, papers.titled(name))
            found = (
                [named]
                if named
                else [paper_id for paper_id, _ in self._belonging(name) if _has_all(papers[paper_id], name.split())]
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
        papers = [self.library.papers[paper_id] for paper_id in paper_ids]
        return {paper.paper_id for paper in papers if is_of_type(paper.title, paper.abstract, kind)}

    def _likely(self, topic: str, paper_ids: Sequence[str]) -> set[str]:
        """Return the papers that belong to a topic, or have it in their titles, also in other words."""
        names = {topic, spelt_otherwise(self.library, self._encoder.encode(topic))}
        written = re.compile(rf"\b(?:{'|'.join(map(name_pattern, sorted(names)))})\b", re.IGNORECASE)
        titled = {each for each in paper_ids if written.search(self.library.papers[each].title)}
        return titled | {paper_id for paper_id, chance in self._belonging(topic, paper_ids) if chance >= EXCLUDED_FROM}

    def _belonging(self, topic: str, paper_ids: Sequence[str] = ()) -> list[tuple[str, float]]:
        """Return the papers with the probability that they belong to a topic, the most probable first.

        The search is over the whole collection, so that the best of papers that are all off the topic are not taken to
        belong to it; with `paper_ids` only these are returned.
        """
        with self._search_slot():
            query = Query(topic, "list", topic, papers=tuple(paper_ids))
            encoded = (self._encoder.encode(topic),)
            candidates = retrieve(self.library, encoded, None, self._settings.pool, always=query.papers)
            hits = self.scorer.rank(query, candidates, self.scorer.open_reranker(encoded[0]))
        return [(hit.paper.paper_id, hit.score) for hit in hits if not paper_ids or hit.paper.paper_id in paper_ids]

    def _records(self, query: Query, relaxations: tuple[Relaxation, ...], notices: tuple[Notice, ...]) -> Found:
        papers = matching(replace(query, count=None) if query.tally else query, self.library.papers, self._reader.names)
        hits = tuple(Hit(rank, paper, 1.0) for rank, paper in enumerate(papers, start=1))
        hits, left_out = self._without_excluded(query, hits)
        notices = (*notices, *left_out)
        names = unnamed(query, self.library.papers)
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
            if mentions(self.library.papers[paper_id], name)
        ]
        papers = self.library.papers
        return tuple(
            Hit(rank, papers[each], chance) for rank, (each, chance) in enumerate(dict(found).items(), start=1)
        )

    def _refusal(self, found: Found) -> tuple[Notice, ...] | None:
        """Return why the collection does not answer a question, as far as that can be said; None where it does."""
        query = found.query
        if query.kind == "off-topic":
            return (Notice("off_topic"),)
        if found.relaxations:
            return _unmet_notice(found)
        if query.action and query.fixed and not query.papers:
            if query.action.name == "same-author":
                return (Notice("no_other_papers"),)
            if query.action.name == "drop":
                return (Notice("none_left"),)
            if query.action.name == "filter" and query.action.total:
                return (Notice("none_belongs", {"papers": query.action.total}),)
            return (Notice("no_papers_before"),)
        if not found.ranking:
            return ()
        acts = query.fixed or (query.action is not None and query.action.name in _SHOWN)
        if acts or (query.kind == "metadata" and not (query.by_topic and query.count and query.tally is None)):
            return None
        # What names a paper that is here, or is linked to one, is answered by it, whatever the models think.
        if query.papers and query.kind in ("lookup", "summary"):
            return None
        if any("linked" in hit.signals or hit.score >= NAMED for hit in found.ranking):
            return None
        if names_things(query):
            things = find_things(query, found.ranking, (), self._called)
            held, missing = ([each.name for each in things if bool(each.hits) is some] for some in (True, False))
            if not held:
                return (Notice("nothing_on", {"names": tuple(missing)}),)
            if not _share_a_word(held, missing):  # else it is a variant that is missing, of which the papers may tell
                return None
        name, on_it = _on_sole_name(found)
        if name and not (on_it or any(hit.score >= LIKELY for hit in found.ranking)):
            return (Notice("nothing_on", {"names": (name,)}),)
        return None if self._is_answered(found) else (Notice("nearest_only"),)

    def _called(self, name: str) -> str | None:
        return paper_called(name, self.library.papers)

    def _none_belongs(self, query: Query) -> Notice:
        """Return the notice that no paper belongs, of those of the answer before, of those counted, or of all."""
        if query.action and query.papers:
            return Notice("none_belongs", {"papers": len(query.papers)})
        return Notice("none_counted", {"papers": len(self.library.papers)}) if query.tally else Notice("nearest_only")

    def _is_answered(self, found: Found) -> bool:
        """Return whether the papers found answer a question; if that is not sure, by a second reading of the best."""
        ranker, reader = self.scorer.ranker, self._models.second_reader
        probability = answerable_probability(found.ranking, ranker)
        if probability < SURE and ranker.reread and reader and found.reranker:
            read = reread_features(_search_text(found.query), found.ranking, reader())
            return any(ranker.reread.probability(features) >= ranker.threshold for features in read)
        return probability >= ranker.threshold

    def _screen(self, found: Found, expander: QueryExpander, timer: StepTimer) -> Mapping[str, Decision]:
        """Let the language model decide on each of the best papers of a list, if that is on."""
        llm = expander.model("screen", found.query)
        if llm is None or found.query.fixed:
            return {}
        papers = [hit.paper for hit in found.ranking[: self._settings.screen_depth]]
        shown = self._evidence.select(found.query, found.encoded[0], papers, found.reranker)
        timer.lap("evidence")
        with llm.step("screen"):
            screening = screen(found.query, shown, llm, self._settings.llm_context, self._settings.llm_parallel)
        timer.lap("recall")
        undecided = len(papers) - len(screening.decisions)
        if screening.failure or undecided:
            error = str(screening.failure or "")
            data = {"papers": len(papers), "undecided": undecided, "error": error}
            expander.notices.append(Notice("screening_incomplete", data))
        return screening.decisions

    def _draft(self, found: Found, decisions: Mapping[str, Decision], refused: bool) -> Draft:
        """Select what is cited, with its evidence; a refusal has only the nearest papers."""
        query = found.query
        if refused:
            return Draft(query, near_misses=_near(found.hits[:_NEAREST]), notices=found.notices)
        if query.kind == "metadata":
            return self._records_draft(found)
        belongs = {paper_id: decision.belongs for paper_id, decision in decisions.items()}
        _, on_it = _on_sole_name(found)
        selection = select(query, on_it or found.ranking, belongs, self._settings.screen_odds)
        selection = self._of_named(query, selection)
        compared = find_things(query, found.ranking, selection.cited, self._called)
        hits = _distinct(hit for each in compared for hit in each.hits) or selection.cited
        hits = _distinct((*hits, *(hit for hit in selection.cited if hit.score >= LIKELY)))
        cited, near = [hit.paper for hit in hits], [hit for hit in selection.near if hit not in hits]
        called = [self._called(name) for name in query.subjects] if query.kind == "summary" else []
        evidence = self._evidence.select(query, found.encoded[0], cited, found.reranker, called)
        evidence = tuple(replace(each, score=hit.score) for each, hit in zip(evidence, hits, strict=True))
        things = [Thing(each.name, tuple(hits.index(hit) + 1 for hit in each.hits)) for each in compared]
        tested = [each.name for each in compared if not each.introduced]
        found_papers = [hit.paper for hit in found.ranking]
        composition = self._composer.compose(
            query, evidence, found.encoded[0], things, tested, selection.missed, found_papers
        )
        as_named = any(each.name in query.subjects for each in compared) and not query.action
        unmentioned = () if as_named else _unmentioned(query, cited, found_papers)
        notices = (*found.notices, *unmentioned, *_unlikely(query, selection.cited))
        return Draft(query, evidence, _near(near), selection.missed, notices, composition)

    def _of_named(self, query: Query, selection: Selection) -> Selection:
        """Leave out the papers of a fact that do not mention what it is asked of, if a paper is called by that."""
        if query.kind != "fact":
            return selection
        names = [name for name in find_identifiers(query.asked) if is_identifier(name) and self._called(name)]
        kept = tuple(hit for hit in selection.cited if any(mentions(hit.paper, name) for name in names))
        if not kept:
            return selection
        left = [hit for hit in selection.cited if hit not in kept]
        return replace(selection, cited=kept, near=(*left, *selection.near))

    def _records_draft(self, found: Found) -> Draft:
        """Select the papers whose records answer, and count them where the question does.

        Where it counts them by value, those that a topic selects are cited, else those of the value that has the most.
        """
        query, chosen = found.query, found.hits
        near: tuple[Citation, ...] = ()
        missed = None
        belonging = len(chosen)
        if query.by_topic:
            selection = select(replace(query, kind="list", count=None if query.tally else query.count), found.ranking)
            chosen, missed, belonging = selection.cited, selection.missed, len(selection.cited)
            if query.tally == "papers":
                chosen = _distinct((*chosen, *(hit for hit in found.ranking if _has_all(hit.paper, query.subjects))))
            if query.tally == "papers" or not chosen:
                near = _near([hit for hit in selection.near if hit not in chosen])
        if query.tally in (None, "papers"):
            records = _as_records(chosen)
            composition = self._composer.compose(query, records, missed=missed, belonging=belonging)
            return Draft(query, records, near, notices=found.notices, composition=composition)
        if not chosen:
            return Draft(query, near_misses=near, notices=found.notices)
        values = tally_papers([hit.paper for hit in chosen], query.tally)
        cited = with_most(values) if query.count else values if query.by_topic else ()
        held = {paper_id for each in cited for paper_id in each.paper_ids}
        records = _as_records(hit for hit in chosen if hit.paper.paper_id in held)
        composition = Composition(records, tally_sentence(query, values, len(chosen)))
        return Draft(query, records, near, notices=found.notices, composition=composition)

    def _with_candidates(self, found: Found, draft: Draft, decisions: Mapping[str, Decision]) -> Draft:
        """Add further papers that a model may use, best first, numbered after the evidence.

        There are none that a screening turned down, and, where no paper belongs, only those of an answer before.
        """
        if self._settings.llm_mode != "whole" or not (draft.evidence or asks_among(found.query)):
            return draft
        known = {each.paper.paper_id for each in draft.evidence}
        left = [hit for hit in found.ranking[: self._settings.pool] if hit.paper.paper_id not in known]
        most = max(_CANDIDATES.get(found.query.kind, 0) - len(draft.evidence), 0)
        hits, others = left[:most], left[most:]
        if self._settings.screen_odds is None:
            turned_down = {paper_id for paper_id, decision in decisions.items() if not decision.belongs}
            hits = [hit for hit in hits if hit.paper.paper_id not in turned_down]
        shown = self._evidence.select(found.query, found.encoded[0], [hit.paper for hit in hits])
        candidates = tuple(
            replace(each, n=each.n + len(draft.evidence), score=hit.score)
            for each, hit in zip(shown, hits, strict=True)
        )
        return replace(draft, candidates=candidates, others=tuple(hit.score for hit in others))

    @contextmanager
    def _open_llm(self, use_llm: bool) -> Iterator[UsageMeter | None]:
        """Open the language model for one question; None where there is none or it is not to be used."""
        if not (use_llm and self.writer):
            yield None
            return
        llm = UsageMeter(self.writer.writer.open_chat())
        try:
            yield llm
        finally:
            llm.close()

    def _question_notices(self, query: Query) -> tuple[Notice, ...]:
        """Return what of a question was not read, or not applied."""
        people = self._unknown_people(query)
        parts = tuple(each for each in query.unapplied if not (people and _is_unknown_person(each)))
        unapplied = (Notice("not_applied", {"parts": parts}),) if parts else ()
        unapplied = (*unapplied, *people, *_action_notices(query))
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
        if not (unknown and records(self.library.papers, "authors")):
            return ()
        return (Notice("unknown_people", {"nearest": {name: names.nearest_authors(name) for name in unknown}}),)


def _is_unknown_person(part: Unapplied) -> bool:
    return (part.tag, part.reason) == ("author", "unknown")


def _unmet_notice(found: Found) -> tuple[Notice, ...]:
    if not found.relaxations:
        return ()
    query = found.query
    data = {"filters": query.filters, "among_cited": bool(query.papers), "relaxations": found.relaxations}
    return (Notice("constraints_unmet", data),)


def _distinct(hits: Iterable[Hit]) -> tuple[Hit, ...]:
    return tuple({hit.paper.paper_id: hit for hit in hits}.values())


def _share_a_word(names: Sequence[str], others: Sequence[str]) -> bool:
    words, other_words = ({word for name in each for word in name.casefold().split()} for each in (names, others))
    return not words.isdisjoint(other_words)


def _has_all(paper: Paper, names: Sequence[str]) -> bool:
    """Return whether a paper mentions all of some names, of which there are any."""
    return bool(names) and all(mentions(paper, name) for name in names)


def _as_records(hits: Iterable[Hit]) -> tuple[Evidence, ...]:
    return tuple(Evidence(n, hit.paper, ()) for n, hit in enumerate(hits, start=1))


def _on_sole_name(found: Found) -> tuple[str | None, tuple[Hit, ...]]:
    """Return the only name that a question asks about, and the papers that have it or what it stands for."""
    name = sole_name(found.query, found.encoded[0].terms)
    if name is None:
        return None, ()
    other = found.other
    return name, tuple(
        hit for hit in found.ranking if mentions(hit.paper, name) or (other and other.are_those_of(hit.paper))
    )


def _near(hits: Sequence[Hit]) -> tuple[Citation, ...]:
    return tuple(Citation(None, hit.paper, score=hit.score) for hit in hits)


def _unmentioned(query: Query, cited: Sequence[Paper], found: Sequence[Paper]) -> tuple[Notice, ...]:
    """Return which names no paper cited mentions; of a question for papers on a topic, none of those found."""
    if query.kind in ("list", "summary"):
        names = () if query.fixed or query.action else unmentioned(query, found)
        return (Notice("nothing_on", {"names": names}),) if names else ()
    names = unmentioned(query, cited)
    return (Notice("unmentioned", {"names": names}),) if names else ()


def _result(steps: Generator[object, None, _T]) -> _T:
    """Run a generator to its end and return its value."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            value: _T = end.value
            return value


def _unlikely(query: Query, cited: Sequence[Hit]) -> tuple[Notice, ...]:
    """Return how many of the papers that come next, or that a count asks for, probably belong."""
    if query.action and query.action.name == "more":
        belong = sum(hit.score >= _LIKELY for hit in cited)
        return (Notice("next_papers", {"papers": len(cited), "belong": belong}),) if belong < len(cited) else ()
    if query.count and not query.fixed and query.kind == "list" and len(cited) < query.count:
        return (Notice("fewer_belong", {"asked": query.count, "papers": len(cited)}),)
    return ()


def _action_notices(query: Query) -> tuple[Notice, ...]:
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


def _search_text(query: Query) -> str:
    return query.text or query.asked


def _explained(answer: Answer, decisions: Mapping[str, Decision]) -> Answer:
    """Add to each paper why a screening decided on it."""
    if not decisions:
        return answer

    def explained(citation: Citation) -> Citation:
        decision = decisions.get(citation.paper.paper_id)
        if decision is None or decision.belongs is (citation.n is None):  # the model left it out all the same
            return citation
        return replace(citation, why=citation.why or decision.why)

    return replace(
        answer,
        citations=tuple(map(explained, answer.citations)),
        near_misses=tuple(map(explained, answer.near_misses)),
    )


def build(settings: Settings, postprocessors: Sequence[BaseNodePostprocessor] = (), use_llm: bool = True) -> Engine:
    """Open the current index and load its models; raises CitedeskError where one of them is missing.

    Without `use_llm` a configured endpoint is not used, and what it needs is not loaded. `postprocessors` are
    LlamaIndex's, and see one node per paper, ranked by all signals, best first.
    """
    library = open_library(settings)
    models = load_models(settings)
    writer = None
    if use_llm and settings.has_endpoint:
        from rag.verification.written_answer import load_checked_writer  # only written answers need it

        writer = load_checked_writer(settings)
    return Engine(settings, library, models, postprocessors, writer=writer)
