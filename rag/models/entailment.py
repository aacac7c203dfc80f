"""Claim and sentences together → how likely the one is supported by the others, contradicted, or left open.

The weights come with Citedesk; rag/weights/README.md says what they were trained on. Numbers, units and names need a
check of their own: a model of this size passes over small differences.
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
_OVERLAP = 1  # sentences that two windows of a long text share
_BATCH = 8
_TIMES = re.compile(r"(?<=\d)times\b")  # what is left of a multiplication sign
_REMEDY = "Reinstall Citedesk."


class EntailmentModel(Protocol):
    """Holds a claim against texts; raises ModelFailed where it cannot."""

    def probabilities(self, claim: str, texts: Sequence[str]) -> Array:
        """Give each text's probabilities of support, contradict and not_enough, of shape (len(texts), 3)."""


def load_entailment(folder: Path | None = None) -> EntailmentModel:
    """Load the model that comes with Citedesk, or another of its form; raises ModelUnavailable."""
    weights = (folder or FOLDER) / "model.onnx"
    if not weights.is_file():
        raise ModelUnavailable(f"{weights} is missing: no claim can be checked. {_REMEDY}")
    if folder is None and (found := file_sha256(weights)) != SHA256:
        raise ModelUnavailable(f"{weights} is damaged (sha256 {found[:12]}…, expected {SHA256[:12]}…). {_REMEDY}")
    return OnnxEntailmentModel(weights.parent)


class OnnxEntailmentModel:
    """A BERT-like model under onnxruntime that reads a claim and a text at once, and gives three logits."""

    def __init__(self, folder: Path) -> None:
        self._model = OnnxModel(folder)
        self._tokenizer = open_tokenizer(folder, None)

    def probabilities(self, claim: str, texts: Sequence[str]) -> Array:
        """Give each text's probabilities; of a text that is too long, the window that says most of the claim speaks."""
        claim = self._shortened(_plain(claim))
        windows = [(i, window) for i, text in enumerate(texts) for window in self._windows(claim, _plain(text))]
        scored = self._scored([(claim, window) for _, window in windows])
        found = np.zeros((len(texts), len(LABELS)), np.float32)
        found[:, -1] = np.inf
        for (i, _), row in zip(windows, scored, strict=True):
            if row[-1] < found[i, -1]:
                found[i] = row
        return found

    def _shortened(self, claim: str) -> str:
        encoding = self._tokenizer.encode(claim, add_special_tokens=False)
        return claim if len(encoding.ids) <= _MAX_CLAIM else claim[: encoding.offsets[_MAX_CLAIM - 1][1]]

    def _windows(self, claim: str, text: str) -> list[str]:
        """Cut a text into runs of whole sentences that fit beside the claim."""
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
            each.truncate(_MAX_TOKENS)  # one sentence alone can be too long
        logits = np.empty((len(pairs), len(LABELS)), np.float32)
        for batch in batches_by_length([len(each.ids) for each in encodings], _BATCH):
            logits[batch] = self._model.run([encodings[i] for i in batch])
        raised = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(raised / raised.sum(axis=1, keepdims=True), np.float32)


def _plain(text: str) -> str:
    """Write numbers as the model knows them."""
    return _TIMES.sub(" times", text).replace("\\%", "%")
