from __future__ import annotations

import pytest

from rag.selection.answerability import counted_in, mentions, missing_details, unmentioned
from rag.text.identifiers import find_identifiers, is_identifier
from rag.types import Kind, Paper, Query

PEBBLE = Paper(
    "a",
    "Pebble: Small Caches",
    "Pebble prunes the KV cache of LLaMA-2 on an A100 GPU. It trains in 12 hours on 8 GPUs and saves memory.",
)
GRAVEL = Paper("b", "Gravel-2: Larger Caches", "We merge the entries of a cache on the H100.")
SURVEY = Paper("c", "A Long Survey of Everything That Was Written on Caches", "Pebble and others are read.")


def lacks(question: str, *papers: Paper, kind: Kind = "fact") -> tuple[str, ...]:
    return missing_details(Query(question, kind, question), papers or (PEBBLE, GRAVEL))


@pytest.mark.parametrize(
    ("question", "missing"),
    [
        ("How fast is Pebble on the A100?", ()),
        ("How fast is Pebble on the H100?", ("H100",)),
        ("How does Pebble do with OPT-13B on the H100?", ("OPT-13B", "H100")),
        ("How does Pebble do on LLaMA2?", ()),
        ("How does Pebble do on LLaMA 2?", ()),
        ("How does Pebble do on LLaMA-3?", ("LLaMA-3",)),
        ("Is Pebble better than MarbleNet?", ("MarbleNet",)),
        ("Does Pebble run on Tuesdays?", ()),
    ],
)
def test_designation_that_the_named_paper_does_not_mention_is_missing(question: str, missing: tuple[str, ...]) -> None:
    assert lacks(question) == missing


@pytest.mark.parametrize(
    ("question", "missing"),
    [
        ("How many GPUs does Pebble train on?", ()),
        ("How many hours does Pebble train?", ()),
        ("How many GPU hours does Pebble need?", ()),
        ("How much memory does Pebble save?", ()),
        ("How many dollars does Pebble cost?", ("dollars",)),
        ("How many input tokens does Pebble see?", ("input tokens",)),
        ("How much faster is Pebble?", ()),
        ("How many of them are in Pebble?", ()),
    ],
)
def test_unit_that_the_named_paper_does_not_count_in_is_missing(question: str, missing: tuple[str, ...]) -> None:
    assert lacks(question) == missing


def test_source_that_is_named_and_absent_is_missing_details() -> None:
    assert lacks("What does the Quarry paper say about caches?") == ("Quarry",)
    assert lacks("What does the original Quarry technical report say about caches?") == ("Quarry",)
    assert lacks("What does the Pebble paper say about caches?") == ()


def test_question_that_does_not_name_the_paper_lacks_nothing() -> None:
    assert lacks("How fast is cache pruning on the H100?") == ()
    assert lacks("How many dollars does cache pruning cost?") == ()


def test_name_of_another_paper_is_not_missing_details() -> None:
    assert lacks("Is Pebble faster than Gravel-2?") == ()
    assert lacks("Is Pebble faster than Gravel-2?", PEBBLE) == ("Gravel-2",)


def test_word_of_a_long_title_names_no_paper() -> None:
    assert lacks("Is Caches faster on the H100?", SURVEY) == ()


@pytest.mark.parametrize("kind", ["list", "compare", "lookup", "metadata", "off-topic"])
def test_only_a_fact_can_be_missing_details(kind: Kind) -> None:
    assert lacks("How fast is Pebble on the H100?", kind=kind) == ()
    assert lacks("What does the Quarry paper say?", kind=kind) == ()


def test_nothing_found_lacks_nothing() -> None:
    assert missing_details(Query("How fast is Pebble?", "fact", "x"), ()) == ()


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("Which papers use LoRA?", ["LoRA"]),
        ("Is GPT-4 better than Pebble? And what of OPT?", ["GPT-4", "Pebble", "OPT"]),
        ("Pebble is fast", []),
        ("PEBBLE is fast", ["PEBBLE"]),
        ("3D scenes in 8-bit", ["3D", "8-bit"]),
        ("which papers prune caches", []),
        ("", []),
    ],
)
def test_names_have_a_digit_or_a_capital_inside_or_where_no_sentence_begins(question: str, names: list[str]) -> None:
    assert find_identifiers(question) == names


def test_designation_has_letters_with_a_digit_or_an_inner_capital() -> None:
    assert [
        name for name in ("LoRA", "GPT-4", "A100", "8-bit", "KV", "Pebble", "2024", "caches") if is_identifier(name)
    ] == [
        "LoRA",
        "GPT-4",
        "A100",
        "8-bit",
        "KV",
    ]


@pytest.mark.parametrize(
    ("name", "held"),
    [
        ("LLaMA2", True),
        ("LLaMA-2", True),
        ("llama", True),
        ("KV-cache", True),
        ("KVcache", True),
        ("A100s", True),
        ("gpu", True),
        ("Pebble", True),
        ("H100", False),
        ("A10", False),
        ("LLaMA-3", False),
        ("KV-store", False),
    ],
)
def test_name_is_mentioned_together_apart_or_in_the_plural(name: str, held: bool) -> None:
    assert mentions(PEBBLE, name) is held


@pytest.mark.parametrize(
    ("question", "counted"),
    [
        ("How many GPU hours did it take?", ["GPU"]),
        ("how much memory does it save", []),
        ("How much faster is it?", []),
        ("How many of the papers are there?", []),
        ("Which is fastest?", []),
        ("How many weights does it hold, and how much energy does it use?", ["weights"]),
    ],
)
def test_what_is_counted_follows_how_many_and_how_much(question: str, counted: list[str]) -> None:
    assert counted_in(question) == counted


def test_question_about_two_named_papers_is_not_settled_by_the_nearest() -> None:
    assert lacks("How fast are Pebble and Gravel-2 on the H100?") == ()


@pytest.mark.parametrize(
    ("subjects", "absent"),
    [
        (("Pebble", "Gravel-2"), ()),
        (("Pebble", "Zorblax"), ("Zorblax",)),
        (("Pebble on the A100", "OPT-13B"), ("OPT-13B",)),
        (("Zorblax of Pebble", "LLaMA 2"), ()),
        (("pruning", "merging of marbles"), ()),
        ((), ()),
    ],
)
def test_sides_that_no_paper_names_are_told(subjects: tuple[str, ...], absent: tuple[str, ...]) -> None:
    assert unmentioned(subjects, (PEBBLE, GRAVEL)) == absent
