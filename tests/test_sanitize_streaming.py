from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.text.sanitize import StreamingSanitizer, sanitize_markdown

PARTS = st.lists(
    st.sampled_from(
        [
            "<",
            "/",
            "!",
            "img src=",
            "script>",
            "[",
            "]",
            "(",
            ")",
            ":",
            "http",
            "s:",
            "//",
            "www",
            ".",
            "x.y",
            "@",
            "a",
            " ",
        ]
    )
    | st.sampled_from(["\n", "data:", "javascript", "mailto:", "tel:", "![", "](", "**", "5 < 6 ", "[1]"])
).map("".join)
LIVE = re.compile(r"<[A-Za-z/!?]|\]\(|!\[|https?://\w|\bwww\.\w|(?<![A-Za-z0-9])javascript:\w", re.IGNORECASE)


def run(pieces: Sequence[str]) -> str:
    markdown = StreamingSanitizer()
    return "".join(markdown.feed(piece) for piece in pieces) + markdown.flush()


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("<img src=x onerror=y>", "‹img src=x onerror=y>"),
        ("<script>x</script>", "‹script>x‹/script>"),
        ("<!-- x -->", "‹!-- x -->"),
        ("<?php x", "‹?php x"),
        ("![chart](http://evil.example/a.png?q=1)", "! [chart] ((link removed))"),
        ("[paper](https://evil.example)", "[paper] ((link removed))"),
        ("[paper](/local)", "[paper] (/local)"),
        ("<https://evil.example>", "‹(link removed)>"),
        ("See www.evil.example/x now.", "See (link removed) now."),
        ("See //evil.example/x now.", "See (link removed) now."),
        ("See HTTP://EVIL.EXAMPLE", "See (link removed)"),
        ("[x](javascript:alert)", "[x] ((link removed))"),
        ("data:text/html,x", "(link removed)"),
        ("Write to a.b@evil.example.", "Write to a.b (link removed)."),
        ("[a][b]\n\n[b]: /local", "[a][b]\n\n[b] : /local"),
        ("[b]: /local", "[b] : /local"),
    ],
)
def test_markup_and_addresses_become_inert(written: str, shown: str) -> None:
    assert run([written]) == shown


@pytest.mark.parametrize(
    "text",
    [
        "5 < 6 and a <- b and 3 <= 4",
        "Pebble [1] prunes it [2][3].",
        "| a | b |\n|---|---|\n| c [1] | d |",
        "data: 5 GB, at 3//2 of it, by @user",
        "**bold** and `code` and - item\n- item!",
        "Is it [a]? Yes!",
        "",
    ],
)
def test_plain_text_stays_as_it_is(text: str) -> None:
    assert run([text]) == run(list(text)) == text


def test_whole_text_is_made_inert_at_once() -> None:
    assert sanitize_markdown("<b>x</b> at http://x.y [z](/w)") == "‹b>x‹/b> at (link removed) [z] (/w)"


@pytest.mark.parametrize(
    "text",
    ["<img src=x>", "<script>x", "![a](http://x.y/z)", "[a](/b)", "See www.x.y now", "a@b.example", "[b]: /x", "<b>"],
)
def test_markup_in_pieces_is_inert_all_the_same(text: str) -> None:
    assert run(list(text)) == run([text])


@pytest.mark.parametrize(
    "text", ["</script>", "<!-- x -->", "<form action=x>", "<meta http-equiv=refresh>", "<h1>x", "<div>", "<math>"]
)
def test_tag_that_begins_like_an_address_is_inert_in_pieces(text: str) -> None:
    assert not LIVE.search(run(list(text)))


@pytest.mark.parametrize("text", ["So it is [1]https://evil.example/x", "So it is [1]javascript:x"])
def test_address_behind_a_marker_is_removed_in_pieces(text: str) -> None:
    assert not LIVE.search(run(list(text)))


@pytest.mark.parametrize("text", ["> [b]: /x", "  [b]: /x"])
def test_indented_definition_is_inert_in_pieces(text: str) -> None:
    assert run(list(text)) == run([text])


@given(PARTS)
def test_no_markup_is_left_of_a_whole_text(text: str) -> None:
    assert not LIVE.search(sanitize_markdown(text))


@given(PARTS, st.data())
def test_no_markup_is_left_however_the_text_is_cut(text: str, data: st.DataObject) -> None:
    text += "</b>"
    cuts = sorted({*data.draw(st.lists(st.integers(0, len(text)))), len(text) - 2})
    assert not LIVE.search(run([text[start:end] for start, end in pairwise([0, *cuts, len(text)])]))


@given(PARTS)
def test_no_more_than_three_hundred_characters_are_held_back(text: str) -> None:
    markdown = StreamingSanitizer()
    held = 0
    for character in "[" + "x" * 400 + text:
        held += 1
        if markdown.feed(character):
            held = 0
        assert held <= 310


def test_long_word_with_an_at_sign_is_not_held_back_for_ever() -> None:
    markdown = StreamingSanitizer()
    assert len("".join(markdown.feed("a@a") for _ in range(300))) > 500


@pytest.mark.parametrize("pieces", [("metad", "ata:text is"), ("m", "etada", "ta:text is")])
def test_word_that_ends_like_a_scheme_is_left_alone_where_it_is_cut(pieces: Sequence[str]) -> None:
    assert run(pieces) == "metadata:text is"
