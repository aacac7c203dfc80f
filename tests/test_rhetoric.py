from __future__ import annotations

import pytest

from rag.text.rhetoric import Role, says_where, sentence_roles
from rag.text.sentences import sentence_spans


def roles(abstract: str) -> tuple[Role, ...]:
    return sentence_roles(abstract, sentence_spans(abstract))


def test_roles_follow_the_moves_of_an_abstract() -> None:
    abstract = (
        "Tidal turbines wear out within a few years. However, their maintenance remains costly. "
        "We present Kelp, a coating for turbine blades. It is grown from algae in two steps. "
        "In sea trials, wear falls by 40%. Experiments in three harbours confirm this."
    )
    assert roles(abstract) == ("problem", "problem", "contribution", "method", "result", "result")


@pytest.mark.parametrize(
    ("sentence", "role"),
    [
        ("The problem is aggravated by long winters.", "problem"),
        ("Existing coatings peel off under load.", "problem"),
        ("In this paper, we focus on the problem of wear.", "problem"),
        ("Each blade is dipped twice and dried in the sun.", "method"),
        ("We further introduce a test bench for blades.", "contribution"),
        ("Kelp outperforms paint on every blade.", "result"),
        ("We find that algae grow best in spring.", "result"),
        ("Blades last 3 times longer.", "result"),
    ],
)
def test_words_tell_the_role_behind_the_first_contribution(sentence: str, role: str) -> None:
    assert roles(f"We present Kelp, a coating. {sentence}")[1] == role


def test_sentence_with_an_address_says_where_something_is_unless_it_reports_a_figure() -> None:
    assert says_where("Code is available at https://example.org/kelp .") and says_where("Website: www.example.org")
    assert not says_where("The coating is available in three harbours.")
    assert not says_where("Kelp lasts 3 times longer; its recipe is at https://example.org/kelp .")


def test_abstract_that_never_speaks_of_itself_has_no_problem_before_it() -> None:
    assert roles("Kelp is a coating. It is grown in two steps.") == ("contribution", "method")
    assert roles("") == ()
