from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from rag.corpus.listing import parse_listing
from rag.corpus.reader import Corpus, read_corpus
from rag.errors import CorpusError
from rag.types import Paper
from tests.conftest import PROJECT
from tests.indexes import write_lines

PAGES = sorted((PROJECT / "corpus").glob("*.txt"))


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return read_corpus([PROJECT / "corpus"], 2025)


def by_title(corpus: Corpus, beginning: str) -> Paper:
    (paper,) = [paper for paper in corpus.papers if paper.title.startswith(beginning)]
    return paper


def test_pages_hold_449_entries_of_372_papers(corpus: Corpus) -> None:
    counts = [len(parse_listing(page.read_text(encoding="utf-8"), page.name, 2025)[0]) for page in PAGES]
    assert counts == [64, 85, 60, 52, 188]
    assert (corpus.entries, len(corpus.papers), corpus.problems) == (449, 372, ())


def test_one_paper_is_listed_five_times(corpus: Corpus) -> None:
    assert Counter(len(paper.pages) for paper in corpus.papers) == {1: 317, 2: 40, 3: 9, 4: 5, 5: 1}
    assert len(by_title(corpus, "ML-driven Hardware Cost Model for MLIR").pages) == 5


def test_every_paper_has_an_arxiv_id_a_link_and_a_date(corpus: Corpus) -> None:
    for paper in corpus.papers:
        assert paper.url == f"https://arxiv.org/abs/{paper.paper_id}"
        assert paper.date


def test_abstracts_are_verbatim(corpus: Corpus) -> None:
    lines = {line.strip() for page in PAGES for line in page.read_text(encoding="utf-8").split("\n")}
    assert all(paper.abstract in lines for paper in corpus.papers)


def test_first_title_of_the_last_page_has_lost_its_button(corpus: Corpus) -> None:
    assert by_title(corpus, "RTLRepoCoder").paper_id
    assert not [paper for paper in corpus.papers if paper.title.startswith("Subscribe")]


def test_dates_are_as_precise_as_known(corpus: Corpus) -> None:
    assert by_title(corpus, "OneRec Technical Report").date == "2025-06-16"
    assert by_title(corpus, "KV Prediction for Improved Time").date == "2024-10-10"
    assert by_title(corpus, "MARLIN: Mixed-Precision").date == "2024-08"
    assert by_title(corpus, "FlashAttention: Fast and Memory-Efficient").date == "2022-05"


def test_odd_blocks_keep_what_they_have(corpus: Corpus) -> None:
    agentic = by_title(corpus, "In-the-Flow Agentic System Optimization")
    assert (agentic.organisation, agentic.author_count, agentic.date, agentic.comments) == (
        "Stanford AI",
        None,
        "2025-10-07",
        3,
    )
    for title in ("Beyond Outliers", "AutoTriton: Automatic", "dInfer: An Efficient"):
        assert by_title(corpus, title).author_count is None


def test_copies_share_what_any_of_them_knows(corpus: Corpus) -> None:
    paper = by_title(corpus, "8-bit Optimizers via Block-wise Quantization")
    assert (paper.date, paper.author_count) == ("2021-10-06", 4)
    assert paper.pages == (
        "000_109a4a88050ff2ed",
        "002_24f53f0a3327b813",
        "003_7703ff3d48a07d34",
        "004_936c30bd5dbf1cff",
    )


def test_links_give_authors_venue_and_code(corpus: Corpus) -> None:
    paper = by_title(corpus, "Sparse Iso-FLOP Transformations")
    assert paper.authors == ("Vithursan Thangarasa", "Shreyas Saxena", "Abhay Gupta", "Sean Lie")
    assert (paper.venue, paper.code) == ("ICML 2024", "https://github.com/CerebrasResearch/Sparse-IFT")


def test_json_lines_are_read_and_bad_lines_reported(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "mine.jsonl", {"title": "One", "abstract": "Text."}, {"title": "Two"}, [1])
    with path.open("a") as file:
        file.write("{not json\n")
    corpus = read_corpus([path], 2025)
    assert [paper.paper_id for paper in corpus.papers] == ["one", "two"]
    assert [(problem.line, problem.reason) for problem in corpus.problems] == [
        (3, "not a JSON object"),
        (4, "not JSON (Expecting property name enclosed in double quotes)"),
    ]


def test_abstract_with_a_line_separator_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text('{"title": "One", "abstract": "Left\u2028right."}\n', encoding="utf-8")
    assert read_corpus([path], 2025).papers[0].abstract == "Left right."


def test_id_that_two_titles_claim_keeps_both(tmp_path: Path) -> None:
    first, second = ({"paper_id": "x", "title": title, "abstract": "Text."} for title in ("One", "Two"))
    corpus = read_corpus([write_lines(tmp_path / "mine.jsonl", first, second)], 2025)
    assert [(paper.paper_id, paper.title) for paper in corpus.papers] == [("x", "One"), ("x-2", "Two")]
    assert corpus.conflicts[0].line == 2
    assert corpus.conflicts[0].reason == "paper_id x is also that of “One”: both stay"


def test_copy_without_an_id_joins_the_one_that_has_it(tmp_path: Path) -> None:
    bare = {"title": "On Trees", "abstract": "Text.", "date": "2024-07-30"}
    linked = {"title": "On trees", "abstract": "Text.", "arxiv_id": "2407.21018"}
    (paper,) = read_corpus([write_lines(tmp_path / "mine.jsonl", bare, linked)], 2025).papers
    assert (paper.paper_id, paper.date, paper.url) == ("2407.21018", "2024-07-30", "https://arxiv.org/abs/2407.21018")


def test_links_are_of_the_pages_beside_them_only(tmp_path: Path) -> None:
    for folder, arxiv_id in (("first", "2407.21018"), ("second", None)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "page.txt").write_bytes(PAGES[0].read_bytes())
        if arxiv_id:
            write_lines(tmp_path / folder / "links.jsonl", {"title": "OneRec Technical Report", "arxiv_id": arxiv_id})
    second = read_corpus([tmp_path / "second"], 2025)
    assert second.papers[0].paper_id == "onerec-technical-report"
    both = read_corpus([tmp_path / "second", tmp_path / "first"], 2025)
    assert both.papers[0].paper_id == "2407.21018"
    assert len(both.papers) == len(second.papers)


def test_bad_link_is_reported_once_though_five_pages_use_the_file(tmp_path: Path) -> None:
    for page in PAGES[:2]:
        (tmp_path / page.name).write_bytes(page.read_bytes())
    write_lines(tmp_path / "links.jsonl", {"title": "OneRec Technical Report", "url": "javascript:alert(1)"})
    corpus = read_corpus([tmp_path], 2025)
    assert [problem.reason for problem in corpus.problems] == ["url is not an http(s) link: javascript:alert(1)"]
    assert corpus.papers[0].paper_id == "onerec-technical-report"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.txt", b" \n", "is empty"),
        ("letter.txt", b"Dear reader,\n\nall is well.\n", "is in no format that is read"),
        ("latin.txt", b"caf\xe9\n", "is in no format that is read"),
        ("foreign.jsonl", b'{"a": 1}\n', "holds no readable paper. First problem: .* line 1: no title"),
        ("paper.pdf", b"%PDF", "is a PDF. Export its record"),
        ("page.html", b"<!DOCTYPE html><html>", "is a web page. Export the list"),
    ],
)
def test_file_that_is_no_corpus_is_a_clear_error(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CorpusError, match=message):
        read_corpus([tmp_path / name], 2025)


def test_stray_file_in_a_folder_is_reported_and_the_rest_goes_on(tmp_path: Path) -> None:
    write_lines(tmp_path / "mine.jsonl", {"title": "One", "abstract": "Text."})
    (tmp_path / "notes.txt").write_text("Remember the milk.\n")
    (tmp_path / "empty.JSONL").write_text("")
    (tmp_path / "folder.jsonl").mkdir()
    corpus = read_corpus([tmp_path], 2025)
    assert [paper.title for paper in corpus.papers] == ["One"]
    unread = [(Path(file.source).name, file.reason) for file in corpus.files if file.reason]
    assert [name for name, _ in unread] == ["empty.JSONL", "notes.txt"]
    assert all("Citedesk reads BibTeX" in (reason or "") for _, reason in unread)


def test_missing_file_and_empty_folder_are_clear_errors(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="does not exist"):
        read_corpus([tmp_path / "none"], 2025)
    with pytest.raises(CorpusError, match="holds no papers"):
        read_corpus([tmp_path], 2025)
