"""Inference with onnxruntime, tokenizers, batching, and the check of a model's weights."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.corpus.files import file_sha256
from rag.errors import ModelFailed, ModelUnavailable

Array = NDArray[np.float32]

_REMEDY = "Reinstall Citedesk, or copy all files of the model into that folder."


class OnnxModel:
    """A BERT-like model in a folder's model.onnx; thread-safe."""

    def __init__(self, folder: Path) -> None:
        from onnxruntime import InferenceSession, SessionOptions  # slow to import

        options = SessionOptions()
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # spinning cost half of the CPU time
        self._session = InferenceSession(folder / "model.onnx", options, providers=["CPUExecutionProvider"])
        self._inputs = {each.name for each in self._session.get_inputs()}

    def run(self, encodings: Sequence[Any]) -> Array:
        """Return the first output for a batch of tokenizer encodings, padded to the longest; raises ModelFailed."""
        return self.outputs(encodings, None)[0]

    def outputs(self, encodings: Sequence[Any], names: Sequence[str] | None) -> list[Array]:
        """Return the named outputs, or all of them, for a batch of tokenizer encodings; raises ModelFailed."""
        tensors = {
            "input_ids": _padded([each.ids for each in encodings]),
            "attention_mask": _padded([each.attention_mask for each in encodings]),
            "token_type_ids": _padded([each.type_ids for each in encodings]),
        }
        try:
            found = self._session.run(names, {name: tensors[name] for name in self._inputs})
        except Exception as error:  # onnxruntime's errors share no base but Exception
            raise ModelFailed(f"onnxruntime: {error}") from error
        return [np.asarray(each, np.float32) for each in found]


def read_metadata(folder: Path) -> dict[str, Any]:
    """Read a model's metadata.json; raises ModelUnavailable."""
    path = folder / "metadata.json"
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        str(found["model_sha256"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ModelUnavailable(f"{path} cannot be read ({error}). {_REMEDY}") from None
    return found


def verified_metadata(folder: Path) -> dict[str, Any]:
    """Read a model's metadata.json, and compare model.onnx with its SHA-256; raises ModelUnavailable."""
    metadata, weights = read_metadata(folder), folder / "model.onnx"
    if not weights.is_file():
        raise ModelUnavailable(f"{weights} is missing. {_REMEDY}")
    found, expected = file_sha256(weights), metadata["model_sha256"]
    if found != expected:
        raise ModelUnavailable(f"{weights} is damaged (sha256 {found[:12]}…, expected {expected[:12]}…). {_REMEDY}")
    return metadata


def open_tokenizer(folder: Path, max_tokens: int | None, marker: str | None = None) -> Any:
    """Open a folder's tokenizer.json, truncating at `max_tokens`; insert `marker` after the first special token."""
    from tokenizers import Tokenizer
    from tokenizers.processors import TemplateProcessing

    try:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception as error:  # tokenizers raises nothing more precise
        raise ModelUnavailable(f"{folder / 'tokenizer.json'} cannot be read ({error}). {_REMEDY}") from None
    tokenizer.no_padding()  # the file may ask for padding to 512
    tokenizer.no_truncation()
    if marker:
        names = ("[CLS]", marker, "[SEP]")
        tokenizer.post_processor = TemplateProcessing(
            single=f"[CLS] {marker} $A [SEP]", special_tokens=[(name, tokenizer.token_to_id(name)) for name in names]
        )
    if max_tokens is not None:
        tokenizer.enable_truncation(max_tokens)
    return tokenizer


def batches_by_length(lengths: Sequence[int], size: int) -> Iterator[list[int]]:
    """Yield indices in batches of similar length, to keep padding short."""
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    for first in range(0, len(order), size):
        yield order[first : first + size]


def l2_normalize(vectors: NDArray[np.floating[Any]]) -> Array:
    """Normalize each row to unit length; raises ModelFailed for a row that is zero or not finite."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    if not np.all(np.isfinite(lengths)) or np.any(lengths == 0):
        raise ModelFailed("the model returned a vector that is zero or not finite")
    return np.asarray(vectors / lengths, dtype=np.float32)


def _padded(rows: Sequence[Sequence[int]]) -> NDArray[np.int64]:
    """Stack rows of different lengths, padded with 0, which is [PAD] in BERT's vocabulary."""
    stacked = np.zeros((len(rows), max(map(len, rows))), np.int64)
    for i, row in enumerate(rows):
        stacked[i, : len(row)] = row
    return stacked
