from __future__ import annotations

import math
from dataclasses import replace

import pytest

from rag.selection.answerability import (
    answerable_features,
    answerable_probability,
    mentions,
    reread_features,
    unmentioned,
)
from rag.text.identifiers import find_identifiers, is_identifier
from rag.types import Hit, Paper, Query
from tests.fakes import EASY_RANKER, HashCrossEncoder

PEBBLE = Paper(
    "a",
    "Pebble: Small Caches",
    "Pebble prunes the KV cache of LLaMA-2 on an A100 GPU. It trains in 12 hours on 8 GPUs and saves memory.",
)
GRAVEL = Paper("b", "Gravel-2: Larger Caches", "We merge the entries of a cache on the H100.")


def hit(score: float, **signals: float) -> Hit:
    return Hit(1, PEBBLE, score, signals=signals)  # type: ignore[arg-type]


def test_features_are_those_of_the_best_papers_and_how_many_are_expected() -> None:
    features = answerable_features([hit(0.9, maxsim=0.8, answers=-1.0), hit(0.1, maxsim=0.7, answers=2.0), hit(0.0)])
    expected = 1 / (1 + math.exp(1.0)) + 1 / (1 + math.exp(-2.0))
    assert features == {"expected": 0.0, "maxsim": 0.8, "answers": pytest.approx(math.log(expected))}


def test_without_the_cross_encoder_nothing_is_known_of_answers() -> None:
    assert answerable_features([hit(1.0, maxsim=0.8)]) == {"expected": 0.0, "maxsim": 0.8}


def test_nothing_found_answers_nothing() -> None:
    assert answerable_probability((), EASY_RANKER) == 0.0
    assert answerable_probability([hit(0.5)], EASY_RANKER) > 0.99


@pytest.mark.parametrize(
    ("topic", "names"),
    [
        ("papers on Pebble", ()),
        ("papers on Basalt and Gravel-2", ("Basalt",)),
        ("LLaMA-2 in 2024", ()),
        ("Caches that keep 8 entries", ()),
    ],
)
def test_name_in_a_question_for_papers_that_none_mentions_is_told(topic: str, names: tuple[str, ...]) -> None:
    assert unmentioned(Query(f"What of {topic}?", "list", topic), (PEBBLE, GRAVEL)) == names


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("How fast is Pebble on the A100?", ()),
        ("How fast is Pebble on the H200?", ("H200",)),
        ("How does Pebble do with OPT-13B on the H200?", ("OPT-13B", "H200")),
        ("How does Pebble do on LLaMA2?", ()),
        ("Does Pebble run on Tuesdays?", ()),
    ],
)
def test_designation_in_a_fact_question_that_no_paper_mentions_is_told(question: str, names: tuple[str, ...]) -> None:
    assert unmentioned(Query(question, "fact", question), (PEBBLE, GRAVEL)) == names


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
    assert unmentioned(Query("Which?", "compare", "Which?", subjects=subjects), (PEBBLE, GRAVEL)) == absent


def test_second_reading_is_of_the_best_papers_as_a_whole() -> None:
    reader = HashCrossEncoder()
    papers = [PEBBLE, GRAVEL, replace(PEBBLE, paper_id="c"), replace(PEBBLE, paper_id="d")]
    hits = [Hit(n, paper, 0.25, signals={"answers": 0.0}) for n, paper in enumerate(papers, start=1)]
    one, all_three = reread_features("cache", [Hit(1, PEBBLE, 0.0), *hits], reader)
    read = [[text.partition(".")[0] for text in texts] for _, texts in reader.asked]
    assert read == [[PEBBLE.title], [GRAVEL.title, PEBBLE.title]]
    assert one == {"expected": 0.0, "answers": pytest.approx(math.log(1 / (1 + math.exp(-4))))}
    assert all_three == {"expected": 0.0, "answers": pytest.approx(math.log(3 / (1 + math.exp(-4))))}
