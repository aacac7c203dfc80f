from __future__ import annotations

import pytest

from rag.query.understanding.subjects import compared, credited, named_in_order, ordered


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("Pebble versus Gravel: which keeps more?", ("Pebble", "Gravel")),
        ("Pebble vs. Gravel on long prompts", ("Pebble", "Gravel")),
        ("Compare Pebble and Gravel.", ("Pebble", "Gravel")),
        ("Compare Pebble, Gravel and Sand on memory", ("Pebble", "Gravel", "Sand")),
        ("Contrast the sand study with the dune study.", ("the sand study", "the dune study")),
        ("How does Pebble differ from Gravel?", ("Pebble", "Gravel")),
        ("How do Pebble and Gravel differ?", ("Pebble", "Gravel")),
        ("What is the difference between Pebble and Gravel in speed?", ("Pebble", "Gravel")),
        (
            "do the study on sand dunes and the beach study reach the same verdict?",
            ("the study on sand dunes", "the beach study"),
        ),
        ("Does Pebble really beat Gravel?", ("Pebble", "Gravel")),
        ("Is sparse attention faster than dense attention?", ("sparse attention", "dense attention")),
        ("Which is better, Pebble or Gravel?", ("Pebble", "Gravel")),
        ("How does Pebble compare with Gravel?", ("Pebble", "Gravel")),
        ("Pebble and Gravel2 both prune caches. What does each gain?", ("Pebble", "Gravel2")),
        ("Pebble, Gravel and Sand each claim a gain. How large?", ("Pebble", "Gravel", "Sand")),
        (
            "Two sand methods, Pebble and the later wheeled one: what does each prove?",
            ("Pebble", "the later wheeled one"),
        ),
        ("Pebble or Gravel for a small card? how do the approaches and speedups differ", ("Pebble", "Gravel")),
        ("Is Pebble or Gravel faster?", ("Pebble", "Gravel")),
        (
            "How much do these gain: the walker on sand, its sequel, and Pebble?",
            ("the walker on sand", "its sequel", "Pebble"),
        ),
    ],
)
def test_names_side_by_side_are_found(question: str, names: tuple[str, ...]) -> None:
    assert compared(question) == names


@pytest.mark.parametrize(
    "question",
    [
        "How do their fixes differ?",
        "How does that compare with Gravel?",
        "Compare the speed and accuracy of Pebble",
        "contrastive learning and sampling",
        "differential privacy",
        "Which papers prune caches?",
        "ML or LLMs for dune maps: labels, masks",
        "On which boards was it measured, Red Board or Blue Board?",
        "In which node, 7 nm or 28 nm, was it made?",
        "By how much does the walker itself beat Gravel?",
        "How do the approaches and speedups differ?",
    ],
)
def test_no_names_are_made_up(question: str) -> None:
    assert compared(question) == ()


def test_names_after_a_colon_are_listed() -> None:
    assert ordered("Sort by date: Pebble, Gravel and the 8-bit paper.") == ("Pebble", "Gravel", "the 8-bit paper")
    assert ordered(" , Pebble or Gravel?") == ("Pebble", "Gravel")
    assert ordered("papers on caches: list them") == ()
    assert ordered("Sort the papers") == ()


def test_names_inside_a_question_for_their_order_are_found() -> None:
    assert named_in_order("In which order did Pebble, Gravel and Sand appear?") == ("Pebble", "Gravel", "Sand")
    assert named_in_order("In which order are layers pruned?") == ()


def test_names_whose_authors_are_counted_stay_whole() -> None:
    assert credited("How many authors do Pebble, Gravel and Sand have?") == ("Pebble", "Gravel", "Sand")
    assert credited("how many authors does the 8-bit soles paper have?") == ("the 8-bit soles paper",)
    assert credited("How many authors does it have?") == ()
    assert credited("How many authors do the papers on caches have?") == ()
