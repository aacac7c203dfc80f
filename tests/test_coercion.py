from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

import pytest

from rag.corpus.coercion import Tally, code_in, data_in, paper_of
from rag.corpus.formats.json_records import entry_from_record, parse_json
from rag.corpus.ids import to_arxiv_id, to_doi
from rag.corpus.reader import read_corpus
from rag.errors import CorpusError
from rag.types import Paper
from tests import test_formats as samples

GOOD = {"title": "Ageing of widgets", "abstract": "We measure how widgets age."}


def coerced(change: dict[str, Any]) -> tuple[Paper, dict[str, int]]:
    """Return the paper of a good record with a change, and what was dropped or changed."""
    tally = Tally()
    return paper_of(entry_from_record(1, GOOD | change), tally), dict(tally.coerced)


@pytest.mark.parametrize(
    ("change", "known", "counted"),
    [
        ({"url": "10.1000/xyz"}, {"url": "https://doi.org/10.1000/xyz", "doi": "10.1000/xyz"}, {"url": 1}),
        ({"doi": "https://dx.doi.org/10.1000/XyZ."}, {"doi": "10.1000/XyZ", "url": "https://doi.org/10.1000/XyZ"}, {}),
        ({"doi": 7}, {"doi": None}, {"doi": 1}),
        ({"year": 2021}, {"date": "2021"}, {}),
        ({"date": 2021}, {"date": "2021"}, {"date": 1}),
        ({"date": "in press"}, {"date": None}, {"date": 1}),
        ({"date": "03/04/2021"}, {"date": "2021"}, {"date": 1}),
        ({"date": "04/04/2021"}, {"date": "2021-04-04"}, {}),
        ({"date": "13/04/2021"}, {"date": "2021-04-13"}, {}),
        ({"date": "03/04/2021", "year": 2021, "month": "Apr"}, {"date": "2021-04"}, {}),
        ({"date": "2024-05-17T17:59:59Z"}, {"date": "2024-05-17"}, {}),
        ({"year": "2019", "date": "2018-11-01"}, {"date": "2019"}, {}),
        ({"comments": "12 pages"}, {"comments": None, "bibliography": (("note", "12 pages"),)}, {"comments": 1}),
        ({"comments": "3"}, {"comments": 3}, {}),
        ({"pages": "1--12"}, {"pages": (), "bibliography": (("pages", "1--12"),)}, {}),
        ({"authors": "Ann Lee, Bo Chen"}, {"authors": ("Ann Lee", "Bo Chen"), "authors_complete": True}, {}),
        ({"authors": {"name": "Ann Lee"}}, {"authors": ("Ann Lee",)}, {}),
        ({"authors": 7}, {"authors": ()}, {"authors": 1}),
        ({"first author": "Ann Lee"}, {"authors": ("Ann Lee",), "authors_complete": False}, {}),
        ({"venue": math.nan, "abstract": math.nan}, {"venue": None, "abstract": ""}, {}),
        ({"abstract": 3}, {"abstract": ""}, {"abstract": 1}),
        ({"arxiv_id": "arXiv:2401.01234v2"}, {"paper_id": "2401.01234"}, {}),
        ({"arxiv_id": "http://arxiv.org/abs/2401.01235v1"}, {"paper_id": "2401.01235"}, {}),
        ({"arxiv_id": "math.ag/0309136"}, {"paper_id": "math.AG/0309136"}, {}),
        ({"arxiv_id": "none yet"}, {"paper_id": "ageing-of-widgets"}, {"arxiv_id": 1}),
        ({"code": "github.com/a/b"}, {"code": "https://github.com/a/b"}, {}),
        ({"code": "on request"}, {"code": None}, {"code": 1}),
        ({"url": "javascript:alert(1)"}, {"url": None}, {"url": 1}),
        ({"url": "http://a.org/?b&amp;c http://d.org"}, {"url": "http://a.org/?b&c", "urls": ("http://d.org",)}, {}),
        ({"url": "http://a.org;http://d.org"}, {"url": "http://a.org", "urls": ("http://d.org",)}, {}),
        ({"note": "PMID: 12\nCitation Key: doe20", "key": "x"}, {"pmid": "12", "key": "doe20"}, {}),
        ({"paper_id": "own", "arxiv_id": "2401.01234", "url": "http://a.org"},
         {"paper_id": "own", "urls": ("https://arxiv.org/abs/2401.01234",)}, {}),
        ({"url": "www.example.org/a"}, {"url": "https://www.example.org/a"}, {"url": 1}),
        ({"PMID": 123.0}, {"pmid": "123", "url": "https://pubmed.ncbi.nlm.nih.gov/123/"}, {}),
        ({"key": "half \ud800"}, {"key": "half \ufffd"}, {}),
        ({"source": "Crossref"}, {"venue": None}, {}),
        ({"title": ["Ageing", "and more"]}, {"title": "Ageing"}, {}),
        ({"title": None}, {"title": "We measure how widgets age."}, {"title": 1}),
        ({"type": "proceedings-article"}, {"entry_type": "inproceedings"}, {}),
        ({"keywords": ["a", "b"], "editor": "['Lee, Ann', 'Doe, Bo']"},
         {"bibliography": (("editor", "Lee, Ann and Doe, Bo"), ("keywords", "a; b"))}, {}),
    ],
)  # fmt: skip
def test_odd_field_is_mended_or_dropped_and_counted(
    change: dict[str, Any], known: dict[str, Any], counted: dict[str, int]
) -> None:
    paper, tally = coerced(change)
    assert {name: getattr(paper, name) for name in known} == known
    assert tally == counted


def test_record_with_neither_title_nor_abstract_is_no_paper() -> None:
    with pytest.raises(ValueError, match="no title"):
        coerced({"title": " ", "abstract": "[No abstract available]"})


def test_ids_are_found_in_links() -> None:
    assert to_doi("see https://doi.org/10.1000%2fa(b)") == "10.1000/a(b"
    assert [to_arxiv_id(each) for each in ("10.48550/arXiv.2401.01234", "2413.00001", "oai:arXiv.org:0704.0001")] == [
        "2401.01234",
        None,
        "0704.0001",
    ]


@pytest.mark.parametrize(
    ("abstract", "code"),
    [
        ("Our code is at https://github.com/a/b.", "https://github.com/a/b"),
        ("Code (github.com/a/b) and data (huggingface.co/datasets/a/d).", "https://github.com/a/b"),
        ("We compare github.com/a/b with github.com/c/d.", None),
        ("We study github.com as a network.", None),
    ],
)
def test_code_is_the_one_repository_that_an_abstract_links_to(abstract: str, code: str | None) -> None:
    assert code_in(abstract) == code
    assert coerced({"abstract": abstract})[0].code == code
    assert coerced({"abstract": abstract, "code": "https://x.org/y"})[0].code == "https://x.org/y"


@pytest.mark.parametrize(
    ("abstract", "data"),
    [
        ("Code (github.com/a/b) and data (huggingface.co/datasets/a/d).", "https://huggingface.co/datasets/a/d"),
        ("The records are at https://doi.org/10.5281/zenodo.123.", "https://doi.org/10.5281/zenodo.123"),
        ("See zenodo.org/record/1 and https://zenodo.org/record/2.", None),
        ("Models are at https://huggingface.co/a/d. See doi.org/10.1000/w.1.", None),
    ],
)
def test_data_are_what_an_abstract_links_to_in_one_repository_of_data(abstract: str, data: str | None) -> None:
    assert data_in(abstract) == data
    assert coerced({"abstract": abstract})[0].data == data
    assert coerced({"abstract": abstract, "data": "https://x.org/y"})[0].data == "https://x.org/y"


ODD = (None, True, -1, 1e300, math.nan, " ", "\ud800", "[", "and and", [], {}, [None], [[]], [{}], {"a": {}}, ["a", 1])


def paths_of(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in inner:
        yield (*path, name)
        yield from paths_of(each, (*path, name))


@pytest.mark.parametrize("name", samples.RECORDS)
def test_odd_value_anywhere_in_a_record_is_no_fault(name: str) -> None:
    for *above, last in paths_of(samples.RECORDS[name]):
        for odd in ODD:
            record = deepcopy(samples.RECORDS[name])
            reduce(getitem, above, record)[last] = odd
            for entry in parse_json(json.dumps([record])):
                with suppress(ValueError):
                    paper_of(entry, Tally())


def test_damaged_files_give_papers_or_one_error(tmp_path: Path) -> None:
    texts = [value for name, value in vars(samples).items() if name.isupper() and isinstance(value, str)]
    chance = random.Random(14)
    pieces = [
        b"{",
        b"}",
        b'"',
        b",",
        b"\n",
        b"\\",
        b"$",
        b"\x00",
        b"\xff",
        b"TY  - \n",
        b"@a{",
        b"NaN",
        b"\\frac{",
        b"\r",
        b"|",
    ]
    path = tmp_path / "damaged"
    for _ in range(300):
        content = bytearray(chance.choice(texts).encode())
        for _ in range(chance.choice((1, 4, 12))):
            at = chance.randrange(len(content) + 1)
            if chance.random() < 0.6:
                content[at:at] = chance.choice(pieces) * chance.choice((1, 1, 40))
            else:
                del content[at : at + chance.choice((1, 20, 200))]
        path.write_bytes(content)
        try:
            assert read_corpus([path], 2025).papers
        except CorpusError as error:
            assert str(path) in str(error)
