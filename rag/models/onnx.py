"""Inference with onnxruntime, tokenizers, and the check of a model's weights."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.corpus.files import file_sha256, write_atomic
from rag.errors import ModelFailed, ModelUnavailable

Array = NDArray[np.float32]

REMEDY = "Reinstall Citedesk, or copy all files of the model into that folder."


class OnnxModel:
    """A BERT-like model in a folder's model.onnx; thread-safe.

    It reads each text alone and on one thread, and texts beside each other on as many threads as there are cores: a
    text alone fits into the cache, and onnxruntime's own threads cost more CPU time than they save.
    """

    def __init__(self, folder: Path) -> None:
        from onnxruntime import GraphOptimizationLevel, InferenceSession, SessionOptions  # slow to import

        options = SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = 1
        # Fusing the nodes of an exported graph takes 20 ms, and such graphs run no faster.
        options.graph_optimization_level = GraphOptimizationLevel.ORT_DISABLE_ALL
        # Both keep the memory of the longest texts: a server takes a tenth more, and no time is saved.
        options.enable_cpu_mem_arena = options.enable_mem_pattern = False
        self._session = InferenceSession(folder / "model.onnx", options, providers=["CPUExecutionProvider"])
        self._inputs = {each.name for each in self._session.get_inputs()}

    def outputs(self, encoding: Any, names: Sequence[str] | None) -> list[Array]:
        """Return the named outputs, or all, for a tokenizer encoding, without the first axis; raises ModelFailed."""
        values = {
            "input_ids": encoding.ids,
            "attention_mask": encoding.attention_mask,
            "token_type_ids": encoding.type_ids,
        }
        try:
            found = self._session.run(names, {name: np.array([values[name]], np.int64) for name in self._inputs})
        except Exception as error:  # onnxruntime's errors share no base but Exception
            raise ModelFailed(f"onnxruntime: {error}") from error
        return [np.asarray(each[0], np.float32) for each in found]

    def outputs_of_all(self, encodings: Sequence[Any], names: Sequence[str]) -> list[list[Array]]:
        """Return the named outputs for each of several encodings, in their order; raises ModelFailed."""
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return list(pool.map(lambda encoding: self.outputs(encoding, names), encodings))


def read_metadata(folder: Path) -> dict[str, Any]:
    """Read a model's metadata.json; raises ModelUnavailable."""
    path = folder / "metadata.json"
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        str(found["model_sha256"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ModelUnavailable(f"{path} cannot be read ({error}). {REMEDY}") from None
    return found


def verified_metadata(folder: Path, verified: Path | None = None) -> dict[str, Any]:
    """Read a model's metadata.json, and compare model.onnx with its SHA-256; raises ModelUnavailable.

    The file `verified` remembers the size and the time of weights that were as recorded, and they are not read again.
    """
    metadata, weights = read_metadata(folder), folder / "model.onnx"
    if not weights.is_file():
        raise ModelUnavailable(f"{weights} is missing. {REMEDY}")
    status, expected = weights.stat(), metadata["model_sha256"]
    state = [status.st_size, status.st_mtime_ns, expected]
    known = _read_states(verified) if verified else {}
    if known.get(str(weights)) == state:
        return metadata
    found = file_sha256(weights)
    if found != expected:
        raise ModelUnavailable(f"{weights} is damaged (sha256 {found[:12]}…, expected {expected[:12]}…). {REMEDY}")
    if verified:
        with suppress(OSError):  # a read-only or full disk only costs the time of reading them again
            write_atomic(verified, json.dumps({**known, str(weights): state}))
    return metadata


def _read_states(verified: Path) -> dict[str, Any]:
    try:
        states = json.loads(verified.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return states if isinstance(states, dict) else {}


def open_tokenizer(folder: Path) -> Any:
    """Open a folder's tokenizer.json, without padding and truncation; raises ModelUnavailable."""
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception as error:  # tokenizers raises nothing more precise
        raise ModelUnavailable(f"{folder / 'tokenizer.json'} cannot be read ({error}). {REMEDY}") from None
    tokenizer.no_padding()  # the file may ask for padding to 512
    tokenizer.no_truncation()
    return tokenizer


class MarkedTokenizer:
    """Tokenizes texts as [CLS] marker text [SEP], truncated at `max_tokens`.

    Several of them share one open tokenizer, which takes 20 ms and some megabytes to open.
    """

    def __init__(self, tokenizer: Any, marker: str, max_tokens: int) -> None:
        from tokenizers.processors import TemplateProcessing

        names = ("[CLS]", marker, "[SEP]")
        self._tokenizer = tokenizer
        self._template = TemplateProcessing(
            single=f"[CLS] {marker} $A [SEP]", special_tokens=[(name, tokenizer.token_to_id(name)) for name in names]
        )
        self._most = max_tokens - len(names)

    def encode(self, text: str) -> Any:
        """Return the encoding of a text; `overflowing` holds what was truncated."""
        return self._finished(self._tokenizer.encode(text, add_special_tokens=False))

    def encode_batch(self, texts: Sequence[str]) -> list[Any]:
        """Return the encodings of several texts."""
        return list(map(self._finished, self._tokenizer.encode_batch(texts, add_special_tokens=False)))

    def _finished(self, encoding: Any) -> Any:
        encoding.truncate(self._most)
        return self._template.process(encoding)


def l2_normalize(vectors: NDArray[np.floating[Any]]) -> Array:
    """Normalize each row to unit length; raises ModelFailed for a row that is zero or not finite."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    if not np.all(np.isfinite(lengths)) or np.any(lengths == 0):
        raise ModelFailed("the model returned a vector that is zero or not finite")
    return np.asarray(vectors / lengths, dtype=np.float32)
