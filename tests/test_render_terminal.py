from __future__ import annotations

import pytest

from rag.answer import Answer, Citation, Notice, Sentence
from rag.render.terminal import answer_to_text, safe, sources_to_text, understood
from rag.types import Filters, Query
from tests.fakes import CACHE_PAPER, ROBOT_PAPER

QUERY = Query("Which?", "list", "which")


def test_written_answer_stands_above_its_note_and_papers() -> None:
    answer = Answer(
        QUERY,
        "answered",
        "**Robots** slip on sand [1].\n- They fall.",
        (Citation(1, ROBOT_PAPER),),
        (Sentence(0, 28, (1,), "supported"), Sentence(31, 41, (1,), "contradicted")),
        near_misses=(Citation(None, CACHE_PAPER),),
        notices=(Notice("nothing_cited"),),
    )
    assert answer_to_text(answer, 100) == (
        "Robots slip on sand [1].\n- They fall.\n"
        "\nNote: The model cited no paper, so nothing can be checked.\n"
        "\nChecked against the abstracts:\n  abstract says otherwise: “They fall.”\n"
        "\nPapers\n[1] Walking Robots on Sand (2023)\n    https://arxiv.org/abs/2305.00002\n"
        "\nNear, not cited\n- Small Caches (2024)\n"
    )


def test_long_lines_are_wrapped_below_their_bullet() -> None:
    answer = Answer(QUERY, "answered", "- Robots slip on sand, and they fall in the dunes [1].")
    assert answer_to_text(answer, 30) == "- Robots slip on sand, and\n  they fall in the dunes [1].\n"


def test_answer_without_papers_has_no_sources() -> None:
    assert sources_to_text(Answer(QUERY, "answered", "x"), 80) == ""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "[31mred[0m"),
        ("a\x07b\x00c\rd\x9be", "abcde"),
        ("a\u202eb\u2066c", "abc"),
        ("a\n\tb é ☃", "a\n\tb é ☃"),
    ],
)
def test_nothing_steers_the_terminal(text: str, shown: str) -> None:
    assert safe(text) == shown


def test_what_was_understood_is_told_with_a_written_answer_alone() -> None:
    query = Query("Which?", "list", "which", Filters(since="2024"), order="newest")
    assert understood(query) == "Understood: papers dated 2024 or later, the newest first (--drop since to lift)."
    answer = Answer(query, "answered", "x", (Citation(1, ROBOT_PAPER),))
    assert sources_to_text(answer, 100).startswith("\nUnderstood: papers dated 2024 or later")
    assert "Understood" not in sources_to_text(Answer(query, "refused", "x"), 100)
