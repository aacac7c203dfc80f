"""What a ranker reaches on a collection: ranking, cut, calibration, evidence, refusal; with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.training.common.measures import auc, expected_calibration_error, mean, ndcg
from eval.training.common.sentences import locate
from eval.tuning.examples import Example
from rag.retrieval.passages import abstract_sentences
from rag.retrieval.scoring import best_cut
from rag.types import Hit

_BINS = 10

Floats = NDArray[np.float64]


def measure(
    examples: Sequence[Example], hits: Sequence[Sequence[Hit]], answerable: Floats, threshold: float
) -> dict[str, Any]:
    """Measure rankings over the whole collection and, where groups were judged, over each question's group alone."""
    found: dict[str, Any] = {}
    pairs = list(zip(examples, hits, strict=True))
    answered = [(each, own) for each, own in pairs if each.asked.form != "none"]
    grouped = [(each, own) for each, own in answered if each.asked.judged is not None]
    for scope, asked in (("collection", answered), ("group", grouped)):
        if not asked:
            continue
        by_style: dict[str, list[tuple[float, float]]] = {}
        chances, right = [], []
        for each, own in asked:
            judged = each.asked.judged if scope == "group" else None
            kept = [hit for hit in own if judged is None or hit.paper.paper_id in judged]
            scores, labels = _scored(each, kept)
            for style in dict.fromkeys((each.asked.form, each.asked.style or each.asked.form)):
                by_style.setdefault(style, []).append(_ranking(each, scores, labels))
            chances.append(scores)
            right.append(labels > 0)
        for style, values in by_style.items():
            found[f"{scope}: nDCG@10, {style}"] = mean([value for value, _ in values]).as_list()
            found[f"{scope}: F1 at the cut, {style}"] = mean([value for _, value in values]).as_list()
        found[f"{scope}: calibration"] = calibration(np.concatenate(chances), np.concatenate(right))
    none = np.array([each.asked.form == "none" for each in examples])
    refused = (answerable < threshold).astype(float)
    found["answered, refused"] = mean(refused[~none].tolist()).as_list()
    if none.any():
        found["not answered, refused"] = mean(refused[none].tolist()).as_list()
        found["answered or not, AUC"] = round(auc(~none, answerable), 4)
    return found


def evidence_first(examples: Sequence[Example], form: str) -> list[float]:
    """Measure how often the best sentence of a paper that belongs is the marked one."""
    values = []
    for each in examples:
        places = [i for i, id in enumerate(each.candidates.paper_ids) if id in each.asked.belong]
        if each.asked.form != form or not places or not each.asked.sentences:
            continue
        for i, scores in zip(places, each.read(places), strict=True):
            paper = each.search.library.papers[each.candidates.paper_ids[i]]
            marked = locate(paper.abstract, each.asked.sentences[paper.paper_id])
            if marked:
                start, end = abstract_sentences(paper)[int(np.argmax(scores.sentences))]
                values.append(float(start < marked[1] and marked[0] < end))
    return mean(values).as_list()


def calibration(chances: Floats, right: NDArray[np.bool_]) -> Mapping[str, Any]:
    """Return the expected calibration error, over all and over those above 0.05, and the reliability table.

    A row has the mean probability, the share that belongs, and the number of papers.
    """
    which = np.minimum((chances * _BINS).astype(int), _BINS - 1)
    likely = chances > 0.05
    return {
        "ece": round(expected_calibration_error(chances, right), 4),
        "ece above 0.05": round(expected_calibration_error(chances[likely], right[likely]), 4)
        if likely.any()
        else None,
        "expected papers a question, belonging": [round(float(chances.sum()), 1), int(right.sum())],
        "table": [
            [
                round(float(chances[which == i].mean()), 3),
                round(float(right[which == i].mean()), 3),
                int((which == i).sum()),
            ]
            for i in range(_BINS)
            if (which == i).any()
        ],
    }


def _scored(example: Example, hits: Sequence[Hit]) -> tuple[Floats, Floats]:
    """Return probabilities and labels of the hits of which it is known whether they belong."""
    known = [hit for hit in hits if hit.paper.paper_id not in example.asked.unknown]
    belong = [float(hit.paper.paper_id in example.asked.belong) for hit in known]
    return np.array([hit.score for hit in known]), np.array(belong)


def _ranking(example: Example, scores: Floats, labels: Floats) -> tuple[float, float]:
    """Return nDCG@10 and the F1 of the papers before the cut; papers that were not found count as missed."""
    missed = len(example.asked.belong) - int(labels.sum())
    cited = labels[: best_cut(scores.tolist())]
    f1 = 2 * float(cited.sum()) / (len(cited) + len(example.asked.belong))
    return ndcg([*labels, *[1.0] * missed], [*scores, *[-1.0] * missed]), f1
