"""What an endpoint tells of itself in its lists (pure): its models, their context windows, the kind of server it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Server = Literal["ollama", "llama.cpp", "lm studio", "other"]
SMALL = 4.0  # billion parameters: up to about here, models write badly over many abstracts at once
_OWNERS: dict[str, Server] = {"library": "ollama", "llamacpp": "llama.cpp", "organization_owner": "lm studio"}
_WINDOWS = ("loaded_context_length", "max_model_len", "context_length", "context_window", "max_context_length")
_SIZE = re.compile(r"(?<![\w.])(?:(\d+)x)?(\d+(?:\.\d+)?)([bm])(?![a-z])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Served:
    """A model in an endpoint's list: its context window in tokens, its parameters in billions, where they are told."""

    window: int | None
    billions: float | None
    server: Server


def names(listing: Any) -> tuple[str, ...]:
    """Give the names of the models in a list, none where it is no list."""
    return tuple(str(entry["id"]) for entry in _entries(listing) if entry.get("id"))


def is_served(model: str, listing: Any) -> bool:
    """Tell whether a model is in a list, or there is no list, or a server that has one model for every name."""
    entries = _entries(listing)
    return not entries or _entry(model, entries) is not None


def served(model: str, listing: Any) -> Served:
    """Read what a list of models tells of one of them."""
    entries = _entries(listing)
    entry = _entry(model, entries) or {}
    meta = entry.get("meta")
    inner = meta if isinstance(meta, Mapping) else {}
    parameters = _count(inner.get("n_params"))
    owner = str(entry.get("owned_by") or (entries[0].get("owned_by") if entries else ""))
    return Served(
        _count(inner.get("n_ctx")) or window(entry),
        billions(model) or (parameters / 1e9 if parameters else None),
        _OWNERS.get(owner, "other"),
    )


def window(entry: Any) -> int | None:
    """Find a context window among what is told of a model."""
    if not isinstance(entry, Mapping):
        return None
    return next((count for name in _WINDOWS if (count := _count(entry.get(name)))), None)


def window_of_props(props: Any) -> int | None:
    """Find the context window in what llama.cpp's server tells at /props."""
    inner = props.get("default_generation_settings") if isinstance(props, Mapping) else None
    return _count(inner.get("n_ctx")) if isinstance(inner, Mapping) else None


def window_of_running(model: str, running: Any) -> int | None:
    """Find the context window of a loaded model in what Ollama tells at /api/ps."""
    entries = running.get("models") if isinstance(running, Mapping) else None
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, Mapping) and entry.get("name") in (model, f"{model}:latest"):
            return window(entry)
    return None


def billions(name: str) -> float | None:
    """Read a model's size in billions of parameters out of its name; the first that stands there counts."""
    match = _SIZE.search(name.replace("_", "-"))
    if not match:
        return None
    experts, size, unit = match.groups()
    return int(experts or 1) * float(size) / (1000 if unit.lower() == "m" else 1)


def _entries(listing: Any) -> list[Mapping[str, Any]]:
    data = listing.get("data") if isinstance(listing, Mapping) else None
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


def _count(value: Any) -> int | None:
    return value if type(value) is int and value > 0 else None
