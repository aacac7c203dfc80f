from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from rag.answer import EstimatedMissing, Group, Thing
from rag.generation.composition import Composer, Composition
from rag.generation.extractive import write_extractive
from rag.generation.help import help_text
from rag.index.library import Library
from rag.index.papers import PaperStore
from rag.models.loading import Models
from rag.query.names import paper_called
from rag.retrieval.encoded_query import QueryEncoder
from rag.selection.things import find_things
from rag.types import Evidence, Filters, Hit, Kind, Paper, Query, Quote
from tests.fakes import PEBBLE, QUBITS, REEF, SHELF, HashEncoder, hash_library

LOAM = Paper(
    "2501.00007",
    "Loam: Caches under Ground",
    "A cache tier is a layer of storage. Disks are slow. We introduce Loam, a cache tier. It keeps keys in two rings. "
    "Experiments on eight datasets show that Loam beats Reef. It uses 12 GB of memory.",
)
PAPERS = (*SHELF, LOAM)


def called(name: str) -> str | None:
    return paper_called(name, PaperStore.of(PAPERS))


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    made = hash_library(tmp_path, PAPERS)
    yield made
    made.close()


def quoting(n: int, paper: Paper, *sentences: str) -> Evidence:
    starts = [paper.abstract.index(sentence) for sentence in sentences]
    quotes = (Quote(text, start, start + len(text)) for text, start in zip(sentences, starts, strict=True))
    return Evidence(n, paper, tuple(quotes))


def compose(
    library: Library,
    question: str,
    kind: Kind,
    *evidence: Evidence,
    things: tuple[Thing, ...] = (),
    tested: tuple[str, ...] = (),
    missed: EstimatedMissing | None = None,
) -> Composition:
    encoded = QueryEncoder(Models(HashEncoder())).encode(question)
    query = Query(question, kind, question)
    return Composer(library).compose(query, evidence, encoded, things, tested, missed)


def test_fact_is_its_sentence_with_the_value_in_bold(library: Library) -> None:
    loading = quoting(1, REEF, "It halves the memory of long prompts.", "Loading takes 12 ms.")
    top = compose(library, "How long does loading take?", "fact", loading)
    assert top.point == "Loading takes **12 ms**. [1]"
    text = write_extractive(Query("?", "fact", "?"), top.evidence, top.point)
    assert text == "Loading takes **12 ms**. [1]\n\n- It halves the memory of long prompts. [1]"


def test_mark_in_a_quote_does_not_pass_for_emphasis(library: Library) -> None:
    odd = replace(REEF, abstract="Reef is **fast**: it takes 12 ms <b>here</b>.")
    top = compose(library, "How long does it take?", "fact", quoting(1, odd, odd.abstract))
    assert "**12 ms**" in top.point and "<b>" not in top.point


def test_list_says_how_many_papers_there_are(library: Library) -> None:
    papers = (quoting(1, REEF, "Loading takes 12 ms."), quoting(2, LOAM, "Disks are slow."))
    assert compose(library, "Which papers?", "list", *papers).point == "2 papers."
    doubtful = compose(library, "Which papers?", "list", *papers, missed=EstimatedMissing(1, 3))
    assert doubtful.point == "2 papers; perhaps 1–3 more."


def test_overview_begins_with_a_definition_where_a_paper_has_one(library: Library) -> None:
    loam = quoting(1, LOAM, "We introduce Loam, a cache tier.")
    top = compose(library, "cache tier", "summary", loam)
    assert top.point.startswith("A cache tier is a layer of storage. [1]\n\n1 paper.")
    assert [quote.text for quote in top.evidence[0].quotes] == [
        "A cache tier is a layer of storage.",
        "We introduce Loam, a cache tier.",
    ]
    assert compose(library, "paper boats", "summary", loam).point == "1 paper."


def test_overview_of_a_paper_by_its_name_begins_with_what_it_introduces(library: Library) -> None:
    evidence = (quoting(1, REEF, "Loading takes 12 ms."), quoting(2, LOAM, "It uses 12 GB of memory."))
    encoded = QueryEncoder(Models(HashEncoder())).encode("Loam")
    top = Composer(library).compose(Query("what is Loam?", "summary", "Loam", subjects=("Loam",)), evidence, encoded)
    assert top.point == "We introduce Loam, a cache tier. [2]\n\n2 papers."


def test_paper_that_is_asked_about_as_a_whole_begins_with_what_it_introduces(library: Library) -> None:
    loam = quoting(1, LOAM, "Disks are slow.", "It uses 12 GB of memory.")
    encoded = QueryEncoder(Models(HashEncoder())).encode("Loam")
    query = Query("2501.00007", "lookup", LOAM.title, papers=(LOAM.paper_id,), fixed=True)
    top = Composer(library).compose(query, (loam,), encoded)
    assert top.point == "**Loam: Caches under Ground** (no date): We introduce Loam, a cache tier. [1]"
    assert len(top.evidence[0].quotes) == 3


def test_comparison_has_a_column_a_thing_and_says_nothing_twice(library: Library) -> None:
    evidence = (quoting(1, LOAM, "We introduce Loam, a cache tier."), quoting(2, REEF, "Loading takes 12 ms."))
    things = (Thing("Loam", (1,)), Thing("Reef", (2,)), Thing("Zorblax"))
    top = compose(library, "Loam, Reef and Zorblax", "compare", *evidence, things=things)
    assert top.point == (
        "- **Loam**: Experiments on eight datasets show that Loam beats Reef. [1]\n"
        "- **Reef**: Loading takes 12 ms. [2]\n"
        "- **Zorblax**: no paper here introduces or tests it."
    )
    assert top.comparison is not None
    shown = {row.name: [[cell.quote.text for cell in cells] for cells in row.cells] for row in top.comparison.rows}
    assert shown["What it is"][0] == ["We introduce Loam, a cache tier."]
    assert shown["Cost"][0] == ["It uses 12 GB of memory."]
    assert all(cells[2] == [] for cells in shown.values())
    text = write_extractive(Query("?", "compare", "?"), top.evidence, top.point, comparison=top.comparison)
    sentences = [quote.text for each in top.evidence for quote in each.quotes]
    assert [text.count(sentence) for sentence in sentences] == [1] * len(sentences)


def test_only_sentences_that_name_a_thing_tell_of_it_where_no_paper_introduces_it(library: Library) -> None:
    evidence = (quoting(1, LOAM, "Experiments on eight datasets show that Loam beats Reef."),)
    top = compose(library, "Reef", "compare", *evidence, things=(Thing("Reef", (1,)), Thing("Dune")), tested=("Reef",))
    assert top.point.startswith("- **Reef** (no paper here introduces it): Experiments on eight datasets")
    assert top.comparison is not None
    assert [cell.quote.text for cell in top.comparison.cells] == [evidence[0].quotes[0].text]


def test_sentence_that_compares_two_things_is_said_once(library: Library) -> None:
    evidence = (quoting(1, LOAM, "We introduce Loam, a cache tier."),)
    things, tested = (Thing("Reef", (1,)), Thing("Loam", (1,)), Thing("Loam-2")), ("Reef",)
    top = compose(library, "Reef and Loam", "compare", *evidence, things=things, tested=tested)
    assert top.point == (
        "- **Reef** and **Loam** (no paper here introduces Reef):"
        " Experiments on eight datasets show that Loam beats Reef. [1]\n"
        "- **Loam-2**: no paper here introduces or tests it."
    )


@pytest.mark.parametrize(
    ("name", "ids", "introduced"),
    [
        ("Loam", ["2501.00007"], True),
        ("Reef", ["2406.00004"], True),
        ("pebble", ["2401.00001"], True),
        ("eight datasets", ["2501.00007"], False),
        ("Zorblax", [], False),
    ],
)
def test_thing_is_found_in_the_paper_that_introduces_it_else_tests_it(
    name: str, ids: list[str], introduced: bool
) -> None:
    hits = [Hit(i, paper, 0.5) for i, paper in enumerate(PAPERS, start=1)]
    found, _ = find_things(Query("?", "compare", "?", subjects=(name, "Loam")), hits, (), called)
    assert ([hit.paper.paper_id for hit in found.hits], found.introduced) == (ids, introduced)


@pytest.mark.parametrize(
    ("question", "subjects"),
    [
        ("Which is better?", ()),
        ("Compare Loam", ("Loam",)),
        ("Compare walls of stone and heaps of sand", ("walls of stone", "heaps of sand")),
        ("What does the set do end-to-end, and the others?", ("set", "end", "others")),
    ],
)
def test_papers_are_compared_where_the_question_names_fewer_than_two_things(
    question: str, subjects: tuple[str, ...]
) -> None:
    hits = [Hit(1, LOAM, 0.5), Hit(2, REEF, 0.4)]
    query = Query(question, "compare", "?", subjects=subjects)
    assert [each.name for each in find_things(query, hits, hits, called)] == ["Loam", "Reef"]
    assert find_things(query, hits, hits[:1], called) == ()


def test_names_are_compared_though_no_paper_has_one_of_them_and_another_is_only_mentioned() -> None:
    hits = [Hit(1, REEF, 0.1), Hit(2, LOAM, 0.1)]
    query = Query("Compare Zorblax and Quarry", "compare", "?", subjects=("Zorblax", "Quarry"))
    assert [(each.name, each.hits) for each in find_things(query, hits, hits, called)] == [
        ("Zorblax", ()),
        ("Quarry", ()),
    ]
    ssd = replace(REEF, abstract="Systems such as SSD are slow. We keep the cache on disk.")
    query = replace(query, question="Compare SSD with Zorblax", subjects=("SSD", "Zorblax"))
    hits = [Hit(1, ssd, 0.1), Hit(2, LOAM, 0.1)]
    assert [each.hits for each in find_things(query, hits, hits[1:], called)] == [(hits[0],), ()]


def test_thing_that_is_only_mentioned_is_told_by_the_sentence_that_names_it(tmp_path: Path) -> None:
    ssd = replace(REEF, abstract="Systems such as SSD are slow. We keep the cache on disk.")
    with closing(hash_library(tmp_path, (ssd,))) as library:
        evidence = (quoting(1, ssd, "We keep the cache on disk."),)
        top = compose(library, "SSD", "compare", *evidence, things=(Thing("SSD", (1,)), Thing("Dune")), tested=("SSD",))
    assert top.point.startswith("- **SSD** (no paper here introduces it): Systems such as SSD are slow. [1]")
    assert [quote.text for quote in top.evidence[0].quotes][:1] == ["Systems such as SSD are slow."]


def test_sentence_that_is_said_before_fills_a_cell_that_would_be_empty(library: Library) -> None:
    fast = replace(LOAM, abstract="We introduce Loam, a tier. Loading is 3.5 times faster. Our code is available.")
    evidence = (quoting(1, fast, "We introduce Loam, a tier."),)
    top = compose(library, "Loam", "compare", *evidence, things=(Thing("Loam", (1,)), Thing("Dune")))
    assert top.comparison is not None
    assert [(row.name, row.cells[0][0].quote.text) for row in top.comparison.rows] == [
        ("What it is", "We introduce Loam, a tier."),
        ("Speed", "Loading is 3.5 times faster."),
    ]
    text = write_extractive(Query("?", "compare", "?"), top.evidence, top.point, comparison=top.comparison)
    assert text.endswith("\n\n**Speed**\n\n- Loam: Loading is 3.5 times faster. [1]")


def test_paper_that_only_tests_a_thing_must_be_likely() -> None:
    query = Query("Compare Reef with Loam", "compare", "?", subjects=("eight datasets", "Reef"))
    hits = [Hit(1, REEF, 0.9), Hit(2, LOAM, 0.2)]
    assert find_things(query, hits, (), called)[0].hits == ()
    assert find_things(query, hits, hits[1:], called)[0].hits == (hits[1],)


def test_only_a_comparison_compares() -> None:
    hits = [Hit(1, LOAM, 0.5), Hit(2, REEF, 0.4)]
    assert find_things(Query("?", "list", "?", subjects=("Loam", "Reef")), hits, hits, called) == ()


@pytest.mark.parametrize(
    ("question", "point"),
    [
        (
            "Who wrote it?",
            "**Pebble: Small Caches**: 2 authors: Ada Quill, Bo Tanaka; published 2024-01-05 at ICML 2024; "
            "code: https://example.org/pebble [1].",
        ),
        (
            "Does it have code?",
            "**Pebble: Small Caches**: code: https://example.org/pebble; 2 authors: Ada Quill, Bo Tanaka; "
            "published 2024-01-05 at ICML 2024 [1].",
        ),
    ],
)
def test_record_is_said_as_a_sentence_that_begins_with_what_was_asked(
    library: Library, question: str, point: str
) -> None:
    query = Query(question, "metadata", "")
    assert Composer(library).compose(query, (Evidence(1, PEBBLE, ()),)).point == point


def test_only_the_first_authors_are_named_where_nobody_asks_for_them(library: Library) -> None:
    known = replace(PEBBLE, authors=("Ada Quill", "Bo Tanaka", "Cem Osei", "Di Wu"), author_count=6)
    by_question = {
        question: Composer(library).compose(Query(question, "metadata", ""), (Evidence(1, known, ()),)).point
        for question in ("Who wrote it?", "When was it published?")
    }
    every = "6 authors: Ada Quill, Bo Tanaka, Cem Osei, Di Wu and 2 more (whom the record does not name)"
    assert every in by_question["Who wrote it?"]
    assert "6 authors: Ada Quill, Bo Tanaka, Cem Osei and 3 more;" in by_question["When was it published?"]


def test_records_are_counted_with_their_constraints(library: Library) -> None:
    query = Query("?", "metadata", "", Filters(author="Ada Quill"), order="newest")
    both = (Evidence(1, PEBBLE, ()), Evidence(2, QUBITS, ()))
    assert Composer(library).compose(query, both).point == "2 papers by Ada Quill, the newest first."


def test_link_that_is_none_is_not_shown(library: Library) -> None:
    odd = replace(PEBBLE, code="javascript:alert(1)")
    point = Composer(library).compose(Query("code?", "metadata", ""), (Evidence(1, odd, ()),)).point
    assert "javascript" not in point and "code is recorded" in point


def test_help_has_examples_of_the_library() -> None:
    assert "- What does Reef do?" in help_text(PAPERS, len(PAPERS))
    assert help_text((), 0).count("- ") == 0


def test_papers_are_numbered_in_the_order_of_their_groups_which_an_order_does_without(tmp_path: Path) -> None:
    titles = ("Turbines in Winter", "Kelp: Blade Coating", "Sluice Gates for Turbines", "Blade Coating", "Sluice Gates")
    shelf = tuple(Paper(f"t{n}", title, f"{title}. It works.") for n, title in enumerate(titles, start=1))
    evidence = tuple(quoting(n, paper, "It works.") for n, paper in enumerate(shelf, start=1))
    library = hash_library(tmp_path, (*shelf, *SHELF, *(Paper(f"d{n}", f"Ducks {n}", "Ducks.") for n in range(20))))
    encoded = QueryEncoder(Models(HashEncoder())).encode("turbines")
    top = Composer(library).compose(Query("turbines", "list", "turbines"), evidence, encoded)
    assert [(each.n, each.paper.title) for each in top.evidence] == [
        (1, "Kelp: Blade Coating"),
        (2, "Blade Coating"),
        (3, "Sluice Gates for Turbines"),
        (4, "Sluice Gates"),
        (5, "Turbines in Winter"),
    ]
    assert top.groups == (Group("blade coating", (1, 2)), Group("sluice gates", (3, 4)), Group("other", (5,)))
    newest = Composer(library).compose(Query("turbines", "list", "turbines", order="newest"), evidence, encoded)
    assert (newest.evidence, newest.groups) == (evidence, ())
    library.close()
