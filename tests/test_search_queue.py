from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from tests.timing import PATIENCE
from ui.search_queue import Busy, SearchCancelled, SearchQueue


def never() -> bool:
    return False


def test_searches_come_in_by_their_order_and_are_told_how_many_are_before_them() -> None:
    search_queue, order = SearchQueue(1), list[str]()
    told: dict[str, list[int]] = {"second": [], "third": []}
    queued = {name: threading.Event() for name in told}

    def search(name: str) -> None:
        def ahead(count: int) -> None:
            told[name].append(count)
            queued[name].set()

        with search_queue.slot(ahead, never):
            order.append(name)

    threads = []
    with search_queue.slot(told["second"].append, never):
        for name in told:
            threads.append(threading.Thread(target=search, args=(name,)))
            threads[-1].start()
            assert queued[name].wait(PATIENCE)
        assert told == {"second": [1], "third": [2]}
        assert order == []
        assert (search_queue.running, search_queue.waiting) == (1, 2)
    for thread in threads:
        thread.join(PATIENCE)
    assert order == ["second", "third"]
    assert (search_queue.running, search_queue.waiting) == (0, 0)
    assert told["second"] == [1]
    assert told["third"][0] == 2


def test_so_many_search_side_by_side_as_there_are_places() -> None:
    search_queue, told = SearchQueue(2), list[int]()
    with search_queue.slot(told.append, never), search_queue.slot(told.append, never):
        assert told == []


def test_who_leaves_the_queue_does_not_search_and_holds_nobody_up() -> None:
    search_queue, left, waits = SearchQueue(1), threading.Event(), threading.Event()
    outcome: list[str] = []

    def search(has_left: Callable[[], bool]) -> None:
        try:
            with search_queue.slot(lambda ahead: waits.set(), has_left):
                outcome.append("searched")
        except SearchCancelled:
            outcome.append("left")

    with search_queue.slot(lambda ahead: None, never):
        thread = threading.Thread(target=search, args=(left.is_set,))
        thread.start()
        assert waits.wait(PATIENCE)
        left.set()
        search_queue.wake()
        thread.join(PATIENCE)
        assert outcome == ["left"]
    search(never)
    assert outcome == ["left", "searched"]


def test_place_is_free_again_after_a_search_that_failed() -> None:
    search_queue = SearchQueue(1)
    with pytest.raises(ValueError, match="broken"), search_queue.slot(print, never):
        raise ValueError("broken")
    with search_queue.slot(print, never):
        pass


def test_search_that_finds_too_many_waiting_is_refused() -> None:
    search_queue, waits = SearchQueue(1, waiting=1), threading.Event()

    def wait() -> None:
        with search_queue.slot(lambda ahead: waits.set(), never):
            pass

    thread = threading.Thread(target=wait)
    with search_queue.slot(print, never):
        thread.start()
        assert waits.wait(PATIENCE)
        with pytest.raises(Busy, match="The server is busy: 1 questions wait already"), search_queue.slot(print, never):
            pass
    thread.join(PATIENCE)
    with search_queue.slot(print, never):
        pass


def test_question_that_was_admitted_is_not_refused_its_second_search() -> None:
    search_queue, waits = SearchQueue(1, waiting=0), threading.Event()
    done: list[str] = []

    def search_again() -> None:
        with search_queue.slot(lambda ahead: waits.set(), never, first=False):
            done.append("searched")

    thread = threading.Thread(target=search_again)
    with search_queue.slot(print, never):
        thread.start()
        assert waits.wait(PATIENCE)
    thread.join(PATIENCE)
    assert done == ["searched"]


def test_so_many_questions_are_under_way_as_may_be() -> None:
    search_queue = SearchQueue(1, questions=2)
    with search_queue.question(), search_queue.question():
        with pytest.raises(Busy, match="2 questions are under way"), search_queue.question():
            pass
        assert search_queue.questions == 2
    with search_queue.question():
        assert search_queue.questions == 1
