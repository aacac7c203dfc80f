"""Questions in other words, by the abbreviations that papers define."""

from __future__ import annotations

import pytest

from rag.retrieval.abbreviations import swapped
from rag.types import Paper

PAPERS = (
    Paper("a", "Tide Tables", "A table of the tides (TOT) helps. Small boat loading (SBL) is slow."),
    Paper("b", "Boats", "We study small-boat loading (SBL), and boats (the B) of sorts."),
    Paper("c", "SBL on Rivers", "SBL is quick."),
)


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("SBL on rivers", "small boat loading on rivers"),
        ("which papers make small-boat loading quick?", "which papers make SBL quick?"),
        ("small boat loading (SBL)", None),
        ("boats on rivers", None),
        ("SBL-Pro on rivers", None),
        ("table of the tides", "TOT"),
    ],
)
def test_abbreviations_are_spelt_out_and_what_has_one_is_abbreviated(text: str, other: str | None) -> None:
    found = swapped(text, PAPERS, lambda short: False)
    assert (found.text if found else None) == other
    assert swapped(text, PAPERS, lambda short: True) is None


def test_other_words_are_for_papers_that_have_no_others() -> None:
    found = swapped("small boat loading", PAPERS, lambda short: False)
    assert found is not None
    assert [found.are_those_of(paper) for paper in PAPERS] == [False, False, True]
