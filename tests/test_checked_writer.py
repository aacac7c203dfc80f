from __future__ import annotations

import asyncio
from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rag.answer import Answer, Checked, EstimatedMissing, Event, StepTimer, Token
from rag.errors import ContextOverflow, LLMFailed
from rag.generation.draft import Draft
from rag.generation.llama_index import EvidenceSynthesizer
from rag.generation.prompts import SYSTEM
from rag.generation.writer import WritingOutcome
from rag.llm.protocol import Message, Reply
from rag.llm.usage import UsageMeter
from rag.render.notices import notices_text
from rag.types import Evidence, Kind, Query, Quote, TokenUsage, Turn
from rag.verification.checked_text import CheckedText
from rag.verification.written_answer import complete
from tests.fakes import CACHE_PAPER, QUANTUM_PAPER, ROBOT_PAPER, ScriptedChat, hash_settings, word_writer

EVIDENCE = tuple(
    Evidence(n, paper, (Quote(paper.abstract[: paper.abstract.index(".") + 1], 0, paper.abstract.index(".") + 1),))
    for n, paper in enumerate((CACHE_PAPER, ROBOT_PAPER, QUANTUM_PAPER), start=1)
)
QUESTION = "What do they do?"
STANDS_IN = "The extractive answer is shown instead."
OVERFLOW = ContextOverflow("The endpoint was sent too much.")


def write(
    chat: ScriptedChat, kind: Kind = "fact", question: str = QUESTION, **values: Any
) -> tuple[str, Answer, UsageMeter]:
    """Return what was shown, the answer, and the meter."""
    writer = word_writer(hash_settings(Path("home"), **values), chat)
    draft, meter = Draft(Query(question, kind, question), EVIDENCE), UsageMeter(chat)
    stream, events = writer.answer(draft, meter, StepTimer()), list[Event]()
    try:
        while True:
            events.append(next(stream))
    except StopIteration as end:
        return "".join(event.text for event in events if isinstance(event, Token)), end.value, meter


def papers_sent(messages: Sequence[Message]) -> int:
    return messages[-1].content.count("<paper>")


def test_reply_is_shown_checked_and_metered() -> None:
    chat = ScriptedChat(["Robots slip on sand [2]."])
    shown, answer, meter = write(chat)
    assert shown == answer.text == "Robots slip on sand [1]."
    assert (answer.status, [each.verdict for each in answer.sentences]) == ("answered", ["supported"])
    assert meter.steps == {"write": TokenUsage(1, 10, 2, 1.0)}
    assert papers_sent(chat.asked[0]) == 3


def test_papers_that_the_model_was_sent_do_not_count_as_missing() -> None:
    chat = ScriptedChat(["Caches fill memory [1]."])
    sent, unsent = replace(EVIDENCE[1], score=0.9), replace(EVIDENCE[2], score=0.8)
    draft = Draft(
        Query(QUESTION, "list", QUESTION),
        EVIDENCE[:1],
        missed=EstimatedMissing(2, 4),
        candidates=(sent, unsent),
        others=(0.9, 0.1),
    )
    writer = word_writer(hash_settings(Path("home")), chat)
    missed = []
    for papers in ((sent, unsent), (sent,)):
        text = CheckedText((*EVIDENCE[:1], *papers), writer.judge)
        list(text.feed("Caches fill memory [1]."))
        answer = complete(draft, text, UsageMeter(chat), writer.judge, writer.writer.settings, WritingOutcome())
        missed.append(answer.missed)
    assert missed == [EstimatedMissing(1, 1), EstimatedMissing(1, 2)]


def test_overflow_is_tried_once_more_with_half_and_only_one_answer_is_shown() -> None:
    chat = ScriptedChat([OVERFLOW, "Caches fill memory [1]."])
    shown, answer, meter = write(chat, llm_context=700, llm_max_tokens=300)
    assert shown == answer.text == "Caches fill memory [1]."
    first, second = (messages[-1].content for messages in chat.asked)
    assert len(second) < len(first)
    assert meter.steps == {"write": TokenUsage(2, 20, 4, 2.0)}


def test_second_overflow_gives_the_extractive_answer_with_the_cost_kept() -> None:
    chat = ScriptedChat([OVERFLOW, OVERFLOW, "never asked"])
    shown, answer, meter = write(chat)
    assert (shown, answer.status, len(chat.asked)) == ("", "extractive", 2)
    assert notices_text(answer.notices) == f"The endpoint was sent too much. {STANDS_IN}"
    assert answer.text.startswith("- Key-value caches fill the memory of a server. [1]\n")
    assert meter.steps["write"].calls == 2


def test_failure_midway_gives_the_extractive_answer_with_the_cost_kept() -> None:
    chat = ScriptedChat([LLMFailed("The endpoint broke off."), "never asked"], shown="Half way ")
    shown, answer, meter = write(chat)
    assert (shown.strip(), answer.status, len(chat.asked)) == ("Half way", "extractive", 1)
    assert notices_text(answer.notices) == f"The endpoint broke off. {STANDS_IN}"
    assert meter.steps == {"write": TokenUsage(1, 10, 2, 1.0)}


def test_overflow_after_the_first_words_does_not_show_two_answers() -> None:
    chat = ScriptedChat([OVERFLOW, "Caches fill memory [1]."], shown="Robots slip ")
    shown, _, _ = write(chat)
    assert "Caches" not in shown


@pytest.mark.parametrize(
    ("reply", "notice"),
    [
        ("I'm sorry, but I can't help with that. It is not allowed.", "small-model declined to answer."),
        (
            "Этот метод сокращает кэш и уменьшает память сервера [1].",
            "small-model answered in another language than the question's.",
        ),
    ],
)
def test_reply_that_is_no_answer_is_replaced(reply: str, notice: str) -> None:
    _, answer, meter = write(ScriptedChat([reply]))
    assert (answer.status, notices_text(answer.notices)) == ("extractive", f"{notice} {STANDS_IN}")
    assert meter.steps["write"].calls == 1


def test_refusal_about_each_paper_is_no_answer() -> None:
    chat = ScriptedChat(["I'm sorry, but I can't help with that."] * 3)
    assert write(chat, llm_mode="per-paper")[1].status != "answered"


def test_reply_in_another_language_is_stopped_early() -> None:
    sentence = "Этот метод сокращает кэш и уменьшает память сервера [1]. "
    shown, _, _ = write(ScriptedChat([sentence * 50]))
    assert len(shown) < 3 * len(sentence)


def test_nothing_is_asked_where_no_paper_fits() -> None:
    chat = ScriptedChat()
    shown, answer, _ = write(chat, question="word " * 400, llm_context=512, llm_max_tokens=250)
    assert (shown, answer.status, chat.asked) == ("", "extractive", [])
    assert notices_text(answer.notices) == "No paper fits into CITEDESK_LLM_CONTEXT beside the question and the answer."


def test_what_does_not_fit_is_not_sent_and_cannot_be_cited() -> None:
    chat = ScriptedChat(["One [1], two [2], three [3]."])
    _, answer, _ = write(chat, llm_context=512, llm_max_tokens=250)
    assert papers_sent(chat.asked[0]) == 1
    assert (answer.text, [each.n for each in answer.citations]) == ("One [1], two, three.", [1])
    assert [each.paper for each in answer.near_misses] == [ROBOT_PAPER, QUANTUM_PAPER]


def by_paper(messages: Sequence[Message]) -> str | Reply | LLMFailed:
    text = messages[-1].content
    if "Small Caches" in text:
        return "Caches fill the memory of a server."
    return LLMFailed("The endpoint is down.") if "Walking Robots" in text else "NO"


def test_each_paper_is_asked_about_where_that_is_set() -> None:
    chat = ScriptedChat(by_paper)
    shown, answer, meter = write(chat, llm_mode="per-paper", llm_parallel=1)
    assert shown.rstrip() == answer.text == "- Caches fill the memory of a server. [1]"
    assert notices_text(answer.notices) == "The endpoint failed for 1 paper: The endpoint is down."
    assert meter.steps == {"write": TokenUsage(3, 30, 6, 3.0)}


def test_no_paper_that_answers_is_a_refusal() -> None:
    _, answer, _ = write(ScriptedChat(["NO"] * 3), llm_mode="per-paper")
    assert (answer.status, len(answer.near_misses)) == ("refused", 3)


def test_failure_for_every_paper_gives_the_extractive_answer() -> None:
    chat = ScriptedChat(lambda messages: LLMFailed("The endpoint is down."))
    _, answer, meter = write(chat, llm_mode="per-paper")
    assert (answer.status, notices_text(answer.notices)) == ("extractive", f"The endpoint is down. {STANDS_IN}")
    assert meter.steps["write"].calls == 3


def test_cut_reply_about_one_paper_is_told_and_the_answer_is_whole() -> None:
    chat = ScriptedChat([Reply("Caches fill the", "it reached the limit of 120 tokens for this step")] * 3)
    _, answer, _ = write(chat, llm_mode="per-paper")
    assert answer.status == "answered"
    assert str(notices_text(answer.notices)).startswith(
        "What the model wrote about 3 papers was too long and is cut (…)."
    )


def test_cut_stream_is_truncated() -> None:
    _, answer, _ = write(ScriptedChat([Reply("Robots slip on sand [2]. And", "it reached CITEDESK_LLM_MAX_TOKENS")]))
    assert (answer.status, answer.text) == ("truncated", "Robots slip on sand [1]. And")


def test_repair_is_a_step_of_its_own() -> None:
    chat = ScriptedChat(["Robots fly to Mars [2].", "1: Robots slip on sand."])
    _, answer, meter = write(chat, unsupported="repair")
    assert answer.text == "Robots slip on sand [1]."
    assert meter.steps == {"write": TokenUsage(1, 10, 2, 1.0), "repair": TokenUsage(1, 10, 2, 1.0)}


def test_reader_that_stops_closes_the_stream() -> None:
    closed = []

    class EndlessChat(ScriptedChat):
        def stream(self, messages: Sequence[Message], max_tokens: int | None = None) -> Generator[str, None, Reply]:
            try:
                while True:
                    yield "Robots slip on sand [2]. "
            finally:
                closed.append(True)

    chat = EndlessChat()
    writer = word_writer(hash_settings(Path("home")), chat)
    stream = writer.answer(Draft(Query(QUESTION, "fact", ""), EVIDENCE), UsageMeter(chat), StepTimer())
    next(event for event in stream if isinstance(event, Checked))
    stream.close()
    assert closed == [True]


def test_meter_adds_up_steps_of_one_name_and_leaves_out_free_ones() -> None:
    meter = UsageMeter(ScriptedChat(["a", Reply("b", "it was cut"), "c"]))
    for name in ("one", "one", "free"):
        with meter.step(name):
            if name != "free":
                meter.complete(())
    with pytest.raises(LLMFailed), meter.step("failed"):
        meter.complete(())
        raise LLMFailed("x")
    assert meter.steps == {"one": TokenUsage(2, 20, 4, 2.0), "failed": TokenUsage(1, 10, 2, 1.0)}
    assert (meter.name, meter.usage.calls, meter.cut) == ("small-model", 3, None)


def test_meter_keeps_why_a_stream_was_cut() -> None:
    meter = UsageMeter(ScriptedChat([Reply("abc", "it was cut"), "whole"]))
    assert ("".join(meter.stream(())), meter.cut) == ("abc", "it was cut")
    assert ("".join(meter.stream(())), meter.cut) == ("whole", None)


def test_synthesizer_streams_and_gives_the_answer_whole() -> None:
    chat = ScriptedChat([Reply("Robots slip.", "it was cut"), "Again."])
    synthesizer = EvidenceSynthesizer(chat, "compare")
    assert (
        "".join(synthesizer.get_response(QUESTION, ["<paper>\nA\n</paper>", "<paper>\nB\n</paper>"])) == "Robots slip."
    )
    assert asyncio.run(synthesizer.aget_response(QUESTION, [])) == "Again."
    asked = chat.asked[0][1].content
    assert asked.startswith("<paper>\nA\n</paper>\n\n<paper>\nB\n</paper>\n\nQuestion: What do they do?\n")
    assert "a column for each thing" in asked
    assert synthesizer.get_prompts() == {}
    with pytest.raises(ValueError, match=r"rag\.generation\.prompts"):
        synthesizer.update_prompts({"text_qa_template": "x"})  # type: ignore[dict-item]


def test_marker_without_a_word_is_no_answer() -> None:
    _, answer, _ = write(ScriptedChat(["[1]"]))
    assert (answer.status, notices_text(answer.notices)) == ("extractive", f"small-model wrote no word. {STANDS_IN}")


def test_answer_before_is_part_of_the_prompt_with_the_numbers_of_now() -> None:
    chat = ScriptedChat(["Robots slip on sand [2]."])
    writer = word_writer(hash_settings(Path("home")), chat)
    before = Turn("Which caches?", "Robots [1], others [2], caches [3].", ("2305.00002", "9999.9", "2401.00001"))
    draft = Draft(Query("What of it?", "fact", "it"), EVIDENCE, previous=before)
    list(writer.answer(draft, UsageMeter(chat), StepTimer()))
    assert "Question: Which caches?\nAnswer: Robots [2], others , caches [1].\n" in chat.asked[0][-1].content


def test_instructions_in_a_reply_are_removed_with_a_notice() -> None:
    hidden = SYSTEM.replace(" ", "&#32;\u200b")
    shown, answer, _ = write(ScriptedChat([f"{hidden} Robots slip on sand [2]."]))
    assert shown == answer.text == "Robots slip on sand [1]."
    assert notices_text(answer.notices) == "Removed what repeated the instructions to the model."


@pytest.mark.parametrize("reply", [SYSTEM, f"My instructions are:\n\n```\n{SYSTEM}\n```"])
def test_reply_of_nothing_but_instructions_is_replaced(reply: str) -> None:
    _, answer, _ = write(ScriptedChat([reply]))
    assert answer.status == "extractive"
    assert notices_text(answer.notices) == f"small-model repeated its instructions in place of an answer. {STANDS_IN}"
