"""Fit what a follow-up does: a linear layer over the encoder's vector of a question (weights/encoder/actions.npz).

`python -m eval.training.follow_ups --data DIR`. It learns from `data/follow_ups.jsonl`, which was written for it, each
line also in a frame such as "… please", and from the follow-up types in understanding.jsonl of the training material,
which say what stands alone, what asks about an answer, and what changes the question. The encoder stays as it is. Takes
a minute on one core.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from rag.models.encoder import FOLDER, Encoder, load_encoder, softmax
from rag.models.onnx import read_metadata
from rag.types import ActionName

WRITTEN = Path(__file__).parent / "data" / "follow_ups.jsonl"
NAMES: tuple[str, ...] = ("new", "ask", "refine", *get_args(ActionName))

_RIDGE = 0.03
_SCALE = 3.0  # of the vectors of length 1, so that the penalty leaves room
_STANDALONE_SHARE = 8  # every so many questions that stand alone are taken
_MARK = re.compile(r"</?(?:t|s|d|o|c|a|na|v|org|code|x)>")
_LIFTS = re.compile(r"\b(?:forget|without the \w+ filter|requirement)\b")
_NARROWS = re.compile(r"\b(?:only|just|the ones)\b")

_FRAMES = (
    *("ok {}", "{} please", "please {}", "can you {}", "{} pls"),
    *("could you please {}", "{}, thanks", "hmm, {}", "{} for me", "no, {}"),
)

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A question behind an answer, and the name of what it does."""

    question: str
    action: str


def read_written(path: Path = WRITTEN) -> list[FollowUp]:
    """Read the follow-ups that were written for this; raises ValueError for an unknown action."""
    found = [FollowUp(**json.loads(line)) for line in path.read_text(encoding="utf-8").split("\n") if line]
    if unknown := {each.action for each in found} - set(NAMES):
        raise ValueError(f"{path}: unknown action {sorted(unknown)[0]!r}; there are {', '.join(NAMES)}")
    return found


def framed(follow_ups: Sequence[FollowUp]) -> list[FollowUp]:
    """Return each follow-up in one of the frames that people put around what they want."""
    return [
        FollowUp(_FRAMES[i % len(_FRAMES)].format(each.question.rstrip("?.! ")), each.action)
        for i, each in enumerate(follow_ups)
    ]


def read_material(path: Path) -> list[FollowUp]:
    """Read understanding.jsonl, as far as its types and marks tell what a follow-up does."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
    named = [
        (_MARK.sub("", row["m"]), _action(row))
        for i, row in enumerate(rows)
        if row.get("f") or i % _STANDALONE_SHARE == 0
    ]
    return [FollowUp(question, action) for question, action in named if action]


def _action(row: Mapping[str, Any]) -> str | None:
    """Return what a row's follow-up type and marks tell of what it does; None where they leave it open."""
    kind, marks = row.get("f"), set(re.findall(r"<(\w+)>", row["m"]))
    if kind in (None, "new"):
        return "new"
    if kind == "ask":
        return "compare" if row["k"] == "compare" else "ask" if row["k"] in ("fact", "metadata") else None
    if kind != "refine":
        return None
    if _LIFTS.search(row["m"]):
        return "lift"
    if _NARROWS.search(row["m"]):
        return "filter"
    return "drop" if marks == {"x"} else "sort" if marks == {"o"} else "refine"


def fit(vectors: Floats, actions: Sequence[str]) -> tuple[Floats, Floats]:
    """Return weights (names, d) and bias (names,) of a multinomial logistic regression; rare names weigh more."""
    names = np.array([NAMES.index(each) for each in actions])
    wanted = np.eye(len(NAMES))[names]
    shares = 1 / np.sqrt(np.bincount(names, minlength=len(NAMES))[names])
    shares /= shares.mean()
    scaled = _SCALE * vectors
    width = vectors.shape[1]

    def loss(flat: Floats) -> tuple[float, Floats]:
        layer = flat.reshape(len(NAMES), width + 1)
        chances = softmax((scaled @ layer[:, :width].T + layer[:, width]).astype(np.float32)).astype(np.float64)
        lost = -(shares * np.log(chances[np.arange(len(names)), names] + 1e-12)).sum()
        slope = shares[:, None] * (chances - wanted)
        gradient = np.concatenate([slope.T @ scaled + 2 * _RIDGE * layer[:, :width], slope.sum(0)[:, None]], axis=1)
        return float(lost + _RIDGE * (layer[:, :width] ** 2).sum()), gradient.ravel()

    found = minimize(loss, np.zeros(len(NAMES) * (width + 1)), jac=True, method="L-BFGS-B", options={"maxiter": 400})
    layer = found.x.reshape(len(NAMES), width + 1)
    return _SCALE * layer[:, :width], layer[:, width]


def fit_to(encoder: Encoder, follow_ups: Sequence[FollowUp]) -> tuple[Floats, Floats]:
    """Encode follow-ups and fit the layer to them."""
    vectors = np.stack([encoder.encode_question(each.question).vector for each in follow_ups]).astype(np.float64)
    return fit(vectors, [each.action for each in follow_ups])


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit the layer and write it beside the encoder; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m eval.training.follow_ups", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of the training material")
    parser.add_argument("--encoder", type=Path, default=FOLDER, metavar="DIR", help="folder of the encoder")
    given = parser.parse_args(arguments)
    written = read_written()
    follow_ups = [*written, *framed(written), *read_material(given.data / "understanding.jsonl")]
    out = given.encoder / "actions.npz"
    out.unlink(missing_ok=True)  # one of another encoder would not load
    weights, bias = fit_to(load_encoder(given.encoder), follow_ups)
    np.savez_compressed(
        out,
        names=np.array(NAMES),
        weights=weights.astype(np.float16),
        bias=bias.astype(np.float32),
        model_sha256=np.array(read_metadata(given.encoder)["model_sha256"]),
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
