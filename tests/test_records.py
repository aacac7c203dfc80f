from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.corpus.ids import arxiv_month
from rag.corpus.records import (
    paper_digest,
    paper_from_record,
    paper_to_record,
    restore_paper,
    title_slug,
)
from rag.types import Paper
from tests.fakes import CACHE_PAPER

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip)


@given(
    st.builds(
        Paper,
        paper_id=TEXT.map(str.strip),
        title=TEXT,
        abstract=TEXT,
        date=st.sampled_from([None, "2024", "2024-02", "2024-02-29"]),
        authors=st.lists(TEXT, max_size=3).map(tuple),
        author_count=st.none() | st.integers(0, 99),
        pages=st.lists(TEXT, max_size=2).map(tuple),
        doi=st.none() | TEXT,
        key=st.none() | TEXT,
        entry_type=st.sampled_from([None, "article", "misc"]),
        urls=st.sampled_from([(), ("https://doi.org/10.1/x",)]),
        bibliography=st.dictionaries(TEXT, TEXT, max_size=2).map(lambda fields: tuple(fields.items())),
    )
)
def test_record_reads_back_to_the_same_paper(paper: Paper) -> None:
    record = json.loads(json.dumps(paper_to_record(paper)))
    assert paper_from_record(record) == paper


@pytest.mark.parametrize(
    ("record", "paper_id", "url"),
    [
        ({}, "on-trees-and-hashes", None),
        ({"paper_id": "mine"}, "mine", None),
        ({"arxiv_id": "2407.21018"}, "2407.21018", "https://arxiv.org/abs/2407.21018"),
        ({"arxiv_id": "arXiv:2407.21018v3"}, "2407.21018", "https://arxiv.org/abs/2407.21018"),
        ({"paper_id": "2407.21018v2"}, "2407.21018", "https://arxiv.org/abs/2407.21018"),
        ({"paper_id": " ", "arxiv_id": "hep-th/9901001"}, "hep-th/9901001", "https://arxiv.org/abs/hep-th/9901001"),
        ({"url": "https://arxiv.org/pdf/2407.21018v3"}, "2407.21018", "https://arxiv.org/pdf/2407.21018v3"),
        ({"url": "https://example.org/x"}, "on-trees-and-hashes", "https://example.org/x"),
    ],
)
def test_paper_id_is_the_arxiv_id_or_a_slug(record: dict[str, str], paper_id: str, url: str | None) -> None:
    paper = paper_from_record({"title": "On Trees -- and Hashes!", "abstract": "Text.", **record})
    assert (paper.paper_id, paper.url) == (paper_id, url)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"title": None}, "no title"),
        ({"abstract": 3}, "abstract is not a text: 3"),
        ({"abstract": "half \ud800"}, "abstract contains an unpaired surrogate"),
        ({"date": "May 2024"}, "date: not a date of the form YYYY, YYYY-MM or YYYY-MM-DD: 'May 2024'"),
        ({"date": "2023-02-29"}, "date: no such day: '2023-02-29'"),
        ({"url": "javascript:alert(1)"}, "url is not an http(s) link: javascript:alert(1)"),
        ({"arxiv_id": "no id"}, "arxiv_id is not an arXiv id: no id"),
        ({"authors": ["\ud800"]}, "authors contains an unpaired surrogate"),
        ({"date": "２０２４"}, "date: not a date of the form YYYY, YYYY-MM or YYYY-MM-DD: '２０２４'"),
        ({"authors": "Ann"}, "authors is not a list of texts: 'Ann'"),
        ({"author_count": -1}, "author_count is not a count: -1"),
    ],
)
def test_record_that_is_no_paper_says_why(change: dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError) as caught:
        paper_from_record({"title": "A", "abstract": "B", **change})
    assert str(caught.value) == reason


def test_arxiv_id_gives_year_and_month() -> None:
    assert [
        arxiv_month(each) for each in ("2407.21018", "0704.0001", "hep-th/9901001", "math/0309136", "2413.0001")
    ] == [
        "2024-07",
        "2007-04",
        "1999-01",
        "2003-09",
        None,
    ]


def test_slug_of_a_title_in_any_script_is_not_empty() -> None:
    assert title_slug("深層学習") == "深層学習"
    assert len(title_slug("?!")) == 12


def test_digest_changes_with_anything_known() -> None:
    other = paper_from_record({**paper_to_record(CACHE_PAPER), "comments": 3})
    assert paper_digest(CACHE_PAPER) == paper_digest(paper_from_record(paper_to_record(CACHE_PAPER)))
    assert paper_digest(other) != paper_digest(CACHE_PAPER)


def test_record_that_was_written_restores_its_paper() -> None:
    for paper in (
        CACHE_PAPER,
        replace(CACHE_PAPER, authors_complete=False),
        Paper("p", "T", "", bibliography=(("volume", "3"),)),
    ):
        assert restore_paper(paper_to_record(paper)) == paper_from_record(paper_to_record(paper)) == paper
