from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from threading import Event, Thread

import pytest

from rag.errors import CitedeskError, IndexMissing, ModelUnavailable, UsageError
from rag.generation.writer import Writer
from rag.models.loading import Models
from rag.settings import Settings
from tests.fakes import PAPERS, hash_library, hash_models, hash_settings, word_writer
from tests.leaks import open_files
from tests.timing import PATIENCE, wait_until
from ui.engine_holder import EngineHolder, SessionSettings

pytestmark = pytest.mark.usefixtures("easy_ranker")


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ui.engine_holder._POLL_INTERVAL", 0.02)


@contextmanager
def started(home: Path, load: Callable[[Settings], Models] = lambda settings: hash_models()) -> Iterator[EngineHolder]:
    holder = EngineHolder(hash_settings(home), load)
    holder.start()
    try:
        yield holder
    finally:
        holder.close()


def test_engine_is_waited_for_while_it_is_loaded(tmp_path: Path) -> None:
    hash_library(tmp_path).close()
    go_on = Event()

    def load(settings: Settings) -> Models:
        assert go_on.wait(PATIENCE)
        return hash_models()

    with started(tmp_path, load) as holder:
        assert (holder.status.ready, holder.status.message) == (False, "The index and the models are being loaded.")
        with pytest.raises(CitedeskError, match="still being loaded"):
            holder.engine(timeout=0.01)
        go_on.set()
        engine = holder.engine(PATIENCE)
        assert (holder.status.ready, holder.status.message, holder.status.papers) == (True, "", len(PAPERS))
        assert holder.status.generation == engine.library.manifest.generation


def test_index_that_is_built_later_is_taken_up_without_a_restart(tmp_path: Path) -> None:
    with started(tmp_path) as holder:
        with pytest.raises(IndexMissing, match="Run `citedesk index`"):
            holder.engine(PATIENCE)
        hash_library(tmp_path).close()
        wait_until(lambda: holder.status.ready)
        assert holder.engine().search("pebble").hits


def test_new_generation_is_taken_up_without_a_restart(tmp_path: Path) -> None:
    hash_library(tmp_path, PAPERS[:2]).close()
    with started(tmp_path) as holder:
        before = holder.engine(PATIENCE)
        hash_library(tmp_path, PAPERS[:3]).close()
        wait_until(lambda: holder.status.papers == 3)
        assert holder.engine() is not before
        assert before.search("pebble").hits  # a question that is under way ends on the index that it began with


def test_earlier_generation_is_closed_once_no_question_holds_it(tmp_path: Path) -> None:
    hash_library(tmp_path, PAPERS[:2]).close()
    with started(tmp_path) as holder:
        before = holder.engine(PATIENCE)
        generation = tmp_path / "index" / before.library.manifest.generation
        hash_library(tmp_path, PAPERS[:3]).close()
        wait_until(lambda: holder.status.papers == 3)
        assert before.library.vectors.count() == 2
        assert open_files(generation)
        del before
        # More than once: while the holder's thread collects, another call does nothing.
        wait_until(lambda: gc.collect() >= 0 and not open_files(generation))
        assert holder.engine().search("pebble").hits


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
    with started(tmp_path) as holder:
        before = holder.engine(PATIENCE)
        (tmp_path / "index" / "current").write_text("gone\n")
        wait_until(lambda: "still in use" in holder.status.message)
        assert holder.engine() is before
        assert holder.status.ready


def test_models_that_are_not_there_are_said_in_one_line(tmp_path: Path) -> None:
    hash_library(tmp_path).close()

    def load(settings: Settings) -> Models:
        raise ModelUnavailable("There is no model here. Install one.")

    with started(tmp_path, load) as holder:
        with pytest.raises(ModelUnavailable, match="Install one"):
            holder.engine(PATIENCE)
        assert holder.status.message == "There is no model here. Install one."


def test_who_only_searches_does_not_wait_for_what_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hash_library(tmp_path).close()
    loading, go_on = Event(), Event()

    def load(settings: Settings) -> Writer:
        loading.set()
        assert go_on.wait(PATIENCE)
        return word_writer(settings)

    monkeypatch.setattr("rag.verification.written_answer.load_checked_writer", load)
    choice = SessionSettings(base_url="http://127.0.0.1:9/v1", model="m")
    with started(tmp_path) as holder:
        holder.engine(PATIENCE)
        writing = Thread(target=holder.session_engine, args=(choice, lambda chat: None, nullcontext))
        writing.start()
        assert loading.wait(PATIENCE)
        searched = Thread(target=holder.engine, args=(0,), daemon=True)
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

    with started(tmp_path, load) as holder:
        with pytest.raises(ModelUnavailable):
            holder.engine(PATIENCE)
        wait_until(lambda: holder.status.ready)
        assert holder.status.message == ""


def test_session_chooses_depth_and_extractive_answers_for_itself_alone(tmp_path: Path) -> None:
    hash_library(tmp_path).close()
    with started(tmp_path) as holder:
        holder.engine(PATIENCE)
        fast = holder.session_engine(SessionSettings(written=False, thorough=False), lambda chat: None, nullcontext)
        assert fast.scorer.cross_encoder is None
        assert fast.writer is None
        assert holder.engine().scorer.cross_encoder is not None


SERVED = Settings(
    home=Path("home"), llm_base_url="http://127.0.0.1:1/v1", llm_model="theirs", llm_api_key="server-secret"
)


def test_nothing_chosen_leaves_the_servers_settings() -> None:
    assert SessionSettings().applied_to(SERVED) == SERVED


def test_fast_search_leaves_the_cross_encoder_out() -> None:
    assert SessionSettings(thorough=False).applied_to(SERVED).rerank_depth == 0


def test_another_address_is_never_sent_the_servers_key() -> None:
    settings = SessionSettings(base_url="http://127.0.0.1:2/v1", model="mine").applied_to(SERVED)
    assert (settings.llm_base_url, settings.llm_model) == ("http://127.0.0.1:2/v1", "mine")
    assert settings.llm_api_key is None


def test_another_model_of_the_servers_endpoint_is_asked_with_the_servers_key() -> None:
    settings = SessionSettings(model="mine").applied_to(SERVED)
    assert (settings.llm_base_url, settings.llm_model) == ("http://127.0.0.1:1/v1", "mine")
    assert settings.llm_api_key == "server-secret"


def test_key_of_the_session_goes_before_the_servers() -> None:
    assert SessionSettings(api_key="mine").applied_to(SERVED).llm_api_key == "mine"


def test_key_is_not_shown() -> None:
    assert "secret" not in repr(SessionSettings(api_key="secret"))


def test_address_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError, match="not an http"):
        SessionSettings(base_url="ftp://here", model="m").applied_to(SERVED)
