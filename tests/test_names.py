from __future__ import annotations

import pytest

from rag.text.names import matches_author, matches_venue


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
    ],
)
def test_other_authors_do_not_match(wanted: str, author: str) -> None:
    assert not matches_author(wanted, author)


@pytest.mark.parametrize(
    ("wanted", "venue"),
    [
        ("ICML", "ICML 2023"),
        ("ICML", "icml2023"),
        ("icml 2023", "icml2023"),
        ("ICML'23", "ICML 2023"),
        ("ICML 2023", "ICML'23"),
        ("ICML23", "ICML 2023"),
        ("NIPS 2018", "NeurIPS 2018"),
        ("NeurIPS 2021", "NeurIPS 2021 Datasets and Benchmarks"),
        ("ACL", "Findings of ACL 2023"),
        ("Nature", "Nature 567, 209 (2019)"),
        ("CONF 1998", "CONF '98"),
    ],
)
def test_spellings_of_one_venue_match(wanted: str, venue: str) -> None:
    assert matches_venue(wanted, venue)


@pytest.mark.parametrize(
    ("wanted", "venue"), [("ICML 2023", "ICML 2024"), ("CVPR", "CVPRW 2020"), ("ICLR", "ICML 2023"), ("'", "ICML 2023")]
)
def test_other_venues_do_not_match(wanted: str, venue: str) -> None:
    assert not matches_venue(wanted, venue)
