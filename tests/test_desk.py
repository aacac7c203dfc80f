from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from threading import Event, Thread

import pytest

from rag.errors import CitedeskError, IndexMissing, ModelUnavailable
from rag.generation.writer import Writer
from rag.index.vectors import VectorStore
from rag.models.loading import Models
from rag.settings import Settings
from tests.fakes import PAPERS, hash_library, hash_models, hash_settings, word_writer
from tests.timing import PATIENCE, wait_until
from ui.choice import Choice
from ui.desk import Desk

pytestmark = pytest.mark.usefixtures("easy_ranker")


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ui.desk._LOOK_EVERY", 0.02)


@contextmanager
def started(home: Path, load: Callable[[Settings], Models] = lambda settings: hash_models()) -> Iterator[Desk]:
    desk = Desk(hash_settings(home), load)
    desk.start()
    try:
        yield desk
    finally:
        desk.close()


def test_engine_is_waited_for_while_it_is_loaded(tmp_path: Path) -> None:
    hash_library(tmp_path).close()
    go_on = Event()

    def load(settings: Settings) -> Models:
        assert go_on.wait(PATIENCE)
        return hash_models()

    with started(tmp_path, load) as desk:
        assert (desk.status.ready, desk.status.message) == (False, "The index and the models are being loaded.")
        with pytest.raises(CitedeskError, match="still being loaded"):
            desk.engine(timeout=0.01)
        go_on.set()
        engine = desk.engine(PATIENCE)
        assert (desk.status.ready, desk.status.message, desk.status.papers) == (True, "", len(PAPERS))
        assert desk.status.generation == engine.library.manifest.generation


def test_index_that_is_built_later_is_taken_up_without_a_restart(tmp_path: Path) -> None:
    with started(tmp_path) as desk:
        with pytest.raises(IndexMissing, match="Run `citedesk index`"):
            desk.engine(PATIENCE)
        hash_library(tmp_path).close()
        wait_until(lambda: desk.status.ready)
        assert desk.engine().search("pebble").hits


def test_new_generation_is_taken_up_without_a_restart(tmp_path: Path) -> None:
    hash_library(tmp_path, PAPERS[:2]).close()
    with started(tmp_path) as desk:
        before = desk.engine(PATIENCE)
        hash_library(tmp_path, PAPERS[:3]).close()
        wait_until(lambda: desk.status.papers == 3)
        assert desk.engine() is not before
        assert before.search("pebble").hits  # a question that is under way ends on the index that it began with


def test_earlier_generation_is_closed_once_no_question_holds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hash_library(tmp_path, PAPERS[:2]).close()
    closed: list[VectorStore] = []
    close = VectorStore.close
    monkeypatch.setattr(VectorStore, "close", lambda store: (closed.append(store), close(store)))
    with started(tmp_path) as desk:
        before = desk.engine(PATIENCE)
        vectors = before.library.vectors
        hash_library(tmp_path, PAPERS[:3]).close()
        wait_until(lambda: bool(desk._outdated))
        desk._close_outdated()
        assert vectors.count() == 2
        del before
        gc.collect()
        wait_until(lambda: vectors in closed)
        assert desk.engine().search("pebble").hits


def test_library_is_closed_where_its_models_are_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hash_library(tmp_path).close()
    closed = Event()
    monkeypatch.setattr("rag.index.library.Library.close", lambda library: closed.set())

    def load(settings: Settings) -> Models:
        raise ModelUnavailable("There is no model here. Install one.")

    with started(tmp_path, load):
        assert closed.wait(PATIENCE)


def test_index_that_cannot_be_read_leaves_the_earlier_one_in_use(tmp_path: Path) -> None:
    hash_library(tmp_path, PAPERS[:2]).close()
    with started(tmp_path) as desk:
        before = desk.engine(PATIENCE)
        (tmp_path / "index" / "current").write_text("gone\n")
        wait_until(lambda: "still in use" in desk.status.message)
        assert desk.engine() is before
        assert desk.status.ready


def test_models_that_are_not_there_are_said_in_one_line(tmp_path: Path) -> None:
    hash_library(tmp_path).close()

    def load(settings: Settings) -> Models:
        raise ModelUnavailable("There is no model here. Install one.")

    with started(tmp_path, load) as desk:
        with pytest.raises(ModelUnavailable, match="Install one"):
            desk.engine(PATIENCE)
        assert desk.status.message == "There is no model here. Install one."


def test_who_only_searches_does_not_wait_for_what_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hash_library(tmp_path).close()
    loading, go_on = Event(), Event()

    def load(settings: Settings) -> Writer:
        loading.set()
        assert go_on.wait(PATIENCE)
        return word_writer(settings)

    monkeypatch.setattr("rag.verification.written_answer.load_checked_writer", load)
    choice = Choice(base_url="http://127.0.0.1:9/v1", model="m")
    with started(tmp_path) as desk:
        desk.engine(PATIENCE)
        writing = Thread(target=desk.engine_for, args=(choice, lambda chat: None, nullcontext))
        writing.start()
        assert loading.wait(PATIENCE)
        searched = Thread(target=desk.engine, args=(0,), daemon=True)
        searched.start()
        searched.join(5)
        waited = searched.is_alive()
        go_on.set()
        writing.join()
        assert not waited


def test_models_that_come_later_are_taken_up_without_a_restart(tmp_path: Path) -> None:
    hash_library(tmp_path).close()
    tries = iter((ModelUnavailable("The disk is full."), None))

    def load(settings: Settings) -> Models:
        if failure := next(tries):
            raise failure
        return hash_models()

    with started(tmp_path, load) as desk:
        with pytest.raises(ModelUnavailable):
            desk.engine(PATIENCE)
        wait_until(lambda: desk.status.ready)
        assert desk.status.message == ""


def test_session_chooses_depth_and_extractive_answers_for_itself_alone(tmp_path: Path) -> None:
    hash_library(tmp_path).close()
    with started(tmp_path) as desk:
        desk.engine(PATIENCE)
        fast = desk.engine_for(Choice(written=False, thorough=False), lambda chat: None, nullcontext)
        assert fast.scorer.cross_encoder is None
        assert fast.writer is None
        assert desk.engine().scorer.cross_encoder is not None
