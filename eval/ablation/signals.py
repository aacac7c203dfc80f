"""The rankings that an ablation combines: each signal's own, by question, cached as JSON.

A cached ranking is valid for one generation of the index and the settings that its signal reads. Rankings by the engine
itself are never cached, since more than these settings decides them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eval.runs.provenance import code_version
from rag.corpus.files import write_atomic
from rag.engine import Engine
from rag.index.library import Library
from rag.models.encoder import Encoder
from rag.models.loading import Models
from rag.retrieval.candidates import bm25_search, dense_search
from rag.retrieval.encoded_query import QueryEncoder
from rag.settings import Settings
from rag.text.tokens import tokenize
from rag.types import Overrides

RankFunction = Callable[[str], list[str]]
Rankings = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts that signals are built from; `fast` and `full` are engines without and with the cross-encoder."""

    settings: Settings
    library: Library
    models: Models
    fast: Engine
    full: Engine

    @property
    def encoder(self) -> Encoder:
        """The encoder."""
        return self.models.encoder


@dataclass(frozen=True, slots=True)
class SignalSource:
    """How a signal is built, and the settings that its rankings depend on besides the index; None: never cached."""

    make: Callable[[Parts], RankFunction]
    depends: tuple[str, ...] | None


def rank_all(
    parts: Parts, signals: Sequence[str], questions: Sequence[str], folder: Path, fresh: bool = False
) -> dict[str, Rankings]:
    """Return each signal's rankings by question; those cached in `folder` are reused unless `fresh`."""
    kept = folder / parts.library.manifest.generation
    return {signal: _rank(parts, SIGNALS[signal], questions, kept / f"{signal}.json", fresh) for signal in signals}


def _rank(parts: Parts, source: SignalSource, questions: Sequence[str], path: Path, fresh: bool) -> Rankings:
    seen = {"code": code_version(), **{name: getattr(parts.settings, name) for name in source.depends or ()}}
    known = {} if fresh or source.depends is None else _read(path, seen)
    missing = [question for question in dict.fromkeys(questions) if question not in known]
    if missing:
        ranker = source.make(parts)
        known |= {question: ranker(question) for question in missing}
        if source.depends is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            kept = {"settings": seen, "rankings": known}
            write_atomic(path, json.dumps(kept, sort_keys=True, ensure_ascii=False) + "\n")
    return {question: known[question] for question in questions}


def _read(path: Path, settings: Mapping[str, Any]) -> dict[str, list[str]]:
    """Read what was cached under the same settings; an unreadable file counts as an empty cache."""
    try:
        kept = json.loads(path.read_bytes())
        return dict(kept["rankings"]) if kept["settings"] == settings else {}
    except (OSError, ValueError, LookupError, TypeError):
        return {}


def _lexical(parts: Parts) -> RankFunction:
    return lambda question: [
        paper_id for paper_id, _ in bm25_search(parts.library, tokenize(question), None, parts.settings.pool)
    ]


def _dense(parts: Parts) -> RankFunction:
    encoder = QueryEncoder(parts.models)

    def rank(question: str) -> list[str]:
        query = encoder.encode(question)
        return [paper_id for paper_id, _ in dense_search(parts.library, query.vector, None, parts.settings.pool)]

    return rank


def _dense_whole(parts: Parts) -> RankFunction:
    """Rank by the exact cosine of one vector per paper, of its title and what the encoder reads of its abstract."""
    papers = list(parts.library.papers.values())
    encoded = parts.encoder.encode_documents([(paper.title, paper.abstract) for paper in papers])
    vectors = np.stack([each.vector for each in encoded])

    def rank(question: str) -> list[str]:
        order = np.argsort(-(vectors @ parts.encoder.encode_question(question).vector), kind="stable")
        return [papers[i].paper_id for i in order[: parts.settings.pool]]

    return rank


def _late(weighted: bool) -> Callable[[Parts], RankFunction]:
    """Rank all papers by late interaction, with equal weights or with those of the tokens' tags."""

    def make(parts: Parts) -> RankFunction:
        late, ids = parts.library.maxsim, list(parts.library.papers)
        encoder = QueryEncoder(parts.models)

        def rank(question: str) -> list[str]:
            query = encoder.encode(question)
            scores = late.scores(query.tokens, np.arange(len(ids)), query.weights if weighted else None)
            return [ids[i] for i in np.argsort(-scores, kind="stable")[: parts.settings.pool]]

        return rank

    return make


def _engine(depth: str, as_is: bool) -> Callable[[Parts], RankFunction]:
    """Rank with an engine; `as_is` skips query understanding."""

    def make(parts: Parts) -> RankFunction:
        engine: Engine = getattr(parts, depth)
        overrides = Overrides(as_is=as_is)
        return lambda question: [hit.paper.paper_id for hit in engine.search(question, overrides).hits]

    return make


SIGNALS: Mapping[str, SignalSource] = {
    "lexical": SignalSource(_lexical, ("pool",)),
    "dense_whole": SignalSource(_dense_whole, ("pool", "embed_model")),
    "dense": SignalSource(_dense, ("pool", "embed_model")),
    "maxsim_even": SignalSource(_late(weighted=False), ("pool", "embed_model")),
    "maxsim": SignalSource(_late(weighted=True), ("pool", "embed_model")),
    "ranked": SignalSource(_engine("fast", as_is=True), None),
    "reranked": SignalSource(_engine("full", as_is=True), None),
    "fast": SignalSource(_engine("fast", as_is=False), None),
    "full": SignalSource(_engine("full", as_is=False), None),
}
