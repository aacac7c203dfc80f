from __future__ import annotations

from pathlib import Path

import pytest

from rag.query.names import clean_name, clean_place
from rag.text.names import matches_author
from rag.text.venues import matches_venue
from tests.fakes import library_names

NAMES = library_names(
    ("Ada Quill", "Bo Tanaka", "Ana María López", "Kim, Been", "Ashish Vaswani"),
    ("ICML 2024", "Nature 567"),
    ("Google DeepMind",),
)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Ada Quill", ("Ada Quill",)),
        ("Quill, Ada", ("Quill, Ada",)),
        ("Kim, Been", ("Kim, Been",)),
        ("Quill and Tanaka", ("Quill", "Tanaka")),
        ("Ada Quill & Bo Tanaka", ("Ada Quill", "Bo Tanaka")),
        ("Quill, Tanaka", ("Quill", "Tanaka")),
        ("Quill et al.", ("Quill",)),
        ("Prof. Ada Quill's", ("Ada Quill",)),
        ("and", ()),
        ("Sanders", ("Sanders",)),
    ],
)
def test_stretch_is_split_into_names(text: str, names: tuple[str, ...]) -> None:
    assert NAMES.split_authors(text) == names


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("quill", "quill"),
        ("A. Quill", "A. Quill"),
        ("Lopez", "Lopez"),
        ("Vaswanni", "Vaswani"),
        ("ashish vasvani", "Ashish Vaswani"),
        ("Geoffrey Hinton", None),
        ("A", None),
        ("Ada Tanaka", None),
        ("Boe", None),
        ("TanakA", "TanakA"),
        ("TanAkka", None),
    ],
)
def test_author_is_one_of_the_library_or_a_misspelt_one(name: str, known: str | None) -> None:
    assert NAMES.author(name) == known


def test_given_name_is_no_surname() -> None:
    assert [NAMES.is_surname(name) for name in ("Quill", "quill", "Ada", "Kim", "Been")] == [
        True,
        True,
        False,
        True,
        False,
    ]


def test_venue_and_organisation_are_matched_by_their_words() -> None:
    assert NAMES.venue("icml") and NAMES.venue("ICML'24") and not NAMES.venue("ICML 2023")
    assert NAMES.organisation("Google") and not NAMES.organisation("Goo")
    assert (clean_place("the Nature’s"), clean_name("Dr. J. Smith,")) == ("Nature", "J. Smith")


def test_nearest_names_have_the_surname_first() -> None:
    names = library_names(("Albert Wang", "Alex Gu", "Ada Quill", "Alberta Gus"))
    assert names.nearest_authors("Albert Gu") == ("Alex Gu", "Alberta Gus", "Albert Wang")
    assert names.nearest_authors("Xqzv") == ()
    twice = library_names(("Ann King Jr", "Ann King Jr.", "Bo King"))
    assert twice.nearest_authors("Cy King") == ("Ann King Jr", "Bo King")


def test_names_are_looked_up_as_if_all_were_compared() -> None:
    rows = (Path(__file__).parent / "data" / "names.tsv").read_text(encoding="utf-8").splitlines()[1:]
    asked = sorted({row.split("\t")[0] for row in rows})
    held = sorted({name for row in rows for name in row.split("\t")[1].split("; ")})
    names = library_names(held)
    for name in asked:
        assert names.authors(name) == {author for author in held if matches_author(name, author)}, name


def test_venues_are_looked_up_as_if_all_were_compared() -> None:
    held = (
        "International Conference on Learning Representations 2025",
        "ICLR'24",
        "Proceedings of the 41st International Conference on Machine Learning",
        "Advances in Neural Information Processing Systems 36",
        "NIPS 2017",
        "Nature Communications 12",
        "Nat Commun",
        "Journal of Machine Learning Research",
        "SIGIR 2023",
        "Conference on Knowledge Discovery and Data Mining (KDD), 2022",
        "CoRR",
        "Workshop on Sand @ ICML 2024",
    )
    names = library_names((), held)
    for name in (
        *held,
        "ICLR",
        "NeurIPS",
        "neurips 2017",
        "JMLR",
        "KDD",
        "Nat. Comm.",
        "567",
        "2024",
        "12",
        "Research",
    ):
        assert names.venues(name) == {venue for venue in held if matches_venue(name, venue)}, name
