from __future__ import annotations

import pytest

from rag.subjects import compared, ordered


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
    ],
)
def test_no_names_are_made_up(question: str) -> None:
    assert compared(question) == ()


def test_names_after_a_colon_are_listed() -> None:
    assert ordered("Sort by date: Pebble, Gravel and the 8-bit paper.") == ("Pebble", "Gravel", "the 8-bit paper")
    assert ordered(" , Pebble or Gravel?") == ("Pebble", "Gravel")
    assert ordered("papers on caches: list them") == ()
    assert ordered("Sort the papers") == ()
