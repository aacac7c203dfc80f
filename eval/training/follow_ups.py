"""Fit what a follow-up does: a small network over the encoder's vector of a question (weights/encoder/actions.npz).

`python -m eval.training.follow_ups --data DIR`. It learns from `data/follow_ups.jsonl`, which was written for it, each
line also in frames such as "… please", and from the follow-up types in understanding.jsonl of the training material,
which say what is independent, what asks about an answer, and what changes the question. The encoder stays as it is.
Takes a minute on one core.
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

from rag.models.encoder import FOLDER, HEAD_LAYERS, ActionHead, Encoder, load_encoder
from rag.models.onnx import read_metadata
from rag.types import ActionName

WRITTEN = Path(__file__).parent / "data" / "follow_ups.jsonl"
NAMES: tuple[str, ...] = ("new", "ask", "refine", *get_args(ActionName))

_HIDDEN = 512
_DROPOUT = 0.5
_SCALE = 20.0  # of the vectors of length 1, so that their elements vary as those of the hidden layer do
_LEARNING_RATE = 3e-3
_DECAY = 0.1
_EPOCHS = 20
_BATCH = 128
_STANDALONE_SHARE = 8  # every so many questions that stand alone are taken
_MARK = re.compile(r"</?(?:t|s|d|o|c|a|na|v|org|code|x)>")
_LIFTS = re.compile(r"\b(?:forget|without the \w+ filter|requirement)\b")
_NARROWS = re.compile(r"\b(?:only|just|the ones)\b")

_FRAMES = (
    *("ok {}", "{} please", "please {}", "can you {}", "{} pls"),
    *("could you please {}", "{}, thanks", "hmm, {}", "{} for me", "no, {}"),
)
_SHIFTS = (0, 3, 7)  # of the frames for one follow-up

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A question after an answer, and the name of what it does."""

    question: str
    action: str


def read_written(path: Path = WRITTEN) -> list[FollowUp]:
    """Read the follow-ups that were written for this; raises ValueError for an unknown action."""
    found = [FollowUp(**json.loads(line)) for line in path.read_text(encoding="utf-8").split("\n") if line]
    if unknown := {each.action for each in found} - set(NAMES):
        raise ValueError(f"{path}: unknown action {sorted(unknown)[0]!r}; there are {', '.join(NAMES)}")
    return found


def framed(follow_ups: Sequence[FollowUp]) -> list[FollowUp]:
    """Return each follow-up in some of the frames that people put around what they want."""
    return [
        FollowUp(_FRAMES[(i + shift) % len(_FRAMES)].format(each.question.rstrip("?.! ")), each.action)
        for i, each in enumerate(follow_ups)
        for shift in _SHIFTS
    ]


def read_material(path: Path) -> list[FollowUp]:
    """Read understanding.jsonl, as far as its types and marks say what a follow-up does."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
    named = [
        (_MARK.sub("", row["m"]), _action(row))
        for i, row in enumerate(rows)
        if row.get("f") or i % _STANDALONE_SHARE == 0
    ]
    return [FollowUp(question, action) for question, action in named if action]


def _action(row: Mapping[str, Any]) -> str | None:
    """Return what a row's follow-up type and marks say that it does; None where they leave it open."""
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


def fit(vectors: Floats, actions: Sequence[str]) -> tuple[Floats, ...]:
    """Return the weights and biases of a network of one hidden layer, in float32; rare names weigh more."""
    import torch  # only training needs it

    torch.manual_seed(0)
    names = np.array([NAMES.index(each) for each in actions])
    shares = 1 / np.sqrt(np.bincount(names, minlength=len(NAMES))[names])
    asked = torch.tensor(_SCALE * vectors, dtype=torch.float32)
    wanted, weight = torch.tensor(names), torch.tensor(shares / shares.mean(), dtype=torch.float32)
    first, last = torch.nn.Linear(vectors.shape[1], _HIDDEN), torch.nn.Linear(_HIDDEN, len(NAMES))
    network = torch.nn.Sequential(first, torch.nn.ReLU(), torch.nn.Dropout(_DROPOUT), last)
    optimizer = torch.optim.AdamW(network.parameters(), lr=_LEARNING_RATE, weight_decay=_DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, _EPOCHS)
    for _ in range(_EPOCHS):
        for batch in torch.split(torch.randperm(len(asked)), _BATCH):
            lost = torch.nn.functional.cross_entropy(network(asked[batch]), wanted[batch], reduction="none")
            optimizer.zero_grad()
            torch.autograd.backward((lost * weight[batch]).mean())
            optimizer.step()
        schedule.step()
    layers = (_SCALE * first.weight, first.bias, last.weight, last.bias)
    return tuple(each.detach().numpy() for each in layers)


def fit_to(encoder: Encoder, follow_ups: Sequence[FollowUp]) -> ActionHead:
    """Encode follow-ups and fit the network to them."""
    vectors = np.stack([encoder.encode_question(each.question).vector for each in follow_ups])
    return ActionHead(NAMES, fit(vectors, [each.action for each in follow_ups]))


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit the network and write it beside the encoder; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m eval.training.follow_ups", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of the training material")
    parser.add_argument("--encoder", type=Path, default=FOLDER, metavar="DIR", help="folder of the encoder")
    given = parser.parse_args(arguments)
    written = read_written()
    follow_ups = [*written, *framed(written), *read_material(given.data / "understanding.jsonl")]
    out = given.encoder / "actions.npz"
    out.unlink(missing_ok=True)  # one of another encoder would not load
    head = fit_to(load_encoder(given.encoder), follow_ups)
    arrays: dict[str, Any] = {
        "names": np.array(NAMES),
        "model_sha256": np.array(read_metadata(given.encoder)["model_sha256"]),
        **{name: layer.astype(np.float16) for name, layer in zip(HEAD_LAYERS, head.layers, strict=True)},
    }
    np.savez_compressed(out, **arrays)
    return 0


if __name__ == "__main__":
    sys.exit(main())
