from __future__ import annotations

from typing import Any

import pytest

from rag.corpus.names import loses_order, names_of, natural_order, split_bibtex_names, split_glued


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("Ann Lee, Bo Chen", ["Ann Lee", "Bo Chen"]),
        ("Doe J.C., Kalé L., Roe K.", ["Doe J.C.", "Kalé L.", "Roe K."]),
        ("Smith, J., Wang, X.-Y.", ["Smith, J.", "Wang, X.-Y."]),
        ("Müller, Jörg", ["Müller, Jörg"]),
        ("Marx, Karl; Lindgren, Astrid;", ["Marx, Karl", "Lindgren, Astrid"]),
        ("['Marx, Karl', 'Lindgren, Astrid']", ["Marx, Karl", "Lindgren, Astrid"]),
        ("Lee, Ann and Chen, Bo", ["Lee, Ann", "Chen, Bo"]),
        ("Ann Lee, Bo Chen, and Cy Doe", ["Ann Lee", "Bo Chen", "Cy Doe"]),
        ("C. Balazs, E. L. Doe and the X Group (Somewhere)", ["C. Balazs", "E. L. Doe", "the X Group"]),
        ("Martin King, Jr., Ann Lee", ["Martin King Jr.", "Ann Lee"]),
        ([{"authorId": "1", "name": "Ann Lee"}], ["Ann Lee"]),
        ([{"family": "Gogh", "given": "Vincent", "non-dropping-particle": "van"}], ["van Gogh, Vincent"]),
        ([{"author": {"display_name": "Ann Lee"}}], ["Ann Lee"]),
        ([{"firstName": "Ann", "lastName": "Lee"}, {"literal": "World Bank"}], ["Lee, Ann", "{World Bank}"]),
        ([["Doe", "E. L.", ""], ["King", "Martin", "Jr."]], ["Doe, E. L.", "King, Jr., Martin"]),
        (["Ann Lee", None, 3, ""], ["Ann Lee"]),
        (
            ["King, Martin L. Jr.", "Doe, Cy, III", "Chen, Wen Xi"],
            ["King, Jr., Martin L.", "Doe, III, Cy", "Chen, Wen Xi"],
        ),
        (
            {"author": [{"firstName": "Ann", "lastName": "Lee"}, {"collectiveName": "Bee Group"}]},
            ["Lee, Ann", "{Bee Group}"],
        ),
        ([{"creatorType": "editor", "name": "Ed"}, {"creatorType": "author", "name": "Ann"}], ["Ann"]),
        ([{"creatorType": "editor", "name": "Ed"}, {"creatorType": [], "name": "Bo"}], ["Bo"]),
        ([{"creatorType": "editor", "name": "Ed"}], ["Ed"]),
        ({"author": [{"@pid": "1", "text": "Ann Lee 0001"}]}, ["Ann Lee"]),
        (["ACM Task Force 2013"], ["ACM Task Force 2013"]),
        (7, []),
    ],
)
def test_names_are_read_from_texts_lists_and_objects(value: Any, names: list[str]) -> None:
    assert names_of(value) == (names, False)


@pytest.mark.parametrize(
    "value", ["Jane Doe et.al.", "Jane Doe, et al.", ["Jane Doe", "others"], "Jane Doe and others"]
)
def test_others_are_no_author(value: Any) -> None:
    assert names_of(value) == (["Jane Doe"], True)


def test_family_name_comes_last() -> None:
    given = ["Müller, Jörg", "King, 3rd, Martin Luther", "Martin Luther King, Jr.", "{World Bank}", "de la Cruz, Ana"]
    assert [natural_order(name) for name in given] == [
        "Jörg Müller",
        "Martin Luther King 3rd",
        "Martin Luther King Jr.",
        "World Bank",
        "Ana de la Cruz",
    ]
    assert [loses_order(name) for name in given] == [False, True, True, True, True]


def test_bibtex_names_keep_braces_around_organisations() -> None:
    value = r"Doe, Ana and {D{\'i}az}, Camila and {Food and Drug Office} and others"
    assert split_bibtex_names(value) == ["Doe, Ana", "Díaz, Camila", "{Food and Drug Office}", "others"]


def test_glued_names_are_parted() -> None:
    assert split_glued("Prof. Ada B. LeeSean McDonaldBo DeVries") == ["Prof. Ada B. Lee", "Sean McDonald", "Bo DeVries"]
