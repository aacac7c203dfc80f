"""Training the encoder's heads together: lists by late interaction and by one vector, kinds and tags of questions."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from eval.training.common.optimise import Average, Optimizer, Schedule, autocast
from eval.training.common.prefetch import Pinnable, prepared
from eval.training.common.tokens import Batch, Pieces, Tokenizer, single
from eval.training.encoder.material import EncoderMaterial, Listed, Taught
from eval.training.encoder.network import DOCUMENT_MARK, QUESTION_MARK, Encoder, Scorer

_log = logging.getLogger(__name__)

_MAX_QUESTION_LENGTH = 96
_MICRO = 3
_BEFORE = 2  # [CLS] and the mark stand before a question's pieces


@dataclass(frozen=True, slots=True)
class Settings:
    """Passes over the lists, peak rate, what a step holds, weights of the losses, heads left out, limits, seed."""

    epochs: int = 10
    rate: float = 1e-4
    lists: int = 10
    documents: int = 14
    pairs: int = 24
    questions: int = 64
    longest: int = 384
    distil: float = 0.5
    dense: float = 0.5
    understand: float = 1.0
    average: float = 0.998
    seconds: float | None = None
    share: float = 1.0
    seed: int = 0
    without: tuple[str, ...] = ()


def train(
    network: Encoder, scorer: Scorer, material: EncoderMaterial, tokenizer: Tokenizer, settings: Settings, device: str
) -> None:
    """Train network and scorer in place."""
    torch.manual_seed(settings.seed)
    both = nn.ModuleDict({"network": network, "scorer": scorer}).to(device).train()
    listed = sum(each.split == "train" for each in material.lists) // settings.lists
    asked = len(material.questions) // settings.questions
    schedule = Schedule(
        max(1, asked if "lists" in settings.without else listed) * settings.epochs, settings.rate, settings.seconds
    )
    faster = {f"network.{name}": 5.0 for name in ("kind", "follow_up", "tags")} | {"scorer": 50.0}
    optimizer = Optimizer(both, schedule, faster)
    average = Average(both, settings.average) if settings.average else None
    losses: list[Tensor] = []
    prepare = partial(_prepare, material=material, settings=settings, tokenizer=tokenizer)
    for step, ready in enumerate(prepared(_jobs(material, settings, schedule.steps), prepare, device)):
        if schedule.done(step) >= 1:
            break
        parts = []
        if ready.lists is not None:
            parts.append(_list_loss(network, scorer, ready.lists, settings, device))
        if ready.questions is not None:
            parts.append(settings.understand * _question_loss(network, ready.questions, device))
        loss = torch.stack(parts).sum()
        optimizer.step(loss, step)
        if average:
            average.update()
        losses.append(torch.stack(parts).detach())
        if (step + 1) % 200 == 0:
            mean = torch.stack(losses[-200:]).mean(0).tolist()
            _log.info("step=%d of=%d done=%.2f losses=%s", step + 1, schedule.steps, schedule.done(step), mean)
    if average:
        average.apply()
    both.eval()


def _endless(items: Sequence[int] | Sequence[Listed], size: int, chance: random.Random) -> Iterator[list]:  # type: ignore[type-arg]
    """Yield batches of shuffled items again and again."""
    order: list[int] = []
    while items:
        if len(order) < size:
            order += chance.sample(range(len(items)), len(items))
        batch, order = order[:size], order[size:]
        yield [items[i] for i in batch]


@dataclass(frozen=True, slots=True)
class PreparedLists(Pinnable):
    """Texts, micro-batches of documents, and for each text and document how far it belongs and a teacher's logit."""

    texts: Batch
    documents: tuple[Batch, ...]
    belongs: Tensor
    soft: Tensor


@dataclass(frozen=True, slots=True)
class PreparedQuestions(Pinnable):
    """Questions with their weights, kinds, follow-up types and piece labels (-1: none), and teachers' logits."""

    batch: Batch
    weights: Tensor
    kinds: Tensor
    follow_ups: Tensor
    labels: Tensor
    taught: tuple[Taught, ...] | None


@dataclass(frozen=True, slots=True)
class Prepared(Pinnable):
    """What one step reads."""

    lists: PreparedLists | None
    questions: PreparedQuestions | None


@dataclass(frozen=True, slots=True)
class Job:
    """The lists and the numbers of the questions of one step, and the seed of its draws."""

    units: tuple[Listed, ...]
    questions: tuple[int, ...]
    seed: int


def _jobs(material: EncoderMaterial, settings: Settings, steps: int) -> list[Job]:
    chance = random.Random(f"{settings.seed}/train")
    lists = [each for each in material.lists if each.split == "train"]
    drawn, paired = _endless(lists, settings.lists, chance), _endless(material.pairs, settings.pairs, chance)
    asked = _endless(range(len(material.questions)), settings.questions, chance)
    jobs = []
    for step in range(steps):
        units = [] if "lists" in settings.without else [*next(drawn), *(next(paired) if material.pairs else [])]
        jobs.append(Job(tuple(units), () if "questions" in settings.without else tuple(next(asked)), step))
    return jobs


def _prepare(job: Job, material: EncoderMaterial, settings: Settings, tokenizer: Tokenizer) -> Prepared:
    chance = random.Random(f"{settings.seed}/{job.seed}")
    return Prepared(
        _prepare_lists(material, job.units, settings, tokenizer, chance) if job.units else None,
        _prepare_questions(material, job.questions, tokenizer) if job.questions else None,
    )


def _prepare_lists(
    material: EncoderMaterial, units: Sequence[Listed], settings: Settings, tokenizer: Tokenizer, chance: random.Random
) -> PreparedLists:
    picked = [_pick(unit, settings.documents, chance) for unit in units]
    columns = dict.fromkeys(unit.documents[i] for unit, chosen in zip(units, picked, strict=True) for i in chosen)
    documents = sorted(columns, key=lambda text: len(material.pieces[text].ids))
    place = {text: column for column, text in enumerate(documents)}
    belongs, soft = (np.full((len(units), len(documents)), fill, np.float32) for fill in (0.0, -np.inf))
    for row, (unit, chosen) in enumerate(zip(units, picked, strict=True)):
        for i in chosen:
            belongs[row, place[unit.documents[i]]] = unit.belongs[i]
            if unit.soft is not None:
                soft[row, place[unit.documents[i]]] = unit.soft[i]
    pieces = [material.pieces[text] for text in documents]
    batches = [
        document_batch([pieces[i] for i in part], tokenizer, settings.longest)
        for part in np.array_split(np.arange(len(pieces)), min(_MICRO, len(pieces)))
    ]
    texts = question_batch([material.pieces[unit.text] for unit in units], tokenizer)
    return PreparedLists(texts, tuple(batches), torch.from_numpy(belongs), torch.from_numpy(soft))


def _prepare_questions(material: EncoderMaterial, chosen: Sequence[int], tokenizer: Tokenizer) -> PreparedQuestions:
    rows = [material.questions[i] for i in chosen]
    batch = question_batch([row.pieces for row in rows], tokenizer)
    labels = torch.full(batch.input_ids.shape, -1)
    for i, row in enumerate(rows):
        count = min(len(row.labels), _MAX_QUESTION_LENGTH - _BEFORE - 1)
        labels[i, _BEFORE : _BEFORE + count] = torch.tensor(row.labels[:count])
    return PreparedQuestions(
        batch,
        torch.tensor([row.weight for row in rows]),
        torch.tensor([row.kind for row in rows]),
        torch.tensor([row.follow_up for row in rows]),
        labels,
        None if material.taught is None else tuple(material.taught[i] for i in chosen),
    )


def _list_loss(network: Encoder, scorer: Scorer, prepared: PreparedLists, settings: Settings, device: str) -> Tensor:
    """Score each text against all documents of the step: softmax against labels, and against the teacher's list."""
    late, dense = score(network, scorer, prepared.texts, prepared.documents, device)
    wanted, taught = prepared.belongs.to(device, non_blocking=True), prepared.soft.to(device, non_blocking=True)
    loss = late.sum() * 0
    for name, scores, weight in (("late", late, 1.0), ("dense", dense, settings.dense)):
        if name not in settings.without:
            loss = loss + weight * (_listwise(scores, wanted) + settings.distil * _taught(scores, taught))
    return loss


def _pick(unit: Listed, limit: int, chance: random.Random) -> list[int]:
    """Pick documents of a list: those that belong first, then others, the teacher's highest half of them at least."""
    positive = [i for i, value in enumerate(unit.belongs) if value > 0]
    negative = [i for i, value in enumerate(unit.belongs) if value == 0]
    positive = chance.sample(positive, min(len(positive), max(1, limit // 2)))
    room = min(len(negative), limit - len(positive))
    soft = unit.soft
    if soft is None:
        return positive + chance.sample(negative, room)
    hard = sorted(negative, key=lambda i: -soft[i])[: room // 2]
    return positive + hard + chance.sample([i for i in negative if i not in hard], room - len(hard))


def score(
    network: Encoder, scorer: Scorer, texts: Batch, documents: Sequence[Batch], device: str
) -> tuple[Tensor, Tensor]:
    """Return late and dense scores (texts, documents)."""
    asked = texts.to(device)
    with autocast(device):
        tokens, vector, _, _, tags = network(**asked.inputs)
    weights = scorer.weights(tags.detach(), asked.attention_mask)
    late, dense = [], []
    for part in documents:
        batch = part.to(device)
        with autocast(device):
            found, one, _, _, _ = network(**batch.inputs)
            late.append(scorer.late(weights, tokens, found, batch.attention_mask).float())
        dense.append(scorer.dense(vector.float(), one.float()))
    return torch.cat(late, 1), torch.cat(dense, 1)


def _listwise(scores: Tensor, belongs: Tensor) -> Tensor:
    share = belongs / belongs.sum(1, keepdim=True).clamp(min=1e-6)
    return -(share * scores.log_softmax(1)).sum(1).mean()


def _taught(scores: Tensor, soft: Tensor) -> Tensor:
    """Return the divergence of a list's softmax from its teacher's, over the documents that the teacher read."""
    read = torch.isfinite(soft)
    has = (read.sum(1) > 1).float()
    target = soft.masked_fill(~read, -1e4).softmax(1)
    log = scores.masked_fill(~read, -1e4).log_softmax(1)
    lost = torch.where(read, torch.special.xlogy(target, target) - target * log, 0.0).sum(1)
    return (lost * has).sum() / has.sum().clamp(min=1.0)


def _question_loss(network: Encoder, prepared: PreparedQuestions, device: str) -> Tensor:
    """Sum the losses of kind, follow-up type and labels, of marks and, half and half, of a teacher's logits."""
    with autocast(device):
        _, _, kind, follow_up, tags = network(**prepared.batch.to(device).inputs)
    weights, kinds, follow_ups, labels = (
        each.to(device, non_blocking=True)
        for each in (prepared.weights, prepared.kinds, prepared.follow_ups, prepared.labels)
    )
    rate = weights[:, None].expand_as(labels)
    loss = _weighted(kind, kinds, weights) + _weighted(follow_up, follow_ups, weights)
    # Most questions follow nothing, so that the types proper would be learnt last: learn them among themselves too.
    loss = loss + 0.5 * _weighted(follow_up[:, 1:], (follow_ups - 1).clamp(min=-1), weights)
    loss = loss + _weighted(tags.flatten(0, 1), labels.flatten(), rate.flatten())
    if prepared.taught is None:
        return loss
    return 0.5 * loss + 0.5 * _question_taught(kind, follow_up, tags, prepared.taught, device)


def _question_taught(kind: Tensor, follow_up: Tensor, tags: Tensor, taught: Sequence[Taught], device: str) -> Tensor:
    loss = _divergence(kind, np.stack([each.kind for each in taught]), device)
    loss = loss + _divergence(follow_up, np.stack([each.follow_up for each in taught]), device)
    counts = [min(len(each.tags), tags.shape[1] - _BEFORE - 1) for each in taught]
    mine = torch.cat([tags[i, _BEFORE : _BEFORE + count] for i, count in enumerate(counts)])
    theirs = np.concatenate([each.tags[:count] for each, count in zip(taught, counts, strict=True)])
    return loss + _divergence(mine, theirs, device)


def _divergence(logits: Tensor, taught: NDArray[np.float32], device: str) -> Tensor:
    target = torch.from_numpy(taught.astype(np.float32)).to(device).softmax(-1)
    return functional.cross_entropy(logits.float(), target)


def _weighted(logits: Tensor, wanted: Tensor, weights: Tensor) -> Tensor:
    """Return the weighted cross-entropy of the rows whose label is known."""
    losses = functional.cross_entropy(logits.float(), wanted, ignore_index=-1, reduction="none", label_smoothing=0.03)
    known = weights * (wanted >= 0)
    return (losses * known).sum() / known.sum().clamp(min=1e-6)


def question_batch(pieces: Sequence[Pieces], tokenizer: Tokenizer) -> Batch:
    """Lay questions out as the encoder reads them."""
    return single(pieces, tokenizer, tokenizer.id(QUESTION_MARK), _MAX_QUESTION_LENGTH)


def document_batch(pieces: Sequence[Pieces], tokenizer: Tokenizer, longest: int) -> Batch:
    """Lay documents out as the encoder reads them."""
    return single(pieces, tokenizer, tokenizer.id(DOCUMENT_MARK), longest)
