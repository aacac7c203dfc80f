"""One question, from understanding to finished answer: `ask` yields Retrieved, Tokens, and Done.

`build` is the one place where the parts are put together; LlamaIndex postprocessors of your own fit in.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import date

from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.query_engine import RetrieverQueryEngine

from rag.answer import Answer, Citation, Done, Event, Relaxation, Retrieved, Usage
from rag.clock import Clock
from rag.corpus.titles import is_title
from rag.errors import UsageError
from rag.generation.draft import Draft, nearest_lacks, nothing_meets
from rag.generation.synthesizer import EvidenceSynthesizer, synthesized
from rag.index.library import Library, open_library
from rag.llm.protocol import ChatModel
from rag.llm.usage import Meter
from rag.models.loading import Models, load_models
from rag.query.conversation.condense import condense
from rag.query.conversation.condensed import Collection, Condensed
from rag.query.conversation.follow_up import follow_up_type
from rag.query.overrides import apply_overrides
from rag.query.understanding.mentions import excludes
from rag.query.understanding.plain_words import in_terms
from rag.query.understanding.understand import known_names, understand
from rag.recall import Recall
from rag.retrieval.catalogue import matching, relaxations, unnamed
from rag.retrieval.scoring import Ranker, nearest_first
from rag.search import Finder
from rag.selection.answerability import answerable
from rag.selection.evidence import SentenceChooser
from rag.selection.missing_details import lacking, unmentioned
from rag.settings import Settings
from rag.text.language import is_non_english_question
from rag.types import Evidence, Hit, Overrides, Paper, Query, Turn
from rag.verification.writer import Writer, load_writer

_NAMED = 20  # papers whose own names a question may mention
_NO_EXCLUSIONS = "Exclusions (“not from …”, “except …”) are not understood: what they name is not left out."
_NOT_ENGLISH = "The question does not look English. Ask in English: the models and rules here read nothing else."
_OFF_TOPIC = "This does not ask about papers. Ask about what they do, or for papers by topic, date or author."


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found for a question as it was understood."""

    query: Query
    hits: tuple[Hit, ...]
    notice: str | None
    timings_ms: Mapping[str, float]
    usage: Usage = Usage()


class Engine:
    """Answers questions about one library; keeps nothing between questions but the last texts that it read.

    Of an endpoint it also keeps how many tokens its model makes of ours.
    """

    def __init__(
        self,
        settings: Settings,
        library: Library,
        models: Models,
        postprocessors: Sequence[BaseNodePostprocessor] = (),
        ranker: Ranker | None = None,
        today: Callable[[], date] = date.today,
        writer: Writer | None = None,
        place: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        """Put an engine together; without a `ranker` it takes the trained one of the depth that is set.

        Without a `writer` all answers are extractive, and follow-ups are made to stand alone by rules. Each search
        holds a `place`, so that those who share the machine's cores can be made to queue.
        """
        self.library = library
        self.finder = Finder(library, models, settings, postprocessors, ranker)
        self._settings = settings
        self._embedder = models.encoder
        self._known = known_names(library.papers.values())
        self._chooser = SentenceChooser(library, self.finder.scorer)
        self._today = today
        self.writer = writer
        self._place = place
        self._titles = {paper_id: paper.title for paper_id, paper in library.papers.items()}

    def understand(
        self,
        question: str,
        overrides: Overrides = Overrides(),
        history: Sequence[Turn] = (),
        meter: Meter | None = None,
    ) -> Query:
        """Read a question; what `overrides` sets stands against it. Raises UsageError for an empty question.

        A follow-up on `history`, the earlier turns from the oldest on, is read as the question that it comes to.
        """
        question = " ".join(question.encode(errors="replace").decode().split())
        if not question:
            raise UsageError("The question is empty. Ask one, as in: which papers cut KV-cache memory")
        asked = Condensed(question) if overrides.as_is else self._condense(question, history, meter)
        query = asked.onto(self._read(asked.question, overrides), question, self._titles)
        return replace(query, kind=overrides.kind) if overrides.kind else query

    def _condense(self, question: str, history: Sequence[Turn], meter: Meter | None) -> Condensed:
        if not history or not follow_up_type(question):
            return Condensed(question)
        collection = Collection(self._known, self._titles, self._today())
        if meter is None:
            return condense(question, history, None, collection)
        with meter.step("condense"):
            return condense(question, history, meter, collection)

    def _read(self, question: str, overrides: Overrides) -> Query:
        query = apply_overrides(understand(question, self._known, self._today()), overrides)
        if overrides.kind is None and query.kind in ("list", "fact") and self._is_title(query):
            query = replace(query, kind="lookup")
        if overrides.as_is or query.kind == "lookup":
            return query  # a title has its own words
        return replace(query, text=in_terms(query.text))

    def search(self, question: str, overrides: Overrides = Overrides(), history: Sequence[Turn] = ()) -> Found:
        """Find papers, best first; raises UsageError for an empty question."""
        clock = Clock()
        query = self.understand(question, overrides, history)
        with self._metered(bool(self._settings.recall)) as meter:
            recall = self._recall(query, meter, clock)
            found = self._find(query, recall)
        notice = " ".join(part for part in (found.notice, recall.notice) if part) or None
        return replace(found, notice=notice, usage=Usage(meter.steps if meter else {}), timings_ms=clock.stop())

    def ask(
        self,
        question: str,
        overrides: Overrides = Overrides(),
        use_llm: bool = True,
        history: Sequence[Turn] = (),
    ) -> Generator[Event, None, None]:
        """Answer a question; the last event is Done. Raises UsageError for an empty question.

        `history` are the earlier turns of the conversation, oldest first; nothing of them is kept. Where no endpoint is
        configured, or not `use_llm`, the answer is extractive. Closing the iterator ends the endpoint's work too.
        """
        clock = Clock()
        with self._metered(use_llm) as meter:
            query = self.understand(question, overrides, history, meter)
            recall = self._recall(query, meter, clock)
            found = self._find(query, recall)
            if meter and meter.failure and not recall.notice:
                found = replace(found, notice=f"The follow-up was read by rules: {meter.failure}")
            draft = self._draft(found, recall)
            refusal = None if draft.evidence else self._refusal(found, draft)
            clock.lap("evidence")
            yield Retrieved(found.query, found.hits, draft.evidence)
            if refusal:
                answer = refusal
            elif meter and self.writer and query.kind != "metadata":
                answer = yield from self._write(draft, self.writer, meter, clock)
            else:
                answer = draft.extractive()
        answer = replace(recall.finish(answer), timings_ms=clock.stop())
        yield Done(replace(answer, usage=replace(answer.usage, steps=meter.steps if meter else {})))

    def query_engine(self, chat: ChatModel, query: Query) -> RetrieverQueryEngine:
        """Give the LlamaIndex query engine that writes the answers."""
        return RetrieverQueryEngine(
            self.finder.retriever(query), EvidenceSynthesizer(chat, query.kind), self.finder.postprocessors
        )

    def _is_title(self, query: Query) -> bool:
        return is_title(query.text, self.library.papers.values())

    @contextmanager
    def _metered(self, use_llm: bool) -> Iterator[Meter | None]:
        """Open the model for all that one question needs of it; None where it is not to be asked."""
        if not (use_llm and self.writer):
            yield None
            return
        meter = Meter(self.writer.open_chat())
        try:
            yield meter
        finally:
            meter.close()

    def _recall(self, query: Query, meter: Meter | None, clock: Clock) -> Recall:
        """Give what helps the search; nothing does for records, nor where no paper meets the constraints."""
        helps = query.kind not in ("off-topic", "metadata") and not self.unmet(query)
        answers = meter is not None and meter.failure is None
        return Recall(self._settings, meter if helps and answers else None, clock)

    def _find(self, query: Query, recall: Recall) -> Found:
        if query.kind == "off-topic":
            return Found(query, (), None, {})
        if query.kind == "metadata":
            papers = matching(query, self.library.papers)
            hits = tuple(Hit(rank, paper, 1.0) for rank, paper in enumerate(papers, start=1))
            return Found(query, hits, _NO_EXCLUSIONS if excludes(query.asked) else None, {})
        query, hits = recall.find(query, self._hits, self._show)
        return Found(query, hits, self._notice(query.asked), {})

    def _hits(self, query: Query) -> tuple[Hit, ...]:
        with self._place():
            return self.finder.find(query)

    def _show(self, query: Query, papers: Sequence[Paper]) -> tuple[Evidence, ...]:
        return self._chooser.evidence(query, self.finder.read(query), papers)

    def unmet(self, query: Query) -> tuple[Relaxation, ...]:
        """Say what lifting each constraint would give, where no paper meets all of them; else nothing."""
        papers = [paper for paper in self.library.papers.values() if not query.papers or paper.paper_id in query.papers]
        return () if any(map(query.admits, papers)) else relaxations(query.filters, papers)

    def _draft(self, found: Found, recall: Recall) -> Draft:
        """Decide what is cited; a draft without evidence is to be refused."""
        query = found.query
        nearest = tuple(Citation(None, hit.paper) for hit in found.hits[:5])
        if query.kind == "metadata":
            names = ", ".join(f"“{name}”" for name in unnamed(query, self.library.papers))
            notice = f"No paper here is called {names}." if names else found.notice
            evidence = tuple(Evidence(hit.rank, hit.paper, ()) for hit in found.hits)
            return Draft(query, evidence, notice=notice)
        if not found.hits or not self._answers(found):
            return Draft(query, near_misses=nearest, notice=found.notice)
        choice = recall.choose(query, found.hits, self._show)
        evidence = self._show(query, [hit.paper for hit in choice.cited])
        near = tuple(Citation(None, hit.paper) for hit in choice.near)
        return Draft(query, evidence, near, choice.missed, _with_absent(found.notice, query, evidence))

    def _answers(self, found: Found) -> bool:
        query, ranker = found.query, self.finder.ranker
        if _lacking(found):
            return False
        if self.library.maxsim is None:
            return True  # the models that tell were fitted with late interaction, and say nothing without it
        if query.kind == "lookup" or (query.papers and query.kind == "compare"):
            return True  # half a title is half wrong: the nearest paper is what is asked for
        probability = answerable(query, self.finder.read(query), nearest_first(found.hits), self.library, ranker)
        return probability >= ranker.threshold

    def _refusal(self, found: Found, draft: Draft) -> Answer:
        query = found.query
        if query.kind == "off-topic":
            return draft.refused(_OFF_TOPIC)
        if relaxed := self.unmet(query):
            return draft.refused(nothing_meets(query, relaxed), relaxed)
        if not found.hits:
            return draft.refused()
        return draft.refused(nearest_lacks(_lacking(found)))

    def _write(self, draft: Draft, writer: Writer, meter: Meter, clock: Clock) -> Generator[Event, None, Answer]:
        def synthesize(papers: Sequence[str]) -> Generator[str, None, None]:
            return synthesized(self.query_engine(meter, draft.query), draft.query.asked, papers)

        answer = yield from writer.write(draft, meter, synthesize, clock)
        return replace(answer, model=None if answer.status == "extractive" else meter.name)

    def _notice(self, question: str) -> str | None:
        """Say what of a question was not read."""
        if is_non_english_question(question):
            return _NOT_ENGLISH
        if excludes(question):
            return _NO_EXCLUSIONS
        most = self._embedder.max_tokens
        if len(self._embedder.tokenize(question)) <= most:
            return None
        return f"The question is long: only its first {most} tokens were compared by meaning."


def _lacking(found: Found) -> tuple[str, ...]:
    return lacking(found.query, [hit.paper for hit in nearest_first(found.hits)[:_NAMED]])


def _with_absent(notice: str | None, query: Query, evidence: Sequence[Evidence]) -> str | None:
    """Add to a notice which sides of a comparison no paper that is shown speaks of."""
    absent = unmentioned(query.subjects, [each.paper for each in evidence]) if query.kind == "compare" else ()
    said = "No paper cited here mentions " + " or ".join(f"“{side}”" for side in absent) + "." if absent else ""
    return " ".join(part for part in (notice, said) if part) or None


def build(settings: Settings, postprocessors: Sequence[BaseNodePostprocessor] = (), use_llm: bool = True) -> Engine:
    """Open the index in use and load its models; raises CitedeskError where one of them is not there.

    Without `use_llm` a configured endpoint is left alone, and what it needs is not loaded. `postprocessors` are
    LlamaIndex's, and see one node per paper, ranked by all signals, best first.
    """
    library = open_library(settings)
    writer = load_writer(settings) if use_llm and settings.has_endpoint else None
    return Engine(settings, library, load_models(settings), postprocessors, writer=writer)
