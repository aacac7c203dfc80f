from __future__ import annotations

from dataclasses import replace

import pytest

from rag.index.papers import PaperStore
from rag.query.spelling import Spelling
from tests.fakes import REEF

PAPERS = tuple(
    replace(REEF, paper_id=str(i), title=title, abstract=abstract)
    for i, (title, abstract) in enumerate(
        (
            ("Pruning of Turbine Caches", "We quantize turbines and compare the pruning of caches with Kelp."),
            ("Quantization of Turbines", "Quantization and pruning; we compare caches. Monoidal grids; tuning."),
            ("Tuning Kelp", "Quantization. Tuning costs. Bridges and bridles, bridles and bridges."),
            ("Bridges", "Bridles hold bridges."),
        )
    )
)
ORDINARY = frozenset("papers which about shrink window".split())


@pytest.mark.parametrize(
    ("typed", "searched"),
    [
        ("papers about purning", "papers about pruning"),
        ("Comapre the turbines", "Compare the turbines"),
        ("quantisation of turbiens", "quantization of turbines"),
        ("quantizaton", "quantization"),  # whose stem is known
        ("tuned and tunes", "tuned and tunes"),  # inflections of what is known
        ("which caches?", "which caches?"),
        ("monoidal grids", "monoidal grids"),  # rare, but known
        ("shrink windows", "shrink windows"),  # a common word that the library lacks
        ("Which is Purning?", "Which is Purning?"),  # a name
        ("purn1ng and puRning", "purn1ng and puRning"),
        ("bridgles", "bridgles"),  # as near to "bridges" as to "bridles"
        ("teh kelb", "teh kelb"),  # too short
    ],
)
def test_word_that_nobody_knows_is_mended_by_its_one_neighbour(typed: str, searched: str) -> None:
    spelling = Spelling(PaperStore.of(PAPERS), lambda word: word.removesuffix("s") in ORDINARY or word in ORDINARY)
    assert spelling.mend(typed) == searched


@pytest.mark.parametrize(
    ("typed", "other"),
    [
        ("Bilevel grids, pre-training?", "bi-level grids, pretraining?"),
        ("bi-level", "bilevel"),
        ("caches", None),  # that all write alike
    ],
)
def test_compounds_are_respelt_as_other_papers_write_them(typed: str, other: str | None) -> None:
    texts = ("A bilevel method. Pre-training.", "Bi-level caches. Pretraining.")
    papers = [replace(REEF, paper_id=text, title="T", abstract=text) for text in texts]
    assert Spelling(PaperStore.of(papers), lambda word: False).respelt(typed) == other


def test_word_is_not_respelt_as_one_of_very_many_papers_breaks_it() -> None:
    written = ["A bilevel method for pretraining."] * 150
    papers = [
        replace(REEF, paper_id=f"{i}", title="T", abstract=text)
        for i, text in enumerate([*written, "Bi-level pre-training.", "Bi-level caches."])
    ]
    spelling = Spelling(PaperStore.of(papers), lambda word: False)
    assert spelling.respelt("bilevel pretraining") == "bi-level pretraining"
    assert spelling.respelt("pre-training") == "pretraining"


def test_so_many_unknown_words_are_mended_and_no_more() -> None:
    spelling = Spelling(PaperStore.of(PAPERS), lambda word: False)
    assert spelling.mend("purning " * 50) == "pruning " * 40 + "purning " * 10


def test_stem_that_only_a_compound_has_is_known() -> None:
    texts = ("Re-initialisation and initialization.", "Initialization.")
    papers = [replace(REEF, paper_id=text, title="T", abstract=text) for text in texts]
    assert Spelling(PaperStore.of(papers), lambda word: False).mend("initialisation") == "initialisation"


def test_empty_library_mends_nothing() -> None:
    assert Spelling(PaperStore.of(()), lambda word: False).mend("purning") == "purning"
