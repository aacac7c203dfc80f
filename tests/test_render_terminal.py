from __future__ import annotations

from dataclasses import replace

import pytest

from rag.answer import Answer, Citation, Group, Notice, Sentence
from rag.render.terminal import answer_to_text, certainty, sources_to_text, understood
from rag.types import Action, Filters, Query, Quote
from tests.fakes import CACHE_PAPER, ROBOT_PAPER

QUERY = Query("Which?", "list", "which")
CITED = Citation(1, ROBOT_PAPER)


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


def test_sentence_without_a_citation_is_marked_beside_others_that_have_one() -> None:
    sentences = (Sentence(0, 28, (1,), "supported"), Sentence(29, 39, (), "uncited"))
    answer = Answer(QUERY, "answered", "Robots slip on the sand [1]. They fall.", (CITED,), sentences)
    marked = "Checked against the abstracts:\n  without a citation: “They fall.”\n"
    assert marked in answer_to_text(answer, 100)
    assert marked not in answer_to_text(replace(answer, citations=()), 100)


def test_long_lines_are_wrapped_below_their_bullet() -> None:
    answer = Answer(QUERY, "answered", "- Robots slip on sand, and they fall in the dunes [1].")
    assert answer_to_text(answer, 30) == "- Robots slip on sand, and\n  they fall in the dunes [1].\n"


def test_answer_without_papers_has_no_sources() -> None:
    assert sources_to_text(Answer(QUERY, "answered", "x"), 80) == ""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "[31mred[0m"),
        ("a\x07b\x00c\x9be", "abce"),
        ("a\u202eb\u2066c", "abc"),
        ("a\nb é ☃", "a\nb é ☃"),
    ],
)
def test_nothing_steers_the_terminal(text: str, shown: str) -> None:
    assert answer_to_text(Answer(QUERY, "answered", text), 80) == f"{shown}\n"


def test_what_was_understood_is_told_with_a_written_answer_alone() -> None:
    query = Query("Which?", "list", "which", Filters(since="2024"), order="newest")
    assert understood(query) == "Understood: papers dated 2024 or later, the newest first (--drop since to lift)."
    answer = Answer(query, "answered", "x", (Citation(1, ROBOT_PAPER),))
    assert sources_to_text(answer, 100).startswith("\nUnderstood: papers dated 2024 or later")
    assert "Understood" not in sources_to_text(Answer(query, "refused", "x"), 100)


def test_extractive_answer_has_its_point_then_an_entry_a_paper_and_says_nothing_twice() -> None:
    slips, falls = (
        Quote(text, ROBOT_PAPER.abstract.index(text), ROBOT_PAPER.abstract.index(text) + len(text))
        for text in ("Robots slip on sand.", "Our controller learns to walk on dunes in simulation.")
    )
    paper = replace(ROBOT_PAPER, authors=("Cem Osei", "Ada Quill"), venue="ICRA 2023", code="https://example.org/dune")
    answer = Answer(
        Query("Why?", "fact", "why"),
        "extractive",
        "Robots slip on sand. [1]",
        (Citation(1, paper, (slips, falls), score=0.7),),
        point="**Robots** slip on sand. [1]",
        near_misses=tuple(Citation(None, CACHE_PAPER) for _ in range(6)),
    )
    assert answer_to_text(answer, 100) == (
        "Robots slip on sand. [1]\n\n"
        "[1] Walking Robots on Sand (2023, Cem Osei and others, ICRA 2023, code, likely)\n"
        "    Our controller learns to walk on dunes in simulation.\n"
        "    https://arxiv.org/abs/2305.00002\n\n"
        "Near, not cited\n" + "- Small Caches (2024)\n" * 4
    )


def test_papers_that_a_model_chose_are_not_said_to_be_likely() -> None:
    answer = Answer(QUERY, "answered", "Robots slip [1].", (Citation(1, ROBOT_PAPER, score=0.7),), model="m")
    assert "[1] Walking Robots on Sand (2023)\n" in answer_to_text(answer, 100)


def test_papers_stand_under_their_groups() -> None:
    answer = Answer(
        QUERY,
        "extractive",
        "x",
        (Citation(1, ROBOT_PAPER), Citation(2, CACHE_PAPER)),
        point="2 papers: dunes (1), caches (1).",
        groups=(Group("dunes", (1,)), Group("caches", (2,))),
    )
    lines = answer_to_text(answer, 100).split("\n")
    assert [line for line in lines if line and not line.startswith(" ")] == [
        "2 papers: dunes (1), caches (1).",
        "Dunes (1)",
        "[1] Walking Robots on Sand (2023)",
        "Caches (1)",
        "[2] Small Caches (2024)",
    ]


def test_mended_question_is_told_with_the_way_back() -> None:
    notice = Notice("mended", {"text": "robots on sand", "searched": True})
    text = answer_to_text(Answer(QUERY, "refused", "The collection does not answer this.", notices=(notice,)), 100)
    assert "Note: Searched for “robots on sand”. --as-is searches for what was typed.\n" in text


def test_papers_in_a_form_of_their_own_are_shown_in_it_and_not_again() -> None:
    query = Query("bibtex", "metadata", "caches", papers=("a",), fixed=True, action=Action("export", 1))
    answer = Answer(query, "extractive", "```bibtex\n@misc{a,\n}\n```", (Citation(1, CACHE_PAPER),))
    assert answer_to_text(answer, 80) == "@misc{a,\n}\n\nUnderstood as: export the paper before as BibTeX\n"


def test_records_of_several_papers_say_what_is_asked() -> None:
    query = Query("who wrote them", "metadata", "caches")
    papers = (Citation(1, replace(CACHE_PAPER, authors=("Ada Quill", "Bo Tanaka"), authors_complete=True)),)
    answer = Answer(query, "extractive", "", (*papers, Citation(2, ROBOT_PAPER)), point="2 papers.")
    text = answer_to_text(answer, 100)
    assert "    2 authors: Ada Quill, Bo Tanaka\n" in text and "    authors not recorded\n" in text


def test_count_shows_some_of_its_papers_and_says_how_many_more_there_are() -> None:
    papers = tuple(Citation(n, ROBOT_PAPER) for n in range(1, 13))
    answer = Answer(
        replace(QUERY, kind="metadata", tally="papers"), "extractive", "12 papers.", papers, point="12 papers."
    )
    shown = answer_to_text(answer, 100)
    assert shown.count("Walking Robots") == 10
    assert shown.endswith("\n… and 2 more; --json has all of them\n")
    assert answer_to_text(replace(answer, query=QUERY), 100).count("Walking Robots") == 12


@pytest.mark.parametrize(
    ("score", "word"),
    [(1.0, "surely"), (0.9, "surely"), (0.89, "likely"), (0.5, "likely"), (0.49, "perhaps"), (0.0, "perhaps")],
)
def test_probability_has_a_word(score: float, word: str) -> None:
    assert certainty(score) == word
