"""Tokens for a GPU, and the encoder in torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rag.errors import ModelUnavailable
from rag.models.encoder import FOLDER, EncodedDocument, OnnxEncoder
from rag.models.loading import load_index_models, load_models
from rag.models.token_codec import load_token_codec
from rag.models.tokenization import DocumentTokenizer, TokenizedDocuments, pack
from rag.settings import Settings
from tests.fakes import CACHE_PAPER, ROBOT_PAPER

TEXTS = [
    (CACHE_PAPER.title, CACHE_PAPER.abstract),
    (ROBOT_PAPER.title, ROBOT_PAPER.abstract),
    ("Żółć — Schrödinger's “cat”.", "ΔE and naïve 漢字 tokens…\n\nA second paragraph\twith $x^2$ and \u200bspaces. "),
    ("", "An abstract without a title."),
    ("A title alone", ""),
    ("Long", "Word after word makes an abstract that is too long to be read. " * 60),
]


def tokens_of(lengths: list[int]) -> TokenizedDocuments:
    total = sum(lengths)
    ids = np.arange(total, dtype=np.int32)
    return TokenizedDocuments(ids, np.array(lengths, np.int32), np.stack([ids, ids], 1))


@pytest.fixture(scope="module")
def on_cpu() -> list[EncodedDocument]:
    return OnnxEncoder(FOLDER).encode_documents(TEXTS)


def test_spans_are_those_of_the_encoder_on_the_cpu() -> None:
    exact = OnnxEncoder(FOLDER).exact_documents(TEXTS)
    (found,) = DocumentTokenizer(FOLDER, processes=1).stream(TEXTS)

    assert found.lengths.tolist() == [len(each.spans) for each in exact]
    assert np.array_equal(found.spans, np.concatenate([each.spans for each in exact]))


@pytest.mark.slow
def test_several_processes_find_the_same_tokens_in_order() -> None:
    texts = [(f"{title} {i}", abstract) for i in range(120) for title, abstract in TEXTS]
    alone, several = DocumentTokenizer(FOLDER, processes=1), DocumentTokenizer(FOLDER, processes=2)
    try:
        pairs = list(zip(alone.stream(texts), several.stream(texts), strict=True))
    finally:
        several.close()

    assert len(pairs) == 3
    assert all(np.array_equal(one.ids, other.ids) and np.array_equal(one.spans, other.spans) for one, other in pairs)


def test_batches_hold_whole_documents_in_their_order_up_to_both_limits() -> None:
    parts = [tokens_of([5, 4, 8]), tokens_of([1, 1, 1, 1]), tokens_of([9])]

    batches = list(pack(iter(parts), budget=10, most=3))

    assert [each.lengths.tolist() for each in batches] == [[5, 4], [8, 1, 1], [1, 1], [9]]
    assert np.concatenate([each.ids for each in batches]).tolist() == [*range(17), *range(4), *range(9)]
    assert all(len(each.ids) == len(each.spans) == each.lengths.sum() for each in batches)
    assert list(pack(iter([]), budget=10, most=3)) == []


def test_encoder_in_torch_agrees_with_that_of_the_cpu(on_cpu: list[EncodedDocument]) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("onnx")
    from rag.models.torch_encoder import TorchEncoder

    found = TorchEncoder(FOLDER, device="cpu", processes=1).encode_documents(TEXTS)

    for own, known in zip(found, on_cpu, strict=True):
        left, right = (load_token_codec(FOLDER).decode(each.tokens.vectors) for each in (own, known))
        cosines = (left * right).sum(1) / np.linalg.norm(left, axis=1) / np.linalg.norm(right, axis=1)
        assert own.vector @ known.vector > 0.97
        assert cosines.mean() > 0.9  # both were rounded to codes
        assert np.array_equal(own.tokens.spans, known.tokens.spans)


def test_document_does_not_depend_on_those_packed_beside_it() -> None:
    pytest.importorskip("torch")
    pytest.importorskip("onnx")
    from rag.models.torch_encoder import TorchEncoder

    encoder = TorchEncoder(FOLDER, device="cpu", processes=1)
    alone, together = encoder.encode_documents(TEXTS[1:2])[0], encoder.encode_documents(TEXTS)[1]

    assert alone.vector @ together.vector == pytest.approx(1, abs=1e-4)
    assert (alone.tokens.vectors == together.tokens.vectors).mean() > 0.99


def test_device_that_is_missing_is_named_with_its_remedy(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match=r"citedesk\[gpu\]|finds no GPU.*--device cpu"):
        load_index_models(Settings(home=tmp_path, device="cuda"))


def test_questions_are_read_on_the_cpu_whatever_the_device(tmp_path: Path) -> None:
    models = load_models(Settings(home=tmp_path, device="cuda", rerank_depth=0))

    assert isinstance(models.encoder, OnnxEncoder)
