from __future__ import annotations

import csv
from pathlib import Path

import pytest

from rag.text.names import matches_author, surname_and_given
from tests.fakes import library_names

DATA = Path(__file__).parent / "data"


def read_forms(name: str) -> list[tuple[str, tuple[str, ...], bool]]:
    """Return written forms: as asked, the authors as the library has them, and whether they are the same."""
    with (DATA / name).open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [(row["asked"], tuple(row["held"].split("; ")), row["same"] == "yes") for row in rows]


@pytest.mark.parametrize(("asked", "held", "same"), read_forms("names.tsv"))
def test_written_form_is_the_author_or_not(asked: str, held: tuple[str, ...], same: bool) -> None:
    names = library_names(held).split_authors(asked)
    assert all(any(matches_author(name, author) for author in held) for name in names) is same


def test_endless_name_is_read_quickly() -> None:
    endless = " ".join(["Quill", "Tanaka", "B."] * 2000)
    assert matches_author("Quill", endless)
    assert not matches_author("C. Quill", endless)
    assert not matches_author(endless, "Ada Quill")


def test_most_of_the_forms_that_were_kept_apart_are_right() -> None:
    forms = read_forms("names_held_out.tsv")
    right = [
        all(any(matches_author(name, each) for each in held) for name in library_names(held).split_authors(asked))
        is same
        for asked, held, same in forms
    ]
    assert sum(right) >= 0.9 * len(forms)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("Ada Quill", ("Quill", "Ada", "")),
        ("Quill, Ada", ("Quill", "Ada", "")),
        ("Laurens van der Maaten", ("van der Maaten", "Laurens", "")),
        ("John Quill Jr.", ("Quill", "John", "Jr.")),
        ("Quill, III, John", ("Quill", "John", "III")),
        ("Blachly JS", ("Blachly", "JS", "")),
        ("Quill", ("Quill", "", "")),
        ("", ("", "", "")),
    ],
)
def test_name_has_a_surname_given_names_and_a_suffix(name: str, parts: tuple[str, str, str]) -> None:
    assert surname_and_given(name) == parts


@pytest.mark.parametrize(
    ("wanted", "author"),
    [
        ("Ada Quill", "Ada Quill"),
        ("quill", "Ada Quill"),
        ("Quill, Ada", "Ada Quill"),
        ("A. Quill", "Ada Quill"),
        ("Ada Quill", "A. Quill"),
        ("Ada Quill", "Ada B. Quill"),
        ("Jose Nandu", "José Ñandú"),
        ("JOSÉ ÑANDÚ", "Jose\u0301 N\u0303andu\u0301"),
        ("Zhao", "Mei-Lin Zhao"),
        ("Mei Lin Zhao", "Mei-Lin Zhao"),
        ("Bjorn Soby", "Bjørn Søby"),
    ],
)
def test_spellings_of_one_author_match(wanted: str, author: str) -> None:
    assert matches_author(wanted, author)


@pytest.mark.parametrize(
    ("wanted", "author"),
    [
        ("Ada Quill", "Ada Quilling"),
        ("Ada Quill", "Bo Quill"),
        ("B. Quill", "Ada Quill"),
        ("A.", "Ada Quill"),
        ("Quill", "Q. Ada"),
        ("Ada Bo Quill", "Ada Quill"),
        ("", "Ada Quill"),
        ("Ben Zhang", "Wei Zhang"),
    ],
)
def test_other_authors_do_not_match(wanted: str, author: str) -> None:
    assert not matches_author(wanted, author)
