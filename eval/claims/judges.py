"""The judges that can be named: Citedesk's entailment model, and thresholds on how near a sentence comes to a claim.

The latter are the baseline that better judges are measured against. An entry in JUDGES makes a judge selectable.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from eval.claims.pairs import LABELS, Label, Pair
from eval.claims.verify import Judge, agreement
from rag.models.encoder import Encoder
from rag.models.entailment import EntailmentModel, load_entailment
from rag.settings import Settings
from rag.text.tokens import tokenize

_NEGATION = re.compile(
    r"\b(no|not|nor|neither|never|without|cannot|fails?|failed|lacks?|lacking|absent|absence|independent|unable)\b"
    r"|n[’']t\b",
    re.IGNORECASE,
)
_STEPS = 100  # thresholds that are tried between the least and the greatest score

Nearness = Callable[[str, Sequence[str]], Sequence[float]]


@dataclass(frozen=True, slots=True)
class ThresholdJudge:
    """Not enough below the threshold; above it support, or contradiction where only one of the two texts negates.

    `nearness` scores each sentence for a claim; the best one speaks for the abstract.
    """

    name: str
    nearness: Nearness
    threshold: float

    def judge(self, claim: str, sentences: Sequence[str]) -> Label:
        """Give the verdict on one claim."""
        return self._verdict(*self._best(claim, sentences))

    def fitted(self, pairs: Iterable[Pair]) -> ThresholdJudge:
        """Choose the threshold with the highest macro-F1 on labelled pairs; raises ValueError where there are none."""
        known = [(pair.label, self._best(pair.claim, pair.sentences)) for pair in pairs]
        if not known:
            raise ValueError("no pairs to choose a threshold on")
        labels = [label for label, _ in known]
        scores = [best[0] for _, best in known]

        def quality(threshold: float) -> float:
            judge = replace(self, threshold=threshold)
            return agreement(self.name, labels, [judge._verdict(*best) for _, best in known], samples=1).macro_f1.mean

        return replace(self, threshold=max(map(float, np.linspace(min(scores), max(scores), _STEPS)), key=quality))

    def _best(self, claim: str, sentences: Sequence[str]) -> tuple[float, bool]:
        """Find the best sentence: its score, and whether only it or only the claim negates."""
        scores = self.nearness(claim, sentences)
        best = max(range(len(sentences)), key=lambda i: scores[i])
        return float(scores[best]), bool(_NEGATION.search(claim)) != bool(_NEGATION.search(sentences[best]))

    def _verdict(self, score: float, opposed: bool) -> Label:
        if score < self.threshold:
            return "not_enough"
        return "contradict" if opposed else "support"


@dataclass(frozen=True, slots=True)
class EntailmentJudge:
    """Gives the most likely of the entailment model's three labels, the sentences being read as one text."""

    name: str
    model: EntailmentModel

    def judge(self, claim: str, sentences: Sequence[str]) -> Label:
        """Give the verdict on one claim; raises ModelFailed."""
        return LABELS[int(self.model.probabilities(claim, [" ".join(sentences)])[0].argmax())]


def shared_terms(claim: str, sentences: Sequence[str]) -> list[float]:
    """Give the share of the claim's distinct terms that each sentence holds, in [0, 1]."""
    terms = set(tokenize(claim))
    return [len(terms & set(tokenize(sentence))) / (len(terms) or 1) for sentence in sentences]


def cosines(embedder: Encoder) -> Nearness:
    """Score sentences by their cosine with the claim, both embedded as texts of one kind."""

    def nearness(claim: str, sentences: Sequence[str]) -> list[float]:
        vectors = embedder.encode_documents([claim, *sentences])
        return [float(cosine) for cosine in vectors[1:] @ vectors[0]]

    return nearness


def entailment_judge(settings: Settings) -> EntailmentJudge:
    """Judge by the entailment model that comes with Citedesk; raises ModelUnavailable."""
    return EntailmentJudge("entailment", load_entailment())


def lexical_judge(settings: Settings) -> ThresholdJudge:
    """Judge by shared terms; the threshold is the best on SciFact's training pairs."""
    return ThresholdJudge("lexical", shared_terms, 0.34)


def dense_judge(settings: Settings) -> ThresholdJudge:
    """Judge by the configured embedding model's cosines; the threshold is for bge-small."""
    from rag.models.encoder import load_encoder  # its model is only needed here

    return ThresholdJudge("dense", cosines(load_encoder(settings.embed_model)), 0.789)


def llm_judge(settings: Settings) -> Judge:
    """Judge by the configured endpoint; raises UsageError where there is none."""
    from eval.claims.llm_judge import LLMJudge  # 3 s of imports

    return LLMJudge(settings)


JUDGES: Mapping[str, Callable[[Settings], Judge]] = {
    "entailment": entailment_judge,
    "lexical": lexical_judge,
    "dense": dense_judge,
    "llm": llm_judge,
}
