"""Measures of the sentences that a model wrote; those that were added from a paper's own words are left out.

Citation recall and precision: Gao et al., Enabling Large Language Models to Generate Text with Citations, EMNLP 2023.
Their entailment model reads the cited passages joined; here our own judge speaks, who reads paper by paper, so that a
sentence which only two papers together bear out is not supported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

VERDICTS = ("supported", "partial", "unsupported", "uncited")


def own_sentences(answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """List the sentences of an answer, in the shape of `citedesk ask --json`, that the model wrote or repaired."""
    return [sentence for sentence in answer.get("sentences", ()) if sentence["origin"] != "added"]


def sentence_scores(sentences: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Give the share of sentences with each verdict, and whether all are supported; nothing where there are none.

    `sentences_supported` is citation recall: a sentence counts if the papers that it cites bear it out.
    """
    if not sentences:
        return {}
    verdicts = [sentence["verdict"] for sentence in sentences]
    shares = {f"sentences_{name}": verdicts.count(name) / len(verdicts) for name in VERDICTS}
    return {**shares, "all_supported": float(set(verdicts) == {"supported"})}


def needed_share(sentences: Sequence[Mapping[str, Any]], needed: int | None) -> dict[str, float]:
    """Give citation precision: the share of the sentences' citations that are needed, 0 where there is none."""
    if needed is None or not sentences:
        return {}
    citations = sum(len(sentence["citations"]) for sentence in sentences)
    return {"citations_needed": needed / citations if citations else 0.0}
