from __future__ import annotations

import pytest

from rag.corpus.listing import ListingEntry, is_listing, parse_listing
from rag.errors import CorpusError

ABSTRACT = "We study things at length and report what we found about them. " * 5
BLOCK = f"""A Title

{ABSTRACT}

  • 3 authors
·
Oct 10, 2024 2
"""


def parse(text: str) -> tuple[tuple[ListingEntry, ...], list[tuple[int, str]]]:
    entries, problems = parse_listing(text, "page.txt", 2025)
    return entries, [(problem.line, problem.reason) for problem in problems]


def test_block_gives_title_abstract_authors_date_and_comments() -> None:
    assert parse(BLOCK) == ((ListingEntry(1, "A Title", ABSTRACT.strip(), "2024-10-10", 3, None, 2),), [])


def test_date_without_a_year_is_of_the_year_of_saving() -> None:
    assert parse(BLOCK.replace("Oct 10, 2024 2", "Jun 16"))[0][0].date == "2025-06-16"


def test_organisation_stands_in_place_of_the_authors() -> None:
    (entry,), _ = parse(BLOCK.replace("  • 3 authors", "Acme Acme Research"))
    assert (entry.organisation, entry.author_count, entry.date) == ("Acme Research", None, "2024-10-10")


def test_block_without_metadata_is_read() -> None:
    entries, problems = parse(f"A Title\n\n{ABSTRACT}\n\nAnother Title\n\n{ABSTRACT}\n")
    assert ([entry.title for entry in entries], problems) == (["A Title", "Another Title"], [])


def test_pairs_without_blank_lines_are_read_and_the_button_is_cut_off() -> None:
    text = f"Get trending papers in your email inbox!\nSubscribeA Title\n{ABSTRACT}\nSubscribers Leave\n{ABSTRACT}\n"
    assert [entry.title for entry in parse(text)[0]] == ["A Title", "Subscribers Leave"]


def test_title_that_begins_with_the_button_word_is_kept_after_the_button() -> None:
    assert parse(f"Subscribe\n\nSubscribeNet\n\n{ABSTRACT}\n")[0][0].title == "SubscribeNet"


def test_furniture_is_no_paper() -> None:
    lines = ("new", "Get trending papers in your email inbox!", "Subscribe", "Daily Papers")
    entries, problems = parse("\n\n".join([*lines, "byAK and the research community", "Nov 7", BLOCK]))
    assert ([entry.title for entry in entries], problems) == (["A Title"], [])


def test_title_without_abstract_is_reported_and_the_rest_goes_on() -> None:
    entries, problems = parse(f"Lost Title\n\n  • 2 authors\n·\nJun 1\n\n{BLOCK}")
    assert ([entry.title for entry in entries], problems) == (
        ["A Title"],
        [(1, "a title without an abstract: Lost Title")],
    )


def test_metadata_of_a_lost_block_does_not_reach_its_neighbours() -> None:
    entries, _ = parse(f"A Title\n\n{ABSTRACT}\n\nLost Title\n\n  • 2 authors\n·\nJun 1\n")
    assert (entries[0].author_count, entries[0].date) == (None, None)


def test_abstract_without_title_is_reported_with_its_line() -> None:
    entries, problems = parse(f"{BLOCK}\n{ABSTRACT}\n")
    assert len(entries) == 1
    assert problems[0][0] == 9
    assert problems[0][1].startswith("an abstract without a title: We study things")


def test_day_that_no_month_has_is_reported_and_the_paper_kept() -> None:
    entries, problems = parse(BLOCK.replace("Oct 10, 2024 2", "Feb 31"))
    assert (entries[0].date, problems) == (None, [(7, "no such date: Feb 31")])


def test_printed_year_that_contradicts_the_year_of_saving_is_an_error() -> None:
    with pytest.raises(CorpusError, match=r"line 7 prints the year 2025.*--saved-year"):
        parse(BLOCK.replace("2024", "2025"))


def test_prose_is_no_listing() -> None:
    assert not is_listing("Dear reader,\n\nthis is a letter.\n")
    assert is_listing(BLOCK)
