from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from rag.corpus.records import paper_digest, paper_to_record
from rag.errors import IndexFailed
from rag.index.derived import Derived
from rag.index.papers import IndexedPaper, PaperStore, PaperWriter, open_papers
from rag.text.sentences import sentence_spans
from rag.types import Paper
from tests.fakes import CACHE_PAPER, PAPERS, QUANTUM_PAPER, ROBOT_PAPER


def by_year_and_words(paper: Paper) -> Derived:
    years = frozenset({("year", str(paper.year))})
    return Derived(years, frozenset(("title", word) for word in paper.title.split()))


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[PaperWriter]:
    writer = PaperWriter(tmp_path / "papers.sqlite", by_year_and_words)
    add(writer, PAPERS)
    yield writer
    writer.close()


def add(writer: PaperWriter, papers: Sequence[Paper]) -> None:
    writer.add([IndexedPaper(paper, paper_digest(paper), 1, 10 * i, i) for i, paper in enumerate(papers)])


def finished(writer: PaperWriter, tmp_path: Path, papers: Sequence[Paper] = PAPERS) -> PaperStore:
    by_id = {paper.paper_id: paper for paper in papers}
    writer.finish(list(by_id), by_id.__getitem__)
    return open_papers(tmp_path)


def test_papers_are_read_back_in_corpus_order(writer: PaperWriter, tmp_path: Path) -> None:
    turned = PAPERS[::-1]
    store = finished(writer, tmp_path, turned)
    assert list(store.values()) == store.at(range(3)) == list(turned)
    assert store.ids == tuple(paper.paper_id for paper in turned)
    assert store.positions(store.ids).tolist() == [0, 1, 2]
    assert store.ids_at([2, 0]) == [turned[2].paper_id, turned[0].paper_id]
    assert store.at_rows([2, 0]) == [PAPERS[2], PAPERS[0]]
    assert store.digests() == {paper.paper_id: paper_digest(paper) for paper in PAPERS}
    assert store.places["first"].tolist() == [20, 10, 0]
    assert store.places["tokens"].tolist() == [2, 1, 0]
    assert len(store.columns) == 3


def test_sentences_are_found_once_when_a_paper_is_added(tmp_path: Path) -> None:
    paper = PaperStore.of([CACHE_PAPER])[CACHE_PAPER.paper_id]
    assert paper.sentences == sentence_spans(CACHE_PAPER.abstract)
    assert (paper, paper_digest(paper)) == (CACHE_PAPER, paper_digest(CACHE_PAPER))
    assert "sentences" not in paper_to_record(paper)


def test_store_in_memory_is_like_one_on_disk(writer: PaperWriter, tmp_path: Path) -> None:
    store = PaperStore.of(PAPERS)
    assert store == finished(writer, tmp_path)
    store.close()


def test_unknown_paper_is_not_here(writer: PaperWriter, tmp_path: Path) -> None:
    store = finished(writer, tmp_path)
    assert CACHE_PAPER.paper_id in store
    assert "2401.99999" not in store
    assert store.get("2401.99999") is None
    for read in (store.__getitem__, store.position):
        with pytest.raises(KeyError):
            read("2401.99999")


def test_row_of_a_removed_paper_goes_to_the_next_that_is_added(writer: PaperWriter, tmp_path: Path) -> None:
    finished(writer, tmp_path).close()
    writer.forget_changes()
    assert writer.changes() == ([], {})
    writer.remove([CACHE_PAPER.paper_id, ROBOT_PAPER.paper_id])
    edited = replace(CACHE_PAPER, title="Large Caches")
    add(writer, [edited])
    assert writer.changes() == ([0, 1], {0: CACHE_PAPER.paper_id})
    added = (replace(CACHE_PAPER, paper_id="new"), replace(CACHE_PAPER, paper_id="newer"))
    add(writer, added)
    papers = (*added, QUANTUM_PAPER, edited)
    store = finished(writer, tmp_path, papers)
    assert tuple(store.values()) == papers
    assert sorted(store.rows.tolist()) == [0, 1, 2, 3]


def test_names_and_words_follow_their_papers(writer: PaperWriter, tmp_path: Path) -> None:
    store = finished(writer, tmp_path)
    assert store.keys_held("year", ["1999", "2018", "2023", "2024"]) == {"2018", "2023", "2024"}
    assert store.ids_at(store.papers_with("year", "2023")) == [ROBOT_PAPER.paper_id]
    assert store.papers_with("year", "1999").tolist() == store.papers_with("venue", "2023").tolist() == []
    recent = store.papers_between("year", "2019", "2024")
    assert store.at(recent) == [paper for paper in PAPERS if paper.year and paper.year > 2018]
    assert store.papers_with_any("year", ["2023", "2024", "2025"]).tolist() == recent.tolist()
    assert (store.uses("title", "Robots"), store.uses("title", "Spoons")) == (1, 0)
    assert store.words_between("title", "Qubits", "Sand") == [("Qubits", 1), ("Robots", 1), ("Sand", 1)]
    assert store.words_from("title", "Ro", least=2) == []
    store.close()
    writer.remove([ROBOT_PAPER.paper_id])
    add(writer, [replace(ROBOT_PAPER, title="Robots for Everyone", date="2025")])
    store = finished(writer, tmp_path)
    assert store.keys_held("year", ["2018", "2023", "2024", "2025"]) == {"2018", "2024", "2025"}
    assert store.uses_of("title", ["Robots", "Everyone", "Walking"]) == {"Robots": 1, "Everyone": 2}


def test_threads_share_a_store(writer: PaperWriter, tmp_path: Path) -> None:
    store = finished(writer, tmp_path)
    with ThreadPoolExecutor(4) as pool:
        titles = list(pool.map(lambda i: store[PAPERS[i % 3].paper_id].title, range(300)))
    assert titles == [PAPERS[i % 3].title for i in range(300)]


@pytest.mark.parametrize("content", [b"", b"garbage" * 1000])
def test_file_that_is_no_database_is_damaged(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "papers.sqlite"
    path.write_bytes(content)
    with pytest.raises(IndexFailed, match=r"papers\.sqlite is damaged.*citedesk index --rebuild"):
        open_papers(tmp_path)


def test_record_that_is_damaged_says_so(writer: PaperWriter, tmp_path: Path) -> None:
    with writer.connection as connection:
        connection.execute("UPDATE papers SET record = x'00' WHERE paper_id = ?", (CACHE_PAPER.paper_id,))
    store = finished(writer, tmp_path)
    assert store[ROBOT_PAPER.paper_id] == ROBOT_PAPER
    with pytest.raises(IndexFailed, match="is damaged"):
        store[CACHE_PAPER.paper_id]
