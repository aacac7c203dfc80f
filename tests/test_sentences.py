from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from rag.text.sentences import sentence_spans, split_sentences

PROSE = st.lists(
    st.sampled_from(["We test.", "It is 2.5x faster, i.e. good", "e.g. GPT-4.", "\n", "  ", "Why?", "é"])
).map(" ".join)


def test_abbreviations_and_decimals_do_not_end_a_sentence() -> None:
    text = "We use a fast cache (e.g. SRAM) and, i.e., cut 3.5 GB. Smith et al. did not."
    assert [text[start:end] for start, end in sentence_spans(text)] == [
        "We use a fast cache (e.g. SRAM) and, i.e., cut 3.5 GB.",
        "Smith et al. did not.",
    ]


@given(PROSE | st.text())
def test_pieces_join_to_the_text(text: str) -> None:
    assert "".join(split_sentences(text)) == text


@given(PROSE | st.text())
def test_spans_are_in_order_and_apart(text: str) -> None:
    spans = sentence_spans(text)
    assert all(start < end <= len(text) for start, end in spans)
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(spans))
