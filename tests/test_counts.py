from __future__ import annotations

import pytest

from rag.query.understanding.counts import author_count_mentions, papers_asked


@pytest.mark.parametrize(
    ("question", "least", "most"),
    [
        ("Which papers have just one author?", 1, 1),
        ("papers by a single author", 1, 1),
        ("single-author papers", 1, 1),
        ("sole author works", 1, 1),
        ("solo papers", 1, 1),
        ("papers with no co-authors", 1, 1),
        ("papers with two authors", 2, 2),
        ("three-author papers", 3, 3),
        ("exactly 4 authors", 4, 4),
        ("more than ten authors", 11, None),
        ("papers by at least 20 authors", 20, None),
        ("20+ authors", 20, None),
        ("5 or more authors", 5, None),
        ("five authors or more", 5, None),
        ("fewer than three authors", None, 2),
        ("less than 3 authors", None, 2),
        ("at most two authors", None, 2),
        ("up to 5 authors", None, 5),
        ("no more than 5 authors", None, 5),
        ("between 2 and 4 authors", 2, 4),
        ("2-4 authors", 2, 4),
        ("papers with several authors", 2, None),
    ],
)
def test_author_counts_are_read(question: str, least: int | None, most: int | None) -> None:
    (mention,) = author_count_mentions(question)
    assert (mention.filters.least_authors, mention.filters.most_authors) == (least, most)


@pytest.mark.parametrize(
    "question",
    [
        "how many authors does it have",
        "author attribution",
        "multi-author dialogues",
        "the authors of one paper",
        "what do the two authors of X say",
        "with one author network",
        "fewer than one author",
        "a single GPU",
        "solo play",
        "one author's opinion",
    ],
)
def test_other_counts_are_left_alone(question: str) -> None:
    assert author_count_mentions(question) == []


@pytest.mark.parametrize(
    ("question", "count"),
    [
        ("List the three papers on dunes", 3),
        ("Two systems prune keys. How do they differ?", 2),
        ("Three learned approaches order passes.", 3),
        ("Which two optimizers are compared?", 2),
        ("top 5 papers on caches", 5),
        ("the top five on caches", 5),
        ("One matches the other. Name both and the trick.", 2),
        ("Do both studies agree?", 2),
        ("Which papers prune caches?", None),
        ("How much sand is enough? Give both sample counts.", None),
        ("top-5 accuracy", None),
        ("top 5 accuracy", None),
        ("two-stage methods", None),
        ("4-bit methods", None),
        ("Pebble names three earlier methods", None),
        ("Which three things does it hang on?", None),
        ("2025 papers", None),
        ("the one that tests systems", None),
    ],
)
def test_papers_asked_for_are_counted(question: str, count: int | None) -> None:
    assert papers_asked(question) == count
