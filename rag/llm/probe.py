"""Tries the configured endpoint: is it there, what does it serve, how does it answer, and what suits it.

Nothing is kept: every run asks anew, and all its checks together take no more than 20 s.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any, Literal

from rag.errors import LLMFailed, OnlyReasoning
from rag.llm.chat import open_chat
from rag.llm.pace import Pace
from rag.llm.pages import Pages
from rag.llm.protocol import Message
from rag.llm.served import SMALL, is_served, names, served, window_of_props, window_of_running
from rag.llm.structured import first_object
from rag.settings import Settings

SECONDS = 20.0  # for all checks together
_LEAST = 0.2  # seconds that a check must have, to be tried
_SLOW = 10.0  # tokens per second
_COUNT = (Message("user", "Count from one to twenty, in words."),)
_COLOUR = (Message("user", "What colour is snow? Answer with one JSON object with the member colour."),)
_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"colour": {"type": "string"}},
    "required": ["colour"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found."""

    name: str
    state: Literal["ok", "warn", "fail"]
    detail: str


def probe(settings: Settings, seconds: float = SECONDS) -> Iterator[Finding]:
    """Yield what each check found; one that shows that no answer can come is the last."""
    trial = _Trial(settings, seconds)
    for check in (trial.reach, trial.answer, trial.structure, trial.fit, trial.advise):
        yield from check()
        if trial.hopeless:
            return


class _Trial:
    """One run of the checks, each of which may use what those before it found."""

    def __init__(self, settings: Settings, seconds: float) -> None:
        self._settings = settings
        self._model = settings.llm_model or ""
        self._seconds = seconds
        self._until = time.monotonic() + seconds
        self._pages = Pages(settings, self._until)
        self._listing: Any = None
        self._pace: Pace | None = None
        self.hopeless = False

    def reach(self) -> Iterator[Finding]:
        """Ask for the list of models, which many endpoints do not have, and look for the model in it."""
        try:
            self._listing = self._pages.get("models")
        except LLMFailed as error:
            self.hopeless = True
            yield Finding("endpoint", "fail", self._late(error))
            return
        listed = names(self._listing)
        told = f"lists {len(listed)} model(s)" if listed else "lists no models"
        yield Finding("endpoint", "ok", f"{self._pages.address} {told}")
        if not self._model:
            self.hopeless = True
            has = f"Set it to one of {', '.join(listed)}." if listed else "Set it to the name of one."
            yield Finding("model at endpoint", "fail", f"CITEDESK_LLM_MODEL is not set. {has}")
        elif not is_served(self._model, self._listing):
            detail = f"CITEDESK_LLM_MODEL is {self._model!r}; it has {', '.join(listed[:5])}."
            yield Finding("model at endpoint", "fail", detail)

    def answer(self) -> Iterator[Finding]:
        """Have a few tokens streamed, and time them."""
        try:
            with closing(open_chat(self._limited(), self._watch)) as chat:
                list(chat.stream(_COUNT, 32))
        except LLMFailed as error:
            began = self._pace is not None and self._pace.first is not None
            if began and self._left <= _LEAST:
                detail = f"{self._pace}; it was not done when the {self._seconds:g} s of all checks were over"
                yield Finding("answer", "warn", f"{self._model}: {detail}")
                return
            if not isinstance(error, OnlyReasoning):  # a model that was still thinking has answered, too
                self.hopeless = True
                yield Finding("answer", "fail", self._late(error))
                return
        yield Finding("answer", "ok", f"{self._model}: {self._pace}")

    def structure(self) -> Iterator[Finding]:
        """Have one object given in a form that is forced, and hold it against the schema."""
        name = "structured output"
        if self._left < _LEAST:
            yield Finding(name, "warn", f"not tried: the {self._seconds:g} s of all checks were over")
            return
        try:
            with closing(open_chat(self._limited())) as chat:
                reply = chat.complete(_COLOUR, 200, _SCHEMA)
                forced = chat.forces_form
        except LLMFailed as error:
            yield Finding(name, "warn", self._late(error))
            return
        if not first_object(reply.text, _SCHEMA):
            what = "was cut before its end" if reply.cut else "was no JSON of the form asked for"
            yield Finding(name, "warn", f"the reply {what}: what needs a form may fail")
        else:
            how = "json_schema is obeyed" if forced else "json_schema is not obeyed; JSON asked for in words is given"
            yield Finding(name, "ok", how)

    def fit(self) -> Iterator[Finding]:
        """Hold the context window against the setting."""
        found, wanted = self._window(), self._settings.llm_context
        if found and found < wanted:
            detail = f"CITEDESK_LLM_CONTEXT is {wanted}, but its model holds {found} tokens. Set it to {found}."
            yield Finding("context", "warn", detail)
        elif found:
            yield Finding("context", "ok", f"its model holds {found} tokens, CITEDESK_LLM_CONTEXT is {wanted}")
        elif self._is_ollama():
            yield Finding(
                "context",
                "warn",
                "this is Ollama, which cuts what is longer than its num_ctx without a word. Start it with "
                f"OLLAMA_CONTEXT_LENGTH={wanted}, or lower CITEDESK_LLM_CONTEXT to what it has.",
            )

    def advise(self) -> Iterator[Finding]:
        """Say which way of writing suits the model."""
        if self._settings.llm_mode == "per-paper":
            return
        size, speed = served(self._model, self._listing).billions, self._pace and self._pace.tokens_per_second
        if size is not None and size <= SMALL:
            why = f"a model of {size:g} billion parameters writes badly over many abstracts, and better over one"
        elif size is None and speed and speed < _SLOW:
            why = f"at {speed:.1f} tokens a second the parts of an answer are better shown one by one"
        else:
            return
        yield Finding("way of writing", "warn", f"{why}. Set CITEDESK_LLM_MODE=per-paper.")

    @property
    def _left(self) -> float:
        return self._until - time.monotonic()

    def _limited(self) -> Settings:
        times = ("llm_connect_timeout", "llm_first_token_timeout", "llm_timeout", "llm_total_timeout")
        left = round(max(self._left, _LEAST), 1)
        return replace(self._settings, **{name: min(getattr(self._settings, name), left) for name in times})

    def _watch(self, pace: Pace) -> None:
        self._pace = pace

    def _late(self, error: LLMFailed) -> str:
        return str(error) if self._left > _LEAST else f"{error} All checks together may take {self._seconds:g} s."

    def _window(self) -> int | None:
        told = served(self._model, self._listing)
        if told.server == "llama.cpp":
            return window_of_props(self._pages.beside("props")) or told.window
        if told.server == "lm studio":
            return served(self._model, self._pages.beside("api/v0/models")).window or told.window
        if told.server == "ollama":
            return window_of_running(self._model, self._pages.beside("api/ps"))
        return told.window

    def _is_ollama(self) -> bool:
        if served(self._model, self._listing).server == "ollama":
            return True
        version = self._pages.beside("api/version")
        return isinstance(version, dict) and "version" in version
