"""One question from reading to finished answer: understand → retrieve → score → select → evidence → generate → verify.

`build` puts the parts together; LlamaIndex postprocessors of your own fit in.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING

from rag.answer import (
    Answer,
    Citation,
    Done,
    Event,
    Notice,
    Relaxation,
    Retrieved,
    StepTimer,
    Usage,
)
from rag.generation.draft import Draft
from rag.index.library import Library, open_library
from rag.llm.protocol import ChatModel
from rag.llm.usage import UsageMeter
from rag.models.loading import Models, load_models
from rag.query.reader import QueryReader
from rag.retrieval.candidates import admitted_papers, retrieve
from rag.retrieval.catalogue import matching, unmet, unnamed
from rag.retrieval.encoded_query import EncodedQuery, QueryEncoder
from rag.retrieval.expansion import SHOWN_PAPERS, QueryExpander
from rag.retrieval.linked import asked_links, raise_linked
from rag.retrieval.reranking import Reranker
from rag.retrieval.scoring import PaperScorer, Ranker
from rag.selection.answerability import answerable_probability, unmentioned
from rag.selection.cut import arrange, arrange_named, select
from rag.selection.evidence import EvidenceSelector
from rag.selection.screening import Decision, screen
from rag.settings import Settings
from rag.text.language import is_non_english_question
from rag.types import Evidence, Hit, Kind, Overrides, Paper, Query, Turn
from rag.verification.written_answer import CheckedWriter, load_checked_writer

if TYPE_CHECKING:
    from llama_index.core.postprocessor.types import BaseNodePostprocessor
    from llama_index.core.query_engine import RetrieverQueryEngine

_NEAREST = 5  # papers offered with a refusal


@dataclass(frozen=True, slots=True)
class Found:
    """The papers found for a query.

    `ranking` is best first, `hits` is arranged as the question asks (by date, say), `encoded` holds the search texts,
    the question first, and `reranker` what the cross-encoder has read. `relaxations` are set where no paper meets the
    constraints.
    """

    query: Query
    hits: tuple[Hit, ...] = ()
    ranking: tuple[Hit, ...] = ()
    encoded: tuple[EncodedQuery, ...] = ()
    reranker: Reranker | None = None
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

        `ranker` overrides the fitted weights. Without a `writer` all answers are extractive, and follow-ups are read
        by the encoder alone. Each search runs inside a `search_slot`, by which a server can bound how many run at once.
        """
        self.library = library
        self.scorer = PaperScorer(library, models.cross_encoder, settings.rerank_depth, ranker)
        self.writer = writer
        self._settings = settings
        self._postprocessors = tuple(postprocessors)
        self._encoder = QueryEncoder(models)
        self._models = models
        self._reader = QueryReader(library.papers, models.encoder, today)
        self._evidence = EvidenceSelector(library)
        self._search_slot = search_slot

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
            if query.kind == "help":
                yield Retrieved(query, (), ())
                yield Done(replace(Draft(query).help(), timings_ms=timer.stop()))
                return
            expander = QueryExpander(self._settings, llm, timer)
            found = self.find(query, expander, timer)
            refusal = self._refusal(found)
            decisions = self._screen(found, expander, timer) if refusal is None else {}
            draft = self._draft(found, decisions, refused=refusal is not None)
            if refusal is None and not draft.evidence:  # the screening turned all papers down
                refusal = (Notice("nearest_only"),)
            timer.lap("evidence")
            yield Retrieved(found.query, found.hits, draft.evidence)
            if refusal is not None:
                answer = draft.refused(refusal, found.relaxations)
            elif llm and self.writer and query.kind != "metadata":
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
        expander = expander or QueryExpander(self._settings, None, timer)
        notices = self._question_notices(query)
        if query.kind in ("off-topic", "help"):
            return Found(query)
        relaxations = unmet(query, self.library.papers.values())
        if query.kind == "metadata":
            return self._records(query, relaxations, notices)
        if relaxations:
            return Found(query, relaxations=relaxations, notices=notices)
        query = expander.expand(query)
        reranker = self.scorer.open_reranker(_search_text(query))
        encoded, ranking = self._retrieve(query, (), reranker, timer)
        for _ in range(self._settings.recall_rounds):
            if expander.model("iterate", query) is None:
                break
            best = [hit.paper for hit in ranking[:SHOWN_PAPERS]]
            expanded = expander.add_missing(query, self._evidence.select(query, encoded[0], best, reranker))
            if expanded == query:
                break
            query = expanded
            encoded, ranking = self._retrieve(query, encoded, reranker, timer)
        return Found(query, arrange(query, ranking), ranking, encoded, reranker, notices=notices)

    def query_engine(self, chat: ChatModel, kind: Kind = "list") -> RetrieverQueryEngine:
        """Return a LlamaIndex query engine that searches as `search` does and writes with `chat`."""
        from rag.generation.llama_index import query_engine  # 1 s of imports

        return query_engine(lambda question: self.search(question).hits, chat, kind)

    def _retrieve(
        self, query: Query, encoded: tuple[EncodedQuery, ...], reranker: Reranker | None, timer: StepTimer
    ) -> tuple[tuple[EncodedQuery, ...], tuple[Hit, ...]]:
        """Retrieve and score candidates; `encoded` holds the search texts that were encoded before."""
        with self._search_slot():
            texts = (_search_text(query), *query.further)
            encoded = (*encoded, *map(self._encoder.encode, texts[len(encoded) :]))
            admitted = admitted_papers(self.library, query.filters)
            linked = asked_links(query, self.library.links, self.library.papers)
            always = (*query.papers, *linked)
            candidates = retrieve(self.library, encoded, admitted, self._settings.pool, always)
            hits = raise_linked(self.scorer.rank(query, candidates, reranker), linked)
            if self._postprocessors:
                from rag.generation.llama_index import postprocess  # 1 s of imports

                hits = postprocess(hits, self._postprocessors, encoded[0].text, self.library.papers)
            ranking = arrange_named(query, [hit for hit in hits if query.admits(hit.paper)])
        timer.lap("retrieve")
        return encoded, ranking

    def _records(self, query: Query, relaxations: tuple[Relaxation, ...], notices: tuple[Notice, ...]) -> Found:
        papers = matching(query, self.library.papers)
        hits = tuple(Hit(rank, paper, 1.0) for rank, paper in enumerate(papers, start=1))
        if names := unnamed(query, self.library.papers):
            notices = (Notice("unknown_names", {"names": names}),)
        return Found(query, hits, hits, relaxations=relaxations, notices=notices)

    def _refusal(self, found: Found) -> tuple[Notice, ...] | None:
        """Return why the collection does not answer a question, as far as that can be said; None where it does."""
        query = found.query
        if query.kind == "off-topic":
            return (Notice("off_topic"),)
        if found.relaxations:
            return _unmet_notice(found)
        if not found.ranking:
            return ()
        if query.kind == "metadata":
            return None
        # Half a title is half wrong: the nearest paper is what is asked for. A comparison says what no paper mentions.
        if query.kind in ("lookup", "compare") or (query.papers and query.kind == "summary"):
            return None
        if any("linked" in hit.signals for hit in found.ranking):  # a link says so, whatever the models think
            return None
        ranker = self.scorer.ranker
        probability = answerable_probability(found.ranking, ranker)
        return None if probability >= ranker.threshold else (Notice("nearest_only"),)

    def _screen(self, found: Found, expander: QueryExpander, timer: StepTimer) -> Mapping[str, Decision]:
        """Let the language model decide on each of the best papers of a list, if that is on."""
        llm = expander.model("screen", found.query)
        if llm is None:
            return {}
        papers = [hit.paper for hit in found.ranking[: self._settings.screen_depth]]
        shown = self._evidence.select(found.query, found.encoded[0], papers, found.reranker)
        timer.lap("evidence")
        with llm.step("screen"):
            screening = screen(found.query, shown, llm, self._settings.llm_parallel)
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
            nearest = () if query.kind == "metadata" else found.hits[:_NEAREST]
            return Draft(query, near_misses=_near(nearest), notices=found.notices)
        if query.kind == "metadata":
            return Draft(query, tuple(Evidence(hit.rank, hit.paper, ()) for hit in found.hits), notices=found.notices)
        belongs = {paper_id: decision.belongs for paper_id, decision in decisions.items()}
        selection = select(query, found.ranking, belongs, self._settings.screen_odds)
        cited = [hit.paper for hit in selection.cited]
        evidence = self._evidence.select(query, found.encoded[0], cited, found.reranker)
        notices = (*found.notices, *_unmentioned(query, cited))
        return Draft(query, evidence, _near(selection.near), selection.missed, notices)

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
        unapplied = (Notice("not_applied", {"parts": query.unapplied}),) if query.unapplied else ()
        if query.kind == "metadata":
            return unapplied
        if is_non_english_question(query.asked):
            return (Notice("not_english"), *unapplied)
        question = self._models.encoder.encode_question(query.asked)
        cut = (Notice("question_cut", {"tokens": len(question.tokens)}),) if question.truncated else ()
        return (*unapplied, *cut)


def _unmet_notice(found: Found) -> tuple[Notice, ...]:
    if not found.relaxations:
        return ()
    query = found.query
    data = {"filters": query.filters, "among_cited": bool(query.papers), "relaxations": found.relaxations}
    return (Notice("constraints_unmet", data),)


def _near(hits: Sequence[Hit]) -> tuple[Citation, ...]:
    return tuple(Citation(None, hit.paper) for hit in hits)


def _unmentioned(query: Query, papers: Sequence[Paper]) -> tuple[Notice, ...]:
    names = unmentioned(query, papers)
    return (Notice("unmentioned", {"names": names}),) if names else ()


def _search_text(query: Query) -> str:
    return query.text or query.asked


def _explained(answer: Answer, decisions: Mapping[str, Decision]) -> Answer:
    """Add to each paper why a screening decided on it."""
    if not decisions:
        return answer

    def explained(citation: Citation) -> Citation:
        decision = decisions.get(citation.paper.paper_id)
        return replace(citation, why=decision.why) if decision else citation

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
    writer = load_checked_writer(settings, models.cross_encoder) if use_llm and settings.has_endpoint else None
    return Engine(settings, library, models, postprocessors, writer=writer)
