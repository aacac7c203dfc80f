"""Training a cross-encoder on labels and, where there are some, on teachers' logits (Hinton et al., 2015)."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from eval.training.common.optimise import Average, Optimizer, Schedule, autocast
from eval.training.common.prefetch import Pinnable, prepared
from eval.training.common.tokens import Batch, Pieces, Tokenizer, pairs
from eval.training.cross_encoder.examples import Examples, Row, Unit, arrays
from eval.training.cross_encoder.network import CrossEncoder

_log = logging.getLogger(__name__)

# For each source: the chance that a unit is in an epoch, and the rows that are drawn from it.
_DRAWN: Mapping[str, tuple[float, int]] = {
    "list-set": (0.6, 12),
    "list-fact": (0.4, 5),
    "list-none": (0.5, 6),
    "sentences-set": (0.12, 6),
    "sentences-fact": (0.6, 8),
    "sentences-none": (0.4, 4),
    "without": (0.4, 1),
    "little": (0.5, 1),
    "elsewhere": (0.2, 1),
    "planted": (0.4, 2),
    "merged": (0.3, 1),
    "several-merged": (0.5, 1),
    "altered": (0.5, 2),
    "unlabelled": (0.4, 2),
    "scifact-list": (0.6, 5),
    "scitldr-list": (0.25, 5),
    "claim-list": (0.3, 5),
}
_VERDICTS = (
    *("claims", "pairs", "answers", "several", "without", "little", "elsewhere", "planted", "scifact"),
    *("own", "own-pairs", "merged", "several-merged", "altered", "unlabelled"),
)
_HEAD_WEIGHTS = (1.0, 1.0, 1.5, 1.0)
_LISTWISE = 0.3
_TWINS = 0.3
_EVIDENCE = 0.4
_STATES = 1.0
_SOFT_EVIDENCE = 0.5
_MICRO = 2
_BELONGS, _ANSWERS, _SUPPORTS = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Settings:
    """Passes, peak rate, rows a step, tokens a pair, time limit, shares of teachers and data, average, kind of rows."""

    epochs: int = 6
    rate: float = 5e-5
    rows: int = 192
    longest: int = 384
    seconds: float | None = None
    soft: float = 0.6
    share: float = 1.0
    average: float = 0.0
    only: str | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Material:
    """Units with their rows flattened: texts tokenised, pairs, targets, teachers' logits (rows × 4), unit of a row.

    `hard` (rows,) is how likely a document seems to belong, by which the hardest negatives of a list are drawn.
    """

    units: tuple[Unit, ...]
    rows: tuple[Row, ...]
    pieces: tuple[Pieces, ...]
    pairs: NDArray[np.int64]
    targets: NDArray[np.float32]
    soft: NDArray[np.float32] | None
    hard: NDArray[np.float32] | None
    starts: NDArray[np.int64]
    sizes: NDArray[np.int64]

    @classmethod
    def of(
        cls,
        examples: Examples,
        tokenizer: Tokenizer,
        soft: NDArray[np.float32] | None = None,
        hard: NDArray[np.float32] | None = None,
    ) -> Material:
        """Tokenise examples."""
        paired, targets, _ = arrays(examples.units)
        sizes = np.cumsum([0, *(len(unit.rows) for unit in examples.units)])
        rows = tuple(row for unit in examples.units for row in unit.rows)
        pieces = tuple(tokenizer.pieces(examples.texts))
        lengths = np.array([len(each.ids) for each in pieces], np.int64)[paired].sum(1)
        return cls(tuple(examples.units), rows, pieces, paired, targets, soft, hard, sizes, lengths)

    def lengths(self, chosen: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the numbers of pieces of rows."""
        return self.sizes[chosen]

    def batch(self, chosen: NDArray[np.int64], tokenizer: Tokenizer, longest: int) -> Batch:
        """Return rows as a batch."""
        firsts, seconds = ([self.pieces[text] for text in self.pairs[chosen, side]] for side in (0, 1))
        return pairs(firsts, seconds, tokenizer, longest)

    def evidence(self, chosen: NDArray[np.int64], batch: Batch) -> Tensor:
        """Return 1 for tokens of evidence, 0 for other tokens of a second text whose evidence is known, else nan."""
        found = np.full(tuple(batch.input_ids.shape), np.nan, np.float32)
        segments = batch.token_type_ids.numpy()
        for i, number in enumerate(chosen):
            spans = self.rows[number].evidence
            if spans is not None:
                at = int(segments[i].argmax())
                count = int(segments[i].sum()) - 1
                starts = self.pieces[self.pairs[number, 1]].starts[:count]
                within = np.zeros(count, bool)
                for start, end in spans:
                    within |= (starts >= start) & (starts < end)
                found[i, at : at + count] = within
        return torch.from_numpy(found)


@dataclass(frozen=True, slots=True)
class Deeper:
    """A deeper network that reads the same texts beside the student; `layers` are those whose states it imitates."""

    network: CrossEncoder
    layers: tuple[int, ...]

    def read(self, inputs: Mapping[str, Tensor]) -> tuple[list[Tensor], Tensor]:
        """Return the states to imitate, and each token's chance of being evidence."""
        with torch.no_grad():
            states = self.network.body.all_states(**inputs)
            _, evidence = self.network.heads(states[-1])
        return [states[layer] for layer in self.layers], evidence.float().sigmoid()


def train(
    network: CrossEncoder,
    material: Material,
    tokenizer: Tokenizer,
    settings: Settings,
    device: str,
    deeper: Deeper | None = None,
) -> None:
    """Train in place on the units of the training split, with `deeper` to imitate also its states and evidence."""
    torch.manual_seed(settings.seed)
    network.to(device).train()
    if deeper:
        deeper.network.to(device).eval()
    jobs = [chosen for epoch in range(settings.epochs) for chosen in _batches(material, settings, epoch)]
    steps = len(jobs)
    schedule = Schedule(steps, settings.rate, settings.seconds)
    optimizer = Optimizer(network, schedule, {"out": 5.0, "evidence": 5.0})
    average = Average(network, settings.average) if settings.average else None
    losses = []
    prepare = partial(_prepare, material=material, settings=settings, tokenizer=tokenizer)
    for step, ready in enumerate(prepared(jobs, prepare, device)):
        if schedule.done(step) >= 1:
            break
        loss = _loss(network, ready, settings, device, deeper)
        optimizer.step(loss, step)
        if average:
            average.update()
        losses.append(loss.detach())
        if (step + 1) % 200 == 0:
            mean = torch.stack(losses[-200:]).mean().item()
            _log.info("step=%d of=%d done=%.2f loss=%.4f", step + 1, steps, schedule.done(step), mean)
    if average:
        average.apply()
    network.eval()


def wanted_units(material: Material, only: str | None) -> NDArray[np.bool_]:
    """Return which units are of a kind: `verdicts`, `questions`, or all."""
    verdicts = np.array([unit.source in _VERDICTS for unit in material.units], bool)
    return np.ones_like(verdicts) if only is None else verdicts if only == "verdicts" else ~verdicts


def predict(
    network: CrossEncoder,
    material: Material,
    chosen: NDArray[np.int64],
    tokenizer: Tokenizer,
    longest: int,
    device: str,
    rows: int = 512,
) -> tuple[NDArray[np.float32], list[NDArray[np.float32]]]:
    """Return logits (rows × 4) and the evidence logits of each second text's pieces."""
    network.to(device).eval()
    order = np.argsort(material.lengths(chosen), kind="stable")
    logits = np.zeros((len(chosen), 4), np.float32)
    evidence: list[NDArray[np.float32]] = [np.zeros(0, np.float32)] * len(chosen)
    for first in range(0, len(order), rows):
        at = order[first : first + rows]
        batch = material.batch(chosen[at], tokenizer, longest)
        with torch.inference_mode(), autocast(device):
            found, marks = network(**batch.to(device).inputs)
        logits[at] = found.float().cpu().numpy()
        marked, segments = marks.float().cpu().numpy(), batch.token_type_ids.numpy()
        for i, row in enumerate(at):
            evidence[row] = marked[i][segments[i] == 1][:-1]
    return logits, evidence


@dataclass(frozen=True, slots=True)
class Prepared(Pinnable):
    """A step's micro-batches with their wanted evidence, and labels, teachers' chances, weights and units of rows."""

    parts: tuple[tuple[Batch, Tensor], ...]
    labels: Tensor
    soft: Tensor | None
    weights: Tensor
    units: Tensor


def _prepare(chosen: NDArray[np.int64], material: Material, settings: Settings, tokenizer: Tokenizer) -> Prepared:
    rows = chosen[np.argsort(material.lengths(chosen), kind="stable")]
    parts = []
    for part in np.array_split(rows, min(_MICRO, len(rows))):
        batch = material.batch(part, tokenizer, settings.longest)
        parts.append((batch, material.evidence(part, batch)))
    return Prepared(
        tuple(parts),
        torch.from_numpy(material.targets[rows]),
        None if material.soft is None else torch.from_numpy(material.soft[rows]).sigmoid(),
        torch.tensor([material.rows[row].weight for row in rows]),
        torch.from_numpy(np.searchsorted(material.starts, rows, side="right") - 1),
    )


def _batches(material: Material, settings: Settings, epoch: int) -> Iterator[NDArray[np.int64]]:
    """Yield the rows of each step of an epoch: units are drawn by source, shuffled, and kept together."""
    chance = random.Random(f"{settings.seed}/{epoch}")
    kept = random.Random(f"{settings.seed}/share")
    only = wanted_units(material, settings.only)
    drawn: list[list[int]] = []
    for number, unit in enumerate(material.units):
        share, limit = _DRAWN.get(unit.source, (1.0, 2))
        if unit.source == "unlabelled" and material.soft is None:
            continue
        if unit.split == "train" and only[number] and kept.random() < settings.share and chance.random() < share:
            rows = list(range(int(material.starts[number]), int(material.starts[number + 1])))
            drawn.append(_draw(rows, material.targets, material.hard, limit, chance))
    chance.shuffle(drawn)
    batch: list[int] = []
    for rows in drawn:
        batch += rows
        if len(batch) >= settings.rows:
            yield np.array(batch)
            batch = []


def _draw(
    rows: Sequence[int],
    targets: NDArray[np.float32],
    hard: NDArray[np.float32] | None,
    limit: int,
    chance: random.Random,
) -> list[int]:
    """Draw at most `limit` rows, up to half of them with a target above 0, and of the others half of the hardest."""
    if len(rows) <= limit:
        return list(rows)
    positive = [row for row in rows if np.nanmax(np.nan_to_num(targets[row])) > 0]
    negative = [row for row in rows if row not in positive]
    chosen = chance.sample(positive, min(len(positive), max(1, limit // 2)))
    room = min(len(negative), limit - len(chosen))
    hardest = [] if hard is None else sorted(negative, key=lambda row: -hard[row])[: room // 2]
    others = [row for row in negative if row not in hardest]
    return chosen + hardest + chance.sample(others, room - len(hardest))


def _loss(
    network: CrossEncoder, ready: Prepared, settings: Settings, device: str, deeper: Deeper | None = None
) -> Tensor:
    """Read the micro-batches, each of like lengths, and sum the losses of heads, lists, twins and evidence."""
    parts, marks, marked, imitated = [], [], [], []
    for batch, wanted in ready.parts:
        inputs = batch.to(device).inputs
        with autocast(device):
            states = network.body.all_states(**inputs)
            found, evidence = network.heads(states[-1])
            if deeper:
                imitated.append(_imitation(states, evidence, deeper, inputs))
        parts.append(found.float())
        marked.append((~torch.isnan(wanted)).any(1))
        wanted = wanted.to(device, non_blocking=True)
        known = ~torch.isnan(wanted)
        marks.append(_row_mean(_cross_entropy(evidence.float(), torch.nan_to_num(wanted)), known))
    logits = torch.cat(parts)
    labels, weights, units = (each.to(device, non_blocking=True) for each in (ready.labels, ready.weights, ready.units))
    soft = None if ready.soft is None else ready.soft.to(device, non_blocking=True)
    loss = _pointwise(logits, labels, weights, soft, settings.soft)
    lists = labels if soft is None else torch.where(torch.isnan(soft), labels, labels.lerp(soft, settings.soft))
    for head in (_BELONGS, _ANSWERS):
        loss = loss + _LISTWISE * _listwise(logits[:, head], lists[:, head], units)
    loss = loss + _TWINS * _twins(logits[:, _SUPPORTS], labels[:, _SUPPORTS], units)
    loss = loss + _EVIDENCE * torch.cat(marks).sum() / max(1, int(torch.cat(marked).sum()))
    return loss + torch.stack(imitated).mean() if deeper else loss


def _imitation(states: Sequence[Tensor], evidence: Tensor, deeper: Deeper, inputs: Mapping[str, Tensor]) -> Tensor:
    """Return the distance to a deeper network's states (Sun et al., EMNLP 2019), and to its evidence."""
    wanted, chances = deeper.read(inputs)
    tokens = inputs["attention_mask"].bool()
    far = torch.stack(
        [
            functional.mse_loss(own[tokens].float(), other[tokens].float())
            for own, other in zip(states, wanted, strict=True)
        ]
    )
    second = tokens & inputs["token_type_ids"].bool()
    marks = _cross_entropy(evidence.float()[second], chances[second]).mean()
    return _STATES * far.mean() + _SOFT_EVIDENCE * marks


def _pointwise(logits: Tensor, labels: Tensor, weights: Tensor, soft: Tensor | None, share: float) -> Tensor:
    """Return the weighted cross-entropy of known targets, mixed with that of teachers' probabilities where known.

    Of a row without any label theirs is taken alone.
    """
    known = ~torch.isnan(labels)
    losses = _cross_entropy(logits, torch.nan_to_num(labels))
    if soft is not None:
        taught = ~torch.isnan(soft)
        only = _cross_entropy(logits, torch.nan_to_num(soft))
        mixed = (1 - share) * losses + share * only
        unlabelled = taught & ~known.any(1, keepdim=True)
        losses = torch.where(unlabelled, only, torch.where(taught, mixed, losses))
        known = known | unlabelled
    rate = weights[:, None] * torch.tensor(_HEAD_WEIGHTS, device=logits.device) * known
    return (losses * rate).sum() / rate.sum().clamp(min=1.0)


def _listwise(scores: Tensor, labels: Tensor, units: Tensor) -> Tensor:
    """Return the mean cross-entropy of lists' softmaxes against their labels (Cao et al., ICML 2007)."""
    labels = torch.nan_to_num(labels)
    same = units[:, None] == units[None]
    mass = (same * labels[None]).sum(1)
    has = (mass > 0) & (same.sum(1) > 2)
    log = scores - torch.where(same, scores[None], -torch.inf).logsumexp(1)
    lost = torch.where(has, -labels / mass.clamp(min=1e-6) * log, 0.0)
    lists = torch.where(has, 1.0 / same.sum(1), 0.0).sum()
    return lost.sum() / lists.clamp(min=1.0)


def _twins(scores: Tensor, labels: Tensor, units: Tensor) -> Tensor:
    """Return the mean logistic loss of a true sentence's lead over its twin."""
    ahead = (units[:, None] == units[None]) & (labels[:, None] == 1) & (labels[None] == 0)
    lost = torch.where(ahead, functional.softplus(scores[None] - scores[:, None]), 0.0)
    return lost.sum() / ahead.sum().clamp(min=1)


def _cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    return functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")


def _row_mean(values: Tensor, known: Tensor) -> Tensor:
    return (values * known).sum(1) / known.sum(1).clamp(min=1)


def count(network: nn.Module) -> int:
    """Return the number of parameters."""
    return sum(value.numel() for value in network.parameters())
