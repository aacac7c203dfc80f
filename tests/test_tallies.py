"""Questions that count papers, and what they count."""

from __future__ import annotations

import pytest

from rag.generation.records import tally_sentence
from rag.query.tallies import StatedTally, as_list, read_tally, without_field
from rag.retrieval.tallies import tally_papers, with_most
from rag.types import Filters, Paper, Query

PAPERS = (
    Paper("a", "A", "", date="2023-05", venue="ICML 2023", authors=("Ada Quill", "Bo Tanaka")),
    Paper("b", "B", "", date="2024", venue="International Conference on Machine Learning", authors=("Ada Quill",)),
    Paper("c", "C", "", date="2024-01", venue="ICLR'24", authors=("Cem Osei",)),
    Paper("d", "D", ""),
)


@pytest.mark.parametrize(
    ("question", "tally"),
    [
        ("how many papers use Pebble?", StatedTally("papers")),
        ("How many of the articles are about fish?", StatedTally("papers")),
        ("what is the number of caching papers?", StatedTally("papers")),
        ("count the papers on caches", StatedTally("papers")),
        ("how many papers by researchers at Google?", StatedTally("papers")),
        ("how many authors do the papers have?", None),
        ("how many parameters do papers on caches use?", None),
        ("which paper has the most authors?", None),
        ("which papers use the most memory?", None),
        ("which venue has the most papers?", StatedTally("venue", 1)),
        ("what is the most common venue?", StatedTally("venue", 1)),
        ("which journal published most of the papers?", StatedTally("venue", 1, "journal")),
        ("what are the top conferences?", StatedTally("venue", 5, "conference")),
        ("which venue appears most?", StatedTally("venue", 1)),
        ("which organisations are represented the most?", StatedTally("organisation", 5)),
        ("which years have the most memory?", None),
        ("who wrote the most papers?", StatedTally("author", 1)),
        ("who is the most prolific author?", StatedTally("author", 1)),
        ("which year had the largest number of papers on caches?", StatedTally("year", 1)),
        ("how many papers were published each year?", StatedTally("year")),
        ("distribution of papers over the years", StatedTally("year")),
        ("papers per venue", StatedTally("venue")),
    ],
)
def test_what_a_question_counts_is_read(question: str, tally: StatedTally | None) -> None:
    assert read_tally(question) == tally


def test_what_papers_are_counted_by_is_no_part_of_a_topic() -> None:
    assert [without_field(each) for each in ("caches per year", "by venue?", "each year of use")] == [
        "caches",
        "",
        "each year of use",
    ]


@pytest.mark.parametrize(
    ("question", "listed"),
    [
        ("how many papers use Pebble?", "Which papers use Pebble?"),
        ("How many of the caching papers are there?", "Which caching papers are there?"),
        ("tell me the number of papers on fish", "tell me which papers on fish"),
    ],
)
def test_papers_that_are_counted_are_searched_for_as_a_list(question: str, listed: str) -> None:
    assert as_list(question) == listed


def test_venues_are_counted_over_their_years_and_names() -> None:
    assert [(each.name, each.paper_ids) for each in tally_papers(PAPERS, "venue")] == [
        ("ICML", ("a", "b")),
        ("ICLR", ("c",)),
    ]


def test_years_are_in_order_and_values_with_one_paper_each_have_not_the_most() -> None:
    years = tally_papers(PAPERS, "year")
    assert [(each.name, len(each.paper_ids)) for each in years] == [("2023", 1), ("2024", 2)]
    assert [each.name for each in with_most(tally_papers(PAPERS, "author"))] == ["Ada Quill"]
    assert with_most(tally_papers(PAPERS[1:], "author")) == with_most(()) == ()


@pytest.mark.parametrize(
    ("query", "papers", "said"),
    [
        (
            Query("q", "metadata", "", tally="author", count=1),
            PAPERS,
            "Ada Quill has the most papers, 2 of 4 papers. Next: Bo Tanaka (1), Cem Osei (1)."
            " 1 paper has no author recorded.",
        ),
        (
            Query("q", "metadata", "", tally="author", count=1),
            PAPERS[1:3],
            "No author has more than one of 2 papers.",
        ),
        (
            Query("q", "metadata", "", Filters(since="2023"), tally="year"),
            PAPERS[:3],
            "3 papers dated 2023 or later, by year: 2023 (1), 2024 (2).",
        ),
    ],
)
def test_tally_says_of_how_many_papers(query: Query, papers: tuple[Paper, ...], said: str) -> None:
    assert query.tally
    assert tally_sentence(query, tally_papers(papers, query.tally), len(papers)) == said
