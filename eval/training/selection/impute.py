"""Labels of papers that nobody judged, from what the cross-encoder says of those that rank best."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from eval.tuning.examples import Example
from eval.tuning.fit import fit_relevance
from rag.retrieval.scoring import best, relevance_features

_ROUNDS = 2  # of fitting, and of reading what is then best


def impute(examples: Sequence[Example], rerank_depth: int, chance: Callable[[float], float]) -> list[Example]:
    """Return the examples with the chance of belonging as the label of papers that nobody judged.

    `chance` gives it from the cross-encoder's logit, which reads the best; the rest does not belong.
    """
    imputed = list(examples)
    for _ in range(_ROUNDS):
        relevance = fit_relevance(imputed)
        for i, each in enumerate(examples):
            if each.asked.judged is None or each.asked.form == "none":
                continue
            labels = each.belongs.copy()
            read = best(relevance.logits(relevance_features(each.candidates.signals)), rerank_depth)
            for j, scores in zip(read, each.read(read), strict=True):
                if each.candidates.paper_ids[j] not in each.asked.judged:
                    labels[j] = chance(scores.belongs)
            imputed[i] = replace(each, belongs=labels)
    return imputed
