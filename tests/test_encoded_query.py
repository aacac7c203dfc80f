from __future__ import annotations

import numpy as np

from rag.models.loading import Models
from rag.models.onnx import Array
from rag.retrieval.encoded_query import QueryEncoder
from tests.fakes import HashEncoder


class OneDirection:
    """An embedder to which all texts are alike."""

    max_tokens = 512

    def encode_documents(self, texts: list[str]) -> Array:
        return np.ones((len(texts), 1), np.float32)

    def encode_query(self, text: str) -> Array:
        return np.ones(1, np.float32)


def test_text_is_encoded_as_a_vector_and_weighted_token_vectors() -> None:
    encoder = HashEncoder()
    query = QueryEncoder(Models(encoder)).encode("robots on sand")
    question = encoder.encode_question("robots on sand")
    assert query.text == "robots on sand"
    assert np.array_equal(query.vector, question.vector)
    assert np.array_equal(query.tokens, question.tokens)
    assert np.array_equal(query.weights, question.weights)


def test_terms_are_those_of_the_topic_and_the_sides() -> None:
    tags = {"walking robots": "topic", "since 2023": "date", "sand": "side"}
    query = QueryEncoder(Models(HashEncoder(tags=tags))).encode("Papers since 2023 on walking robots, on ice or sand?")
    assert query.terms == ("walk", "robot", "sand")


def test_terms_are_those_of_the_whole_text_where_it_has_no_topic() -> None:
    query = QueryEncoder(Models(HashEncoder(tags={"2023": "date", "the": "topic"}))).encode("the papers of 2023")
    assert query.terms == ("paper", "2023")


def test_vector_is_that_of_another_embedder_if_there_is_one() -> None:
    query = QueryEncoder(Models(HashEncoder(), embedder=OneDirection())).encode("robots")
    assert query.vector.tolist() == [1.0]
    assert query.tokens.shape == (2, 128)


def test_text_without_a_word_is_encoded_too() -> None:
    assert QueryEncoder(Models(HashEncoder())).encode("?!").terms == ()
