"""What a cross-encoder reaches on one split: lists, evidence sentences, refusals, claims; with intervals (pure)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from eval.training.common.measures import (
    Floats,
    Measured,
    auc,
    balanced_accuracy,
    balanced_threshold,
    bootstrap,
    expected_calibration_error,
    mean,
    ndcg,
    platt,
    share,
)
from eval.training.common.sentences import sentence_spans
from eval.training.cross_encoder.examples import Examples, Unit
from eval.training.cross_encoder.train import Material

_CLAIMS = ("claims", "pairs", "answers", "several", "own", "own-pairs")
_FALSE_SHARE = 0.06

Logits = NDArray[np.float32]


def thresholds(material: Material, logits: Mapping[int, Logits]) -> dict[str, list[float] | float]:
    """Choose, on the split for choosing, two cuts of `supports` and calibrations (slope, intercept) of three heads.

    `supports_cut` passes at most a small share of false sentences; `supports_even_cut` has the best balanced accuracy.
    """
    right, scores = _claim_scores(material, logits, "choose", ("claims", "answers", "own"))
    found: dict[str, list[float] | float] = {"supports_cut": balanced_threshold(right, scores, _FALSE_SHARE)}
    found["supports_even_cut"] = balanced_threshold(right, scores, 1.0)
    found["supports_platt"] = list(platt(scores, right))
    for head, name in ((0, "belongs"), (1, "answers")):
        labels, values = _head_scores(material, logits, "choose", head)
        found[f"{name}_platt"] = list(platt(values, labels))
    return found


def report(
    examples: Examples,
    material: Material,
    logits: Mapping[int, Logits],
    evidence: Mapping[int, NDArray[np.float32]],
    chosen: Mapping[str, list[float] | float],
    split: str = "held",
) -> dict[str, list[float]]:
    """Measure everything on a split: name → value, low, high, n."""
    found: dict[str, Measured] = {}
    for note in ("tech", "semi", "lay", "cross"):
        found[f"lists nDCG@10 {note}"] = _lists(material, logits, split, "list-set", note)
    found["lists nDCG@10 all"] = _lists(material, logits, split, "list-set")
    found["facts nDCG@10"] = _lists(material, logits, split, "list-fact")
    found["evidence sentence first, facts"] = _sentence_first(material, logits, split, "sentences-fact")
    found["evidence sentence first, lists"] = _sentence_first(material, logits, split, "sentences-set")
    for source in ("list-fact", "list-set"):
        found[f"evidence head: sentence first, {source}"] = _evidence_first(examples, material, evidence, split, source)
    found["refusal AUC, whole abstracts"] = _refusal(material, logits, split)
    for source in _CLAIMS:
        found |= _claims(material, logits, split, source, float(np.asarray(chosen["supports_cut"])))
        even = _claims(material, logits, split, source, float(np.asarray(chosen["supports_even_cut"])))
        found |= {f"{name}, even cut": value for name, value in even.items() if "AUC" not in name}
    slope, shift = np.asarray(chosen["belongs_platt"])
    labels, values = _head_scores(material, logits, split, 0)
    chance = 1 / (1 + np.exp(-(slope * values + shift)))
    found["belongs, expected calibration error"] = Measured(
        expected_calibration_error(chance, labels), float("nan"), float("nan"), len(labels)
    )
    found["scifact verify macro-F1"] = _scifact(material, logits, split)
    return {name: value.as_list() for name, value in found.items()}


def by_origin(
    material: Material, logits: Mapping[int, Logits], cut: float, split: str = "held"
) -> dict[str, list[float]]:
    """Return, for each label and origin of claims, the share called rightly and the number."""
    found: dict[str, list[bool]] = {}
    for number, unit in _units(material, split, _CLAIMS):
        for row, value in zip(unit.rows, logits[number][:, 2], strict=True):
            name = unit.note if unit.source != "pairs" else f"{'s' if row.targets[2] else 'f'}:pair {unit.note}"
            found.setdefault(name, []).append(bool(value > cut) == (row.targets[2] == 1))
    return {name: [round(float(np.mean(each)), 3), len(each)] for name, each in sorted(found.items())}


def _units(material: Material, split: str, sources: Sequence[str]) -> list[tuple[int, Unit]]:
    return [
        (number, unit) for number, unit in enumerate(material.units) if unit.split == split and unit.source in sources
    ]


def _lists(
    material: Material, logits: Mapping[int, Logits], split: str, source: str, note: str | None = None
) -> Measured:
    values = []
    for number, unit in _units(material, split, (source,)):
        grades = [2 * row.targets[0] if row.targets[0] > 0 else 0.0 for row in unit.rows]
        if note in (None, unit.note) and any(grades):
            values.append(ndcg(grades, logits[number][:, 0].tolist()))
    return mean(values)


def _sentence_first(material: Material, logits: Mapping[int, Logits], split: str, source: str) -> Measured:
    return mean(
        [
            float(unit.rows[int(logits[number][:, 1].argmax())].targets[1] == 1)
            for number, unit in _units(material, split, (source,))
        ]
    )


def _evidence_first(
    examples: Examples, material: Material, evidence: Mapping[int, NDArray[np.float32]], split: str, source: str
) -> Measured:
    """Measure how often the sentence with the highest mean evidence logit is a marked one."""
    hits = []
    for number, unit in _units(material, split, (source,)):
        for offset, row in enumerate(unit.rows):
            if row.evidence is not None:
                marks = evidence[int(material.starts[number]) + offset]
                starts = material.pieces[row.second].starts[: len(marks)]
                spans = sentence_spans(examples.texts[row.second])
                means = [
                    marks[within].mean() if (within := (starts >= a) & (starts < b)).any() else -np.inf
                    for a, b in spans
                ]
                best = spans[int(np.argmax(means))]
                hits.append(float(any(best[0] < end and start < best[1] for start, end in row.evidence)))
    return mean(hits)


def _refusal(material: Material, logits: Mapping[int, Logits], split: str) -> Measured:
    """Measure how well the highest `answers` of a group separates answered questions from unanswered ones."""
    values, right = [], []
    for number, unit in _units(material, split, ("list-set", "list-fact", "list-none")):
        values.append(float(logits[number][:, 1].max()))
        right.append(unit.source != "list-none")
    scores, labels = np.array(values), np.array(right)
    return bootstrap(values, lambda at: auc(labels[at], scores[at]))


def _claim_scores(
    material: Material, logits: Mapping[int, Logits], split: str, sources: Sequence[str]
) -> tuple[NDArray[np.bool_], Floats]:
    units = _units(material, split, sources)
    right = [row.targets[2] == 1 for _, unit in units for row in unit.rows]
    scores = [value for number, _ in units for value in logits[number][:, 2]]
    return np.array(right, bool), np.array(scores, np.float64)


def _claims(
    material: Material, logits: Mapping[int, Logits], split: str, source: str, cut: float
) -> dict[str, Measured]:
    """Measure the calls of `supports`; whole documents are resampled."""
    right, scores = _claim_scores(material, logits, split, (source,))
    called = scores > cut
    seconds = [row.second for _, unit in _units(material, split, (source,)) for row in unit.rows]
    documents = [np.flatnonzero(np.array(seconds) == each) for each in dict.fromkeys(seconds)]

    def over(measure: Callable[[NDArray[np.int64]], float]) -> Measured:
        drawn = bootstrap(documents, lambda at: measure(np.concatenate([documents[i] for i in at])))
        return Measured(drawn.value, drawn.low, drawn.high, len(right))

    return {
        f"{source}: balanced accuracy": over(lambda at: balanced_accuracy(right[at], called[at])),
        f"{source}: false called supported": over(lambda at: share(called[at][~right[at]])),
        f"{source}: true not called supported": over(lambda at: share(~called[at][right[at]])),
        f"{source}: AUC": over(lambda at: auc(right[at], scores[at])),
    }


def _head_scores(
    material: Material, logits: Mapping[int, Logits], split: str, head: int
) -> tuple[NDArray[np.bool_], Floats]:
    labels, scores = [], []
    for number, unit in _units(material, split, ("list-set", "list-fact", "list-none")):
        for row, values in zip(unit.rows, logits[number], strict=True):
            if row.targets[head] in (0.0, 1.0):
                labels.append(row.targets[head] == 1.0)
                scores.append(float(values[head]))
    return np.array(labels, bool), np.array(scores, np.float64)


def _scifact(material: Material, logits: Mapping[int, Logits], split: str) -> Measured:
    """Measure the macro-F1 of three verdicts: the likelier of support and contradiction where it is above one half."""
    names = ("SUPPORT", "CONTRADICT", "NOT_ENOUGH_INFO")
    units = _units(material, split, ("scifact",))
    labels = np.array([names.index(unit.note) for _, unit in units])
    heads = np.array([logits[number][0, 2:] for number, _ in units]).reshape(-1, 2)
    called = np.where(heads.max(1) > 0, heads.argmax(1), 2)

    def macro(at: NDArray[np.int64]) -> float:
        scores = []
        for verdict in range(3):
            both = ((labels[at] == verdict) & (called[at] == verdict)).sum()
            scores.append(2 * both / max(1, (labels[at] == verdict).sum() + (called[at] == verdict).sum()))
        return float(np.mean(scores))

    return bootstrap(units, macro)
