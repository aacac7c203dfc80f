from __future__ import annotations

import pytest

from rag.text.display import display_line


@pytest.mark.parametrize(
    "marker", ["[1]", "［1］", "【1】", "〔1〕", "❨1❩", "⟦1⟧", "「1」", "[ 1, 2 ]", "[p1]", "[Paper 1]", "[ref. 1]"]
)
def test_bracketed_number_of_a_paper_is_no_citation_of_ours(marker: str) -> None:
    shown = display_line(f"A title {marker} of a paper")
    assert shown == f"A title ({marker[1:-1]}) of a paper"


def test_other_words_in_brackets_stay() -> None:
    assert display_line("Sorting [GPT4] and [p] in [0, 1) [of 2]") == "Sorting [GPT4] and [p] in [0, 1) [of 2]"
