from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import pytest

from rag.errors import ContextOverflow, LLMFailed
from rag.generation.prompts import ONE_SYSTEM
from rag.generation.writer import WritingOutcome, write_per_paper
from rag.llm.prompting import format_evidence
from rag.llm.protocol import Message, Reply
from rag.types import Evidence, Query, Quote
from tests.fakes import CACHE_PAPER, QUANTUM_PAPER, ROBOT_PAPER, ScriptedChat
from tests.timing import PATIENCE, wait_until

QUERY = Query("What do they do?", "list", "what")
EVIDENCE = tuple(
    Evidence(n, paper, (Quote(paper.abstract[:5], 0, 5),))
    for n, paper in enumerate((CACHE_PAPER, ROBOT_PAPER, QUANTUM_PAPER), start=1)
)
Said = str | Reply | LLMFailed


def by_paper(cache: Said, robot: Said, quantum: Said) -> Callable[[Sequence[Message]], Said]:
    """Reply according to the paper that is asked about."""
    replies = {"Small Caches": cache, "Walking Robots": robot, "Qubits": quantum}
    return lambda messages: next(said for title, said in replies.items() if title in messages[-1].content)


PAPERS = [(each, format_evidence(each, numbered=False)) for each in EVIDENCE]


def write(
    chat: ScriptedChat, side_by_side: int = 2, query: Query = QUERY
) -> tuple[list[str], str | None, WritingOutcome]:
    outcome, pieces = WritingOutcome(), []
    stream = write_per_paper(query, PAPERS, chat, side_by_side, outcome)
    try:
        while True:
            pieces.append(next(stream))
    except StopIteration:
        return pieces, outcome.truncated, outcome


def test_each_paper_gets_an_item_with_its_own_number() -> None:
    chat = ScriptedChat(by_paper("It prunes.", "They walk.", "They review."))
    pieces, cut, outcome = write(chat)
    assert pieces == ["- It prunes. [1]\n", "- They walk. [2]\n", "- They review. [3]\n"]
    assert (cut, outcome) == (None, WritingOutcome())
    assert (chat.usage.calls, set(chat.limits)) == (3, {120})


def test_each_request_holds_one_paper_without_its_number() -> None:
    chat = ScriptedChat(by_paper("a", "b", "c"))
    write(chat, side_by_side=1)
    for messages, each in zip(chat.asked, EVIDENCE, strict=True):
        assert [message.role for message in messages] == ["system", "user"]
        assert f"<paper>\n{each.paper.title} (" in messages[1].content
        assert messages[1].content.count("<paper>") == 1
        assert "Question: What do they do?" in messages[1].content


def test_order_is_kept_though_later_replies_come_first() -> None:
    robot_is_done = threading.Event()

    def reply(messages: Sequence[Message]) -> str:
        if "Small Caches" in messages[-1].content:
            assert robot_is_done.wait(PATIENCE)
            return "First."
        robot_is_done.set()
        return "Later."

    pieces, _, _ = write(ScriptedChat(reply), side_by_side=3)
    assert pieces == ["- First. [1]\n", "- Later. [2]\n", "- Later. [3]\n"]


@pytest.mark.parametrize(
    "no", ["NO", "no", "No.", "**NO**", "'NO'", "NO\n", " NO, it says nothing of the kind.", "No: it"]
)
def test_paper_that_does_not_answer_is_left_out(no: str) -> None:
    pieces, *_ = write(ScriptedChat(by_paper("It prunes.", no, "So.")))
    assert pieces == ["- It prunes. [1]\n", "- So. [3]\n"]


@pytest.mark.parametrize(
    "yes", ["No one has done it before.", "Nothing slips.", "No need to fall.", "Nodes do.", "Not so."]
)
def test_sentence_that_only_begins_like_no_is_kept(yes: str) -> None:
    pieces, *_ = write(ScriptedChat(by_paper("NO", yes, "NO")))
    assert pieces == [f"- {yes} [2]\n"]


@pytest.mark.parametrize("yes", ["No retraining is needed.", "No training data is used, and it works."])
def test_sentence_with_no_before_a_noun_is_kept(yes: str) -> None:
    assert write(ScriptedChat(by_paper("NO", yes, "NO")))[0] == [f"- {yes} [2]\n"]


@pytest.mark.parametrize("nothing", ["", " \n", "[2]", "- "])
def test_empty_reply_is_as_good_as_no(nothing: str) -> None:
    pieces, *_ = write(ScriptedChat(by_paper("It prunes.", nothing, "So.")))
    assert pieces == ["- It prunes. [1]\n", "- So. [3]\n"]


def test_markers_and_bullets_of_the_model_are_removed() -> None:
    pieces, _, _ = write(ScriptedChat(by_paper("- It prunes [7].\n", "# They\nwalk 【2】, [1–3] so.", "* So [1, 2]")))
    assert pieces == ["- It prunes. [1]\n", "- They walk, so. [2]\n", "- So [3]\n"]


def test_titles_stand_before_what_is_compared() -> None:
    query = Query("Compare them", "compare", "them")
    pieces, _, _ = write(ScriptedChat(by_paper("It prunes.", "NO", "NO")), query=query)
    assert pieces == ["- **Small Caches** (2024-01-05): It prunes. [1]\n"]


def test_reply_that_was_cut_is_shown_as_such_and_counted() -> None:
    cut = Reply("It prunes the", "it reached the limit of 120 tokens for this step")
    pieces, reason, outcome = write(ScriptedChat(by_paper(cut, "They walk.", "NO")))
    assert pieces == ["- It prunes the… [1]\n", "- They walk. [2]\n"]
    assert (reason, outcome.shortened, outcome.unasked) == (None, 1, 0)


def test_failing_paper_is_noted_and_the_others_are_shown() -> None:
    failure = LLMFailed("The endpoint failed.")
    pieces, _, outcome = write(ScriptedChat(by_paper("It prunes.", failure, "So.")))
    assert pieces == ["- It prunes. [1]\n", "- So. [3]\n"]
    assert outcome.failures == [failure]


def test_papers_that_are_not_asked_after_failures_are_counted() -> None:
    failure = LLMFailed("The endpoint failed.")
    evidence = [*EVIDENCE, *EVIDENCE]
    papers = [(each, format_evidence(each, numbered=False)) for each in evidence]
    chat, outcome = ScriptedChat(["It prunes.", failure, failure, "So.", "So.", "So."]), WritingOutcome()
    assert list(write_per_paper(QUERY, papers, chat, 1, outcome)) == ["- It prunes. [1]\n"]
    assert (len(outcome.failures), outcome.unasked) == (2, 3)


def test_failure_of_all_is_raised() -> None:
    first = ContextOverflow("The endpoint was sent too much.")
    with pytest.raises(ContextOverflow, match="was sent too much"):
        write(ScriptedChat(by_paper(first, LLMFailed("b"), LLMFailed("c"))))


def test_no_answer_of_any_paper_gives_nothing() -> None:
    pieces, cut, _ = write(ScriptedChat(by_paper("NO", "NO", "NO")))
    assert (pieces, cut) == ([], None)


@pytest.mark.parametrize("side_by_side", [1, 2, 3])
def test_no_more_requests_run_side_by_side_than_are_set(side_by_side: int) -> None:
    lock, running, most = threading.Lock(), [0], [0]

    def reply(messages: Sequence[Message]) -> str:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        wait_until(lambda: most[0] >= side_by_side)
        time.sleep(0.03)  # so that one request too many would be seen
        with lock:
            running[0] -= 1
        return "So."

    pieces, _, _ = write(ScriptedChat(reply), side_by_side)
    assert (len(pieces), most[0]) == (3, side_by_side)


def test_reader_that_stops_ends_the_requests() -> None:
    chat, second = ScriptedChat(), threading.Event()

    def reply(messages: Sequence[Message]) -> str | LLMFailed:
        if "Small Caches" in messages[-1].content:
            return "It prunes."
        second.set()
        assert chat.closed.wait(PATIENCE)
        return LLMFailed("was told to stop")

    chat.replies = reply
    stream = write_per_paper(QUERY, PAPERS, chat, 1, WritingOutcome())
    assert next(stream) == "- It prunes. [1]\n"
    assert second.wait(PATIENCE)
    stream.close()
    assert (chat.closed.is_set(), len(chat.asked)) == (True, 2)


def test_requests_that_are_done_leave_the_chat_open() -> None:
    chat = ScriptedChat(by_paper("a", "b", "c"))
    write(chat)
    assert not chat.closed.is_set()


def test_reply_that_repeats_the_instructions_names_no_paper() -> None:
    pieces, _, outcome = write(ScriptedChat(by_paper(ONE_SYSTEM, f"Sure: “{ONE_SYSTEM}”", "So.")))
    assert pieces == ["- So. [3]\n"]
    assert outcome.repeated == 2


def test_model_that_only_repeats_the_instructions_gives_no_answer() -> None:
    with pytest.raises(LLMFailed, match="small-model repeated its instructions in place of an answer"):
        write(ScriptedChat(by_paper(ONE_SYSTEM, "NO", ONE_SYSTEM)))
