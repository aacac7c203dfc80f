from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest

from rag.corpus.titles import find_by_title, is_short_title, is_title
from rag.index.papers import PaperStore
from rag.index.titles import TitleIndex
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


WORDS = "adaptive bound cache compress dense error fast graph layer low memory of on prune rank sparse the".split()


def random_title(random: Random) -> str:
    words = [random.choice(WORDS).title() for _ in range(random.randint(3, 8))]
    name = "".join(random.choices("abdeklmnoprstuz", k=random.randint(4, 9))).title()
    return " ".join(words) if random.random() < 0.5 else f"{name}: {' '.join(words)}"


def misspelt(text: str, random: Random) -> str:
    at, letter = random.randrange(len(text)), random.choice("aeiklmnst")
    return text[:at] + random.choice((letter, letter + text[at], "")) + text[at + 1 :]


def forms(title: str, random: Random) -> Iterator[str]:
    words = title.split()
    yield from (title, title.split(":")[0], " ".join(words[1:4]), misspelt(title, random))
    yield misspelt(misspelt(title, random), random)
    yield misspelt(title.split(":")[0], random)
    yield f"the original {misspelt(title.split(':')[0], random)} paper"
    random.shuffle(words)
    yield " ".join(words)
    yield misspelt(" ".join(words), random)
    yield " ".join(words[: len(words) // 2])


def test_titles_are_looked_up_as_if_all_were_compared() -> None:
    random = Random(7)
    papers = {f"p{n}": Paper(f"p{n}", random_title(random), "Text.") for n in range(400)}
    store = PaperStore.of(papers.values())
    for paper in random.sample(list(papers.values()), 40):
        for text in forms(paper.title, random):
            near = store.titled(text)
            assert find_by_title(text, near) == find_by_title(text, papers), text
            assert is_title(text, near.values()) == is_title(text, papers.values()), text
            assert is_short_title(text, near.values()) == is_short_title(text, papers.values()), text


def test_titles_that_were_removed_or_changed_are_not_found() -> None:
    index = TitleIndex.empty().updated((), {0: "Pebble: Small Caches", 1: "Walking Robots", 2: "Pebble on Sand"})
    changed = index.updated((0, 2), {2: "Reef: Large Caches", 5: "Pebbles"})
    assert index.candidates("pebble").tolist() == [0, 2]
    assert changed.candidates("pebble").tolist() == [5]
    assert changed.candidates("large caches").tolist() == [2]
    assert index.contained_in("are walking robots like pebble").tolist() == [0, 1]
    again = TitleIndex.of(changed.arrays())
    assert again.candidates("walking robots").tolist() == [1]


def test_short_name_or_another_number_is_no_typo() -> None:
    papers = {"a": Paper("a", "BAdam: Blocks of Adam", "x"), "b": Paper("b", "Pebble-2: Smaller Caches", "x")}
    assert [find_by_title(name, papers) for name in ("Adam", "Pebble-3", "BAdam", "Peble-2")] == [None, None, "a", "b"]
