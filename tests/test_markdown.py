from __future__ import annotations

import pytest

from rag.render.markdown import markdown_to_text, plain

TABLE = "| Criterion | Pebble [1] | Reef [2] |\n|---|:---:|---|\n| **Memory** | 2.57× | half |\n| Cost | – | 12 ms |"


def test_heading_is_underlined_and_marks_are_removed() -> None:
    assert markdown_to_text("## Pruning\n**Pebble** prunes `it`, *fast* [1].", 60) == (
        "Pruning\n-------\nPebble prunes it, fast [1]."
    )


@pytest.mark.parametrize(
    ("marked", "said"),
    [
        ("**a** and __b__", "a and b"),
        ("***a***", "a"),
        ("**a *b* c**", "a b c"),
        ("snake_case_name and 2*3*4", "snake_case_name and 2*3*4"),
        ("`x_1`", "x_1"),
        ("a ** b", "a ** b"),
    ],
)
def test_only_marks_of_emphasis_and_code_are_removed(marked: str, said: str) -> None:
    assert plain(marked) == said


def test_items_hang_under_their_bullets() -> None:
    assert markdown_to_text("- one two three four\n  1. five six seven eight", 16) == (
        "- one two three\n  four\n  1. five six\n     seven eight"
    )


def test_table_is_aligned_under_its_header() -> None:
    assert markdown_to_text(TABLE, 60) == (
        "Criterion  Pebble [1]  Reef [2]\n---------  ----------  --------\n"
        "Memory     2.57×       half\nCost       –           12 ms"
    )


def test_table_that_is_too_wide_is_wrapped_in_its_cells_or_written_row_by_row() -> None:
    wide = "| A | B |\n|---|---|\n| one two three four five | six seven eight nine ten |"
    assert markdown_to_text(wide, 30) == (
        "A               B\n--------------  --------------\none two three   six seven\nfour five       eight nine ten"
    )
    assert markdown_to_text(wide, 20) == "one two three four\nfive\n  B: six seven eight\n    nine ten"


@pytest.mark.parametrize("width", [10, 20, 40, 80])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    text = f"# A heading\n\nSome prose with words.\n\n{TABLE}\n\n- An item of a list with words.\n|\n| lone |\n"
    assert all(len(line) <= width for line in markdown_to_text(text, width).split("\n"))


def test_fenced_block_stays_as_it_is() -> None:
    long = "n,title," + "a" * 60
    assert markdown_to_text(f"Papers:\n```csv\n{long}\n1,*x*\n```\nEnd", 30) == f"Papers:\n{long}\n1,*x*\nEnd"
