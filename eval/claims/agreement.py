"""Agreement of verdicts with labelled pairs: accuracy, macro-F1, Cohen's kappa, each class, the confusion matrix.

Macro-F1 is the mean of the classes' F1, so that a rare class counts as much as a frequent one (Sokolova and Lapalme,
2009). Cohen's kappa (1960) is the agreement beyond what the two label frequencies give by chance.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.claims.pairs import LABELS, Label
from eval.stats import Interval
from eval.tables import interval_cell, intervals_to_json, to_table

_DIGITS = 4
_TAILS = (2.5, 97.5)

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ClassScore:
    """Precision, recall and F1 of one label, in [0, 1], and how many pairs carry it (`n`)."""

    label: Label
    precision: float
    recall: float
    f1: float
    n: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """A judge measured against labels; `confusion[i][j]` counts pairs labelled LABELS[i] that were judged LABELS[j]."""

    judge: str
    accuracy: Interval
    macro_f1: Interval
    kappa: Interval
    classes: tuple[ClassScore, ...]
    confusion: tuple[tuple[int, ...], ...]


def agreement(
    judge: str, labels: Sequence[Label], verdicts: Sequence[Label], seed: int = 0, samples: int = 2000
) -> Agreement:
    """Compare verdicts with labels, pair by pair, with 95 % bootstrap intervals; raises ValueError for none."""
    if not labels or len(labels) != len(verdicts):
        raise ValueError(f"{len(labels)} labels do not go with {len(verdicts)} verdicts")
    truth, given = (np.array([LABELS.index(each) for each in side]) for side in (labels, verdicts))
    chosen = np.random.default_rng(seed).integers(0, len(truth), (samples, len(truth)))
    resampled = [_confusion(truth[each], given[each]) for each in chosen]
    counts = _confusion(truth, given)

    def interval(measure: Callable[[Counts], float]) -> Interval:
        low, high = np.percentile([measure(each) for each in resampled], _TAILS)
        return Interval(measure(counts), float(low), float(high), len(truth))

    return Agreement(
        judge,
        interval(_accuracy),
        interval(_macro_f1),
        interval(_kappa),
        tuple(_class_score(label, counts, i) for i, label in enumerate(LABELS)),
        tuple(tuple(int(count) for count in row) for row in counts),
    )


def agreement_to_json(each: Agreement) -> dict[str, Any]:
    """Return one judge's agreement; the rows of `confusion` are labels, its columns verdicts."""
    confusion = {
        label: dict(zip(LABELS, counts, strict=True)) for label, counts in zip(LABELS, each.confusion, strict=True)
    }
    classes = [
        {name: round(value, _DIGITS) if isinstance(value, float) else value for name, value in asdict(known).items()}
        for known in each.classes
    ]
    means = {"accuracy": each.accuracy, "macro_f1": each.macro_f1, "kappa": each.kappa}
    return {"judge": each.judge, **intervals_to_json(means), "classes": classes, "confusion": confusion}


def agreements_to_text(agreements: Sequence[Agreement]) -> str:
    """Return a table of judges, then the first one's classes and confusion matrix."""
    rows = [
        [each.judge, *map(interval_cell, (each.accuracy, each.macro_f1, each.kappa)), str(each.accuracy.n)]
        for each in agreements
    ]
    first = agreements[0]
    classes = [
        [known.label, f"{known.precision:.3f}", f"{known.recall:.3f}", f"{known.f1:.3f}", str(known.n)]
        for known in first.classes
    ]
    confusion = [[label, *map(str, counts)] for label, counts in zip(LABELS, first.confusion, strict=True)]
    return "\n".join(
        (
            to_table(["judge", "accuracy", "macro-F1", "Cohen's kappa", "n"], rows),
            to_table([f"{first.judge}: class", "precision", "recall", "F1", "n"], classes),
            to_table(["labelled \\ judged", *LABELS], confusion),
        )
    )


def _confusion(truth: NDArray[np.int64], given: NDArray[np.int64]) -> Counts:
    size = len(LABELS)
    return np.bincount(size * truth + given, minlength=size * size).reshape(size, size)


def _accuracy(counts: Counts) -> float:
    return float(np.trace(counts) / counts.sum())


def _macro_f1(counts: Counts) -> float:
    """Average F1 over the labels that occur on either side."""
    occurring = counts.sum(axis=0) + counts.sum(axis=1)
    return float(np.mean(2 * np.diagonal(counts)[occurring > 0] / occurring[occurring > 0]))


def _kappa(counts: Counts) -> float:
    """Return 0 where chance alone would agree everywhere, since kappa is undefined there."""
    total = counts.sum()
    chance = float((counts.sum(axis=0) * counts.sum(axis=1)).sum() / total**2)
    return (_accuracy(counts) - chance) / (1 - chance) if chance < 1 else 0.0


def _class_score(label: Label, counts: Counts, i: int) -> ClassScore:
    right, given, there = int(counts[i, i]), int(counts[:, i].sum()), int(counts[i].sum())
    precision, recall = right / given if given else 0.0, right / there if there else 0.0
    return ClassScore(label, precision, recall, 2 * right / (given + there) if given + there else 0.0, there)
