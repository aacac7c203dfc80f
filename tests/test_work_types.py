"""Kinds of work, as papers say them of themselves."""

from __future__ import annotations

import pytest

from rag.text.work_types import is_of_type, work_type


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("surveys", "survey"),
        ("the review papers", "survey"),
        ("overviews", "survey"),
        ("benchmarks", "benchmark"),
        ("any tutorial", "tutorial"),
        ("data sets", "dataset"),
        ("surveys of caches", None),
        ("benchmarking", None),
        ("", None),
    ],
)
def test_stretch_names_a_kind_of_work_and_nothing_else(said: str, kind: str | None) -> None:
    assert work_type(said) == kind


@pytest.mark.parametrize(
    ("title", "abstract", "kind", "holds"),
    [
        ("Caches: A Comprehensive Survey", "Caches are small.", "survey", True),
        ("Faster Caches", "In this survey, caches are compared.", "survey", True),
        ("Faster Caches", "We review how caches shrink.", "survey", True),
        ("Faster Caches", "Surveys name two ways. Reviewers agree.", "survey", False),
        ("PebbleBench: A Benchmark for Caches", "It is small.", "benchmark", True),
        ("Faster Caches", "We introduce PebbleBench, and a new large-scale benchmark of caches.", "benchmark", False),
        ("Faster Caches", "We introduce a new large-scale benchmark of caches.", "benchmark", True),
        ("Faster Caches", "We propose a cache that wins on a benchmark.", "benchmark", False),
        ("Caches on Tabular Benchmarks", "It is small.", "benchmark", False),
    ],
)
def test_paper_is_of_the_kind_that_it_says(title: str, abstract: str, kind: str, holds: bool) -> None:
    assert is_of_type(title, abstract, kind) is holds
