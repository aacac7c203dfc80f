from __future__ import annotations

from dataclasses import replace

import pytest

from rag.answer import Sentence, SentenceVerdict
from rag.errors import LLMFailed
from rag.llm.protocol import Reply
from rag.types import Evidence, Quote
from rag.verification.repair import cited_as, corrections, failed, pieces_with, struck
from tests.fakes import CACHE_PAPER, ROBOT_PAPER, ScriptedChat

CITED = (Evidence(5, ROBOT_PAPER, (Quote("Robots", 0, 6),)), Evidence(2, CACHE_PAPER, (Quote("Key", 0, 3),)))


def sentence(text: str, said: str, *citations: int, verdict: SentenceVerdict | None = "not_found") -> Sentence:
    start = text.index(said)
    return Sentence(start, start + len(said), citations, verdict)


def test_only_sentences_that_their_papers_do_not_support_have_failed() -> None:
    kinds: tuple[SentenceVerdict, ...] = ("supported", "not_found", "contradicted", "uncited", "about_answer")
    all_of_them = [Sentence(0, 1, (1,), verdict) for verdict in kinds]
    assert [each.verdict for each in failed("…", all_of_them)] == ["not_found", "contradicted"]


def test_failing_sentences_are_sent_with_their_papers_and_the_reason() -> None:
    text = "Robots fly [1]. Pebble **grows** it [2]. Fine [1]."
    first = replace(sentence(text, "Robots fly [1].", 1), reason="“Mars” is not in [1]")
    second = sentence(text, "Pebble **grows** it [2].", 2, verdict="contradicted")
    chat = ScriptedChat(["1: Robots slip on sand.\n2: Pebble prunes it."])
    assert corrections(text, [first, second], CITED, chat) == {
        first: "Robots slip on sand.",
        second: "Pebble prunes it.",
    }
    ((_, user),) = chat.asked
    assert user.content.endswith(
        "Sentences to correct:\n1: Robots fly [1].\n   Found: “Mars” is not in [1]\n"
        "2: Pebble **grows** it [2].\n   Found: the abstract says otherwise"
    )
    assert "<paper>\n[1] Walking Robots on Sand (2023-05)" in user.content
    assert "<paper>\n[2] Small Caches (2024-01-05)" in user.content


def test_doubt_removes_nothing() -> None:
    text = "Robots fly [1]."
    assert corrections(text, [sentence(text, text, 1)], CITED, ScriptedChat(["1: DELETE"])) == {}


def test_reason_names_the_clause_that_is_wrong() -> None:
    text = "Robots slip [1], and Pebble grows it [2]."
    whole = sentence(text, text, 1, 2, verdict="contradicted")
    parts = (sentence(text, "Robots slip [1]", 1, verdict="supported"), sentence(text, "Pebble grows it [2].", 2))
    chat = ScriptedChat(["1: Robots slip [1], and Pebble prunes it [2]."])
    found = corrections(text, [replace(whole, parts=parts)], CITED, chat)
    assert list(found.values()) == ["Robots slip [1], and Pebble prunes it [2]."]
    assert "Found: “Pebble grows it.”: the abstract does not say so" in chat.asked[0][1].content


def test_correction_keeps_its_markers_or_gets_those_of_its_sentence() -> None:
    assert cited_as("A slips [1], B prunes [2].", (1, 2)) == "A slips [1], B prunes [2]."
    assert cited_as("It slips. It falls.", (1,)) == "It slips [1]. It falls [1]."
    assert cited_as("It slips [9].", (1,)) == "It slips [1]."


@pytest.mark.parametrize(
    ("reply", "corrected"),
    [
        ("1: Robots slip.", "Robots slip."),
        ("1. Robots slip [1].", "Robots slip [1]."),
        ("- 1) Robots slip.", "Robots slip."),
        ("Here they are:\n\n 1 :  Robots slip. \n", "Robots slip."),
        ("1: DELETE", ""),
        ("1: delete.", ""),
        ("1: **DELETE**", ""),
    ],
)
def test_reply_is_read_in_its_forms(reply: str, corrected: str) -> None:
    text = "Robots fly [1]."
    fly = sentence(text, text, 1, verdict="contradicted")
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


def test_cell_is_corrected_in_its_row() -> None:
    text = "| Task | Robots |\n|---|---|\n| Trials | 52% fewer [1] |\n"
    cell = replace(sentence(text, "52% fewer [1]", 1), reason="“52%” is not in [1]")
    row = replace(sentence(text, "| Trials | 52% fewer [1] |", 1), parts=(cell,))
    assert failed(text, [row]) == (cell,)
    chat = ScriptedChat(["1: 25 | 40% fewer [1]."])
    offered = corrections(text, [cell], CITED, chat)
    assert (
        "1: 52% fewer [1]\n   Found: “52%” is not in [1] (a cell of the table row | Trials | 52% fewer [1] |)"
        in chat.asked[0][1].content
    )
    assert "".join(piece for piece, _ in pieces_with(text, offered, CITED)).endswith(
        "| Trials | 25 / 40% fewer [5] |\n"
    )
    assert "".join(piece for piece, _ in pieces_with(text, {cell: ""}, CITED)).endswith("| Trials | – |\n")


def test_sentence_that_the_model_finds_right_is_offered_as_it_was() -> None:
    text = "Robots **slip** [1]."
    right = sentence(text, text, 1)
    assert corrections(text, [right], CITED, ScriptedChat(["1: Robots **slip**."])) == {right: text}


def test_all_sentences_may_go() -> None:
    text = "Robots fly [1]."
    assert pieces(text, (sentence(text, text, 1), "")) == []


def test_wrong_sentences_are_struck_and_all_spans_shift() -> None:
    text = "Good [1]. Bad [1]. - Fine [2]. Unsure [1]. Uncited."
    sentences = (
        sentence(text, "Good [1].", 1, verdict="supported"),
        sentence(text, "Bad [1].", 1, verdict="contradicted"),
        sentence(text, "Fine [2].", 2, verdict=None),
        sentence(text, "Unsure [1].", 1),
        sentence(text, "Uncited.", verdict="uncited"),
    )
    out, shifted = struck(text, sentences)
    assert out == "Good [1]. ~~Bad [1].~~ - Fine [2]. Unsure [1]. Uncited."
    assert [out[each.start : each.end] for each in shifted] == [
        "Good [1].",
        "~~Bad [1].~~",
        "Fine [2].",
        "Unsure [1].",
        "Uncited.",
    ]
    assert [replace(each, start=0, end=0) for each in shifted] == [replace(each, start=0, end=0) for each in sentences]


def test_only_the_wrong_clause_or_cell_is_struck() -> None:
    text = "| Reef [1] | 13 ms | small |\nA slips [1], B grows [2]. Fine [1]."
    row = replace(
        sentence(text, "| Reef [1] | 13 ms | small |", 1), parts=(sentence(text, "13 ms", 1, verdict="contradicted"),)
    )
    both = replace(
        sentence(text, "A slips [1], B grows [2].", 1, 2),
        parts=(sentence(text, ", B grows [2].", 2, verdict="contradicted"),),
    )
    out, shifted = struck(text, (row, both, sentence(text, "Fine [1].", 1, verdict="supported")))
    assert out == "| Reef [1] | ~~13 ms~~ | small |\nA slips [1]~~, B grows [2].~~ Fine [1]."
    assert out[shifted[2].start : shifted[2].end] == "Fine [1]."
    assert [out[part.start : part.end] for each in shifted for part in each.parts] == [
        "~~13 ms~~",
        "~~, B grows [2].~~",
    ]


def test_nothing_is_struck_where_nothing_failed() -> None:
    assert struck("Good.", (Sentence(0, 5, (1,), "supported"),)) == ("Good.", (Sentence(0, 5, (1,), "supported"),))
    assert struck("", ()) == ("", ())
