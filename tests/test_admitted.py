from __future__ import annotations

from dataclasses import replace
from itertools import product
from random import Random

import pytest

from rag.index.papers import PaperStore
from rag.query.names import LibraryNames
from rag.retrieval.admitted import admitted, constraint_masks, records
from rag.types import Filters, Paper

DATES = (None, "2023", "2024", "2024-02", "2024-02-29", "2024-03-01", "1999-12-31")
AUTHORS = ("Ada Quill", "Quill, A.", "Bo Tanaka", "Ana María López", "Jörg Müller", "Chen Bo")
VENUES = (None, "ICML 2024", "International Conference on Machine Learning", "Nature 567", "Workshop on Sand, 2023")


def random_paper(name: str, random: Random) -> Paper:
    return Paper(
        name,
        "Title",
        "Text.",
        date=random.choice(DATES),
        authors=tuple(random.sample(AUTHORS, random.randrange(4))),
        authors_complete=random.random() < 0.5,
        author_count=random.choice((None, 12)),
        venue=random.choice(VENUES),
        organisation=random.choice((None, "Google DeepMind", "Sand Lab")),
        code=random.choice((None, "https://example.org/c")),
    )


PAPERS = [random_paper(f"p{n}", Random(n)) for n in range(120)]
STORE = PaperStore.of(PAPERS)
NAMES = LibraryNames(STORE)
VALUES = {
    **dict.fromkeys(("since", "until", "not_date"), DATES[1:]),
    **dict.fromkeys(("author", "not_author"), ("Quill", "A. Quill", "Tanaka, Bo", "Mueller", "Lopez", "Zeno")),
    "coauthors": (("Tanaka",), ("Quill", "Bo Tanaka")),
    **dict.fromkeys(("least_authors", "most_authors"), (1, 2, 12)),
    **dict.fromkeys(("venue", "not_venue"), ("ICML", "ICML 2024", "Nature", "workshop", "journal or conference")),
    **dict.fromkeys(("organisation", "not_organisation"), ("Google", "sand lab", "Lab of Sand")),
    "code": (True, False),
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in VALUES.items() for value in values])
def test_each_constraint_admits_the_papers_that_pass_it(name: str, value: object) -> None:
    filters = replace(Filters(), **{name: value})  # type: ignore[arg-type]
    found = admitted(filters, STORE, NAMES)
    assert found is not None and found.tolist() == [filters.admits(paper) for paper in PAPERS]


def test_papers_have_to_pass_all_constraints() -> None:
    for since, author, code in product(("2023", "2024-02"), ("Quill", "Tanaka"), (True, False)):
        filters = Filters(since=since, author=author, code=code)
        found = admitted(filters, STORE, NAMES)
        assert found is not None and found.tolist() == [filters.admits(paper) for paper in PAPERS]
        assert [*constraint_masks(filters, STORE, NAMES)] == ["since", "author", "code"]


def test_no_filter_has_no_mask() -> None:
    assert admitted(Filters(), STORE, NAMES) is None


def test_what_no_record_has_is_told() -> None:
    bare = PaperStore.of([Paper("a", "A", "A.", authors=("Ada Quill",))])
    assert [records(bare, name) for name in ("authors", "author_count", "venue", "code")] == [True, False, False, False]
