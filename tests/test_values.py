from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rag.generation.values import expected_value, find_value
from rag.index.library import Library
from rag.models.loading import Models
from rag.retrieval.encoded_query import QueryEncoder
from rag.types import Paper, Quote
from tests.fakes import CACHE_PAPER, HashEncoder, hash_library

TURBINE = Paper(
    "2501.00009",
    "Kelp: Coating Turbines",
    "Kelp coats 12 blades in 45 minutes. In trials with 300 boats it cuts wear by over 40\\%, at a cost of 2 kW. "
    "The blades were cast by Norsk Hydro.",
)


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    made = hash_library(tmp_path, (TURBINE, replace(CACHE_PAPER)))
    yield made
    made.close()


def value(library: Library, question: str, *sentences: int) -> str | None:
    ends = [TURBINE.abstract.index(end) + len(end) for end in ("minutes.", "kW.", "Hydro.")]
    starts = [0, ends[0] + 1, ends[1] + 1]
    quotes = [Quote(TURBINE.abstract[starts[i] : ends[i]], starts[i], ends[i]) for i in (sentences or range(len(ends)))]
    span = find_value(question, QueryEncoder(Models(HashEncoder())).encode(question), library, TURBINE, quotes)
    return None if span is None else TURBINE.abstract[slice(*span)]


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("How many blades does Kelp coat?", "number"),
        ("How long does it take?", "number"),
        ("what accuracy does it reach", "number"),
        ("Which company cast the blades?", "name"),
        ("Why do turbines wear out?", None),
        ("How does the coating work?", None),
        ("In practice, how can the speed be raised?", None),
        ("Is the coating safe?", None),
        ("Can one say what a blade costs?", None),
        ("Is it fast? How fast?", "number"),
    ],
)
def test_question_tells_what_kind_of_value_answers(question: str, kind: str | None) -> None:
    assert expected_value(question) == kind


def test_number_near_the_words_of_the_question_is_the_value(library: Library) -> None:
    assert value(library, "How many boats took part in the trials?") == "300"
    assert value(library, "How many blades does it coat?") == "12"


def test_unit_that_is_asked_for_decides(library: Library) -> None:
    assert value(library, "How long does coating the blades take?") == "45 minutes"
    assert value(library, "By what share does the wear fall?") == "over 40\\%"


def test_number_of_the_question_is_no_value(library: Library) -> None:
    assert value(library, "How many minutes do 12 blades take?", 0) == "45 minutes"
    assert value(library, "How many of the 12 blades, in 45 minutes?", 0) is None


def test_name_is_a_value_if_it_is_the_only_one(library: Library) -> None:
    assert value(library, "Which company cast the blades?", 2) == "Norsk Hydro"
    assert value(library, "Which company is Norsk Hydro?", 2) is None


def test_reason_has_no_value(library: Library) -> None:
    assert value(library, "Why does wear fall?") is None
