from __future__ import annotations

import pytest

from rag.cli.main import make_parser
from rag.cli.questions import read_overrides
from rag.types import Filters, Overrides


@pytest.mark.parametrize(
    ("flags", "overrides"),
    [
        ([], Overrides()),
        (["--since", "2023", "--until", "2024-03"], Overrides(filters=Filters("2023", "2024-03"))),
        (["--author", "Ada Quill"], Overrides(filters=Filters(author="Ada Quill"))),
        (["--authors", "1"], Overrides(filters=Filters(least_authors=1, most_authors=1))),
        (["--authors", "2-4"], Overrides(filters=Filters(least_authors=2, most_authors=4))),
        (["--authors", "10-"], Overrides(filters=Filters(least_authors=10))),
        (
            ["--coauthor", "A", "--coauthor", "B", "--organisation", "C", "--not-date", "2024", "--not-author", "D"],
            Overrides(filters=Filters(coauthors=("A", "B"), organisation="C", not_date="2024", not_author="D")),
        ),
        (["--venue", "ICML 2023", "--with-code"], Overrides(filters=Filters(venue="ICML 2023", code=True))),
        (["--without-code"], Overrides(filters=Filters(code=False))),
        (["--kind", "list", "--as-is"], Overrides(kind="list", as_is=True)),
        (["--drop", "since", "--drop", "author_count"], Overrides(drop=frozenset({"since", "author_count"}))),
    ],
)
def test_flags_become_overrides(flags: list[str], overrides: Overrides) -> None:
    assert read_overrides(make_parser().parse_args(["ask", "x", *flags])) == overrides
