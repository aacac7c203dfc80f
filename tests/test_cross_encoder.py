from __future__ import annotations

import numpy as np
import pytest

from rag.models.cross_encoder import CrossEncoder, PairScores, load_cross_encoder
from rag.models.encoder import document_text
from rag.text.sentences import sentence_spans
from tests.fakes import PAPERS

TEXTS = [document_text(paper.title, paper.abstract) for paper in PAPERS]


@pytest.fixture(scope="module")
def scorer() -> CrossEncoder:
    return load_cross_encoder()


def test_text_that_answers_scores_above_the_others(scorer: CrossEncoder) -> None:
    scores = scorer.score("Which method prunes the KV cache?", TEXTS)
    for logits in (scores.belongs, scores.answers):
        assert (logits.shape, logits.dtype) == ((3,), np.float32)
        assert logits[0] > max(logits[1:]) + 1


def test_claim_is_supported_by_the_text_that_says_it(scorer: CrossEncoder) -> None:
    scores = scorer.score("A controller learns to walk on dunes in simulation.", TEXTS)
    assert int(np.argmax(scores.supports)) == 1


def test_evidence_of_a_sentence_is_that_of_its_tokens(scorer: CrossEncoder) -> None:
    text = TEXTS[1]
    spans = sentence_spans(text)
    scores = scorer.score("How many fewer trials does it fall in?", [TEXTS[0], text])
    evidence = scores.span_evidence(1, spans)
    assert evidence.shape == (len(spans),)
    assert int(np.argmax(evidence)) > 0, "the title and the problem answer nothing"
    words = [text[start:end] for start, end in scores.offsets[1].tolist()]
    assert "".join(words) == "".join(text.split())


def test_span_without_a_token_has_the_least_evidence() -> None:
    empty = np.zeros(1, np.float32)
    offsets = np.array([(0, 4), (5, 9)], np.int32)
    scores = PairScores(empty, empty, empty, empty, (np.array([2.0, -1.0], np.float32),), (offsets,))
    assert scores.span_evidence(0, [(0, 5), (5, 9), (20, 30)]).tolist() == [2.0, -1.0, -1.0]


def test_scores_are_in_the_order_of_the_texts(scorer: CrossEncoder) -> None:
    texts = ["Robots. They walk on sand. " * 20, "Tomatoes.", *["Qubits are noisy."] * 9, "Robots. They walk on dunes."]
    scores = scorer.score("robots that walk", texts)
    assert set(np.argsort(-scores.belongs)[:2]) == {0, 11}


def test_no_texts_give_no_scores_and_long_ones_are_cut(scorer: CrossEncoder) -> None:
    assert scorer.score("anything", []).belongs.shape == (0,)
    assert scorer.score("robots " * 600, ["robots " * 600]).belongs.shape == (1,)
