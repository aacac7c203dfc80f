"""What a program asks, read from a query string or a JSON object (pure); raises UsageError where it means nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from rag.errors import UsageError
from rag.query.conversation.turns import turns_from_json
from rag.types import Filters, Overrides, Turn
from ui.overrides import overrides_from_json
from ui.question import check_length

MOST_HITS = 100
_HITS = 20
_MOST_TURNS = 100
_FILTERS = tuple(each.name for each in fields(Filters))
_SET = (*_FILTERS, "kind", "drop", "as_is")


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """A search, and how many papers it is to show."""

    question: str
    k: int = _HITS
    overrides: Overrides = Overrides()


@dataclass(frozen=True, slots=True)
class AskRequest:
    """A question, the turns before it, whether a model may write, and whether the events are wanted as they come."""

    question: str
    overrides: Overrides = Overrides()
    history: tuple[Turn, ...] = ()
    written: bool = True
    stream: bool = False


def search_from_query(pairs: Iterable[tuple[str, str]]) -> SearchRequest:
    """Read the parameters of a search; `drop` may stand several times, or name several with commas."""
    given: dict[str, Any] = {}
    for name, text in pairs:
        if name == "drop":
            given["drop"] = [*given.get("drop", []), *(each.strip() for each in text.split(",") if each.strip())]
            continue
        if name in given:
            raise UsageError(f"The parameter {name} stands twice.")
        given[name] = _READERS[name](name, text) if name in _READERS else text
    if "question" in given:
        raise UsageError("There is no parameter 'question'; the question is q.")
    return search_from_json({"question" if name == "q" else name: value for name, value in given.items()})


def search_from_json(value: object) -> SearchRequest:
    """Read a search: question, k, and what is set against the question, by its name."""
    given = _object(value, ("question", "k", *_SET))
    k = given.get("k", _HITS)
    if type(k) is not int or not 1 <= k <= MOST_HITS:
        raise UsageError(f"k is a number of papers from 1 to {MOST_HITS}.")
    return SearchRequest(_question(given), k, _overrides(given))


def ask_from_flat(value: object) -> AskRequest:
    """Read a question with what is set against it beside it, as `search_from_json` does."""
    given = _object(value, ("question", "history", "llm", *_SET))
    return AskRequest(_question(given), _overrides(given), _history(given), _flag(given, "llm", True))


def ask_from_json(value: object) -> AskRequest:
    """Read the body of a question."""
    given = _object(value, ("question", "overrides", "history", "llm", "stream"))
    return AskRequest(
        _question(given),
        overrides_from_json(given.get("overrides", {})),
        _history(given),
        _flag(given, "llm", True),
        _flag(given, "stream", False),
    )


def json_body(body: bytes) -> object:
    """Read a body as JSON."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise UsageError("The body is no JSON.") from None


def _object(value: object, names: tuple[str, ...]) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise UsageError("What is sent is no JSON object.")
    if unknown := sorted(set(value) - set(names)):
        raise UsageError(f"There is no {unknown[0]!r} here; there are {', '.join(names)}.")
    return value


def _question(given: Mapping[str, Any]) -> str:
    question = given.get("question")
    if not isinstance(question, str) or not question.strip():
        raise UsageError("There is no question. Send one, as in: which papers cut KV-cache memory")
    check_length(question)
    return question


def _overrides(given: Mapping[str, Any]) -> Overrides:
    filters = {name: given[name] for name in _FILTERS if given.get(name) is not None}
    others = {name: given[name] for name in ("kind", "drop", "as_is") if given.get(name) is not None}
    return overrides_from_json({**others, "filters": filters})


def _history(given: Mapping[str, Any]) -> tuple[Turn, ...]:
    try:
        turns = turns_from_json(given.get("history", []))
    except ValueError as error:
        raise UsageError(f"The history cannot be read: {error}.") from None
    if len(turns) > _MOST_TURNS:
        raise UsageError(f"The history has {len(turns)} turns; send the last {_MOST_TURNS}.")
    return turns


def _flag(given: Mapping[str, Any], name: str, otherwise: bool) -> bool:
    value = given.get(name, otherwise)
    if not isinstance(value, bool):
        raise UsageError(f"{name} is true or false.")
    return value


def _number(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 7):
        raise UsageError(f"{name} is a whole number, not {text!r}.")
    return int(text)


def _truth(name: str, text: str) -> bool:
    if text not in ("true", "false"):
        raise UsageError(f"{name} is true or false, not {text!r}.")
    return text == "true"


_READERS: Mapping[str, Callable[[str, str], Any]] = {
    "k": _number,
    "least_authors": _number,
    "most_authors": _number,
    "code": _truth,
    "as_is": _truth,
}
