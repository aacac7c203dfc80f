from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from rag.errors import IndexFailed
from rag.index.maxsim import MaxSimIndex, open_maxsim_index
from rag.index.papers import PLACE
from rag.index.token_vectors import append_token_vectors
from rag.models.encoder import FOLDER, TokenVectors
from rag.models.onnx import Array, l2_normalize
from rag.models.token_codec import load_token_codec
from tests.fakes import PAPERS, HashEncoder
from tests.leaks import open_files

RANDOM = np.random.default_rng(7)
CODEC = load_token_codec(FOLDER)


def directions(count: int) -> Array:
    return l2_normalize(RANDOM.normal(size=(count, 128)))


@pytest.fixture(scope="module")
def vectors() -> list[Array]:
    return [directions(count) for count in (3, 150, 1, 300, 128, 47)]


@pytest.fixture(scope="module")
def index(vectors: list[Array], tmp_path_factory: pytest.TempPathFactory) -> MaxSimIndex:
    folder = tmp_path_factory.mktemp("late")
    rows = [np.array([(10 * i, 10 * i + 9) for i in range(len(own))], np.int32) for own in vectors]
    return stored(folder, [TokenVectors(CODEC.encode(own), rows[i]) for i, own in enumerate(vectors)])


def stored(folder: Path, papers: list[TokenVectors]) -> MaxSimIndex:
    firsts = append_token_vectors(folder, papers)
    places = [(first, len(own.spans), 1) for first, own in zip(firsts, papers, strict=True)]
    return open_maxsim_index(folder, np.array(places, PLACE), CODEC)


def restored(own: Array) -> Array:
    return CODEC.decode(CODEC.encode(own))


def naive(query: Array, own: Array, weights: Array) -> float:
    best = [max(float(token @ other) for other in own) for token in query]
    return float(np.average(best, weights=weights))


@pytest.mark.parametrize("positions", [[0, 1, 2, 3, 4, 5], [4, 1], [5, 5, 0], [2]])
def test_scores_are_those_of_a_plain_loop(index: MaxSimIndex, vectors: list[Array], positions: list[int]) -> None:
    query = directions(9)
    weights = RANDOM.uniform(0.1, 3, 9).astype(np.float32)
    rounded = [restored(own) for own in vectors]
    even = [naive(query, rounded[position], np.ones(9)) for position in positions]
    weighted = [naive(query, rounded[position], weights) for position in positions]
    assert index.scores(query, np.array(positions)) == pytest.approx(even, abs=1e-5)
    assert index.scores(query, np.array(positions), weights) == pytest.approx(weighted, abs=1e-5)
    assert index.scores(query, np.array(positions), np.zeros(9, np.float32)) == pytest.approx(even, abs=1e-5)
    assert index.scores(query, np.array(positions)).dtype == np.float32


def test_several_questions_are_scored_as_each_alone(index: MaxSimIndex) -> None:
    weights = RANDOM.uniform(0.1, 3, 4).astype(np.float32)
    one, other, positions = directions(9), directions(4), np.array([4, 1, 2])
    found = index.scores_of_all([(one, None), (other, weights)], positions)
    assert found[0] == pytest.approx(index.scores(one, positions), abs=1e-6)
    assert found[1] == pytest.approx(index.scores(other, positions, weights), abs=1e-6)


def test_score_of_a_papers_own_tokens_is_one(index: MaxSimIndex, vectors: list[Array]) -> None:
    for position, own in enumerate(vectors):
        (score,) = index.scores(own[:40], np.array([position]))
        assert 0.99 < score <= 1


def test_no_positions_give_no_scores(index: MaxSimIndex) -> None:
    assert index.scores(directions(4), np.array([], int)).shape == (0,)
    assert len(index) == 6


def test_matches_are_the_best_tokens_of_each_span(index: MaxSimIndex, vectors: list[Array]) -> None:
    query = directions(5)
    rounded = restored(vectors[1])
    spans = [(0, 300), (300, 1500), (9000, 9999), (3, 9)]
    expected = [(rounded[:30] @ query.T).max(0), (rounded[30:150] @ query.T).max(0), np.zeros(5), np.zeros(5)]
    assert index.span_similarities(query, 1, spans) == pytest.approx(np.array(expected), abs=1e-5)
    assert index.span_similarities(query, 1, []).shape == (0, 5)


def test_title_counts_for_the_paper_and_for_no_sentence(tmp_path: Path) -> None:
    model = HashEncoder()
    encoded = model.encode_documents([(paper.title, paper.abstract) for paper in PAPERS])
    index = stored(tmp_path, [own.tokens for own in encoded])
    query = model.encode_question("Qubits").tokens[1:]
    assert index.scores(query, np.arange(3)).argmax() == 2
    assert index.scores(query, np.array([2]))[0] > 0.95
    assert index.span_similarities(query, 2, [(0, len(PAPERS[2].abstract))])[0, 0] < 0.6


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are listed under /proc")
def test_closed_index_has_no_file_open(tmp_path: Path) -> None:
    own = HashEncoder().encode_documents([("Title", "Some words.")])[0].tokens
    index = stored(tmp_path, [own])
    assert len(open_files(tmp_path)) == 2
    index.close()
    assert open_files(tmp_path) == []


@pytest.mark.parametrize("name", ["vectors", "starts"])
def test_file_that_is_cut_short_while_it_is_open_is_damage(tmp_path: Path, name: str) -> None:
    own = HashEncoder().encode_documents([("Title", "Some words.")])[0].tokens
    index = stored(tmp_path, [own])
    os.truncate(tmp_path / name, 1)
    with pytest.raises(IndexFailed, match="is too short"):
        index.span_similarities(directions(1), 0, [(0, 4)])
    index.close()
