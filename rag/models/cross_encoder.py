"""Cross-encoders: they read a question or a claim together with a text of a paper, and give four scores of the pair.

One of ten layers judges claims. The reranker, of four layers, has learnt from it to rank papers by some sentences of
each. eval/training/cross_encoder trains both; CARD.md there has their figures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rag.models.onnx import Array, OnnxModel, open_tokenizer, verified_metadata

FOLDER = Path(__file__).parent / "weights" / "cross_encoder"
RERANKER = Path(__file__).parent / "weights" / "reranker"

_CLAIM_SHARE = 4  # the question or claim takes at most this part of the input


@dataclass(frozen=True, slots=True, eq=False)
class PairScores:
    """Logits of one question or claim with n texts, each of shape (n,), each for a sigmoid of its own.

    `belongs`: the paper is part of what a question asks for; `answers`: the text answers it; `supports` and
    `contradicts`: it does so to a claim. `evidence` has for each text one value a token, how much the answer or the
    verdict rests on it, and `offsets` (tokens, 2) say where the tokens stand in the text.
    """

    belongs: Array
    answers: Array
    supports: Array
    contradicts: Array
    evidence: tuple[Array, ...]
    offsets: tuple[NDArray[np.int32], ...]

    def span_evidence(self, text: int, spans: Sequence[tuple[int, int]]) -> Array:
        """Return the mean evidence of the tokens that start in each span of a text; the least where there is none."""
        starts, values = self.offsets[text][:, 0], self.evidence[text]
        least = float(values.min(initial=0.0))
        inside = [values[(starts >= start) & (starts < end)] for start, end in spans]
        return np.array([each.mean() if len(each) else least for each in inside], np.float32)


class CrossEncoder(Protocol):
    """Scores a question or a claim with texts; raises ModelFailed."""

    @property
    def cuts(self) -> Mapping[str, float | Sequence[float]]:
        """Cuts and calibrations of the logits, as metadata.json names them."""

    def score(self, question: str, texts: Sequence[str]) -> PairScores:
        """Score texts, each "title. abstract" or "title. sentence"; of a long one its beginning."""


def load_cross_encoder(folder: Path = FOLDER, verified: Path | None = None) -> CrossEncoder:
    """Load the cross-encoder that comes with Citedesk, or one of the same form; raises ModelUnavailable.

    `verified` is where weights that were checked are remembered.
    """
    return OnnxCrossEncoder(folder, verified)


def load_reranker(folder: Path = RERANKER, verified: Path | None = None) -> CrossEncoder:
    """Load the shallower cross-encoder, which ranks papers and finds evidence; as `load_cross_encoder` does."""
    return OnnxCrossEncoder(folder, verified)


class OnnxCrossEncoder:
    """The cross-encoder under onnxruntime; thread-safe."""

    def __init__(self, folder: Path, verified: Path | None = None) -> None:
        metadata = verified_metadata(folder, verified)
        self.cuts: Mapping[str, float | Sequence[float]] = metadata["thresholds"]
        self._heads: list[str] = metadata["heads"]
        self._max_tokens = int(metadata["longest"])
        self._model = OnnxModel(folder)
        self._tokenizer = open_tokenizer(folder)

    def score(self, question: str, texts: Sequence[str]) -> PairScores:
        """Score texts; the question is cut at a quarter of the input."""
        question = self._truncated(question)
        encodings = self._tokenizer.encode_batch([(question, text) for text in texts])
        for each in encodings:
            each.truncate(self._max_tokens)
        found = self._model.outputs_of_all(encodings, ("logits", "evidence"))
        logits = np.array([each for each, _ in found], np.float32).reshape(-1, len(self._heads))
        inside = [_of_text(each) for each in encodings]
        by_head = {name: logits[:, column] for column, name in enumerate(self._heads)}
        return PairScores(
            by_head["belongs"],
            by_head["answers"],
            by_head["supports"],
            by_head["contradicts"],
            tuple(marks[own] for (_, marks), own in zip(found, inside, strict=True)),
            tuple(_offsets(each)[own] for each, own in zip(encodings, inside, strict=True)),
        )

    def _truncated(self, question: str) -> str:
        most = self._max_tokens // _CLAIM_SHARE
        encoding = self._tokenizer.encode(question, add_special_tokens=False)
        return question if len(encoding.ids) <= most else question[: encoding.offsets[most - 1][1]]


def _of_text(encoding: Any) -> NDArray[np.bool_]:
    """Return which tokens of a pair are of its second text, special ones left out."""
    inside: NDArray[np.bool_] = (np.array(encoding.type_ids) == 1) & (np.array(encoding.special_tokens_mask) == 0)
    return inside


def _offsets(encoding: Any) -> NDArray[np.int32]:
    return np.array(encoding.offsets, np.int32).reshape(-1, 2)
