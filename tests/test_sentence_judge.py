from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from rag.models.onnx import Array
from rag.types import Quote
from rag.verification.judge import SentenceJudge, plain_claim
from tests.fakes import CACHE_PAPER, PEBBLE, QUANTUM_PAPER, REEF, ROBOT_PAPER, WordEntailment

JUDGE = SentenceJudge(WordEntailment())


class Saying:
    """Gives the same probabilities for every text, and keeps the claims."""

    def __init__(self, support: float, contradiction: float) -> None:
        self.claims: list[str] = []
        self._row = (support, contradiction, 1 - support - contradiction)

    def probabilities(self, claim: str, texts: Sequence[str]) -> Array:
        self.claims.append(claim)
        return np.array([self._row] * len(texts), np.float32)


@pytest.mark.parametrize(
    ("support", "contradiction", "verdict", "reason"),
    [
        (0.9, 0.0, "supported", None),
        (0.5, 0.5, "supported", None),
        (0.3, 0.1, "partial", "the abstract says this in part at most"),
        (0.05, 0.1, "unsupported", "the abstract does not say this"),
        (0.3, 0.6, "unsupported", "the abstract seems to say otherwise"),
    ],
)
def test_verdict_and_reason_follow_the_probabilities(
    support: float, contradiction: float, verdict: str, reason: str | None
) -> None:
    judgement = SentenceJudge(Saying(support, contradiction)).judge("It works well [1].", {1: ROBOT_PAPER})
    assert (judgement.verdict, judgement.reason) == (verdict, reason)


def test_sentence_without_a_paper_is_uncited() -> None:
    judgement = JUDGE.judge("Robots slip on sand.", {})
    assert (judgement.verdict, judgement.reason, judgement.quotes) == ("uncited", "it cites no paper", {})


@pytest.mark.parametrize(
    ("sentence", "verdict", "reason"),
    [
        ("Pebble cuts its memory by 2.57× [1].", "supported", None),
        ("Pebble cuts its memory by 2.6x [1].", "supported", None),
        ("Pebble cuts its memory by 3.57× [1].", "unsupported", "“3.57x” is not in [1]"),
        ("Pebble cuts 4 GB by 5% [1].", "unsupported", "“4 GB”, “5%” are not in [1]"),
        ("Pebble of Marble prunes the KV cache [1].", "partial", "“Marble” is not in [1]"),
        ("Marble and Granite on the H100 walk away [1].", "unsupported", None),
        ("Accuracy does not stay within 0.1 points on eight tasks [1].", "unsupported", None),
    ],
)
def test_numbers_and_names_hold_the_verdict_down(sentence: str, verdict: str, reason: str | None) -> None:
    judgement = JUDGE.judge(sentence, {1: CACHE_PAPER})
    assert judgement.verdict == verdict
    if reason or verdict == "supported":
        assert judgement.reason == reason


def test_missing_number_beats_certain_entailment() -> None:
    judge = SentenceJudge(Saying(1.0, 0.0))
    assert judge.judge("It holds 12 s.", {1: REEF}).verdict == "unsupported"
    assert judge.judge("It holds 12 ms.", {1: REEF}).verdict == "supported"
    assert judge.judge("It beats GPT-4.", {1: REEF}).verdict == "partial"


def test_several_papers_are_asked_for_names_and_numbers_together() -> None:
    sentence = "Pebble cuts the memory by 2.57×, and Reef loads in 12 ms [1][2]."
    cited = {1: PEBBLE, 2: REEF}
    assert JUDGE.judge(sentence, {1: PEBBLE}).verdict == "unsupported"
    assert JUDGE.judge(sentence, cited).reason != "“12 ms” is not in [1]"
    assert JUDGE.judge("Pebble takes 13 ms [1][2].", cited).reason == "“13 ms” is not in [1] or [2]"


def test_one_paper_that_supports_a_sentence_is_enough() -> None:
    judgement = JUDGE.judge("Robots slip on sand [1][2].", {1: QUANTUM_PAPER, 2: ROBOT_PAPER})
    assert judgement.verdict == "supported"
    assert judgement.quotes[2] == (Quote("Robots slip on sand.", 0, 20, "supported"),)
    assert judgement.quotes[1][0].verdict == "unsupported"


def test_quote_is_the_nearest_sentence_verbatim() -> None:
    judgement = JUDGE.judge("It **prunes** the KV cache, and cuts its memory by 2.57x [3].", {3: CACHE_PAPER})
    (quote,) = judgement.quotes[3]
    assert quote.text == "We present Pebble, which prunes the KV cache and cuts its memory by 2.57times."
    assert CACHE_PAPER.abstract[quote.start : quote.end] == quote.text
    assert quote.verdict == judgement.verdict == "supported"


def test_row_of_a_table_is_judged_by_its_cells() -> None:
    entailment = Saying(1.0, 0.0)
    judge = SentenceJudge(entailment)
    assert judge.judge("| **Reef** [1] | 12 ms | halves the memory |", {1: REEF}).verdict == "supported"
    assert judge.judge("| **Reef** [1] | 13 ms | – |", {1: REEF}).verdict == "unsupported"
    assert list(dict.fromkeys(entailment.claims)) == ["Reef ; 12 ms ; halves the memory", "Reef ; 13 ms ; –"]


@pytest.mark.parametrize(
    ("sentence", "claim"),
    [
        ("**Pebble** prunes `it` [1][2].", "Pebble prunes it."),
        ("However, it prunes [1].", "it prunes."),
        ("Also it prunes [1].", "it prunes."),
        ("- In addition, it prunes. [1]", "it prunes."),
        ("~~It prunes~~ [1].", "It prunes."),
        ("| a [1] | b |", "a ; b"),
        ("It  prunes\n it [12].", "It prunes it."),
        ("Alsomost it prunes", "Alsomost it prunes"),
    ],
)
def test_claim_is_the_sentence_without_what_claims_nothing(sentence: str, claim: str) -> None:
    assert plain_claim(sentence) == claim


def test_heading_of_title_and_date_is_no_claim() -> None:
    heading = f"**{ROBOT_PAPER.title}** (2023-05): robots slip on sand [1]."
    assert JUDGE.judge(heading, {1: ROBOT_PAPER}).verdict == "supported"
    assert JUDGE.judge(heading.replace("2023-05", "2019-05"), {1: ROBOT_PAPER}).verdict == "unsupported"


@pytest.mark.parametrize(
    "lead", ["The abstract says that ", "This abstract answers the question by ", "However, the abstract mentions "]
)
def test_talk_about_the_abstract_is_no_claim(lead: str) -> None:
    assert plain_claim(f"{lead}robots slip [1].") == "robots slip."
