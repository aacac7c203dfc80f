"""Entailment model: the probabilities that a text supports a claim, contradicts it, or does neither.

The weights come with Citedesk; rag/models/weights/README.md describes their training. Numbers, units and names need a
separate check, since a model of this size misses small differences.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from rag.corpus.files import file_sha256
from rag.errors import ModelUnavailable
from rag.models.onnx import Array, OnnxModel, batches_by_length, open_tokenizer
from rag.text.sentences import split_sentences

LABELS = ("support", "contradict", "not_enough")
FOLDER = Path(__file__).parent / "weights" / "entailment"
SHA256 = "92fb123eb33a6f85dc22af0c43c35867ef99d95550773ca3aabfff06eeb6ff41"

_MAX_TOKENS = 320
_MAX_CLAIM = _MAX_TOKENS // 3
_SPECIAL_TOKENS = 3
_OVERLAP = 1  # sentences shared by adjacent windows of a long text
_BATCH = 8
_TIMES = re.compile(r"(?<=\d)times\b")  # remains of a multiplication sign
_REMEDY = "Reinstall Citedesk."


class EntailmentModel(Protocol):
    """Compares a claim with texts; raises ModelFailed."""

    def probabilities(self, claim: str, texts: Sequence[str]) -> Array:
        """Return the probabilities of support, contradict and not_enough for each text: (len(texts), 3)."""


def load_entailment(folder: Path | None = None) -> EntailmentModel:
    """Load the model that comes with Citedesk, or one of the same form from a folder; raises ModelUnavailable."""
    weights = (folder or FOLDER) / "model.onnx"
    if not weights.is_file():
        raise ModelUnavailable(f"{weights} is missing: no claim can be checked. {_REMEDY}")
    if folder is None and (found := file_sha256(weights)) != SHA256:
        raise ModelUnavailable(f"{weights} is damaged (sha256 {found[:12]}…, expected {SHA256[:12]}…). {_REMEDY}")
    return OnnxEntailmentModel(weights.parent)


class OnnxEntailmentModel:
    """A BERT-like model under onnxruntime with three logits for a claim and a text."""

    def __init__(self, folder: Path) -> None:
        self._model = OnnxModel(folder)
        self._tokenizer = open_tokenizer(folder, None)

    def probabilities(self, claim: str, texts: Sequence[str]) -> Array:
        """Return the probabilities for each text; for a long one, of its window with the least not_enough."""
        claim = self._truncated(_plain(claim))
        windows = [(i, window) for i, text in enumerate(texts) for window in self._windows(claim, _plain(text))]
        scored = self._scored([(claim, window) for _, window in windows])
        found = np.zeros((len(texts), len(LABELS)), np.float32)
        found[:, -1] = np.inf
        for (i, _), row in zip(windows, scored, strict=True):
            if row[-1] < found[i, -1]:
                found[i] = row
        return found

    def _truncated(self, claim: str) -> str:
        encoding = self._tokenizer.encode(claim, add_special_tokens=False)
        return claim if len(encoding.ids) <= _MAX_CLAIM else claim[: encoding.offsets[_MAX_CLAIM - 1][1]]

    def _windows(self, claim: str, text: str) -> list[str]:
        """Split a text into overlapping windows of whole sentences that fit into the input with the claim."""
        room = _MAX_TOKENS - _SPECIAL_TOKENS - self._length(claim)
        if self._length(text) <= room:
            return [text]
        sentences = split_sentences(text)
        lengths = [self._length(each) for each in sentences]
        windows: list[str] = []
        first = 0
        while first < len(sentences):
            last = first + 1
            while last < len(sentences) and sum(lengths[first : last + 1]) <= room:
                last += 1
            windows.append("".join(sentences[first:last]))
            if last == len(sentences):
                break
            first = max(first + 1, last - _OVERLAP)
        return windows

    def _length(self, text: str) -> int:
        return len(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def _scored(self, pairs: Sequence[tuple[str, str]]) -> Array:
        encodings: list[Any] = self._tokenizer.encode_batch(list(pairs))
        for each in encodings:
            each.truncate(_MAX_TOKENS)  # a single sentence may be too long
        logits = np.empty((len(pairs), len(LABELS)), np.float32)
        for batch in batches_by_length([len(each.ids) for each in encodings], _BATCH):
            logits[batch] = self._model.run([encodings[i] for i in batch])
        raised = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(raised / raised.sum(axis=1, keepdims=True), np.float32)


def _plain(text: str) -> str:
    """Return the text with numbers written as in the training data."""
    return _TIMES.sub(" times", text).replace("\\%", "%")
