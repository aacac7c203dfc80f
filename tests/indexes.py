"""Indexes for tests: each is built once in a run of the suite, and every test that needs it gets a copy to change."""

from __future__ import annotations

import atexit
import json
import shutil
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from functools import cache
from io import BytesIO, TextIOWrapper
from pathlib import Path
from tempfile import mkdtemp

from rag.cli.main import main
from rag.corpus.records import paper_to_record
from rag.index.generations import read_manifest, write_manifest
from rag.types import Paper

_built: dict[object, Path] = {}


def write_corpus(path: Path, papers: Sequence[Paper]) -> Path:
    """Write papers as JSON lines, and return the path."""
    return write_lines(path, *map(paper_to_record, papers))


def write_lines(path: Path, *records: object) -> Path:
    """Write records as JSON lines, and return the path."""
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def index_corpus(corpus: Path, home: Path) -> None:
    """Index a corpus file with the default models, as `citedesk index CORPUS --home HOME` does."""

    def build(folder: Path) -> None:
        with redirect_stdout(TextIOWrapper(BytesIO())):
            assert main(["index", "--quiet", "--home", str(folder), str(corpus)]) == 0

    copy_index(("default", corpus.read_bytes()), build, home)
    for generation in (path.parent for path in home.glob("index/*/manifest.json")):
        write_manifest(generation, replace(read_manifest(generation), sources=(str(corpus),)))


def copy_index(key: object, build: Callable[[Path], None], home: Path) -> None:
    """Copy the index of this key to a folder that has none; `build` makes it in the folder that it is given."""
    if key not in _built:
        folder = _folder() / str(len(_built))
        build(folder)
        _built[key] = folder
    shutil.copytree(_built[key] / "index", home / "index")


@cache
def _folder() -> Path:
    folder = Path(mkdtemp(prefix="citedesk-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
