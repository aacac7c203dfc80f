from __future__ import annotations

import unicodedata

import numpy as np
import pytest

from rag.models.encoder import FOLDER, Encoder, OnnxEncoder, TokenVectors, document_text
from rag.models.onnx import l2_normalize
from rag.models.token_codec import ROW_BYTES, load_token_codec
from tests.fakes import CACHE_PAPER, PAPERS, ROBOT_PAPER

TRICKY = "Naïve cafés in Zürich — 数学 and 🤖 robots: O(n²), “quoted” ﬁne-tuning\u2028of KV-caches by 2.5×. " * 2
TEXTS = [(paper.title, paper.abstract) for paper in PAPERS]


@pytest.fixture(scope="module")
def encoder() -> OnnxEncoder:
    return OnnxEncoder(FOLDER)


@pytest.mark.parametrize(
    ("question", "best"),
    [("Which method prunes the KV cache?", 0), ("legged robots on dunes", 1), ("noise of qubits", 2)],
)
def test_paper_that_answers_is_nearest_by_its_vector_and_by_its_tokens(
    encoder: Encoder, question: str, best: int
) -> None:
    documents, asked = encoder.encode_documents(TEXTS), encoder.encode_question(question)
    assert int(np.argmax([each.vector @ asked.vector for each in documents])) == best
    decode = load_token_codec(FOLDER).decode
    maxsim = [(asked.tokens @ decode(each.tokens.vectors).T).max(axis=1).mean() for each in documents]
    assert int(np.argmax(maxsim)) == best


def test_vectors_have_length_one(encoder: Encoder) -> None:
    question = encoder.encode_question("walking robots")
    (document,) = encoder.encode_documents(TEXTS[:1])
    assert (question.tokens.shape, question.vector.shape, document.vector.shape) == ((5, 128), (384,), (384,))
    assert document.tokens.vectors.shape[1:] == (ROW_BYTES,)
    for vectors in (question.tokens, question.vector, document.vector):
        assert np.linalg.norm(vectors, axis=-1) == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("title", ["Small Caches", "", "🤖 Über-Titel"])
def test_text_at_each_span_is_the_token(encoder: OnnxEncoder, title: str) -> None:
    (document,) = encoder.exact_documents([(title, TRICKY)])
    spans = document.spans
    inside = [(int(start), int(end)) for start, end in spans if start >= 0]
    texts = [TRICKY[start:end] for start, end in inside]
    assert spans[[0, 1, -1]].tolist() == [[-1, -1]] * 3
    assert texts[:5] == ["Naïve", "cafés", "in", "Zürich", "—"]
    assert inside == sorted(inside)
    written = unicodedata.normalize("NFC", "".join(TRICKY.split()))
    assert "".join(texts).replace("🤖", "") == written.replace("🤖", "")


def test_spans_hold_no_title_but_all_words_of_the_abstract(encoder: OnnxEncoder) -> None:
    for paper, document in zip(PAPERS, encoder.exact_documents(TEXTS), strict=True):
        inside = document.spans[document.spans[:, 0] >= 0]
        assert "".join(paper.abstract[start:end] for start, end in inside) == "".join(paper.abstract.split())


def test_tokens_without_a_letter_or_digit_are_left_out(encoder: OnnxEncoder) -> None:
    text = "We gain 2.5 points (at most), in Zürich."
    (document,) = encoder.encode_documents([("Caches: Small", text)])
    spans = document.tokens.spans[document.tokens.spans[:, 0] >= 0].tolist()
    assert [text[start:end] for start, end in spans] == "We gain 2 5 points at most in Zürich".split()
    (exact,) = encoder.exact_documents([("Caches: Small", text)])
    assert len(exact.ids) - len(document.tokens.spans) == len(":.") + len(".(),.")


def test_tokens_of_a_question_have_their_place_and_their_weight(encoder: Encoder) -> None:
    asked = encoder.encode_question("Which robots walk?")
    assert [asked.text[start:end] for start, end in asked.offsets[2:-1]] == ["Which", "robots", "walk", "?"]
    assert asked.offsets[[0, 1, -1]].tolist() == [[-1, -1]] * 3
    assert asked.weights.shape == (7,) and asked.weights.min() > 0


def test_kinds_and_follow_ups_are_probabilities(encoder: Encoder) -> None:
    asked = encoder.encode_question("Which papers compress the KV cache?")
    assert sum(asked.kinds.values()) == pytest.approx(1, abs=1e-5)
    assert sum(asked.follow_ups.values()) == pytest.approx(1, abs=1e-5)
    assert max(asked.kinds, key=lambda kind: asked.kinds[kind]) == "list"


def test_tags_are_whole_words_in_order(encoder: Encoder) -> None:
    text = "papers on hyperparameterization of quantized transformers since March 2023, with code"
    tags = encoder.encode_question(text).tags
    assert tags
    assert [each.start for each in tags] == sorted(each.start for each in tags)
    for each in tags:
        before, after = text[: each.start][-1:], text[each.end :][:1]
        assert not before.isalnum() and not after.isalnum()
        assert 0 < each.probability <= 1


def test_question_without_a_word_is_encoded_too(encoder: Encoder) -> None:
    for text in ("", "?!", "\x00"):
        asked = encoder.encode_question(text)
        assert len(asked.tokens) == len(asked.weights) == len(asked.offsets) >= 3


def test_question_is_encoded_once(encoder: Encoder) -> None:
    assert encoder.encode_question("robots on ice") is encoder.encode_question("robots on ice")


def test_long_texts_are_cut(encoder: OnnxEncoder) -> None:
    (document,) = encoder.exact_documents([("Title", "word " * 1000)])
    assert len(document.spans) == encoder.max_tokens
    asked = encoder.encode_question("word " * 1000)
    assert asked.truncated and len(asked.tokens) < encoder.max_tokens
    assert not encoder.encode_question("word " * 10).truncated


def test_tokens_are_whole_and_without_special_ones(encoder: Encoder) -> None:
    assert len(encoder.tokenize("word " * 1000)) == 1000


def test_paper_hardly_depends_on_those_beside_it(encoder: Encoder) -> None:
    pair = (ROBOT_PAPER.title, ROBOT_PAPER.abstract)
    (alone,) = encoder.encode_documents([pair])
    among = encoder.encode_documents([("Long", "many more words " * 60), pair, ("Short", "few words")])[1]
    assert np.array_equal(alone.tokens.spans, among.tokens.spans)
    decode = load_token_codec(FOLDER).decode
    one, other = (l2_normalize(decode(each.tokens.vectors)) for each in (alone, among))
    cosines = (one * other).sum(axis=1)
    assert np.median(cosines) > 0.98
    assert alone.vector @ among.vector > 0.98


def test_tokens_and_spans_that_differ_in_number_are_refused() -> None:
    with pytest.raises(ValueError, match="do not match"):
        TokenVectors(np.zeros((3, ROW_BYTES), np.uint8), np.zeros((2, 2), np.int32))


def test_title_goes_before_the_text_with_one_full_stop() -> None:
    assert document_text(CACHE_PAPER.title, "One two.") == "Small Caches. One two."
    assert document_text("Small caches.", "One two.") == "Small caches. One two."
