from __future__ import annotations

from dataclasses import replace

import pytest

from rag.generation.export.bibtex import to_bibtex

bibtex = pytest.importorskip("rag.corpus.formats.bibtex")
coercion = pytest.importorskip("rag.corpus.coercion")

SOURCE = r"""
@article{Quill:21,
  title = {{A {KV} Cache \& 5\% of Na{\"\i}ve Disks: $x_1$}},
  author = {de la Cruz, Ana and Quill, Jr., John and {Pebble Labs} and M{\"u}ller, J{\"o}rg and others},
  journal = {Journal of Caches},
  year = 2021, month = mar, day = 7,
  volume = {12}, number = {3}, pages = {1--9},
  doi = {10.1000/x_(1)}, issn = {1234-5678}, keywords = {caches; disks},
  url = {https://example.org/a_b?c=1%20#d},
  abstract = {It costs 5\% of the memory. A~tie \textbf{stays}.},
}

@inproceedings{tanaka:22,
  title = {Walking},
  author = {Bo Tanaka},
  booktitle = {Proceedings of the Sand Workshop},
  year = {2022},
  month = {21--23 May},
  editor = {Ada Quill and Cem Osei},
  publisher = {Dunes},
  address = {Oslo},
}
"""


def read(text: str) -> list[object]:
    return [coercion.paper_of(entry, coercion.Tally()) for entry in bibtex.parse_bibtex(text)]


def test_what_was_read_from_bibtex_comes_out_with_the_same_fields() -> None:
    papers = read(SOURCE)
    assert len(papers) == 2
    again = read(to_bibtex(papers, whole=True))  # type: ignore[arg-type]
    assert [_ordered(paper) for paper in again] == [_ordered(paper) for paper in papers]


def _ordered(paper: object) -> object:
    return replace(paper, bibliography=tuple(sorted(paper.bibliography)))  # type: ignore[type-var,attr-defined]
