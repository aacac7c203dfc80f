"""Train a cross-encoder with three logits on packed examples, for a given time."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from eval.training.entailment.pack import rows

_log = logging.getLogger(__name__)

_CLASSES = 3
_BUCKETS = 50  # batches whose rows are sorted by length together
_WARM_UP = 0.04
_STEPS = 200  # between two lines of progress
_SOFT = 0.7  # weight of a teacher's probabilities beside the labels


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """Seconds, learning rate, rows in a batch, tokens in a row."""

    seconds: float
    rate: float = 2e-4
    batch: int = 256
    longest: int = 320
    seed: int = 0


@dataclass(frozen=True, slots=True)
class TrainingRows:
    """Examples on the device: padded ids, lengths of rows and of their claims, labels, names of sources."""

    ids: Tensor
    lengths: NDArray[np.int64]
    claims: Tensor
    labels: Tensor
    sources: NDArray[Any]

    def inputs(self, chosen: NDArray[np.int64]) -> dict[str, Tensor]:
        """Return a batch as the network's inputs, cut at its longest row."""
        at = torch.from_numpy(chosen).to(self.ids.device)
        width = int(-(-self.lengths[chosen].max() // 16) * 16)
        ids = self.ids[at, :width].long()
        place = torch.arange(width, device=ids.device)[None]
        real = place < torch.from_numpy(self.lengths[chosen]).to(ids.device)[:, None]
        evidence = (place >= self.claims[at].long()[:, None]) & real
        return {"input_ids": ids, "attention_mask": real.long(), "token_type_ids": evidence.long()}


def load_rows(path: Path, cls: int, sep: int, longest: int, device: str) -> TrainingRows:
    """Load packed examples onto the device."""
    with np.load(path) as file:
        packed = dict(file)
    ids, lengths, claims = rows(packed, cls, sep, longest)
    return TrainingRows(
        torch.from_numpy(ids.astype(np.int32)).to(device),
        lengths.astype(np.int64),
        torch.from_numpy(claims.astype(np.int32)).to(device),
        torch.from_numpy(packed["label"].astype(np.int64)).to(device),
        packed["sources"][packed["source"]],
    )


def train(network: nn.Module, data: TrainingRows, settings: TrainingSettings, soft: Tensor | None = None) -> None:
    """Train in place for the given time; `soft` are a teacher's probabilities, which then outweigh the labels."""
    groups = [
        {"params": [p for p in network.parameters() if p.ndim > 1], "weight_decay": 0.01},
        {"params": [p for p in network.parameters() if p.ndim <= 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=settings.rate)
    network.train()
    began = time.monotonic()
    for step, chosen in enumerate(_batches(data.lengths, settings.batch, settings.seed)):
        done = (time.monotonic() - began) / settings.seconds
        if done >= 1:
            break
        for group in optimizer.param_groups:
            group["lr"] = settings.rate * min(done / _WARM_UP, (1 - done) / (1 - _WARM_UP))
        at = torch.from_numpy(chosen).to(data.labels.device)
        with torch.autocast(data.labels.device.type, torch.bfloat16):
            logits = network(**data.inputs(chosen)).logits.float()
        loss = nn.functional.cross_entropy(logits, data.labels[at], label_smoothing=0.03)
        if soft is not None:
            loss = (1 - _SOFT) * loss + _SOFT * nn.functional.cross_entropy(logits, soft[at])
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        if step % _STEPS == 0:
            _log.info("epochs=%.2f done=%.2f loss=%.3f", step * settings.batch / len(data.lengths), done, loss.item())
    network.eval()


def probabilities(network: nn.Module, data: TrainingRows, batch: int = 512) -> Tensor:
    """Return the three probabilities of each row."""
    order = np.argsort(data.lengths)
    found = torch.empty(len(order), _CLASSES, device=data.labels.device)
    with torch.inference_mode(), torch.autocast(data.labels.device.type, torch.bfloat16):
        for first in range(0, len(order), batch):
            chosen = order[first : first + batch]
            found[torch.from_numpy(chosen).to(found.device)] = network(**data.inputs(chosen)).logits.float().softmax(-1)
    return found


def report(found: Tensor, data: TrainingRows) -> Iterator[str]:
    """Yield the accuracy by source, as text."""
    right = (found.argmax(-1) == data.labels).cpu().numpy()
    yield f"all {right.mean():.4f} n={len(right)}"
    for source in np.unique(data.sources):
        of = data.sources == source
        yield f"{source} {right[of].mean():.3f} n={of.sum()}"


def _batches(lengths: NDArray[np.int64], size: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """Yield batches of rows of similar length, in random order and without end."""
    chance = np.random.default_rng(seed)
    while True:
        order = chance.permutation(len(lengths))
        for first in range(0, len(order), size * _BUCKETS):
            bucket = order[first : first + size * _BUCKETS]
            bucket = bucket[np.argsort(lengths[bucket], kind="stable")]
            cut = [bucket[i : i + size] for i in range(0, len(bucket), size)]
            for i in chance.permutation(len(cut)):
                yield cut[i]
