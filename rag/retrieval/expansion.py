"""Query expansion by a language model: further texts to search for besides the question.

- rewrite: the question as several queries in the field's terms.
- hyde: a hypothetical abstract that would answer (Gao, Ma, Lin and Callan, ACL 2023). It is searched for, never shown.
- iterate: queries for what the papers found so far lack.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

from rag.answer import Notice, StepTimer
from rag.errors import LLMFailed
from rag.llm.prompting import FENCED, format_evidence
from rag.llm.protocol import ChatModel, Message
from rag.llm.reply import is_refusal
from rag.llm.usage import UsageMeter
from rag.settings import RECALL_STEPS, RecallStep, Settings
from rag.text.sanitize import strip_invisible
from rag.text.tokens import tokenize
from rag.types import Evidence, Query

SHOWN_PAPERS = 10
"""How many of the best papers the model sees when it is asked what is missing."""

_JOIN_SECONDS = 0.2
_DONE = "DONE"
_REWRITTEN, _MISSING = 4, 3  # queries at most
_REWRITE_TOKENS, _HYDE_TOKENS, _MISSING_TOKENS = 160, 220, 120

_REWRITE = f"""You turn a question about research papers into search queries for a collection of paper abstracts.
Write {_REWRITTEN} short queries, one a line, in the technical terms that such abstracts use.
Each looks at the question from another side: its methods, their names and synonyms, what they are used on.
Write nothing but the queries. For "How do I keep my chatbot from making things up?" they could be:
hallucination mitigation in large language models
grounding generation in retrieved evidence
factual consistency and faithfulness of generated text
uncertainty estimation and abstention of language models"""

_HYDE = """You write the abstract of a research paper that would answer the question.
Write three or four sentences in the technical terms that such an abstract would use, and nothing else."""

_ITERATE = f"""You look after a search in a collection of paper abstracts. You get a question and the papers found.
If something that the question asks for is not among them, write up to {_MISSING} new short search queries for it,
one a line, in the technical terms that such abstracts use. If nothing is missing, write only {_DONE}.
{FENCED}"""


def applies(step: RecallStep, settings: Settings, query: Query) -> bool:
    """Return whether a step is on, for this kind of question: titles and records are found without a model."""
    kinds = ("list",) if step == "screen" else ("list", "fact", "compare", "summary")
    return step in settings.recall_steps and query.kind in kinds


class QueryExpander:
    """Expands one question; without a language model it changes nothing.

    After the model has failed once, in reading a follow-up or in a step, no further step asks it; `notices` say what
    failed and what was left out.
    """

    def __init__(
        self,
        settings: Settings,
        llm: UsageMeter | None,
        timer: StepTimer,
        open_chat: Callable[[], ChatModel] | None = None,
    ) -> None:
        """Expand by `llm`; with `open_chat` a rewriting has a chat of its own, so that it can be given up."""
        self.notices: list[Notice] = []
        self._settings = settings
        self._llm = llm
        self._timer = timer
        self._open_chat = open_chat
        self._rewriting: _Rewriting | None = None
        if llm and llm.failure:
            self.notices.append(Notice("follow_up_by_rules", {"error": str(llm.failure)}))

    def model(self, step: RecallStep, query: Query) -> UsageMeter | None:
        """Return the language model for a step that is on; None where it is off, or where the model failed before."""
        failed = self._llm is None or self._llm.failure is not None
        return None if failed or not applies(step, self._settings, query) else self._llm

    def start(self, query: Query) -> None:
        """Begin to rewrite the question, beside the first search, if that is on."""
        if llm := self.model("rewrite", query):
            chat = UsageMeter(self._open_chat()) if self._open_chat else llm
            self._rewriting = _Rewriting(chat, query)

    def give_up(self) -> None:
        """End the request for rewritten queries, if one is under way."""
        if self._rewriting:
            self._rewriting.chat.close()

    def expand(self, query: Query) -> Query:
        """Add rewritten queries, if they come in time, and a hypothetical abstract, as far as these steps are on."""
        if self._rewriting is None:
            self.start(query)
        if self._rewriting:
            query = self._rewritten(query, self._rewriting)
        if llm := self.model("hyde", query):
            query = self._add("hyde", query, llm, _hyde_messages(query), _HYDE_TOKENS)
        return query

    def _rewritten(self, query: Query, rewriting: _Rewriting) -> Query:
        """Wait for the rewritten queries, no longer than the settings allow.

        A failure is reported where the step was asked for by name; otherwise the search goes on without it.
        """
        assert self._llm
        self._rewriting = None
        reply, error = rewriting.wait(self._settings.rewrite_timeout)
        self._timer.lap("recall")
        if rewriting.chat is not self._llm:
            self._llm.steps.update(rewriting.chat.steps)
            rewriting.chat.close()
        texts = parse_queries(reply or "", _REWRITTEN, (query.asked, query.text, *query.further))
        if self._settings.recall is not None:
            if error:
                self._llm.failure = self._llm.failure or error
                self._note_failure("rewrite", query, error)
            elif not texts:
                self.notices.append(Notice("expansion_empty", {"step": "rewrite"}))
        return replace(query, further=(*query.further, *texts))

    def add_missing(self, query: Query, found: Sequence[Evidence]) -> Query:
        """Add queries for what the papers found lack; the same query where nothing is missing."""
        if llm := self.model("iterate", query):
            query = self._add("iterate", query, llm, _missing_messages(query, found), _MISSING_TOKENS)
        return query

    def _note_failure(self, step: RecallStep, query: Query, error: LLMFailed) -> None:
        after = RECALL_STEPS[RECALL_STEPS.index(step) + 1 :]
        later = [each for each in after if applies(each, self._settings, query)]
        self.notices.append(Notice("expansion_failed", {"step": step, "error": str(error), "skipped": later}))

    def _add(self, step: RecallStep, query: Query, llm: ChatModel, messages: Sequence[Message], tokens: int) -> Query:
        assert self._llm
        texts: tuple[str, ...] = ()
        try:
            with self._llm.step(step):
                texts = _texts(step, query, llm.complete(messages, tokens).text)
        except LLMFailed as error:
            self._note_failure(step, query, error)
        else:
            if not texts and step != "iterate":  # which may rightly find nothing missing
                self.notices.append(Notice("expansion_empty", {"step": step}))
        self._timer.lap("recall")
        return replace(query, further=(*query.further, *texts))


class _Rewriting:
    """One request for rewritten queries, on a thread of its own."""

    def __init__(self, chat: UsageMeter, query: Query) -> None:
        self.chat = chat
        self._started = time.monotonic()
        self._outcome: SimpleQueue[str | LLMFailed] = SimpleQueue()
        self._thread = Thread(target=self._run, args=(query,), name="rewrite", daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> tuple[str | None, LLMFailed | None]:
        """Return the reply or the error; after that many seconds from its start the request is given up."""
        try:
            outcome = self._outcome.get(timeout=max(self._started + seconds - time.monotonic(), 0))
        except Empty:
            self.chat.close()
            self._thread.join(_JOIN_SECONDS)
            return None, LLMFailed(f"It took longer than {seconds:g} s (CITEDESK_REWRITE_TIMEOUT).")
        self._thread.join(_JOIN_SECONDS)
        return (None, outcome) if isinstance(outcome, LLMFailed) else (outcome, None)

    def _run(self, query: Query) -> None:
        try:
            with self.chat.step("rewrite"):
                reply = self.chat.complete(_rewrite_messages(query), _REWRITE_TOKENS).text
        except LLMFailed as error:
            self._outcome.put(error)
        else:
            self._outcome.put(reply)


def _texts(step: RecallStep, query: Query, reply: str) -> tuple[str, ...]:
    return parse_abstract(reply) if step == "hyde" else parse_missing(reply, query)


def _rewrite_messages(query: Query) -> tuple[Message, ...]:
    return Message("system", _REWRITE), Message("user", f"Question: {query.asked}\nQueries:")


def _hyde_messages(query: Query) -> tuple[Message, ...]:
    return Message("system", _HYDE), Message("user", f"Question: {query.asked}\nAbstract:")


def _missing_messages(query: Query, found: Sequence[Evidence]) -> tuple[Message, ...]:
    papers = "\n".join(format_evidence(each, whole=False, numbered=False) for each in found)
    before = "\n".join((query.text or query.asked, *query.further))
    asked = f"{papers}\n\nSearched for already:\n{before}\n\nQuestion: {query.asked}\nNew queries, or {_DONE}:"
    return Message("system", _ITERATE), Message("user", asked)


_HYDE_CHARACTERS = 1200
_HYDE_TERMS = 6
_PREAMBLE = re.compile(r"^\W*(?:sure|certainly|of course|okay|here (?:is|are)|here's)\b[^\n]*:\s*\n", re.IGNORECASE)
_HEADING = re.compile(r"^[\s*_#]*(?:hypothetical )?(?:abstract|title)[\s*_]*:[\s*_]*", re.IGNORECASE | re.MULTILINE)
_NOT_TEXT = re.compile(
    r"```\w*|\w+://\S+|[<>{}|*_#`]|[\x00-\x08\x0e-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]"
)
_IS_DONE = re.compile(rf"^\W*{_DONE}\b", re.MULTILINE)
_QUERY_LETTERS, _QUERY_CHARACTERS = 3, 200  # least and most
_BULLET = re.compile(
    r"^\s*(?:[-*+•>#]+\s+|\(?\d{1,2}[.):]\s*|(?:search )?(?:query|q)\s*#?\d*\s*[:.)]\s*)+", re.IGNORECASE
)
_AROUND = " \t*_`\"'“”‘’,;"
_CHAT = re.compile(
    r"\W*(?:sure|certainly|of course|okay|ok|here (?:are|is)|here's|note|these|the following|i (?:have|can|will|hope)"
    r"|let me|please|ignore|queries)\b",
    re.IGNORECASE,
)
_MARKUP = re.compile(r"[<>{}\[\]|\\]|\w+://|\bwww\.", re.IGNORECASE)
_CODE_FENCE = re.compile(r"^\s*```.*$", re.MULTILINE)


def parse_queries(reply: str, most: int, known: Sequence[str] = ()) -> tuple[str, ...]:
    """Parse at most `most` queries from a reply, one a line, numbered or not, or as JSON.

    Each has terms that no other query and none of `known` has. Lines of chat, of markup or of over 200 characters are
    skipped.
    """
    seen = {frozenset(tokenize(text)) for text in known}
    found: list[str] = []
    for line in _lines(_CODE_FENCE.sub("", reply)):
        text = " ".join(_BULLET.sub("", strip_invisible(line).strip(_AROUND)).strip(_AROUND).split())
        terms = frozenset(tokenize(text))
        if len(found) < most and terms and terms not in seen and _is_query(text):
            seen.add(terms)
            found.append(text)
    return tuple(found)


def parse_abstract(reply: str) -> tuple[str, ...]:
    """Parse a hypothetical abstract of at most 1200 characters; nothing where the reply holds none."""
    text = " ".join(_NOT_TEXT.sub(" ", _HEADING.sub("", _PREAMBLE.sub("", reply))).split())[:_HYDE_CHARACTERS].strip()
    return () if is_refusal(text) or len(set(tokenize(text))) < _HYDE_TERMS else (text,)


def parse_missing(reply: str, query: Query) -> tuple[str, ...]:
    """Parse the new queries of a reply, up to where it says that nothing is missing."""
    return parse_queries(_IS_DONE.split(reply)[0], _MISSING, (query.asked, query.text, *query.further))


def _lines(text: str) -> Iterator[str]:
    try:
        yield from _strings(json.loads(text))
    except (ValueError, RecursionError):
        yield from text.splitlines()


def _strings(value: Any) -> Iterator[str]:
    """Yield the strings among a JSON value's members and items."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _strings(each)


def _is_query(text: str) -> bool:
    letters = sum(map(str.isalpha, text))
    return (
        letters >= _QUERY_LETTERS
        and len(text) <= _QUERY_CHARACTERS
        and not text.endswith((":", "!"))
        and not _MARKUP.search(text)
        and not _CHAT.match(text)
        and not is_refusal(text)
    )
