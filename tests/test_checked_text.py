from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.answer import Checked, Cited, Event, Token
from rag.types import Evidence
from rag.verification.checked_text import CheckedText
from rag.verification.judge import SentenceJudge
from tests.fakes import EVIDENCE, ROBOT_PAPER, HashCrossEncoder

PRUNES = "It prunes the KV cache and cuts its memory by 2.57×"


def checked(pieces: Iterable[str], sent: Sequence[Evidence] = EVIDENCE) -> tuple[CheckedText, list[Event]]:
    text = CheckedText(sent, SentenceJudge(HashCrossEncoder()))
    events = [event for piece in pieces for event in text.feed(piece)]
    return text, events + list(text.end())


def tokens(events: Iterable[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, Token))


def verdicts(text: CheckedText) -> list[tuple[str, tuple[int, ...], str | None]]:
    return [(text.text[each.start : each.end], each.citations, each.verdict) for each in text.sentences]


def test_paper_comes_before_its_marker_and_the_check_after_it() -> None:
    _, events = checked(["Robots slip on sand [2]. ", "Noise limits what they compute [3]. Robots slip [2]."])
    names = [name for name, _ in groupby(type(event).__name__ for event in events)]
    assert names == ["Cited", "Token", "Cited", "Token", "Checked", "Token", "Checked"]
    cited = [event.citation for event in events if isinstance(event, Cited)]
    assert [(each.n, each.paper.paper_id, each.quotes) for each in cited] == [
        (1, "2305.00002", ()),
        (2, "1804.00003", ()),
    ]
    assert [event.sentence.citations for event in events if isinstance(event, Checked)] == [(1,), (2,), (1,)]


@given(
    st.integers(1, 12), st.sampled_from([f"{PRUNES} [1]. Sand [2]!\n- Item. <b> [3]\n| a |\n", "", "x [9] y [1, 3]"])
)
def test_order_of_events_holds_for_every_size_of_piece(size: int, reply: str) -> None:
    text, events = checked([reply[i : i + size] for i in range(0, len(reply), size)])
    shown, known = "", 0
    for event in events:
        if isinstance(event, Token):
            shown += event.text
            assert all(f"[{n}]" not in shown for n in range(known + 1, 10))
        elif isinstance(event, Cited):
            known += 1
            assert event.citation.n == known
            assert f"[{known}]" not in shown
        elif isinstance(event, Checked):
            assert event.sentence.end <= len(shown)
            assert set(event.sentence.citations) <= set(range(1, known + 1))
    assert shown == text.text
    assert tuple(event.sentence for event in events if isinstance(event, Checked)) == tuple(text.sentences)


def test_each_sentence_gets_its_verdict() -> None:
    text, _ = checked([f"{PRUNES} [1]. It flies to the moon [1]. Robots slip on sand [2]. Weather changes."])
    assert verdicts(text) == [
        (f"{PRUNES} [1].", (1,), "supported"),
        ("It flies to the moon [1].", (1,), "not_found"),
        ("Robots slip on sand [2].", (2,), "supported"),
        ("Weather changes.", (), "uncited"),
    ]
    assert {each.origin for each in text.sentences} == {"written"}


def test_sentence_without_a_marker_waits_for_the_papers_of_repaired_text_too() -> None:
    text = CheckedText(EVIDENCE, SentenceJudge(HashCrossEncoder()))
    list(text.feed("Robots slip on sand. Weather changes.\n\n"))
    list(text.feed("Robots slip [2].", "repaired"))
    list(text.end())
    assert verdicts(text) == [
        ("Robots slip [1].", (1,), "supported"),
        ("Robots slip on sand.", (), "supported"),
        ("Weather changes.", (), "uncited"),
    ]
    assert [each.origin for each in text.sentences] == ["repaired", "written", "written"]


def test_sentence_of_an_item_rests_on_the_items_only_paper() -> None:
    text, _ = checked(
        ["- Robots slip on sand. It walks on dunes [2].\n- Noise limits. So [3], or so [1].\nWeather changes."]
    )
    assert verdicts(text) == [
        ("It walks on dunes [1].", (1,), "supported"),
        ("Robots slip on sand.", (1,), "supported"),
        ("So [2], or so [3].", (2, 3), None),
        ("Noise limits.", (), "supported"),
        ("Weather changes.", (), "uncited"),
    ]


def test_sentence_without_a_marker_may_be_supported_by_a_paper_of_its_section() -> None:
    text, _ = checked(["Robots slip on sand. It flies to Mars.\n\n## Sand\n- Robots slip on sand [2].\n"])
    assert verdicts(text) == [
        ("Robots slip on sand [1].", (1,), "supported"),
        ("Robots slip on sand.", (), "supported"),
        ("It flies to Mars.", (), "uncited"),
    ]
    assert [(each.n, ROBOT_PAPER.abstract[each.start : each.end]) for each in text.sentences[1].support] == [
        (1, "Robots slip on sand.")
    ]


def test_row_of_a_table_is_one_sentence() -> None:
    text, _ = checked(["| Paper | What |\n|---|---|\n| Robots [2] | slip on sand. |\n"])
    assert verdicts(text) == [("| Robots [1] | slip on sand. |", (1,), "supported")]


@pytest.mark.parametrize("size", [1, 3, 100])
def test_hostile_markdown_is_inert(size: int) -> None:
    reply = "Robots slip ![x](https://evil.example/?q=1) on <img src=x> [sand](www.evil.example) [2]."
    text, events = checked([reply[i : i + size] for i in range(0, len(reply), size)])
    assert (
        text.text
        == tokens(events)
        == ("Robots slip ! [x] ((link removed)) on ‹img src=x> [sand] ((link removed)) [1].")
    )


def test_citations_carry_verbatim_quotes_with_their_best_verdict() -> None:
    text, _ = checked(
        ["Robots slip on the cold sand of Marble [2]. Robots slip on sand [2]. It falls in 25% fewer trials [2]."]
    )
    (citation,) = text.citations
    assert [(quote.text, quote.verdict) for quote in citation.quotes] == [
        ("Robots slip on sand.", "supported"),
        ("It falls in 25-40\\% fewer trials.", "supported"),
    ]
    for quote in citation.quotes:
        assert ROBOT_PAPER.abstract[quote.start : quote.end] == quote.text


def test_paper_cited_in_nothing_that_is_a_sentence_keeps_its_own_quotes() -> None:
    text, _ = checked(["# Robots [2]\n"])
    (citation,) = text.citations
    assert (citation.n, citation.quotes) == (1, EVIDENCE[1].quotes)


def test_unknown_markers_are_taken_out_and_counted() -> None:
    text, events = checked(["Robots slip [7]. On sand [2][8]."])
    assert text.text == tokens(events) == "Robots slip. On sand [1]."
    assert (text.unknown_markers, [each.n for each in text.cited]) == (2, [2])


def test_blank_beginning_of_a_reply_is_not_shown() -> None:
    text, events = checked(["\n ", "\n  Robots", " slip [2]."])
    assert text.text == tokens(events) == "Robots slip [1]."


def test_empty_reply_gives_nothing() -> None:
    text, events = checked(["", "  \n"])
    assert (text.text, events, text.sentences, text.citations) == ("", [], [], ())
