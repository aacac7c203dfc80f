"""What the encoder trains on, tokenised: lists of documents for texts, and marked questions."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.training.common.tokens import Pieces, Tokenizer
from eval.training.cross_encoder.examples import Examples
from eval.training.encoder.questions import Questions
from eval.training.encoder.spans import FOLLOW_UPS, KINDS, MarkedQuestion, piece_labels

_LISTS = ("list-set", "list-fact")
_PAIRS = ("scitldr-list", "scifact-list", "claims", "pairs")


@dataclass(frozen=True, slots=True)
class Listed:
    """A text, documents by number, how far each belongs (0 to 1), a teacher's logits if any, source and style."""

    text: int
    documents: tuple[int, ...]
    belongs: NDArray[np.float32]
    soft: NDArray[np.float32] | None
    source: str
    split: str
    note: str


@dataclass(frozen=True, slots=True)
class Labelled:
    """A question's pieces with the numbers of its kind, follow-up type (-1: not known) and piece labels."""

    pieces: Pieces
    kind: int
    follow_up: int
    labels: tuple[int, ...]
    weight: float


@dataclass(frozen=True, slots=True)
class Taught:
    """A teacher's logits for a question: kind, follow-up type, and label of each piece."""

    kind: NDArray[np.float32]
    follow_up: NDArray[np.float32]
    tags: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class EncoderMaterial:
    """Everything tokenised; `taught` goes with `questions`."""

    texts: Sequence[str]
    pieces: tuple[Pieces, ...]
    lists: tuple[Listed, ...]
    pairs: tuple[Listed, ...]
    questions: tuple[Labelled, ...]
    taught: tuple[Taught, ...] | None = None


def make_material(
    examples: Examples,
    soft: NDArray[np.float32] | None,
    questions: Questions,
    taught: Mapping[str, Taught] | None,
    tokenizer: Tokenizer,
    share: float = 1.0,
    seed: int = 0,
) -> EncoderMaterial:
    """Tokenise the lists and the training questions; of the latter and of training lists only a share is taken."""
    kept = random.Random(f"{seed}/share")
    units = [unit for unit in _listed(examples, soft) if unit.split != "train" or kept.random() < share]
    marked = [each for each in questions.train if kept.random() < share]
    unlabelled = [MarkedQuestion(text, "", "", ()) for text in questions.unlabelled] if taught else []
    both = [*marked, *unlabelled]
    return EncoderMaterial(
        examples.texts,
        tuple(tokenizer.pieces(examples.texts)),
        tuple(unit for unit in units if unit.source in _LISTS),
        tuple(unit for unit in units if unit.source in _PAIRS and unit.split == "train"),
        tuple(label(both, tokenizer)),
        tuple(taught[each.text] for each in both) if taught else None,
    )


def label(questions: Sequence[MarkedQuestion], tokenizer: Tokenizer) -> Iterator[Labelled]:
    """Tokenise marked questions; one without a kind has -1 everywhere."""
    for each, pieces in zip(questions, tokenizer.pieces([each.text for each in questions]), strict=True):
        labels = tuple(piece_labels(each.spans, pieces.starts.tolist())) if each.kind else (-1,) * len(pieces.ids)
        kind = KINDS.index(each.kind) if each.kind else -1
        follow_up = FOLLOW_UPS.index(each.follow_up) if each.kind else -1
        yield Labelled(pieces, kind, follow_up, labels, each.weight)


def _listed(examples: Examples, soft: NDArray[np.float32] | None) -> Iterator[Listed]:
    """Read lists from the units; of claims only the supported ones, with their document alone."""
    at = 0
    for unit in examples.units:
        rows = unit.rows
        here = slice(at, at + len(rows))
        at += len(rows)
        if unit.source in ("claims", "pairs"):
            rows = tuple(row for row in rows[:1] if row.targets[2] == 1)
        if unit.source in _LISTS + _PAIRS and rows:
            claim = unit.source in ("claims", "pairs")
            belongs = np.array([1.0 if claim else row.targets[0] for row in rows], np.float32)
            belongs = np.nan_to_num(belongs)
            logits = soft[here, 0] if soft is not None and not claim else None
            if belongs.max() > 0:
                yield Listed(
                    rows[0].first,
                    tuple(row.second for row in rows),
                    belongs,
                    logits,
                    unit.source,
                    unit.split,
                    unit.note,
                )
