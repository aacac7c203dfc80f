from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from rag.corpus.cleaned import CleanedRecords
from rag.corpus.files import to_json_lines
from rag.corpus.formats.json_records import RecordLine
from rag.corpus.reader import Corpus, read_corpus
from rag.errors import CorpusError
from rag.index.generations import IndexFolder
from rag.index.papers import open_papers
from rag.index.plan import BuildPlan, plan_build
from rag.index.update import update_index
from rag.settings import load_settings
from tests.conftest import PROJECT
from tests.fakes import HASH_RECIPE, hash_models

LINES = (
    {"title": "Small Caches", "abstract": "We shrink caches.", "authors": ["Ann Lee"], "doi": "10.1145/1.2", "mood": 1},
    {"title": "Long Contexts", "abstract": "We read books.", "authors": ["Bo Ray"], "date": "soon"},
    {"data": [{"title": "Frogs", "abstract": "They croak."}, {"title": "Toads", "abstract": "They do not."}]},
    {"title": "Small caches", "abstract": "We shrink caches.", "authors": ["Ann Lee"], "venue": "Caches 2024"},
    {"title": "Toads", "abstract": "Another paper of this title, about their skin.", "authors": ["Cy Fox"]},
    {"abstract": "", "authors": ["No Title"]},
    {"title": "Without an abstract", "year": 2020},
)
BIBTEX = """@article{lee, title={Small Caches}, author={Lee, Ann}, year={2024}, doi={10.1145/1.2}}
@article{ray, title={Rivers}, author={Ray, Bo}, abstract={They flow.}, year={2021}}"""
RIS = "TY  - JOUR\nTI  - Rivers\nAU  - Ray, Bo\nAB  - They flow to the sea.\nER  - \n"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    write_lines(folder, *LINES)
    (folder / "a.bib").write_text(BIBTEX, encoding="utf-8")
    (folder / "b.ris").write_text(RIS, encoding="utf-8")
    (folder / "c.csv").write_text("title,abstract,year\nCrystals,They grow.,19x\n,,\n", encoding="utf-8")
    (folder / "d.json").write_text(json.dumps([LINES[1], {"title": "In an array"}]), encoding="utf-8")
    page = min((PROJECT / "corpus").glob("*.txt")).read_text(encoding="utf-8")
    (folder / "page.txt").write_text(page[:20_000], encoding="utf-8")
    return folder


def write_lines(folder: Path, *records: Any) -> None:
    (folder / "lines.jsonl").write_text(to_json_lines(records) + "no JSON\n", encoding="utf-8")


def planned(home: Path, files: Path, **options: Any) -> BuildPlan:
    configuration = load_settings({"home": home, "saved_year": 2025})
    return replace(
        plan_build(IndexFolder(home), configuration, [files], datetime.now(UTC), **options), recipe=HASH_RECIPE
    )


def index(home: Path, files: Path, **options: Any) -> None:
    update_index(IndexFolder(home), planned(home, files, **options), hash_models)


def known(home: Path) -> CleanedRecords:
    return open_papers(IndexFolder(home).current()).cleaned()


def contents(corpus: Corpus) -> tuple[object, ...]:
    """Return all that is reported of a collection, except the time that it took."""
    summaries = [replace(each, seconds=0.0) for each in corpus.files]
    digests = list(corpus.digests().items())
    return corpus.papers, digests, corpus.problems, corpus.entries, summaries, corpus.merges, corpus.conflicts


CHANGES: dict[str, Callable[[Path], object]] = {
    "nothing": lambda folder: None,
    "one line": lambda folder: write_lines(folder, {**LINES[0], "title": "Smaller Caches"}, *LINES[1:]),
    "the order": lambda folder: write_lines(folder, *reversed(LINES)),
    "a line more": lambda folder: write_lines(folder, {"title": "Toads", "abstract": "They do not."}, *LINES),
    "a line less": lambda folder: write_lines(folder, *LINES[1:]),
    "a file less": lambda folder: (folder / "a.bib").unlink(),
    "another name": lambda folder: (folder / "lines.jsonl").rename(folder / "other.jsonl"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_read_with_an_index_is_what_is_read_without(change: str, files: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    index(home, files)
    CHANGES[change](files)
    for _ in range(2):
        assert contents(planned(home, files).corpus) == contents(read_corpus([files], 2025))
        index(home, files)


def test_record_that_has_not_changed_is_not_cleaned_again(files: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    index(home, files)
    line = RecordLine(1, json.dumps(LINES[1]))
    found = known(home)
    (own,) = found[line.key]
    planted = {**found, line.key: (replace(own, coerced=("planted",)),)}
    before = {summary.source: summary.coerced for summary in read_corpus([files], 2025, known=found).files}
    after = {summary.source: summary.coerced for summary in read_corpus([files], 2025, known=planted).files}
    lines = str(files / "lines.jsonl")
    assert before[lines] == {"date": 1}
    assert after == before | {lines: {"planted": 1}}


def test_index_keeps_what_was_read_last_and_nothing_else(files: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    index(home, files)
    write_lines(files, *LINES[:2])
    index(home, files)
    assert known(home).keys() == read_corpus([files], 2025).cleaned.keys()


def test_paper_that_was_merged_is_whole_again_where_the_other_record_goes(tmp_path: Path) -> None:
    files, home = tmp_path / "files", tmp_path / "home"
    files.mkdir()
    write_lines(files, LINES[0], LINES[3])
    index(home, files)
    write_lines(files, LINES[3])
    (paper,) = planned(home, files).corpus.papers
    assert (paper.venue, paper.doi) == ("Caches 2024", None)


def test_papers_left_out_for_want_of_an_abstract_come_back(files: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    index(home, files, abstracts_only=True)
    assert contents(read_corpus([files], 2025, known=known(home))) == contents(read_corpus([files], 2025))


def test_another_version_of_the_code_reads_all_anew(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    index(home, files)
    assert known(home)
    monkeypatch.setattr("rag.index.record_cache.reading_version", lambda: "another")
    assert not known(home)
    index(home, files)
    write_lines(files, *LINES[2:])
    index(home, files)
    assert known(home).keys() == read_corpus([files], 2025).cleaned.keys()


def test_damaged_index_gives_no_records(files: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    index(home, files)
    database = IndexFolder(home).current() / "papers.sqlite"
    database.write_bytes(database.read_bytes()[:5000])
    assert contents(planned(home, files).corpus) == contents(read_corpus([files], 2025))


def test_folder_without_papers_is_refused_with_an_index_as_without(files: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    index(home, files)
    shutil.rmtree(files)
    files.mkdir()
    with pytest.raises(CorpusError):
        planned(home, files)
