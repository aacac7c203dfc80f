"""Links between papers by the names that they introduce."""

from __future__ import annotations

import pytest

from rag.corpus.links import Link, PaperLinks, Relation, expansion, introductions, relation_at
from rag.index.bm25 import Bm25Index
from rag.index.papers import PaperStore
from rag.types import Paper

PEBBLE = Paper(
    "pebble",
    "QuickPebble: Small Caches for Slow Disks",
    "We propose QuickPebble, a cache for slow disks. It evicts blocks early.",
    date="2021-03",
)
HARBOUR = Paper(
    "harbour",
    "Evicting Blocks of Slow Disks",
    "Caches evict blocks of slow disks. We present Harbour, which evicts late. It outperforms QuickPebble by 3x.",
    date="2022-05-01",
)
NEXT = Paper("next", "QuickPebble-2: Caches for Fast Disks", "Fast disks need caches.", date="2023")
FISH = [
    Paper(f"fish{n}", f"Feeding fish number {n}", f"Fish of kind {n} eat algae in lake {n}.", date="2020")
    for n in range(8)
]


def links_of(*papers: Paper) -> PaperLinks:
    return PaperLinks(PaperStore.of(papers), Bm25Index.build(papers).papers_with_words)


def names(title: str, abstract: str) -> list[str]:
    return [each.name for each in introductions(Paper("p", title, abstract))]


@pytest.mark.parametrize(
    ("title", "abstract", "expected"),
    [
        ("GreyHeron: Wading Faster", "Wading is slow.", ["GreyHeron"]),
        ("Heron: Wading Faster", "Wading is slow.", []),
        ("Heron: Wading Faster", "With Heron, wading is fast.", ["Heron"]),
        ("On the Limits of Wading: A Survey", "Wading is slow.", []),
        ("Wading", "In this paper, we introduce WadeNet, a network.", ["WadeNet"]),
        ("Wading", "Our method discovers a simple optimizer, Stork (a bird), by search.", ["Stork"]),
        ("Wading", "We study wading. We call our benchmark MudBench.", ["MudBench"]),
        ("Wading", "This work presents a solver called Mud-V2 that is fast.", ["Mud-V2"]),
        ("Wading", "We present a method to speed up WadeNet, a network.", []),
        ("Wading", "Others use a tool called WadeNet.", []),
        ("Wading", "We develop GPUs. We propose wading.", []),
    ],
)
def test_names_that_a_paper_introduces(title: str, abstract: str, expected: list[str]) -> None:
    assert names(title, abstract) == expected


@pytest.mark.parametrize(
    ("before", "short", "expected"),
    [
        ("we study Slow Disk Caches ", "SDC", "Slow Disk Caches"),
        ("for low-rank adaptation", "LoRA", "low-rank adaptation"),
        ("a cache for disks", "XYZ", None),
        ("", "SDC", None),
    ],
)
def test_expansion_of_an_acronym(before: str, short: str, expected: str | None) -> None:
    assert expansion(before, short) == expected


def test_a_name_links_the_paper_that_uses_it_with_its_sentence() -> None:
    links = links_of(PEBBLE, HARBOUR, *FISH)
    (link,) = links.of("harbour")
    assert link == Link("harbour", "pebble", "QuickPebble", "compared_with", link.start, link.end)
    assert HARBOUR.abstract[link.start : link.end] == "It outperforms QuickPebble by 3x."
    assert links.to("pebble") == (link,)
    assert links.of("pebble") == links.to("harbour") == links.of("unknown") == ()


def test_a_title_made_of_a_name_builds_on_its_paper() -> None:
    assert links_of(PEBBLE, NEXT).of("next") == (Link("next", "pebble", "QuickPebble", "builds_on"),)


@pytest.mark.parametrize(
    "sentence",
    ["We use QuickPebble-mini.", "QuickPebble 2 is newer.", "A quickpebbles case.", "NotQuickPebble is fast."],
)
def test_another_name_is_no_link(sentence: str) -> None:
    assert links_of(PEBBLE, Paper("other", "Disks", sentence, date="2024")).of("other") == ()


@pytest.mark.parametrize("written", ["QuickPebble-based caches", "(QuickPebble)", "quick", "QUICKPEBBLE"])
def test_forms_of_a_name(written: str) -> None:
    abstract = f"Caches for slow disks evict blocks early; this is {written}."
    found = links_of(PEBBLE, Paper("other", "Slow Disks", abstract, date="2024"), *FISH).of("other")
    assert bool(found) is (written != "quick")


def test_an_earlier_paper_does_not_use_a_later_name() -> None:
    early = Paper("early", "Disks", "We compare with QuickPebble.", date="2020-12")
    assert links_of(PEBBLE, early).of("early") == ()


def test_a_name_that_two_papers_introduce_names_neither() -> None:
    other = Paper("twin", "QuickPebble: Stones", "We throw stones.", date="2021")
    assert links_of(PEBBLE, other, HARBOUR).of("harbour") == ()


def test_a_common_word_is_a_name_only_in_its_case_and_context() -> None:
    lion = Paper("lion", "Lion: An Optimizer with Signs", "We propose Lion, an optimizer that keeps signs of momentum.")
    optimizer = Paper("signs", "Momentum", "An optimizer keeps signs of momentum, and we extend Lion with them.")
    zoo = Paper("zoo", "Feeding", "At the zoo the lion eats; a keeper named Leo feeds Lion and fish in lake 3.")
    links = links_of(lion, optimizer, zoo, *FISH)
    assert [link.source_id for link in links.to("lion")] == ["signs"]


@pytest.mark.parametrize(
    ("sentence", "relation"),
    [
        ("Our cache is built on QuickPebble.", "builds_on"),
        ("We extend QuickPebble to disks.", "builds_on"),
        ("A QuickPebble-based cache.", "builds_on"),
        ("It is faster than QuickPebble.", "compared_with"),
        ("Unlike QuickPebble, it waits.", "compared_with"),
        ("We use disks, while QuickPebble waits.", "mentions"),
        ("Caches include QuickPebble.", "mentions"),
    ],
)
def test_relation_is_read_from_the_clause(sentence: str, relation: Relation) -> None:
    start = sentence.index("QuickPebble")
    assert relation_at(sentence, (0, len(sentence)), (start, start + len("QuickPebble"))) == relation


def test_names_in_a_question() -> None:
    assert links_of(PEBBLE, HARBOUR).introduced_in("does quickpebble beat Harbour?") == {5: "pebble", 22: "harbour"}


def test_no_papers_have_no_links() -> None:
    assert links_of().of("x") == () and links_of().introduced_in("QuickPebble") == {}
