"""What a trained file was made from: SHA-256 of the data, seeds, versions; written beside the weights."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from eval.runs.folder import to_json
from rag.corpus.files import file_sha256, write_atomic


def hashes(paths: Iterable[Path]) -> dict[str, str]:
    """Return the SHA-256 of files by their names."""
    return {path.name: file_sha256(path) for path in paths}


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write sorted JSON, replacing the file as a whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, to_json(value))
