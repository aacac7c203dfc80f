from __future__ import annotations

import numpy as np
import pytest

from rag.index.bm25 import Bm25Index
from rag.models.token_encoder import DIMENSION
from rag.retrieval.encoded_query import QueryEncoder
from tests.fakes import PAPERS, HashEncoder, HashTokenEncoder


@pytest.fixture(scope="module")
def lexical() -> Bm25Index:
    return Bm25Index.build(PAPERS)


def test_text_is_read_as_a_vector_and_token_vectors(lexical: Bm25Index) -> None:
    reading = QueryEncoder(HashEncoder(), HashTokenEncoder(), lexical).encode("robots on sand")
    assert (reading.text, reading.vector.shape) == ("robots on sand", (64,))
    assert reading.tokens is not None and reading.tokens.shape == (4, DIMENSION)
    assert (reading.idf.shape, reading.idf.dtype) == ((4,), np.float32)


def test_rare_words_weigh_more_and_markers_and_stop_words_nothing(lexical: Bm25Index) -> None:
    marker, walk, the, of, zebra = (
        QueryEncoder(HashEncoder(), HashTokenEncoder(), lexical).encode("walk the memory zebra").idf.tolist()
    )
    assert (marker, the) == (0.0, 0.0)
    assert walk == of == pytest.approx(float(np.log1p(3 / 1.5)))
    assert zebra == pytest.approx(float(np.log1p(3 / 0.5)))


class PieceModel(HashTokenEncoder):
    """Cuts words into pieces of three letters, as a subword tokenizer does."""

    def query_token_spans(self, text: str) -> np.ndarray[tuple[int, ...], np.dtype[np.int32]]:
        return np.array([(start, min(start + 3, len(text))) for start in range(0, len(text), 3)], np.int32)


def test_piece_of_a_word_has_the_rarity_of_the_whole_word(lexical: Bm25Index) -> None:
    rarity = QueryEncoder(HashEncoder(), PieceModel(), lexical).encode("memory").idf
    assert rarity.tolist() == [pytest.approx(float(np.log1p(3 / 1.5)))] * 2


def test_without_a_late_model_there_are_no_token_vectors(lexical: Bm25Index) -> None:
    reading = QueryEncoder(HashEncoder(), None, lexical).encode("robots")
    assert (reading.tokens, reading.idf.tolist()) == (None, [])


def test_text_without_a_word_is_read_too(lexical: Bm25Index) -> None:
    reading = QueryEncoder(HashEncoder(), HashTokenEncoder(), lexical).encode("?!")
    assert reading.idf.tolist() == [0.0, 0.0]
