from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest

from rag.cli.main import main
from rag.corpus import watching
from rag.corpus.watching import changes, is_watched
from tests.fakes import PAPERS
from tests.indexes import index_corpus, write_corpus


def test_change_of_a_file_is_told_once_it_rests(tmp_path: Path) -> None:
    file = tmp_path / "refs.bib"
    told = changes([file], tmp_path / "index", rest=20)
    next(told)
    (tmp_path / "new").write_text("@misc{a}")
    (tmp_path / "new").rename(file)
    next(told)
    file.write_text("@misc{b}")
    next(told)


@pytest.mark.parametrize(
    ("path", "watched"),
    [
        ("/home/me/refs.bib", True),
        ("/home/me/other.bib", False),
        ("/home/.lib/a/b.ris", True),
        ("/home/.lib/.git/b.ris", False),
        ("/home/.lib/a/.b.ris.swp", False),
        ("/home/.lib/index/1/papers.jsonl", False),
    ],
)
def test_hidden_files_and_the_index_itself_are_not_watched(path: str, watched: bool) -> None:
    assert is_watched(Path(path), [Path("/home/me/refs.bib"), Path("/home/.lib")], Path("/home/.lib/index")) is watched


def test_watch_updates_the_index_with_each_change_and_goes_on_after_a_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = write_corpus(tmp_path / "papers.jsonl", PAPERS)
    index_corpus(corpus, tmp_path / "home")

    def scripted(paths: Sequence[Path], ignored: Path) -> Iterator[None]:
        assert (list(paths), ignored) == ([corpus], tmp_path / "home" / "index")
        yield  # the first update
        yield  # of a file that was touched
        corpus.unlink()
        yield
        write_corpus(corpus, PAPERS[:1])
        yield
        raise KeyboardInterrupt

    monkeypatch.setattr(watching, "changes", scripted)
    assert main(["index", "--watch", str(corpus), "--home", str(tmp_path / "home")]) == 0
    out, err = capsys.readouterr()
    assert [line for line in out.splitlines() if "added" in line] == [
        "0 added, 0 replaced, 0 removed, 3 unchanged, 0 failed",
        "0 added, 0 replaced, 2 removed, 1 unchanged, 0 failed",
    ]
    assert err.splitlines() == [
        "waiting for changes; Ctrl-C ends this",
        f"not updated: {corpus} does not exist. Name a file or folder of papers.",
        "stopped watching",
    ]


def test_watch_of_a_corpus_that_is_not_there_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "changes", partial(changes, rest=20))
    assert main(["index", "--watch", str(tmp_path / "none.bib"), "--home", str(tmp_path)]) == 1
    assert "does not exist" in capsys.readouterr().err
