from __future__ import annotations

import numpy as np
import pytest

from rag.errors import ModelUnavailable
from rag.models.cross_encoder import CrossEncoder, load_cross_encoder
from tests.fakes import PAPERS


@pytest.fixture(scope="module")
def scorer() -> CrossEncoder:
    return load_cross_encoder()


def test_text_that_answers_scores_above_the_others(scorer: CrossEncoder) -> None:
    scores = scorer.score("Which method prunes the KV cache?", [paper.abstract for paper in PAPERS])
    assert (scores.shape, scores.dtype) == ((3,), np.float32)
    assert scores[0] > 0 > max(scores[1:]) + 5


def test_scores_are_in_the_order_of_the_texts(scorer: CrossEncoder) -> None:
    texts = ["Robots walk on sand. " * 20, "Tomatoes.", *["Qubits are noisy."] * 9, "Robots walk on dunes."]
    scores = scorer.score("robots that walk", texts)
    assert set(np.argsort(-scores)[:2]) == {0, 11}


def test_no_texts_give_no_scores_and_long_ones_are_cut(scorer: CrossEncoder) -> None:
    assert scorer.score("anything", []).shape == (0,)
    assert scorer.score("robots " * 600, ["robots " * 600]).shape == (1,)


def test_unknown_model_is_a_clear_error() -> None:
    with pytest.raises(ModelUnavailable, match=r"someone/model is neither ms-marco-MiniLM-L-12-v2, nor"):
        load_cross_encoder("someone/model")
