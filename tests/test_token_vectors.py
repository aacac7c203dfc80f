from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rag.errors import IndexFailed
from rag.index.token_vectors import (
    NO_START,
    append_token_vectors,
    copy_token_vectors,
    link_token_vectors,
    open_token_vectors,
    row_count,
)
from rag.models.encoder import TokenVectors
from rag.models.token_codec import ROW_BYTES
from tests.fakes import PAPERS, HashEncoder


@pytest.fixture
def papers() -> list[TokenVectors]:
    return [each.tokens for each in HashEncoder().encode_documents([(paper.title, paper.abstract) for paper in PAPERS])]


def assert_holds(folder: Path, first: int, tokens: TokenVectors) -> None:
    rows = slice(first, first + len(tokens.spans))
    vectors, starts = open_token_vectors(folder, rows.stop)
    assert np.array_equal(vectors[rows], tokens.vectors)
    assert np.where(starts[rows] == NO_START, -1, starts[rows].astype(int)).tolist() == tokens.spans[:, 0].tolist()


def test_what_is_appended_is_read_back(tmp_path: Path, papers: list[TokenVectors]) -> None:
    firsts = append_token_vectors(tmp_path, papers[:1]) + append_token_vectors(tmp_path, papers[1:])
    assert firsts == [0, len(papers[0].spans), len(papers[0].spans) + len(papers[1].spans)]
    for first, own in zip(firsts, papers, strict=True):
        assert_holds(tmp_path, first, own)


@pytest.mark.parametrize(("name", "left"), [("vectors", 300), ("starts", 7), ("vectors", 0), ("starts", 0)])
def test_rows_that_a_killed_run_left_incomplete_are_passed_over(
    tmp_path: Path, papers: list[TokenVectors], name: str, left: int
) -> None:
    append_token_vectors(tmp_path, papers[:1])
    with (tmp_path / name).open("ab") as file:
        file.write(b"\x01" * left)
    firsts = append_token_vectors(tmp_path, papers[1:])
    assert firsts[0] >= len(papers[0].spans)
    for first, own in zip([0, *firsts], papers, strict=True):
        assert_holds(tmp_path, first, own)


def test_generations_share_files_and_each_has_its_own_rows(tmp_path: Path, papers: list[TokenVectors]) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    append_token_vectors(before, papers[:1])
    opened, _ = open_token_vectors(before, row_count(before))
    link_token_vectors(before, after)
    (first,) = append_token_vectors(after, papers[1:2])
    assert (before / "vectors").samefile(after / "vectors")
    assert_holds(after, 0, papers[0])
    assert_holds(after, first, papers[1])
    assert np.array_equal(opened[:], papers[0].vectors)


def test_copy_leaves_no_gaps(tmp_path: Path, papers: list[TokenVectors]) -> None:
    firsts = append_token_vectors(tmp_path / "a", papers)
    kept = [(firsts[2], len(papers[2].spans)), (firsts[0], len(papers[0].spans))]
    copied = copy_token_vectors(tmp_path / "a", tmp_path / "b", kept)
    assert copied == [0, len(papers[2].spans)]
    assert row_count(tmp_path / "b") == sum(rows for _, rows in kept)
    assert_holds(tmp_path / "b", copied[0], papers[2])
    assert_holds(tmp_path / "b", copied[1], papers[0])


@pytest.mark.parametrize("name", ["vectors", "starts"])
def test_missing_rows_are_damage(tmp_path: Path, papers: list[TokenVectors], name: str) -> None:
    append_token_vectors(tmp_path, papers)
    rows = row_count(tmp_path)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:-1])
    with pytest.raises(IndexFailed, match=r"damaged.*citedesk index --rebuild"):
        open_token_vectors(tmp_path, rows)


def test_token_far_into_a_text_stands_in_no_sentence(tmp_path: Path) -> None:
    spans = np.array([(-1, -1), (65_534, 65_540), (65_535, 65_540), (70_000, 70_003)], np.int32)
    append_token_vectors(tmp_path, [TokenVectors(np.zeros((4, ROW_BYTES), np.uint8), spans)])
    assert open_token_vectors(tmp_path, 4)[1][:].tolist() == [NO_START, 65_534, NO_START, NO_START]
