"""Checks of the configured endpoint: is it reachable, what does it serve, how does it answer, which settings suit it.

Nothing is cached: every run asks again, and all its checks together take no more than 20 s.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any, Literal

from rag.errors import LLMFailed, OnlyReasoning
from rag.llm.client import get_json, open_chat
from rag.llm.errors import endpoint_address
from rag.llm.protocol import Message
from rag.llm.reply import find_object
from rag.llm.usage import ReplyTiming
from rag.settings import Settings

SECONDS = 20.0  # for all checks together
_MIN_SECONDS = 0.2  # that a check needs in order to be tried
_SLOW = 10.0  # tokens per second
_SMALL = 4.0  # billion parameters: up to about here, models write badly over many abstracts at once
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
    """The result of one check."""

    name: str
    state: Literal["ok", "warn", "fail"]
    detail: str


def probe(settings: Settings, seconds: float = SECONDS) -> Iterator[Finding]:
    """Yield the result of each check; one that shows that no answer can come is the last."""
    run = _Probe(settings, seconds)
    for check in (run.check_models, run.check_answer, run.check_structured_output, run.check_context, run.check_mode):
        yield from check()
        if run.hopeless:
            return


class _Probe:
    """One run of the checks, each of which may use the results of those before it."""

    def __init__(self, settings: Settings, seconds: float) -> None:
        self._settings = settings
        self._model = settings.llm_model or ""
        self._seconds = seconds
        self._until = time.monotonic() + seconds
        self._models: Any = None
        self._timing: ReplyTiming | None = None
        self.hopeless = False

    def check_models(self) -> Iterator[Finding]:
        """Look for the model in the endpoint's list of models, which many endpoints do not have."""
        try:
            self._models = get_json(self._settings, "models", self._until)
        except LLMFailed as error:
            self.hopeless = True
            yield Finding("endpoint", "fail", self._explain(error))
            return
        names = model_names(self._models)
        found = f"lists {len(names)} model(s)" if names else "lists no models"
        yield Finding("endpoint", "ok", f"{endpoint_address(self._settings)} {found}")
        if not self._model:
            self.hopeless = True
            remedy = f"Set it to one of {', '.join(names)}." if names else "Set it to the name of one."
            yield Finding("model at endpoint", "fail", f"CITEDESK_LLM_MODEL is not set. {remedy}")
        elif not is_served(self._model, self._models):
            detail = f"CITEDESK_LLM_MODEL is {self._model!r}; the endpoint has {', '.join(names[:5])}."
            yield Finding("model at endpoint", "fail", detail)

    def check_answer(self) -> Iterator[Finding]:
        """Stream a few tokens and time them."""
        try:
            with closing(open_chat(self._limited_settings(), self._note_timing)) as chat:
                list(chat.stream(_COUNT, 32))
        except LLMFailed as error:
            started = self._timing is not None and self._timing.first is not None
            if started and self._left <= _MIN_SECONDS:
                detail = f"{self._timing}; it had not finished when the {self._seconds:g} s of all checks were over"
                yield Finding("answer", "warn", f"{self._model}: {detail}")
                return
            if not isinstance(error, OnlyReasoning):  # a model that was still reasoning has answered, too
                self.hopeless = True
                yield Finding("answer", "fail", self._explain(error))
                return
        yield Finding("answer", "ok", f"{self._model}: {self._timing}")

    def check_structured_output(self) -> Iterator[Finding]:
        """Ask for an object of a JSON schema."""
        name = "structured output"
        if self._left < _MIN_SECONDS:
            yield Finding(name, "warn", f"not tried: the {self._seconds:g} s of all checks were over")
            return
        try:
            with closing(open_chat(self._limited_settings())) as chat:
                reply = chat.complete(_COLOUR, 200, _SCHEMA)
                supported = chat.supports_schema
        except LLMFailed as error:
            yield Finding(name, "warn", self._explain(error))
            return
        if find_object(reply.text, _SCHEMA):
            unsupported = "json_schema is not obeyed, but JSON is given where the prompt asks for it"
            yield Finding(name, "ok", "json_schema is obeyed" if supported else unsupported)
        else:
            what = "was cut before its end" if reply.cut else "was not JSON of the given schema"
            yield Finding(name, "warn", f"the reply {what}: steps that need structured output may fail")

    def check_context(self) -> Iterator[Finding]:
        """Compare the context window with the setting."""
        window, wanted = self._context_window(), self._settings.llm_context
        if window and window < wanted:
            detail = f"CITEDESK_LLM_CONTEXT is {wanted}, but its model holds {window} tokens. Set it to {window}."
            yield Finding("context", "warn", detail)
        elif window:
            yield Finding("context", "ok", f"its model holds {window} tokens, CITEDESK_LLM_CONTEXT is {wanted}")
        elif self._is_ollama():
            yield Finding(
                "context",
                "warn",
                "this is Ollama, which silently truncates what is longer than its num_ctx. Start it with "
                f"OLLAMA_CONTEXT_LENGTH={wanted}, or lower CITEDESK_LLM_CONTEXT to its value.",
            )

    def check_mode(self) -> Iterator[Finding]:
        """Recommend the writing mode that suits the model."""
        if self._settings.llm_mode == "per-paper":
            return
        size, speed = served_model(self._model, self._models).billions, self._timing and self._timing.tokens_per_second
        if size is not None and size <= _SMALL:
            why = f"a model of {size:g} billion parameters writes badly over many abstracts, and better over one"
        elif size is None and speed and speed < _SLOW:
            why = f"at {speed:.1f} tokens per second the parts of an answer are better shown one by one"
        else:
            return
        yield Finding("way of writing", "warn", f"{why}. Set CITEDESK_LLM_MODE=per-paper.")

    @property
    def _left(self) -> float:
        return self._until - time.monotonic()

    def _limited_settings(self) -> Settings:
        names = ("llm_connect_timeout", "llm_first_token_timeout", "llm_timeout", "llm_total_timeout")
        left = round(max(self._left, _MIN_SECONDS), 1)
        return replace(self._settings, **{name: min(getattr(self._settings, name), left) for name in names})

    def _note_timing(self, timing: ReplyTiming) -> None:
        self._timing = timing

    def _explain(self, error: LLMFailed) -> str:
        limit = f" All checks together may take {self._seconds:g} s."
        return str(error) if self._left > _MIN_SECONDS else f"{error}{limit}"

    def _page(self, path: str) -> Any:
        """Return a page that a kind of server has beside /v1, None if this one has not."""
        try:
            return get_json(self._settings, path, self._until)
        except LLMFailed:
            return None

    def _context_window(self) -> int | None:
        model = served_model(self._model, self._models)
        if model.server == "llama.cpp":
            return window_of_props(self._page("/props")) or model.window
        if model.server == "lm studio":
            return served_model(self._model, self._page("/api/v0/models")).window or model.window
        if model.server == "ollama":
            return window_of_running(self._model, self._page("/api/ps"))
        return model.window

    def _is_ollama(self) -> bool:
        if served_model(self._model, self._models).server == "ollama":
            return True
        version = self._page("/api/version")
        return isinstance(version, dict) and "version" in version


Server = Literal["ollama", "llama.cpp", "lm studio", "other"]
_OWNERS: dict[str, Server] = {"library": "ollama", "llamacpp": "llama.cpp", "organization_owner": "lm studio"}
_WINDOWS = ("loaded_context_length", "max_model_len", "context_length", "context_window", "max_context_length")
_SIZE = re.compile(r"(?<![\w.])(?:(\d+)x)?(\d+(?:\.\d+)?)([bm])(?![a-z])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model in an endpoint's list: its context window in tokens and its parameters in billions, None if unknown."""

    window: int | None
    billions: float | None
    server: Server


def model_names(models: Any) -> tuple[str, ...]:
    """Return the names in a list of models, as /v1/models returns it; none if it is no list."""
    return tuple(str(entry["id"]) for entry in _entries(models) if entry.get("id"))


def is_served(model: str, models: Any) -> bool:
    """Return whether a model is in a list, or cannot be said to be missing: the list is empty, or any name will do."""
    entries = _entries(models)
    return not entries or _entry(model, entries) is not None


def served_model(model: str, models: Any) -> ServedModel:
    """Return what a list of models says of one of them."""
    entries = _entries(models)
    entry = _entry(model, entries) or {}
    meta = entry.get("meta")
    inner = meta if isinstance(meta, Mapping) else {}
    parameters = _positive(inner.get("n_params"))
    owner = str(entry.get("owned_by") or (entries[0].get("owned_by") if entries else ""))
    return ServedModel(
        _positive(inner.get("n_ctx")) or _window(entry),
        parameters_of_name(model) or (parameters / 1e9 if parameters else None),
        _OWNERS.get(owner, "other"),
    )


def window_of_props(props: Any) -> int | None:
    """Return the context window from llama.cpp's /props."""
    inner = props.get("default_generation_settings") if isinstance(props, Mapping) else None
    return _positive(inner.get("n_ctx")) if isinstance(inner, Mapping) else None


def window_of_running(model: str, running: Any) -> int | None:
    """Return the context window of a loaded model from Ollama's /api/ps."""
    entries = running.get("models") if isinstance(running, Mapping) else None
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, Mapping) and entry.get("name") in (model, f"{model}:latest"):
            return _window(entry)
    return None


def parameters_of_name(name: str) -> float | None:
    """Return the billions of parameters that a model's name states first."""
    match = _SIZE.search(name.replace("_", "-"))
    if not match:
        return None
    experts, size, unit = match.groups()
    return int(experts or 1) * float(size) / (1000 if unit.lower() == "m" else 1)


def _entries(models: Any) -> list[Mapping[str, Any]]:
    data = models.get("data") if isinstance(models, Mapping) else None
    return [entry for entry in data if isinstance(entry, Mapping)] if isinstance(data, list) else []


def _entry(model: str, entries: list[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Find a model in a list; Ollama takes a name without a tag for its latest, llama.cpp any name for its only one."""
    for entry in entries:
        aliases = entry.get("aliases")
        known = (entry.get("id"), *(aliases if isinstance(aliases, list) else ()))
        if model in known or f"{model}:latest" in known:
            return entry
    alone = len(entries) == 1 and _OWNERS.get(str(entries[0].get("owned_by"))) == "llama.cpp"
    return entries[0] if alone else None


def _window(entry: Mapping[str, Any]) -> int | None:
    return next((count for name in _WINDOWS if (count := _positive(entry.get(name)))), None)


def _positive(value: Any) -> int | None:
    return value if type(value) is int and value > 0 else None
