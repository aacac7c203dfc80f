from __future__ import annotations

import itertools
import random
from dataclasses import replace
from time import process_time

import pytest

from rag.corpus.identity import ReadPaper, Record, merge_records
from rag.types import Paper

PREPRINT = Paper(
    "2401.00001",
    "Small Caches for Large Nets",
    "We study caches.",
    url="https://arxiv.org/abs/2401.00001",
    date="2024-01",
    authors=("J. Smith", "Xin Wang"),
)
PUBLISHED = Paper(
    "small-caches-for-large-nets",
    "Small caches for large nets",
    "We study small caches at length.",
    url="https://doi.org/10.1145/1.2",
    date="2025-02-03",
    authors=("John Smith", "Xin Wang"),
    doi="10.1145/1.2",
    venue="Caches",
    entry_type="article",
    key="smith25",
)


def merged(*papers: Paper) -> tuple[list[str], list[str], list[str]]:
    """Return the ids of what is left, the reasons of the merges, and the conflicts."""
    found, merges, problems = merge_records([Record("a", i, ReadPaper.of(paper)) for i, paper in enumerate(papers, 1)])
    return [paper.paper_id for paper in found], [each.reason for each in merges], [each.reason for each in problems]


def test_preprint_and_published_record_are_one_paper_with_both_links() -> None:
    for order in ((PREPRINT, PUBLISHED), (PUBLISHED, PREPRINT)):
        (read,), (merge,), problems = merge_records(
            [Record("a.bib", i, ReadPaper.of(each)) for i, each in enumerate(order, 1)]
        )
        paper = read.load()
        assert (paper.paper_id, paper.doi, paper.key) == ("2401.00001", "10.1145/1.2", "smith25")
        assert (paper.url, paper.urls) == ("https://arxiv.org/abs/2401.00001", ("https://doi.org/10.1145/1.2",))
        assert (paper.abstract, paper.venue) == ("We study small caches at length.", "Caches")
        assert (merge.first, merge.joined) == ("a.bib line 1", "a.bib line 2")
        assert (merge.reason, problems) == ("the same title and authors", [])


def test_two_papers_of_one_title_stay_two() -> None:
    spring = Paper("editorial", "Editorial", "On robots that grasp.", date="2015", authors=("Ann Lee",))
    autumn = replace(spring, abstract="On folding proteins.", authors=("Bob Ray",))
    assert merged(spring, autumn) == (["editorial", "editorial-2015"], [], [])
    bare = Paper("editorial", "Editorial", "")
    assert merged(bare, bare) == (["editorial", "editorial-2"], [], [])


@pytest.mark.parametrize(
    "change",
    [
        {"doi": "10.1145/9.9"},
        {"date": "2031"},
        {"authors": ("Bob Ray",)},
        {"pmid": "2", "doi": None},
    ],
)
def test_what_contradicts_keeps_papers_of_one_title_apart(change: dict[str, object]) -> None:
    first = replace(PUBLISHED, pmid="1")
    assert len(merged(first, replace(first, **({"doi": None, "pmid": None} | change)))[0]) == 2  # type: ignore[arg-type]


def test_a_preprint_servers_doi_does_not_contradict_the_published_one() -> None:
    assert len(merged(PUBLISHED, replace(PUBLISHED, doi="10.1101/2024.01.01.1"))[0]) == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"doi": "10.1145/X.2"}, "the same DOI 10.1145/x.2"),
        ({"pmid": "77"}, "the same PMID 77"),
        ({"url": "https://arxiv.org/abs/2401.00001v3"}, "the same arXiv id 2401.00001"),
    ],
)
def test_an_id_makes_one_paper_of_two_titles_by_the_same_people(change: dict[str, str], reason: str) -> None:
    first = replace(PUBLISHED, **({"doi": None} | change))  # type: ignore[arg-type]
    second = replace(
        first, paper_id="nets", title="Nets with caches that are tiny", doi=(first.doi or "").lower() or None
    )
    assert merged(first, second)[1] == [reason]


def test_an_id_of_two_different_papers_keeps_both_and_says_so() -> None:
    other = Paper("frogs", "The Frogs of Borneo", "Frogs croak.", authors=("Bob Ray",), doi=PUBLISHED.doi)
    ids, reasons, conflicts = merged(PUBLISHED, other)
    assert (ids, reasons) == (["small-caches-for-large-nets", "frogs"], [])
    assert conflicts == ["DOI 10.1145/1.2 is also that of “Small caches for large nets”: both stay"]


def test_a_third_record_joins_two_that_had_nothing_in_common() -> None:
    by_doi = replace(
        PUBLISHED, paper_id="small-caches", title="Small caches", authors=("John Smith",), abstract="", date=None
    )
    both = replace(PUBLISHED, title="Small Caches for Large Nets", authors=("John Smith",))
    by_title = replace(PREPRINT, authors=("John Smith",))
    ids, reasons, _ = merged(by_doi, by_title, both)
    assert (ids, reasons) == (["2401.00001"], ["the same title and authors", "the same DOI 10.1145/1.2"])


def test_merged_papers_are_compared_again_with_what_they_have_now() -> None:
    by_id = Paper("x1", "Pebble: Small Caches", "", authors=("Ada Quill",), doi="10.1/b", pmid="2")
    by_title = Paper("x2", "Ageing of Widgets", "Widgets age.", authors=("A. Quill",))
    both = Paper("x3", "Ageing of Widgets", "Widgets age.", doi="10.1101/z", pmid="2")
    for records in itertools.permutations((by_id, by_title, both)):
        papers, *_ = merged(*records)
        assert len(papers) == 1


def test_many_papers_of_one_title_are_compared_in_linear_time() -> None:
    letters = "abcdefghijklmno"
    names = ["".join(each) for each in itertools.product(letters, repeat=3)][:3000]
    editorials = [Paper("editorial", "Editorial", "", authors=(name,)) for name in names]
    start = process_time()
    found, merges, _ = merge_records(
        [Record("a", n, ReadPaper.of(paper)) for n, paper in enumerate([*editorials, editorials[0]])]
    )
    assert (len(found), len(merges)) == (3000, 1)
    assert process_time() - start < 5


def test_papers_that_share_no_mark_are_what_comparing_all_leaves() -> None:
    generator = random.Random(0)

    def some(*values: str | None) -> str | None:
        return generator.choice(values)

    for _ in range(300):
        papers = [
            Paper(
                some("one", "two", "a-b", "2401.00001", f"p{i}") or "",
                some("A B", "a b", "C: D", f"T {i}", "") or "",
                some("We study caches.", "Frogs croak.", "") or "",
                url=some(None, "https://arxiv.org/abs/2401.00001", f"https://a.org/{i}"),
                authors=tuple(filter(None, (some("Ann Lee", None, "Bo Ray"), some("Cy Fox", None)))),
                doi=some(None, None, "10.1/X", "10.1/x", "10.2/y"),
                pmid=some(None, None, "7"),
                date=some(None, "2020", "2021", "2030"),
            )
            for i in range(generator.randint(1, 6))
        ]
        records = [Record("a", i, ReadPaper.of(paper)) for i, paper in enumerate(papers, 1)]
        compared = [each._replace(paper=replace(each.paper, marks=(*each.paper.marks, "compared"))) for each in records]
        found, expected = merge_records(records), merge_records(compared)
        assert [each.load() for each in found[0]] == [each.load() for each in expected[0]]
        assert found[1:] == expected[1:]
