from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rag.errors import IndexFailed
from rag.index.token_vectors import create_token_vectors, open_token_vectors
from rag.models.encoder import TokenVectors
from tests.fakes import CACHE_PAPER, PAPERS, HashEncoder

Papers = list[tuple[str, str, TokenVectors]]


@pytest.fixture
def papers() -> Papers:
    encoded = HashEncoder().encode_documents([(paper.title, paper.abstract) for paper in PAPERS])
    return [
        (paper.paper_id, f"digest{i}", own.tokens) for i, (paper, own) in enumerate(zip(PAPERS, encoded, strict=True))
    ]


def same(one: TokenVectors, other: TokenVectors) -> bool:
    return np.array_equal(one.vectors, other.vectors) and np.array_equal(one.spans, other.spans)


def test_what_is_appended_is_read_back_also_by_another_process(tmp_path: Path, papers: Papers) -> None:
    store = create_token_vectors(tmp_path / "late")
    store.append(papers[:1])
    store.append(papers[1:])
    for opened in (store, open_token_vectors(tmp_path / "late"), create_token_vectors(tmp_path / "late")):
        assert opened.digests() == {paper_id: digest for paper_id, digest, _ in papers}
        assert all(same(opened.read(paper_id), tokens) for paper_id, _, tokens in papers)


def test_newer_tokens_of_a_paper_stand_before_older_ones(tmp_path: Path, papers: Papers) -> None:
    store = create_token_vectors(tmp_path)
    store.append(papers)
    store.append([(CACHE_PAPER.paper_id, "newer", papers[1][2])])
    for opened in (store, create_token_vectors(tmp_path)):
        assert opened.digests()[CACHE_PAPER.paper_id] == "newer"
        assert same(opened.read(CACHE_PAPER.paper_id), papers[1][2])


@pytest.mark.parametrize(("name", "left"), [("vectors.int8", 2), ("spans.int32", 2), ("papers.jsonl", 2)])
@pytest.mark.parametrize("cut", [1, 40])
def test_torn_tail_is_cut_off_and_the_rest_goes_on(
    tmp_path: Path, papers: Papers, name: str, left: int, cut: int
) -> None:
    create_token_vectors(tmp_path).append(papers)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[:-cut])
    with pytest.raises(IndexFailed, match=r"damaged.*citedesk index --rebuild"):
        open_token_vectors(tmp_path)
    store = create_token_vectors(tmp_path)
    assert len(store.entries) == left
    store.append(papers[left:])
    opened = open_token_vectors(tmp_path)
    assert all(same(opened.read(paper_id), tokens) for paper_id, _, tokens in papers)


def test_numbers_that_no_line_names_are_cut_off(tmp_path: Path, papers: Papers) -> None:
    create_token_vectors(tmp_path).append(papers[:1])
    for name in ("vectors.int8", "spans.int32"):
        with (tmp_path / name).open("ab") as file:
            file.write(b"\x01" * 1000)
    create_token_vectors(tmp_path).append(papers[1:])
    assert same(open_token_vectors(tmp_path).read(papers[2][0]), papers[2][2])


@pytest.mark.parametrize("line", ["null\n", "{}\n", '{"paper_id": "a", "digest": "b", "rows": -1}\n', "\n", "\x00\n"])
def test_line_that_is_none_ends_what_is_read(tmp_path: Path, papers: Papers, line: str) -> None:
    create_token_vectors(tmp_path).append(papers[:1])
    with (tmp_path / "papers.jsonl").open("a") as file:
        file.write(line)
    assert list(create_token_vectors(tmp_path).entries) == [CACHE_PAPER.paper_id]


def test_copy_takes_only_what_is_asked_for_in_the_order_asked(tmp_path: Path, papers: Papers) -> None:
    create_token_vectors(tmp_path / "a").append(papers)
    copy = create_token_vectors(tmp_path / "b")
    copy.copy_from(open_token_vectors(tmp_path / "a"), [papers[2][0], papers[0][0]])
    assert list(open_token_vectors(tmp_path / "b").digests().items()) == [
        (papers[2][0], "digest2"), (papers[0][0], "digest0"),
    ]  # fmt: skip
    assert same(copy.read(papers[0][0]), papers[0][2])


def test_empty_folder_holds_nothing(tmp_path: Path) -> None:
    create_token_vectors(tmp_path)
    vectors, spans = open_token_vectors(tmp_path).memory_map()
    assert (vectors.shape, spans.shape) == ((0, 128), (0, 2))
