"""What an encoder reaches: kinds, follow-up types, tags, lists of held-out groups, collections; with intervals."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from eval.training.common.measures import Measured, bootstrap, mean, ndcg, temperature
from eval.training.common.tokens import Batch, Pieces, Tokenizer
from eval.training.encoder.material import EncoderMaterial, Labelled, label
from eval.training.encoder.spans import FOLLOW_UPS, KINDS, LABELS, MarkedQuestion
from eval.training.encoder.train import document_batch, question_batch

Floats = NDArray[np.float32]
# A batch → the network's outputs in the order of OUTPUTS: a torch network or an ONNX session.
Read = Callable[[Batch], Sequence[Floats]]


@dataclass(frozen=True, slots=True)
class Encoded:
    """A text's token vectors without padding, its vector, and the logits of its kind, follow-up type and tags."""

    tokens: Floats
    vector: Floats
    kind: Floats
    follow_up: Floats
    tags: Floats


@dataclass(frozen=True, slots=True)
class Collection:
    """Texts of documents, questions, and the grade of documents (by number) for each question."""

    name: str
    documents: tuple[str, ...]
    questions: tuple[str, ...]
    grades: tuple[Mapping[int, float], ...]
    kinds: tuple[str, ...] = ()


def encode(
    read: Read, batches: Callable[[Sequence[Pieces]], Batch], texts: Sequence[Pieces], rows: int
) -> list[Encoded]:
    """Encode texts in order of length."""
    order = sorted(range(len(texts)), key=lambda i: len(texts[i].ids))
    found: dict[int, Encoded] = {}
    for first in range(0, len(order), rows):
        at = order[first : first + rows]
        batch = batches([texts[i] for i in at])
        tokens, vector, kind, follow_up, tags = read(batch)
        counts = batch.attention_mask.sum(1).tolist()
        for i, (number, count) in enumerate(zip(at, counts, strict=True)):
            found[number] = Encoded(tokens[i, :count], vector[i], kind[i], follow_up[i], tags[i, :count])
    return [found[i] for i in range(len(texts))]


def understanding(
    read: Read, questions: Sequence[MarkedQuestion], chosen: Sequence[MarkedQuestion], tokenizer: Tokenizer
) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Measure kinds, follow-up types and tags; temperatures are fitted on the questions for choosing."""
    heat = _temperatures(read, chosen, tokenizer)
    encoded, labelled = _read_questions(read, questions, tokenizer)
    kinds = np.array([each.kind for each in labelled])
    follow_ups = np.array([each.follow_up for each in labelled])
    by_kind = np.stack([each.kind for each in encoded])
    by_follow_up = np.stack([each.follow_up for each in encoded])
    right = by_kind.argmax(1) == kinds
    found = {
        "kind": mean(right.astype(float).tolist()),
        "follow-up type, of five": mean((by_follow_up.argmax(1) == follow_ups).astype(float).tolist()),
        "follow-up type, of follow-ups": mean(
            [float(by_follow_up[i].argmax() == follow_ups[i]) for i in range(len(labelled)) if follow_ups[i]]
        ),
        "follow-up type, of four, given that it is one": mean(
            [float(by_follow_up[i][1:].argmax() + 1 == follow_ups[i]) for i in range(len(labelled)) if follow_ups[i]]
        ),
        "follow-up noticed": mean([float(by_follow_up[i].argmax() > 0) for i in range(len(labelled)) if follow_ups[i]]),
        "standalone taken for a follow-up": mean(
            [float(by_follow_up[i].argmax() > 0) for i in range(len(labelled)) if not follow_ups[i]]
        ),
        "kind, where surer than 0.6": mean(
            [float(right[i]) for i in range(len(right)) if softmax(by_kind[i] / heat["kind"]).max() > 0.6]
        ),
    }
    for number, name in enumerate(KINDS):
        found[f"kind {name}"] = mean(right[kinds == number].astype(float).tolist())
    for number, name in enumerate(FOLLOW_UPS):
        hits = (by_follow_up.argmax(1) == follow_ups)[follow_ups == number]
        found[f"follow-up {name}"] = mean(hits.astype(float).tolist())
    called = [each.tags[2:-1].argmax(1) for each in encoded]
    wanted = [np.array(each.labels[: len(one)], int) for each, one in zip(labelled, called, strict=True)]
    found["tags, token F1"] = _token_f1(called, wanted, None)
    for tag in dict.fromkeys(name[2:] for name in LABELS[1:]):
        found[f"tag {tag}, token F1"] = _token_f1(called, wanted, tag)
    plain = [_types(one) for one in called], [_types(one) for one in wanted]
    filters = [
        float(np.array_equal(np.where(_topical(a), 0, a), np.where(_topical(b), 0, b)))
        for a, b in zip(*plain, strict=True)
        if (~_topical(b) & (b > 0)).any()
    ]
    found["filters exactly right"] = mean(filters)
    return {name: value.as_list() for name, value in found.items()}, heat


def lists(
    read: Read,
    material: EncoderMaterial,
    tag_weights: Floats,
    tokenizer: Tokenizer,
    longest: int,
    split: str,
    rows: int,
) -> dict[str, list[float]]:
    """Measure nDCG@10 of a split's groups by late interaction, by one vector, and by both."""
    units = [unit for unit in material.lists if unit.split == split]
    numbers = sorted({text for unit in units for text in unit.documents})
    read_documents = encode(
        read, lambda texts: document_batch(texts, tokenizer, longest), [material.pieces[i] for i in numbers], rows
    )
    documents = dict(zip(numbers, read_documents, strict=True))
    asked = encode(
        read, lambda texts: question_batch(texts, tokenizer), [material.pieces[unit.text] for unit in units], rows
    )
    values: dict[str, dict[str, list[float]]] = {}
    for unit, question in zip(units, asked, strict=True):
        here = [documents[i] for i in unit.documents]
        scores = scores_of(question, here, tag_weights)
        for way, found in scores.items():
            style = unit.note if unit.source == "list-set" else "facts"
            value = ndcg((2 * unit.belongs).tolist(), found.tolist())
            values.setdefault(way, {}).setdefault(style, []).append(value)
    measured = {}
    for way, by_style in values.items():
        every = [value for style, each in by_style.items() if style != "facts" for value in each]
        for style, each in {**by_style, "all lists": every}.items():
            measured[f"{way}: nDCG@10 {style}"] = mean(each).as_list()
    return measured


def scores_of(question: Encoded, documents: Sequence[Encoded], tag_weights: Floats) -> dict[str, Floats]:
    """Score documents by plain and weighted late interaction, by one vector, and by the mean of two standard scores."""
    best = np.stack([(question.tokens @ each.tokens.T).max(1) for each in documents])
    weights = token_weights(question.tags, tag_weights)
    dense = np.array([question.vector @ each.vector for each in documents])
    late, weighted = best.mean(1), best @ weights / weights.sum()
    return {
        "late": late,
        "late weighted": weighted,
        "dense": dense,
        "both": _standard(weighted) + 0.5 * _standard(dense),
    }


def token_weights(tags: Floats, tag_weights: Floats) -> Floats:
    """Return each token's weight from its tag probabilities and the weights of the tags (O first)."""
    chances = softmax(tags.astype(np.float64), axis=-1)
    by_tag = np.concatenate([chances[:, :1], chances[:, 1::2] + chances[:, 2::2]], 1)
    return np.asarray(by_tag @ tag_weights, np.float32)


def whole_collection(
    read: Read, collection: Collection, tag_weights: Floats, tokenizer: Tokenizer, longest: int, device: str
) -> dict[str, list[float]]:
    """Measure nDCG@10 over all documents of a collection."""
    import torch

    documents = encode(
        read, lambda texts: document_batch(texts, tokenizer, longest), tokenizer.pieces(collection.documents), 256
    )
    questions = encode(
        read, lambda texts: question_batch(texts, tokenizer), tokenizer.pieces(collection.questions), 256
    )
    order = np.argsort([len(each.tokens) for each in documents], kind="stable")
    vectors = torch.tensor(np.stack([each.vector for each in documents])).to(device)
    packed = []
    for first in range(0, len(order), 512):
        at = order[first : first + 512]
        longest_here = max(len(documents[i].tokens) for i in at)
        block = torch.zeros(len(at), longest_here, documents[0].tokens.shape[1])
        for row, i in enumerate(at):
            block[row, : len(documents[i].tokens)] = torch.from_numpy(np.asarray(documents[i].tokens, np.float32))
        packed.append((at, block.to(device, torch.bfloat16)))
    values: dict[str, list[float]] = {}
    for question, grades in zip(questions, collection.grades, strict=True):
        weights = torch.tensor(token_weights(question.tags, tag_weights), device=device)
        tokens = torch.tensor(question.tokens, device=device).to(torch.bfloat16)
        late, plain = (np.zeros(len(documents), np.float32) for _ in range(2))
        for numbers, block in packed:
            best = torch.einsum("th,dsh->dts", tokens, block).amax(-1).float()
            late[numbers] = (best @ weights / weights.sum()).cpu().numpy()
            plain[numbers] = best.mean(1).cpu().numpy()
        dense = (vectors @ torch.tensor(question.vector, device=device)).cpu().numpy()
        both = _standard(late) + 0.5 * _standard(dense)
        wanted = [grades.get(i, 0.0) for i in range(len(documents))]
        for way, scores in {"late": plain, "late weighted": late, "dense": dense, "both": both}.items():
            values.setdefault(way, []).append(ndcg(wanted, scores.tolist()))
    found = {}
    for way, each in values.items():
        found[f"{collection.name}, {way}: nDCG@10"] = mean(each).as_list()
        for kind in dict.fromkeys(collection.kinds):
            part = [value for value, own in zip(each, collection.kinds, strict=True) if own == kind]
            found[f"{collection.name} {kind}, {way}: nDCG@10"] = mean(part).as_list()
    return found


def _read_questions(
    read: Read, questions: Sequence[MarkedQuestion], tokenizer: Tokenizer
) -> tuple[list[Encoded], list[Labelled]]:
    labelled = list(label(questions, tokenizer))
    encoded = encode(read, lambda texts: question_batch(texts, tokenizer), [each.pieces for each in labelled], 256)
    return encoded, labelled


def _temperatures(read: Read, questions: Sequence[MarkedQuestion], tokenizer: Tokenizer) -> dict[str, float]:
    encoded, labelled = _read_questions(read, questions, tokenizer)
    found = {}
    for head in ("kind", "follow_up"):
        logits = np.stack([getattr(each, head) for each in encoded]).astype(np.float64)
        found[head] = temperature(logits, np.array([getattr(each, head) for each in labelled]))
    pieces = np.concatenate([each.tags[2:-1] for each in encoded]).astype(np.float64)
    wanted = np.concatenate([each.labels[: len(one.tags) - 3] for each, one in zip(labelled, encoded, strict=True)])
    found["tags"] = temperature(pieces, wanted.astype(int))
    return found


def _types(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the tag's number of each label, 0 for O: B and I are one."""
    return (labels + 1) // 2


def _topical(types: NDArray[np.int64]) -> NDArray[np.bool_]:
    return np.isin(types, (1, 2))


def _token_f1(called: Sequence[NDArray[np.int64]], wanted: Sequence[NDArray[np.int64]], tag: str | None) -> Measured:
    """Measure the micro-F1 of pieces that have a tag, or the one tag; whole questions are resampled."""
    number = None if tag is None else _types(np.array([LABELS.index(f"B-{tag}")]))[0]
    counts = []
    for a, b in zip(called, wanted, strict=True):
        mine, theirs = _types(a), _types(b)
        mine_of, theirs_of = (each > 0 if number is None else each == number for each in (mine, theirs))
        counts.append((int((theirs_of & (mine == theirs)).sum()), int(mine_of.sum()), int(theirs_of.sum())))
    table = np.array([each for each in counts if each[2] or each[1]] or [(0, 0, 0)])

    def f1(at: NDArray[np.int64]) -> float:
        both, mine, theirs = table[at].sum(0)
        return float(2 * both / (mine + theirs)) if mine + theirs else math.nan

    return bootstrap(table.tolist(), f1)


def _standard(values: Floats) -> Floats:
    return np.asarray((values - values.mean()) / (values.std() + 1e-9), np.float32)
