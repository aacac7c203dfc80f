"""One question from reading to finished answer: understand → retrieve → score → select → evidence → generate → verify.

`build` puts the parts together; LlamaIndex postprocessors of your own fit in.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from rag.answer import (
    Answer,
    Citation,
    Done,
    Event,
    Notice,
    Retrieved,
    StepTimer,
    Thing,
    Usage,
)
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
from rag.retrieval.expansion import QueryExpander
from rag.retrieval.scoring import NAMED, PaperScorer, Ranker, load_tuned_ranker
from rag.retrieval.tallies import tally_papers, with_most
from rag.search import Found, Searcher, action_notices, result_of, search_text, unmet_notice
from rag.selection.answerability import (
    SURE,
    answerable_probability,
    mentions,
    mentions_all,
    reread_features,
    unmentioned,
)
from rag.selection.cut import Selection, select
from rag.selection.evidence import EvidenceSelector
from rag.selection.screening import Decision, screen
from rag.selection.things import LIKELY, find_things, names_things, sole_name
from rag.settings import Settings
from rag.text.identifiers import find_identifiers, is_identifier
from rag.types import Evidence, Hit, Kind, Overrides, Paper, Query, Turn

if TYPE_CHECKING:
    from llama_index.core.postprocessor.types import BaseNodePostprocessor
    from llama_index.core.query_engine import RetrieverQueryEngine

    from rag.verification.written_answer import CheckedWriter

_CANDIDATES: Mapping[Kind, int] = {"list": 40, "summary": 40, "compare": 20, "fact": 10}
"""How many papers a model is sent that has the room for them, by the kind of question."""

_NEAREST = 5  # papers offered with a refusal
_SHOWN = ("pick", "more", "similar", "filter", "count")  # actions whose nearest papers are what is asked for


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
        self._models = models
        self._reader = QueryReader(library.papers, models.encoder, today)
        self._evidence = EvidenceSelector(library)
        self._composer = Composer(library)
        self._searcher = Searcher(
            settings, library, models, self._reader, self.scorer, self._evidence, postprocessors, search_slot
        )

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
                draft = Draft(query, notices=action_notices(query))
                papers = self.library.papers
                answer = draft.help(papers.newest(EXAMPLE_PAPERS), len(papers))
                yield Done(replace(answer, timings_ms=timer.stop()))
                return
            opened = self.writer.writer.open_chat if self.writer else None
            expander = QueryExpander(self._settings, llm, timer, opened)
            found = yield from self._searcher.search(query, expander, timer)
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
        notices = (*unmet_notice(found), *found.notices, *expander.notices)
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
        return result_of(self._searcher.search(query, expander or QueryExpander(self._settings, None, timer), timer))

    def query_engine(self, chat: ChatModel, kind: Kind = "list") -> RetrieverQueryEngine:
        """Return a LlamaIndex query engine that searches as `search` does and writes with `chat`."""
        from rag.generation.llama_index import query_engine  # 1 s of imports

        return query_engine(lambda question: self.search(question).hits, chat, kind)

    def _refusal(self, found: Found) -> tuple[Notice, ...] | None:
        """Return why the collection does not answer a question, as far as that can be said; None where it does."""
        query = found.query
        if query.kind == "off-topic":
            return (Notice("off_topic"),)
        if found.relaxations:
            return unmet_notice(found)
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
            read = reread_features(search_text(found.query), found.ranking, reader())
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
                chosen = _distinct(
                    (*chosen, *(hit for hit in found.ranking if mentions_all(hit.paper, query.subjects)))
                )
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


def _distinct(hits: Iterable[Hit]) -> tuple[Hit, ...]:
    return tuple({hit.paper.paper_id: hit for hit in hits}.values())


def _share_a_word(names: Sequence[str], others: Sequence[str]) -> bool:
    words, other_words = ({word for name in each for word in name.casefold().split()} for each in (names, others))
    return not words.isdisjoint(other_words)


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


def _unlikely(query: Query, cited: Sequence[Hit]) -> tuple[Notice, ...]:
    """Return how many of the papers that come next, or that a count asks for, probably belong."""
    if query.action and query.action.name == "more":
        belong = sum(hit.score >= LIKELY for hit in cited)
        return (Notice("next_papers", {"papers": len(cited), "belong": belong}),) if belong < len(cited) else ()
    if query.count and not query.fixed and query.kind == "list" and len(cited) < query.count:
        return (Notice("fewer_belong", {"asked": query.count, "papers": len(cited)}),)
    return ()


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
