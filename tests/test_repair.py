from __future__ import annotations

from dataclasses import replace

import pytest

from rag.answer import Sentence, SentenceVerdict
from rag.errors import LLMFailed
from rag.llm.protocol import Reply
from rag.types import Evidence, Quote
from rag.verification.repair import corrections, failed, pieces_with, struck
from tests.fakes import CACHE_PAPER, ROBOT_PAPER, ScriptedChat

CITED = (Evidence(5, ROBOT_PAPER, (Quote("Robots", 0, 6),)), Evidence(2, CACHE_PAPER, (Quote("Key", 0, 3),)))


def sentence(text: str, said: str, *citations: int, verdict: SentenceVerdict | None = "not_found") -> Sentence:
    start = text.index(said)
    return Sentence(start, start + len(said), citations, verdict)


def test_only_unsupported_and_uncited_sentences_have_failed() -> None:
    kinds: tuple[SentenceVerdict, ...] = ("supported", "not_found", "contradicted", "uncited", "about_answer")
    all_of_them = [Sentence(0, 1, (), verdict) for verdict in kinds]
    assert [each.verdict for each in failed(all_of_them)] == ["not_found", "contradicted", "uncited"]


def test_failing_sentences_are_sent_with_their_papers_and_without_markers() -> None:
    text = "Robots fly [1]. Pebble **grows** it [2]. Fine [1]."
    first, second = sentence(text, "Robots fly [1].", 1), sentence(text, "Pebble **grows** it [2].", 2)
    chat = ScriptedChat(["1: Robots slip on sand.\n2: Pebble prunes it."])
    assert corrections(text, [first, second], CITED, chat) == {
        first: "Robots slip on sand.",
        second: "Pebble prunes it.",
    }
    ((_, user),) = chat.asked
    assert user.content.endswith("Sentences to correct:\n1: Robots fly.\n2: Pebble **grows** it.")
    assert "<paper>\nWalking Robots on Sand (2023-05)" in user.content
    assert "<paper>\nSmall Caches (2024-01-05)" in user.content


def test_uncited_sentence_is_left_out_without_a_request() -> None:
    text, chat = "Caches are nice.", ScriptedChat()
    nice = sentence(text, text, verdict="uncited")
    assert (corrections(text, [nice], CITED, chat), chat.asked) == ({nice: ""}, [])


@pytest.mark.parametrize(
    ("reply", "corrected"),
    [
        ("1: Robots slip.", "Robots slip."),
        ("1. Robots slip [1].", "Robots slip."),
        ("1. Robots slip [1, 2] on sand 【2】.", "Robots slip on sand."),
        ("- 1) Robots slip.", "Robots slip."),
        ("Here they are:\n\n 1 :  Robots slip. \n", "Robots slip."),
        ("1: DELETE", ""),
        ("1: delete.", ""),
        ("1: **DELETE**", ""),
    ],
)
def test_reply_is_read_in_its_forms(reply: str, corrected: str) -> None:
    text = "Robots fly [1]."
    fly = sentence(text, text, 1)
    assert corrections(text, [fly], CITED, ScriptedChat([reply])) == {fly: corrected}


@pytest.mark.parametrize("reply", ["", "I cannot do that.", "0: Zero.", "2: Two.", "999: Many.", "one: Robots slip."])
def test_reply_that_names_no_sentence_corrects_nothing(reply: str) -> None:
    text = "Robots fly [1]."
    assert corrections(text, [sentence(text, text, 1)], CITED, ScriptedChat([reply])) == {}


def test_failure_of_the_call_is_raised() -> None:
    text = "Robots fly [1]."
    with pytest.raises(LLMFailed, match="is down"):
        corrections(text, [sentence(text, text, 1)], CITED, ScriptedChat([LLMFailed("The endpoint is down.")]))


def test_cut_correction_is_not_taken() -> None:
    text = "Robots fly [1]."
    chat = ScriptedChat([Reply("1: Robots slip on", "it reached CITEDESK_LLM_MAX_TOKENS")])
    assert corrections(text, [sentence(text, text, 1)], CITED, chat) == {}


def pieces(text: str, *corrected: tuple[Sentence, str]) -> list[tuple[str, bool]]:
    return pieces_with(text, dict(corrected), CITED)


def test_correction_takes_the_place_of_its_sentence_with_the_evidences_numbers() -> None:
    text = "Good [2]. Robots fly [1][2]. Good [1]."
    assert pieces(text, (sentence(text, "Robots fly [1][2].", 1, 2), "Robots slip.")) == [
        ("Good [2]. ", False),
        ("Robots slip [5][2].", True),
        (" Good [5].", False),
    ]


def test_deleted_sentence_goes_and_its_neighbours_stay() -> None:
    text = "Good [2]. Robots fly [1]. Fine [2]."
    shown = pieces(text, (sentence(text, "Robots fly [1].", 1), ""))
    assert "".join(piece for piece, _ in shown) == "Good [2].  Fine [2]."


def test_line_of_a_deleted_sentence_goes_with_its_bullet() -> None:
    text = "These:\n\n- Good [2].\n- Robots fly [1].\n1. Fly [1].\n- Fine [2].\n> - Last [1]."
    gone = [(sentence(text, said, 1), "") for said in ("Robots fly [1].", "Fly [1].", "Last [1].")]
    assert "".join(piece for piece, _ in pieces(text, *gone)) == "These:\n\n- Good [2].\n- Fine [2].\n"


def test_row_of_a_deleted_sentence_goes() -> None:
    text = "| a |\n|---|\n| Fly [1] |\n| Good [2] |\n"
    assert pieces(text, (sentence(text, "| Fly [1] |", 1), "")) == [
        ("| a |\n|---|\n", False),
        ("| Good [2] |\n", False),
    ]


def test_rows_of_tables_are_not_sent() -> None:
    text = "| Robots [1] | fly |\n"
    chat = ScriptedChat([])
    assert corrections(text, [sentence(text, "| Robots [1] | fly |", 1)], CITED, chat) == {}
    assert chat.asked == []


def test_all_sentences_may_go() -> None:
    text = "Robots fly [1]."
    assert pieces(text, (sentence(text, text, 1), "")) == []


def test_failing_sentences_are_struck_and_all_spans_shift() -> None:
    text = "Good [1]. Bad [1]. - Fine [2]. Worse."
    sentences = (
        sentence(text, "Good [1].", 1, verdict="supported"),
        sentence(text, "Bad [1].", 1),
        sentence(text, "Fine [2].", 2, verdict=None),
        sentence(text, "Worse.", verdict="uncited"),
    )
    out, shifted = struck(text, sentences)
    assert out == "Good [1]. ~~Bad [1].~~ - Fine [2]. ~~Worse.~~"
    assert [out[each.start : each.end] for each in shifted] == ["Good [1].", "~~Bad [1].~~", "Fine [2].", "~~Worse.~~"]
    assert [replace(each, start=0, end=0) for each in shifted] == [replace(each, start=0, end=0) for each in sentences]


def test_rows_of_tables_are_not_struck() -> None:
    text = "| a |\n|---|\n| Fly [1] |\nBad [1]."
    out, shifted = struck(text, (sentence(text, "| Fly [1] |", 1), sentence(text, "Bad [1].", 1)))
    assert out == "| a |\n|---|\n| Fly [1] |\n~~Bad [1].~~"
    assert [out[each.start : each.end] for each in shifted] == ["| Fly [1] |", "~~Bad [1].~~"]


def test_nothing_is_struck_where_nothing_failed() -> None:
    assert struck("Good.", (Sentence(0, 5, (1,), "supported"),)) == ("Good.", (Sentence(0, 5, (1,), "supported"),))
    assert struck("", ()) == ("", ())
