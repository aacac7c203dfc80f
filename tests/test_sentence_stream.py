from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.verification.sentence_stream import ReplySentence, SentenceStream
from tests.timing import cpu_seconds

PARTS = st.lists(
    st.sampled_from(
        [
            "It works [1]. ",
            "It is fast. [2] ",
            "Is it? ",
            "3 ms. ",
            "e.g. a 7B. ",
            "\n",
            "\n\n",
            "- ",
            "  * ",
            "1. ",
            "| ",
        ]
    )
    | st.sampled_from(
        [
            "a | b |\n",
            "|---|\n",
            "# Head\n",
            "**Label:** ",
            "These are:\n",
            "“So.” ",
            "… ",
            "\r\n",
            "é",
            "2.5",
            "et al. ",
        ]
    )
    | st.sampled_from(["Smith ", "[1]", " ", "!", "这是好的[1]。"])
).map("".join)

PROSE = st.lists(
    st.sampled_from(
        ["It works [1]. ", "It is fast. [2] ", "Is it? ", "It takes 3 ms. ", "e.g. a 7B. ", "In Fig. 3 it is. ", "\n"]
    )
    | st.sampled_from(
        ["- ", "  * ", "1. ", "| a | b |\n", "|---|\n", "# Head\n", "**Label:** it is ", "These are:\n", "“So.” "]
    )
    | st.sampled_from(["Smith et al. say so. ", "A U.S. grid [1]! ", "2.5 ", "\r\n"]),
    max_size=8,
).map("".join)


def find(pieces: Sequence[str]) -> tuple[str, list[ReplySentence]]:
    finder = SentenceStream()
    spans = [span for piece in pieces for span in finder.feed(piece)]
    spans += finder.flush()
    return finder.text, spans


def said(text: str) -> list[str]:
    return [text[span.start : span.end] for span in find([text])[1]]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("It works [1]. It is fast [2].", ["It works [1].", "It is fast [2]."]),
        ("It works. [1] It is fast. [2][3] So.", ["It works. [1]", "It is fast. [2][3]", "So."]),
        ("It works.[1] It is fast.[2]", ["It works.[1]", "It is fast.[2]"]),
        ("It works [1] and holds [2].", ["It works [1] and holds [2]."]),
        ("Cats, e.g. lions, sleep [1]. So do dogs [2].", ["Cats, e.g. lions, sleep [1].", "So do dogs [2]."]),
        ("Smith et al. found it [2]. It holds.", ["Smith et al. found it [2].", "It holds."]),
        ("A vs. B is in Fig. 3 [1]. It holds.", ["A vs. B is in Fig. 3 [1].", "It holds."]),
        ("The U.S. grid is big [2]. It holds.", ["The U.S. grid is big [2].", "It holds."]),
        ("It is 2.57 times smaller. It holds 3.5 GB.", ["It is 2.57 times smaller.", "It holds 3.5 GB."]),
        ("It takes 3 ms. Then it ends.", ["It takes 3 ms.", "Then it ends."]),
        ("It falls by 25 %. Then it ends.", ["It falls by 25 %.", "Then it ends."]),
        ("It shrinks 2.57×. Then it ends.", ["It shrinks 2.57×.", "Then it ends."]),
        ("The model has 7B. Another has more.", ["The model has 7B.", "Another has more."]),
        ("Is it so? Yes! It is [1]!", ["Is it so?", "Yes!", "It is [1]!"]),
        ("He says “it works.” Then it did [1].", ["He says “it works.”", "Then it did [1]."]),
        ('"It works." [2] Then it did.', ['"It works." [2]', "Then it did."]),
        ("It goes on… [1] It ends [2].", ["It goes on… [1]", "It ends [2]."]),
        ("It has no full stop", ["It has no full stop"]),
        ("It has no full stop [1]", ["It has no full stop [1]"]),
        ("One line [1].\r\nTwo lines [2].\r\n\r\nEnd", ["One line [1].", "Two lines [2].", "End"]),
        ("One line\nstands in two [2].", ["One line", "stands in two [2]."]),
        ("Größe ist 3 µm. Das hält [1].", ["Größe ist 3 µm.", "Das hält [1]."]),
        ("It scores 😀 well [1]. Ａ holds.", ["It scores 😀 well [1].", "Ａ holds."]),
        ("*It works.* [1] It holds [1].", ["*It works.* [1]", "It holds [1]."]),
        ("", []),
        (" \n\n \t\n", []),
        ("---\n***\n[1]\n42.\n", []),
    ],
)
def test_sentences_end_where_a_reader_says_so(text: str, sentences: list[str]) -> None:
    assert said(text) == sentences


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("It goes on… It ends [1].", ["It goes on…", "It ends [1]."]),
        ("*It works.* It holds [1].", ["*It works.*", "It holds [1]."]),
        ("**Pebble.** It prunes the cache [1].", ["It prunes the cache [1]."]),
    ],
)
def test_sentence_ends_at_an_ellipsis_and_at_emphasis(text: str, sentences: list[str]) -> None:
    assert said(text) == sentences


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("## What they do\n\nIt works [1].", ["It works [1]."]),
        ("**What they do**\n\nIt works [1].", ["It works [1]."]),
        ("**What they do:**\nIt works [1].", ["It works [1]."]),
        ("These papers do it:\n\n- Pebble does [1].", ["Pebble does [1]."]),
        ("Pebble [1] does two things:\n", ["Pebble [1] does two things:"]),
        ("**Pebble:** it prunes [1].", ["**Pebble:** it prunes [1]."]),
        ("- **Pebble** prunes [1]. It is fast.\n", ["**Pebble** prunes [1].", "It is fast."]),
        (
            "- one [1]\n  - nested [2]\n    * deeper [3]\n+ plus\n• dot",
            ["one [1]", "nested [2]", "deeper [3]", "plus", "dot"],
        ),
        ("1. First one [1].\n2) Second one [2].\n", ["First one [1].", "Second one [2]."]),
        ("> Quoted text [1].\n> > - deeper [2]\n", ["Quoted text [1].", "deeper [2]"]),
        ("## It cuts memory by 99x [1].\n", ["It cuts memory by 99x [1]."]),
        ("## What is pruned, and why?\nIt works [1].", ["It works [1]."]),
        ("**It cuts memory by 99x [1].**\n", ["**It cuts memory by 99x [1].**"]),
        ("__It cuts memory by 99x.__\n\nAnd", ["__It cuts memory by 99x.__", "And"]),
        ("```markdown\nIt works [1].\n```\nIt sings.", ["It works [1].", "It sings."]),
        ("```\nIt works [1]. It is fast.", ["It works [1].", "It is fast."]),
        ("```It works [1].```\n", ["```It works [1].```"]),
        ("| It cuts memory [1] | 3 ms |\n| So | 4 |\nText.", ["| It cuts memory [1] | 3 ms |", "| So | 4 |", "Text."]),
        (
            "| It cuts memory [1] |\nText. And more text here.",
            ["| It cuts memory [1] |", "Text.", "And more text here."],
        ),
        ("| It cuts memory [1] |", ["| It cuts memory [1] |"]),
        ("| Paper | Time |\n|---|:-:|\n| Pebble [1] | 3 ms |\n", ["| Pebble [1] | 3 ms |"]),
        ("Text.\n\n| A | B |\n|--|--|\n| x. [1] | y. z |\n| v | w |", ["Text.", "| x. [1] | y. z |", "| v | w |"]),
    ],
)
def test_headings_introductions_and_rules_claim_nothing(text: str, sentences: list[str]) -> None:
    assert said(text) == sentences


def test_items_and_rows_are_told_from_prose_with_their_line() -> None:
    text = "Prose [1].\n- Item [2]. More.\n1. Number\n| a |\n|---|\n| b |\n"
    assert [(span.line, span.item, span.columns) for span in find([text])[1]] == [
        (0, False, None),
        (1, True, None),
        (1, True, None),
        (2, True, None),
        (5, False, ("a",)),
    ]


@pytest.mark.parametrize("title", ["**Pruning.**", "**Memory and speed of long contexts.**"])
def test_title_that_runs_into_its_text_is_no_sentence(title: str) -> None:
    text = f"{title} Pebble prunes the cache [1]."
    assert [text[span.start : span.end] for span in find([text])[1]] == ["Pebble prunes the cache [1]."]


def test_sentence_is_given_as_soon_as_enough_stands_behind_it() -> None:
    finder = SentenceStream()
    assert finder.feed("It works [1]. ") == []
    assert finder.feed("Then it ends") == []
    assert finder.feed(" ") == [ReplySentence(0, 13, 0)]
    assert finder.feed("[2].\n") == [ReplySentence(14, 31, 0)]
    assert finder.flush() == []


@given(PARTS)
def test_spans_are_stripped_in_order_and_apart(text: str) -> None:
    joined, spans = find([text])
    assert joined == text
    for span in spans:
        assert 0 <= span.start < span.end <= len(text)
        assert text[span.start : span.end] == text[span.start : span.end].strip()
        assert text.count("\n", 0, span.start) == span.line
    assert all(before.end <= after.start for before, after in pairwise(spans))


@given(PARTS, st.data())
def test_spans_of_pieces_are_stripped_in_order_and_apart(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)))))
    joined, spans = find([text[start:end] for start, end in pairwise([0, *cuts, len(text)])])
    assert (joined, spans) == find([text])
    assert all(joined[span.start : span.end].strip() == joined[span.start : span.end] != "" for span in spans)
    assert all(before.end <= after.start for before, after in pairwise(spans))


@pytest.mark.parametrize(
    "text",
    [
        "Text *emphasised.* Next (in brackets.) Then [1].",
        "It cuts 5%. [1]… Smith says that it works [1].",
        "| a | b |\n\n| a | b |\n",
    ],
)
def test_odd_ends_in_pieces_give_the_same_spans(text: str) -> None:
    assert find(list(text)) == find([text])


@given(PROSE, st.data())
def test_pieces_of_any_size_give_the_same_spans(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)))))
    whole = find([text])
    assert find([text[start:end] for start, end in pairwise([0, *cuts, len(text)])]) == whole
    assert find(list(text)) == whole


@pytest.mark.parametrize("sentence", ["It prunes the cache by 2.57 [1]. ", "- It prunes.\n", "| a [1] | b |\n"])
def test_twenty_thousand_characters_take_less_than_two_seconds(sentence: str) -> None:
    text = (sentence * (20_000 // len(sentence) + 1))[:20_000]
    assert cpu_seconds(lambda: find([text[i : i + 4] for i in range(0, len(text), 4)])) < 2


def test_ten_thousand_characters_without_an_end_take_less_than_a_quarter_of_a_second() -> None:
    assert cpu_seconds(lambda: find(["word"] * 2500)) < 0.25
