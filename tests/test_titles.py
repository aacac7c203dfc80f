from __future__ import annotations

import pytest

from rag.corpus.titles import find_by_title, is_title
from rag.types import Paper

PAPERS = {
    paper.paper_id: paper
    for paper in (
        Paper("a", "Pebble: Small Caches for Long Prompts", "Text."),
        Paper("b", "Walking Robots on Sand", "Text."),
        Paper("c", "A Survey of Shallow Quantum Circuits", "Text."),
        Paper("d", "Gravel-2: Larger Caches for Longer Prompts", "Text."),
    )
}


@pytest.mark.parametrize(
    ("name", "paper_id"),
    [
        ("Pebble", "a"),
        ("pebble", "a"),
        ("Pebbel caches for long prompts", "a"),
        ("Gravel-2", "d"),
        ("Gravel 2", "d"),
        ("Walking robots on sand", "b"),
        ("Walkign robots on sand", "b"),
        ("robots walking on sand", "b"),
        ("Walking Robots", "b"),
        ("survey of shallow quantum circuits", "c"),
    ],
)
def test_paper_is_found_by_its_head_its_words_and_with_typos(name: str, paper_id: str) -> None:
    assert find_by_title(name, PAPERS) == paper_id


@pytest.mark.parametrize("name", ["the Pebble paper", "the original Pebble article", "Pebble by the", "a Pebble study"])
def test_furniture_around_a_name_does_not_matter(name: str) -> None:
    assert find_by_title(name, PAPERS) == "a"


@pytest.mark.parametrize("name", ["", "?!", "the paper", "Quarry", "bread ovens", "Marble: Vectors on Disk"])
def test_name_that_is_near_no_title_stands_for_no_paper(name: str) -> None:
    assert find_by_title(name, PAPERS) is None


def test_empty_collection_has_no_named_paper_and_no_title() -> None:
    assert find_by_title("Pebble", {}) is None
    assert not is_title("Walking Robots on Sand", ())


@pytest.mark.parametrize(
    "text",
    [
        "Walking Robots on Sand",
        "walking robots on sand?",
        "Walkng robots on sand",
        "robots on sand walking",
        "Pebble: Small Caches for Long Prompts",
        "pebble small cache for long prompts",
    ],
)
def test_text_that_is_a_title_is_recognised(text: str) -> None:
    assert is_title(text, PAPERS.values())


@pytest.mark.parametrize(
    "text", ["", "Pebble", "Walking Robots", "robots", "which robots walk on sand and on dunes", "caches for prompts"]
)
def test_text_that_is_part_of_a_title_or_more_is_none(text: str) -> None:
    assert not is_title(text, PAPERS.values())


def test_one_common_word_of_a_title_names_no_paper() -> None:
    papers = {"a": Paper("a", "Reef: Caches on Disk", "x")}
    assert find_by_title("caches", papers) is None
    assert find_by_title("Reef", papers) == "a"
    assert find_by_title("caches on disk", papers) == "a"


def test_greek_letters_may_be_spelt_out() -> None:
    papers = {"a": Paper("a", "μLO: Small Optimizers", "A."), "b": Paper("b", "αβ-Crown: Bounds", "B.")}
    assert [find_by_title(name, papers) for name in ("muLO", "µLO", "MuLO", "alpha-beta-Crown", "λLO")] == [
        "a",
        "a",
        "a",
        "b",
        None,
    ]
